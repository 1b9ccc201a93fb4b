/*
 * fd.h - whole reads and writes on a file descriptor, whatever interrupts them.
 *
 * Threads: any; a position is never used, except by vv_fd_append().
 */
#ifndef VV_OS_POSIX_FD_H
#define VV_OS_POSIX_FD_H

#include <stddef.h>
#include <stdint.h>

/* *@got < @len only at the end of the file; 0 after an error. */
int vv_fd_read(int fd, void *buf, size_t len, uint64_t off, size_t *got);
int vv_fd_write(int fd, const void *bytes, size_t len, uint64_t off);
int vv_fd_append(int fd, const void *bytes, size_t len);

#endif
