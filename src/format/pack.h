/*
 * pack.h - the index of a pack (docs/format.md, section 7): which frames and blobs, and where.
 *
 * Answers: does this pack have that blob, in which frames does byte n of it lie, and
 * where in the file are they?  Ids are uniform, so a search begins at an interpolated
 * guess and touches two or three pages of a table of any size.  The index also keeps
 * the sketches of frames, by which a publisher finds what its frames resemble; they lie
 * at its end, where readers never look.
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
	VV_PACK_HEADER = 16,	   /* bytes before the first frame */
	VV_PACK_NOTE = 32,	   /* bytes of a note, if there is one behind it */
	VV_PACK_ALIGN = 4096,	   /* of the index in the file */
	VV_FRAME_MAX = 256 * 1024, /* plain bytes */
	VV_SLICE_MAX = 64 * 1024,  /* the same for a slice of a larger blob */
	VV_EXTENT_MIN = 4096, /* bytes an extent spans unless it is its blob's last */
	VV_SKETCH_MAX = 256,  /* values of a sketch */
};
#define VV_PACK_COUNT_MAX INT32_MAX /* frames, and blobs, of one pack */
#define VV_BLOB_MAX (UINT64_C(1) << 62)
#define VV_SKETCH_VALUE_MAX ((UINT32_C(1) << 24) - 1)
#define VV_NONE UINT32_MAX

enum vv_frame_codec {
	VV_CODEC_RAW = 0,
	VV_CODEC_ZSTD = 1,
};

/* What was done to the plain bytes before they were compressed. */
enum vv_frame_filter {
	VV_FILTER_NONE = 0,
	VV_FILTER_BRANCH =
		1, /* codec/branch.h; with zstd and without a reference only */
};

/*
 * What a pack that was written anew says about that (docs/format.md, section 7.2).  Only
 * writers and gc look at it; no reader depends on it.
 */
struct vv_pack_note {
	uint32_t level; /* of compression; 0 = there is no note */
	uint64_t
		generation; /* of two packs that hold the same, the higher is to stay */
};

struct vv_pack {
	struct vv_image image; /* owned */
	struct vv_id id;       /* as the opener named it */
	uint32_t frame_count, blob_count, extent_count, sketch_value_count;
	/* Where the tables begin in the body: */
	uint64_t frames, blobs, extents, sketches;
	uint64_t frames_end;
	struct vv_pack_note note; /* set by who opens the file */
};

struct vv_frame {
	struct vv_id id;
	uint64_t offset; /* in the pack file; 0 = in another pack */
	uint32_t stored_size, plain_size;
	uint64_t checksum;  /* of the plain bytes */
	uint32_t reference; /* frame index in the same table, or VV_NONE */
	uint16_t codec, filter;
	uint32_t sketch_first, sketch_count; /* values in the table of sketches */
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

/* @image is the whole index image.  @id may be NULL (unknown).  Checks header and tables' bounds. */
int vv_pack_init(struct vv_pack *pack, const struct vv_id *id, const uint8_t *image,
		 size_t size, const atomic_uint *faults);
void vv_pack_fini(struct vv_pack *pack); /* a zeroed pack is fine */

/*
 * The first bytes of a pack file, and the check that they and the index, found at
 * @index_at in the file, belong to one pack.  VV_ECORRUPT, VV_ENEWER.
 */
void vv_pack_header_put(uint8_t header[VV_PACK_HEADER]);
int vv_pack_check_file(const struct vv_pack *pack, const uint8_t header[VV_PACK_HEADER],
		       uint64_t index_at);

/* The note as it stands in the file; any other bytes are no note, and @out is zeroed. */
void vv_pack_note_put(uint8_t bytes[VV_PACK_NOTE], const struct vv_pack_note *note);
void vv_pack_note_get(struct vv_pack_note *out, const uint8_t bytes[VV_PACK_NOTE]);

/*
 * By index in the table; VV_EINVAL beyond it.  What comes back obeys the rules: a
 * stored frame lies before frames_end, and its reference exists and, as far as this
 * table shows, has none itself.  (A reference in another pack: look there.)
 */
int vv_pack_frame(const struct vv_pack *pack, uint32_t index, struct vv_frame *out);
int vv_pack_blob(const struct vv_pack *pack, uint32_t index, struct vv_blob *out);
/* The sketch of @frame of this pack: frame->sketch_count values, which increase. */
int vv_pack_sketch(const struct vv_pack *pack, const struct vv_frame *frame,
		   uint32_t values[VV_SKETCH_MAX]);

/* By id; VV_ENOENT. */
int vv_pack_find_frame(const struct vv_pack *pack, const struct vv_id *id,
		       uint32_t *index);
int vv_pack_find_blob(const struct vv_pack *pack, const struct vv_id *id,
		      uint32_t *index);

/* The @nth extent of @blob, checked against its neighbours and its frame. */
int vv_pack_extent(const struct vv_pack *pack, const struct vv_blob *blob, uint32_t nth,
		   struct vv_extent *out);
/* The extent that holds byte @off of @blob.  VV_EINVAL: @off is not below its size. */
int vv_pack_extent_at(const struct vv_pack *pack, const struct vv_blob *blob,
		      uint64_t off, uint32_t *nth);

/*
 * Check every rule of section 7 that the index alone can show.  @why gets one line
 * for people, "" if all is well.  O(size) time, no memory.
 */
int vv_pack_verify(const struct vv_pack *pack, char *why, size_t why_size);

#endif
