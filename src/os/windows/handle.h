/*
 * handle.h - whole reads and writes on a file handle, at positions.
 *
 * Threads: any; a position is never used, except by vv_handle_append().
 */
#ifndef VV_OS_WINDOWS_HANDLE_H
#define VV_OS_WINDOWS_HANDLE_H

#include <stddef.h>
#include <stdint.h>

/* *@got < @len only at the end of the file; 0 after an error. */
int vv_handle_read(void *handle, void *buf, size_t len, uint64_t off, size_t *got);
int vv_handle_write(void *handle, const void *bytes, size_t len, uint64_t off);
int vv_handle_append(void *handle, const void *bytes, size_t len);

/* Between Windows' 100 ns since 1601 and ours; times that do not fit become the nearest that do. */
int64_t vv_ns_from_filetime(int64_t ticks);
void vv_timespec_from_filetime(int64_t ticks, int64_t *sec, uint32_t *nsec);
int64_t vv_filetime_from_timespec(int64_t sec, uint32_t nsec);

#endif
