#include "store/optimize.h"

#include "codec/zstd.h"
#include "core/arith.h"
#include "core/err.h"
#include "core/log.h"
#include "input/input.h"
#include "os/thread.h"
#include "store/gc.h"
#include "store/intent.h"
#include "store/known.h"
#include "store/line.h"
#include "store/pack_writer.h"
#include "store/packer.h"
#include "store/publish.h"
#include "store/reader.h"
#include "store/reading.h"
#include "store/survey.h"

#include <stdlib.h>
#include <string.h>

enum {
	READ_BUDGET = 64 << 20,
	JOBS_MAX = 256,
	GARBAGE_PART = 8, /* more garbage than this part of a pack is too much */
	SMALL_PACK = VV_LINE_PACK_BYTES / 4,
	REF_ROUNDS = 16, /* looks at refs that move all the time */
	RENEW_BLOCKS = 1024,
};

/* The content of blobs of the store, one after the other, as an input of the packer. */
struct blob_input {
	struct vv_input input; /* first: read() casts */
	struct vv_reader *reader;
	const struct vv_survey_blob *blob;
	uint64_t at;
};

struct optimizer {
	struct vv_store *store; /* borrowed, and so the next two */
	const struct vv_optimize_options *opts;
	struct vv_optimize_stats *stats;
	struct vv_ref_list refs; /* owned, and so the rest */
	struct vv_announce *announce;
	struct vv_survey survey;
	bool *goes; /* the packs to be written anew, as in the survey */
	struct vv_known *known;
	struct vv_pack_writer *writer;
	struct vv_packer *packer;
	struct vv_publish_stats packed;
	struct vv_reading reading;
	struct blob_input content;
	unsigned ticks;
};

/* ---- the refs ---- */

static int get_refs(struct optimizer *o)
{
	size_t bad;
	int err;

	vv_ref_list_fini(&o->refs);
	err = vv_ref_list_get(o->store, &o->refs, &bad);
	if (!err && bad > 0) {
		vv_log(VV_LOG_ERROR,
		       "%zu refs cannot be used (see above), so what they need is not known: mend or remove them first",
		       bad);
		return VV_ECORRUPT;
	}
	return err;
}

static int announce_refs(struct optimizer *o)
{
	int err = VV_OK;

	for (size_t i = 0; !err && i < o->refs.count; i++)
		err = vv_announce_tree(o->announce, &o->refs.items[i].tree);
	return err ? err : vv_announce_flush(o->announce);
}

static bool have_same_trees(const struct vv_ref_list *a, const struct vv_ref_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!vv_id_equal(&a->items[i].tree, &b->items[i].tree))
			return false;
	return true;
}

/*
 * The intent names the trees before the refs are read that lead to them, as a mount's
 * lease does ((G4) in gc.c): so no gc takes from them what is about to be read.
 */
static int hold_refs(struct optimizer *o)
{
	struct vv_ref_list before = { 0 };
	bool is_held = false;
	int err = vv_announce_open(&o->announce, o->store, VV_ANNOUNCE_INTENT, NULL);

	if (!err)
		err = get_refs(o);
	for (unsigned i = 0; !err && !is_held && i < REF_ROUNDS; i++) {
		err = announce_refs(o);
		before = o->refs;
		o->refs = (struct vv_ref_list){ 0 };
		if (!err)
			err = get_refs(o);
		is_held = !err && have_same_trees(&before, &o->refs);
		vv_ref_list_fini(&before);
	}
	if (!err && !is_held) {
		vv_log(VV_LOG_ERROR, "the refs move all the time; run again later");
		err = VV_EBUSY;
	}
	return err;
}

/* ---- choosing ---- */

enum shape {
	SHAPE_GOOD,
	SHAPE_SMALL,
	SHAPE_BAD,
};

static enum shape shape_of(const struct optimizer *o, size_t p)
{
	const struct vv_survey_pack *s = &o->survey.packs[p];
	const struct vv_pack *pack = vv_pack_set_get(o->survey.set, p);
	uint64_t size = vv_pack_set_size(o->survey.set, p);
	uint64_t small = o->opts->small_bytes ? o->opts->small_bytes : SMALL_PACK;

	if (!pack || !s->live_bytes)
		return SHAPE_GOOD; /* nothing in it, or nothing can be told: not ours */
	if (s->is_condemned || (int64_t)pack->note.level < o->opts->level ||
	    s->garbage_bytes > size / GARBAGE_PART)
		return SHAPE_BAD;
	return size < small ? SHAPE_SMALL : SHAPE_GOOD;
}

