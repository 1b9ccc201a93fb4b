#include "store/usage.h"

#include "core/err.h"
#include "source/source.h"

#include <stdbool.h>
#include <stdlib.h>

/*
 * The state of a frame, a u32 in the row of its pack, is the number of the set of refs that
 * need it; 0: none so far.
 *
 * (U1) Refs are gone through one after the other.  So a frame whose set ends with the
 *	current ref has been counted for it; if not, it moves on to the set that has the
 *	current ref as well, which is looked for once for each set and ref: `next`.
 * (U2) An entry for a frame of another pack has a state too, which only says that the
 *	frame itself was counted.
 */
struct count {
	struct vv_store *store;	 /* borrowed */
	struct vv_pack_set *set; /* counted */
	uint32_t **states;	 /* owned; a row for each pack, NULL if untouched */
	size_t set_room;
	struct vv_usage *out;
	uint32_t ref; /* the current one */
	uint32_t blob_hint, frame_hint;
};

/* ---- frames ---- */

static int state_of(struct count *c, const struct vv_pack *pack, uint32_t index,
		    uint32_t **out)
{
	size_t i;
	int err = vv_pack_set_index(c->set, &pack->id, &i);

	if (err)
		return err;
	if (!c->states[i])
		c->states[i] = calloc(pack->frame_count, sizeof **c->states);
	if (!c->states[i])
		return VV_ENOMEM;
	*out = &c->states[i][index];
	return VV_OK;
}

static bool is_counted(const struct count *c, uint32_t state)
{
	return state && c->out->sets[state].ref == c->ref;
}

static int add_set(struct count *c, uint32_t parent, uint32_t *number)
{
	struct vv_usage *out = c->out;

	if (out->set_count == UINT32_MAX)
		return VV_EFBIG;
	if (out->set_count == c->set_room) {
		size_t room = c->set_room ? 2 * c->set_room : 256;
		struct vv_usage_set *sets = realloc(out->sets, room * sizeof *sets);

		if (!sets)
			return VV_ENOMEM;
		out->sets = sets;
		c->set_room = room;
	}
	*number = (uint32_t)out->set_count++;
	out->sets[*number] = (struct vv_usage_set){ .parent = parent, .ref = c->ref };
	return VV_OK;
}

/* The set in *@state and the current ref (U1). */
static int move_on(struct count *c, uint32_t *state)
{
	struct vv_usage *out = c->out;
	uint32_t next = out->sets[*state].next;

	if (!next || out->sets[next].ref != c->ref) {
		int err = add_set(c, *state, &next);

		if (err)
			return err;
		out->sets[*state].next = next;
	}
	*state = next;
	return VV_OK;
}

static int take(struct count *c, uint32_t *state, uint64_t bytes)
{
	uint32_t before = *state;
	int err = move_on(c, state);

	if (err)
		return err;
	if (before)
		c->out->sets[before].bytes -= bytes;
	c->out->sets[*state].bytes += bytes;
	return VV_OK;
}

/* Where the frame of an entry is stored, if that is in another pack. */
static int resolve(struct count *c, const struct vv_pack **pack, struct vv_frame *frame,
		   uint32_t *index)
{
	int err =
		vv_pack_set_find_frame(c->set, &frame->id, &c->frame_hint, pack, frame);

	return err ? err : vv_pack_find_frame(*pack, &frame->id, index);
}

/* One entry, and the frame behind it.  *@reference: an entry of *@pack to go on with. */
static int count_one(struct count *c, const struct vv_pack **pack, uint32_t index,
		     uint32_t *reference)
{
	struct vv_frame frame;
	uint32_t *state;
	int err = state_of(c, *pack, index, &state);

	*reference = VV_NONE;
	if (err || is_counted(c, *state))
		return err;
	err = vv_pack_frame(*pack, index, &frame);
	if (!err && frame.offset == 0) {
		err = move_on(c, state); /* (U2) */
		if (!err)
			err = resolve(c, pack, &frame, &index);
		if (!err)
			err = state_of(c, *pack, index, &state);
		if (err || is_counted(c, *state))
			return err;
	}
	if (err)
		return err;
	*reference = frame.reference;
	return take(c, state, frame.stored_size);
}

/* A reference has none itself; a pack that says otherwise is not followed further. */
static int count_frame(struct count *c, const struct vv_pack *pack, uint32_t index)
{
	uint32_t reference, none;
	int err = count_one(c, &pack, index, &reference);

	if (!err && reference != VV_NONE)
		err = count_one(c, &pack, reference, &none);
	return err;
}

/* ---- refs ---- */

static int count_blob(struct count *c, const struct vv_id *id)
{
	const struct vv_pack *pack;
	struct vv_extent extent;
	struct vv_blob blob;
	int err = vv_pack_set_find_blob(c->set, id, &c->blob_hint, &pack, &blob);

	for (uint32_t i = 0; !err && i < blob.extent_count; i++) {
		err = vv_pack_extent(pack, &blob, i, &extent);
		if (!err && extent.frame != VV_NONE)
			err = count_frame(c, pack, extent.frame);
	}
	return err;
}

static int count_blobs(struct count *c, const struct vv_tree *tree)
{
	struct vv_id id;
	int err = VV_OK;

	for (uint32_t i = 0; !err && i < tree->blob_count; i++) {
		err = vv_tree_blob(tree, i, &id);
		if (err)
			break;
		err = count_blob(c, &id);
		if (err && err != VV_ENOMEM) {
			c->out->items[c->ref].lost_blobs++;
			err = VV_OK;
		}
	}
	return err;
}

