/*
 * spots.h - frames or blobs in packs, in the order in which their bytes lie.
 *
 * The tables of a pack are sorted by id, which is no order at all to a disk, nor to a
 * cache in which the small blobs of one frame should meet.
 *
 * Ownership: zeroing is init, fini.  Threads: one.
 */
#ifndef VV_STORE_SPOTS_H
#define VV_STORE_SPOTS_H

#include "format/pack.h"

#include <stddef.h>
#include <stdint.h>

struct vv_spot {
	uint64_t offset; /* of its first stored bytes; 0 = elsewhere or not known */
	uint32_t pack;	 /* number in a set */
	uint32_t index;	 /* in that pack's table */
};

struct vv_spots {
	struct vv_spot *items; /* owned */
	size_t count, cap;
};

void vv_spots_fini(struct vv_spots *s);

/* VV_ENOMEM.  An entry that breaks a rule is listed too: whoever looks at it finds out. */
int vv_spots_add_blob(struct vv_spots *s, uint32_t number, const struct vv_pack *pack,
		      uint32_t index);
/* All blobs of a pack; all frames that are stored in it. */
int vv_spots_add_blobs(struct vv_spots *s, uint32_t number, const struct vv_pack *pack);
int vv_spots_add_frames(struct vv_spots *s, uint32_t number,
			const struct vv_pack *pack);

void vv_spots_sort(struct vv_spots *s); /* by pack, then offset */

#endif
