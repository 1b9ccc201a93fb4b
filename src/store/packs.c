#include "store/inside.h"

#include "core/err.h"
#include "core/log.h"
#include "source/source.h"
#include "store/object.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/*
 * A slot is one pack of the store.  Sets share slots.
 *
 *	NEW --begin_load()--> LOADING --end_load()--> READY | BAD
 *
 * (P1) `pack` is written by the one thread that made it LOADING, and immutable in
 *	READY.  The state is stored with release after that and read with acquire.
 * (P2) A slot that is BAD stays so.  A refresh gives the pack a new slot, so it is tried
 *	again, without a second message.
 * (P3) Slots of a set are sorted by id, and no id is there twice.
 */
enum slot_state {
	SLOT_NEW,
	SLOT_LOADING,
	SLOT_READY,
	SLOT_BAD,
};

enum {
	RECENT = 16 /* packs tried before all others */
};

struct slot {
	struct vv_id id;
	uint64_t size; /* bytes of the object */
	atomic_uint refs;
	atomic_int state;
	atomic_bool is_told;	 /* a message about it was logged */
	int err;		 /* why it is BAD; as `pack` (P1) */
	struct vv_object object; /* owned: the index */
	struct vv_pack pack;
	struct vv_map_window window;
};

struct vv_pack_set {
	struct vv_store *store; /* borrowed */
	atomic_uint refs;
	atomic_uint *
		recent; /* owned: RECENT packs where something was found, then a turn */
	size_t count, cap;
	struct slot **slots; /* owned array, counted slots */
};

/* ---- slots ---- */

static struct slot *slot_new(const struct vv_id *id, uint64_t size)
{
	struct slot *slot = calloc(1, sizeof *slot);

	if (!slot)
		return NULL;
	slot->id = *id;
	slot->size = size;
	atomic_init(&slot->refs, 1);
	atomic_init(&slot->state, SLOT_NEW);
	atomic_init(&slot->is_told, false);
	return slot;
}

static void slot_unref(struct slot *slot)
{
	if (!slot || atomic_fetch_sub(&slot->refs, 1) > 1)
		return;
	vv_map_windows_remove(&slot->window);
	vv_pack_fini(&slot->pack);
	vv_object_drop(&slot->object);
	free(slot);
}

/* One message a pack, whatever is wrong with it. */
static void tell(struct slot *slot, int err)
{
	char key[VV_STORE_KEY_MAX];

	if (!vv_store_found(err) || atomic_exchange(&slot->is_told, true))
		return;
	vv_store_pack_key(key, &slot->id);
	vv_log(VV_LOG_ERROR, "index of pack %s: %s", key, vv_err_text(err));
}

/* The trailer says where the image begins, the header of the file what it is. */
static int load(struct vv_store *store, struct slot *slot)
{
	uint8_t trailer[VV_IMAGE_TRAILER], head[VV_PACK_HEADER + VV_PACK_NOTE];
	char key[VV_STORE_KEY_MAX];
	uint64_t image_size, at;
	int err;

	if (slot->size <
	    sizeof head + VV_IMAGE_TRAILER) /* an image is a page at least */
		return VV_ECORRUPT;
	vv_store_pack_key(key, &slot->id);
	err = vv_source_get_exact(store->source, key, trailer, sizeof trailer,
				  slot->size - sizeof trailer);
	if (!err)
		err = vv_image_size(trailer, VV_IMAGE_PACK_INDEX, &image_size);
	if (err)
		return err;
	if (image_size > slot->size - VV_PACK_HEADER)
		return VV_ECORRUPT;
	at = slot->size - image_size;
	err = vv_source_get_exact(store->source, key, head, sizeof head, 0);
	if (!err)
		err = vv_object_load(&slot->object, store->source, key, at, image_size,
				     &slot->id, store->budget);
	if (!err)
		err = vv_pack_init(&slot->pack, &slot->id, slot->object.bytes,
				   slot->object.size, slot->object.faults);
	if (!err)
		vv_pack_note_get(&slot->pack.note, head + VV_PACK_HEADER);
	if (!err)
		err = vv_pack_check_file(&slot->pack, head, at);
	if (!err)
		vv_map_windows_add(&store->windows, &slot->window, &slot->pack.image,
				   &slot->object.map);
	return err;
}

/* true: the caller loads it.  false: it is READY or BAD. */
static bool begin_load(struct vv_store *store, struct slot *slot)
{
	bool is_mine;

	vv_mutex_lock(&store->lock);
	while (atomic_load(&slot->state) == SLOT_LOADING)
		vv_cond_wait(&store->loaded, &store->lock);
	is_mine = atomic_load(&slot->state) == SLOT_NEW;
	if (is_mine)
		atomic_store(&slot->state, SLOT_LOADING);
	vv_mutex_unlock(&store->lock);
	return is_mine;
}

static void end_load(struct vv_store *store, struct slot *slot, int err)
{
	slot->err = err;
	vv_mutex_lock(&store->lock);
	atomic_store(&slot->state, err ? SLOT_BAD : SLOT_READY); /* (P1) */
	vv_cond_broadcast(&store->loaded);
	vv_mutex_unlock(&store->lock);
}

