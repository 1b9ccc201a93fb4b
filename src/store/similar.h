/*
 * similar.h - which stored frame resembles this one enough to compress against it?
 *
 * A sketch is a sample of a frame's content that two like frames take in the same places:
 * every 16-byte window gets a rank and a value by hashing, and the values of the windows
 * of least rank are kept (bottom-k min-hash, after Broder): 24 for each 64 KiB.  Who looks
 * for a like frame asks with the 48 of least rank, so that he also meets a frame of
 * which his is a part, and both need not be sampled equally dense.
 *
 * The index leads from a value to the bases (frames without a reference) that have it.
 * Each value asked with votes for them, a rare one with more weight than a common one, and
 * the bases with the most votes are candidates.  The packer tries them, so a wrong
 * candidate costs time only.  Sketches of bases lie in the pack index (docs/format.md,
 * section 7): a later session finds what an earlier one stored without reading content.
 *
 * Rank and value, in full: h = (h << 4) + gear[byte] over all bytes (gear_table.h), p = h *
 * 0x9e3779b97f4a7c15, both modulo 2^64, h from 0; the rank is p >> 32, and only ranks
 * below 2^24 and from the 16th byte on count; the value is (p >> 8) mod 2^24, other bits
 * than the rank's, because the least ranks crowd into a small range.
 *
 * What the index answers depends on what was added in which order, and on nothing else.
 *
 * Ownership: new/free.  Threads: one; vv_sketch_make() is pure.
 * Memory: about 16 bytes for each value, 64 MiB at most, and 8 for each base, 8 MiB at most.
 *	That holds 340,000 bases, 20 GB of content that resembles nothing; after that, and
 *	rarely before, a new posting takes the place of the oldest of its bucket: old
 *	bases fade out.
 */
#ifndef VV_STORE_SIMILAR_H
#define VV_STORE_SIMILAR_H

#include "format/pack.h"

#include <stddef.h>
#include <stdint.h>

enum {
	VV_SIMILAR_PICKS = 4,
};

struct vv_similar;

struct vv_sketch {
	uint32_t count;	      /* values that are kept; they come first and increase */
	uint32_t asked_count; /* all of them; those after count are to ask with only */
	uint32_t values[VV_SKETCH_MAX];
};

/* Where a base is, in the words of the packer. */
struct vv_base {
	uint32_t pack, index;
};

/* @len: VV_FRAME_MAX at most. */
void vv_sketch_make(struct vv_sketch *sketch, const uint8_t *bytes, size_t len);

int vv_similar_new(struct vv_similar **out);
void vv_similar_free(struct vv_similar *s); /* NULL is a no-op */

/* Room for so many values more, so that adding them grows nothing.  VV_ENOMEM. */
int vv_similar_reserve(struct vv_similar *s, uint64_t values);

int vv_similar_add(struct vv_similar *s, const struct vv_sketch *sketch,
		   struct vv_base base); /* VV_ENOMEM */

/* Up to VV_SIMILAR_PICKS candidates, the most promising first; how many. */
size_t vv_similar_pick(const struct vv_similar *s, const struct vv_sketch *sketch,
		       struct vv_base out[VV_SIMILAR_PICKS]);

#endif
