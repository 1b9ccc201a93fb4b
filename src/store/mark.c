#include "store/mark.h"

#include "core/err.h"
#include "core/log.h"
#include "store/holders.h"
#include "store/intent.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

/* What a run of a mark works with. */
struct marking {
	struct vv_mark *m;
	struct vv_holders blobs;  /* of live trees */
	struct vv_holders frames; /* that some pack lists and does not hold */
	uint8_t *chosen;	  /* owned; for each of frames, bits below */
	uint32_t *tree_of;	  /* owned; for each of blobs, in `tree_ids` */
	size_t tree_of_cap;
	struct vv_id *tree_ids; /* owned */
	size_t tree_count;
	bool is_lost; /* what was whole is not any more: the disk fails under us */
};

enum {
	CHOSEN_AS_FRAME = 1,
	CHOSEN_AS_REFERENCE = 2,
};

void vv_mark_init(struct vv_mark *m, struct vv_store *store,
		  const struct vv_idmap *condemned)
{
	*m = (struct vv_mark){ .store = store, .condemned = condemned };
	vv_idmap_init(&m->trees, UINT32_MAX);
	vv_idmap_init(&m->packs, UINT32_MAX);
}

void vv_mark_fini(struct vv_mark *m)
{
	vv_idmap_fini(&m->trees);
	vv_idmap_fini(&m->packs);
	vv_pack_set_unref(m->set);
	free(m->is_live);
	*m = (struct vv_mark){ 0 };
}

bool vv_mark_has_pack(const struct vv_mark *m, const struct vv_id *id)
{
	size_t i;

	return vv_pack_set_index(m->set, id, &i) == VV_OK && m->is_live[i];
}

bool vv_mark_has_tree(const struct vv_mark *m, const struct vv_id *id)
{
	return vv_idmap_get(&m->trees, id, NULL);
}

/* ---- roots ---- */

enum {
	TREE_MUST_BE_THERE = 1, /* the number of a tree in m->trees */
	TREE_MAY_BE_MISSING = 0,
};

static int add_tree(struct vv_mark *m, const struct vv_id *id, uint64_t must)
{
	uint64_t before;

	if (vv_idmap_get(&m->trees, id, &before))
		must |= before;
	return vv_idmap_put(&m->trees, id, must);
}

/* All ids of one announcement; @must as in add_tree(). */
static int add_announced(struct vv_mark *m, const struct vv_record *record,
			 uint64_t must)
{
	const char *key, *value;
	size_t key_len, len, pos = 0;
	int err = VV_OK;

	while (!err &&
	       vv_record_next(record, NULL, &pos, &key, &key_len, &value, &len) == 1) {
		bool is_tree = key_len == 4 && memcmp(key, "tree", 4) == 0;
		bool is_pack = key_len == 4 && memcmp(key, "pack", 4) == 0;
		struct vv_id id;

		if (!is_tree && !is_pack)
			continue;
		if (vv_id_from_hex(&id, value, len))
			return VV_ECORRUPT;
		if (is_tree)
			err = add_tree(m, &id, must);
		else
			err = vv_idmap_put(&m->packs, &id, 0);
	}
	return err;
}

static int meet(struct vv_mark *m, const struct vv_announced *a, uint64_t must)
{
	int err = a->is_stale ? VV_OK : add_announced(m, a->record, must);

	if (err)
		vv_log(VV_LOG_ERROR, "%s: %s", a->key, vv_err_text(err));
	else if (m->announced)
		m->announced(m->ctx, a);
	return err;
}

/* A publisher names its tree before it puts it. */
static int meet_intent(void *ctx, const struct vv_announced *a)
{
	return meet(ctx, a, TREE_MAY_BE_MISSING);
}

static int meet_lease(void *ctx, const struct vv_announced *a)
{
	return meet(ctx, a, TREE_MUST_BE_THERE);
}

