/*
 * hostdir_private.h - the handles of os/hostdir.h, for the files that implement it.
 */
#ifndef VV_OS_POSIX_HOSTDIR_PRIVATE_H
#define VV_OS_POSIX_HOSTDIR_PRIVATE_H

#include <stddef.h>

struct vv_hostdir {
	int fd;
};

struct vv_hostfile {
	int fd;
};

/* Takes @fd, also on error. */
int vv_hostfile_new(struct vv_hostfile **out, int fd);

/* Attributes of symlinks are reached by name only, and names only through /proc. */
enum {
	VV_HOST_PROC_PATH_BYTES = 300
};
int vv_host_proc_path(char out[VV_HOST_PROC_PATH_BYTES], int dir, const char *name);

#endif