static bool is_tree_of(const struct vv_ref_list *refs, const struct vv_id *tree,
		       size_t from, size_t but)
{
	for (size_t i = from; i < refs->count; i++)
		if (i != but && vv_id_equal(&refs->items[i].tree, tree))
			return true;
	return false;
}

static int count_tree(struct count *c, const struct vv_id *tree)
{
	struct vv_ref_usage *u = &c->out->items[c->ref];
	const struct vv_ref_list *refs = &c->out->refs;
	char key[VV_STORE_KEY_MAX];
	struct vv_object_info info;
	int err;

	vv_store_tree_key(key, tree);
	err = vv_source_stat(vv_store_source(c->store), key, &info);
	if (err)
		return err;
	u->tree_bytes = u->needed_bytes = info.size;
	if (!is_tree_of(refs, tree, 0, c->ref))
		u->own_bytes += info.size;
	if (!is_tree_of(refs, tree, c->ref + 1, c->ref)) /* the last one with it */
		c->out->needed_bytes += info.size;
	return VV_OK;
}

static int count_ref(struct count *c)
{
	struct vv_ref_usage *u = &c->out->items[c->ref];
	const struct vv_id *id = &c->out->refs.items[c->ref].tree;
	struct vv_open_tree *open_tree;
	int err = vv_store_tree_open(c->store, id, &open_tree);

	if (!err) {
		u->raw_bytes = vv_open_tree_get(open_tree)->file_bytes;
		c->out->raw_bytes += u->raw_bytes;
		err = count_tree(c, id);
	}
	if (!err)
		err = count_blobs(c, vv_open_tree_get(open_tree));
	vv_open_tree_unref(open_tree);
	if (err == VV_ENOMEM)
		return err;
	u->err = err;
	return VV_OK;
}

/* What the sets say about each ref. */
static void sum_up(struct vv_usage *out)
{
	for (size_t i = 1; i < out->set_count; i++) {
		const struct vv_usage_set *set = &out->sets[i];
		uint64_t bytes = set->bytes;

		out->needed_bytes += bytes;
		if (!set->parent)
			out->items[set->ref].own_bytes += bytes;
		out->items[set->ref].needed_bytes += bytes;
		while (set->parent) {
			set = &out->sets[set->parent];
			out->items[set->ref].needed_bytes += bytes;
		}
	}
	for (size_t i = 0; i < out->refs.count; i++)
		out->items[i].shared_bytes =
			out->items[i].needed_bytes - out->items[i].own_bytes;
}

/* ---- the store ---- */

static uint64_t pack_garbage(const struct count *c, size_t i)
{
	const struct vv_pack *pack = vv_pack_set_get(c->set, i);
	struct vv_frame frame;
	uint64_t bytes = 0;

	if (!pack)
		return 0; /* damaged: nobody can tell what needs it */
	if (!c->states[i])
		return vv_pack_set_size(c->set, i);
	for (uint32_t f = 0; f < pack->frame_count; f++)
		if (!c->states[i][f] && vv_pack_frame(pack, f, &frame) == VV_OK)
			bytes += frame.stored_size;
	return bytes;
}

static int add_lone_tree(void *ctx, const struct vv_id *id, uint64_t size)
{
	struct vv_usage *out = ctx;

	if (!is_tree_of(&out->refs, id, 0, SIZE_MAX))
		out->garbage_bytes += size;
	return VV_OK;
}

struct sizes {
	struct vv_source *source;
	uint64_t bytes;
};

static int add_size(void *ctx, const char *key, const struct vv_object_info *info)
{
	struct sizes *sizes = ctx;
	struct vv_object_info asked;
	int err = VV_OK;

	if (!info) {
		err = vv_source_stat(sizes->source, key, &asked);
		info = &asked;
	}
	if (!err)
		sizes->bytes += info->size;
	return err == VV_ENOENT ? VV_OK : err; /* it went meanwhile */
}

static int count_store(struct count *c)
{
	struct sizes sizes = { .source = vv_store_source(c->store) };
	int err = vv_source_list(sizes.source, "", add_size, &sizes);

	c->out->store_bytes = sizes.bytes;
	if (!err)
		err = vv_store_list_trees(c->store, add_lone_tree, c->out);
	for (size_t i = 0; !err && i < vv_pack_set_count(c->set); i++)
		c->out->garbage_bytes += pack_garbage(c, i);
	return err;
}

static int count_all(struct count *c)
{
	struct vv_usage *out = c->out;
	uint32_t none;
	int err = vv_ref_list_get(c->store, &out->refs, &out->bad_refs);

	if (!err)
		err = vv_store_packs_refresh(c->store, &c->set);
	if (err)
		return err;
	out->items = calloc(out->refs.count + 1, sizeof *out->items);
	c->states = calloc(vv_pack_set_count(c->set) + 1, sizeof *c->states);
	if (!out->items || !c->states)
		return VV_ENOMEM;
	err = add_set(c, 0, &none);
	for (; !err && c->ref < out->refs.count; c->ref++)
		err = count_ref(c);
	if (err)
		return err;
	sum_up(out);
	return count_store(c);
}

int vv_usage_get(struct vv_store *store, struct vv_usage *out)
{
	struct count c = { .store = store, .out = out };
	int err;

	*out = (struct vv_usage){ 0 };
	err = count_all(&c);
	for (size_t i = 0; c.states && i < vv_pack_set_count(c.set); i++)
		free(c.states[i]);
	free(c.states);
	vv_pack_set_unref(c.set);
	if (err)
		vv_usage_fini(out);
	return err;
}

void vv_usage_fini(struct vv_usage *usage)
{
	vv_ref_list_fini(&usage->refs);
	free(usage->items);
	free(usage->sets);
	*usage = (struct vv_usage){ 0 };
}
