/*
 * pack_builder.h - collects frames, blobs and extents and makes the index image of a pack.
 *
 * Frames get a number in order of adding; extents and references use these numbers;
 * finish sorts and renumbers.  The same set gives the same index, whatever the order.
 * Memory: about 100 bytes a frame and 3 for each value of its sketch, 64 a blob and 16
 * an extent.
 *
 * Ownership: copies what it is given.
 * Threads: one.
 */
#ifndef VV_FORMAT_PACK_BUILDER_H
#define VV_FORMAT_PACK_BUILDER_H

#include "core/buf.h"
#include "format/pack.h"

#include <stddef.h>
#include <stdint.h>

struct vv_pack_builder;

int vv_pack_builder_new(struct vv_pack_builder **out);
void vv_pack_builder_free(struct vv_pack_builder *b); /* NULL is a no-op */

/*
 * Add a frame stored here (offset != 0) or elsewhere (offset 0: codec, filter, reference
 * and stored_size are then the other pack's business and count as none).  Its id is new
 * to the builder, else VV_EEXIST with *@number the old one.  VV_EINVAL: it breaks a
 * rule of the format; a reference must have been added before and have none itself.
 * VV_EFBIG: the pack is full.  It has no sketch yet, whatever @frame says.
 */
int vv_pack_builder_frame(struct vv_pack_builder *b, const struct vv_frame *frame,
			  uint32_t *number);
/* It is stored at @offset after all.  VV_EINVAL: it is not stored here. */
int vv_pack_builder_place(struct vv_pack_builder *b, uint32_t number, uint64_t offset);
/*
 * Give a frame that is stored here without a reference its sketch.  VV_EINVAL: there is
 * one, or it breaks a rule.
 */
int vv_pack_builder_sketch(struct vv_pack_builder *b, uint32_t number,
			   const uint32_t *values, uint32_t count);
/* Numbers of frames by id; VV_ENOENT. */
int vv_pack_builder_find(const struct vv_pack_builder *b, const struct vv_id *id,
			 uint32_t *number);

struct vv_blob_part { /* one extent to be; it ends where the next starts */
	uint64_t start;
	uint32_t frame; /* builder's number or VV_NONE = a hole */
	uint32_t frame_offset;
};

/* VV_EEXIST if the blob is there already.  VV_EINVAL: the parts break a rule. */
int vv_pack_builder_blob(struct vv_pack_builder *b, const struct vv_id *id,
			 uint64_t size, const struct vv_blob_part *parts,
			 uint32_t count);

uint32_t vv_pack_builder_frame_count(const struct vv_pack_builder *b);
uint32_t vv_pack_builder_blob_count(const struct vv_pack_builder *b);

/*
 * Append the index image to @out (empty).  @frames_end: file offset where the frames
 * end; VV_EINVAL if a frame lies beyond.  The builder can only be freed then.
 */
int vv_pack_builder_finish(struct vv_pack_builder *b, uint64_t frames_end,
			   struct vv_buf *out, struct vv_id *id);

#endif
