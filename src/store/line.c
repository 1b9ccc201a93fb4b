#include "store/line.h"

#include "core/buf.h"
#include "core/err.h"
#include "format/slots.h"
#include "store/heat.h"
#include "store/known.h"
#include "store/pack_writer.h"
#include "store/press.h"
#include "store/publish.h"
#include "store/similar.h"
#include "store/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	/*
	 * Frames between decide and retire, which no frame in between can refer to.
	 * More would let more workers work, and cost references (64: 0.8 % of the size;
	 * 2 would save 0.5 %).
	 */
	LAG = 16,
	AHEAD = 16, /* frames between submit and decide */
	RING = LAG + AHEAD,
	PARTS_MAX = INT32_MAX, /* bytes of a plan */
};

/* Where a frame is: in a pack of the store, or (pack VV_NONE) made by this session. */
struct at {
	uint32_t pack, index;
};

struct made { /* a frame of this session */
	struct vv_frame frame;
	uint32_t pack;	 /* number of the session's pack, VV_NONE until it is retired */
	uint32_t pins;	 /* squeezes that use stored */
	uint8_t *stored; /* owned; a base whose pack is not committed, else NULL */
};

struct part {
	uint64_t start;
	struct at at; /* index VV_NONE: a hole */
};

struct vv_blob_plan {
	struct vv_id id;
	uint64_t size;
	bool is_known;
	struct vv_buf parts; /* struct part each */
};

enum kind {
	KIND_FRAME, /* of no blob */
	KIND_GROUP,
	KIND_SLICE,
	KIND_END
};

struct slot {
	enum kind kind;
	struct vv_press_job job; /* plain is kept from frame to frame */
	struct at at;		 /* from decide on */
	uint32_t rank;		 /* store/heat.h */
	bool is_new;
	bool is_base; /* others refer to it: no reference of its own */
	struct vv_base picks[VV_SIMILAR_PICKS]; /* job.refs; the session's are pinned */
	struct vv_blob_plan *plan;		/* slice: borrowed; end: owned */
	size_t part;				/* slice: which of the plan */
	struct vv_line_member *members;		/* group: owned */
	size_t member_count;
};

struct vv_line {
	struct vv_source *src; /* borrowed, and so the next two */
	struct vv_known *known;
	struct vv_pack_writer *writer;
	struct vv_publish_stats *stats; /* borrowed */
	struct vv_press *press;		/* owned, and so the rest */
	struct vv_similar *similar;
	struct slot slots[RING];
	uint32_t rank; /* of what is submitted from now on */
	uint64_t submitted, decided, retired;

	struct vv_buf made; /* struct made each, in order of decide */
	struct vv_slots made_index;
	uint32_t made_open;  /* first of the pack being written */
	uint32_t made_count; /* retired ones */
	struct vv_buf packs; /* struct vv_id each: the session's committed packs */
};

static struct slot *slot_of(struct vv_line *line, uint64_t n)
{
	return &line->slots[n % RING];
}

static struct made *made_of(const struct vv_line *line, uint32_t index)
{
	return (struct made *)line->made.bytes + index;
}

static uint32_t pack_count(const struct vv_line *line)
{
	return (uint32_t)(line->packs.len / sizeof(struct vv_id));
}

/* ---- making ---- */

/* The bases of one pack of the store.  One that is damaged is no candidate. */
static int load_bases(struct vv_line *line, uint32_t number, const struct vv_pack *pack)
{
	struct vv_sketch sketch;
	struct vv_frame frame;
	int err = VV_OK;

	for (uint32_t i = 0; !err && i < pack->frame_count; i++) {
		if (vv_pack_frame(pack, i, &frame) != VV_OK || !frame.sketch_count ||
		    vv_pack_sketch(pack, &frame, sketch.values) != VV_OK)
			continue;
		sketch.count = frame.sketch_count;
		err = vv_similar_add(line->similar, &sketch,
				     (struct vv_base){ number, i });
	}
	return err;
}

