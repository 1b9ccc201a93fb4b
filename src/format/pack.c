#include "format/pack.h"

#include "codec/hash.h"
#include "core/arith.h"
#include "core/err.h"
#include "format/pack_layout.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/*
 * A search interpolates this often before it halves.  With uniform ids 2^31 rows
 * need about five; a hostile table costs these and then the logarithm.
 */
enum {
	INTERPOLATIONS = 8
};

static const char file_magic[8] = { 'V', 'A', 'R', 'V', 'E', 'P', 'C', 'K' };
static const char note_magic[8] = { 'V', 'A', 'R', 'V', 'E', 'N', 'T', 'E' };
enum {
	FILE_VERSION = 1
};

/* ---- opening ---- */

/*
 * Every table begins where the one before it ends, so the counts say it all; the
 * offsets in the header are only compared.  No sum overflows: four u32 counts
 * times at most 80.
 */
static int check_tables(struct vv_pack *pack, const uint8_t *h)
{
	uint64_t blobs, extents, sketches, end;

	blobs = VV_IDX_HEADER_SIZE + (uint64_t)pack->frame_count * VV_FRM_ROW;
	extents = blobs + (uint64_t)pack->blob_count * VV_BLB_ROW;
	sketches = extents + (uint64_t)pack->extent_count * VV_EXT_ROW;
	end = sketches + (uint64_t)pack->sketch_value_count * VV_SKT_ROW;
	pack->frames = vv_get_le64(h + VV_IDX_FRAMES);
	pack->blobs = vv_get_le64(h + VV_IDX_BLOBS);
	pack->extents = vv_get_le64(h + VV_IDX_EXTENTS);
	pack->sketches = vv_get_le64(h + VV_IDX_SKETCHES);
	if (pack->frames != VV_IDX_HEADER_SIZE || pack->blobs != blobs ||
	    pack->extents != extents || pack->sketches != sketches ||
	    pack->image.body_size != end)
		return VV_ECORRUPT;
	return VV_OK;
}

static int read_header(struct vv_pack *pack)
{
	const uint8_t *h;
	int err = vv_image_get(&pack->image, 0, VV_IDX_HEADER_SIZE, &h);

	if (err)
		return err;
	if (memcmp(h, VV_IDX_MAGIC, 8) != 0)
		return VV_ECORRUPT;
	if (vv_get_le32(h + VV_IDX_VERSION) > VV_IDX_VERSION_NOW)
		return VV_ENEWER;
	if (vv_get_le32(h + VV_IDX_VERSION) != VV_IDX_VERSION_NOW ||
	    vv_get_le32(h + VV_IDX_FLAGS) != 0)
		return VV_ECORRUPT;
	pack->frame_count = vv_get_le32(h + VV_IDX_FRAME_COUNT);
	pack->blob_count = vv_get_le32(h + VV_IDX_BLOB_COUNT);
	pack->extent_count = vv_get_le32(h + VV_IDX_EXTENT_COUNT);
	pack->sketch_value_count = vv_get_le32(h + VV_IDX_SKETCH_VALUE_COUNT);
	pack->frames_end = vv_get_le64(h + VV_IDX_FRAMES_END);
	if (pack->frame_count > VV_PACK_COUNT_MAX ||
	    pack->blob_count > VV_PACK_COUNT_MAX || pack->frames_end < VV_PACK_HEADER ||
	    pack->frames_end > INT64_MAX)
		return VV_ECORRUPT;
	return check_tables(pack, h);
}

int vv_pack_init(struct vv_pack *pack, const struct vv_id *id, const uint8_t *image,
		 size_t size, const atomic_uint *faults)
{
	int err;

	*pack = (struct vv_pack){ 0 };
	if (id)
		pack->id = *id;
	err = vv_image_init(&pack->image, image, size, VV_IMAGE_PACK_INDEX, faults);
	if (!err)
		err = read_header(pack);
	if (err)
		vv_pack_fini(pack);
	return err;
}

