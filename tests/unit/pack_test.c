#include "format/pack.h"

#include "core/err.h"
#include "format/pack_builder.h"
#include "lib/sample_images.h"
#include "test.h"

static struct vv_buf image;
static struct vv_pack pack;

static struct vv_frame frame(unsigned n)
{
	struct vv_id id = sample_id(n);
	struct vv_frame f;
	uint32_t index;

	CHECK_INT(vv_pack_find_frame(&pack, &id, &index), VV_OK);
	CHECK_INT(vv_pack_frame(&pack, index, &f), VV_OK);
	CHECK(vv_id_equal(&f.id, &id));
	return f;
}

static struct vv_blob blob(unsigned n)
{
	struct vv_id id = sample_id(n);
	struct vv_blob b;
	uint32_t index;

	CHECK_INT(vv_pack_find_blob(&pack, &id, &index), VV_OK);
	CHECK_INT(vv_pack_blob(&pack, index, &b), VV_OK);
	CHECK(vv_id_equal(&b.id, &id));
	return b;
}

static void frames_are_found_and_keep_their_fields(void)
{
	struct vv_frame f = frame(1), reference;

	CHECK(f.offset == 16 && f.stored_size == 20000 && f.plain_size == 65536);
	CHECK(f.checksum == 11 && f.codec == VV_CODEC_ZSTD && f.reference == VV_NONE);
	CHECK_INT(f.filter, VV_FILTER_BRANCH);
	CHECK_INT(vv_pack_frame(&pack, frame(2).reference, &reference), VV_OK);
	CHECK(vv_id_equal(&reference.id, &f.id));
	f = frame(4);
	CHECK(f.offset == 0 && f.stored_size == 0 && f.plain_size == 5000);
	CHECK_INT(pack.frame_count, 59);
	CHECK_INT(vv_pack_frame(&pack, 59, &f), VV_EINVAL);
}

static void sketches_keep_their_values(void)
{
	uint32_t values[VV_SKETCH_MAX];
	struct vv_frame f = frame(1);

	CHECK_INT(f.sketch_count, 3);
	CHECK_INT(vv_pack_sketch(&pack, &f, values), VV_OK);
	CHECK(values[0] == 1 && values[1] == 70000 && values[2] == 0xffffff);
	f = frame(3);
	CHECK_INT(f.sketch_count, 2);
	CHECK_INT(vv_pack_sketch(&pack, &f, values), VV_OK);
	CHECK(values[0] == 0 && values[1] == 1);
	f = frame(2);
	CHECK(f.sketch_first == 0 && f.sketch_count == 0);
	CHECK_INT(vv_pack_sketch(&pack, &f, values), VV_OK);
	CHECK_INT(pack.sketch_value_count, 5);
}

static void what_is_not_there_is_not_found(void)
{
	uint32_t index;

	for (unsigned i = 1000; i < 3000; i++) {
		struct vv_id id = sample_id(i);

		CHECK_INT(vv_pack_find_frame(&pack, &id, &index), VV_ENOENT);
		CHECK_INT(vv_pack_find_blob(&pack, &id, &index), VV_ENOENT);
	}
	for (int byte = 0; byte <= 255; byte += 255) {
		struct vv_id id;

		memset(&id, byte, sizeof id);
		CHECK_INT(vv_pack_find_frame(&pack, &id, &index), VV_ENOENT);
	}
}

