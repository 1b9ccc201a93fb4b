#include "store/survey.h"

#include "core/err.h"
#include "core/log.h"
#include "store/blob_order.h"
#include "store/condemned.h"
#include "store/holders.h"

#include <stdlib.h>
#include <string.h>

/*
 * (S1) A frame is needed as data by a blob, or as a base by a frame that is needed as
 *	data; a base has no reference, so there is no third step.
 * (S2) Data may be any copy, a base only one without a reference.
 */
struct vv_survey_index {
	struct vv_survey *out;	 /* that it belongs to */
	struct vv_store *store;	 /* borrowed */
	struct vv_holders blobs; /* numbers are places in the order */
	struct vv_holders data;	 /* frames of blobs */
	struct vv_holders bases; /* references of those */
	struct vv_condemned condemned;
};

static const struct vv_pack *pack_of(const struct vv_survey_index *s, uint32_t pack)
{
	return vv_pack_set_get(s->out->set, pack);
}

/* ---- which copy is meant ---- */

static bool is_better(const struct vv_survey_index *s, uint32_t pack, uint32_t best)
{
	const struct vv_survey_pack *a = &s->out->packs[pack];
	const struct vv_survey_pack *b = &s->out->packs[best];

	if (a->is_condemned != b->is_condemned)
		return b->is_condemned;
	return pack_of(s, pack)->note.generation > pack_of(s, best)->note.generation;
}

static bool is_base(const struct vv_survey_index *s, const struct vv_holder *at)
{
	struct vv_frame frame;

	return vv_pack_frame(pack_of(s, at->pack), at->row, &frame) == VV_OK &&
	       frame.reference == VV_NONE;
}

/* NULL: no pack has it. */
static const struct vv_holder *meant(const struct vv_survey_index *s,
				     const struct vv_holders *h, size_t number,
				     bool as_base)
{
	const struct vv_holder *best = NULL, *all;
	size_t count;

	all = vv_holders_of(h, number, &count);
	for (size_t i = 0; i < count; i++)
		if ((!best || is_better(s, all[i].pack, best->pack)) &&
		    (!as_base || is_base(s, &all[i])))
			best = &all[i];
	return best;
}

/* Where the frame in this row is meant to be; NULL: nowhere, or it was not wanted. */
static const struct vv_holder *meant_frame(const struct vv_survey_index *s,
					   const struct vv_id *id, bool as_base)
{
	const struct vv_holders *h = as_base ? &s->bases : &s->data;
	uint64_t number;

	if (!vv_idmap_get(&h->numbers, id, &number))
		return NULL;
	return meant(s, h, (size_t)number, as_base);
}

/* ---- packs ---- */

static int list_packs(struct vv_survey_index *s)
{
	struct vv_survey *out = s->out;
	size_t count;
	int err = vv_condemned_list(&s->condemned, s->store);

	if (!err)
		err = vv_store_packs_refresh(s->store, &out->set);
	if (err)
		return err;
	count = vv_pack_set_count(out->set);
	out->packs = calloc(count + 1, sizeof *out->packs);
	if (!out->packs)
		return VV_ENOMEM;
	for (size_t p = 0; p < count; p++) {
		const struct vv_pack *pack = vv_pack_set_get(out->set, p);

		if (!pack)
			continue;
		out->packs[p].is_condemned =
			vv_idmap_get(&s->condemned.index, &pack->id, NULL);
		out->packs[p].rows = calloc((size_t)pack->frame_count + 1, 1);
		if (!out->packs[p].rows)
			return VV_ENOMEM;
		if (pack->note.generation > out->generation)
			out->generation = pack->note.generation;
	}
	return VV_OK;
}

/* ---- blobs ---- */

static int want_blob(void *ctx, const struct vv_id *id)
{
	return vv_holders_want(ctx, id, NULL);
}

