#include "store/verify.h"

#include "codec/hash.h"
#include "core/arith.h"
#include "core/err.h"
#include "core/refname.h"
#include "os/system.h"
#include "os/thread.h"
#include "source/source.h"
#include "store/check.h"
#include "store/condemned.h"
#include "store/crew.h"
#include "store/damage.h"
#include "store/inside.h"
#include "store/profiles.h"
#include "store/spots.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SPOTS = 32 /* frames or blobs in one task; enough to share a frame */
};

struct named {
	char *name; /* owned */
	struct vv_id tree;
};

struct verify {
	struct vv_store *store; /* borrowed, and the options */
	const struct vv_verify_options *opts;
	struct vv_pack_set *set;    /* counted */
	atomic_bool *is_bad;	    /* owned; packs of the set that are damaged */
	struct vv_checker *checker; /* owned, as is all below */
	struct vv_crew *crew;
	struct named *refs; /* sorted by name; good ones */
	size_t ref_count, ref_cap;
	struct vv_id *trees; /* to be checked */
	size_t tree_count, tree_cap;
	uint64_t total; /* bytes that will be hashed */
	atomic_int err; /* the first failure: ends everything */

	struct vv_mutex lock;	      /* held while something is reported */
	struct vv_damage damage;      /* protected by lock */
	struct vv_verify_stats stats; /* likewise */
};

/* What a thread of the crew does at one time. */
struct task {
	void (*run)(struct verify *v, unsigned worker, const struct task *task);
	struct vv_id tree;
	size_t pack;
	const struct vv_spot *spots; /* borrowed until the crew has waited */
	size_t count;
};

static void fail(struct verify *v, int err)
{
	int none = VV_OK;

	if (!err)
		return;
	atomic_compare_exchange_strong(&v->err, &none, err);
	vv_checker_stop(v->checker);
}

/* The array @items of @cap with room for one more, or NULL and nothing changed. */
static void *grow(void *items, size_t *cap, size_t count, size_t size)
{
	size_t more = *cap ? 2 * *cap : 64;

	if (count < *cap)
		return items;
	items = realloc(items, more * size);
	if (items)
		*cap = more;
	return items;
}

/* ---- reporting ---- */

static void report(struct verify *v, const struct vv_problem *problem)
{
	vv_mutex_lock(&v->lock);
	v->stats.problems++;
	v->opts->report(v->opts->ctx, problem);
	vv_mutex_unlock(&v->lock);
}

static void report_ref(struct verify *v, const char *name, const char *why)
{
	struct vv_problem p = { .kind = "ref", .object = name, .why = why };

	report(v, &p);
}

/* A profile that cannot be used hurts nobody, but is not what was kept. */
static int check_profile(void *ctx, const char *ref)
{
	struct verify *v = ctx;
	struct vv_profile profile;
	int err = vv_profiles_get(v->store, ref, &profile);
	struct vv_problem p = { .kind = "profile",
				.object = ref,
				.why = vv_err_text(err) };

	if (err == VV_ENOENT)
		return VV_OK; /* removed meanwhile, or none */
	if (err == VV_ECORRUPT || err == VV_ENEWER)
		report(v, &p);
	else if (err)
		return err;
	vv_profile_fini(&profile);
	return VV_OK;
}

/* With the refs that it hurts. */
static void report_tree(struct verify *v, const struct vv_id *id, const char *why)
{
	char hex[VV_ID_HEX_BYTES];
	struct vv_problem p = { .kind = "tree", .object = hex, .why = why };

	vv_id_to_hex(id, hex);
	for (size_t i = 0; i < v->ref_count; i++) {
		if (!vv_id_equal(&v->refs[i].tree, id))
			continue;
		if (p.hurts)
			p.more++;
		else
			p.hurts = v->refs[i].name;
	}
	report(v, &p);
}

static void report_pack(struct verify *v, const struct vv_id *id, const char *why)
{
	char hex[VV_ID_HEX_BYTES];
	struct vv_problem p = { .kind = "pack", .object = hex, .why = why };

	vv_id_to_hex(id, hex);
	report(v, &p);
}

