/*
 * evict.h - which frame goes when room is needed.
 *
 * The order is S3-FIFO (Yang et al., SOSP 2023): new frames enter a small queue; who is
 * used again before its end moves to the main queue, which is a clock; who is not
 * leaves, and only its ghost (32 bits of its hash) is remembered; a frame that comes
 * back while its ghost is known enters the main queue at once.  A scan therefore flows
 * through the small queue and pushes out nothing that was used twice.  A use costs no
 * move in a list.
 *
 * One thing is added.  Many small files share a frame and a big frame is read in
 * pieces, so even a scan uses each frame many times in a row.  Such uses are
 * correlated (O'Neil's LRU-K has the word) and count as one: a use counts again only
 * when VV_EVICT_CORRELATED changes from one frame to another lie behind the last that
 * counted.
 *
 * Ownership: init/fini; nodes are members of the caller's entries.
 * Threads: under one lock of the caller, except that `pins` may be decremented at any
 *	time by who holds a pin.
 */
#ifndef VV_CACHE_EVICT_H
#define VV_CACHE_EVICT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VV_EVICT_CORRELATED = 64,
	VV_EVICT_USES_MAX = 3,	/* more uses than that do not make a frame safer */
	VV_EVICT_SMALL_PART = 8 /* the small queue's share is 1/8 of all bytes */
};

struct vv_evict_node {
	struct vv_evict_node *newer, *older;
	uint64_t hash;
	size_t bytes;	  /* its weight */
	atomic_uint pins; /* not 0: it stays */
	uint32_t used_at; /* turn of the last use that counted */
	uint8_t uses;	  /* that counted, after the first */
	uint8_t queue;	  /* enum in evict.c; 0 = in none */
};

struct vv_evict_queue {
	struct vv_evict_node *newest, *oldest;
	size_t bytes, count;
};

struct vv_evict {
	struct vv_evict_queue small, main;
	uint64_t *ghosts;    /* owned; turn of leaving << 32 | tag */
	size_t ghost_mask;   /* slots - 1 */
	uint32_t leave_turn; /* counts who left the small queue unused */
	uint32_t use_turn;   /* counts changes from one frame to another */
	uint64_t last_used;  /* hash */
};

/* @ghost_slots: a power of two, 8 bytes each.  VV_ENOMEM. */
int vv_evict_init(struct vv_evict *ev, size_t ghost_slots);
void vv_evict_fini(struct vv_evict *ev); /* a zeroed one is fine */

/* @node has hash and bytes set. */
void vv_evict_add(struct vv_evict *ev, struct vv_evict_node *node);
void vv_evict_use(struct vv_evict *ev, struct vv_evict_node *node);
void vv_evict_remove(struct vv_evict *ev, struct vv_evict_node *node);

/* Takes the next one to go out of its queue; NULL: all are pinned. */
struct vv_evict_node *vv_evict_pick(struct vv_evict *ev);

#endif
