#include "codec/chunk.h"

#include "core/arith.h"
#include "core/err.h"

#include <assert.h>

#include "codec/gear_table.h"

enum {
	SHIFT = 16,
	WINDOW_BYTES = 4, /* a byte leaves the hash after 64 bits of shifts */
	BITS_MAX = 32,
};

int vv_chunk_params_check(const struct vv_chunk_params *params)
{
	if (params->min_bytes < WINDOW_BYTES || params->min_bytes > params->mid_bytes ||
	    params->mid_bytes > params->max_bytes)
		return VV_EINVAL;
	if (params->loose_bits < 1 || params->loose_bits > params->strict_bits ||
	    params->strict_bits > BITS_MAX)
		return VV_EINVAL;
	return VV_OK;
}

/* A gear hash on its way through a chunk. */
struct roll {
	const uint8_t *bytes;
	size_t at;
	uint64_t hash;
	uint64_t least; /* hash so far, and the place after it */
	size_t least_at;
};

static void roll_to(struct roll *r, size_t end)
{
	while (r->at < end)
		r->hash = (r->hash << SHIFT) + gear[r->bytes[r->at++]];
}

/* Up to a place where the top @bits are zero, or to @end: false. */
static bool roll_to_cut(struct roll *r, size_t end, unsigned bits)
{
	uint64_t limit = UINT64_C(1)
			 << (64 - bits); /* the top bits know the whole window */
	uint64_t hash = r->hash;

	while (r->at < end) {
		hash = (hash << SHIFT) + gear[r->bytes[r->at++]];
		if (hash < limit)
			return true;
	}
	r->hash = hash;
	return false;
}

/* The same, and the least hash is noted; the last one if several are equal, so that what has no variety is cut at the limit. */
static bool roll_to_least(struct roll *r, size_t end, unsigned bits)
{
	uint64_t limit = UINT64_C(1) << (64 - bits);

	while (r->at < end) {
		r->hash = (r->hash << SHIFT) + gear[r->bytes[r->at++]];
		if (r->hash < limit)
			return true;
		if (r->hash <= r->least) {
			r->least = r->hash;
			r->least_at = r->at;
		}
	}
	return false;
}

size_t vv_chunk_next(const struct vv_chunk_params *params, const uint8_t *bytes,
		     size_t len, bool is_last)
{
	size_t end = vv_min_size(len, params->max_bytes);
	struct roll r = {
		.bytes = bytes,
		.at = params->min_bytes - WINDOW_BYTES,
		.least = UINT64_MAX,
		.least_at = params->max_bytes,
	};

	assert(vv_chunk_params_check(params) == VV_OK);
	if (len < params->min_bytes)
		return is_last ? len : 0;
	roll_to(&r, params->min_bytes);
	if (roll_to_cut(&r, vv_min_size(end, params->mid_bytes), params->strict_bits) ||
	    roll_to_least(&r, end, params->loose_bits))
		return r.at;
	if (len >= params->max_bytes)
		return r.least_at;
	return is_last ? len : 0;
}
