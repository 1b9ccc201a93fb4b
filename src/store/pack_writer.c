#include "store/pack_writer.h"

#include "core/arith.h"
#include "core/err.h"
#include "core/log.h"
#include "os/system.h"
#include "source/source.h"
#include "store/intent.h"
#include "store/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	INDEX_MAX = INT32_MAX, /* bytes of an index image */
	UNLIKE_STEPS = 4096,   /* distances of 8 bytes to choose from */
};

struct vv_pack_writer {
	struct vv_store *store;
	struct vv_announce *announce;
	bool is_unlike;
	struct vv_pack_note note; /* level 0: none */
	unsigned closed_packs;
	uint64_t closed_bytes;
	/* Of the pack that was begun, or NULL: */
	struct vv_put *put;
	struct vv_pack_builder *builder;
	uint64_t size;	     /* bytes written */
	uint64_t late_bytes; /* bytes of the frames that are to be written at the end */
	struct vv_buf late;  /* struct late each */
};

/* A frame that waits for the end of its pack. */
struct late {
	uint32_t rank, number, size;
	struct vv_id id;
	uint64_t offset; /* 0: not written yet */
	uint8_t *stored; /* owned; NULL when it is written */
};

static size_t late_count(const struct vv_pack_writer *w)
{
	return w->late.len / sizeof(struct late);
}

static struct late *late_at(const struct vv_pack_writer *w, size_t i)
{
	return (struct late *)w->late.bytes + i;
}

static void drop(struct vv_pack_writer *w)
{
	vv_source_put_abort(w->put);
	vv_pack_builder_free(w->builder);
	for (size_t i = 0; i < late_count(w); i++) {
		free(late_at(w, i)->stored);
		late_at(w, i)->stored = NULL;
	}
	w->late_bytes = 0;
	w->put = NULL;
	w->builder = NULL;
	w->size = 0;
}

int vv_pack_writer_new(struct vv_pack_writer **out, struct vv_store *store,
		       struct vv_announce *announce)
{
	struct vv_pack_writer *w = calloc(1, sizeof *w);

	*out = w;
	if (!w)
		return VV_ENOMEM;
	w->store = store;
	w->announce = announce;
	vv_buf_init(&w->late, SIZE_MAX);
	return VV_OK;
}

void vv_pack_writer_free(struct vv_pack_writer *w)
{
	if (!w)
		return;
	drop(w);
	vv_buf_fini(&w->late);
	free(w);
}

uint64_t vv_pack_writer_size(const struct vv_pack_writer *w)
{
	return w->size + w->late_bytes;
}

static int append(struct vv_pack_writer *w, const void *bytes, size_t len)
{
	int err = vv_source_put_write(w->put, bytes, len);

	if (!err)
		w->size += len;
	return err;
}

static int append_zeros(struct vv_pack_writer *w, uint64_t len)
{
	static const uint8_t zeros[VV_IMAGE_PAGE];
	int err = VV_OK;

	while (!err && len) {
		size_t step = (size_t)vv_min_u64(len, sizeof zeros);

		err = append(w, zeros, step);
		len -= step;
	}
	return err;
}

static int begin(struct vv_pack_writer *w)
{
	uint8_t head[VV_PACK_HEADER + VV_PACK_NOTE];
	int err;

	if (w->put)
		return VV_OK;
	vv_buf_clear(&w->late);
	vv_pack_header_put(head);
	vv_pack_note_put(head + VV_PACK_HEADER, &w->note);
	err = vv_pack_builder_new(&w->builder);
	if (!err)
		err = vv_source_put_begin(vv_store_source(w->store), &w->put);
	if (!err)
		err = append(w, head, w->note.level ? sizeof head : VV_PACK_HEADER);
	if (err)
		drop(w);
	return err;
}

void vv_pack_writer_make_unlike(struct vv_pack_writer *w)
{
	w->is_unlike = true;
}

void vv_pack_writer_set_note(struct vv_pack_writer *w, const struct vv_pack_note *note)
{
	w->note = *note;
}

int vv_pack_writer_frame(struct vv_pack_writer *w, struct vv_frame *frame,
			 const void *stored, uint32_t *number)
{
	int err = begin(w);

	if (err)
		return err;
	frame->offset = w->size;
	err = vv_pack_builder_frame(w->builder, frame, number);
	return err ? err : append(w, stored, frame->stored_size);
}

int vv_pack_writer_frame_ranked(struct vv_pack_writer *w, struct vv_frame *frame,
				const void *stored, uint32_t rank, uint32_t *number)
{
	struct late late = { .rank = rank,
			     .size = frame->stored_size,
			     .id = frame->id };
	int err = begin(w);

	if (err)
		return err;
	frame->offset = VV_PACK_HEADER; /* somewhere */
	err = vv_pack_builder_frame(w->builder, frame, number);
	if (err)
		return err;
	late.number = *number;
	late.stored = malloc(late.size);
	if (!late.stored)
		return VV_ENOMEM;
	memcpy(late.stored, stored, late.size);
	err = vv_buf_append(&w->late, &late, sizeof late);
	if (err)
		free(late.stored);
	else
		w->late_bytes += late.size;
	return err;
}

