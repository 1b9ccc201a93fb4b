/*
 * budget.h - the one hard memory limit of a process.
 *
 * Whatever holds memory in proportion to work (frames, decoders, transport buffers,
 * nodes, listings) reserves the bytes here before it allocates them and releases them
 * when they are freed.  Reserving never overshoots: it first asks the reclaimer (the
 * frame cache) to give up that much, then waits, or fails.
 *
 * Waiters are not queued.  A queue would be fairer to the large ones, but someone who
 * holds frames and asks for a little more would then stand behind someone who waits
 * for those very frames.
 *
 * Ownership: new/free.
 * Threads: any; the reclaimer is called without the budget's lock.
 */
#ifndef VV_CACHE_BUDGET_H
#define VV_CACHE_BUDGET_H

#include <stddef.h>
#include <stdint.h>

struct vv_budget;

/* Who holds the bytes: for `varve stats`. */
enum vv_holder {
	VV_HOLD_FRAMES,
	VV_HOLD_DECODERS,
	VV_HOLD_TRANSPORT,
	VV_HOLD_NODES,
	VV_HOLD_LISTINGS,
	VV_HOLD_TREES, /* copies of trees and indexes; what mapped ones may hold */
	VV_HOLD_UPPER,
	VV_HOLD_PACKER,
	VV_HOLD_PROFILES,
	VV_HOLDER_COUNT,
};
const char *vv_holder_name(enum vv_holder holder);

enum {
	VV_BUDGET_MIN =
		16 << 20 /* bytes: below this no read could hold what it needs */
};

int vv_budget_new(struct vv_budget **out,
		  size_t limit_bytes);	  /* VV_EINVAL below VV_BUDGET_MIN */
void vv_budget_free(struct vv_budget *b); /* everything must have been released */
size_t vv_budget_limit(const struct vv_budget *b); /* bytes */

/*
 * @reclaim gives up at least @bytes if it can, releases them itself, and returns how
 * many.  Set it before other threads reserve, and to NULL after they stopped.
 */
void vv_budget_set_reclaimer(struct vv_budget *b,
			     size_t (*reclaim)(void *ctx, size_t bytes), void *ctx);

/* Waits until there is room.  VV_ENOMEM only if @bytes can never fit. */
int vv_budget_reserve(struct vv_budget *b, enum vv_holder holder, size_t bytes);
/* VV_ENOMEM instead of waiting. */
int vv_budget_try_reserve(struct vv_budget *b, enum vv_holder holder, size_t bytes);
/* VV_ENOMEM instead of waiting or reclaiming: for the reclaimer itself. */
int vv_budget_take_free(struct vv_budget *b, enum vv_holder holder, size_t bytes);
void vv_budget_release(struct vv_budget *b, enum vv_holder holder, size_t bytes);

/*
 * For the reclaimer: something that could not be given up now can.  Without it a
 * waiter would sleep until somebody releases.  Costs one load when nobody waits.
 */
void vv_budget_nudge(struct vv_budget *b);

struct vv_budget_stats {
	size_t limit, used, peak;
	size_t by_holder[VV_HOLDER_COUNT];
	uint64_t waits; /* reservations that had to wait */
};
void vv_budget_get_stats(struct vv_budget *b, struct vv_budget_stats *out);

#endif
