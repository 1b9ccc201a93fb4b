/*
 * store.h - an open store: its source, its refs, its trees and the indexes of its packs.
 *
 * Ownership: vv_store_open() takes the source, on success only.  Trees and pack sets are counted.
 * Threads: any, once open.
 * Messages: what the user can mend is logged once, here, with the object's key, and the code returned.
 */
#ifndef VV_STORE_STORE_H
#define VV_STORE_STORE_H

#include "core/id.h"
#include "format/pack.h"
#include "format/tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_source;
struct vv_store;

int vv_store_init(struct vv_source *src);	/* make an empty store; VV_EEXIST if there is one */
int vv_store_open(struct vv_store **out, struct vv_source *src);	/* VV_ENOENT: not a store; VV_ENEWER */
void vv_store_close(struct vv_store *store);	/* NULL is a no-op */
struct vv_source *vv_store_source(struct vv_store *store);	/* borrowed */

/* Keys of objects; @out holds VV_STORE_KEY_MAX bytes. */
enum { VV_STORE_KEY_MAX = 1024 };
void vv_store_tree_key(char *out, const struct vv_id *id);
void vv_store_pack_key(char *out, const struct vv_id *id);
void vv_store_condemned_key(char *out, const struct vv_id *id);

/* ---- refs ---- */

enum { VV_REF_NAME_MAX = 1000 };

struct vv_ref {
	char name[VV_REF_NAME_MAX + 1];	/* decoded, NUL-ended */
	struct vv_id tree;
	int64_t published_ns;
	uint64_t files, bytes;
	uint64_t version;	/* the source's, to see a replacement without reading */
};

int vv_ref_get(struct vv_store *store, const char *name, struct vv_ref *out);	/* VV_ENOENT, VV_EINVAL */
/* Make or move.  VV_EEXIST if @name is a directory of another ref or the other way round. Sets published_ns if it is 0. */
int vv_ref_put(struct vv_store *store, const struct vv_ref *ref);
int vv_ref_remove(struct vv_store *store, const char *name);

/* All refs sorted by name.  A ref that cannot be read is logged, counted in *@bad and left out. */
struct vv_ref_list {
	struct vv_ref *items;	/* owned */
	size_t count;
};
int vv_ref_list_get(struct vv_store *store, struct vv_ref_list *out, size_t *bad);
void vv_ref_list_fini(struct vv_ref_list *list);

/* ---- trees ---- */

struct vv_open_tree;	/* a mapped tree, counted; one for each id and store */

int vv_store_tree_open(struct vv_store *store, const struct vv_id *id, struct vv_open_tree **out);
const struct vv_tree *vv_open_tree_get(const struct vv_open_tree *tree);
void vv_open_tree_ref(struct vv_open_tree *tree);
void vv_open_tree_unref(struct vv_open_tree *tree);	/* NULL is a no-op; the last one unmaps */

/* ---- packs ---- */

/*
 * The pack indexes of a store, mapped, as they were at the last refresh.  A set is immutable and counted: queries hold a set,
 * a refresh makes a new one that shares the packs which are still there.  An index that cannot be opened is logged once and left out.
 */
struct vv_pack_set;

int vv_store_packs(struct vv_store *store, struct vv_pack_set **out);	/* counted; loads the first time */
int vv_store_packs_refresh(struct vv_store *store, struct vv_pack_set **out);	/* lists again; out may be NULL */
void vv_pack_set_ref(struct vv_pack_set *set);
void vv_pack_set_unref(struct vv_pack_set *set);
size_t vv_pack_set_count(const struct vv_pack_set *set);
const struct vv_pack *vv_pack_set_get(const struct vv_pack_set *set, size_t i);

/* Which pack holds it.  *@hint (may be NULL) is tried first and updated: neighbours lie together. VV_ENOENT. */
int vv_pack_set_find_blob(const struct vv_pack_set *set, const struct vv_id *id, uint32_t *hint,
			  const struct vv_pack **pack, struct vv_blob *out);
/* The frame where its bytes are stored (offset != 0). */
int vv_pack_set_find_frame(const struct vv_pack_set *set, const struct vv_id *id, uint32_t *hint,
			   const struct vv_pack **pack, struct vv_frame *out);

#endif