static int meet_refs(struct vv_mark *m)
{
	struct vv_ref_list list;
	size_t bad;
	int err = vv_ref_list_get(m->store, &list, &bad);

	if (!err && bad > 0) {
		vv_log(VV_LOG_ERROR,
		       "%zu refs cannot be used (see above); what they need is not "
		       "known, so nothing is removed: mend or remove them first",
		       bad);
		err = VV_ECORRUPT;
	}
	for (size_t i = 0; !err && i < list.count; i++)
		err = add_tree(m, &list.items[i].tree, TREE_MUST_BE_THERE);
	vv_ref_list_fini(&list);
	return err;
}

/* ---- blobs of live trees ---- */

static int want_blob(void *ctx, const struct vv_id *id)
{
	struct marking *k = ctx;
	bool is_new;
	int err = vv_holders_want(&k->blobs, id, &is_new);
	size_t number = vv_holders_count(&k->blobs) - 1;

	if (err || !is_new)
		return err;
	if (number == k->tree_of_cap) {
		size_t cap = k->tree_of_cap ? 2 * k->tree_of_cap : 4096;
		uint32_t *grown = realloc(k->tree_of, cap * sizeof *grown);

		if (!grown)
			return VV_ENOMEM;
		k->tree_of = grown;
		k->tree_of_cap = cap;
	}
	k->tree_of[number] = (uint32_t)k->tree_count - 1;
	return VV_OK;
}

static int want_tree(struct marking *k, const struct vv_tree *tree)
{
	struct vv_entry entry;
	struct vv_id id;
	int err = VV_OK;

	for (uint32_t i = 0; !err && i < tree->blob_count; i++) {
		err = vv_tree_blob(tree, i, &id);
		if (!err)
			err = want_blob(k, &id);
	}
	if (tree->extras_size == 0)
		return err;
	for (uint32_t i = 0; !err && i < tree->entry_count; i++) {
		err = vv_tree_entry(tree, i, &entry);
		if (!err && entry.extras)
			err = vv_tree_streams(tree, &entry, want_blob, k);
	}
	return err;
}

static int open_tree(struct marking *k, const struct vv_id *id, uint64_t must)
{
	char hex[VV_ID_HEX_BYTES];
	struct vv_open_tree *tree;
	int err = vv_store_tree_open(k->m->store, id, &tree);

	if (err == VV_ENOENT && must == TREE_MAY_BE_MISSING)
		return VV_OK;
	k->tree_ids[k->tree_count++] = *id;
	if (!err)
		err = want_tree(k, vv_open_tree_get(tree));
	vv_open_tree_unref(tree);
	if (err)
		vv_log(VV_LOG_ERROR,
		       "tree %s is in use and cannot be read (%s); what it needs is not "
		       "known, so nothing is removed",
		       vv_id_to_hex(id, hex), vv_err_text(err));
	return err;
}

static int want_blobs(struct marking *k)
{
	const struct vv_id *id;
	uint64_t must;
	size_t cursor = 0;
	int err = VV_OK;

	k->tree_ids = calloc(k->m->trees.count + 1, sizeof *k->tree_ids);
	if (!k->tree_ids)
		return VV_ENOMEM;
	while (!err && vv_idmap_next(&k->m->trees, &cursor, &id, &must))
		err = open_tree(k, id, must);
	return err;
}

/* ---- frames ---- */

/* Frames that a pack lists as lying elsewhere. */
static int want_foreign(struct marking *k)
{
	const struct vv_pack_set *set = k->m->set;
	int err = VV_OK;

	for (size_t p = 0; p < vv_pack_set_count(set); p++) {
		const struct vv_pack *pack = vv_pack_set_get(set, p);
		uint32_t rows = pack ? pack->frame_count : 0;

		for (uint32_t row = 0; !err && row < rows; row++) {
			struct vv_frame frame;

			if (vv_pack_frame(pack, row, &frame) == VV_OK &&
			    frame.offset == 0)
				err = vv_holders_want(&k->frames, &frame.id, NULL);
		}
	}
	return err;
}