void vv_pack_fini(struct vv_pack *pack)
{
	vv_image_fini(&pack->image);
	*pack = (struct vv_pack){ 0 };
}

void vv_pack_header_put(uint8_t header[VV_PACK_HEADER])
{
	memset(header, 0, VV_PACK_HEADER);
	memcpy(header, file_magic, sizeof file_magic);
	vv_put_le32(header + 8, FILE_VERSION);
}

int vv_pack_check_file(const struct vv_pack *pack, const uint8_t header[VV_PACK_HEADER],
		       uint64_t index_at)
{
	uint64_t expected;

	if (memcmp(header, file_magic, sizeof file_magic) != 0)
		return VV_ECORRUPT;
	if (vv_get_le32(header + 8) > FILE_VERSION)
		return VV_ENEWER;
	if (vv_get_le32(header + 8) != FILE_VERSION || vv_get_le32(header + 12) != 0)
		return VV_ECORRUPT;
	if (!vv_align_up_u64(pack->frames_end, VV_PACK_ALIGN, &expected) ||
	    expected != index_at)
		return VV_ECORRUPT;
	return VV_OK;
}

/* ---- the note ---- */

void vv_pack_note_put(uint8_t bytes[VV_PACK_NOTE], const struct vv_pack_note *note)
{
	memcpy(bytes, note_magic, sizeof note_magic);
	vv_put_le32(bytes + 8, note->level);
	vv_put_le32(bytes + 12, 0);
	vv_put_le64(bytes + 16, note->generation);
	vv_put_le64(bytes + 24, vv_checksum64(bytes, 24));
}

void vv_pack_note_get(struct vv_pack_note *out, const uint8_t bytes[VV_PACK_NOTE])
{
	*out = (struct vv_pack_note){ 0 };
	if (memcmp(bytes, note_magic, sizeof note_magic) != 0 ||
	    vv_get_le64(bytes + 24) != vv_checksum64(bytes, 24) ||
	    vv_get_le32(bytes + 12) != 0 || vv_get_le32(bytes + 8) == 0)
		return;
	out->level = vv_get_le32(bytes + 8);
	out->generation = vv_get_le64(bytes + 16);
}

/* ---- rows ---- */

static int get_row(const struct vv_pack *pack, uint64_t table, unsigned row_size,
		   uint32_t index, unsigned count, const uint8_t **out)
{
	return vv_image_get(&pack->image, table + (uint64_t)index * row_size,
			    (uint64_t)row_size * count, out);
}

static bool is_placed_well(const struct vv_pack *pack, const struct vv_frame *f)
{
	if (f->offset == 0)
		return f->stored_size == 0 && f->codec == VV_CODEC_RAW &&
		       f->reference == VV_NONE;
	return f->stored_size > 0 && f->offset >= VV_PACK_HEADER &&
	       vv_range_fits(f->offset, f->stored_size, pack->frames_end);
}

static bool is_coded_well(const struct vv_frame *f)
{
	if (f->plain_size == 0 || f->plain_size > VV_FRAME_MAX ||
	    f->filter > VV_FILTER_BRANCH ||
	    (f->filter && (f->codec != VV_CODEC_ZSTD || f->reference != VV_NONE)))
		return false;
	switch (f->codec) {
	case VV_CODEC_RAW:
		return f->reference == VV_NONE &&
		       (f->offset == 0 || f->stored_size == f->plain_size);
	case VV_CODEC_ZSTD: return f->stored_size < f->plain_size;
	default: return false;
	}
}

static int check_reference(const struct vv_pack *pack, uint32_t index,
			   const struct vv_frame *f)
{
	const uint8_t *row;
	int err;

	if (f->reference == VV_NONE)
		return VV_OK;
	if (f->reference >= pack->frame_count || f->reference == index)
		return VV_ECORRUPT;
	err = get_row(pack, pack->frames, VV_FRM_ROW, f->reference, 1, &row);
	if (err)
		return err;
	return vv_get_le32(row + VV_FRM_REFERENCE) == VV_NONE ? VV_OK : VV_ECORRUPT;
}

