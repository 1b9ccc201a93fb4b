#include "store/map_windows.h"

#include "cache/budget.h"

#include <assert.h>

void vv_map_windows_init(struct vv_map_windows *ws)
{
	*ws = (struct vv_map_windows){ .resident = vv_map_resident_bytes };
	vv_mutex_init(&ws->lock);
}

/* Locked, as all that follow. */
static void release(struct vv_map_windows *ws, size_t bytes)
{
	if (bytes)
		vv_budget_release(ws->budget, VV_HOLD_TREES, bytes);
	ws->held -= bytes;
}

void vv_map_windows_fini(struct vv_map_windows *ws)
{
	assert(!ws->hand);
	release(ws, ws->held);
	vv_mutex_fini(&ws->lock);
}

void vv_map_windows_set_budget(struct vv_map_windows *ws, struct vv_budget *budget)
{
	vv_mutex_lock(&ws->lock);
	release(ws, ws->held);
	ws->budget = budget;
	vv_mutex_unlock(&ws->lock);
}

/* ---- making room ---- */

static bool reserve_more(struct vv_map_windows *ws)
{
	size_t most = vv_budget_limit(ws->budget) / VV_MAP_WINDOWS_BUDGET_PART;

	if (ws->held + VV_MAP_WINDOWS_STEP > most ||
	    vv_budget_try_reserve(ws->budget, VV_HOLD_TREES, VV_MAP_WINDOWS_STEP))
		return false;
	ws->held += VV_MAP_WINDOWS_STEP;
	return true;
}

/* Bits before and after: what is checked while the pages go must not pass for later. */
static void empty(struct vv_map_windows *ws, struct vv_map_window *w)
{
	vv_image_forget_checks(w->image);
	vv_map_drop(w->map);
	vv_image_forget_checks(w->image);
	atomic_store_explicit(&w->is_empty, true, memory_order_relaxed);
	ws->drops++;
}

/* A clock: who was used since the hand came by last has another round. */
static bool empty_next(struct vv_map_windows *ws)
{
	const struct vv_map_window *start = ws->hand;
	unsigned rounds = 0;

	while (start && rounds < 2) {
		struct vv_map_window *w = ws->hand;

		ws->hand = w->next;
		rounds += ws->hand == start;
		if (atomic_exchange_explicit(&w->watch.is_used, false,
					     memory_order_relaxed) ||
		    atomic_load_explicit(&w->is_empty, memory_order_relaxed))
			continue;
		empty(ws, w);
		return true;
	}
	return false;
}

static void make_room(struct vv_map_windows *ws)
{
	size_t resident = ws->budget ? ws->resident() : 0;

	while (resident > VV_MAP_WINDOWS_FREE + ws->held) {
		if (reserve_more(ws))
			continue;
		if (!empty_next(ws))
			return; /* it is program and libraries */
		resident = ws->resident();
	}
	if (ws->held &&
	    resident + 4 * VV_MAP_WINDOWS_STEP < VV_MAP_WINDOWS_FREE + ws->held)
		release(ws, VV_MAP_WINDOWS_STEP);
}

/* One page more, on whatever thread needs it; not locked. */
static void touched(struct vv_image_watch *watch)
{
	struct vv_map_window *w = (struct vv_map_window *)watch;
	struct vv_map_windows *ws = w->windows;
	unsigned n = atomic_fetch_add_explicit(&ws->touches, 1, memory_order_relaxed);

	atomic_store_explicit(&w->is_empty, false, memory_order_relaxed);
	if (n % VV_MAP_WINDOWS_LOOK_EVERY || atomic_exchange(&ws->is_busy, true))
		return;
	vv_mutex_lock(&ws->lock);
	make_room(ws);
	vv_mutex_unlock(&ws->lock);
	atomic_store(&ws->is_busy, false);
}

/* ---- windows come and go ---- */

void vv_map_windows_add(struct vv_map_windows *ws, struct vv_map_window *w,
			struct vv_image *image, const struct vv_map *map)
{
	if (map->size == 0)
		return;
	w->watch.touched = touched;
	w->windows = ws;
	w->image = image;
	w->map = map;
	vv_mutex_lock(&ws->lock);
	if (!ws->hand)
		ws->hand = w->next = w->before = w;
	w->next = ws->hand;
	w->before = ws->hand->before;
	w->next->before = w->before->next = w;
	make_room(ws); /* opening it touched some */
	vv_mutex_unlock(&ws->lock);
	image->watch = &w->watch;
}

void vv_map_windows_remove(struct vv_map_window *w)
{
	struct vv_map_windows *ws = w->windows;

	if (!ws)
		return;
	vv_mutex_lock(&ws->lock);
	w->next->before = w->before;
	w->before->next = w->next;
	if (ws->hand == w)
		ws->hand = w->next == w ? NULL : w->next;
	vv_mutex_unlock(&ws->lock);
	*w = (struct vv_map_window){ 0 };
}
