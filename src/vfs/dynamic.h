/*
 * dynamic.h - what a host may ask of a dynamic node.
 *
 * Answers and remembers: an answer is found without a lock, then committed under the
 * view's lock, where its node is found or made, its lookup counted and its name
 * tracked.  If the layers changed in between, it is found anew.  So after a change of
 * layers every answer from before it is already tracked, and every later one comes from
 * the new layers.
 *
 * The contracts are those of view.h.  Threads: any.
 */
#ifndef VV_VFS_DYNAMIC_H
#define VV_VFS_DYNAMIC_H

#include "vfs/nodes.h"

struct vv_listing;

/* A dynamic node during one operation: pinned, with the snapshot of its start. */
struct vv_visit {
	struct vv_node *node;  /* pinned */
	struct vv_snapshot *s; /* counted */
	struct vv_dir *dir;    /* counted; NULL: a file */
};
int vv_visit_begin(struct vv_visit *visit, struct vv_view *view,
		   uint64_t node);				 /* VV_ESTALE: gone */
void vv_visit_end(struct vv_visit *visit, struct vv_view *view); /* zeroed is fine */

/*
 * The root's sources in snapshot @seq, taken; NULL: to be made when somebody asks.  An
 * older one is not kept.
 */
void vv_root_keep_dir(struct vv_view *view, struct vv_dir *dir, uint64_t seq);

/*
 * @cheap: do not open a tree for attributes; out->node is 0 then, and nothing is
 * counted.
 */
int vv_dynamic_lookup(struct vv_view *view, uint64_t parent, const char *name,
		      size_t len, bool cheap, struct vv_attr *out,
		      enum vv_life *negative_life);
void vv_dynamic_forget(struct vv_view *view, uint64_t node, uint64_t count);
int vv_dynamic_getattr(struct vv_view *view, uint64_t node, struct vv_attr *out);
int vv_dynamic_readlink(struct vv_view *view, uint64_t node, char *buf, size_t cap,
			size_t *len);
int vv_dynamic_xattr_get(struct vv_view *view, uint64_t node, const char *name,
			 void *buf, size_t cap, size_t *len);
int vv_dynamic_xattr_list(struct vv_view *view, uint64_t node, char *buf, size_t cap,
			  size_t *len);
int vv_dynamic_content(struct vv_view *view, uint64_t node, struct vv_content *out);
/* A listing for one handle; NULL: none is needed, since no host has a say. */
int vv_dynamic_fix_listing(struct vv_view *view, uint64_t node,
			   struct vv_listing **out);
/* @fixed (may be NULL) is the handle's. */
int vv_dynamic_readdir(struct vv_view *view, uint64_t dir, struct vv_listing *fixed,
		       uint64_t pos, bool plus, vv_view_entry *entry, void *ctx);
int vv_dynamic_open(struct vv_view *view, uint64_t node, struct vv_hostfile **out);
size_t vv_dynamic_path(struct vv_view *view, uint64_t node, char *buf, size_t cap);
int vv_dynamic_tag(struct vv_view *view, uint64_t node);

#endif
