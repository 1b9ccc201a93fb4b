/*
 * fetch.h - the plain bytes of one frame: from the pack that lists it, or from whichever
 * other pack holds a good copy; decoded against its reference; checked.
 *
 * Ownership: the struct is its user's; everything in it is borrowed.
 * Threads: one fetch belongs to one thread; its parts may be shared.
 */
#ifndef VV_STORE_FETCH_H
#define VV_STORE_FETCH_H

#include "cache/frame_cache.h"
#include "format/pack.h"

#include <stdatomic.h>
#include <stdint.h>

struct vv_decoders;
struct vv_frame_cache;
struct vv_pack_set;
struct vv_store;

/* What all fetches of a reader have in common. */
struct vv_fetcher {
	struct vv_store *store;
	struct vv_frame_cache *cache;
	struct vv_decoders *decoders;
	atomic_uint hint; /* the pack where a frame was found last */
	atomic_uint_least64_t frames_fetched, bytes_fetched, bytes_decoded;
};

/* The context of vv_fetch_frame(). */
struct vv_fetch {
	struct vv_fetcher *fetcher;
	const struct vv_pack_set *set; /* where to look; holds @pack */
	const struct vv_pack *pack;    /* that lists the frame */
	struct vv_frame frame;	       /* as it is listed there */
	struct vv_frame_account
		*account; /* borrowed; whose its reference is; may be NULL */
};

/*
 * A vv_frame_fetch_fn.  VV_ENOENT: no pack has it, or its reference.  Every other failure
 * of a copy is logged with pack and frame.
 */
int vv_fetch_frame(void *ctx, const struct vv_id *id, uint8_t *plain, size_t size);

#endif
