/*
 * fusermount.h - the set-user-id helper that mounts and unmounts for users without privilege.
 *
 * It opens /dev/fuse, mounts, and passes the open device back over a socket whose number it
 * finds in $_FUSE_COMMFD.  What it complains about is one line on its stderr, which comes
 * back as text.
 *
 * Threads: any.
 */
#ifndef VV_HOST_FUSE_FUSERMOUNT_H
#define VV_HOST_FUSE_FUSERMOUNT_H

#include <stdbool.h>
#include <stddef.h>

enum {
	VV_FUSERMOUNT_TEXT = 512
};

/*
 * VV_ENOSYS: the helper is not installed.  VV_EPERM: it refused.  @text says why.
 * VV_EBUSY: unmounting only.
 */
int vv_fusermount_mount(const char *where, const char *options, int *device,
			char text[VV_FUSERMOUNT_TEXT]);
int vv_fusermount_unmount(const char *where, bool lazy, char text[VV_FUSERMOUNT_TEXT]);

#endif