static void extents_tell_where_each_byte_lies(void)
{
	struct vv_blob b = blob(101);
	struct vv_extent e;
	uint32_t nth;

	CHECK_INT(b.extent_count, 4);
	CHECK_INT(vv_pack_extent(&pack, &b, 0, &e), VV_OK);
	CHECK(e.start == 0 && e.end == 65536 && e.frame_offset == 0);
	CHECK_INT(vv_pack_extent(&pack, &b, 1, &e), VV_OK);
	CHECK(e.start == 65536 && e.end == 300000 && e.frame == VV_NONE);
	CHECK_INT(vv_pack_extent(&pack, &b, 2, &e), VV_OK);
	CHECK(e.start == 300000 && e.end == 365000 && e.frame_offset == 10);
	CHECK_INT(vv_pack_extent(&pack, &b, 3, &e), VV_OK);
	CHECK(e.start == 365000 && e.end == 400000);
	CHECK_INT(vv_pack_extent(&pack, &b, 4, &e), VV_EINVAL);
	CHECK_INT(vv_pack_extent(&pack, &b, UINT32_MAX, &e), VV_EINVAL);
	CHECK_INT(vv_pack_extent_at(&pack, &b, 0, &nth), VV_OK);
	CHECK_INT(nth, 0);
	CHECK_INT(vv_pack_extent_at(&pack, &b, 65535, &nth), VV_OK);
	CHECK_INT(nth, 0);
	CHECK_INT(vv_pack_extent_at(&pack, &b, 65536, &nth), VV_OK);
	CHECK_INT(nth, 1);
	CHECK_INT(vv_pack_extent_at(&pack, &b, 399999, &nth), VV_OK);
	CHECK_INT(nth, 3);
	CHECK_INT(vv_pack_extent_at(&pack, &b, 400000, &nth), VV_EINVAL);
}

static void the_file_around_the_index_is_checked(void)
{
	uint8_t header[VV_PACK_HEADER];

	vv_pack_header_put(header);
	CHECK_INT(vv_pack_check_file(&pack, header, 102400), VV_OK);
	CHECK_INT(vv_pack_check_file(&pack, header, 102400 + 4096), VV_ECORRUPT);
	CHECK_INT(vv_pack_check_file(&pack, header, SAMPLE_FRAMES_END), VV_ECORRUPT);
	header[8] = 2;
	CHECK_INT(vv_pack_check_file(&pack, header, 102400), VV_ENEWER);
	header[8] = 0;
	CHECK_INT(vv_pack_check_file(&pack, header, 102400), VV_ECORRUPT);
	header[8] = 1;
	header[12] = 1;
	CHECK_INT(vv_pack_check_file(&pack, header, 102400), VV_ECORRUPT);
	header[12] = 0;
	header[0] ^= 1;
	CHECK_INT(vv_pack_check_file(&pack, header, 102400), VV_ECORRUPT);
}

static void many_frames_are_all_found(void)
{
	enum {
		COUNT = 20000
	};
	struct vv_pack_builder *b;
	struct vv_pack many;
	struct vv_buf out;
	struct vv_id id;

	vv_buf_init(&out, 1 << 24);
	CHECK_INT(vv_pack_builder_new(&b), VV_OK);
	for (unsigned i = 0; i < COUNT; i++) {
		struct vv_frame f = { .id = sample_id(i),
				      .plain_size = 1 + i,
				      .reference = VV_NONE };
		uint32_t number;

		/* A quarter of the ids in one place: nothing relies on uniform ids. */
		if (i % 4 == 0)
			memset(f.id.bytes, 0x77, 6);
		CHECK_INT(vv_pack_builder_frame(b, &f, &number), VV_OK);
		CHECK_INT(number, i);
	}
	CHECK_INT(vv_pack_builder_finish(b, 16, &out, &id), VV_OK);
	vv_pack_builder_free(b);
	CHECK_INT(vv_pack_init(&many, &id, out.bytes, out.len, NULL), VV_OK);
	CHECK_INT(vv_pack_verify(&many, NULL, 0), VV_OK);
	for (unsigned i = 0; i < COUNT; i++) {
		struct vv_id wanted = sample_id(i);
		struct vv_frame f;
		uint32_t index;

		if (i % 4 == 0)
			memset(wanted.bytes, 0x77, 6);
		CHECK_INT(vv_pack_find_frame(&many, &wanted, &index), VV_OK);
		CHECK_INT(vv_pack_frame(&many, index, &f), VV_OK);
		CHECK_INT(f.plain_size, 1 + i);
	}
	vv_pack_fini(&many);
	vv_buf_fini(&out);
}

