/*
 * idmap.h - from an id to a number: which frame, which blob, which entry.
 *
 * An open-addressing table in one allocation, for indexes of millions of ids:
 * 41 bytes a slot, at most 7/8 full.  It grows by doubling, up to a limit that
 * was set at the start.  The number is the caller's; most are indexes.
 *
 * Ownership: init/fini; keys and numbers are copied in.
 * Threads: reading on many threads while nobody changes it; else one thread.
 */
#ifndef VV_CORE_IDMAP_H
#define VV_CORE_IDMAP_H

#include "core/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_idmap {
	struct vv_idmap_slot *slots; /* owned; NULL while slot_count is 0 */
	uint8_t *tags;		     /* inside the same allocation */
	size_t slot_count;	     /* 0 or a power of two */
	size_t count;		     /* ids in the map */
	size_t max_count;
};

void vv_idmap_init(struct vv_idmap *map, size_t max_count);
void vv_idmap_fini(struct vv_idmap *map); /* empty again; twice is fine */

/*
 * Sets the number of @id, whether it was there or not.  VV_EOVERFLOW: one more
 * would exceed the limit.  VV_ENOMEM.  After an error the map is as it was.
 */
int vv_idmap_put(struct vv_idmap *map, const struct vv_id *id, uint64_t number);

/* Room for @count ids in all, so that putting them cannot fail.  Errors as above. */
int vv_idmap_reserve(struct vv_idmap *map, size_t count);

/* false: not there, and *@number is 0.  @number may be NULL. */
bool vv_idmap_get(const struct vv_idmap *map, const struct vv_id *id, uint64_t *number);

bool vv_idmap_remove(struct vv_idmap *map, const struct vv_id *id); /* was it there? */

/*
 * Walks over all ids in no useful order: start with *@cursor = 0 and go on until
 * it returns false.  @id is borrowed until the map changes; do not change it
 * during a walk.
 */
bool vv_idmap_next(const struct vv_idmap *map, size_t *cursor, const struct vv_id **id,
		   uint64_t *number);

/* Bytes that a map with room for @count ids allocates, for the budget. */
size_t vv_idmap_bytes_for(size_t count);

#endif
