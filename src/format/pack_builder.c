#include "format/pack_builder.h"

#include "core/arith.h"
#include "core/err.h"
#include "format/pack_layout.h"
#include "format/slots.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct vv_pack_builder {
	struct vv_buf frames;	/* owned; struct vv_frame each, references by number */
	struct vv_buf blobs;	/* owned; struct vv_blob each */
	struct vv_buf parts;	/* owned; struct vv_blob_part each */
	struct vv_buf sketches; /* owned; values as in the index */
	struct vv_slots frame_index, blob_index; /* owned */
};

/* What finish sorts: an id and where it was before. */
struct sorted {
	const struct vv_id *id; /* borrowed */
	uint32_t number;
};

static struct vv_frame *frame_at(const struct vv_pack_builder *b, uint32_t number)
{
	return (struct vv_frame *)b->frames.bytes + number;
}

static struct vv_blob *blob_at(const struct vv_pack_builder *b, uint32_t number)
{
	return (struct vv_blob *)b->blobs.bytes + number;
}

static const struct vv_blob_part *part_at(const struct vv_pack_builder *b, uint32_t i)
{
	return (const struct vv_blob_part *)b->parts.bytes + i;
}

int vv_pack_builder_new(struct vv_pack_builder **out)
{
	struct vv_pack_builder *b = calloc(1, sizeof *b);

	*out = NULL;
	if (!b)
		return VV_ENOMEM;
	vv_buf_init(&b->frames, SIZE_MAX);
	vv_buf_init(&b->blobs, SIZE_MAX);
	vv_buf_init(&b->parts, SIZE_MAX);
	vv_buf_init(&b->sketches, SIZE_MAX);
	*out = b;
	return VV_OK;
}

void vv_pack_builder_free(struct vv_pack_builder *b)
{
	if (!b)
		return;
	vv_buf_fini(&b->frames);
	vv_buf_fini(&b->blobs);
	vv_buf_fini(&b->parts);
	vv_buf_fini(&b->sketches);
	vv_slots_fini(&b->frame_index);
	vv_slots_fini(&b->blob_index);
	free(b);
}

uint32_t vv_pack_builder_frame_count(const struct vv_pack_builder *b)
{
	return (uint32_t)(b->frames.len / sizeof(struct vv_frame));
}

uint32_t vv_pack_builder_blob_count(const struct vv_pack_builder *b)
{
	return (uint32_t)(b->blobs.len / sizeof(struct vv_blob));
}

int vv_pack_builder_find(const struct vv_pack_builder *b, const struct vv_id *id,
			 uint32_t *number)
{
	uint32_t hash = vv_slots_hash(id), n;

	*number = VV_NONE;
	for (size_t at = 0; vv_slots_next(&b->frame_index, hash, &at, &n);) {
		if (vv_id_equal(&frame_at(b, n)->id, id)) {
			*number = n;
			return VV_OK;
		}
	}
	return VV_ENOENT;
}

static bool is_frame_good(const struct vv_pack_builder *b, const struct vv_frame *f)
{
	uint64_t end;

	if (f->plain_size == 0 || f->plain_size > VV_FRAME_MAX)
		return false;
	if (f->offset == 0)
		return true;
	if (f->offset < VV_PACK_HEADER || !vv_add_u64(f->offset, f->stored_size, &end))
		return false;
	if (f->filter > VV_FILTER_BRANCH || (f->filter && f->reference != VV_NONE))
		return false;
	if (f->codec == VV_CODEC_RAW)
		return f->stored_size == f->plain_size && f->reference == VV_NONE &&
		       f->filter == VV_FILTER_NONE;
	if (f->codec != VV_CODEC_ZSTD || f->stored_size == 0 ||
	    f->stored_size >= f->plain_size)
		return false;
	return f->reference == VV_NONE ||
	       (f->reference < vv_pack_builder_frame_count(b) &&
		frame_at(b, f->reference)->reference == VV_NONE);
}

