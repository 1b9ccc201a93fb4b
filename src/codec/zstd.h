/*
 * zstd.h - one frame to stored bytes and back.
 *
 * A stored frame is exactly one Zstandard frame (RFC 8878), magic included,
 * without a dictionary id (docs/format.md, section 7).  Ours carry their content
 * size and no checksum: the index knows the plain size, and our own checksum
 * covers the plain bytes.  A frame that says nothing of its size is read as well.
 * The window is at most VV_ZSTD_WINDOW_BYTES_MAX, so a decoder of any kind needs
 * no memory beyond that, the reference and its own fixed state.
 *
 * Reference: a frame may be compressed against the plain bytes of another
 * frame, which the decoder must then be given again.  To Zstandard they are
 * raw dictionary content, whatever bytes they begin with.
 *
 * Ownership: new/free.  Buffers are borrowed for the call.  A cdict borrows its
 *	bytes until it is freed.
 * Threads: a compressor or decompressor belongs to one thread at a time; a
 *	cdict is immutable and may serve many compressors at once.
 */
#ifndef VV_CODEC_ZSTD_H
#define VV_CODEC_ZSTD_H

#include <stddef.h>

struct vv_compressor;
struct vv_decompressor;
struct vv_cdict;

enum {
	VV_ZSTD_WINDOW_BYTES_MAX = 512 * 1024,
	VV_COMPRESS_LEVEL_MIN = 1,
	VV_COMPRESS_LEVEL_MAX = 22,
	VV_COMPRESS_LEVEL_DEFAULT = 14, /* 15: 0.3 % smaller, 10 % slower */
};

/* Stored bytes that always suffice for @len plain bytes; SIZE_MAX if none do. */
size_t vv_compress_bound(size_t len);

/* VV_EINVAL: no such level.  VV_ENOMEM. */
int vv_compressor_new(struct vv_compressor **out, int level);
void vv_compressor_free(struct vv_compressor *c);

/* Bytes that @c holds now; grows with the largest frame it has seen. */
size_t vv_compressor_size_bytes(const struct vv_compressor *c);

/*
 * Compresses @src into @dst and sets *@out_len.  @ref is the plain bytes of the
 * reference frame, or NULL and 0; it must not overlap @src, or it is of no use.
 * VV_ENOSPC: the stored bytes would exceed @cap, so give @cap = @len - 1 to ask
 * "only if it helps".  VV_ENOMEM.  After an error *@out_len is 0, @dst is
 * undefined and @c may be used again.
 */
int vv_compressor_run(struct vv_compressor *c, void *dst, size_t cap, size_t *out_len,
		      const void *src, size_t len, const void *ref, size_t ref_len);

/*
 * The same against a reference that was digested once for many frames, at the
 * level of the cdict.  What comes out is decoded with the same @ref bytes.
 */
int vv_compressor_run_cdict(struct vv_compressor *c, void *dst, size_t cap,
			    size_t *out_len, const void *src, size_t len,
			    const struct vv_cdict *dict);

/* Digests @bytes, which stay borrowed.  VV_EINVAL: no such level.  VV_ENOMEM. */
int vv_cdict_new(struct vv_cdict **out, const void *bytes, size_t len, int level);
void vv_cdict_free(struct vv_cdict *dict);
size_t vv_cdict_size_bytes(const struct vv_cdict *dict);

/*
 * All memory a decompressor ever holds is taken here: vv_decompressor_size_bytes(),
 * about 125 KiB.  Running one allocates nothing.  VV_ENOMEM.
 */
int vv_decompressor_new(struct vv_decompressor **out);
void vv_decompressor_free(struct vv_decompressor *d);
size_t vv_decompressor_size_bytes(void);

/*
 * Decodes the stored frame @src into exactly @len plain bytes at @dst.  The
 * bytes are hostile: VV_ECORRUPT when they are not one frame as described
 * above, or do not decode to @len bytes; then @dst is undefined, nothing beyond
 * it was written, and @d may be used again.
 */
int vv_decompressor_run(struct vv_decompressor *d, void *dst, size_t len,
			const void *src, size_t src_len, const void *ref,
			size_t ref_len);

#endif
