/*
 * errno.h - the one place where a POSIX error number becomes an enum vv_err.
 *
 * Threads: pure function.
 */
#ifndef VV_OS_POSIX_ERRNO_H
#define VV_OS_POSIX_ERRNO_H

/*
 * Never VV_OK: a number without a word of its own, and 0, is VV_EIO.  The caller
 * logs the number where it knows what failed.
 */
int vv_err_from_errno(int number);

#endif
