#include "store/sharing.h"

#include "core/arith.h"
#include "core/err.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static uint64_t *cell(const struct vv_sharing *s, size_t a, size_t b)
{
	return &s->bytes[a * s->usage.refs.count + b];
}

uint64_t vv_sharing_bytes(const struct vv_sharing *s, size_t a, size_t b)
{
	return *cell(s, a, b);
}

double vv_sharing_likeness(const struct vv_sharing *s, size_t a, size_t b)
{
	uint64_t smaller = vv_min_u64(*cell(s, a, a), *cell(s, b, b));

	return smaller ? (double)*cell(s, a, b) / (double)smaller : 0;
}

/* ---- pairs ---- */

static void add(struct vv_sharing *s, size_t a, size_t b, uint64_t bytes)
{
	*cell(s, a, b) += bytes;
	if (a != b)
		*cell(s, b, a) += bytes;
}

/* The members of a set are its last ref and those of its parents. */
static void add_set(struct vv_sharing *s, const struct vv_usage_set *set)
{
	const struct vv_usage_set *sets = s->usage.sets;
	uint64_t bytes = set->bytes;

	for (const struct vv_usage_set *a = set; bytes && a != sets;
	     a = &sets[a->parent])
		for (const struct vv_usage_set *b = a; b != sets; b = &sets[b->parent])
			add(s, a->ref, b->ref, bytes);
}

static void add_trees(struct vv_sharing *s)
{
	const struct vv_ref_list *refs = &s->usage.refs;

	for (size_t a = 0; a < refs->count; a++)
		for (size_t b = a; b < refs->count; b++)
			if (vv_id_equal(&refs->items[a].tree, &refs->items[b].tree))
				add(s, a, b, s->usage.items[a].tree_bytes);
}

/* ---- families ---- */

/* What single linkage works with: each ref's group, and its next in the group's order. */
struct linkage {
	const struct vv_sharing *s;
	size_t count;
	size_t *first; /* owned; of the group that the ref is in */
	size_t *next;  /* owned; count = none */
	size_t *near;  /* owned; the most alike ref outside what was reached so far */
	double *how;   /* owned; how alike */
};

struct link {
	double how;
	size_t a, b;
};

static int compare_links(const void *x, const void *y)
{
	const struct link *a = x, *b = y;

	if (a->how != b->how)
		return a->how > b->how ? -1 : 1;
	if (a->a != b->a)
		return a->a < b->a ? -1 : 1;
	return (a->b > b->b) - (a->b < b->b);
}

/*
 * The count - 1 links that single linkage would take are those of a spanning tree of the
 * most alike pairs (Prim), which needs no list of all pairs.
 */
static void span(struct linkage *l, struct link *links)
{
	size_t at = 0;

	for (size_t i = 0; i < l->count; i++)
		l->how[i] = -1;
	for (size_t n = 0; n + 1 < l->count; n++) {
		size_t best = l->count;

		l->how[at] = 2; /* reached */
		for (size_t i = 0; i < l->count; i++) {
			double how = vv_sharing_likeness(l->s, at, i);

			if (l->how[i] > 1.5)
				continue;
			if (how > l->how[i]) {
				l->how[i] = how;
				l->near[i] = at;
			}
			if (best == l->count || l->how[i] > l->how[best])
				best = i;
		}
		links[n] = (struct link){ l->how[best], l->near[best], best };
		at = best;
	}
}

static size_t last_of(const struct linkage *l, size_t ref)
{
	while (l->next[ref] != l->count)
		ref = l->next[ref];
	return ref;
}

static void reverse(struct linkage *l, size_t first)
{
	size_t before = l->count;

	for (size_t at = first, next; at != l->count; at = next) {
		next = l->next[at];
		l->next[at] = before;
		before = at;
	}
	for (size_t at = before; at != l->count; at = l->next[at])
		l->first[at] = before;
}

/* One group from two, turned so that the two ends which meet are as alike as can be. */
static void join(struct linkage *l, size_t a, size_t b)
{
	size_t a1 = l->first[a], b1 = l->first[b];
	size_t a2 = last_of(l, a1), b2 = last_of(l, b1);
	double best = vv_sharing_likeness(l->s, a2, b1);
	bool turn_a = false, turn_b = false;

	if (vv_sharing_likeness(l->s, a2, b2) > best) {
		best = vv_sharing_likeness(l->s, a2, b2);
		turn_b = true;
	}
	if (vv_sharing_likeness(l->s, a1, b1) > best) {
		best = vv_sharing_likeness(l->s, a1, b1);
		turn_a = true;
		turn_b = false;
	}
	if (vv_sharing_likeness(l->s, a1, b2) > best)
		turn_a = turn_b = true;
	if (turn_a)
		reverse(l, a1);
	if (turn_b)
		reverse(l, b1);
	a1 = l->first[a];
	b1 = l->first[b];
	l->next[last_of(l, a1)] = b1;
	for (size_t at = b1; at != l->count; at = l->next[at])
		l->first[at] = a1;
}

static int link_all(struct linkage *l, size_t *order)
{
	struct link *links = calloc(l->count, sizeof *links);
	size_t at;

	if (!links)
		return VV_ENOMEM;
	for (size_t i = 0; i < l->count; i++) {
		l->first[i] = i;
		l->next[i] = l->count;
	}
	span(l, links);
	qsort(links, l->count - 1, sizeof *links, compare_links);
	for (size_t i = 0; i + 1 < l->count; i++)
		join(l, links[i].a, links[i].b);
	at = l->first[0];
	if (at > last_of(l, at))
		reverse(l, at); /* by name, as far as there is a choice */
	at = l->first[0];
	for (size_t i = 0; i < l->count; i++, at = l->next[at])
		order[i] = at;
	free(links);
	return VV_OK;
}

static int find_families(struct vv_sharing *s)
{
	size_t count = s->usage.refs.count;
	struct linkage l = { .s = s, .count = count };
	int err = VV_ENOMEM;

	if (!count)
		return VV_OK;
	l.first = calloc(count, sizeof *l.first);
	l.next = calloc(count, sizeof *l.next);
	l.near = calloc(count, sizeof *l.near);
	l.how = calloc(count, sizeof *l.how);
	if (l.first && l.next && l.near && l.how)
		err = link_all(&l, s->order);
	free(l.first);
	free(l.next);
	free(l.near);
	free(l.how);
	return err;
}

/* ---- all of it ---- */

int vv_sharing_get(struct vv_store *store, struct vv_sharing *out)
{
	size_t count;
	int err;

	*out = (struct vv_sharing){ 0 };
	err = vv_usage_get(store, &out->usage);
	if (err)
		return err;
	count = out->usage.refs.count;
	if (count > VV_SHARING_REFS_MAX) {
		vv_sharing_fini(out);
		return VV_EFBIG;
	}
	out->bytes = calloc(count * count + 1, sizeof *out->bytes);
	out->order = calloc(count + 1, sizeof *out->order);
	err = out->bytes && out->order ? VV_OK : VV_ENOMEM;
	if (!err) {
		for (size_t i = 1; i < out->usage.set_count; i++)
			add_set(out, &out->usage.sets[i]);
		add_trees(out);
		err = find_families(out);
	}
	if (err)
		vv_sharing_fini(out);
	return err;
}

void vv_sharing_fini(struct vv_sharing *s)
{
	vv_usage_fini(&s->usage);
	free(s->bytes);
	free(s->order);
	*s = (struct vv_sharing){ 0 };
}
