/*
 * chunk.h - where to cut a big blob so that two versions of it share pieces.
 *
 * Content-defined chunking after FastCDC (Xia et al., USENIX ATC 2016): a rolling
 * gear hash of the last few bytes decides, so an insertion moves only the cuts near
 * it.  Cutting is normalised: up to mid_bytes the hash must show strict_bits zeros,
 * from there on only loose_bits, which keeps sizes close to the middle.  Where even
 * that finds nothing, the cut is at the smallest hash after the middle, which is as
 * much a matter of content as the others.
 *
 * The hash shifts by 16 bits a byte, not by 1, so it forgets after 4 bytes instead of 64.
 * In machine code every address that a linker moved lies within 64 bytes of most places;
 * a short window finds the places that it left alone.  (On three versions of
 * gcc the packs are 5 % smaller with a shift of 5 than with 1, and 3 % again with 16.)
 *
 * gear[i] is the first 8 bytes, little-endian, of the BLAKE2b-256 of the single
 * byte i.  Hash: h = (h << 16) + gear[byte], modulo 2^64, from 0 at 4 bytes before
 * the least chunk size, so that a decision depends on the last 4 bytes and on
 * nothing else.  A cut follows a byte after which the top bits of h are all zero.
 * Where a blob was cut is not part of the format (the index says it), but packs made
 * with different rules share less: not to be changed lightly.
 *
 * Threads: pure functions.
 */
#ifndef VV_CODEC_CHUNK_H
#define VV_CODEC_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_chunk_params {
	size_t min_bytes; /* no shorter chunk, except the last; at least 4 */
	size_t mid_bytes; /* between min and max */
	size_t max_bytes; /* no longer chunk */
	/* One place in 2^bits is a cut; 1 to 32, strict >= loose. */
	unsigned strict_bits, loose_bits;
};

int vv_chunk_params_check(const struct vv_chunk_params *params); /* 0 or VV_EINVAL */

/*
 * The length of the chunk that begins at @bytes, of which @len are at hand.
 * With @is_last the blob ends there, so the answer is @len at most.  Otherwise
 * 0 means "cannot say yet": give at least max_bytes to be sure of a cut.  The
 * answer does not depend on how much beyond the cut is at hand.  @params must
 * have passed the check.
 */
size_t vv_chunk_next(const struct vv_chunk_params *params, const uint8_t *bytes,
		     size_t len, bool is_last);

#endif
