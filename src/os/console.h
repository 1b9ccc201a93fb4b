/*
 * console.h - what a program of the command line needs of the place where it runs:
 * arguments and output in UTF-8, whether someone watches, and being told to stop.
 *
 * Threads: the main thread; vv_console_stopped() from any.
 */
#ifndef VV_OS_CONSOLE_H
#define VV_OS_CONSOLE_H

#include <stdbool.h>

/*
 * To be called first in main(), which passes its own arguments on.  On Windows it
 * replaces them by their UTF-8 form, which lives until the process ends, and makes
 * output bytes: UTF-8, and lines that end with LF.
 */
void vv_console_start(int *argc, char ***argv);

bool vv_console_is_watched(void); /* standard error is a terminal */

/*
 * From here on Ctrl-C, or a request to end, is remembered instead of ending the
 * process; once only, the next one does end it.
 */
void vv_console_catch_stop(void);
bool vv_console_stopped(void);

#endif