int vv_pack_frame(const struct vv_pack *pack, uint32_t index, struct vv_frame *out)
{
	const uint8_t *row;
	int err;

	*out = (struct vv_frame){ .reference = VV_NONE };
	if (index >= pack->frame_count)
		return VV_EINVAL;
	err = get_row(pack, pack->frames, VV_FRM_ROW, index, 1, &row);
	if (err)
		return err;
	memcpy(out->id.bytes, row, VV_ID_BYTES);
	out->offset = vv_get_le64(row + VV_FRM_OFFSET);
	out->stored_size = vv_get_le32(row + VV_FRM_STORED_SIZE);
	out->plain_size = vv_get_le32(row + VV_FRM_PLAIN_SIZE);
	out->checksum = vv_get_le64(row + VV_FRM_CHECKSUM);
	out->reference = vv_get_le32(row + VV_FRM_REFERENCE);
	out->codec = vv_get_le16(row + VV_FRM_CODEC);
	out->filter = vv_get_le16(row + VV_FRM_FILTER);
	out->sketch_first = vv_get_le32(row + VV_FRM_SKETCH_FIRST);
	out->sketch_count = vv_get_le32(row + VV_FRM_SKETCH_COUNT);
	if (!is_placed_well(pack, out) || !is_coded_well(out) ||
	    vv_get_le64(row + VV_FRM_RESERVED) != 0)
		return VV_ECORRUPT;
	return check_reference(pack, index, out);
}

int vv_pack_blob(const struct vv_pack *pack, uint32_t index, struct vv_blob *out)
{
	const uint8_t *row;
	int err;

	*out = (struct vv_blob){ 0 };
	if (index >= pack->blob_count)
		return VV_EINVAL;
	err = get_row(pack, pack->blobs, VV_BLB_ROW, index, 1, &row);
	if (err)
		return err;
	memcpy(out->id.bytes, row, VV_ID_BYTES);
	out->size = vv_get_le64(row + VV_BLB_SIZE);
	out->extent_first = vv_get_le32(row + VV_BLB_EXTENT_FIRST);
	out->extent_count = vv_get_le32(row + VV_BLB_EXTENT_COUNT);
	if (out->size == 0 || out->size > VV_BLOB_MAX || out->extent_count == 0 ||
	    !vv_range_fits(out->extent_first, out->extent_count, pack->extent_count))
		return VV_ECORRUPT;
	return VV_OK;
}

int vv_pack_sketch(const struct vv_pack *pack, const struct vv_frame *frame,
		   uint32_t values[VV_SKETCH_MAX])
{
	uint32_t count = frame->sketch_count;
	const uint8_t *row;
	int err;

	if (count > VV_SKETCH_MAX ||
	    !vv_range_fits(frame->sketch_first, count, pack->sketch_value_count))
		return VV_ECORRUPT;
	err = get_row(pack, pack->sketches, VV_SKT_ROW, frame->sketch_first, count,
		      &row);
	if (err)
		return err;
	for (uint32_t i = 0; i < count; i++) {
		values[i] = vv_get_le24(row + (size_t)i * VV_SKT_ROW);
		if (i > 0 && values[i] <= values[i - 1])
			return VV_ECORRUPT;
	}
	return VV_OK;
}

/* ---- searching ---- */

