#include "codec/zstd.h"

#include "core/err.h"

/*
 * Placing a decoder in memory of ours, and reading a frame header, are in the
 * part of the library that is not frozen.  They have been there since 1.3; their
 * structures have spare room since 1.5.4, which is the least version we take.
 */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum {
	WINDOW_LOG_MAX = 19
};
_Static_assert(1 << WINDOW_LOG_MAX == VV_ZSTD_WINDOW_BYTES_MAX, "one limit, two units");

struct vv_compressor {
	ZSTD_CCtx *ctx; /* owned */
};

struct vv_cdict {
	ZSTD_CDict *dict; /* owned */
};

/* One allocation: this struct, then the decoder, then the place for a dictionary. */
struct vv_decompressor {
	ZSTD_DCtx *ctx;	 /* inside memory */
	void *dict_room; /* inside memory */
	size_t dict_room_bytes;
	uint64_t memory[];
};

size_t vv_compress_bound(size_t len)
{
	size_t bound = ZSTD_compressBound(len);

	return bound == 0 || ZSTD_isError(bound) ? SIZE_MAX : bound;
}

static bool level_is_known(int level)
{
	return level >= VV_COMPRESS_LEVEL_MIN && level <= VV_COMPRESS_LEVEL_MAX;
}

int vv_compressor_new(struct vv_compressor **out, int level)
{
	struct vv_compressor *c;
	size_t result;

	*out = NULL;
	if (!level_is_known(level))
		return VV_EINVAL;
	c = calloc(1, sizeof *c);
	if (!c)
		return VV_ENOMEM;
	c->ctx = ZSTD_createCCtx();
	if (!c->ctx) {
		vv_compressor_free(c);
		return VV_ENOMEM;
	}
	result = ZSTD_CCtx_setParameter(c->ctx, ZSTD_c_compressionLevel, level);
	assert(!ZSTD_isError(result));
	result = ZSTD_CCtx_setParameter(c->ctx, ZSTD_c_windowLog, WINDOW_LOG_MAX);
	assert(!ZSTD_isError(result));
	(void)result;
	*out = c;
	return VV_OK;
}

void vv_compressor_free(struct vv_compressor *c)
{
	if (!c)
		return;
	ZSTD_freeCCtx(c->ctx);
	free(c);
}

size_t vv_compressor_size_bytes(const struct vv_compressor *c)
{
	return sizeof *c + ZSTD_sizeof_CCtx(c->ctx);
}

static int err_of(size_t result)
{
	if (!ZSTD_isError(result))
		return VV_OK;
	switch (ZSTD_getErrorCode(result)) {
	case ZSTD_error_dstSize_tooSmall: return VV_ENOSPC;
	case ZSTD_error_memory_allocation: return VV_ENOMEM;
	default: return VV_EINVAL;
	}
}

/* Compresses with whatever reference has been set, and forgets the reference. */
static int compress(struct vv_compressor *c, void *dst, size_t cap, size_t *out_len,
		    const void *src, size_t len)
{
	size_t result = ZSTD_compress2(c->ctx, dst, cap, src, len);
	int err = err_of(result);

	/* Also ends the frame that an error may have left half-way. */
	(void)ZSTD_CCtx_reset(c->ctx, ZSTD_reset_session_only);
	(void)ZSTD_CCtx_refPrefix(c->ctx, NULL, 0);
	if (!err)
		*out_len = result;
	return err;
}

int vv_compressor_run(struct vv_compressor *c, void *dst, size_t cap, size_t *out_len,
		      const void *src, size_t len, const void *ref, size_t ref_len)
{
	int err;

	*out_len = 0;
	err = err_of(ZSTD_CCtx_refPrefix(c->ctx, ref, ref_len));
	if (err)
		return err;
	return compress(c, dst, cap, out_len, src, len);
}

int vv_compressor_run_cdict(struct vv_compressor *c, void *dst, size_t cap,
			    size_t *out_len, const void *src, size_t len,
			    const struct vv_cdict *dict)
{
	int err;

	*out_len = 0;
	err = err_of(ZSTD_CCtx_refCDict(c->ctx, dict->dict));
	if (err)
		return err;
	return compress(c, dst, cap, out_len, src, len);
}