static void an_empty_pack_is_a_pack(void)
{
	struct vv_pack_builder *b;
	struct vv_id id = sample_id(1);
	struct vv_pack empty;
	struct vv_buf out;
	uint32_t index;

	vv_buf_init(&out, 1 << 20);
	CHECK_INT(vv_pack_builder_new(&b), VV_OK);
	CHECK_INT(vv_pack_builder_finish(b, VV_PACK_HEADER, &out, &id), VV_OK);
	vv_pack_builder_free(b);
	CHECK_INT(vv_pack_init(&empty, NULL, out.bytes, out.len, NULL), VV_OK);
	CHECK_INT(vv_pack_find_blob(&empty, &id, &index), VV_ENOENT);
	CHECK_INT(vv_pack_verify(&empty, NULL, 0), VV_OK);
	vv_pack_fini(&empty);
	vv_buf_fini(&out);
}

/* ---- the builder ---- */

static struct vv_pack_builder *new_builder(void)
{
	struct vv_pack_builder *b;
	uint32_t number;

	CHECK_INT(vv_pack_builder_new(&b), VV_OK);
	CHECK_INT(vv_pack_builder_frame(b,
					&(struct vv_frame){ .id = sample_id(1),
							    .plain_size = 10000,
							    .reference = VV_NONE },
					&number),
		  VV_OK);
	return b;
}

static void a_frame_is_added_once(void)
{
	struct vv_pack_builder *b = new_builder();
	struct vv_frame f = { .id = sample_id(1), .plain_size = 5 };
	struct vv_id unknown = sample_id(9);
	uint32_t number = 77;

	CHECK_INT(vv_pack_builder_frame(b, &f, &number), VV_EEXIST);
	CHECK_INT(number, 0);
	CHECK_INT(vv_pack_builder_find(b, &f.id, &number), VV_OK);
	CHECK_INT(vv_pack_builder_find(b, &unknown, &number), VV_ENOENT);
	CHECK_INT(vv_pack_builder_frame_count(b), 1);
	vv_pack_builder_free(b);
}

static void frames_that_break_a_rule_are_not_added(void)
{
	static const struct vv_frame bad[] = {
		{ .plain_size = 0, .reference = VV_NONE },
		{ .plain_size = VV_FRAME_MAX + 1, .reference = VV_NONE },
		{ .plain_size = 5,
		  .stored_size = 5,
		  .offset = 16,
		  .filter = 1,
		  .reference = VV_NONE },
		{ .plain_size = 5,
		  .stored_size = 4,
		  .offset = 16,
		  .codec = 1,
		  .filter = 2,
		  .reference = VV_NONE },
		{ .plain_size = 5,
		  .stored_size = 5,
		  .offset = 15,
		  .reference = VV_NONE },
		{ .plain_size = 5,
		  .stored_size = 4,
		  .offset = 16,
		  .reference = VV_NONE },
		{ .plain_size = 5, .stored_size = 5, .offset = 16, .reference = 0 },
		{ .plain_size = 5,
		  .stored_size = 5,
		  .offset = 16,
		  .codec = 1,
		  .reference = VV_NONE },
		{ .plain_size = 5,
		  .stored_size = 0,
		  .offset = 16,
		  .codec = 1,
		  .reference = VV_NONE },
		{ .plain_size = 5,
		  .stored_size = 4,
		  .offset = 16,
		  .codec = 2,
		  .reference = VV_NONE },
		{ .plain_size = 5,
		  .stored_size = 4,
		  .offset = 16,
		  .codec = 1,
		  .reference = 1 },
		{ .plain_size = 5,
		  .stored_size = 4,
		  .offset = UINT64_MAX,
		  .codec = 1,
		  .reference = VV_NONE },
	};
	struct vv_pack_builder *b = new_builder();
	uint32_t number;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_INT(vv_pack_builder_frame(b, &bad[i], &number), VV_EINVAL);
	vv_pack_builder_free(b);
}