/* Of all packs that may be used. */
static int load_all_bases(struct vv_line *line)
{
	size_t count = vv_known_pack_count(line->known);
	uint64_t values = 0;
	int err;

	for (size_t i = 0; i < count; i++)
		if (vv_known_pack(line->known, i))
			values += vv_known_pack(line->known, i)->sketch_value_count;
	err = vv_similar_reserve(line->similar, values);
	for (size_t i = 0; !err && i < count; i++)
		if (vv_known_pack(line->known, i))
			err = load_bases(line, (uint32_t)i,
					 vv_known_pack(line->known, i));
	return err;
}

int vv_line_new(struct vv_line **out, struct vv_store *store, struct vv_known *known,
		struct vv_pack_writer *writer, int level, unsigned jobs,
		struct vv_publish_stats *stats)
{
	struct vv_line *line = calloc(1, sizeof *line);
	int err;

	*out = NULL;
	if (!line)
		return VV_ENOMEM;
	line->src = vv_store_source(store);
	line->known = known;
	line->writer = writer;
	line->stats = stats;
	line->rank = VV_HEAT_COLD;
	vv_buf_init(&line->made, SIZE_MAX);
	vv_buf_init(&line->packs, SIZE_MAX);
	err = vv_similar_new(&line->similar);
	if (!err)
		err = load_all_bases(line);
	if (!err)
		err = vv_press_new(&line->press, line->src, level, jobs);
	if (err) {
		vv_line_free(line);
		return err;
	}
	*out = line;
	return VV_OK;
}

void vv_line_free(struct vv_line *line)
{
	if (!line)
		return;
	vv_press_free(line->press); /* first: its workers use the slots */
	for (uint64_t n = line->retired; n < line->submitted; n++)
		if (slot_of(line, n)->kind == KIND_END)
			vv_blob_plan_free(slot_of(line, n)->plan);
	for (size_t i = 0; i < RING; i++) {
		free(line->slots[i].job.plain);
		free(line->slots[i].job.stored);
		free(line->slots[i].members);
	}
	for (uint32_t i = 0; i < line->made.len / sizeof(struct made); i++)
		free(made_of(line, i)->stored);
	vv_buf_fini(&line->made);
	vv_slots_fini(&line->made_index);
	vv_buf_fini(&line->packs);
	vv_similar_free(line->similar);
	free(line);
}

/* ---- decide ---- */

static bool find_made(const struct vv_line *line, const struct vv_id *id,
		      uint32_t *index)
{
	uint32_t hash = vv_slots_hash(id);

	for (size_t at = 0; vv_slots_next(&line->made_index, hash, &at, index);)
		if (vv_id_equal(&made_of(line, *index)->frame.id, id))
			return true;
	return false;
}

/* The frame is in the store or was made before: *@at says where.  VV_ENOENT. */
static int find_frame(struct vv_line *line, const struct vv_id *id, struct at *at)
{
	struct vv_known_frame known;
	int err;

	*at = (struct at){ .pack = VV_NONE };
	if (find_made(line, id, &at->index))
		return VV_OK;
	err = vv_known_find_frame(line->known, id, &known);
	if (!err)
		*at = (struct at){ known.pack, known.index };
	return err;
}

static bool has_reference(const struct vv_line *line, struct at at)
{
	struct vv_frame frame;

	if (at.pack == VV_NONE)
		return made_of(line, at.index)->frame.reference != VV_NONE;
	return vv_pack_frame(vv_known_pack(line->known, at.pack), at.index, &frame) ==
		       VV_OK &&
	       frame.reference != VV_NONE;
}

static int add_made(struct vv_line *line, const struct vv_press_job *job, struct at *at)
{
	struct made made = {
		.frame = { .id = job->id,
			   .plain_size = job->plain_size,
			   .checksum = job->checksum,
			   .reference = VV_NONE },
		.pack = VV_NONE,
	};
	uint32_t index = (uint32_t)(line->made.len / sizeof made);
	int err = vv_buf_append(&line->made, &made, sizeof made);

	*at = (struct at){ VV_NONE, index };
	return err ? err
		   : vv_slots_put(&line->made_index, vv_slots_hash(&job->id), index);
}

