/*
 * Pack indexes that break one rule of docs/format.md, section 7, each by itself.
 * Compare tree_rules_test.c.
 */
#include "format/pack.h"

#include "core/arith.h"
#include "core/err.h"
#include "format/pack_layout.h"
#include "lib/sample_images.h"
#include "test.h"

static struct vv_buf good;  /* the sample */
static struct vv_pack pack; /* over it */
static struct vv_buf edit;  /* the body of a copy, to be broken */

static void begin(void)
{
	vv_buf_init(&edit, 1 << 24);
	CHECK_INT(vv_buf_append(&edit, good.bytes, good.len), VV_OK);
	image_cut(&edit);
}

static uint8_t *frame(unsigned n)
{
	struct vv_id id = sample_id(n);
	uint32_t index;

	CHECK_INT(vv_pack_find_frame(&pack, &id, &index), VV_OK);
	return edit.bytes + pack.frames + index * VV_FRM_ROW;
}

static uint8_t *blob(unsigned n)
{
	struct vv_id id = sample_id(n);
	uint32_t index;

	CHECK_INT(vv_pack_find_blob(&pack, &id, &index), VV_OK);
	return edit.bytes + pack.blobs + index * VV_BLB_ROW;
}

static uint8_t *extent(unsigned n, uint32_t nth)
{
	uint32_t first = vv_get_le32(blob(n) + VV_BLB_EXTENT_FIRST);

	return edit.bytes + pack.extents + (first + nth) * VV_EXT_ROW;
}

static int query_blob(const struct vv_pack *p, uint32_t index)
{
	struct vv_blob b;
	struct vv_extent e;
	uint32_t nth;
	int err = vv_pack_blob(p, index, &b);

	if (err)
		return err;
	CHECK_INT(vv_pack_extent_at(p, &b, 0, &nth), VV_OK);
	CHECK_INT(vv_pack_extent_at(p, &b, b.size - 1, &nth), VV_OK);
	CHECK(nth < b.extent_count);
	for (nth = 0; nth < b.extent_count && !err; nth++)
		err = vv_pack_extent(p, &b, nth, &e);
	return err;
}

static int query_all(const struct vv_pack *p)
{
	int err = VV_OK;
	uint32_t index;

	for (uint32_t i = 0; i < p->frame_count; i++) {
		struct vv_frame f;
		int one = vv_pack_frame(p, i, &f);

		err = err ? err : one;
	}
	for (uint32_t i = 0; i < p->blob_count; i++) {
		int one = query_blob(p, i);

		err = err ? err : one;
	}
	for (unsigned i = 0; i < 200; i++) {
		struct vv_id id = sample_id(i);

		vv_pack_find_frame(p, &id, &index);
		vv_pack_find_blob(p, &id, &index);
	}
	return err;
}

enum stage {
	OPENING,
	QUERY,
	VERIFY
};

static void refused(enum stage stage, int expected)
{
	struct vv_pack bad;
	char why[200];
	int err;

	image_remake(&edit, VV_IMAGE_PACK_INDEX);
	err = vv_pack_init(&bad, NULL, edit.bytes, edit.len, NULL);
	if (stage == OPENING) {
		CHECK_INT(err, expected);
	} else {
		CHECK_INT(err, VV_OK);
		CHECK_INT(query_all(&bad), stage == QUERY ? expected : VV_OK);
		CHECK_INT(vv_pack_verify(&bad, why, sizeof why), expected);
		CHECK(why[0] != '\0');
	}
	vv_pack_fini(&bad);
	vv_buf_fini(&edit);
}

#define REFUSED(stage, change) \
	do { \
		begin(); \
		change; \
		refused(stage, VV_ECORRUPT); \
	} while (0)

static void put16(uint8_t *p, uint16_t n)
{
	vv_put_le16(p, n);
}

static void put32(uint8_t *p, uint32_t n)
{
	vv_put_le32(p, n);
}

static void put64(uint8_t *p, uint64_t n)
{
	vv_put_le64(p, n);
}

static void swap(uint8_t *a, uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t keep = a[i];

		a[i] = b[i];
		b[i] = keep;
	}
}

/* ---- the rules ---- */

static void the_unbroken_sample_is_good(void)
{
	char why[200];

	CHECK_INT(query_all(&pack), VV_OK);
	CHECK_INT(vv_pack_verify(&pack, why, sizeof why), VV_OK);
}

static void header_magic_version_and_flags_are_checked(void)
{
	for (int i = 0; i < 8; i++)
		REFUSED(OPENING, edit.bytes[i] ^= 0x20);
	REFUSED(OPENING, put32(edit.bytes + VV_IDX_VERSION, 0));
	begin();
	put32(edit.bytes + VV_IDX_VERSION, 2);
	refused(OPENING, VV_ENEWER);
	for (int bit = 0; bit < 32; bit++)
		REFUSED(OPENING, put32(edit.bytes + VV_IDX_FLAGS, 1u << bit));
}

