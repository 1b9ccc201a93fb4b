/*
 * publish.h - put one tree and its content into a store and move a ref to it.
 *
 * The order is pack -> tree -> ref, without locks; a crash at any point leaves the old
 * state or the new one.
 *  1. An intent is written: what this publisher uses or is about to write cannot be
 *     removed meanwhile.
 *  2. Pack indexes are loaded; condemned packs are left out.
 *  3. Content streams through: one reader cuts and hashes, `jobs` workers compress, new
 *     frames go to new packs. Before a pack is committed, the intent names it. Before a
 *     stored pack is relied on, the intent names it, and then the pack is looked at
 *     once more: one that went or was condemned meanwhile is not relied on.
 *  4. The intent names the tree, and it is put.  A tree that is condemned is pardoned.
 *  5. The ref is put; the intent goes.
 *
 * Ownership: borrows store and input.  Threads: one caller; workers inside.
 */
#ifndef VV_STORE_PUBLISH_H
#define VV_STORE_PUBLISH_H

#include "core/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_store;
struct vv_input;
struct vv_profile;

struct vv_publish_stats {
	uint64_t entries, files;
	uint64_t bytes_in;     /* content read */
	uint64_t bytes_new;    /* plain bytes that were not in the store */
	uint64_t bytes_stored; /* what the store grew by: packs and tree */
	uint64_t tree_bytes;
	uint64_t frames_new, frames_reused, blobs_new, blobs_reused;
	unsigned packs_new;
};

struct vv_publish_options {
	int level;     /* zstd level 1-19; 0 = default */
	unsigned jobs; /* 0 = processors */
	/* What it names lies together in its order; borrowed; NULL: as it comes. */
	const struct vv_profile *profile;
	/*
	 * Called now and then on the caller's thread; a value other than 0 cancels
	 * (VV_ECANCELED).
	 */
	int (*progress)(void *ctx, const struct vv_publish_stats *so_far, uint64_t done,
			uint64_t total);
	void *ctx;
};

/*
 * On an error the refs are as they were; packs that were committed before it are left
 * for gc, since another publisher may have found them.  VV_ESTALE: gc took this publisher
 * for dead, or removes a pack that another put meanwhile and that would be ours: run
 * again.  VV_EBUSY: gc is at work on the same tree.  VV_EEXIST: @ref is a directory of
 * another ref, or the other way round (store.h tells when it was put all the same).
 * @stats may be NULL.
 */
int vv_publish(struct vv_store *store, const char *ref, struct vv_input *input,
	       const struct vv_publish_options *opts, struct vv_publish_stats *stats,
	       struct vv_id *tree);

/* Make or move the ref @to to the tree of @from.  VV_ENOENT: no such ref. */
int vv_publish_tag(struct vv_store *store, const char *from, const char *to);

#endif
