/*
 * slots.h - finds the number of a thing by its hash: the index of the builders.
 *
 * Open addressing over (hash, number) pairs.  The things themselves lie elsewhere, in
 * arrays that grow; whoever searches compares them:
 *
 *	for (size_t at = 0; vv_slots_next(&s, hash, &at, &number);)
 *		if (things[number] is the one)
 *			return number;
 *
 * Hashes must be those of codec/hash.h's ids: what is built comes from archives that
 * anybody can write, and names made to collide would make a build quadratic.
 *
 * Ownership: init is zeroing; fini.
 * Threads: one.
 */
#ifndef VV_FORMAT_SLOTS_H
#define VV_FORMAT_SLOTS_H

#include "core/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_slot {
	uint32_t hash, number; /* number UINT32_MAX: free */
};

struct vv_slots {
	struct vv_slot *slots; /* owned */
	size_t cap;	       /* a power of two, or 0 */
	size_t count;
};

/* *@at counts the probes of one search; it is 0 at first.  False: no more. */
bool vv_slots_next(const struct vv_slots *s, uint32_t hash, size_t *at,
		   uint32_t *number);

int vv_slots_put(struct vv_slots *s, uint32_t hash, uint32_t number); /* VV_ENOMEM */
void vv_slots_fini(struct vv_slots *s);

/* An id is a hash already: its last bytes, since tables are sorted by its first. */
static inline uint32_t vv_slots_hash(const struct vv_id *id)
{
	const uint8_t *b = id->bytes + VV_ID_BYTES - 4;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

#endif