static void header_counts_and_offsets_have_one_right_value(void)
{
	static const int counts[] = { VV_IDX_FRAME_COUNT, VV_IDX_BLOB_COUNT,
				      VV_IDX_EXTENT_COUNT, VV_IDX_SKETCH_VALUE_COUNT };
	static const int offsets[] = { VV_IDX_FRAMES, VV_IDX_BLOBS, VV_IDX_EXTENTS,
				       VV_IDX_SKETCHES };

	for (size_t i = 0; i < 4; i++) {
		uint8_t *p;

		for (uint32_t n = 1; n; n <<= 1)
			REFUSED(OPENING, {
				p = edit.bytes + counts[i];
				put32(p, vv_get_le32(p) ^ n);
			});
		for (uint64_t n = 1; n; n <<= 1)
			REFUSED(OPENING, {
				p = edit.bytes + offsets[i];
				put64(p, vv_get_le64(p) ^ n);
			});
	}
}

static void the_body_ends_with_the_sketches(void)
{
	REFUSED(OPENING, CHECK_INT(vv_buf_append_zeros(&edit, 8), VV_OK));
	REFUSED(OPENING, edit.len -= 8);
	REFUSED(OPENING, edit.len = VV_IDX_HEADER_SIZE - 1);
}

static void frames_end_behind_the_file_header(void)
{
	REFUSED(OPENING, put64(edit.bytes + VV_IDX_FRAMES_END, 15));
	REFUSED(OPENING, put64(edit.bytes + VV_IDX_FRAMES_END, 0));
	REFUSED(OPENING, put64(edit.bytes + VV_IDX_FRAMES_END, UINT64_MAX));
}

static void frames_are_sorted_by_id_and_different(void)
{
	uint8_t *first;

	REFUSED(VERIFY, {
		first = edit.bytes + pack.frames;
		swap(first + 10 * VV_FRM_ROW, first + 11 * VV_FRM_ROW, VV_ID_BYTES);
	});
	REFUSED(VERIFY, {
		first = edit.bytes + pack.frames;
		memcpy(first + 10 * VV_FRM_ROW, first + 11 * VV_FRM_ROW, VV_ID_BYTES);
	});
}

static void frames_lie_between_the_header_and_their_end(void)
{
	REFUSED(QUERY, put64(frame(1) + VV_FRM_OFFSET, 15));
	REFUSED(QUERY, put64(frame(1) + VV_FRM_OFFSET, SAMPLE_FRAMES_END - 19999));
	REFUSED(QUERY, put64(frame(1) + VV_FRM_OFFSET, UINT64_MAX));
	REFUSED(QUERY, put64(edit.bytes + VV_IDX_FRAMES_END, 99999));
}

static void a_frame_elsewhere_says_nothing_of_how_it_is_stored(void)
{
	REFUSED(QUERY, put64(frame(1) + VV_FRM_OFFSET, 0));
	REFUSED(QUERY, put32(frame(4) + VV_FRM_STORED_SIZE, 1));
	REFUSED(QUERY, put16(frame(4) + VV_FRM_CODEC, VV_CODEC_ZSTD));
	REFUSED(QUERY, put32(frame(4) + VV_FRM_REFERENCE, 0));
	REFUSED(QUERY, put64(frame(4) + VV_FRM_OFFSET, 16));
}

static void sizes_of_frames_have_limits(void)
{
	REFUSED(QUERY, put32(frame(1) + VV_FRM_PLAIN_SIZE, 0));
	REFUSED(QUERY, put32(frame(1) + VV_FRM_PLAIN_SIZE, VV_FRAME_MAX + 1));
	REFUSED(QUERY, put32(frame(1) + VV_FRM_PLAIN_SIZE, UINT32_MAX));
	REFUSED(QUERY, put32(frame(1) + VV_FRM_PLAIN_SIZE, 20000)); /* = stored */
	REFUSED(QUERY, put32(frame(1) + VV_FRM_STORED_SIZE, 0));
	REFUSED(QUERY, put32(frame(3) + VV_FRM_STORED_SIZE, 69999)); /* raw */
}

static void codecs_and_filters_are_known(void)
{
	REFUSED(QUERY, put16(frame(1) + VV_FRM_CODEC, 2));
	REFUSED(QUERY, put16(frame(1) + VV_FRM_CODEC, UINT16_MAX));
	REFUSED(QUERY, put16(frame(1) + VV_FRM_CODEC, VV_CODEC_RAW));
	REFUSED(QUERY, put16(frame(1) + VV_FRM_FILTER, 2));
	REFUSED(QUERY, put16(frame(1) + VV_FRM_FILTER, UINT16_MAX));
	REFUSED(QUERY, put16(frame(2) + VV_FRM_FILTER, 1)); /* has a reference */
	REFUSED(QUERY, put16(frame(3) + VV_FRM_FILTER, 1)); /* raw */
	REFUSED(QUERY, put16(frame(4) + VV_FRM_FILTER, 1)); /* elsewhere */
}

