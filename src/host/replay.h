/*
 * replay.h - one run of a profile, replayed: a thread for its pages, one for its names
 * (prefetch.h has the rules that both keep).
 *
 * Ownership: the caller's storage; everything in it is borrowed.
 * Threads: one run at a time; readers change the plan meanwhile, under the lock.
 */
#ifndef VV_HOST_REPLAY_H
#define VV_HOST_REPLAY_H

#include "host/plan.h"
#include "host/prefetch.h"
#include "os/thread.h"

#include <stdatomic.h>

enum {
	VV_REPLAY_BUFFER = VV_PREFETCH_HEAD + VV_PLAN_WINDOW, /* bytes */
};

struct vv_replay {
	struct vv_reader *reader;
	struct vv_lanes *lanes;
	struct vv_prefetch_host host;
	struct vv_mutex *lock; /* of steps and statistics */
	struct vv_plan *plan;
	struct vv_prefetch_stats *stats;
	uint8_t *buffer;    /* VV_REPLAY_BUFFER bytes: a head, then a window */
	atomic_bool is_cut; /* it ended before its end */
	uint32_t
		known; /* the file (by its hit) that the kernel was made to know last */
};

/* @layer: where the plan's layer is in the view. */
void vv_replay_run(struct vv_replay *r, const char *layer);

#endif
