/*
 * store.h - an open store: its source, its refs, its trees and the indexes of its packs.
 *
 * Ownership: vv_store_open() takes the source, on success only.  Trees and pack sets are
 *	counted and given back before the store is closed.
 * Threads: any, once open.
 * Messages: what the user can mend is logged once, here, with the object's key, and the
 *	code returned.
 */
#ifndef VV_STORE_STORE_H
#define VV_STORE_STORE_H

#include "core/id.h"
#include "format/pack.h"
#include "format/tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_budget;
struct vv_source;
struct vv_store;

/* Make an empty store.  VV_EEXIST: there is one. */
int vv_store_init(struct vv_source *src);
/* VV_ENOENT: not a store.  VV_ENEWER, VV_ECORRUPT. */
int vv_store_open(struct vv_store **out, struct vv_source *src);
/*
 * Is it still there?  VV_ENOTCONN: not even its record is, so that nothing can be concluded from what is missing: it
 * was moved away or unmounted.
 */
int vv_store_present(struct vv_store *store);
void vv_store_close(struct vv_store *store);		   /* NULL is a no-op */
struct vv_source *vv_store_source(struct vv_store *store); /* borrowed */

/*
 * What cannot be mapped is read into memory, which then counts against @budget (NULL,
 * the default: against nothing).  Before other threads use the store.
 */
void vv_store_set_budget(struct vv_store *store, struct vv_budget *budget);

/* Keys of objects; @out holds VV_STORE_KEY_MAX bytes. */
enum {
	VV_STORE_KEY_MAX = 1024
};
void vv_store_tree_key(char *out, const struct vv_id *id);
void vv_store_pack_key(char *out, const struct vv_id *id);
void vv_store_condemned_key(char *out, const struct vv_id *id);

/*
 * An object under @key was seen: that it is there is durable when this returns 0, also if
 * its writer died before it could see to that.
 */
int vv_store_settle(struct vv_store *store, const char *key);

/* The ids under `trees/` (or `packs/`), with their sizes, in no order; other keys are passed over. */
int vv_store_list_trees(struct vv_store *store,
			int (*object)(void *ctx, const struct vv_id *id, uint64_t size),
			void *ctx);
int vv_store_list_packs(struct vv_store *store,
			int (*object)(void *ctx, const struct vv_id *id, uint64_t size),
			void *ctx);

/* ---- refs ---- */

enum {
	VV_REF_NAME_MAX = 1000 /* bytes */
};

struct vv_ref {
	char name[VV_REF_NAME_MAX + 1]; /* decoded, NUL-ended */
	struct vv_id tree;
	int64_t published_ns;
	uint64_t files, bytes;
	uint64_t version; /* the source's; another one when the ref was replaced */
};

/* VV_ENOENT; VV_EINVAL: @name is no ref name. */
int vv_ref_get(struct vv_store *store, const char *name, struct vv_ref *out);
/*
 * Make or move.  A published_ns of 0 means now.  VV_EEXIST: @name is a directory of
 * another ref or the other way round; nothing was put, unless the log says that another
 * writer came in between, as it can in an object store.
 */
int vv_ref_put(struct vv_store *store, const struct vv_ref *ref);
int vv_ref_remove(struct vv_store *store, const char *name); /* VV_ENOENT, VV_EINVAL */

/*
 * All refs sorted by name.  A ref that cannot be read, or that is a directory of
 * another, is logged, counted in *@bad and left out.
 */
struct vv_ref_list {
	struct vv_ref *items; /* owned */
	size_t count;
};
int vv_ref_list_get(struct vv_store *store, struct vv_ref_list *out, size_t *bad);
void vv_ref_list_fini(struct vv_ref_list *list);

/*
 * The same again and again: a run lists the refs and reads only those that were replaced
 * since the last one.  Threads: one.
 */
struct vv_ref_poll;

int vv_ref_poll_new(struct vv_ref_poll **out, struct vv_store *store);
void vv_ref_poll_free(struct vv_ref_poll *poll); /* NULL is a no-op */
/* *@changed: a ref came, went or is another.  After an error the next run reads all. */
int vv_ref_poll_run(struct vv_ref_poll *poll, bool *changed);
/* What the last run found.  @out is the caller's, to fini. */
int vv_ref_poll_list(const struct vv_ref_poll *poll, struct vv_ref_list *out,
		     size_t *bad);

/* ---- trees ---- */

struct vv_open_tree; /* a mapped tree, counted; one for each id and store */

int vv_store_tree_open(struct vv_store *store, const struct vv_id *id,
		       struct vv_open_tree **out);
const struct vv_tree *vv_open_tree_get(const struct vv_open_tree *tree);
void vv_open_tree_ref(struct vv_open_tree *tree);
void vv_open_tree_unref(
	struct vv_open_tree *tree); /* NULL is a no-op; the last one unmaps */

/* ---- packs ---- */

/*
 * The pack indexes of a store as they were at the last refresh, sorted by id.  A set is
 * immutable and counted: queries hold a set, a refresh makes a new one that shares the
 * packs which are still there.  An index is mapped when it is first needed; one that
 * cannot be opened is logged once and passed over.
 */
struct vv_pack_set;

/* Counted; lists the first time. */
int vv_store_packs(struct vv_store *store, struct vv_pack_set **out);
/* Lists again; @out may be NULL. */
int vv_store_packs_refresh(struct vv_store *store, struct vv_pack_set **out);
/* No set is current any more; who asks next reads the store anew. */
void vv_store_packs_forget(struct vv_store *store);
void vv_pack_set_ref(struct vv_pack_set *set);
void vv_pack_set_unref(struct vv_pack_set *set); /* NULL is a no-op */

size_t vv_pack_set_count(const struct vv_pack_set *set);
const struct vv_id *vv_pack_set_id(const struct vv_pack_set *set, size_t i);
uint64_t vv_pack_set_size(const struct vv_pack_set *set, size_t i); /* of the object */
/* Borrowed from the set.  NULL: cannot be opened. */
const struct vv_pack *vv_pack_set_get(const struct vv_pack_set *set, size_t i);
int vv_pack_set_err(const struct vv_pack_set *set, size_t i); /* why; 0: it can be */
/* Where @id is in the set; VV_ENOENT. */
int vv_pack_set_index(const struct vv_pack_set *set, const struct vv_id *id, size_t *i);

/*
 * Which pack holds it.  *@hint (may be NULL; 0 at first) is tried first and updated:
 * neighbours lie together.  VV_ENOENT; VV_ECORRUPT, VV_EIO: not found, and the index of
 * a pack that might have it is damaged.
 */
int vv_pack_set_find_blob(const struct vv_pack_set *set, const struct vv_id *id,
			  uint32_t *hint, const struct vv_pack **pack,
			  struct vv_blob *out);
/* The frame where its bytes are stored (offset != 0). */
int vv_pack_set_find_frame(const struct vv_pack_set *set, const struct vv_id *id,
			   uint32_t *hint, const struct vv_pack **pack,
			   struct vv_frame *out);

/*
 * All packs that hold it, one after the other: *@pos starts at 0.  1 = found, 0 = no
 * more.  For who got a bad copy and wants another.
 */
int vv_pack_set_next_blob(const struct vv_pack_set *set, const struct vv_id *id,
			  size_t *pos, const struct vv_pack **pack,
			  struct vv_blob *out);
int vv_pack_set_next_frame(const struct vv_pack_set *set, const struct vv_id *id,
			   size_t *pos, const struct vv_pack **pack,
			   struct vv_frame *out);

#endif