/* A small pack is worth the work if there is something to put it together with. */
static int choose_packs(struct optimizer *o)
{
	size_t count = vv_pack_set_count(o->survey.set), bad = 0, small = 0;

	o->goes = calloc(count + 1, sizeof *o->goes);
	if (!o->goes)
		return VV_ENOMEM;
	for (size_t p = 0; p < count; p++) {
		bad += shape_of(o, p) == SHAPE_BAD;
		small += shape_of(o, p) == SHAPE_SMALL;
	}
	for (size_t p = 0; p < count; p++) {
		enum shape shape = shape_of(o, p);

		o->goes[p] =
			shape == SHAPE_BAD || (shape == SHAPE_SMALL && bad + small > 1);
		if (!o->goes[p])
			continue;
		o->stats->packs_old++;
		o->stats->old_bytes += vv_pack_set_size(o->survey.set, p);
		o->stats->garbage_bytes += o->survey.packs[p].garbage_bytes;
	}
	o->stats->packs = (unsigned)count;
	return VV_OK;
}

static void count_content(struct optimizer *o)
{
	for (size_t i = 0; i < o->survey.blob_count; i++) {
		const struct vv_survey_blob *blob = &o->survey.blobs[i];

		o->stats->blobs += o->goes[blob->pack];
		o->stats->bytes += o->goes[blob->pack] ? blob->size : 0;
	}
}

static int choose(struct optimizer *o)
{
	int err = vv_survey_get(&o->survey, o->store, &o->refs);

	if (!err && o->survey.lost_blobs) {
		vv_log(VV_LOG_ERROR,
		       "%llu files of the refs are in no pack: run `varve verify`",
		       (unsigned long long)o->survey.lost_blobs);
		err = VV_ECORRUPT;
	}
	if (!err)
		err = choose_packs(o);
	if (!err)
		err = vv_survey_carry(&o->survey, o->goes);
	if (!err)
		count_content(o);
	return err;
}

/* ---- writing ---- */

static int tick(void *ctx)
{
	struct optimizer *o = ctx;
	int err = VV_OK;

	if (++o->ticks % RENEW_BLOCKS == 0)
		err = vv_announce_flush(o->announce);
	if (err || !o->opts->progress)
		return err;
	vv_pack_writer_totals(o->writer, &o->stats->packs_new, &o->stats->new_bytes);
	return o->opts->progress(o->opts->ctx, o->stats, o->packed.bytes_in,
				 o->stats->bytes)
		       ? VV_ECANCELED
		       : VV_OK;
}

static int next_entry(struct vv_input *in, struct vv_input_entry *out)
{
	(void)in;
	(void)out;
	return 0; /* blobs have no entries */
}

static int read_blob(struct vv_input *in, void *buf, size_t cap, size_t *got,
		     uint64_t *hole)
{
	struct blob_input *b = (struct blob_input *)in;
	uint64_t left = b->blob->size - b->at;
	size_t len = (size_t)vv_min_u64(cap, left);
	int err;

	*got = 0;
	*hole = 0;
	err = vv_reader_copy(b->reader, &b->blob->id, b->blob->size, b->at, buf, len);
	if (err)
		return err;
	b->at += len;
	*got = len;
	return VV_OK;
}

static void no_progress(struct vv_input *in, uint64_t *done, uint64_t *total)
{
	(void)in;
	*done = *total = 0;
}

static void free_nothing(struct vv_input *in)
{
	(void)in;
}

static const struct vv_input_ops blob_ops = {
	.name = "store",
	.next = next_entry,
	.read = read_blob,
	.progress = no_progress,
	.free = free_nothing,
};

/* Without a wish the default, but not below what was spent on these packs before. */
static int level_of(const struct optimizer *o)
{
	int level = VV_COMPRESS_LEVEL_DEFAULT;

	if (o->opts->level)
		return o->opts->level;
	for (size_t p = 0; p < vv_pack_set_count(o->survey.set); p++) {
		uint32_t before =
			o->goes[p] ? vv_pack_set_get(o->survey.set, p)->note.level : 0;

		if (before > (uint32_t)level && before <= VV_COMPRESS_LEVEL_MAX)
			level = (int)before;
	}
	return level;
}

