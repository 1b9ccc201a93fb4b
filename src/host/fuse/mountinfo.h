/*
 * mountinfo.h - what the kernel says is mounted where (/proc/self/mountinfo, proc(5)).
 *
 * Read instead of stat(): a table cannot hang on a mount whose server does not answer.
 *
 * Ownership: plain values.  Threads: any.
 */
#ifndef VV_HOST_FUSE_MOUNTINFO_H
#define VV_HOST_FUSE_MOUNTINFO_H

#include <limits.h>
#include <stdint.h>

struct vv_mountinfo {
	uint32_t id, parent; /* of this mount; of the one that its mount point is in */
	uint32_t major, minor; /* the device number of files in it */
	char path[PATH_MAX];
	char type[64]; /* "fuse.varve" */
};

/* The topmost mount whose root is at @path, which is canonical.  VV_ENOENT: none. */
int vv_mountinfo_find(const char *path, struct vv_mountinfo *out);

/*
 * The mounts of that type whose mount points are in mount @parent, in the order they were
 * made, all read before the first is given to @each, which may unmount it; a value other
 * than 0 ends it and is returned.  VV_ENOMEM.
 */
int vv_mountinfo_children(uint32_t parent, const char *type,
			  int (*each)(void *ctx, const struct vv_mountinfo *info),
			  void *ctx);

/* One line of the file; VV_EINVAL if it is not one.  For vv_mountinfo_find() and tests. */
int vv_mountinfo_parse(const char *line, struct vv_mountinfo *out);

#endif