static int by_rank(const void *a, const void *b)
{
	const struct late *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static int append_late(struct vv_pack_writer *w)
{
	int err = VV_OK;

	if (late_count(w))
		qsort(w->late.bytes, late_count(w), sizeof(struct late), by_rank);
	for (size_t i = 0; !err && i < late_count(w); i++) {
		struct late *late = late_at(w, i);

		late->offset = w->size;
		err = vv_pack_builder_place(w->builder, late->number, w->size);
		if (!err)
			err = append(w, late->stored, late->size);
		w->late_bytes -= late->size;
	}
	return err;
}

bool vv_pack_writer_placed(const struct vv_pack_writer *w, size_t *pos,
			   struct vv_id *frame, uint64_t *offset)
{
	if (*pos == late_count(w))
		return false;
	*frame = late_at(w, *pos)->id;
	*offset = late_at(w, *pos)->offset;
	++*pos;
	return true;
}

int vv_pack_writer_sketch(struct vv_pack_writer *w, uint32_t number,
			  const uint32_t *values, uint32_t count)
{
	assert(w->builder);
	return vv_pack_builder_sketch(w->builder, number, values, count);
}

int vv_pack_writer_foreign(struct vv_pack_writer *w, const struct vv_frame *frame,
			   uint32_t *number)
{
	struct vv_frame foreign = {
		.id = frame->id,
		.plain_size = frame->plain_size,
		.checksum = frame->checksum,
		.reference = VV_NONE,
	};
	int err = begin(w);

	if (!err)
		err = vv_pack_builder_frame(w->builder, &foreign, number);
	return err == VV_EEXIST ? VV_OK : err;
}

int vv_pack_writer_blob(struct vv_pack_writer *w, const struct vv_id *id, uint64_t size,
			const struct vv_blob_part *parts, uint32_t count)
{
	int err = begin(w);

	return err ? err : vv_pack_builder_blob(w->builder, id, size, parts, count);
}

static uint64_t random_gap(void)
{
	uint16_t steps;

	vv_random(&steps, sizeof steps);
	return 8 * ((uint64_t)steps % UNLIKE_STEPS + 1);
}

/* Padding, then the index; *@id is the pack's name. */
static int append_index(struct vv_pack_writer *w, struct vv_id *id)
{
	struct vv_buf image;
	uint64_t frames_end, padded = 0;
	int err;

	vv_buf_init(&image, INDEX_MAX);
	err = append_late(w);
	if (!err && w->is_unlike)
		err = append_zeros(w, random_gap());
	frames_end = w->size;
	if (!err && !vv_align_up_u64(frames_end, VV_IMAGE_PAGE, &padded))
		err = VV_EFBIG;
	if (!err)
		err = append_zeros(w, padded - frames_end);
	if (!err)
		err = vv_pack_builder_finish(w->builder, frames_end, &image, id);
	if (!err)
		err = append(w, image.bytes, image.len);
	vv_buf_fini(&image);
	return err;
}

/*
 * The pack was there before us.  Our intent names it, so a gc that marks from here on
 * keeps it; one that marked before may be removing it, and takes the pack away before
 * its record: so the record is looked for first, then the pack.
 */
static int check_existing(struct vv_pack_writer *w, const struct vv_id *id)
{
	char key[VV_STORE_KEY_MAX], hex[VV_ID_HEX_BYTES];
	struct vv_source *src = vv_store_source(w->store);
	struct vv_object_info info;
	int err;

	vv_store_condemned_key(key, id);
	err = vv_source_stat(src, key, &info);
	if (err == VV_ENOENT) {
		vv_store_pack_key(key, id);
		err = vv_source_stat(src, key, &info);
		if (err != VV_ENOENT)
			return err;
	} else if (err) {
		return err;
	}
	vv_log(VV_LOG_ERROR, "pack %s is being removed by gc; run again",
	       vv_id_to_hex(id, hex));
	return VV_ESTALE;
}

static int commit(struct vv_pack_writer *w, const struct vv_id *id)
{
	struct vv_put *put = w->put;
	char key[VV_STORE_KEY_MAX];
	int err;

	vv_store_pack_key(key, id);
	w->put = NULL; /* commit ends it, whatever it returns */
	err = vv_source_put_commit(put, key, VV_PUT_NEW);
	if (err == VV_EEXIST)
		return check_existing(w, id);
	if (!err) {
		w->closed_packs++;
		w->closed_bytes += w->size;
	}
	return err;
}

int vv_pack_writer_close(struct vv_pack_writer *w, struct vv_id *id)
{
	int err;

	*id = (struct vv_id){ 0 };
	if (!w->put)
		return VV_OK;
	err = append_index(w, id);
	if (!err)
		err = vv_announce_pack(w->announce, id);
	if (!err)
		err = vv_announce_flush(w->announce);
	if (!err)
		err = commit(w, id);
	drop(w);
	return err;
}

void vv_pack_writer_totals(const struct vv_pack_writer *w, unsigned *packs,
			   uint64_t *bytes)
{
	*packs = w->closed_packs;
	*bytes = w->closed_bytes;
}
