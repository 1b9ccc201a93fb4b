/*
 * inside.h - what an open store is made of, for the files of this folder that are it:
 * store.c, refs.c, trees.c and packs.c.  Others use store.h.
 */
#ifndef VV_STORE_INSIDE_H
#define VV_STORE_INSIDE_H

#include "os/thread.h"
#include "store/map_windows.h"
#include "store/store.h"

struct vv_budget;

enum {
	VV_TREE_BUCKETS = 256 /* stores have hundreds of trees */
};

struct vv_store {
	struct vv_source *source;      /* owned */
	struct vv_budget *budget;      /* borrowed; NULL: none */
	struct vv_map_windows windows; /* of open trees and pack indexes */

	struct vv_mutex lock;	   /* never held during I/O */
	struct vv_cond loaded;	   /* a pack index was */
	struct vv_pack_set *packs; /* counted; NULL before the first use; by lock */
	struct vv_open_tree *trees[VV_TREE_BUCKETS]; /* borrowed; protected by lock */
};

/* `<prefix>/<hh>/<id>` and back; false: not such a key. */
void vv_store_hashed_key(char *out, const char *prefix, const struct vv_id *id);
bool vv_store_hashed_id(const char *key, const char *prefix, struct vv_id *id);

/*
 * Is @err what the store itself found wrong with an object?  Only then it logs: what the source could not do, the
 * source has told, and one failure is one line.
 */
bool vv_store_found(int err);

#define VV_REF_PREFIX "refs/"

/*
 * The record at @key (with the prefix) into @out, whose name and version the caller
 * sets.  What cannot be used is logged.  VV_ENOENT, VV_ECORRUPT, VV_ENEWER.
 */
int vv_ref_read(struct vv_store *store, const char *key, struct vv_ref *out);

#endif
