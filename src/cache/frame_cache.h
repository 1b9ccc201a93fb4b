/*
 * frame_cache.h - plain bytes of frames, each held once, within the budget.
 *
 * Answers: give me the bytes of this frame, from memory or by one fetch however many ask.  The key is the frame's id, the
 * hash of its content: two versions of a toolchain with one content share one copy.
 *
 * Eviction is scan-resistant (a `find -exec cat` must not push out the compiler in use).  A pinned frame neither moves
 * nor goes.  The lock is never held during a fetch, so one slow fetch delays only those who want that frame.
 *
 * To be free of deadlock whatever the budget, a reader first takes an admission for all bytes that it may pin at one
 * time; admissions together never exceed what the cache can hold, and wait in order of arrival.
 *
 * Ownership: new/free; pins are given back by their taker.  Threads: any.
 */
#ifndef VV_CACHE_FRAME_CACHE_H
#define VV_CACHE_FRAME_CACHE_H

#include "core/id.h"

#include <stddef.h>
#include <stdint.h>

struct vv_budget;
struct vv_frame_cache;

/* Where page memory comes from: os/system.h in products, malloc in tests. */
struct vv_page_ops {
	void *(*alloc)(size_t size);
	void (*free)(void *pages, size_t size);
};

struct vv_pin {
	const uint8_t *bytes;	/* borrowed until unpin */
	size_t size;
	void *entry;		/* the cache's */
};

/*
 * Fill @plain with the @size bytes of the frame.  Called on the asking thread, without locks; may pin other frames (a reference:
 * depth one).  An error goes to everyone who waits for this frame; nothing is kept, so a later try fetches again.
 */
typedef int vv_frame_fetch(void *ctx, const struct vv_id *id, uint8_t *plain, size_t size);

int vv_frame_cache_new(struct vv_frame_cache **out, struct vv_budget *budget, const struct vv_page_ops *pages);
void vv_frame_cache_free(struct vv_frame_cache *cache);	/* nothing may be pinned */

int vv_frame_cache_admit(struct vv_frame_cache *cache, size_t bytes);	/* VV_ENOMEM if it can never fit */
void vv_frame_cache_leave(struct vv_frame_cache *cache, size_t bytes);

int vv_frame_cache_pin(struct vv_frame_cache *cache, const struct vv_id *id, size_t size, vv_frame_fetch *fetch,
		       void *ctx, struct vv_pin *out);
void vv_frame_cache_unpin(struct vv_frame_cache *cache, struct vv_pin *pin);	/* a zeroed pin is a no-op */

struct vv_frame_cache_stats {
	uint64_t hits, misses, joins;	/* join: waited for another's fetch */
	uint64_t failures, evictions;
	uint64_t bytes_resident, bytes_pinned, frames_resident;
};
void vv_frame_cache_get_stats(struct vv_frame_cache *cache, struct vv_frame_cache_stats *out);

#endif
