/*
 * map_windows.h - how much of mapped trees and pack indexes may be in memory at one time.
 *
 * Mapped pages are the kernel's to drop, but while there is no need it lets them grow
 * with everything that was ever looked at, and they count as ours.  So an open object is
 * a window: pages come into it as they are used, and when all windows together hold more
 * than they may, those that were not used for the longest are emptied.  What comes back
 * is checked again, as at first touch.
 *
 * They may hold VV_MAP_WINDOWS_FREE, program and libraries included, which is part of the
 * 16 MiB that a process may take beyond its budget; and more as long as the budget has
 * room for it, up to an eighth of the budget, which counts as held by trees.
 *
 * How much is resident the system says (os/map.h), not our count of touches: around a
 * page that is touched a kernel maps what it has at hand.  Looking costs a few
 * microseconds, so it is done at every 8th page that is touched for the first time.
 *
 * A pointer into a window that is emptied meanwhile stays good; the page is read again,
 * and not checked again under who holds the pointer.  So it is when the kernel itself
 * takes a page.
 *
 * Ownership: init/fini, add/remove; the structs are the caller's.
 * Threads: any; add and remove of one window by one.
 */
#ifndef VV_STORE_MAP_WINDOWS_H
#define VV_STORE_MAP_WINDOWS_H

#include "format/image.h"
#include "os/map.h"
#include "os/thread.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct vv_budget;

enum {
	VV_MAP_WINDOWS_FREE = 11 << 20,	 /* bytes */
	VV_MAP_WINDOWS_BUDGET_PART = 8,	 /* 1/8 of the budget at most */
	VV_MAP_WINDOWS_STEP = 512 << 10, /* bytes that are reserved at one time */
	VV_MAP_WINDOWS_LOOK_EVERY = 8,	 /* pages */
};

struct vv_map_windows {
	struct vv_mutex lock;
	size_t (*resident)(void); /* of file pages, 0 = not known; for tests */
	atomic_uint touches;
	atomic_bool is_busy; /* somebody makes room already */
	struct vv_budget
		*budget; /* borrowed; NULL: no limit; this and all below by lock */
	size_t held;	 /* bytes of the budget */
	struct vv_map_window *hand; /* of the clock; all windows in a ring */
	uint64_t drops;
};

/* Zeroed: not added. */
struct vv_map_window {
	struct vv_image_watch watch; /* first: cast from what image.h hands back */
	struct vv_map_windows *windows;
	struct vv_image *image;	  /* borrowed */
	const struct vv_map *map; /* borrowed */
	struct vv_map_window *next, *before;
	atomic_bool is_empty; /* nothing was touched since it was emptied */
};

void vv_map_windows_init(struct vv_map_windows *ws);
void vv_map_windows_fini(struct vv_map_windows *ws); /* no window is left */
/* Give back what is held of the one before.  NULL: no limit. */
void vv_map_windows_set_budget(struct vv_map_windows *ws, struct vv_budget *budget);

/* @image lies in @map; an empty map (the bytes were read) makes no window. */
void vv_map_windows_add(struct vv_map_windows *ws, struct vv_map_window *w,
			struct vv_image *image, const struct vv_map *map);
void vv_map_windows_remove(struct vv_map_window *w); /* before image and map go */

#endif