/* The base becomes a candidate of the job; its bytes stay until unpin_refs(). */
static int pin_ref(struct vv_line *line, struct slot *slot, struct vv_base base)
{
	struct vv_press_ref *ref = &slot->job.refs[slot->job.ref_count];
	const struct vv_pack *pack;
	struct made *made;
	int err;

	if (base.pack == VV_NONE) {
		made = made_of(line, base.index);
		made->pins++;
		ref->frame = made->frame;
		ref->stored = made->stored;
		if (made->pack < pack_count(line))
			ref->pack = ((struct vv_id *)line->packs.bytes)[made->pack];
	} else {
		err = vv_known_rely(line->known, base.pack);
		if (err)
			return err == VV_ENOENT ? VV_OK : err; /* no candidate */
		pack = vv_known_pack(line->known, base.pack);
		ref->stored = NULL;
		ref->pack = pack->id;
		if (vv_pack_frame(pack, base.index, &ref->frame) != VV_OK)
			return VV_OK; /* damaged: no candidate */
	}
	slot->picks[slot->job.ref_count++] = base;
	return VV_OK;
}

static void drop_stored(const struct vv_line *line, struct made *made)
{
	if (made->pins || made->pack >= pack_count(line))
		return;
	free(made->stored);
	made->stored = NULL;
}

static void unpin_refs(struct vv_line *line, struct slot *slot)
{
	for (unsigned i = 0; i < slot->job.ref_count; i++) {
		struct made *made;

		if (slot->picks[i].pack != VV_NONE)
			continue;
		made = made_of(line, slot->picks[i].index);
		made->pins--;
		drop_stored(line, made);
	}
	slot->job.ref_count = 0;
}

static int decide(struct vv_line *line, struct slot *slot)
{
	struct vv_base picks[VV_SIMILAR_PICKS];
	size_t count;
	int err;

	if (slot->kind == KIND_END)
		return VV_OK;
	err = vv_press_wait(line->press, &slot->job);
	if (err)
		return err;
	err = find_frame(line, &slot->job.id, &slot->at);
	if (!err && slot->is_base && has_reference(line, slot->at))
		err = VV_ENOENT; /* as a base it is new */
	slot->is_new = err == VV_ENOENT;
	line->stats->frames_reused += err == VV_OK;
	if (err != VV_ENOENT)
		return err;
	count = slot->is_base
			? 0
			: vv_similar_pick(line->similar, &slot->job.sketch, picks);
	err = add_made(line, &slot->job, &slot->at);
	for (size_t i = 0; !err && i < count; i++)
		err = pin_ref(line, slot, picks[i]);
	if (!err)
		vv_press_squeeze(line->press, &slot->job);
	return err;
}

/* ---- retire ---- */

/* The number of a frame in the pack being written. */
static int number_of(struct vv_line *line, struct at at, uint32_t *number)
{
	struct vv_frame frame;
	int err = VV_OK;

	if (at.pack == VV_NONE)
		frame = made_of(line, at.index)->frame;
	else
		err = vv_pack_frame(vv_known_pack(line->known, at.pack), at.index,
				    &frame);
	return err ? err : vv_pack_writer_foreign(line->writer, &frame, number);
}

static struct at at_of(struct vv_base base)
{
	return (struct at){ base.pack, base.index };
}

static int pack_frame(struct vv_line *line, struct slot *slot)
{
	struct vv_press_job *job = &slot->job;
	bool is_base = job->chosen == job->ref_count;
	struct made *made = made_of(line, slot->at.index);
	struct vv_frame frame = made->frame;
	uint32_t number;
	int err = VV_OK;

	frame.codec = (uint16_t)job->codec;
	frame.filter = (uint16_t)job->filter;
	frame.stored_size = job->stored_size;
	if (!is_base)
		err = number_of(line, at_of(slot->picks[job->chosen]),
				&frame.reference);
	if (!err)
		err = slot->rank == VV_HEAT_COLD
			      ? vv_pack_writer_frame(line->writer, &frame, job->stored,
						     &number)
			      : vv_pack_writer_frame_ranked(line->writer, &frame,
							    job->stored, slot->rank,
							    &number);
	if (!err && is_base)
		err = vv_pack_writer_sketch(line->writer, number, job->sketch.values,
					    job->sketch.count);
	if (err)
		return err;
	made->frame = frame;
	made->pack = pack_count(line);
	line->made_count++;
	line->stats->frames_new++;
	line->stats->bytes_new += frame.plain_size;
	if (is_base) {
		made->stored = job->stored; /* taken */
		job->stored = NULL;
		return vv_similar_add(line->similar, &job->sketch,
				      (struct vv_base){ VV_NONE, slot->at.index });
	}
	return VV_OK;
}