static void reserved_bytes_of_a_frame_are_0(void)
{
	for (int bit = 0; bit < 64; bit++)
		REFUSED(QUERY, put64(frame(1) + VV_FRM_RESERVED, UINT64_C(1) << bit));
}

static void sketches_fill_their_table_in_the_order_of_the_frames(void)
{
	REFUSED(VERIFY, put32(frame(1) + VV_FRM_SKETCH_COUNT, 2));
	REFUSED(VERIFY, put32(frame(1) + VV_FRM_SKETCH_COUNT, 4));
	REFUSED(VERIFY, put32(frame(1) + VV_FRM_SKETCH_COUNT, UINT32_MAX));
	REFUSED(VERIFY, {
		put32(frame(1) + VV_FRM_SKETCH_COUNT, 2);
		put32(frame(1) + VV_FRM_SKETCH_FIRST,
		      vv_get_le32(frame(1) + VV_FRM_SKETCH_FIRST) + 1);
	});
	REFUSED(VERIFY, put32(frame(4) + VV_FRM_SKETCH_FIRST, 1));
	begin();
	put32(edit.bytes + VV_IDX_SKETCH_VALUE_COUNT, pack.sketch_value_count + 1);
	CHECK_INT(vv_buf_append_zeros(&edit, VV_SKT_ROW), VV_OK);
	refused(VERIFY, VV_ECORRUPT);
}

static void only_bases_that_are_here_have_a_sketch(void)
{
	for (unsigned n = 2; n <= 4; n += 2)
		REFUSED(VERIFY, {
			memcpy(frame(n) + VV_FRM_SKETCH_FIRST,
			       frame(1) + VV_FRM_SKETCH_FIRST, 8);
			memset(frame(1) + VV_FRM_SKETCH_FIRST, 0, 8);
		});
}

static uint8_t *sketch(unsigned n)
{
	uint32_t first = vv_get_le32(frame(n) + VV_FRM_SKETCH_FIRST);

	return edit.bytes + pack.sketches + first * VV_SKT_ROW;
}

static void values_of_a_sketch_increase(void)
{
	REFUSED(VERIFY, swap(sketch(1), sketch(1) + VV_SKT_ROW, VV_SKT_ROW));
	REFUSED(VERIFY, memcpy(sketch(1), sketch(1) + VV_SKT_ROW, VV_SKT_ROW));
}

static void a_reference_exists_and_has_none_itself(void)
{
	uint32_t self;

	REFUSED(QUERY, put32(frame(2) + VV_FRM_REFERENCE, pack.frame_count));
	REFUSED(QUERY, put32(frame(2) + VV_FRM_REFERENCE, UINT32_MAX - 1));
	REFUSED(QUERY, {
		self = (uint32_t)((size_t)(frame(2) - edit.bytes - pack.frames) /
				  VV_FRM_ROW);
		put32(frame(2) + VV_FRM_REFERENCE, self);
	});
	/* 1 refers to 2, which refers to 1. */
	REFUSED(QUERY, put32(frame(1) + VV_FRM_REFERENCE, self));
	REFUSED(QUERY, put32(frame(3) + VV_FRM_REFERENCE, 0)); /* raw */
}

static void blobs_are_sorted_by_id_and_different(void)
{
	uint8_t *first;

	REFUSED(VERIFY, {
		first = edit.bytes + pack.blobs;
		swap(first, first + VV_BLB_ROW, VV_ID_BYTES);
	});
	REFUSED(VERIFY, {
		first = edit.bytes + pack.blobs;
		memcpy(first, first + VV_BLB_ROW, VV_ID_BYTES);
	});
}

static void blobs_have_a_size_and_extents_that_exist(void)
{
	REFUSED(QUERY, put64(blob(101) + VV_BLB_SIZE, 0));
	REFUSED(QUERY, put64(blob(105) + VV_BLB_SIZE, VV_BLOB_MAX + 1));
	REFUSED(QUERY, put32(blob(101) + VV_BLB_EXTENT_COUNT, 0));
	REFUSED(QUERY, put32(blob(101) + VV_BLB_EXTENT_COUNT, UINT32_MAX));
	REFUSED(QUERY, put32(blob(101) + VV_BLB_EXTENT_FIRST, pack.extent_count));
	REFUSED(QUERY, put32(blob(101) + VV_BLB_EXTENT_FIRST, UINT32_MAX));
}

