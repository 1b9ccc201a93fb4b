/*
 * mark.h - what in a store is alive: reachable from refs, intents and leases.
 *
 * A tree is alive if one of them names it; a pack if an intent names it, or if it was
 * chosen for a blob of a live tree.  A blob that several packs hold needs one of them:
 * one that was written anew (the latest), else one that is alive anyway, else the first
 * by id; a condemned one that is not alive comes last.  A
 * pack counts as a holder of a blob only if all frames of the blob are to be had,
 * here or elsewhere, with their references.
 *
 * Ownership: init/fini; borrows the store.
 * Threads: one.
 */
#ifndef VV_STORE_MARK_H
#define VV_STORE_MARK_H

#include "core/idmap.h"

#include <stdbool.h>
#include <stddef.h>

struct vv_announced;
struct vv_pack_set;
struct vv_store;

struct vv_mark {
	struct vv_store *store;
	const struct vv_idmap *condemned; /* borrowed: ids */
	struct vv_idmap trees;		  /* live ones */
	struct vv_idmap packs;		  /* that intents name */
	struct vv_pack_set
		*set;  /* counted; packs as they are after the roots were read */
	bool *is_live; /* owned; for each pack of the set */
	/* Called for every announcement that is met, honoured or stale; may be NULL. */
	void (*announced)(void *ctx, const struct vv_announced *a);
	void *ctx;
};

/* Set `announced` and `ctx` after it. */
void vv_mark_init(struct vv_mark *m, struct vv_store *store,
		  const struct vv_idmap *condemned);
void vv_mark_fini(struct vv_mark *m); /* a zeroed one is fine */

/*
 * Intents are read first, then refs, then leases.  Who publishes removes its intent after
 * the ref is put, and who mounts names a tree in its lease while the ref still leads to
 * it: so at least one of two is met.  Packs are listed last, so that those of every tree
 * that was met are there.  An error means that nothing is proved; what cannot be read
 * was logged.
 */
int vv_mark_run(struct vv_mark *m);

/* Only for objects that were listed before the run began. */
bool vv_mark_has_pack(const struct vv_mark *m, const struct vv_id *id);
bool vv_mark_has_tree(const struct vv_mark *m, const struct vv_id *id);

#endif
