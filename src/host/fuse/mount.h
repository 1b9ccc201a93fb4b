/*
 * mount.h - put a FUSE mount at a path, and take it away.
 *
 * As root (also of a user namespace) by mount(2); who may not do that asks fusermount3,
 * which hands over the open device through a socket.  What goes wrong is told in one line
 * of the log that says what to do; the code returned is only for the program.
 *
 * A mount whose process died answers ENOTCONN to everything.  One that lies at the path is
 * detached and mounted over, since nobody can have a use for it.
 *
 * Ownership: the caller gets the device and closes it.  Threads: one caller.
 */
#ifndef VV_HOST_FUSE_MOUNT_H
#define VV_HOST_FUSE_MOUNT_H

#include <limits.h>
#include <stdbool.h>

#define VV_FUSE_TYPE "fuse.varve" /* as /proc/mounts has it */

struct vv_fuse_options;

/*
 * @path is canonical afterwards: PATH_MAX bytes at @where.  VV_ENOENT, VV_ENOTDIR, VV_EBUSY
 * (a varve mount is there), VV_EPERM, VV_ENODEV (no FUSE here).
 */
int vv_fuse_mount(const struct vv_fuse_options *opts, char where[PATH_MAX],
		  int *device);

/*
 * VV_EINVAL: no varve mount there.  VV_EBUSY: processes use it; each is told in the log.
 * @lazy takes the mount away from the name space and lets them finish.
 */
int vv_fuse_unmount(const char *path, bool lazy);

#endif