static void extents_fill_their_table_in_the_order_of_the_blobs(void)
{
	begin();
	/* 103 and 104 are alike but for the frame_offset: both good, one shared. */
	put32(blob(103) + VV_BLB_EXTENT_FIRST,
	      vv_get_le32(blob(104) + VV_BLB_EXTENT_FIRST));
	refused(VERIFY, VV_ECORRUPT);
	begin();
	put32(edit.bytes + VV_IDX_EXTENT_COUNT, pack.extent_count + 1);
	put64(edit.bytes + VV_IDX_SKETCHES, pack.sketches + VV_EXT_ROW);
	CHECK_INT(vv_buf_append_zeros(&edit, VV_EXT_ROW), VV_OK);
	memmove(edit.bytes + pack.sketches + VV_EXT_ROW, edit.bytes + pack.sketches,
		pack.sketch_value_count * VV_SKT_ROW);
	refused(VERIFY, VV_ECORRUPT);
}

static void extents_begin_at_0_and_increase(void)
{
	REFUSED(QUERY, put64(extent(101, 0) + VV_EXT_START, 1));
	REFUSED(QUERY, put64(extent(102, 0) + VV_EXT_START, 1));
	REFUSED(QUERY, put64(extent(101, 1) + VV_EXT_START, 0));
	REFUSED(QUERY, put64(extent(101, 2) + VV_EXT_START, 65536));
	REFUSED(QUERY, put64(extent(101, 2) + VV_EXT_START, 1));
	REFUSED(QUERY, put64(extent(101, 3) + VV_EXT_START, 400000));
	REFUSED(QUERY, put64(extent(101, 3) + VV_EXT_START, UINT64_MAX));
}

static void extents_span_a_page_but_for_the_last(void)
{
	REFUSED(QUERY, put64(extent(101, 1) + VV_EXT_START, 4095));
	REFUSED(QUERY, put64(extent(101, 2) + VV_EXT_START, 365000 - 4095));
}

static void extents_lie_inside_their_frame(void)
{
	REFUSED(QUERY, put32(extent(101, 0) + VV_EXT_FRAME, pack.frame_count));
	REFUSED(QUERY, put32(extent(101, 0) + VV_EXT_FRAME_OFFSET, 1));
	REFUSED(QUERY, put32(extent(103, 0) + VV_EXT_FRAME_OFFSET, 5000));
	REFUSED(QUERY, put32(extent(103, 0) + VV_EXT_FRAME_OFFSET, UINT32_MAX));
	REFUSED(QUERY, put64(extent(101, 1) + VV_EXT_START, 65537));
	REFUSED(QUERY, put64(blob(102) + VV_BLB_SIZE, 70001));
}

static void a_hole_has_no_place(void)
{
	REFUSED(QUERY, put32(extent(101, 1) + VV_EXT_FRAME_OFFSET, 1));
}

static void slices_of_large_blobs_are_small(void)
{
	REFUSED(VERIFY, put32(frame(1) + VV_FRM_PLAIN_SIZE, VV_SLICE_MAX + 1));
}

int main(void)
{
	struct vv_id id;

	sample_pack(&good, &id);
	CHECK_INT(vv_pack_init(&pack, &id, good.bytes, good.len, NULL), VV_OK);
	RUN(the_unbroken_sample_is_good);
	RUN(header_magic_version_and_flags_are_checked);
	RUN(header_counts_and_offsets_have_one_right_value);
	RUN(the_body_ends_with_the_sketches);
	RUN(frames_end_behind_the_file_header);
	RUN(frames_are_sorted_by_id_and_different);
	RUN(frames_lie_between_the_header_and_their_end);
	RUN(a_frame_elsewhere_says_nothing_of_how_it_is_stored);
	RUN(sizes_of_frames_have_limits);
	RUN(codecs_and_filters_are_known);
	RUN(reserved_bytes_of_a_frame_are_0);
	RUN(sketches_fill_their_table_in_the_order_of_the_frames);
	RUN(only_bases_that_are_here_have_a_sketch);
	RUN(values_of_a_sketch_increase);
	RUN(a_reference_exists_and_has_none_itself);
	RUN(blobs_are_sorted_by_id_and_different);
	RUN(blobs_have_a_size_and_extents_that_exist);
	RUN(extents_fill_their_table_in_the_order_of_the_blobs);
	RUN(extents_begin_at_0_and_increase);
	RUN(extents_span_a_page_but_for_the_last);
	RUN(extents_lie_inside_their_frame);
	RUN(a_hole_has_no_place);
	RUN(slices_of_large_blobs_are_small);
	vv_pack_fini(&pack);
	vv_buf_fini(&good);
	return test_report();
}
