/*
 * chunk.h - where to cut a big blob so that two versions of it share pieces.
 *
 * Content-defined chunking after FastCDC (Xia et al., USENIX ATC 2016): a
 * rolling gear hash of the last 64 bytes decides, so an insertion moves only the
 * cuts near it.  Cutting is normalised at level 2: before the average size the
 * hash must show 2 bits more than log2(avg), after it 2 bits fewer, which keeps
 * chunk sizes close to the average.
 *
 * gear[i] is the first 8 bytes, little-endian, of the BLAKE2b-256 of the single
 * byte i.  Hash: h = (h << 1) + gear[byte], modulo 2^64, from 0 at 64 bytes
 * before the least chunk size, so that a decision depends on the last 64 bytes
 * and on nothing else.  A cut follows a byte after which the top bits of h are
 * all zero.  Where a blob was cut is not part of the format (the index says it),
 * but packs made with different rules share less: not to be changed lightly.
 *
 * Threads: pure functions.
 */
#ifndef VV_CODEC_CHUNK_H
#define VV_CODEC_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_chunk_params {
	size_t min_bytes; /* no shorter chunk, except the last; at least 64 */
	size_t avg_bytes; /* a power of two, between min and max */
	size_t max_bytes; /* no longer chunk */
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