static const struct vv_pack *slot_pack(struct vv_store *store, struct slot *slot)
{
	int state = atomic_load_explicit(&slot->state, memory_order_acquire);

	if (state != SLOT_READY && state != SLOT_BAD) {
		if (begin_load(store, slot)) {
			int err = load(store, slot);

			if (err)
				tell(slot, err);
			end_load(store, slot, err);
		}
		state = atomic_load_explicit(&slot->state, memory_order_acquire);
	}
	return state == SLOT_READY ? &slot->pack : NULL;
}

/* ---- sets ---- */

static struct vv_pack_set *set_new(struct vv_store *store)
{
	struct vv_pack_set *set = calloc(1, sizeof *set);

	if (!set)
		return NULL;
	set->store = store;
	atomic_init(&set->refs, 1);
	set->recent = calloc(RECENT + 1, sizeof *set->recent);
	if (!set->recent) {
		free(set);
		return NULL;
	}
	return set;
}

void vv_pack_set_ref(struct vv_pack_set *set)
{
	atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
}

void vv_pack_set_unref(struct vv_pack_set *set)
{
	if (!set || atomic_fetch_sub(&set->refs, 1) > 1)
		return;
	for (size_t i = 0; i < set->count; i++)
		slot_unref(set->slots[i]);
	free(set->slots);
	free(set->recent);
	free(set);
}

static int add_slot(void *ctx, const struct vv_id *id, uint64_t size)
{
	struct vv_pack_set *set = ctx;

	if (set->count == UINT32_MAX)
		return VV_EFBIG;
	if (set->count == set->cap) {
		size_t cap = set->cap ? 2 * set->cap : 64;
		struct slot **slots = realloc(set->slots, cap * sizeof *slots);

		if (!slots)
			return VV_ENOMEM;
		set->slots = slots;
		set->cap = cap;
	}
	set->slots[set->count] = slot_new(id, size);
	if (!set->slots[set->count])
		return VV_ENOMEM;
	set->count++;
	return VV_OK;
}

static int cmp_slot(const void *a, const void *b)
{
	return vv_id_cmp(&(*(struct slot *const *)a)->id,
			 &(*(struct slot *const *)b)->id);
}

/* Put the slots of @old in the place of the new ones of the same packs (P2). */
static void share_slots(struct vv_pack_set *set, const struct vv_pack_set *old)
{
	for (size_t i = 0, o = 0; i < set->count && o < old->count;) {
		struct slot *fresh = set->slots[i], *known = old->slots[o];
		int cmp = vv_id_cmp(&fresh->id, &known->id);

		i += cmp <= 0;
		o += cmp >= 0;
		if (cmp != 0)
			continue;
		if (atomic_load(&known->state) == SLOT_BAD) {
			atomic_store(&fresh->is_told, true);
			continue;
		}
		atomic_fetch_add(&known->refs, 1);
		slot_unref(fresh);
		set->slots[i - 1] = known;
	}
}

/* A counted reference to the current set, NULL if there is none yet. */
static struct vv_pack_set *current_set(struct vv_store *store)
{
	struct vv_pack_set *set;

	vv_mutex_lock(&store->lock);
	set = store->packs;
	if (set)
		vv_pack_set_ref(set);
	vv_mutex_unlock(&store->lock);
	return set;
}

static void install(struct vv_store *store, struct vv_pack_set *set)
{
	struct vv_pack_set *old;

	vv_mutex_lock(&store->lock);
	old = store->packs;
	store->packs = set;
	vv_mutex_unlock(&store->lock);
	vv_pack_set_unref(old);
}

void vv_store_packs_forget(struct vv_store *store)
{
	install(store, NULL);
}

int vv_store_packs_refresh(struct vv_store *store, struct vv_pack_set **out)
{
	struct vv_pack_set *set = set_new(store);
	struct vv_pack_set *old;
	int err = set ? VV_OK : VV_ENOMEM;

	if (out)
		*out = NULL;
	if (!err)
		err = vv_store_list_packs(store, add_slot, set);
	if (err) {
		vv_pack_set_unref(set);
		return err;
	}
	if (set->count > 0)
		qsort(set->slots, set->count, sizeof(struct slot *), cmp_slot);
	old = current_set(store);
	if (old)
		share_slots(set, old);
	vv_pack_set_unref(old);
	if (out) {
		vv_pack_set_ref(set);
		*out = set;
	}
	install(store, set);
	return VV_OK;
}

int vv_store_packs(struct vv_store *store, struct vv_pack_set **out)
{
	*out = current_set(store);
	return *out ? VV_OK : vv_store_packs_refresh(store, out);
}

size_t vv_pack_set_count(const struct vv_pack_set *set)
{
	return set->count;
}

const struct vv_id *vv_pack_set_id(const struct vv_pack_set *set, size_t i)
{
	assert(i < set->count);
	return &set->slots[i]->id;
}

uint64_t vv_pack_set_size(const struct vv_pack_set *set, size_t i)
{
	assert(i < set->count);
	return set->slots[i]->size;
}

