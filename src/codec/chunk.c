#include "codec/chunk.h"

#include "core/arith.h"
#include "core/err.h"

#include <assert.h>

#include "codec/gear_table.h"

enum {
	WINDOW_BYTES = 64, /* a byte leaves the hash after 64 shifts */
	NORMAL_BITS = 2,
};

int vv_chunk_params_check(const struct vv_chunk_params *params)
{
	if (params->min_bytes < WINDOW_BYTES || params->min_bytes > params->avg_bytes ||
	    params->avg_bytes > params->max_bytes)
		return VV_EINVAL;
	/* So the masks have from 4 bits to 32. */
	if (!vv_is_pow2(params->avg_bytes) || params->avg_bytes > (size_t)1 << 30)
		return VV_EINVAL;
	return VV_OK;
}

static unsigned log2_of(size_t pow2)
{
	unsigned bits = 0;

	while (pow2 >>= 1)
		bits++;
	return bits;
}

/* The top bits: they depend on the whole window, the low ones on its end only. */
static uint64_t top_bits(unsigned count)
{
	return ~(UINT64_MAX >> count);
}

/* The first cut at *@at < cut <= @end, or 0.  The hash and the place go on. */
static size_t find_cut(const uint8_t *bytes, size_t *at, size_t end, uint64_t mask,
		       uint64_t *hash)
{
	uint64_t h = *hash;
	size_t i = *at;

	while (i < end) {
		h = (h << 1) + gear[bytes[i++]];
		if ((h & mask) == 0)
			return i;
	}
	*hash = h;
	*at = i;
	return 0;
}

size_t vv_chunk_next(const struct vv_chunk_params *params, const uint8_t *bytes,
		     size_t len, bool is_last)
{
	unsigned bits = log2_of(params->avg_bytes);
	size_t end = vv_min_size(len, params->max_bytes);
	size_t at, cut;
	uint64_t hash = 0;

	assert(vv_chunk_params_check(params) == VV_OK);
	if (len <= params->min_bytes && len < params->max_bytes)
		return is_last ? len : 0;
	for (at = params->min_bytes - WINDOW_BYTES; at < params->min_bytes; at++)
		hash = (hash << 1) + gear[bytes[at]];
	cut = find_cut(bytes, &at, vv_min_size(end, params->avg_bytes),
		       top_bits(bits + NORMAL_BITS), &hash);
	if (!cut)
		cut = find_cut(bytes, &at, end, top_bits(bits - NORMAL_BITS), &hash);
	if (cut)
		return cut;
	if (len >= params->max_bytes)
		return params->max_bytes;
	return is_last ? len : 0;
}
