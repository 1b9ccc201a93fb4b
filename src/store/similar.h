/*
 * similar.h - which stored frame resembles this one enough to compress against it?
 *
 * A sketch is four features of a frame's content.  Each is the least hash of a fourth of all its 16-byte windows, so two frames
 * share a feature with the probability of the share of windows they have in common (Broder's min-hash, in one pass as
 * in one-permutation hashing).  Frames whose sketches meet in a feature are candidates; the packer tries them and keeps
 * what the trial says, so a chance hit costs time only.  Sketches lie in the pack index: a later session finds what an earlier one stored.
 *
 * Only bases are indexed: frames that have no reference themselves.  They are added in the order in which they lie
 * in a pack, and so have neighbours: what follows a frame in one version of a compiler resembles what follows its like in another.
 *
 * Ownership: new/free.  Threads: one; vv_sketch_make() is pure.
 * Memory: about 60 bytes a base, for at most VV_SIMILAR_BASES_MAX of them; later ones are not indexed.
 */
#ifndef VV_STORE_SIMILAR_H
#define VV_STORE_SIMILAR_H

#include <stddef.h>
#include <stdint.h>

enum {
	VV_SIMILAR_BASES_MAX = 1 << 20,
	VV_SIMILAR_PICKS = 4,
};

#define VV_SIMILAR_NONE UINT32_MAX

struct vv_similar;

/* Where a base is, in the words of the packer. */
struct vv_base {
	uint32_t pack, index;
};

void vv_sketch_make(uint32_t sketch[4], const uint8_t *bytes, size_t len);

int vv_similar_new(struct vv_similar **out);
void vv_similar_free(struct vv_similar *s); /* NULL is a no-op */

/* Bases get numbers in the order of adding.  VV_OK also when the index is full.  VV_ENOMEM. */
int vv_similar_add(struct vv_similar *s, const uint32_t sketch[4], struct vv_base base);
struct vv_base vv_similar_base(const struct vv_similar *s, uint32_t number);

/*
 * Numbers of up to VV_SIMILAR_PICKS candidates, the most promising first; how many.  @after: the base that the frame before this one in the
 * same blob resembled, or VV_SIMILAR_NONE: what follows it is a candidate too.
 */
size_t vv_similar_pick(const struct vv_similar *s, const uint32_t sketch[4],
		       uint32_t after, uint32_t out[VV_SIMILAR_PICKS]);

#endif