static void report_frame(struct verify *v, const struct vv_pack *pack, uint32_t index,
			 const char *why)
{
	char hex[VV_ID_HEX_BYTES], pack_hex[VV_ID_HEX_BYTES];
	struct vv_problem p = {
		.kind = "frame",
		.object = hex,
		.pack = pack_hex,
		.why = why,
	};
	struct vv_frame frame;

	vv_id_to_hex(&pack->id, pack_hex);
	if (vv_pack_frame(pack, index, &frame))
		snprintf(hex, sizeof hex, "number %u", (unsigned)index);
	else
		vv_id_to_hex(&frame.id, hex);
	report(v, &p);
}

static void note_blob(struct verify *v, const struct vv_id *blob, const char *why)
{
	int err;

	vv_mutex_lock(&v->lock);
	err = vv_damage_add(&v->damage, blob, why);
	vv_mutex_unlock(&v->lock);
	fail(v, err);
}

static void report_damage(struct verify *v)
{
	for (size_t i = 0; i < v->damage.count; i++) {
		const struct vv_damaged *d = &v->damage.items[i];
		char hex[VV_ID_HEX_BYTES];
		struct vv_problem p = {
			.kind = "blob",
			.object = vv_id_to_hex(&d->blob, hex),
			.why = d->why,
			.hurts = d->file,
			.more = d->more,
		};

		/* If no ref needs it, gc may have taken frames that only it listed. */
		if (d->file)
			report(v, &p);
	}
}

static void count(struct verify *v, uint64_t *counter, uint64_t n)
{
	vv_mutex_lock(&v->lock);
	*counter += n;
	vv_mutex_unlock(&v->lock);
}

/* ---- the crew ---- */

static void work(void *ctx, unsigned worker, void *item)
{
	struct verify *v = ctx;
	struct task *task = item;

	if (!atomic_load(&v->err))
		task->run(v, worker, task);
	free(task);
}

static void tick(void *ctx)
{
	struct verify *v = ctx;

	if (v->opts->progress &&
	    v->opts->progress(v->opts->ctx, vv_checker_bytes(v->checker), v->total))
		fail(v, VV_ECANCELED);
}

static void give(struct verify *v, const struct task *task)
{
	struct task *copy = malloc(sizeof *copy);

	if (!copy) {
		fail(v, VV_ENOMEM);
		return;
	}
	*copy = *task;
	vv_crew_give(v->crew, copy);
}

/* ---- trees ---- */

static void check_presence(struct verify *v, const struct vv_id *id, uint64_t size,
			   uint32_t *hint)
{
	char why[VV_CHECK_WHY];
	const struct vv_pack *pack;
	struct vv_blob blob;
	int err = vv_pack_set_find_blob(v->set, id, hint, &pack, &blob);

	if (err == VV_ENOENT)
		note_blob(v, id, "no pack has it");
	else if (err)
		note_blob(v, id, "not found, and a pack that may have it is damaged");
	if (err || blob.size == size)
		return;
	snprintf(why, sizeof why, "of %llu bytes here, of %llu in a tree",
		 (unsigned long long)blob.size, (unsigned long long)size);
	note_blob(v, id, why);
}

/* Entries by number, since names do not matter; each blob once. */
static int check_blobs_of(struct verify *v, const struct vv_tree *tree)
{
	uint8_t *is_seen = calloc(tree->blob_count / 8 + 1, 1);
	struct vv_entry e;
	struct vv_id id;
	uint32_t hint = 0;
	int err = is_seen ? VV_OK : VV_ENOMEM;

	for (uint32_t i = 0; !err && i < tree->entry_count; i++) {
		err = vv_tree_entry(tree, i, &e);
		if (err || e.blob == VV_NONE || is_seen[e.blob / 8] & 1u << e.blob % 8)
			continue;
		is_seen[e.blob / 8] |= (uint8_t)(1u << e.blob % 8);
		err = vv_tree_blob(tree, e.blob, &id);
		if (!err)
			check_presence(v, &id, e.size, &hint);
		if (!err)
			err = atomic_load(&v->err);
	}
	free(is_seen);
	return err;
}

static bool is_live(const struct verify *v, const struct vv_id *tree)
{
	for (size_t i = 0; i < v->ref_count; i++)
		if (vv_id_equal(&v->refs[i].tree, tree))
			return true;
	return false;
}

