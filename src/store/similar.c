#include "store/similar.h"

#include "codec/gear_table.h"
#include "core/err.h"
#include "os/system.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	FEATURES = 4,
	/* What follows the base that the last frame resembled is better than one shared feature, worse than two. */
	WEIGHT_FEATURE = 2,
	WEIGHT_AFTER = 3,
	/* Of a feature that many bases share only the latest count: they are the likeliest, and the rest is bounded. */
	POSTINGS_MAX = 8,
};

struct posting {
	uint32_t feature;
	uint32_t base; /* VV_SIMILAR_NONE: free */
};

/*
 * Open addressing over (feature, base).  The seed makes it pointless to forge content whose features fall together.
 */
struct vv_similar {
	struct posting *slots; /* owned */
	size_t cap, used;      /* cap: a power of two, or 0 */
	uint64_t seed;
	struct vv_base *bases; /* owned */
	uint32_t base_count, base_cap;
};

/*
 * A gear hash that shifts by 4 forgets a byte after 16.  Its low bits know the last bytes only, so a multiplication spreads them
 * before the upper half is taken; the two lowest bits of that choose the feature.
 */
void vv_sketch_make(uint32_t sketch[4], const uint8_t *bytes, size_t len)
{
	uint32_t least[FEATURES] = { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };
	uint64_t hash = 0;

	for (size_t i = 0; i < len; i++) {
		uint32_t value;

		hash = (hash << 4) + gear[bytes[i]];
		value = (uint32_t)(hash * UINT64_C(0x9e3779b97f4a7c15) >> 32);
		if (value < least[value & 3] && i >= 15)
			least[value & 3] = value;
	}
	memcpy(sketch, least, sizeof least);
	for (unsigned f = 0; f < FEATURES; f++)
		if (least[f] == UINT32_MAX)
			sketch[f] = 0; /* fewer windows than features */
}

int vv_similar_new(struct vv_similar **out)
{
	struct vv_similar *s = calloc(1, sizeof *s);

	*out = s;
	if (!s)
		return VV_ENOMEM;
	vv_random(&s->seed, sizeof s->seed);
	s->seed |= 1;
	return VV_OK;
}

void vv_similar_free(struct vv_similar *s)
{
	if (!s)
		return;
	free(s->slots);
	free(s->bases);
	free(s);
}

struct vv_base vv_similar_base(const struct vv_similar *s, uint32_t number)
{
	assert(number < s->base_count);
	return s->bases[number];
}

static size_t first_slot(const struct vv_similar *s, uint32_t feature)
{
	return (size_t)((feature * s->seed) >> 32) & (s->cap - 1);
}

static bool is_free(const struct posting *p)
{
	return p->base == VV_SIMILAR_NONE;
}

static void put(struct vv_similar *s, uint32_t feature, uint32_t base)
{
	struct posting *oldest = NULL;
	unsigned count = 0;
	size_t at;

	for (at = first_slot(s, feature); !is_free(&s->slots[at]);
	     at = (at + 1) & (s->cap - 1)) {
		struct posting *p = &s->slots[at];

		if (p->feature != feature)
			continue;
		count++;
		if (!oldest || p->base < oldest->base)
			oldest = p;
	}
	if (count >= POSTINGS_MAX) {
		oldest->base = base;
		return;
	}
	s->slots[at] = (struct posting){ feature, base };
	s->used++;
}

static int grow_slots(struct vv_similar *s)
{
	struct posting *old = s->slots;
	size_t old_cap = s->cap, cap = old_cap ? old_cap * 2 : 1024;
	struct posting *slots = malloc(cap * sizeof *slots);

	if (!slots)
		return VV_ENOMEM;
	for (size_t i = 0; i < cap; i++)
		slots[i] = (struct posting){ 0, VV_SIMILAR_NONE };
	s->slots = slots;
	s->cap = cap;
	s->used = 0;
	for (size_t i = 0; i < old_cap; i++)
		if (!is_free(&old[i]))
			put(s, old[i].feature, old[i].base);
	free(old);
	return VV_OK;
}

static int grow_bases(struct vv_similar *s)
{
	uint32_t cap = s->base_cap ? s->base_cap * 2 : 1024;
	struct vv_base *more = realloc(s->bases, cap * sizeof *more);

	if (!more)
		return VV_ENOMEM;
	s->bases = more;
	s->base_cap = cap;
	return VV_OK;
}

int vv_similar_add(struct vv_similar *s, const uint32_t sketch[4], struct vv_base base)
{
	int err = VV_OK;

	if (s->base_count == VV_SIMILAR_BASES_MAX)
		return VV_OK;
	if (s->base_count == s->base_cap)
		err = grow_bases(s);
	if (!err && (s->used + FEATURES) * 3 > s->cap * 2)
		err = grow_slots(s);
	if (err)
		return err;
	for (unsigned f = 0; f < FEATURES; f++)
		if (sketch[f])
			put(s, sketch[f], s->base_count);
	s->bases[s->base_count++] = base;
	return VV_OK;
}

/* ---- picking ---- */

struct vote {
	uint32_t base, votes;
};

static void vote_for(struct vote *votes, size_t *count, uint32_t base, uint32_t weight)
{
	for (size_t i = 0; i < *count; i++) {
		if (votes[i].base == base) {
			votes[i].votes += weight;
			return;
		}
	}
	votes[(*count)++] = (struct vote){ base, weight };
}

static void vote_feature(const struct vv_similar *s, uint32_t feature,
			 struct vote *votes, size_t *count)
{
	for (size_t at = first_slot(s, feature); !is_free(&s->slots[at]);
	     at = (at + 1) & (s->cap - 1))
		if (s->slots[at].feature == feature)
			vote_for(votes, count, s->slots[at].base, WEIGHT_FEATURE);
}

/* More votes first, then the later base. */
static int compare_votes(const void *a, const void *b)
{
	const struct vote *x = a, *y = b;

	if (x->votes != y->votes)
		return x->votes < y->votes ? 1 : -1;
	return x->base < y->base ? 1 : -1;
}

size_t vv_similar_pick(const struct vv_similar *s, const uint32_t sketch[4],
		       uint32_t after, uint32_t out[VV_SIMILAR_PICKS])
{
	struct vote votes[FEATURES * POSTINGS_MAX + 1];
	size_t count = 0, picked = 0;

	if (after != VV_SIMILAR_NONE && after + 1 < s->base_count &&
	    s->bases[after + 1].pack == s->bases[after].pack)
		vote_for(votes, &count, after + 1, WEIGHT_AFTER);
	for (unsigned f = 0; s->cap && f < FEATURES; f++)
		if (sketch[f])
			vote_feature(s, sketch[f], votes, &count);
	qsort(votes, count, sizeof *votes, compare_votes);
	while (picked < count && picked < VV_SIMILAR_PICKS) {
		out[picked] = votes[picked].base;
		picked++;
	}
	return picked;
}
