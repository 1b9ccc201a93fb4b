/*
 * lanes.h - who may use the processors: readers first, then who fetches ahead of them.
 *
 * A reader never waits here.  Who fetches ahead asks before each piece of work, and waits
 * while as many readers are at work as there are lanes: so it takes the processors that
 * would idle, and no reader finds it in the way for longer than one piece takes.
 *
 * Ownership: init/fini, in the caller's storage.
 * Threads: any.  For a reader that meets nobody waiting it is two atomic additions.
 */
#ifndef VV_CACHE_LANES_H
#define VV_CACHE_LANES_H

#include "os/thread.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct vv_lanes {
	unsigned count; /* immutable */
	atomic_uint busy;
	atomic_uint waiting; /* who fetches ahead and waits */
	atomic_bool is_stopped;
	atomic_uint_least64_t pauses;
	struct vv_mutex lock;
	struct vv_cond free;
};

void vv_lanes_init(struct vv_lanes *lanes, unsigned count); /* at least 1 */
void vv_lanes_fini(struct vv_lanes *lanes);

/* Around the work of a reader. */
void vv_lanes_enter(struct vv_lanes *lanes);
void vv_lanes_leave(struct vv_lanes *lanes);

/* Until there is a lane: true.  false: stopped, so do no more. */
bool vv_lanes_wait(struct vv_lanes *lanes);
/* From now on nobody waits; start undoes it. */
void vv_lanes_stop(struct vv_lanes *lanes);
void vv_lanes_start(struct vv_lanes *lanes);

#endif
