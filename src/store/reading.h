/*
 * reading.h - a reader with a cache and a budget of its own: for work that reads a store
 * and then ends.
 *
 * Ownership: open/close; borrows the store.
 * Threads: as reader.h.
 */
#ifndef VV_STORE_READING_H
#define VV_STORE_READING_H

#include <stddef.h>

struct vv_budget;
struct vv_frame_cache;
struct vv_reader;
struct vv_store;

struct vv_reading {
	struct vv_budget *budget; /* owned, as are the others */
	struct vv_frame_cache *cache;
	struct vv_reader *reader;
};

int vv_reading_open(struct vv_reading *out, struct vv_store *store,
		    size_t budget_bytes);
void vv_reading_close(struct vv_reading *reading); /* a zeroed one is fine */

#endif
