/*
 * pack.h - the index of a pack (docs/format.md, section 7): which frames and blobs, and where.
 *
 * Ownership: bytes borrowed until vv_pack_fini().
 * Threads: immutable after init; all queries from any thread.
 * Errors: as tree.h.
 */
#ifndef VV_FORMAT_PACK_H
#define VV_FORMAT_PACK_H

#include "core/id.h"
#include "format/image.h"

#include <stdint.h>

enum {
	VV_PACK_HEADER = 16,
	VV_FRAME_MAX = 256 * 1024, /* plain bytes */
	VV_SLICE_MAX =
		64 *
		1024, /* plain bytes of a frame that holds a slice of a larger blob */
	VV_EXTENT_MIN = 4096, /* bytes an extent spans unless it is its blob's last */
};
#define VV_NONE UINT32_MAX

enum vv_frame_codec {
	VV_CODEC_RAW = 0,
	VV_CODEC_ZSTD = 1
};

struct vv_pack {
	struct vv_image image; /* owned */
	struct vv_id id;
	uint32_t frame_count, blob_count, extent_count;
	uint64_t frames, blobs, extents, frames_end;
};

struct vv_frame {
	struct vv_id id;
	uint64_t offset; /* in the pack file; 0 = in another pack */
	uint32_t stored_size, plain_size;
	uint64_t checksum;  /* of the plain bytes */
	uint32_t reference; /* frame index in the same table, or VV_NONE */
	uint16_t codec, filter;
	uint32_t sketch[4];
};

struct vv_blob {
	struct vv_id id;
	uint64_t size;
	uint32_t extent_first, extent_count;
};

struct vv_extent {
	uint64_t start, end; /* in the blob */
	uint32_t frame;	     /* index in the frame table, VV_NONE = hole */
	uint32_t frame_offset;
};

int vv_pack_init(struct vv_pack *pack, const struct vv_id *id, const uint8_t *image,
		 size_t size, const atomic_uint *faults);
void vv_pack_fini(struct vv_pack *pack);

int vv_pack_frame(const struct vv_pack *pack, uint32_t index, struct vv_frame *out);
int vv_pack_blob(const struct vv_pack *pack, uint32_t index, struct vv_blob *out);
int vv_pack_find_frame(const struct vv_pack *pack, const struct vv_id *id,
		       uint32_t *index); /* VV_ENOENT */
int vv_pack_find_blob(const struct vv_pack *pack, const struct vv_id *id,
		      uint32_t *index); /* VV_ENOENT */
/* The @nth extent of @blob, checked against its neighbours and its frame. */
int vv_pack_extent(const struct vv_pack *pack, const struct vv_blob *blob, uint32_t nth,
		   struct vv_extent *out);
/* The extent that holds byte @off of @blob (@off < size). */
int vv_pack_extent_at(const struct vv_pack *pack, const struct vv_blob *blob,
		      uint64_t off, uint32_t *nth);

/* Check every rule of section 7 that the index alone can show. */
int vv_pack_verify(const struct vv_pack *pack, char *why, size_t why_size);

#endif
