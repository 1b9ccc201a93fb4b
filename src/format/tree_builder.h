/*
 * tree_builder.h - makes the canonical tree image of a set of entries.
 *
 * Entries come in any order, parents after children if need be; missing parents are
 * made (0755, owner 0, time 0) and take their metadata when their own entry comes.
 * The same set gives the same bytes, whatever the order.
 *
 * Memory: about 100 bytes an entry and 60 a distinct blob; finish needs 8 more an
 * entry, and the image.
 *
 * Ownership: the builder copies what it is given.
 * Threads: one.
 * Errors: after VV_ENOMEM a builder can only be freed.  Any other error leaves the
 *	set as it was.
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

/*
 * What to do when a path is added a second time.  In both cases a parent that was
 * only made takes the metadata of its first own entry.
 */
enum vv_tree_dup {
	VV_TREE_DUP_ERROR,   /* VV_EEXIST */
	VV_TREE_DUP_REPLACE, /* the later one counts, as when an archive is unpacked */
};

int vv_tree_builder_new(struct vv_tree_builder **out, enum vv_tree_dup dup);
void vv_tree_builder_free(struct vv_tree_builder *b); /* NULL is a no-op */

/*
 * @path is `a/b/c` ("" = the root, which is a directory).  Replacing one name of a
 * hard-linked file leaves the other names what they were; a directory keeps its
 * children and cannot become something else while it has any.
 *
 * VV_EINVAL: a bad name, metadata that breaks a rule of the format, a blob with two
 * sizes, or a root that is no directory.  VV_ENAMETOOLONG: a name, a symlink target
 * or (VV_DEPTH_MAX) the path.  VV_ENOTDIR: a parent is not a directory.
 * VV_EEXIST: see above.  VV_ENOTEMPTY: would replace a directory with children.
 * VV_EFBIG: more than a tree or a file can hold.
 */
int vv_tree_builder_add(struct vv_tree_builder *b, const char *path,
			const struct vv_tree_meta *meta);

/*
 * @path becomes a further name of what @existing (added before) names.  VV_ENOENT:
 * there is no @existing.  VV_EPERM: it is a directory.  Otherwise as add.
 */
int vv_tree_builder_link(struct vv_tree_builder *b, const char *path,
			 const char *existing);

/* Entries, root and made parents included. */
uint64_t vv_tree_builder_count(const struct vv_tree_builder *b);

/*
 * Append the image to @out (empty) and tell its id.  The builder can only be freed
 * afterwards.  VV_EINVAL: @out is not empty.  VV_EFBIG, VV_EOVERFLOW, VV_ENOMEM.
 */
int vv_tree_builder_finish(struct vv_tree_builder *b, struct vv_buf *out,
			   struct vv_id *id);

#endif
