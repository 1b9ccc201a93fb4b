/*
 * frame_cache.h - plain bytes of frames, each held once, within the budget.
 *
 * Answers: give me the bytes of this frame, from memory or by one fetch however many
 * ask.  The key is the frame's id, the hash of its content: two versions of a toolchain
 * with one content share one copy.
 *
 * Eviction is scan-resistant (cache/evict.h): a `find -exec cat` does not push out the
 * compiler in use.  A pinned frame neither moves nor goes.  The lock is never held
 * during a fetch, so one slow fetch delays only those who want that frame.
 *
 * To be free of deadlock whatever the budget, a reader first takes an admission for all
 * bytes that it may pin at one time.  Admissions together never exceed the cache's
 * floor, a part of the budget that is reserved for it for ever, and wait in order of
 * arrival.
 *
 * Who asks may say on whose behalf, by the address of an account (a ref's, to those who
 * keep books; the cache does not know what it is).  A frame is on the account of the pin
 * that fetched it, and only there, however many use it after that; a hit is on the
 * account of who hit.  So the accounts add up to what there is.
 *
 * Ownership: new/free; pins are given back by their taker; accounts outlive the cache.
 * Threads: any.
 */
#ifndef VV_CACHE_FRAME_CACHE_H
#define VV_CACHE_FRAME_CACHE_H

#include "core/id.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_budget;
struct vv_frame_cache;

enum {
	VV_CACHE_FLOOR_PART = 4,       /* the floor is 1/4 of the budget, at most */
	VV_CACHE_FLOOR_MAX = 256 << 20 /* bytes */
};

/* Where page memory comes from: os/runs.h in products, malloc in tests. */
struct vv_page_ops {
	void *(*alloc)(size_t size); /* NULL: no memory */
	void (*free)(void *pages, size_t size);
};

struct vv_pin {
	const uint8_t *bytes; /* borrowed until unpin */
	size_t size;
	void *entry; /* the cache's */
};

struct vv_frame_account {
	atomic_uint_least64_t hits;
	atomic_uint_least64_t decoded;	/* plain bytes that were fetched */
	atomic_uint_least64_t resident; /* of these, what is in memory now */
};

/* Who wants a frame; zeroed: nobody in particular. */
struct vv_asker {
	const struct vv_id *from;	  /* asks from within the fetch of this frame */
	struct vv_frame_account *account; /* borrowed */
	/*
	 * Fetches before anybody asked: it is no use of the frame, which counts as wanted
	 * when somebody else asks for it, or as unwanted when it goes before.
	 */
	bool is_ahead;
};

/*
 * Fill @plain with the @size bytes of the frame.  Called on the asking thread, without
 * locks; may pin a reference (below).  An error goes to everyone who waits for this
 * frame; nothing is kept, so a later try fetches again.
 */
typedef int vv_frame_fetch_fn(void *ctx, const struct vv_id *id, uint8_t *plain,
			      size_t size);

/* Takes its floor from the budget (VV_ENOMEM) and becomes its reclaimer. */
int vv_frame_cache_new(struct vv_frame_cache **out, struct vv_budget *budget,
		       const struct vv_page_ops *pages);
void vv_frame_cache_free(struct vv_frame_cache *cache); /* nothing may be pinned */

/*
 * Admissions are counted in costs: what a frame of @size plain bytes takes in memory.
 * VV_ENOMEM: it can never fit; then ask for less at one time.
 */
size_t vv_frame_cache_cost(size_t size);
int vv_frame_cache_admit(struct vv_frame_cache *cache, size_t cost);
void vv_frame_cache_leave(struct vv_frame_cache *cache, size_t cost);

/*
 * *@out is zeroed on error.  VV_ECORRUPT: the frame is known with another size.
 * VV_ENOMEM, or what @fetch returned.
 */
int vv_frame_cache_pin(struct vv_frame_cache *cache, const struct vv_id *id,
		       size_t size, vv_frame_fetch_fn *fetch, void *ctx,
		       struct vv_pin *out);

/*
 * The same for @asker.  VV_EDEADLK: @id is being fetched by someone who waits for
 * @asker->from.  Only contradicting packs can bring that about.
 */
int vv_frame_cache_pin_for(struct vv_frame_cache *cache, const struct vv_asker *asker,
			   const struct vv_id *id, size_t size,
			   vv_frame_fetch_fn *fetch, void *ctx, struct vv_pin *out);

void vv_frame_cache_unpin(struct vv_frame_cache *cache,
			  struct vv_pin *pin); /* a zeroed pin is a no-op */

/* Is it here, or on its way?  Only to decide how to go about getting it. */
bool vv_frame_cache_has(struct vv_frame_cache *cache, const struct vv_id *id);

struct vv_frame_cache_stats {
	uint64_t hits, misses, joins; /* join: waited for another's fetch */
	uint64_t failures, evictions;
	uint64_t bytes_resident, bytes_pinned, frames_resident;
	uint64_t ahead, ahead_bytes; /* fetched ahead */
	uint64_t ahead_wanted, ahead_unwanted;
};
void vv_frame_cache_get_stats(struct vv_frame_cache *cache,
			      struct vv_frame_cache_stats *out);

#endif
