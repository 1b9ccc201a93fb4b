/*
 * tree_builder.h - makes the canonical tree image of a set of entries.
 *
 * Entries come in any order, parents after children if need be; missing parents are made (0755, owner 0, time 0) and
 * take their metadata when their own entry comes.  The same set gives the same bytes, whatever the order.
 *
 * Ownership: the builder copies what it is given.
 * Threads: one.
 */
#ifndef VV_FORMAT_TREE_BUILDER_H
#define VV_FORMAT_TREE_BUILDER_H

#include "core/buf.h"
#include "core/id.h"

#include <stddef.h>
#include <stdint.h>

struct vv_tree_builder;

struct vv_tree_meta {
	uint32_t mode; /* type and permissions */
	uint32_t uid, gid;
	int64_t mtime_sec;
	uint32_t mtime_nsec;
	uint32_t rdev_major, rdev_minor;
	uint64_t size;		       /* regular files */
	struct vv_id blob;	       /* regular files of size > 0 */
	const char *target;	       /* symlinks, NUL-ended */
	const struct vv_extra *extras; /* any order; checked, sorted, copied */
	size_t extra_count;
};

/* What to do when a path is added a second time. */
enum vv_tree_dup {
	VV_TREE_DUP_ERROR,   /* VV_EEXIST */
	VV_TREE_DUP_REPLACE, /* the later one counts, as when an archive is unpacked; a directory stays a directory */
};

int vv_tree_builder_new(struct vv_tree_builder **out, enum vv_tree_dup dup);
void vv_tree_builder_free(struct vv_tree_builder *b); /* NULL is a no-op */

/* @path is `a/b/c` ("" = the root directory).  VV_EINVAL: a bad name; VV_ENOTDIR: a parent is not a directory. */
int vv_tree_builder_add(struct vv_tree_builder *b, const char *path,
			const struct vv_tree_meta *meta);
/* @path becomes a further name of what @existing (added before) names; not of a directory. VV_ENOENT. */
int vv_tree_builder_link(struct vv_tree_builder *b, const char *path,
			 const char *existing);

uint64_t vv_tree_builder_count(
	const struct vv_tree_builder *b); /* entries, root and made parents included */

/* Append the image to @out (empty) and tell its id.  The builder can only be freed afterwards. */
int vv_tree_builder_finish(struct vv_tree_builder *b, struct vv_buf *out,
			   struct vv_id *id);

#endif
