/*
 * beneath.h - opening what lies beneath a directory, and nothing else.
 *
 * A path of several parts is resolved by the kernel (openat2, Linux 5.6) or, where
 * that is missing, forbidden or the path too long for it, part by part.  Both refuse
 * every symlink on the way, and the rules for paths in os/hostdir.h hold for both.
 *
 * Threads: any.
 */
#ifndef VV_OS_POSIX_BENEATH_H
#define VV_OS_POSIX_BENEATH_H

#include <stdbool.h>

/* A directory, and a name to give to the *at() functions with it. */
struct vv_beneath {
	int fd;
	bool is_owned;
	const char *name; /* borrowed from the path; "." for the handle itself */
};

/*
 * The descriptor, or a negative enum vv_err.  Close-on-exec and no-follow come on top
 * of @flags; O_CREAT is not for here.
 */
int vv_beneath_open(int dir, const char *path, int flags);

/* Where the last part of @path lies.  The last part may be anything, or missing. */
int vv_beneath_find(struct vv_beneath *out, int dir, const char *path);
void vv_beneath_fini(struct vv_beneath *found);

#endif
