/*
 * kernel.h - the system calls that mount without a path (fsopen(2) and its kin, Linux 5.2).
 *
 * A mount is first a descriptor, attached nowhere; what the kernel complains about is read
 * from the descriptor of its making and logged.
 *
 * Ownership: descriptors are the caller's.  Threads: any.
 */
#ifndef VV_HOST_EROFS_KERNEL_H
#define VV_HOST_EROFS_KERNEL_H

#include <stdbool.h>

/*
 * A FUSE mount whose server will be who reads *@device.  VV_EPERM, VV_ENODEV, VV_ENOSYS
 * (a kernel before 5.2).
 */
int vv_kernel_mount_fuse(int *device, int *mount);

struct vv_kernel_erofs {
	const char *image, *blobs; /* paths */
	bool allow_suid, allow_dev;
	bool is_quiet; /* what goes wrong is not logged */
};

/* VV_EOPNOTSUPP: this kernel cannot mount files (before 6.12), or has no EROFS. */
int vv_kernel_mount_erofs(const struct vv_kernel_erofs *what, int *mount);

/* Put it over @path, whose last part is not followed. */
int vv_kernel_attach(int mount, const char *path);

#endif