/* A tree that breaks a rule has told so; what can be read of it is looked at anyway. */
static void check_open_tree(struct verify *v, const struct vv_tree *tree)
{
	char why[VV_CHECK_WHY];
	int good = vv_check_image(v->checker, &tree->image, &tree->id, why);
	int err;

	if (good == 0) {
		report_tree(v, &tree->id, why);
	} else if (good > 0) {
		err = vv_tree_verify(tree, why, sizeof why);
		if (err == VV_ENOMEM)
			fail(v, err);
		else if (err)
			report_tree(v, &tree->id, why);
	}
	if (is_live(v, &tree->id)) {
		err = check_blobs_of(v, tree);
		if (err == VV_ENOMEM)
			fail(v, err);
	}
}

static void check_tree(struct verify *v, unsigned worker, const struct task *task)
{
	struct vv_open_tree *tree;
	int err = vv_store_tree_open(v->store, &task->tree, &tree);

	(void)worker;
	count(v, &v->stats.trees, 1);
	if (err == VV_ENOMEM)
		fail(v, err);
	else if (err == VV_ENOENT && !is_live(v, &task->tree))
		return; /* gc removed it meanwhile */
	else if (err)
		report_tree(v, &task->tree, vv_err_text(err));
	else
		check_open_tree(v, vv_open_tree_get(tree));
	vv_open_tree_unref(tree);
}

/* ---- packs ---- */

static void check_index(struct verify *v, unsigned worker, const struct task *task)
{
	const struct vv_pack *pack = vv_pack_set_get(v->set, task->pack);
	char why[VV_CHECK_WHY];
	int good;

	(void)worker;
	count(v, &v->stats.packs, 1);
	good = vv_check_image(v->checker, &pack->image, &pack->id, why);
	if (good > 0 && vv_pack_verify(pack, why, sizeof why))
		good = 0;
	if (good == 0)
		report_pack(v, &pack->id, why);
	if (good == 0)
		atomic_store(&v->is_bad[task->pack], true);
}

static void check_frames(struct verify *v, unsigned worker, const struct task *task)
{
	const struct vv_pack *pack = vv_pack_set_get(v->set, task->spots->pack);
	char why[VV_CHECK_WHY];

	for (size_t i = 0; i < task->count && !atomic_load(&v->err); i++) {
		int good = vv_check_frame(v->checker, worker, v->set, pack,
					  task->spots[i].index, why);

		if (good < 0)
			fail(v, good);
		else if (good != 1)
			report_frame(v, pack, task->spots[i].index, why);
		if (good == 0)
			atomic_store(&v->is_bad[task->spots->pack], true);
	}
	count(v, &v->stats.frames, task->count);
}

/*
 * A pack that lives for other blobs may still list one whose frames elsewhere are gone:
 * gc keeps one whole copy of each blob.  Readers find it, so it counts.
 */
static int check_other_copies(struct verify *v, const struct vv_pack *tried,
			      const struct vv_id *id)
{
	char why[VV_CHECK_WHY];
	const struct vv_pack *pack;
	struct vv_blob blob;
	uint32_t index;
	size_t pos = 0;
	int good = 0;

	while (good == 0 &&
	       vv_pack_set_next_blob(v->set, id, &pos, &pack, &blob) == 1) {
		if (pack != tried && vv_pack_find_blob(pack, id, &index) == VV_OK)
			good = vv_check_blob(v->checker, v->set, pack, index, why);
	}
	return good;
}

static void check_blobs(struct verify *v, unsigned worker, const struct task *task)
{
	char why[VV_CHECK_WHY];

	(void)worker;
	for (size_t i = 0; i < task->count && !atomic_load(&v->err); i++) {
		const struct vv_spot *spot = &task->spots[i];
		const struct vv_pack *pack = vv_pack_set_get(v->set, spot->pack);
		int good = vv_check_blob(v->checker, v->set, pack, spot->index, why);
		struct vv_blob blob;

		if (good == 0 && vv_pack_blob(pack, spot->index, &blob) == VV_OK) {
			good = check_other_copies(v, pack, &blob.id);
			if (good == 0)
				note_blob(v, &blob.id, why);
		}
		if (good < 0)
			fail(v, good);
	}
	count(v, &v->stats.blobs, task->count);
}