static int end_group(struct vv_line *line, struct slot *slot)
{
	uint32_t number;
	int err = number_of(line, slot->at, &number);

	for (size_t i = 0; !err && i < slot->member_count; i++) {
		const struct vv_line_member *m = &slot->members[i];
		struct vv_blob_part part = { 0, number, m->offset };

		err = vv_pack_writer_blob(line->writer, &m->id, m->size, &part, 1);
		line->stats->blobs_new++;
	}
	return err;
}

static int end_blob(struct vv_line *line, const struct vv_blob_plan *plan)
{
	const struct part *parts = (const struct part *)plan->parts.bytes;
	uint32_t count = (uint32_t)(plan->parts.len / sizeof *parts);
	struct vv_blob_part *out;
	int err = VV_OK;

	if (plan->is_known)
		return VV_OK;
	out = calloc(count, sizeof *out);
	if (!out)
		return VV_ENOMEM;
	for (uint32_t i = 0; !err && i < count; i++) {
		out[i] = (struct vv_blob_part){ parts[i].start, VV_NONE, 0 };
		if (parts[i].at.index != VV_NONE)
			err = number_of(line, parts[i].at, &out[i].frame);
	}
	if (!err)
		err = vv_pack_writer_blob(line->writer, &plan->id, plan->size, out,
					  count);
	line->stats->blobs_new++;
	free(out);
	return err;
}

/* Frames that a profile names have a place only now; as bases they are read from it. */
static void note_places(struct vv_line *line)
{
	uint64_t offset;
	struct vv_id id;
	uint32_t index;

	for (size_t pos = 0; vv_pack_writer_placed(line->writer, &pos, &id, &offset);)
		if (find_made(line, &id, &index))
			made_of(line, index)->frame.offset = offset;
}

static int close_pack(struct vv_line *line)
{
	struct vv_id id;
	int err;

	if (vv_known_has_condemned(line->known))
		vv_pack_writer_make_unlike(line->writer);
	err = vv_pack_writer_close(line->writer, &id);
	note_places(line);
	if (!err)
		err = vv_buf_append(&line->packs, &id, sizeof id);
	for (; !err && line->made_open < line->made_count; line->made_open++)
		drop_stored(line, made_of(line, line->made_open));
	return err;
}

static int retire(struct vv_line *line, struct slot *slot)
{
	int err = VV_OK;

	if (slot->kind != KIND_END && slot->is_new) {
		err = vv_press_wait(line->press, &slot->job);
		if (!err)
			err = pack_frame(line, slot);
		unpin_refs(line, slot);
		free(slot->job.stored);
		slot->job.stored = NULL;
	}
	if (err)
		return err;
	switch (slot->kind) {
	case KIND_FRAME: break;
	case KIND_GROUP: err = end_group(line, slot); break;
	case KIND_SLICE:
		((struct part *)slot->plan->parts.bytes)[slot->part].at = slot->at;
		break;
	case KIND_END: err = end_blob(line, slot->plan); break;
	}
	if (!err && vv_pack_writer_size(line->writer) >= VV_LINE_PACK_BYTES)
		err = close_pack(line);
	return err;
}

/* ---- the line ---- */