static const struct vv_holder *holders_of_frame(const struct marking *k,
						const struct vv_id *id, size_t *number,
						size_t *count)
{
	uint64_t n;

	*count = 0;
	*number = 0;
	if (!vv_idmap_get(&k->frames.numbers, id, &n))
		return NULL;
	*number = (size_t)n;
	return vv_holders_of(&k->frames, (size_t)n, count);
}

/*
 * Can the frame in this row be had?  Stored here or elsewhere, and its reference too,
 * which has none itself.  That bounds the recursion: row, holder, reference, holder.
 */
static bool is_whole(const struct marking *k, size_t p, uint32_t row, bool is_reference)
{
	const struct vv_pack *pack = vv_pack_set_get(k->m->set, p);
	const struct vv_holder *holders;
	struct vv_frame frame;
	size_t number, count;

	if (!pack || vv_pack_frame(pack, row, &frame))
		return false;
	if (frame.offset != 0)
		return frame.reference == VV_NONE ||
		       (!is_reference && is_whole(k, p, frame.reference, true));
	holders = holders_of_frame(k, &frame.id, &number, &count);
	for (size_t i = 0; i < count; i++) {
		if (is_whole(k, holders[i].pack, holders[i].row, is_reference))
			return true;
	}
	return false;
}

static bool is_last_choice(const struct marking *k, size_t p)
{
	return !k->m->is_live[p] &&
	       vv_idmap_get(k->m->condemned, vv_pack_set_id(k->m->set, p), NULL);
}

/*
 * Is pack @p to hold something rather than @best?  What was written anew is to stay
 * instead of what it was written from, even if that is alive for the sake of something
 * else: that may pass.
 */
static bool is_better(const struct marking *k, size_t p, size_t best)
{
	const struct vv_pack *a = vv_pack_set_get(k->m->set, p);
	const struct vv_pack *b = vv_pack_set_get(k->m->set, best);

	if (is_last_choice(k, p) != is_last_choice(k, best))
		return is_last_choice(k, best);
	if (a && b && a->note.generation != b->note.generation)
		return a->note.generation > b->note.generation;
	return k->m->is_live[p] && !k->m->is_live[best];
}

/* Make everything live that the frame in this row, which is whole, needs. */
static void need_frame(struct marking *k, size_t p, uint32_t row, bool is_reference)
{
	const struct vv_pack *pack = vv_pack_set_get(k->m->set, p);
	uint8_t bit = is_reference ? CHOSEN_AS_REFERENCE : CHOSEN_AS_FRAME;
	const struct vv_holder *holders, *best = NULL;
	struct vv_frame frame;
	size_t number, count;

	k->m->is_live[p] = true;
	if (vv_pack_frame(pack, row, &frame)) {
		k->is_lost = true;
		return;
	}
	if (frame.offset != 0) {
		if (frame.reference != VV_NONE)
			need_frame(k, p, frame.reference, true);
		return;
	}
	holders = holders_of_frame(k, &frame.id, &number, &count);
	if (k->chosen[number] & bit)
		return;
	for (size_t i = 0; i < count; i++) {
		if ((!best || is_better(k, holders[i].pack, best->pack)) &&
		    is_whole(k, holders[i].pack, holders[i].row, is_reference))
			best = &holders[i];
	}
	k->chosen[number] |= bit;
	if (best)
		need_frame(k, best->pack, best->row, is_reference);
	else
		k->is_lost = true;
}

/* ---- choosing a pack for each blob ---- */

/* Calls @frame for each frame of the blob in this row; false ends and is returned. */
static bool each_frame(struct marking *k, const struct vv_holder *at,
		       bool (*frame)(struct marking *k, size_t p, uint32_t row))
{
	const struct vv_pack *pack = vv_pack_set_get(k->m->set, at->pack);
	struct vv_extent extent;
	struct vv_blob blob;

	if (!pack || vv_pack_blob(pack, at->row, &blob))
		return false;
	for (uint32_t nth = 0; nth < blob.extent_count; nth++) {
		if (vv_pack_extent(pack, &blob, nth, &extent))
			return false;
		if (extent.frame != VV_NONE && !frame(k, at->pack, extent.frame))
			return false;
	}
	return true;
}