static void a_reference_has_no_reference(void)
{
	struct vv_pack_builder *b = new_builder();
	struct vv_frame f = { .id = sample_id(2),
			      .plain_size = 5,
			      .stored_size = 4,
			      .offset = 16,
			      .codec = VV_CODEC_ZSTD,
			      .reference = 0 };
	uint32_t number;

	CHECK_INT(vv_pack_builder_frame(b, &f, &number), VV_OK);
	f.id = sample_id(3);
	f.reference = number;
	CHECK_INT(vv_pack_builder_frame(b, &f, &number), VV_EINVAL);
	vv_pack_builder_free(b);
}

static void a_frame_has_a_reference_or_a_filter(void)
{
	struct vv_pack_builder *b = new_builder();
	struct vv_frame f = { .id = sample_id(2),
			      .plain_size = 5,
			      .stored_size = 4,
			      .offset = 16,
			      .codec = VV_CODEC_ZSTD,
			      .filter = VV_FILTER_BRANCH,
			      .reference = 0 };
	uint32_t number;

	CHECK_INT(vv_pack_builder_frame(b, &f, &number), VV_EINVAL);
	f.reference = VV_NONE;
	CHECK_INT(vv_pack_builder_frame(b, &f, &number), VV_OK);
	vv_pack_builder_free(b);
}

static void sketches_that_break_a_rule_are_not_added(void)
{
	static const uint32_t good[] = { 5, 6 }, equal[] = { 5, 5 },
			      falling[] = { 6, 5 },
			      large[] = { VV_SKETCH_VALUE_MAX + 1 };
	struct vv_pack_builder *b = new_builder(); /* frame 0 is elsewhere */
	struct vv_frame f = { .id = sample_id(2),
			      .plain_size = 5,
			      .stored_size = 5,
			      .offset = 16,
			      .reference = VV_NONE,
			      .sketch_count = 1 };
	uint32_t number, many[VV_SKETCH_MAX + 1];

	for (uint32_t i = 0; i <= VV_SKETCH_MAX; i++)
		many[i] = i;
	CHECK_INT(vv_pack_builder_frame(b, &f, &number), VV_OK);
	CHECK_INT(vv_pack_builder_sketch(b, 0, good, 2), VV_EINVAL);
	CHECK_INT(vv_pack_builder_sketch(b, 2, good, 2), VV_EINVAL);
	CHECK_INT(vv_pack_builder_sketch(b, 1, equal, 2), VV_EINVAL);
	CHECK_INT(vv_pack_builder_sketch(b, 1, falling, 2), VV_EINVAL);
	CHECK_INT(vv_pack_builder_sketch(b, 1, large, 1), VV_EINVAL);
	CHECK_INT(vv_pack_builder_sketch(b, 1, many, VV_SKETCH_MAX + 1), VV_EINVAL);
	CHECK_INT(vv_pack_builder_sketch(b, 1, many, VV_SKETCH_MAX), VV_OK);
	CHECK_INT(vv_pack_builder_sketch(b, 1, good, 2), VV_EINVAL);
	vv_pack_builder_free(b);
}

static void blobs_that_break_a_rule_are_not_added(void)
{
	struct vv_pack_builder *b = new_builder();
	struct vv_id id = sample_id(50);
	struct vv_blob_part late = { 1, 0, 0 }, far = { 0, 0, 9000 },
			    none = { 0, 1, 0 }, hole = { 0, VV_NONE, 1 },
			    good = { 0, 0, 0 };
	struct vv_blob_part short_one[] = { { 0, 0, 0 }, { 4095, 0, 0 } };
	struct vv_blob_part beyond[] = { { 0, 0, 0 }, { 9000, 0, 0 } };

	CHECK_INT(vv_pack_builder_blob(b, &id, 100, NULL, 0), VV_EINVAL);
	CHECK_INT(vv_pack_builder_blob(b, &id, 0, &good, 1), VV_EINVAL);
	CHECK_INT(vv_pack_builder_blob(b, &id, 100, &late, 1), VV_EINVAL);
	CHECK_INT(vv_pack_builder_blob(b, &id, 1001, &far, 1), VV_EINVAL);
	CHECK_INT(vv_pack_builder_blob(b, &id, 100, &none, 1), VV_EINVAL);
	CHECK_INT(vv_pack_builder_blob(b, &id, 100, &hole, 1), VV_EINVAL);
	CHECK_INT(vv_pack_builder_blob(b, &id, 10001, &good, 1), VV_EINVAL);
	CHECK_INT(vv_pack_builder_blob(b, &id, 5000, short_one, 2), VV_EINVAL);
	CHECK_INT(vv_pack_builder_blob(b, &id, 9000, beyond, 2), VV_EINVAL);
	CHECK_INT(vv_pack_builder_blob(b, &id, 10000, &good, 1), VV_OK);
	CHECK_INT(vv_pack_builder_blob(b, &id, 10000, &good, 1), VV_EEXIST);
	CHECK_INT(vv_pack_builder_blob_count(b), 1);
	vv_pack_builder_free(b);
}