/* The first four bytes as a number: enough to interpolate in 2^31 rows. */
static uint32_t id_key(const uint8_t *id)
{
	return (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 |
	       id[3];
}

/*
 * Invariant: if the id is in the table, it is in rows [lo, hi), and
 * low <= its key < high.  It holds in unsorted tables too, where the search may
 * miss but not leave the rows.
 */
static int find_row(const struct vv_pack *pack, uint64_t table, unsigned row_size,
		    uint32_t count, const struct vv_id *id, uint32_t *index)
{
	uint64_t key = id_key(id->bytes), low = 0, high = UINT64_C(1) << 32;
	uint32_t lo = 0, hi = count;

	*index = 0;
	for (unsigned probe = 0; lo < hi; probe++) {
		uint64_t span = hi - lo;
		uint32_t mid =
			lo + (uint32_t)(probe < INTERPOLATIONS
						? (key - low) * span / (high - low)
						: span / 2);
		const uint8_t *row;
		int err = get_row(pack, table, row_size, mid, 1, &row);
		int cmp = err ? 0 : memcmp(id->bytes, row, VV_ID_BYTES);

		if (err)
			return err;
		if (cmp == 0) {
			*index = mid;
			return VV_OK;
		}
		if (cmp < 0) {
			hi = mid;
			high = (uint64_t)id_key(row) + 1;
		} else {
			lo = mid + 1;
			low = id_key(row);
		}
	}
	return VV_ENOENT;
}

int vv_pack_find_frame(const struct vv_pack *pack, const struct vv_id *id,
		       uint32_t *index)
{
	return find_row(pack, pack->frames, VV_FRM_ROW, pack->frame_count, id, index);
}

int vv_pack_find_blob(const struct vv_pack *pack, const struct vv_id *id,
		      uint32_t *index)
{
	return find_row(pack, pack->blobs, VV_BLB_ROW, pack->blob_count, id, index);
}

/* ---- extents ---- */

static int check_in_frame(const struct vv_pack *pack, const struct vv_extent *e)
{
	const uint8_t *row;
	int err;

	if (e->frame == VV_NONE)
		return e->frame_offset == 0 ? VV_OK : VV_ECORRUPT;
	if (e->frame >= pack->frame_count)
		return VV_ECORRUPT;
	err = get_row(pack, pack->frames, VV_FRM_ROW, e->frame, 1, &row);
	if (err)
		return err;
	return vv_range_fits(e->frame_offset, e->end - e->start,
			     vv_get_le32(row + VV_FRM_PLAIN_SIZE))
		       ? VV_OK
		       : VV_ECORRUPT;
}

int vv_pack_extent(const struct vv_pack *pack, const struct vv_blob *blob, uint32_t nth,
		   struct vv_extent *out)
{
	bool is_last = nth + 1 == blob->extent_count;
	const uint8_t *row;
	int err;

	*out = (struct vv_extent){ .frame = VV_NONE };
	if (nth >= blob->extent_count)
		return VV_EINVAL;
	err = get_row(pack, pack->extents, VV_EXT_ROW, blob->extent_first + nth,
		      is_last ? 1 : 2, &row);
	if (err)
		return err;
	out->start = vv_get_le64(row + VV_EXT_START);
	out->end = is_last ? blob->size : vv_get_le64(row + VV_EXT_ROW + VV_EXT_START);
	out->frame = vv_get_le32(row + VV_EXT_FRAME);
	out->frame_offset = vv_get_le32(row + VV_EXT_FRAME_OFFSET);
	if ((nth == 0) != (out->start == 0) || out->start >= out->end ||
	    out->end > blob->size ||
	    (!is_last && out->end - out->start < VV_EXTENT_MIN))
		return VV_ECORRUPT;
	return check_in_frame(pack, out);
}

int vv_pack_extent_at(const struct vv_pack *pack, const struct vv_blob *blob,
		      uint64_t off, uint32_t *nth)
{
	uint32_t lo = 0, hi = blob->extent_count; /* start[lo] <= off < start[hi] */

	*nth = 0;
	if (off >= blob->size)
		return VV_EINVAL;
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;
		const uint8_t *row;
		int err = get_row(pack, pack->extents, VV_EXT_ROW,
				  blob->extent_first + mid, 1, &row);

		if (err)
			return err;
		if (vv_get_le64(row + VV_EXT_START) <= off)
			lo = mid;
		else
			hi = mid;
	}
	*nth = lo;
	return VV_OK;
}

/* ---- verifying ---- */

struct complaint {
	char *why; /* borrowed; may be NULL if size is 0 */
	size_t size;
};