static bool check_frame(struct marking *k, size_t p, uint32_t row)
{
	return is_whole(k, p, row, false);
}

static bool keep_frame(struct marking *k, size_t p, uint32_t row)
{
	need_frame(k, p, row, false);
	return true;
}

static int choose(struct marking *k, size_t number)
{
	const struct vv_holder *holders, *best = NULL;
	size_t count;

	holders = vv_holders_of(&k->blobs, number, &count);
	for (size_t i = 0; i < count; i++) {
		if ((!best || is_better(k, holders[i].pack, best->pack)) &&
		    each_frame(k, &holders[i], check_frame))
			best = &holders[i];
	}
	if (!best)
		return VV_ENOENT;
	k->m->is_live[best->pack] = true;
	return each_frame(k, best, keep_frame) && !k->is_lost ? VV_OK : VV_EIO;
}

static int tell_lost(const struct marking *k, size_t number, int err)
{
	char blob[VV_ID_HEX_BYTES] = "?", tree[VV_ID_HEX_BYTES];
	const struct vv_id *id;
	uint64_t n;
	size_t cursor = 0;

	while (vv_idmap_next(&k->blobs.numbers, &cursor, &id, &n)) {
		if (n == number)
			vv_id_to_hex(id, blob);
	}
	vv_log(VV_LOG_ERROR,
	       "tree %s is in use and its blob %s is not whole in any pack; nothing is "
	       "removed, since a damaged pack may still help: run `varve verify`",
	       vv_id_to_hex(&k->tree_ids[k->tree_of[number]], tree), blob);
	return err;
}

/*
 * Where there is no choice comes first: what is alive by then costs nothing more when
 * there is one.
 */
static int choose_all(struct marking *k)
{
	size_t count;

	for (int pass = 0; pass < 2; pass++) {
		for (size_t n = 0; n < vv_holders_count(&k->blobs); n++) {
			int err;

			vv_holders_of(&k->blobs, n, &count);
			if ((count > 1) != (pass == 1))
				continue;
			err = choose(k, n);
			if (err)
				return tell_lost(k, n,
						 err == VV_ENOENT ? VV_ECORRUPT : err);
		}
	}
	return VV_OK;
}

static int list_packs(struct vv_mark *m)
{
	int err = vv_store_packs_refresh(m->store, &m->set);

	if (err)
		return err;
	m->is_live = calloc(vv_pack_set_count(m->set) + 1, sizeof *m->is_live);
	if (!m->is_live)
		return VV_ENOMEM;
	for (size_t p = 0; p < vv_pack_set_count(m->set); p++)
		m->is_live[p] =
			vv_idmap_get(&m->packs, vv_pack_set_id(m->set, p), NULL);
	return VV_OK;
}

static int mark_packs(struct marking *k)
{
	int err = want_blobs(k);

	if (!err)
		err = list_packs(k->m);
	if (!err)
		err = vv_holders_find_blobs(&k->blobs, k->m->set);
	if (!err)
		err = want_foreign(k);
	if (!err)
		err = vv_holders_find_frames(&k->frames, k->m->set);
	if (err)
		return err;
	k->chosen = calloc(vv_holders_count(&k->frames) + 1, 1);
	return k->chosen ? choose_all(k) : VV_ENOMEM;
}

int vv_mark_run(struct vv_mark *m)
{
	struct marking k = { .m = m };
	int err;

	vv_holders_init(&k.blobs);
	vv_holders_init(&k.frames);
	err = vv_announced_list(m->store, VV_ANNOUNCE_INTENT, meet_intent, m);
	if (!err)
		err = meet_refs(m);
	if (!err)
		err = vv_announced_list(m->store, VV_ANNOUNCE_LEASE, meet_lease, m);
	if (!err)
		err = mark_packs(&k);
	vv_holders_fini(&k.blobs);
	vv_holders_fini(&k.frames);
	free(k.chosen);
	free(k.tree_of);
	free(k.tree_ids);
	return err;
}