int vv_cdict_new(struct vv_cdict **out, const void *bytes, size_t len, int level)
{
	ZSTD_compressionParameters params;
	struct vv_cdict *dict;

	*out = NULL;
	if (!level_is_known(level))
		return VV_EINVAL;
	dict = calloc(1, sizeof *dict);
	if (!dict)
		return VV_ENOMEM;
	/* The frames that follow are about as big as the reference. */
	params = ZSTD_getCParams(level, len, len);
	dict->dict = ZSTD_createCDict_advanced(bytes, len, ZSTD_dlm_byRef,
					       ZSTD_dct_rawContent, params,
					       ZSTD_defaultCMem);
	if (!dict->dict) {
		vv_cdict_free(dict);
		return VV_ENOMEM;
	}
	*out = dict;
	return VV_OK;
}

void vv_cdict_free(struct vv_cdict *dict)
{
	if (!dict)
		return;
	ZSTD_freeCDict(dict->dict);
	free(dict);
}

size_t vv_cdict_size_bytes(const struct vv_cdict *dict)
{
	return sizeof *dict + ZSTD_sizeof_CDict(dict->dict);
}

/* Both sizes are constants of the library, rounded up to keep the second aligned. */
static size_t decoder_room_bytes(void)
{
	return (ZSTD_estimateDCtxSize() + 63) & ~(size_t)63;
}

static size_t dict_room_bytes(void)
{
	return (ZSTD_estimateDDictSize(0, ZSTD_dlm_byRef) + 63) & ~(size_t)63;
}

size_t vv_decompressor_size_bytes(void)
{
	return sizeof(struct vv_decompressor) + decoder_room_bytes() +
	       dict_room_bytes();
}

int vv_decompressor_new(struct vv_decompressor **out)
{
	struct vv_decompressor *d = malloc(vv_decompressor_size_bytes());

	*out = NULL;
	if (!d)
		return VV_ENOMEM;
	d->ctx = ZSTD_initStaticDCtx(d->memory, decoder_room_bytes());
	assert(d->ctx);
	d->dict_room = (uint8_t *)d->memory + decoder_room_bytes();
	d->dict_room_bytes = dict_room_bytes();
	*out = d;
	return VV_OK;
}

void vv_decompressor_free(struct vv_decompressor *d)
{
	free(d); /* the decoder lies inside */
}

/* Is @src one frame of the kind we take, from its first to its last byte? */
static bool frame_is_ours(const void *src, size_t src_len, size_t len)
{
	ZSTD_frameHeader header;

	if (ZSTD_getFrameHeader(&header, src, src_len) != 0)
		return false;
	if (header.frameType != ZSTD_frame || header.dictID != 0)
		return false;
	if (header.windowSize > VV_ZSTD_WINDOW_BYTES_MAX)
		return false;
	if (header.frameContentSize != ZSTD_CONTENTSIZE_UNKNOWN &&
	    header.frameContentSize != len)
		return false;
	/* A second, empty frame would decode as well, and be a second spelling. */
	return ZSTD_findFrameCompressedSize(src, src_len) == src_len;
}

int vv_decompressor_run(struct vv_decompressor *d, void *dst, size_t len,
			const void *src, size_t src_len, const void *ref,
			size_t ref_len)
{
	const ZSTD_DDict *dict = NULL;
	size_t result;

	if (!frame_is_ours(src, src_len, len))
		return VV_ECORRUPT;
	/* Not ..._usingDict(): that takes some contents for a formatted dictionary. */
	if (ref_len != 0) {
		dict = ZSTD_initStaticDDict(d->dict_room, d->dict_room_bytes, ref,
					    ref_len, ZSTD_dlm_byRef,
					    ZSTD_dct_rawContent);
		assert(dict);
	}
	result = ZSTD_decompress_usingDDict(d->ctx, dst, len, src, src_len, dict);
	return ZSTD_isError(result) || result != len ? VV_ECORRUPT : VV_OK;
}