static int compare_refs(const void *a, const void *b)
{
	const struct vv_ref *x = *(const struct vv_ref *const *)a;
	const struct vv_ref *y = *(const struct vv_ref *const *)b;

	if (x->published_ns != y->published_ns)
		return x->published_ns < y->published_ns ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int want_tree(struct vv_survey_index *s, const struct vv_ref *ref)
{
	struct vv_open_tree *tree;
	int err = vv_store_tree_open(s->store, &ref->tree, &tree);

	if (!err)
		err = vv_blob_order(vv_open_tree_get(tree), want_blob, &s->blobs);
	vv_open_tree_unref(tree);
	if (err && err != VV_ENOMEM)
		vv_log(VV_LOG_ERROR,
		       "the tree of ref %s cannot be read (%s): run `varve verify`",
		       ref->name, vv_err_text(err));
	return err;
}

static int want_blobs(struct vv_survey_index *s, const struct vv_ref_list *refs)
{
	const struct vv_ref **order = calloc(refs->count + 1, sizeof *order);
	int err = order ? VV_OK : VV_ENOMEM;

	for (size_t i = 0; !err && i < refs->count; i++)
		order[i] = &refs->items[i];
	if (!err)
		qsort(order, refs->count, sizeof *order, compare_refs);
	for (size_t i = 0; !err && i < refs->count; i++)
		err = want_tree(s, order[i]);
	free(order);
	return err;
}

static int place_blobs(struct vv_survey_index *s)
{
	struct vv_survey *out = s->out;
	size_t count = vv_holders_count(&s->blobs);
	int err = vv_holders_find_blobs(&s->blobs, out->set);

	if (err)
		return err;
	out->blobs = calloc(count + 1, sizeof *out->blobs);
	if (!out->blobs)
		return VV_ENOMEM;
	for (size_t i = 0; !err && i < count; i++) {
		const struct vv_holder *at = meant(s, &s->blobs, i, false);
		struct vv_blob blob;

		if (!at) {
			out->lost_blobs++;
			continue;
		}
		err = vv_pack_blob(pack_of(s, at->pack), at->row, &blob);
		out->blobs[out->blob_count++] = (struct vv_survey_blob){
			.id = blob.id,
			.size = blob.size,
			.pack = at->pack,
			.row = at->row,
		};
	}
	return err;
}

/* ---- frames ---- */

/* Calls @frame for every frame of every blob, as the blob's pack lists it. */
static int each_frame(struct vv_survey *out,
		      int (*frame)(void *ctx, const struct vv_survey_blob *blob,
				   const struct vv_frame *frame),
		      void *ctx)
{
	int err = VV_OK;

	for (size_t i = 0; !err && i < out->blob_count; i++) {
		const struct vv_survey_blob *at = &out->blobs[i];
		const struct vv_pack *pack = vv_pack_set_get(out->set, at->pack);
		struct vv_extent extent;
		struct vv_frame listed;
		struct vv_blob blob;

		err = vv_pack_blob(pack, at->row, &blob);
		for (uint32_t n = 0; !err && n < blob.extent_count; n++) {
			err = vv_pack_extent(pack, &blob, n, &extent);
			if (err || extent.frame == VV_NONE)
				continue;
			err = vv_pack_frame(pack, extent.frame, &listed);
			if (!err)
				err = frame(ctx, at, &listed);
		}
	}
	return err;
}

static int want_frame(void *ctx, const struct vv_survey_blob *blob,
		      const struct vv_frame *frame)
{
	struct vv_survey_index *s = ctx;

	(void)blob;
	return vv_holders_want(&s->data, &frame->id, NULL);
}

/* The row of what a frame at @at has as its reference; false: it has none. */
static bool reference_of(const struct vv_survey *out, const struct vv_holder *at,
			 struct vv_frame *reference)
{
	const struct vv_pack *pack = vv_pack_set_get(out->set, at->pack);
	struct vv_frame frame;

	return vv_pack_frame(pack, at->row, &frame) == VV_OK &&
	       frame.reference != VV_NONE &&
	       vv_pack_frame(pack, frame.reference, reference) == VV_OK;
}

static void need(struct vv_survey_index *s, const struct vv_holder *at, uint8_t how)
{
	struct vv_survey_pack *pack = &s->out->packs[at->pack];
	struct vv_frame frame;

	if (!pack->rows[at->row] &&
	    vv_pack_frame(pack_of(s, at->pack), at->row, &frame) == VV_OK)
		pack->live_bytes += frame.stored_size;
	pack->rows[at->row] |= how;
}

/* (S1) */
static int place_frames(struct vv_survey_index *s)
{
	struct vv_frame reference;
	int err = each_frame(s->out, want_frame, s);

	if (!err)
		err = vv_holders_find_frames(&s->data, s->out->set);
	for (size_t i = 0; !err && i < vv_holders_count(&s->data); i++) {
		const struct vv_holder *at = meant(s, &s->data, i, false);

		if (!at)
			continue;
		need(s, at, VV_ROW_DATA);
		if (reference_of(s->out, at, &reference))
			err = vv_holders_want(&s->bases, &reference.id, NULL);
	}
	if (!err)
		err = vv_holders_find_frames(&s->bases, s->out->set);
	for (size_t i = 0; !err && i < vv_holders_count(&s->bases); i++) {
		const struct vv_holder *at = meant(s, &s->bases, i, true);

		if (at)
			need(s, at, VV_ROW_BASE);
	}
	return err;
}

static void count_garbage(struct vv_survey_index *s)
{
	for (uint32_t p = 0; p < vv_pack_set_count(s->out->set); p++) {
		struct vv_survey_pack *out = &s->out->packs[p];
		const struct vv_pack *pack = pack_of(s, p);
		struct vv_frame frame;

		for (uint32_t row = 0; out->rows && row < pack->frame_count; row++)
			if (!out->rows[row] &&
			    vv_pack_frame(pack, row, &frame) == VV_OK)
				out->garbage_bytes += frame.stored_size;
	}
}

static int run(struct vv_survey_index *s, const struct vv_ref_list *refs)
{
	int err = want_blobs(s, refs); /* packs are listed after trees, as in mark.h */

	if (!err)
		err = list_packs(s);
	if (!err)
		err = place_blobs(s);
	if (!err)
		err = place_frames(s);
	if (!err)
		count_garbage(s);
	return err;
}

int vv_survey_get(struct vv_survey *out, struct vv_store *store,
		  const struct vv_ref_list *refs)
{
	struct vv_survey_index *s = calloc(1, sizeof *s);
	int err;

	*out = (struct vv_survey){ .index = s };
	if (!s)
		return VV_ENOMEM;
	s->out = out;
	s->store = store;
	vv_holders_init(&s->blobs);
	vv_holders_init(&s->data);
	vv_holders_init(&s->bases);
	err = run(s, refs);
	if (err)
		vv_survey_fini(out);
	return err;
}

void vv_survey_fini(struct vv_survey *s)
{
	for (size_t i = 0; s->packs && i < vv_pack_set_count(s->set); i++)
		free(s->packs[i].rows);
	free(s->packs);
	free(s->blobs);
	vv_pack_set_unref(s->set);
	if (s->index) {
		vv_holders_fini(&s->index->blobs);
		vv_holders_fini(&s->index->data);
		vv_holders_fini(&s->index->bases);
		vv_condemned_fini(&s->index->condemned);
	}
	free(s->index);
	*s = (struct vv_survey){ 0 };
}

/* ---- what is to be carried ---- */

struct carrying {
	struct vv_survey *s;
	const bool *goes; /* borrowed */
};

static void carry(const struct carrying *c, const struct vv_holder *at)
{
	if (at && c->goes[at->pack])
		c->s->packs[at->pack].rows[at->row] |= VV_ROW_CARRIED;
}

static int carry_frame(void *ctx, const struct vv_survey_blob *blob,
		       const struct vv_frame *frame)
{
	const struct carrying *c = ctx;

	if (!c->goes[blob->pack])
		carry(c, meant_frame(c->s->index, &frame->id, false));
	return VV_OK;
}

int vv_survey_carry(struct vv_survey *s, const bool *goes)
{
	struct carrying c = { s, goes };
	int err = each_frame(s, carry_frame, &c);

	for (size_t i = 0; !err && i < vv_holders_count(&s->index->data); i++) {
		const struct vv_holder *at = meant(s->index, &s->index->data, i, false);
		struct vv_frame reference;

		if (at && !goes[at->pack] && reference_of(s, at, &reference))
			carry(&c, meant_frame(s->index, &reference.id, true));
	}
	return err;
}