int vv_pack_builder_frame(struct vv_pack_builder *b, const struct vv_frame *frame,
			  uint32_t *number)
{
	uint32_t count = vv_pack_builder_frame_count(b);
	struct vv_frame f = *frame;
	int err = vv_pack_builder_find(b, &frame->id, number);

	if (err != VV_ENOENT)
		return VV_EEXIST;
	if (!is_frame_good(b, &f))
		return VV_EINVAL;
	if (count == VV_PACK_COUNT_MAX)
		return VV_EFBIG;
	f.sketch_first = f.sketch_count = 0;
	if (f.offset == 0) {
		f.stored_size = 0;
		f.codec = VV_CODEC_RAW;
		f.filter = VV_FILTER_NONE;
		f.reference = VV_NONE;
	}
	err = vv_buf_reserve(&b->frames, sizeof f);
	if (!err)
		err = vv_slots_put(&b->frame_index, vv_slots_hash(&f.id), count);
	if (!err)
		err = vv_buf_append(&b->frames, &f, sizeof f);
	if (!err)
		*number = count;
	return err;
}

int vv_pack_builder_place(struct vv_pack_builder *b, uint32_t number, uint64_t offset)
{
	struct vv_frame *f;

	if (number >= vv_pack_builder_frame_count(b) || offset < VV_PACK_HEADER)
		return VV_EINVAL;
	f = frame_at(b, number);
	if (f->offset == 0)
		return VV_EINVAL;
	f->offset = offset;
	return VV_OK;
}

static uint32_t sketch_value_count(const struct vv_pack_builder *b)
{
	return (uint32_t)(b->sketches.len / VV_SKT_ROW);
}

static bool is_sketch_good(const uint32_t *values, uint32_t count)
{
	if (count > VV_SKETCH_MAX)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (values[i] > VV_SKETCH_VALUE_MAX ||
		    (i > 0 && values[i] <= values[i - 1]))
			return false;
	return true;
}

int vv_pack_builder_sketch(struct vv_pack_builder *b, uint32_t number,
			   const uint32_t *values, uint32_t count)
{
	uint8_t rows[VV_SKETCH_MAX * VV_SKT_ROW];
	struct vv_frame *f;
	int err;

	if (number >= vv_pack_builder_frame_count(b) || !is_sketch_good(values, count))
		return VV_EINVAL;
	f = frame_at(b, number);
	if (f->offset == 0 || f->reference != VV_NONE || f->sketch_count)
		return VV_EINVAL;
	if (count > UINT32_MAX - sketch_value_count(b))
		return VV_EFBIG;
	for (uint32_t i = 0; i < count; i++)
		vv_put_le24(rows + (size_t)i * VV_SKT_ROW, values[i]);
	f->sketch_first = sketch_value_count(b);
	f->sketch_count = count;
	err = vv_buf_append(&b->sketches, rows, (size_t)count * VV_SKT_ROW);
	if (err)
		f->sketch_count = 0;
	return err;
}

static bool has_blob(const struct vv_pack_builder *b, const struct vv_id *id)
{
	uint32_t hash = vv_slots_hash(id), n;

	for (size_t at = 0; vv_slots_next(&b->blob_index, hash, &at, &n);) {
		if (vv_id_equal(&blob_at(b, n)->id, id))
			return true;
	}
	return false;
}

static bool is_part_good(const struct vv_pack_builder *b, uint64_t size,
			 const struct vv_blob_part *part, uint64_t end, bool is_last)
{
	const struct vv_frame *f;

	if (end > size || part->start >= end ||
	    (!is_last && end - part->start < VV_EXTENT_MIN))
		return false;
	if (part->frame == VV_NONE)
		return part->frame_offset == 0;
	if (part->frame >= vv_pack_builder_frame_count(b))
		return false;
	f = frame_at(b, part->frame);
	if (size > VV_FRAME_MAX && f->plain_size > VV_SLICE_MAX)
		return false;
	return vv_range_fits(part->frame_offset, end - part->start, f->plain_size);
}

static bool are_parts_good(const struct vv_pack_builder *b, uint64_t size,
			   const struct vv_blob_part *parts, uint32_t count)
{
	if (size == 0 || size > VV_BLOB_MAX || count == 0 || parts[0].start != 0)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		bool is_last = i + 1 == count;
		uint64_t end = is_last ? size : parts[i + 1].start;

		if (!is_part_good(b, size, &parts[i], end, is_last))
			return false;
	}
	return true;
}