/* One frame moves on by one station (L2). */
static int step(struct vv_line *line)
{
	int err;

	if (line->decided < line->submitted && line->decided - line->retired < LAG) {
		err = decide(line, slot_of(line, line->decided));
		line->decided += !err;
	} else {
		struct slot *slot = slot_of(line, line->retired);

		err = retire(line, slot);
		if (err)
			return err;
		if (slot->kind == KIND_END)
			vv_blob_plan_free(slot->plan);
		free(slot->members);
		slot->members = NULL;
		slot->plan = NULL;
		line->retired++;
	}
	return err;
}

static int submit(struct vv_line *line)
{
	int err = VV_OK;

	line->submitted++;
	while (!err && line->submitted - line->decided > AHEAD - 1)
		err = step(line);
	return err;
}

/* A free slot with @bytes in it. */
static int fill(struct vv_line *line, enum kind kind, const uint8_t *bytes, size_t len,
		struct slot **out)
{
	struct slot *slot = slot_of(line, line->submitted);
	uint8_t *plain = realloc(slot->job.plain, len);

	assert(line->submitted - line->retired < RING && len <= VV_FRAME_MAX);
	*out = slot;
	if (!plain)
		return VV_ENOMEM;
	memcpy(plain, bytes, len);
	slot->job.plain = plain;
	slot->job.plain_size = (uint32_t)len;
	slot->job.ref_count = 0;
	slot->kind = kind;
	slot->rank = line->rank;
	slot->is_base = false;
	return VV_OK;
}

int vv_line_frame(struct vv_line *line, const uint8_t *bytes, size_t len, bool is_base)
{
	struct slot *slot;
	int err = fill(line, KIND_FRAME, bytes, len, &slot);

	if (err)
		return err;
	slot->is_base = is_base;
	vv_press_hash(line->press, &slot->job);
	return submit(line);
}

void vv_line_set_rank(struct vv_line *line, uint32_t rank)
{
	line->rank = rank;
}

int vv_line_group(struct vv_line *line, const uint8_t *bytes, size_t len,
		  const struct vv_line_member *members, size_t count)
{
	struct slot *slot;
	int err = fill(line, KIND_GROUP, bytes, len, &slot);

	if (err)
		return err;
	slot->members = malloc(count * sizeof *members);
	if (!slot->members)
		return VV_ENOMEM;
	memcpy(slot->members, members, count * sizeof *members);
	slot->member_count = count;
	vv_press_hash(line->press, &slot->job);
	return submit(line);
}

int vv_line_blob_begin(struct vv_blob_plan **out)
{
	struct vv_blob_plan *plan = calloc(1, sizeof *plan);

	*out = plan;
	if (!plan)
		return VV_ENOMEM;
	vv_buf_init(&plan->parts, PARTS_MAX);
	return VV_OK;
}

void vv_blob_plan_free(struct vv_blob_plan *plan)
{
	if (!plan)
		return;
	vv_buf_fini(&plan->parts);
	free(plan);
}

int vv_line_hole(struct vv_blob_plan *plan, uint64_t start)
{
	struct part part = { start, { VV_NONE, VV_NONE } };

	return vv_buf_append(&plan->parts, &part, sizeof part);
}

int vv_line_slice(struct vv_line *line, struct vv_blob_plan *plan, uint64_t start,
		  const uint8_t *bytes, size_t len)
{
	struct slot *slot;
	int err = fill(line, KIND_SLICE, bytes, len, &slot);

	if (err)
		return err;
	slot->plan = plan;
	slot->part = plan->parts.len / sizeof(struct part);
	err = vv_line_hole(plan, start); /* until it is retired */
	if (err)
		return err;
	vv_press_hash(line->press, &slot->job);
	return submit(line);
}

int vv_line_blob_end(struct vv_line *line, struct vv_blob_plan *plan,
		     const struct vv_id *id, uint64_t size, bool is_known)
{
	struct slot *slot = slot_of(line, line->submitted);

	plan->id = *id;
	plan->size = size;
	plan->is_known = is_known;
	slot->kind = KIND_END;
	slot->plan = plan;
	return submit(line);
}

int vv_line_finish(struct vv_line *line)
{
	int err = VV_OK;

	while (!err && line->retired < line->submitted)
		err = step(line);
	return err ? err : close_pack(line);
}