static int complain(const struct complaint *c, int err, const char *what,
		    const char *table, uint32_t index)
{
	if (c->size)
		snprintf(c->why, c->size, "%s %u: %s", table, index, what);
	return err;
}

/* @next: first value of the next sketch; their runs fill the table in order. */
static int verify_sketch(const struct vv_pack *pack, const struct vv_frame *f,
			 uint32_t *next)
{
	uint32_t values[VV_SKETCH_MAX];
	bool is_base = f->offset != 0 && f->reference == VV_NONE;

	if (f->sketch_first != (f->sketch_count ? *next : 0) ||
	    (f->sketch_count && !is_base))
		return VV_ECORRUPT;
	*next += f->sketch_count;
	return vv_pack_sketch(pack, f, values);
}

static int verify_frames(const struct vv_pack *pack, const struct complaint *c)
{
	struct vv_id before = { 0 };
	uint32_t next = 0;

	for (uint32_t i = 0; i < pack->frame_count; i++) {
		struct vv_frame f;
		int err = vv_pack_frame(pack, i, &f);

		if (err)
			return complain(c, err, vv_err_text(err), "frame", i);
		if (i > 0 && vv_id_cmp(&before, &f.id) >= 0)
			return complain(c, VV_ECORRUPT, "out of order", "frame", i);
		err = verify_sketch(pack, &f, &next);
		if (err)
			return complain(c, err, "its sketch breaks the rules", "frame",
					i);
		before = f.id;
	}
	if (next != pack->sketch_value_count)
		return complain(c, VV_ECORRUPT, "belongs to no frame", "sketch value",
				next);
	return VV_OK;
}

/* A blob that no frame can hold is cut into slices. */
static int check_slice(const struct vv_pack *pack, const struct vv_blob *blob,
		       const struct vv_extent *e)
{
	struct vv_frame f;
	int err;

	if (blob->size <= VV_FRAME_MAX || e->frame == VV_NONE)
		return VV_OK;
	err = vv_pack_frame(pack, e->frame, &f);
	if (err)
		return err;
	return f.plain_size <= VV_SLICE_MAX ? VV_OK : VV_ECORRUPT;
}

static int verify_extents(const struct vv_pack *pack, const struct vv_blob *blob,
			  uint32_t *next)
{
	if (blob->extent_first != *next)
		return VV_ECORRUPT;
	*next += blob->extent_count;
	for (uint32_t nth = 0; nth < blob->extent_count; nth++) {
		struct vv_extent e;
		int err = vv_pack_extent(pack, blob, nth, &e);

		if (!err)
			err = check_slice(pack, blob, &e);
		if (err)
			return err;
	}
	return VV_OK;
}

static int verify_blobs(const struct vv_pack *pack, const struct complaint *c)
{
	struct vv_id before = { 0 };
	uint32_t next = 0; /* extent: the blobs' runs fill the table in order */

	for (uint32_t i = 0; i < pack->blob_count; i++) {
		struct vv_blob blob;
		int err = vv_pack_blob(pack, i, &blob);

		if (err)
			return complain(c, err, vv_err_text(err), "blob", i);
		if (i > 0 && vv_id_cmp(&before, &blob.id) >= 0)
			return complain(c, VV_ECORRUPT, "out of order", "blob", i);
		err = verify_extents(pack, &blob, &next);
		if (err)
			return complain(c, err, "an extent breaks the rules", "blob",
					i);
		before = blob.id;
	}
	if (next != pack->extent_count)
		return complain(c, VV_ECORRUPT, "belongs to no blob", "extent", next);
	return VV_OK;
}

int vv_pack_verify(const struct vv_pack *pack, char *why, size_t why_size)
{
	struct complaint c = { why, why_size };
	int err;

	if (why_size)
		why[0] = '\0';
	err = vv_image_verify(&pack->image);
	if (err) {
		if (why_size)
			snprintf(why, why_size, "pages: %s", vv_err_text(err));
		return err;
	}
	err = verify_frames(pack, &c);
	return err ? err : verify_blobs(pack, &c);
}