int vv_pack_builder_blob(struct vv_pack_builder *b, const struct vv_id *id,
			 uint64_t size, const struct vv_blob_part *parts,
			 uint32_t count)
{
	size_t first = b->parts.len / sizeof *parts;
	uint32_t number = vv_pack_builder_blob_count(b);
	struct vv_blob blob = { *id, size, (uint32_t)first, count };
	int err;

	if (has_blob(b, id))
		return VV_EEXIST;
	if (!are_parts_good(b, size, parts, count))
		return VV_EINVAL;
	if (number == VV_PACK_COUNT_MAX || count > UINT32_MAX - first)
		return VV_EFBIG;
	err = vv_buf_reserve(&b->blobs, sizeof blob);
	if (!err)
		err = vv_buf_reserve(&b->parts, (size_t)count * sizeof *parts);
	if (!err)
		err = vv_slots_put(&b->blob_index, vv_slots_hash(id), number);
	if (err)
		return err;
	vv_buf_append(&b->blobs, &blob, sizeof blob); /* there is room */
	return vv_buf_append(&b->parts, parts, (size_t)count * sizeof *parts);
}

/* ---- finishing ---- */

static int compare_sorted(const void *a, const void *b)
{
	return vv_id_cmp(((const struct sorted *)a)->id,
			 ((const struct sorted *)b)->id);
}

/* Rows of @row_size bytes that begin with their id, in the order of the ids. */
static int sort_rows(const uint8_t *rows, size_t row_size, uint32_t count,
		     struct sorted **out)
{
	struct sorted *order = calloc((size_t)count + 1, sizeof *order);

	*out = order;
	if (!order)
		return VV_ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		order[i] = (struct sorted){
			.id = (const struct vv_id *)(rows + i * row_size),
			.number = i,
		};
	qsort(order, count, sizeof *order, compare_sorted);
	return VV_OK;
}

/* Where the tables begin, and the body ends. */
struct layout {
	uint64_t blobs, extents, sketches, end;
};

static struct layout lay_out(const struct vv_pack_builder *b)
{
	struct layout at;

	at.blobs = VV_IDX_HEADER_SIZE +
		   (uint64_t)vv_pack_builder_frame_count(b) * VV_FRM_ROW;
	at.extents = at.blobs + (uint64_t)vv_pack_builder_blob_count(b) * VV_BLB_ROW;
	at.sketches =
		at.extents + b->parts.len / sizeof(struct vv_blob_part) * VV_EXT_ROW;
	at.end = at.sketches + b->sketches.len;
	return at;
}

static void put_header(const struct vv_pack_builder *b, const struct layout *at,
		       uint64_t frames_end, uint8_t *h)
{
	memset(h, 0, VV_IDX_HEADER_SIZE);
	memcpy(h, VV_IDX_MAGIC, 8);
	vv_put_le32(h + VV_IDX_VERSION, VV_IDX_VERSION_NOW);
	vv_put_le32(h + VV_IDX_FRAME_COUNT, vv_pack_builder_frame_count(b));
	vv_put_le32(h + VV_IDX_BLOB_COUNT, vv_pack_builder_blob_count(b));
	vv_put_le32(h + VV_IDX_EXTENT_COUNT,
		    (uint32_t)(b->parts.len / sizeof(struct vv_blob_part)));
	vv_put_le32(h + VV_IDX_SKETCH_VALUE_COUNT, sketch_value_count(b));
	vv_put_le64(h + VV_IDX_FRAMES, VV_IDX_HEADER_SIZE);
	vv_put_le64(h + VV_IDX_BLOBS, at->blobs);
	vv_put_le64(h + VV_IDX_EXTENTS, at->extents);
	vv_put_le64(h + VV_IDX_SKETCHES, at->sketches);
	vv_put_le64(h + VV_IDX_FRAMES_END, frames_end);
}

static void put_frame(const struct vv_frame *f, const uint32_t *ranks,
		      uint32_t sketch_first, uint8_t *row)
{
	memcpy(row, f->id.bytes, VV_ID_BYTES);
	vv_put_le64(row + VV_FRM_OFFSET, f->offset);
	vv_put_le32(row + VV_FRM_STORED_SIZE, f->stored_size);
	vv_put_le32(row + VV_FRM_PLAIN_SIZE, f->plain_size);
	vv_put_le64(row + VV_FRM_CHECKSUM, f->checksum);
	vv_put_le32(row + VV_FRM_REFERENCE,
		    f->reference == VV_NONE ? VV_NONE : ranks[f->reference]);
	vv_put_le16(row + VV_FRM_CODEC, f->codec);
	vv_put_le16(row + VV_FRM_FILTER, f->filter);
	vv_put_le32(row + VV_FRM_SKETCH_FIRST, f->sketch_count ? sketch_first : 0);
	vv_put_le32(row + VV_FRM_SKETCH_COUNT, f->sketch_count);
}

