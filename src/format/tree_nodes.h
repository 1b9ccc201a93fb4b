/*
 * tree_nodes.h - what a tree builder holds between add and finish.
 *
 * Names (nodes) and what they name (files) are apart, as in any Unix file system: a
 * hard link is a second node of one file, and replacing a path leaves the file to its
 * other names.  Everything that can repeat is kept once: attributes, blob ids, lists
 * of extras.  All tables are arrays that grow, addressed by number.
 *
 *	(N1) node 0 is the root; the parent of any other node is a directory.
 *	(N2) a directory has exactly one node.
 *	(N3) child_count is the number of nodes whose parent this is.
 *	(N4) nodes are never removed, only given another file.
 *
 * An entry takes 24 bytes of node, 32 of file, its name and about 12 of index; finish
 * needs 8 more and the image itself.
 *
 * Private to tree_builder.c, tree_meta.c and tree_emit.c.
 */
#ifndef VV_FORMAT_TREE_NODES_H
#define VV_FORMAT_TREE_NODES_H

#include "core/buf.h"
#include "core/id.h"
#include "format/slots.h"
#include "format/tree_builder.h"
#include "format/tree_layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VV_NODE_NONE UINT32_MAX

struct vv_tree_node {
	uint32_t name; /* offset in strings */
	uint16_t name_len;
	uint32_t parent;
	uint32_t file;
	uint32_t child_count;
	uint32_t
		place; /* finish: where the children begin, among the sorted, then among the entries */
};

struct vv_tree_file {
	uint64_t size; /* as in an entry: bytes; devices: major << 32 | minor */
	union {
		uint64_t target; /* symlinks: offset in strings */
		uint32_t blob;	 /* regular files: number, or VV_NODE_NONE */
		uint64_t made;	 /* directories: not 0 if only implied by a path */
	} u;
	uint32_t mode;
	uint32_t attr;	/* number */
	uint32_t links; /* finish: names seen so far; directories: sub-directories */
	uint32_t first; /* finish: the first entry of this file */
};

struct vv_tree_attr {
	uint8_t row
		[VV_ATR_ROW]; /* as in the image, with extras = number of the list + 1 */
	uint32_t place;	      /* finish: index in the image */
};

struct vv_tree_blob {
	struct vv_id id;
	uint64_t size;
	uint32_t place; /* finish: index in the image */
};

struct vv_tree_list {
	size_t offset, size; /* in lists_bytes */
	uint64_t place;	     /* finish: offset in the section, or VV_LIST_UNUSED */
};
#define VV_LIST_UNUSED UINT64_MAX

struct vv_tree_builder {
	enum vv_tree_dup dup;
	struct vv_buf nodes, files, attrs, blobs, lists; /* owned; the structs above */
	struct vv_buf strings;				 /* owned; names and targets */
	struct vv_buf list_bytes;			 /* owned; encoded lists */
	struct vv_slots node_index, attr_index, blob_index, list_index; /* owned */

	/* Archives come directory by directory: the last one is kept at hand. */
	struct vv_buf last_dir; /* owned; its path */
	uint32_t last_dir_node;
};

static inline uint32_t vv_node_count(const struct vv_tree_builder *b)
{
	return (uint32_t)(b->nodes.len / sizeof(struct vv_tree_node));
}

static inline struct vv_tree_node *vv_node_at(const struct vv_tree_builder *b,
					      uint32_t node)
{
	return (struct vv_tree_node *)b->nodes.bytes + node;
}

static inline struct vv_tree_file *vv_file_at(const struct vv_tree_builder *b,
					      uint32_t file)
{
	return (struct vv_tree_file *)b->files.bytes + file;
}

static inline struct vv_tree_file *vv_file_of(const struct vv_tree_builder *b,
					      uint32_t node)
{
	return vv_file_at(b, vv_node_at(b, node)->file);
}

static inline bool vv_file_is_dir(const struct vv_tree_file *file)
{
	return (file->mode & VV_S_IFMT) == VV_S_IFDIR;
}

static inline struct vv_tree_attr *vv_attr_at(const struct vv_tree_builder *b,
					      uint32_t attr)
{
	return (struct vv_tree_attr *)b->attrs.bytes + attr;
}

static inline struct vv_tree_blob *vv_blob_at(const struct vv_tree_builder *b,
					      uint32_t blob)
{
	return (struct vv_tree_blob *)b->blobs.bytes + blob;
}

static inline struct vv_tree_list *vv_list_at(const struct vv_tree_builder *b,
					      uint32_t list)
{
	return (struct vv_tree_list *)b->lists.bytes + list;
}

/*
 * Checks @meta by the rules of the format and fills *@out, with what repeats kept
 * once.  VV_EINVAL, VV_EFBIG, VV_ENAMETOOLONG (target), VV_ENOMEM.
 */
int vv_tree_file_make(struct vv_tree_builder *b, const struct vv_tree_meta *meta,
		      struct vv_tree_file *out);

/* Appends to strings: *@offset.  VV_EFBIG: beyond what 32 bits address. */
int vv_tree_string_add(struct vv_tree_builder *b, const char *bytes, size_t len,
		       uint32_t *offset);

#endif
