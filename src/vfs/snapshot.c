#include "vfs/snapshot.h"

#include "core/arith.h"
#include "core/err.h"
#include "core/name.h"
#include "vfs/merge.h"

#include <stdlib.h>
#include <string.h>

/* Bytes in order, but the slash before all others; so `a/b` comes before `a-b`. */
static int compare_paths(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t common = vv_min_size(a_len, b_len), i = 0;

	while (i < common && a[i] == b[i])
		i++;
	if (i == common)
		return (a_len > b_len) - (a_len < b_len);
	if (a[i] == '/' || b[i] == '/')
		return a[i] == '/' ? -1 : 1;
	return (unsigned char)a[i] < (unsigned char)b[i] ? -1 : 1;
}

bool vv_path_is_under(const char *path, size_t len, const char *above, size_t above_len)
{
	if (above_len == 0)
		return true;
	return len >= above_len && memcmp(path, above, above_len) == 0 &&
	       (len == above_len || path[above_len] == '/');
}

static int compare_shown(const void *a, const void *b)
{
	const struct vv_shown *x = a, *y = b;
	int order = compare_paths(x->inst->path, x->inst->path_len, y->inst->path,
				  y->inst->path_len);

	return order ? order : (x->rank > y->rank) - (x->rank < y->rank);
}

static int check_path(const char *path)
{
	if (strlen(path) > VV_VIEW_PATH_MAX)
		return VV_ENAMETOOLONG;
	if (!*path)
		return VV_OK;
	for (;;) {
		size_t len = strcspn(path, "/");
		int err = vv_name_check(path, len);

		if (err || !path[len])
			return err;
		path += len + 1;
	}
}

/*
 * The first layer in [@lo, @hi) that is not before @path; or, @past, not at or under
 * it.
 */
static size_t search(const struct vv_snapshot *s, size_t lo, size_t hi,
		     const char *path, size_t len, bool past)
{
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct vv_instance *at = s->layers[mid].inst;
		bool before = compare_paths(at->path, at->path_len, path, len) < 0;

		if (before ||
		    (past && vv_path_is_under(at->path, at->path_len, path, len)))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct vv_run vv_snapshot_find(const struct vv_snapshot *s, const char *path,
			       size_t len)
{
	struct vv_run run = { .first = search(s, 0, s->count, path, len, false) };

	run.end = search(s, run.first, s->count, path, len, true);
	run.exact_end = run.first;
	while (run.exact_end < run.end &&
	       s->layers[run.exact_end].inst->path_len == len)
		run.exact_end++;
	return run;
}

uint32_t vv_snapshot_rank(const struct vv_snapshot *s, const struct vv_instance *inst)
{
	struct vv_run run = vv_snapshot_find(s, inst->path, inst->path_len);

	for (size_t i = run.first; i < run.exact_end; i++) {
		if (s->layers[i].inst == inst)
			return s->layers[i].rank;
	}
	return VV_RANK_NONE;
}

/*
 * Two equal layers in one snapshot are two instances, else one id would have two
 * meanings.
 */
static struct vv_instance *find_same(const struct vv_snapshot *before,
				     const struct vv_layer *layer, bool *lent)
{
	struct vv_run run;

	if (!before)
		return NULL;
	run = vv_snapshot_find(before, layer->path, strlen(layer->path));
	for (size_t i = run.first; i < run.exact_end; i++) {
		if (!lent[i] && vv_instance_is(before->layers[i].inst, layer)) {
			lent[i] = true;
			return before->layers[i].inst;
		}
	}
	return NULL;
}

static int add_layer(struct vv_snapshot *s, struct vv_instance_table *table,
		     const struct vv_snapshot *before, const struct vv_layer *layer,
		     bool *lent)
{
	struct vv_instance *inst;
	int err = check_path(layer->path);

	if (err)
		return err;
	inst = find_same(before, layer, lent);
	if (inst)
		vv_instance_hold(inst);
	else
		err = vv_instance_new(table, layer, &inst);
	if (err)
		return err;
	atomic_store_explicit(&inst->tag, layer->tag, memory_order_relaxed);
	s->has_host = s->has_host || layer->dir;
	s->layers[s->count] = (struct vv_shown){
		.inst = inst,
		.published_ns = layer->published_ns,
		.rank = (uint32_t)s->count,
	};
	s->count++;
	return VV_OK;
}

int vv_snapshot_new(struct vv_snapshot **out, struct vv_instance_table *table,
		    const struct vv_snapshot *before, const struct vv_layer *layers,
		    size_t count)
{
	bool *lent = calloc(before ? before->count + 1 : 1, sizeof *lent);
	struct vv_snapshot *s = NULL;
	int err = VV_ENOMEM;

	*out = NULL;
	if (count > VV_INSTANCE_MAX) {
		err = VV_EMFILE;
		goto out;
	}
	s = calloc(1, sizeof *s + count * sizeof s->layers[0]);
	if (!s)
		goto out;
	atomic_init(&s->refs, 1);
	if (!lent)
		goto out;
	for (size_t i = 0; i < count; i++) {
		err = add_layer(s, table, before, &layers[i], lent);
		if (err)
			goto out;
	}
	qsort(s->layers, s->count, sizeof s->layers[0], compare_shown);
	*out = s;
	s = NULL;
	err = VV_OK;
out:
	vv_snapshot_unref(s, table);
	free(lent);
	return err;
}

void vv_snapshot_ref(struct vv_snapshot *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
}

void vv_snapshot_unref(struct vv_snapshot *s, struct vv_instance_table *table)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < s->count; i++)
		vv_instance_drop(table, s->layers[i].inst, 1);
	free(s);
}