/* The frame table, and the sketches in its order. */
static void put_frames(const struct vv_pack_builder *b, const struct sorted *order,
		       const uint32_t *ranks, uint8_t *row, uint8_t *sketch)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < vv_pack_builder_frame_count(b); i++) {
		const struct vv_frame *f = frame_at(b, order[i].number);

		put_frame(f, ranks, next, row + (size_t)i * VV_FRM_ROW);
		if (f->sketch_count)
			memcpy(sketch + (size_t)next * VV_SKT_ROW,
			       b->sketches.bytes + (size_t)f->sketch_first * VV_SKT_ROW,
			       (size_t)f->sketch_count * VV_SKT_ROW);
		next += f->sketch_count;
	}
}

static void put_extent(const struct vv_blob_part *part, const uint32_t *ranks,
		       uint8_t *row)
{
	vv_put_le64(row + VV_EXT_START, part->start);
	vv_put_le32(row + VV_EXT_FRAME,
		    part->frame == VV_NONE ? VV_NONE : ranks[part->frame]);
	vv_put_le32(row + VV_EXT_FRAME_OFFSET, part->frame_offset);
}

static void put_blobs(const struct vv_pack_builder *b, const struct sorted *order,
		      const uint32_t *ranks, uint8_t *row)
{
	uint32_t count = vv_pack_builder_blob_count(b), next = 0;
	uint8_t *extents = row + (size_t)count * VV_BLB_ROW;

	for (uint32_t i = 0; i < count; i++, row += VV_BLB_ROW) {
		const struct vv_blob *blob = blob_at(b, order[i].number);

		memcpy(row, blob->id.bytes, VV_ID_BYTES);
		vv_put_le64(row + VV_BLB_SIZE, blob->size);
		vv_put_le32(row + VV_BLB_EXTENT_FIRST, next);
		vv_put_le32(row + VV_BLB_EXTENT_COUNT, blob->extent_count);
		for (uint32_t k = 0; k < blob->extent_count; k++, next++)
			put_extent(part_at(b, blob->extent_first + k), ranks,
				   extents + (size_t)next * VV_EXT_ROW);
	}
}

static bool do_frames_end_before(const struct vv_pack_builder *b, uint64_t frames_end)
{
	for (uint32_t i = 0; i < vv_pack_builder_frame_count(b); i++) {
		const struct vv_frame *f = frame_at(b, i);

		if (f->offset && f->offset + f->stored_size > frames_end)
			return false;
	}
	return frames_end >= VV_PACK_HEADER && frames_end <= INT64_MAX;
}

static int put_body(const struct vv_pack_builder *b, uint64_t frames_end,
		    const struct sorted *frames, const struct sorted *blobs,
		    const uint32_t *ranks, struct vv_buf *out)
{
	struct layout at = lay_out(b);
	int err =
		at.end > SIZE_MAX ? VV_EFBIG : vv_buf_append_zeros(out, (size_t)at.end);

	if (err)
		return err;
	put_header(b, &at, frames_end, out->bytes);
	put_frames(b, frames, ranks, out->bytes + VV_IDX_HEADER_SIZE,
		   out->bytes + at.sketches);
	put_blobs(b, blobs, ranks, out->bytes + at.blobs);
	return VV_OK;
}

int vv_pack_builder_finish(struct vv_pack_builder *b, uint64_t frames_end,
			   struct vv_buf *out, struct vv_id *id)
{
	uint32_t frame_count = vv_pack_builder_frame_count(b);
	struct sorted *frames = NULL, *blobs = NULL;
	uint32_t *ranks = calloc((size_t)frame_count + 1, sizeof *ranks);
	int err = ranks ? VV_OK : VV_ENOMEM;

	*id = (struct vv_id){ 0 };
	if (out->len != 0 || !do_frames_end_before(b, frames_end))
		err = VV_EINVAL;
	if (!err)
		err = sort_rows(b->frames.bytes, sizeof(struct vv_frame), frame_count,
				&frames);
	if (!err)
		err = sort_rows(b->blobs.bytes, sizeof(struct vv_blob),
				vv_pack_builder_blob_count(b), &blobs);
	if (err)
		goto out;
	for (uint32_t i = 0; i < frame_count; i++)
		ranks[frames[i].number] = i;
	err = put_body(b, frames_end, frames, blobs, ranks, out);
	if (!err)
		err = vv_image_finish(out, VV_IMAGE_PACK_INDEX, id);
out:
	free(frames);
	free(blobs);
	free(ranks);
	return err;
}
