/*
 * tree_node.h - the answers that a single tree gives, straight from its mapped bytes.
 *
 * Answers: what is this entry, what is in it?  Nothing is allocated and no lock is
 * taken once the tree is open.  A page that the disk lost reads as zeros, so each
 * function compares the count of lost pages before and after, and answers VV_EIO.
 *
 * Threads: any.  The caller sees to it that the instance is held.
 */
#ifndef VV_VFS_TREE_NODE_H
#define VV_VFS_TREE_NODE_H

#include "format/tree.h"
#include "vfs/instance.h"

/* The child @name of @dir.  VV_ENOENT, VV_ENOTDIR. */
int vv_tree_node_child(struct vv_instance_table *table, struct vv_instance *inst,
		       uint32_t dir, const char *name, size_t len,
		       struct vv_entry *out);

/* All of an entry's attributes, node included, but no lookup is counted. */
int vv_tree_node_attr(struct vv_instance_table *table, struct vv_instance *inst,
		      uint32_t entry, struct vv_attr *out);

/* The contracts of view.h. */
int vv_tree_node_lookup(struct vv_instance_table *table, struct vv_instance *inst,
			uint32_t dir, const char *name, size_t len,
			struct vv_attr *out);
int vv_tree_node_readlink(struct vv_instance_table *table, struct vv_instance *inst,
			  uint32_t entry, char *buf, size_t cap, size_t *len);
int vv_tree_node_xattr_get(struct vv_instance_table *table, struct vv_instance *inst,
			   uint32_t entry, const char *name, void *buf, size_t cap,
			   size_t *len);
int vv_tree_node_xattr_list(struct vv_instance_table *table, struct vv_instance *inst,
			    uint32_t entry, char *buf, size_t cap, size_t *len);
int vv_tree_node_content(struct vv_instance_table *table, struct vv_instance *inst,
			 uint32_t entry, struct vv_content *out);
int vv_tree_node_readdir(struct vv_instance_table *table, struct vv_instance *inst,
			 uint32_t dir, uint64_t pos, bool plus, vv_view_entry *entry,
			 void *ctx);

/*
 * The path of @entry beneath the tree's root, as much of its end as fits; "?" where it
 * cannot be told.  Slow (it searches parents): for messages.
 */
size_t vv_tree_node_path(struct vv_instance_table *table, struct vv_instance *inst,
			 uint32_t entry, char *buf, size_t cap);

/* Copy a result of @have bytes: cap 0 only asks, VV_ERANGE if it does not fit. */
int vv_give_bytes(const void *bytes, size_t have, void *buf, size_t cap, size_t *len);

#endif
