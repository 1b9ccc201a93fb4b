/*
 * temp_dir.h - a fresh directory for one test, on a real file system.
 *
 * Ownership: temp_dir_new() gives the path to the caller; temp_dir_free() removes the
 *	directory with all that is in it, and frees the path.
 */
#ifndef VV_TEST_TEMP_DIR_H
#define VV_TEST_TEMP_DIR_H

#include <stddef.h>

char *temp_dir_new(void); /* ends the program if it cannot */
void temp_dir_free(char *dir);

/* dir/name; the caller frees it. */
char *temp_path(const char *dir, const char *name);

/* Makes or replaces a whole file; ends the program if it cannot. */
void temp_file(const char *path, const void *bytes, size_t len);

#endif