static void give_spots(struct verify *v, struct vv_spots *s,
		       void (*run)(struct verify *, unsigned, const struct task *))
{
	vv_spots_sort(s);
	for (size_t i = 0; i < s->count && !atomic_load(&v->err); i += SPOTS) {
		struct task task = {
			.run = run,
			.spots = s->items + i,
			.count = vv_min_size(SPOTS, s->count - i),
		};

		give(v, &task);
	}
}

/* Spots live until the crew is done with them; so packs are taken one by one. */
static void verify_pack(struct verify *v, size_t i, struct vv_spots *frames,
			struct vv_spots *blobs)
{
	struct task index = { .run = check_index, .pack = i };
	int err = vv_pack_set_err(v->set, i);

	if (err == VV_ENOENT)
		return; /* gc removed it meanwhile */
	if (err == VV_ENOMEM) {
		fail(v, err);
	} else if (err) {
		count(v, &v->stats.packs, 1);
		report_pack(v, vv_pack_set_id(v->set, i), vv_err_text(err));
		atomic_store(&v->is_bad[i], true);
	}
	if (err)
		return;
	frames->count = blobs->count = 0;
	err = vv_spots_add_frames(frames, (uint32_t)i, vv_pack_set_get(v->set, i));
	if (!err)
		err = vv_spots_add_blobs(blobs, (uint32_t)i,
					 vv_pack_set_get(v->set, i));
	fail(v, err);
	give(v, &index);
	give_spots(v, frames, check_frames);
	give_spots(v, blobs, check_blobs);
	vv_crew_wait(v->crew);
}

static void verify_packs(struct verify *v)
{
	struct vv_spots frames = { 0 }, blobs = { 0 };

	for (size_t i = 0; i < vv_pack_set_count(v->set) && !atomic_load(&v->err); i++)
		verify_pack(v, i, &frames, &blobs);
	vv_spots_fini(&frames);
	vv_spots_fini(&blobs);
}

/* An index that lies about sizes spoils the progress line and nothing else. */
static void add_total(struct verify *v)
{
	struct vv_frame frame;
	struct vv_blob blob;

	for (size_t i = 0; i < vv_pack_set_count(v->set); i++) {
		const struct vv_pack *pack = vv_pack_set_get(v->set, i);

		for (uint32_t n = 0; pack && n < pack->frame_count; n++)
			if (vv_pack_frame(pack, n, &frame) == VV_OK && frame.offset)
				v->total += frame.plain_size;
		for (uint32_t n = 0; pack && n < pack->blob_count; n++)
			if (vv_pack_blob(pack, n, &blob) == VV_OK)
				v->total += blob.size;
	}
}

/* ---- refs ---- */

static int add_ref(struct verify *v, const char *name, const struct vv_id *tree)
{
	struct named *refs = grow(v->refs, &v->ref_cap, v->ref_count, sizeof *refs);
	char *copy;

	if (!refs)
		return VV_ENOMEM;
	v->refs = refs;
	copy = strdup(name);
	if (!copy)
		return VV_ENOMEM;
	refs[v->ref_count++] = (struct named){ .name = copy, .tree = *tree };
	return VV_OK;
}

static int meet_ref(void *ctx, const char *key, const struct vv_object_info *info)
{
	struct verify *v = ctx;
	char name[VV_REFNAME_BUF_BYTES];
	struct vv_ref ref;
	int err;

	(void)info;
	if (vv_refname_decode(name, key + strlen(VV_REF_PREFIX)))
		return VV_OK; /* the key of no ref; to be ignored */
	err = vv_ref_read(v->store, key, &ref);
	if (err == VV_ENOENT)
		return VV_OK; /* removed meanwhile */
	v->stats.refs++;
	if (err == VV_ENOMEM)
		return err;
	if (err)
		report_ref(v, name, vv_err_text(err));
	return err ? VV_OK : add_ref(v, name, &ref.tree);
}

