#include "os/console.h"

#include "os/windows/wide.h"

#include <fcntl.h>
#include <io.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <windows.h>

#include <shellapi.h>

static atomic_bool is_caught, stopped;

/*
 * Ctrl-C, Ctrl-Break, the window closed, the user logged off, the machine going down.
 * The process ends when this returns to the last three, whatever it says: so it waits,
 * and the time that Windows allows (5 s) is ours to leave the store as it was.
 */
static BOOL WINAPI on_stop(DWORD event)
{
	if (atomic_exchange(&stopped, true))
		return FALSE; /* the second time: end */
	if (event == CTRL_CLOSE_EVENT || event == CTRL_LOGOFF_EVENT ||
	    event == CTRL_SHUTDOWN_EVENT)
		Sleep(INFINITE);
	return TRUE;
}

/* The arguments, or nothing if there is no memory for them. */
static char **arguments(int *count)
{
	wchar_t **wide = CommandLineToArgvW(GetCommandLineW(), count);
	char **argv = wide ? calloc((size_t)*count + 1, sizeof *argv) : NULL;
	int err = 0;

	for (int i = 0; argv && !err && i < *count; i++)
		err = vv_wide_to_utf8(&argv[i], wide[i], wcslen(wide[i]));
	LocalFree(wide);
	return err ? NULL : argv;
}

void vv_console_start(int *argc, char ***argv)
{
	int count = 0;
	char **utf8 = arguments(&count);

	if (!utf8) {
		fputs("varve: out of memory\n", stderr);
		exit(1);
	}
	*argc = count;
	*argv = utf8;
	_setmode(_fileno(stdout), _O_BINARY);
	_setmode(_fileno(stderr), _O_BINARY);
	SetConsoleOutputCP(CP_UTF8);
}

bool vv_console_is_watched(void)
{
	DWORD mode;

	return GetConsoleMode(GetStdHandle(STD_ERROR_HANDLE), &mode);
}

void vv_console_catch_stop(void)
{
	if (!atomic_exchange(&is_caught, true))
		SetConsoleCtrlHandler(on_stop, TRUE);
}

bool vv_console_stopped(void)
{
	return atomic_load(&stopped);
}
