/*
 * erofs_parts.h - what erofs_image.c, erofs_dirs.c and erofs_xattrs.c share: how parts
 * of an image are laid out and written.
 *
 * Threads: one.
 */
#ifndef VV_FORMAT_EROFS_PARTS_H
#define VV_FORMAT_EROFS_PARTS_H

#include "format/erofs_layout.h"
#include "format/erofs_regions.h"
#include "format/tree.h"

/* Memory that is filled; whoever writes asks for the room (vv_erofs_at). */
struct vv_erofs_out {
	uint8_t *bytes;
	size_t size;
};

/* @len bytes at @at; NULL: not inside. */
static inline uint8_t *vv_erofs_at(const struct vv_erofs_out *out, uint64_t at,
				   uint64_t len)
{
	return at <= out->size && len <= out->size - at ? out->bytes + at : NULL;
}

/* ---- erofs_dirs.c ---- */

/*
 * The size of directory @dir: whole blocks but for the last part.  Names are in order,
 * or VV_ECORRUPT.
 */
int vv_erofs_dir_size(const struct vv_tree *tree, const struct vv_entry *dir,
		      uint64_t *size);
/*
 * Write it: whole blocks from @block on, and the last part at @tail unless that is 0, else
 * in a block too.  @slots holds the nid of each entry.
 */
int vv_erofs_dir_write(const struct vv_tree *tree, const struct vv_entry *dir,
		       const uint32_t *slots, const struct vv_erofs_out *out,
		       uint64_t block, uint64_t tail);

/* ---- erofs_xattrs.c ---- */

/* The xattrs of a tree, each list once: files that share attributes share them. */
struct vv_erofs_xattr_list {
	uint64_t extras; /* of struct vv_entry */
	uint64_t at;	 /* where its items begin, in the area */
	uint32_t count;	 /* of items */
};
struct vv_erofs_xattrs {
	struct vv_erofs_xattr_list *lists; /* owned; sorted by extras */
	uint32_t count;
	uint64_t size; /* of the area */
};

int vv_erofs_xattrs_init(struct vv_erofs_xattrs *x, const struct vv_tree *tree);
void vv_erofs_xattrs_fini(struct vv_erofs_xattrs *x);
/* Bytes behind the inode of @e; 0 = it has none. */
uint32_t vv_erofs_xattrs_room(const struct vv_erofs_xattrs *x,
			      const struct vv_entry *e);
/* Those bytes at @at. */
int vv_erofs_xattrs_refer(const struct vv_erofs_xattrs *x, const struct vv_tree *tree,
			  const struct vv_entry *e, const struct vv_erofs_out *out,
			  uint64_t at);
/* The area itself. */
int vv_erofs_xattrs_write(const struct vv_erofs_xattrs *x, const struct vv_tree *tree,
			  const struct vv_erofs_out *out, uint64_t at);

#endif