static int cmp_named(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static bool has_ref(const struct verify *v, const char *name)
{
	struct named key = { .name = (char *)name };

	return bsearch(&key, v->refs, v->ref_count, sizeof key, cmp_named) != NULL;
}

/* A ref that is a directory of another is shown by nobody. */
static void check_parents(struct verify *v, const char *name)
{
	char above[VV_REFNAME_BUF_BYTES], why[VV_REFNAME_BUF_BYTES + 64];
	char *slash;

	snprintf(above, sizeof above, "%s", name);
	while ((slash = strrchr(above, '/'))) {
		*slash = '\0';
		if (!has_ref(v, above))
			continue;
		snprintf(why, sizeof why, "hidden by %s, of which it is a directory",
			 name);
		report_ref(v, above, why);
	}
}

static int verify_refs(struct verify *v)
{
	int err = vv_source_list(vv_store_source(v->store), VV_REF_PREFIX, meet_ref, v);

	if (err)
		return err;
	if (v->ref_count > 0)
		qsort(v->refs, v->ref_count, sizeof *v->refs, cmp_named);
	for (size_t i = 0; i < v->ref_count; i++)
		check_parents(v, v->refs[i].name);
	return VV_OK;
}

/* ---- all trees ---- */

static int add_tree(void *ctx, const struct vv_id *id, uint64_t size)
{
	struct verify *v = ctx;
	struct vv_id *trees =
		grow(v->trees, &v->tree_cap, v->tree_count, sizeof *trees);

	if (!trees)
		return VV_ENOMEM;
	v->trees = trees;
	trees[v->tree_count++] = *id;
	v->total += size;
	return VV_OK;
}

static int cmp_id(const void *a, const void *b)
{
	return vv_id_cmp(a, b);
}

/* Those that are there, and those that refs name: each once. */
static int list_trees(struct verify *v)
{
	int err = vv_store_list_trees(v->store, add_tree, v);

	for (size_t i = 0; !err && i < v->ref_count; i++)
		err = add_tree(v, &v->refs[i].tree, 0);
	if (!err && v->tree_count > 0)
		qsort(v->trees, v->tree_count, sizeof *v->trees, cmp_id);
	return err;
}

static void verify_trees(struct verify *v)
{
	for (size_t i = 0; i < v->tree_count && !atomic_load(&v->err); i++) {
		struct task task = { .run = check_tree, .tree = v->trees[i] };

		if (i == 0 || !vv_id_equal(&v->trees[i], &v->trees[i - 1]))
			give(v, &task);
	}
	vv_crew_wait(v->crew);
}

static void name_damage(struct verify *v)
{
	for (size_t i = 0; v->damage.count > 0 && i < v->ref_count; i++) {
		struct vv_open_tree *tree;
		int err = vv_store_tree_open(v->store, &v->refs[i].tree, &tree);

		if (!err)
			err = vv_damage_name(&v->damage, v->refs[i].name,
					     vv_open_tree_get(tree));
		vv_open_tree_unref(tree);
		if (err == VV_ENOMEM)
			fail(v, err);
	}
	report_damage(v);
}

/* ---- what one ref needs ---- */

/* Each blob of the tree once, where it is found; what is not there was noted already. */
static int list_needed(struct verify *v, const struct vv_tree *tree,
		       struct vv_spots *blobs, bool *is_used)
{
	const struct vv_pack *pack;
	struct vv_blob blob;
	struct vv_id id;
	uint32_t hint = 0, index;
	size_t at;
	int err = VV_OK;

	for (uint32_t i = 0; !err && i < tree->blob_count; i++) {
		if (vv_tree_blob(tree, i, &id) ||
		    vv_pack_set_find_blob(v->set, &id, &hint, &pack, &blob) ||
		    vv_pack_find_blob(pack, &id, &index) ||
		    vv_pack_set_index(v->set, &pack->id, &at))
			continue;
		is_used[at] = true;
		v->total += blob.size;
		err = vv_spots_add_blob(blobs, (uint32_t)at, pack, index);
	}
	return err;
}

static void verify_needed(struct verify *v)
{
	bool *is_used = calloc(vv_pack_set_count(v->set) + 1, sizeof *is_used);
	struct vv_open_tree *tree = NULL;
	struct vv_spots blobs = { 0 };
	int err = is_used ? VV_OK : VV_ENOMEM;

	if (!err && vv_store_tree_open(v->store, &v->refs->tree, &tree) == VV_OK)
		err = list_needed(v, vv_open_tree_get(tree), &blobs, is_used);
	fail(v, err);
	for (size_t i = 0; !err && i < vv_pack_set_count(v->set); i++) {
		struct task index = { .run = check_index, .pack = i };

		if (is_used[i])
			give(v, &index);
	}
	give_spots(v, &blobs, check_blobs);
	vv_crew_wait(v->crew);
	vv_open_tree_unref(tree);
	vv_spots_fini(&blobs);
	free(is_used);
}

/* ---- condemning ---- */

/* A pack of a version that we do not know is not damaged for all that. */
static bool is_to_be_condemned(const struct verify *v, size_t i)
{
	return atomic_load(&v->is_bad[i]) && vv_pack_set_err(v->set, i) != VV_ENEWER;
}

static int condemn_damaged(struct verify *v)
{
	const struct vv_condemned_why why = {
		.kind = "pack",
		.why = "damaged",
		.is_damaged = true,
	};
	int err = atomic_load(&v->err);

	for (size_t i = 0; !err && i < vv_pack_set_count(v->set); i++) {
		if (!is_to_be_condemned(v, i))
			continue;
		err = vv_condemned_put(v->store, vv_pack_set_id(v->set, i),
				       vv_time_ns(), &why);
		v->stats.condemned += !err;
	}
	return err;
}

/* ---- the whole ---- */

static int begin(struct verify *v)
{
	struct vv_crew_options crew = {
		.jobs = v->opts->jobs,
		.work = work,
		.tick = tick,
		.ctx = v,
	};
	int err;

	vv_mutex_init(&v->lock);
	vv_damage_init(&v->damage);
	err = vv_store_packs_refresh(v->store, &v->set);
	if (!err) {
		v->is_bad = calloc(vv_pack_set_count(v->set) + 1, sizeof *v->is_bad);
		err = v->is_bad ? VV_OK : VV_ENOMEM;
	}
	if (!err)
		err = vv_checker_new(&v->checker, v->store, vv_crew_size(crew.jobs));
	return err ? err : vv_crew_new(&v->crew, &crew);
}

static int end(struct verify *v, int err, struct vv_verify_stats *stats)
{
	if (!err)
		err = atomic_load(&v->err);
	if (v->checker)
		v->stats.bytes = vv_checker_bytes(v->checker);
	*stats = v->stats;
	vv_crew_free(v->crew);
	vv_checker_free(v->checker);
	vv_pack_set_unref(v->set);
	free(v->is_bad);
	vv_damage_fini(&v->damage);
	for (size_t i = 0; i < v->ref_count; i++)
		free(v->refs[i].name);
	free(v->refs);
	free(v->trees);
	vv_mutex_fini(&v->lock);
	return err;
}

int vv_verify_store(struct vv_store *store, const struct vv_verify_options *opts,
		    struct vv_verify_stats *stats)
{
	struct verify v = { .store = store, .opts = opts };
	int err = begin(&v);

	if (!err)
		err = verify_refs(&v);
	if (!err)
		err = vv_profiles_list(store, check_profile, &v);
	if (!err)
		err = list_trees(&v);
	if (!err) {
		add_total(&v);
		verify_trees(&v);
		verify_packs(&v);
		name_damage(&v);
		if (opts->condemn)
			err = condemn_damaged(&v);
	}
	return end(&v, err, stats);
}

int vv_verify_ref(struct vv_store *store, const char *name,
		  const struct vv_verify_options *opts, struct vv_verify_stats *stats)
{
	struct verify v = { .store = store, .opts = opts };
	struct vv_ref ref;
	int err = begin(&v);

	if (!err)
		err = vv_ref_get(store, name, &ref);
	if (err == VV_ECORRUPT || err == VV_ENEWER) {
		v.stats.refs = 1;
		report_ref(&v, name, vv_err_text(err));
		return end(&v, VV_OK, stats);
	}
	if (!err)
		err = check_profile(&v, name);
	if (!err)
		err = add_ref(&v, name, &ref.tree);
	if (!err)
		err = add_tree(&v, &ref.tree, 0);
	if (!err) {
		v.stats.refs = 1;
		verify_trees(&v);
		verify_needed(&v);
		name_damage(&v);
	}
	return end(&v, err, stats);
}
