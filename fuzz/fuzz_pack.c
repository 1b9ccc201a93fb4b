/*
 * A hostile pack index: no query leaves it or goes on for ever, and what passes the
 * verifier is what the builder makes, byte by byte.
 *
 * The first byte says what the others are: 0 an image, 1 a body, for which checksums
 * are made, so that the rules behind them are reached.
 */
#include "format/pack.h"

#include "core/err.h"
#include "format/pack_builder.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* ---- notes ---- */

/* What is taken for a note is spelled in one way. */
static void query_note(const uint8_t *bytes, size_t size)
{
	struct vv_pack_note note, again;
	uint8_t put[VV_PACK_NOTE];

	if (size < VV_PACK_NOTE)
		return;
	vv_pack_note_get(&note, bytes);
	must(note.level == 0 ? note.generation == 0 : true);
	vv_pack_note_put(put, &note);
	must(note.level == 0 || memcmp(put, bytes, VV_PACK_NOTE) == 0);
	memcpy(&note.level, bytes, sizeof note.level);
	memcpy(&note.generation, bytes + 4, sizeof note.generation);
	vv_pack_note_put(put, &note);
	vv_pack_note_get(&again, put);
	must(again.level == note.level &&
	     again.generation == (note.level ? note.generation : 0));
}

/* ---- queries ---- */

static void query_frame(const struct vv_pack *p, uint32_t i)
{
	uint32_t found, values[VV_SKETCH_MAX];
	struct vv_frame f;

	if (vv_pack_frame(p, i, &f) == VV_OK) {
		must(f.plain_size >= 1 && f.plain_size <= VV_FRAME_MAX);
		must(f.stored_size <= f.plain_size);
		must(f.offset <= p->frames_end &&
		     f.stored_size <= p->frames_end - f.offset);
		must(f.reference == VV_NONE || f.reference < p->frame_count);
		if (vv_pack_sketch(p, &f, values) == VV_OK)
			must(f.sketch_count == 0 ||
			     values[f.sketch_count - 1] <= VV_SKETCH_VALUE_MAX);
	}
	vv_pack_find_frame(p, &f.id, &found);
}

static void query_blob(const struct vv_pack *p, uint32_t i)
{
	struct vv_blob blob;
	uint32_t found, nth;

	if (vv_pack_blob(p, i, &blob) == VV_OK) {
		must(vv_pack_extent_at(p, &blob, blob.size / 2, &nth) == VV_OK);
		must(nth < blob.extent_count);
		for (nth = 0; nth < blob.extent_count && nth < 100; nth++) {
			struct vv_extent e;

			if (vv_pack_extent(p, &blob, nth, &e) != VV_OK)
				continue;
			must(e.start < e.end && e.end <= blob.size);
			must(e.frame == VV_NONE || e.frame < p->frame_count);
		}
	}
	vv_pack_find_blob(p, &blob.id, &found);
}

/* ---- building it again ---- */

static void add_frame(const struct vv_pack *p, struct vv_pack_builder *b, uint32_t i,
		      uint32_t *numbers)
{
	uint32_t values[VV_SKETCH_MAX];
	struct vv_frame f;

	must(vv_pack_frame(p, i, &f) == VV_OK);
	if (f.reference != VV_NONE)
		f.reference = numbers[f.reference];
	must(vv_pack_builder_frame(b, &f, &numbers[i]) == VV_OK);
	must(vv_pack_sketch(p, &f, values) == VV_OK);
	if (f.sketch_count)
		must(vv_pack_builder_sketch(b, numbers[i], values, f.sketch_count) ==
		     VV_OK);
}

static void add_blob(const struct vv_pack *p, struct vv_pack_builder *b, uint32_t i,
		     const uint32_t *numbers)
{
	struct vv_blob blob;
	struct vv_blob_part *parts;

	must(vv_pack_blob(p, i, &blob) == VV_OK);
	parts = calloc(blob.extent_count, sizeof *parts);
	must(parts != NULL);
	for (uint32_t nth = 0; nth < blob.extent_count; nth++) {
		struct vv_extent e;

		must(vv_pack_extent(p, &blob, nth, &e) == VV_OK);
		parts[nth] = (struct vv_blob_part){
			.start = e.start,
			.frame = e.frame == VV_NONE ? VV_NONE : numbers[e.frame],
			.frame_offset = e.frame_offset,
		};
	}
	must(vv_pack_builder_blob(b, &blob.id, blob.size, parts, blob.extent_count) ==
	     VV_OK);
	free(parts);
}

static void rebuild(const struct vv_pack *p, const uint8_t *image, size_t size)
{
	uint32_t *numbers = calloc((size_t)p->frame_count + 1, sizeof *numbers);
	struct vv_pack_builder *b;
	struct vv_frame f;
	struct vv_buf out;
	struct vv_id id;

	must(numbers && vv_pack_builder_new(&b) == VV_OK);
	vv_buf_init(&out, SIZE_MAX);
	/* References first, from last to first: the order must not matter. */
	for (uint32_t i = p->frame_count; i-- > 0;) {
		if (vv_pack_frame(p, i, &f) == VV_OK && f.reference == VV_NONE)
			add_frame(p, b, i, numbers);
	}
	for (uint32_t i = 0; i < p->frame_count; i++) {
		if (vv_pack_frame(p, i, &f) == VV_OK && f.reference != VV_NONE)
			add_frame(p, b, i, numbers);
	}
	for (uint32_t i = p->blob_count; i-- > 0;)
		add_blob(p, b, i, numbers);
	must(vv_pack_builder_finish(b, p->frames_end, &out, &id) == VV_OK);
	must(out.len == size && memcmp(out.bytes, image, size) == 0);
	vv_pack_builder_free(b);
	vv_buf_fini(&out);
	free(numbers);
}

static void run_image(const uint8_t *bytes, size_t size)
{
	struct vv_pack p;
	char why[100];
	int err;

	if (vv_pack_init(&p, NULL, bytes, size, NULL) != VV_OK)
		return;
	for (uint32_t i = 0; i < p.frame_count && i < 1000; i++)
		query_frame(&p, i);
	for (uint32_t i = 0; i < p.blob_count && i < 1000; i++)
		query_blob(&p, i);
	err = vv_pack_verify(&p, why, sizeof why);
	must((err == VV_OK) == (why[0] == '\0'));
	if (err == VV_OK)
		rebuild(&p, bytes, size);
	vv_pack_fini(&p);
}

static void run_body(const uint8_t *bytes, size_t size)
{
	struct vv_buf image;
	struct vv_id id;

	vv_buf_init(&image, SIZE_MAX);
	if (vv_buf_append(&image, bytes, size) == VV_OK &&
	    vv_image_finish(&image, VV_IMAGE_PACK_INDEX, &id) == VV_OK)
		run_image(image.bytes, image.len);
	vv_buf_fini(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size < 1)
		return 0;
	query_note(bytes + 1, size - 1);
	if (bytes[0] == 0)
		run_image(bytes + 1, size - 1);
	else
		run_body(bytes + 1, size - 1);
	return 0;
}
