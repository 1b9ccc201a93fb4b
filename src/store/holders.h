/*
 * holders.h - which packs hold these ids: the question of gc and df, for very many ids
 * at once.
 *
 * First every wanted id gets a number, then all packs are looked through once, instead
 * of every pack for every id.  An index, or a row of one, that cannot be read holds
 * nothing.
 *
 * Ownership: init/fini.
 * Threads: one.
 * Memory: about 60 bytes an id and 8 bytes for each time it is held.
 */
#ifndef VV_STORE_HOLDERS_H
#define VV_STORE_HOLDERS_H

#include "core/id.h"
#include "core/idmap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_pack_set;

struct vv_holder {
	uint32_t pack; /* index in the set */
	uint32_t row;  /* in that pack's table */
};

struct vv_holders {
	struct vv_idmap numbers; /* of the wanted ids: 0 ... count - 1 */
	size_t *first;		 /* owned; count + 1, of items */
	struct vv_holder *items; /* owned; the holders of 0, then those of 1, ... */
};

void vv_holders_init(struct vv_holders *h);
void vv_holders_fini(struct vv_holders *h);

/* *@is_new (may be NULL): it had no number yet.  VV_ENOMEM, VV_EOVERFLOW. */
int vv_holders_want(struct vv_holders *h, const struct vv_id *id, bool *is_new);
static inline size_t vv_holders_count(const struct vv_holders *h)
{
	return h->numbers.count;
}

/* After the last want, once.  Frames: those whose bytes are in the pack. */
int vv_holders_find_blobs(struct vv_holders *h, const struct vv_pack_set *set);
int vv_holders_find_frames(struct vv_holders *h, const struct vv_pack_set *set);

/* In order of packs. */
static inline const struct vv_holder *vv_holders_of(const struct vv_holders *h,
						    size_t number, size_t *count)
{
	*count = h->first[number + 1] - h->first[number];
	return h->items + h->first[number];
}

#endif
