/*
 * winerror.h - the one place where a Windows error number becomes an enum vv_err.
 *
 * Threads: pure functions, but for the thread's own last error.
 */
#ifndef VV_OS_WINDOWS_WINERROR_H
#define VV_OS_WINDOWS_WINERROR_H

/*
 * Never VV_OK: a number without a word of its own, and 0, is VV_EIO.  What Windows
 * calls "access denied" has many causes; callers that can tell them apart do.
 */
int vv_err_from_windows(unsigned long number);
int vv_err_from_ntstatus(long status); /* of a call that failed */
int vv_err_last(void);		       /* of GetLastError() */

#endif