const struct vv_pack *vv_pack_set_get(const struct vv_pack_set *set, size_t i)
{
	assert(i < set->count);
	return slot_pack(set->store, set->slots[i]);
}

int vv_pack_set_err(const struct vv_pack_set *set, size_t i)
{
	return vv_pack_set_get(set, i) ? VV_OK : set->slots[i]->err; /* (P1) */
}

int vv_pack_set_index(const struct vv_pack_set *set, const struct vv_id *id, size_t *i)
{
	size_t lo = 0, hi = set->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int cmp = vv_id_cmp(&set->slots[mid]->id, id);

		*i = mid;
		if (cmp == 0)
			return VV_OK;
		if (cmp < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*i = 0;
	return VV_ENOENT;
}

/* ---- finding ---- */

/* Is @id in @pack?  VV_ENOENT. */
typedef int probe_fn(const struct vv_pack *pack, const struct vv_id *id, void *out);

static int probe_blob(const struct vv_pack *pack, const struct vv_id *id, void *out)
{
	uint32_t index;
	int err = vv_pack_find_blob(pack, id, &index);

	return err ? err : vv_pack_blob(pack, index, out);
}

static int probe_frame(const struct vv_pack *pack, const struct vv_id *id, void *out)
{
	struct vv_frame *frame = out;
	uint32_t index;
	int err = vv_pack_find_frame(pack, id, &index);

	if (!err)
		err = vv_pack_frame(pack, index, frame);
	if (!err && frame->offset == 0)
		err = VV_ENOENT; /* known here, stored elsewhere */
	return err;
}

struct search {
	const struct vv_pack_set *set;
	const struct vv_id *id;
	probe_fn *probe;
	void *out;
	const struct vv_pack *pack; /* where it was found */
	int damage;		    /* what kept us from looking into some pack */
};

static bool try_pack(struct search *s, size_t i)
{
	const struct vv_pack *pack;
	int err;

	if (i >= s->set->count)
		return false;
	pack = vv_pack_set_get(s->set, i);
	err = pack ? s->probe(pack, s->id, s->out) : s->set->slots[i]->err;
	if (err && err != VV_ENOENT) {
		tell(s->set->slots[i], err);
		s->damage = err;
	}
	if (!err)
		s->pack = pack;
	return !err;
}

static bool try_recent(struct search *s, uint32_t *found)
{
	for (int i = 0; i < RECENT; i++) {
		*found = atomic_load_explicit(&s->set->recent[i], memory_order_relaxed);
		if (try_pack(s, *found))
			return true;
	}
	return false;
}

/* Racing threads may lose each other's guess; it is one. */
static void note_recent(const struct vv_pack_set *set, uint32_t i)
{
	unsigned turn = atomic_fetch_add_explicit(&set->recent[RECENT], 1,
						  memory_order_relaxed);

	atomic_store_explicit(&set->recent[turn % RECENT], i, memory_order_relaxed);
}

/* What is looked for mostly lies where its neighbours were found. */
static int find(struct search *s, uint32_t *hint)
{
	uint32_t i = 0;

	if (hint && try_pack(s, *hint))
		return VV_OK;
	if (!try_recent(s, &i)) {
		for (i = 0; i < s->set->count; i++) {
			if (try_pack(s, i))
				break;
		}
		if (i == s->set->count)
			return s->damage ? s->damage : VV_ENOENT;
		note_recent(s->set, i);
	}
	if (hint)
		*hint = i;
	return VV_OK;
}

int vv_pack_set_find_blob(const struct vv_pack_set *set, const struct vv_id *id,
			  uint32_t *hint, const struct vv_pack **pack,
			  struct vv_blob *out)
{
	struct search s = { .set = set, .id = id, .probe = probe_blob, .out = out };
	int err = find(&s, hint);

	*pack = s.pack;
	return err;
}

int vv_pack_set_find_frame(const struct vv_pack_set *set, const struct vv_id *id,
			   uint32_t *hint, const struct vv_pack **pack,
			   struct vv_frame *out)
{
	struct search s = { .set = set, .id = id, .probe = probe_frame, .out = out };
	int err = find(&s, hint);

	*pack = s.pack;
	return err;
}

static int next(struct search *s, size_t *pos, const struct vv_pack **pack)
{
	bool is_found = false;

	while (!is_found && *pos < s->set->count)
		is_found = try_pack(s, (*pos)++);
	*pack = s->pack;
	return is_found;
}

int vv_pack_set_next_blob(const struct vv_pack_set *set, const struct vv_id *id,
			  size_t *pos, const struct vv_pack **pack, struct vv_blob *out)
{
	struct search s = { .set = set, .id = id, .probe = probe_blob, .out = out };

	return next(&s, pos, pack);
}

int vv_pack_set_next_frame(const struct vv_pack_set *set, const struct vv_id *id,
			   size_t *pos, const struct vv_pack **pack,
			   struct vv_frame *out)
{
	struct search s = { .set = set, .id = id, .probe = probe_frame, .out = out };

	return next(&s, pos, pack);
}
