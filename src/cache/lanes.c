#include "cache/lanes.h"

#include <assert.h>

void vv_lanes_init(struct vv_lanes *lanes, unsigned count)
{
	assert(count > 0);
	lanes->count = count;
	atomic_init(&lanes->busy, 0);
	atomic_init(&lanes->waiting, 0);
	atomic_init(&lanes->is_stopped, false);
	atomic_init(&lanes->pauses, 0);
	vv_mutex_init(&lanes->lock);
	vv_cond_init(&lanes->free);
}

void vv_lanes_fini(struct vv_lanes *lanes)
{
	vv_cond_fini(&lanes->free);
	vv_mutex_fini(&lanes->lock);
}

void vv_lanes_enter(struct vv_lanes *lanes)
{
	atomic_fetch_add(&lanes->busy, 1);
}

static void wake(struct vv_lanes *lanes)
{
	vv_mutex_lock(&lanes->lock);
	vv_cond_broadcast(&lanes->free);
	vv_mutex_unlock(&lanes->lock);
}

/*
 * Who waits counts itself in `waiting` before it looks at `busy`, and we look the other
 * way round: so one of the two sees the other.
 */
void vv_lanes_leave(struct vv_lanes *lanes)
{
	unsigned before = atomic_fetch_sub(&lanes->busy, 1);

	assert(before > 0);
	if (before <= lanes->count && atomic_load(&lanes->waiting) > 0)
		wake(lanes);
}

static bool must_wait(struct vv_lanes *lanes)
{
	return !atomic_load(&lanes->is_stopped) &&
	       atomic_load(&lanes->busy) >= lanes->count;
}

bool vv_lanes_wait(struct vv_lanes *lanes)
{
	if (must_wait(lanes)) {
		atomic_fetch_add(&lanes->pauses, 1);
		vv_mutex_lock(&lanes->lock);
		atomic_fetch_add(&lanes->waiting, 1);
		while (must_wait(lanes))
			vv_cond_wait(&lanes->free, &lanes->lock);
		atomic_fetch_sub(&lanes->waiting, 1);
		vv_mutex_unlock(&lanes->lock);
	}
	return !atomic_load(&lanes->is_stopped);
}

void vv_lanes_stop(struct vv_lanes *lanes)
{
	atomic_store(&lanes->is_stopped, true);
	wake(lanes);
}

void vv_lanes_start(struct vv_lanes *lanes)
{
	atomic_store(&lanes->is_stopped, false);
}