static int prepare(struct optimizer *o)
{
	int level = level_of(o);
	unsigned jobs = o->opts->jobs ? o->opts->jobs : vv_cpu_count();
	struct vv_packer_options opts = {
		.level = level,
		.jobs = jobs < JOBS_MAX ? jobs : JOBS_MAX,
		.tick = tick,
		.ctx = o,
	};
	struct vv_pack_note note = {
		.level = (uint32_t)level,
		.generation =
			o->survey.generation + (o->survey.generation < UINT64_MAX),
	};
	int err = vv_known_new(&o->known, o->store, o->announce);

	for (size_t p = 0; !err && p < vv_pack_set_count(o->survey.set); p++)
		if (o->goes[p])
			vv_known_leave_out(o->known, vv_pack_set_id(o->survey.set, p));
	if (!err)
		err = vv_pack_writer_new(&o->writer, o->store, o->announce);
	if (err)
		return err;
	vv_pack_writer_set_note(o->writer, &note);
	err = vv_packer_new(&o->packer, o->store, o->known, o->writer, &opts,
			    &o->packed);
	if (!err)
		err = vv_reading_open(&o->reading, o->store, READ_BUDGET);
	o->content = (struct blob_input){
		.input.ops = &blob_ops,
		.reader = o->reading.reader,
	};
	return err;
}

/* Frames of the pack that have to stay without a blob of ours that has them. */
static int carry_from(struct optimizer *o, size_t p, uint8_t *plain)
{
	const struct vv_pack *pack = vv_pack_set_get(o->survey.set, p);
	const uint8_t *rows = o->survey.packs[p].rows;
	int err = VV_OK;

	for (uint32_t row = 0; !err && row < pack->frame_count; row++) {
		struct vv_frame frame;

		if (!(rows[row] & VV_ROW_CARRIED))
			continue;
		err = vv_pack_frame(pack, row, &frame);
		if (!err)
			err = vv_reader_frame(o->reading.reader, o->survey.set, pack,
					      &frame, plain);
		if (!err)
			err = vv_packer_frame(o->packer, plain, frame.plain_size,
					      frame.reference == VV_NONE);
		if (!err)
			err = tick(o);
	}
	return err;
}

static int carry(struct optimizer *o)
{
	uint8_t *plain = malloc(VV_FRAME_MAX);
	int err = plain ? VV_OK : VV_ENOMEM;

	for (size_t p = 0; !err && p < vv_pack_set_count(o->survey.set); p++)
		if (o->goes[p])
			err = carry_from(o, p, plain);
	free(plain);
	return err;
}

/* What comes out under an id has that id: a blob that has not is damaged. */
static int write_blob(struct optimizer *o, const struct vv_survey_blob *blob)
{
	char hex[VV_ID_HEX_BYTES];
	struct vv_id id;
	uint64_t size;
	int err;

	o->content.blob = blob;
	o->content.at = 0;
	err = vv_packer_blob(o->packer, &o->content.input, &id, &size);
	if (!err && !vv_id_equal(&id, &blob->id)) {
		vv_log(VV_LOG_ERROR, "blob %s: %s; run `varve verify`",
		       vv_id_to_hex(&blob->id, hex), vv_err_text(VV_ECORRUPT));
		err = VV_ECORRUPT;
	}
	return err;
}

static int write_all(struct optimizer *o)
{
	int err = prepare(o);

	if (!err)
		err = carry(o);
	for (size_t i = 0; !err && i < o->survey.blob_count; i++)
		if (o->goes[o->survey.blobs[i].pack])
			err = write_blob(o, &o->survey.blobs[i]);
	return err ? err : vv_packer_finish(o->packer);
}

static void close_all(struct optimizer *o)
{
	if (o->writer)
		vv_pack_writer_totals(o->writer, &o->stats->packs_new,
				      &o->stats->new_bytes);
	vv_packer_free(o->packer);
	vv_pack_writer_free(o->writer);
	vv_known_free(o->known);
	vv_reading_close(&o->reading);
	vv_survey_fini(&o->survey);
	free(o->goes);
	vv_ref_list_fini(&o->refs);
	vv_announce_close(o->announce);
}

/* ---- all of it ---- */

/*
 * Nothing is deleted: that is for a gc, after its grace.  One that is at work right now
 * leaves this to the next.
 */
static int condemn(struct vv_store *store, struct vv_optimize_stats *stats)
{
	struct vv_gc_options opts = { .grace_ns = INT64_MAX };
	struct vv_gc_stats done;
	int err = vv_gc(store, &opts, &done);

	stats->is_condemned = err == VV_OK;
	return err == VV_EBUSY ? VV_OK : err;
}

int vv_optimize(struct vv_store *store, const struct vv_optimize_options *opts,
		struct vv_optimize_stats *out)
{
	struct optimizer o = { .store = store, .opts = opts, .stats = out };
	int err;

	*out = (struct vv_optimize_stats){ 0 };
	err = opts->dry_run ? get_refs(&o) : hold_refs(&o);
	if (!err)
		err = choose(&o);
	if (!err && !opts->dry_run && out->packs_old)
		err = write_all(&o);
	close_all(&o);
	if (!err && !opts->dry_run)
		err = condemn(store, out);
	return err;
}
