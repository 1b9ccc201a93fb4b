/*
 * open.h - one way to open what a path names, for the files that implement os/file.h
 * and os/map.h.
 *
 * Everything is opened so that others may read, replace and delete it meanwhile.
 *
 * Ownership: the handle is the caller's; CloseHandle().
 * Threads: any.
 */
#ifndef VV_OS_WINDOWS_OPEN_H
#define VV_OS_WINDOWS_OPEN_H

#include <stdint.h>

/*
 * An existing regular file for reading, symlinks followed, with @flags of
 * CreateFileW() besides.  VV_EISDIR; VV_EINVAL for what is no regular file.
 */
int vv_open_regular(void **out, const char *path, uint32_t flags, uint64_t *size);

/*
 * The error of the call on @path that just failed.  Windows says "path not found"
 * also if a part of it is a file: that is VV_ENOTDIR.
 */
int vv_open_error(const char *path);

#endif