static void frames_end_is_behind_the_frames(void)
{
	struct vv_pack_builder *b = new_builder();
	struct vv_frame f = { .id = sample_id(2),
			      .plain_size = 84,
			      .stored_size = 84,
			      .offset = 16,
			      .reference = VV_NONE };
	struct vv_buf out;
	struct vv_id id;
	uint32_t number;

	vv_buf_init(&out, 1 << 20);
	CHECK_INT(vv_pack_builder_frame(b, &f, &number), VV_OK);
	CHECK_INT(vv_pack_builder_finish(b, 99, &out, &id), VV_EINVAL);
	CHECK_INT(vv_pack_builder_finish(b, 100, &out, &id), VV_OK);
	vv_pack_builder_free(b);
	vv_buf_fini(&out);
}

static void a_note_says_what_was_put(void)
{
	struct vv_pack_note put = { .level = 19, .generation = UINT64_C(1) << 40 }, got;
	uint8_t bytes[VV_PACK_NOTE];

	vv_pack_note_put(bytes, &put);
	vv_pack_note_get(&got, bytes);
	CHECK(got.level == 19 && got.generation == UINT64_C(1) << 40);
}

/* Frames begin there in a pack without a note: whatever they are, they are none. */
static void other_bytes_are_no_note(void)
{
	struct vv_pack_note put = { .level = 19, .generation = 7 }, got;
	uint8_t bytes[VV_PACK_NOTE], zeros[VV_PACK_NOTE] = { 0 };

	vv_pack_note_get(&got, zeros);
	CHECK(got.level == 0 && got.generation == 0);
	for (unsigned bit = 0; bit < 8 * VV_PACK_NOTE; bit++) {
		vv_pack_note_put(bytes, &put);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		vv_pack_note_get(&got, bytes);
		CHECK(got.level == 0 && got.generation == 0);
	}
	put.level = 0;
	vv_pack_note_put(bytes, &put);
	vv_pack_note_get(&got, bytes);
	CHECK(got.generation == 0);
}

int main(void)
{
	struct vv_id id;
	char why[200];

	sample_pack(&image, &id);
	CHECK_INT(vv_pack_init(&pack, &id, image.bytes, image.len, NULL), VV_OK);
	CHECK_INT(vv_pack_verify(&pack, why, sizeof why), VV_OK);
	CHECK_STR(why, "");
	RUN(frames_are_found_and_keep_their_fields);
	RUN(sketches_keep_their_values);
	RUN(what_is_not_there_is_not_found);
	RUN(extents_tell_where_each_byte_lies);
	RUN(the_file_around_the_index_is_checked);
	RUN(many_frames_are_all_found);
	RUN(an_empty_pack_is_a_pack);
	RUN(a_frame_is_added_once);
	RUN(frames_that_break_a_rule_are_not_added);
	RUN(a_reference_has_no_reference);
	RUN(a_frame_has_a_reference_or_a_filter);
	RUN(sketches_that_break_a_rule_are_not_added);
	RUN(blobs_that_break_a_rule_are_not_added);
	RUN(frames_end_is_behind_the_frames);
	RUN(a_note_says_what_was_put);
	RUN(other_bytes_are_no_note);
	vv_pack_fini(&pack);
	vv_pack_fini(&pack);
	vv_buf_fini(&image);
	return test_report();
}