/* ---- what changed ---- */

/* Flags, one for each layer of a snapshot, and a way through its layers by rank. */
struct side {
	const struct vv_snapshot *s;
	const struct vv_shown **by_rank; /* owned */
	bool *changed;			 /* owned; by rank */
};

static int side_init(struct side *side, const struct vv_snapshot *s)
{
	*side = (struct side){ .s = s };
	side->by_rank = calloc(s->count + 1, sizeof *side->by_rank);
	side->changed = calloc(s->count + 1, sizeof *side->changed);
	if (!side->by_rank || !side->changed)
		return VV_ENOMEM;
	for (size_t i = 0; i < s->count; i++)
		side->by_rank[s->layers[i].rank] = &s->layers[i];
	return VV_OK;
}

static void side_fini(struct side *side)
{
	free(side->by_rank);
	free(side->changed);
}

/* Layers that the other side does not have. */
static void mark_unshared(struct side *side, const struct side *other)
{
	for (size_t i = 0; i < side->s->count; i++)
		side->changed[i] = vv_snapshot_rank(other->s, side->by_rank[i]->inst) ==
				   VV_RANK_NONE;
}

/*
 * Walk the layers that both have, in the order of each.  If two of them changed places,
 * at least one of them is at another position among the shared ones, so marking
 * positions that differ marks every pair.
 */
static void mark_moved(struct side *before, struct side *after)
{
	size_t i = 0, j = 0;

	for (;; i++, j++) {
		while (i < before->s->count && before->changed[i])
			i++;
		while (j < after->s->count && after->changed[j])
			j++;
		if (i == before->s->count || j == after->s->count)
			return;
		if (before->by_rank[i]->inst != after->by_rank[j]->inst ||
		    before->by_rank[i]->published_ns != after->by_rank[j]->published_ns)
			before->changed[i] = after->changed[j] = true;
	}
}

static int compare_instances(const void *a, const void *b)
{
	const struct vv_instance *x = *(const struct vv_instance *const *)a;
	const struct vv_instance *y = *(const struct vv_instance *const *)b;

	return compare_paths(x->path, x->path_len, y->path, y->path_len);
}

static void collect_changed(struct vv_changes *out, const struct side *side)
{
	for (size_t i = 0; i < side->s->count; i++) {
		if (side->changed[i])
			out->items[out->count++] = side->by_rank[i]->inst;
	}
}

int vv_changes_find(struct vv_changes *out, const struct vv_snapshot *before,
		    const struct vv_snapshot *after)
{
	struct side old = { 0 }, new = { 0 };
	int err;

	*out = (struct vv_changes){ 0 };
	err = side_init(&old, before);
	if (!err)
		err = side_init(&new, after);
	if (err)
		goto out;
	out->items = calloc(before->count + after->count + 1, sizeof(out->items[0]));
	if (!out->items) {
		err = VV_ENOMEM;
		goto out;
	}
	mark_unshared(&old, &new);
	mark_unshared(&new, &old);
	mark_moved(&old, &new);
	collect_changed(out, &old);
	collect_changed(out, &new);
	qsort(out->items, out->count, sizeof(out->items[0]), compare_instances);
out:
	side_fini(&old);
	side_fini(&new);
	return err;
}

void vv_changes_fini(struct vv_changes *c)
{
	free(c->items);
	*c = (struct vv_changes){ 0 };
}

/* The first change that is not before @path. */
static size_t first_change(const struct vv_changes *c, const char *path, size_t len)
{
	size_t lo = 0, hi = c->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (compare_paths(c->items[mid]->path, c->items[mid]->path_len, path,
				  len) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool vv_changes_touch(const struct vv_changes *c, const char *path, size_t len)
{
	size_t at = first_change(c, path, len);

	if (at < c->count &&
	    vv_path_is_under(c->items[at]->path, c->items[at]->path_len, path, len))
		return true;
	while (len > 0) { /* then above it: each parent */
		while (len > 0 && path[--len] != '/')
			;
		at = first_change(c, path, len);
		if (at < c->count && c->items[at]->path_len == len &&
		    memcmp(c->items[at]->path, path, len) == 0)
			return true;
	}
	return false;
}
