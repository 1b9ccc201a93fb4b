#include "store/similar.h"

#include "codec/gear_table.h"
#include "core/arith.h"
#include "core/err.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	WINDOW_BYTES = 16,
	ASKED_FOR_64K = 48,
	ASKED_MIN = 8,
	RANK_LIMIT = 1 << 24,
	BUCKET = 8,
	BUCKETS_MIN = 1 << 8,
	BUCKETS_MAX = 1 << 20, /* 64 MiB of postings */
	BASES_MIN = 1 << 8,
	BASES_MAX = 1 << 20,
	ORDINAL_MAX = 255,
	VOTES_MIN = 8, /* two rare values */
};
#define NONE UINT32_MAX

_Static_assert(ASKED_FOR_64K *(VV_FRAME_MAX >> 16) <= VV_SKETCH_MAX, "sketches fit");

/* ---- sketches ---- */

/*
 * The windows so far.  When there is no room those of least rank are kept, so that no
 * content, however it repeats itself, needs more.
 */
struct sample {
	uint64_t limit; /* only ranks below it count */
	size_t wanted, count;
	uint64_t windows[2048]; /* rank << 24 | value */
};

static int compare_windows(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int compare_values(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Leaves the least @wanted, sorted and each once. */
static void keep_least(struct sample *s)
{
	size_t kept = 0;

	qsort(s->windows, s->count, sizeof *s->windows, compare_windows);
	for (size_t i = 0; i < s->count && kept < s->wanted; i++)
		if (kept == 0 || s->windows[i] != s->windows[kept - 1])
			s->windows[kept++] = s->windows[i];
	s->count = kept;
	if (kept == s->wanted)
		s->limit = s->windows[kept - 1] >> 24;
}

static void take(struct sample *s, uint64_t rank, uint64_t value)
{
	if (s->count == sizeof s->windows / sizeof *s->windows)
		keep_least(s);
	s->windows[s->count++] = rank << 24 | value;
}

/* Sorted, and each once; how many. */
static uint32_t put_in_order(uint32_t *values, uint32_t count)
{
	uint32_t kept = 0;

	qsort(values, count, sizeof *values, compare_values);
	for (uint32_t i = 0; i < count; i++)
		if (kept == 0 || values[i] != values[kept - 1])
			values[kept++] = values[i];
	return kept;
}

/*
 * A gear hash that shifts by 4 forgets a byte after 16.  Its low bits know the last bytes
 * only, so a multiplication spreads them before the upper half is taken.
 */
void vv_sketch_make(struct vv_sketch *sketch, const uint8_t *bytes, size_t len)
{
	struct sample s = {
		.limit = RANK_LIMIT,
		.wanted = vv_max_size(len * ASKED_FOR_64K >> 16, ASKED_MIN),
	};
	uint32_t kept, rest, values[VV_SKETCH_MAX];
	uint64_t hash = 0;

	for (size_t i = 0; i < len; i++) {
		uint64_t mixed;

		hash = (hash << 4) + gear[bytes[i]];
		mixed = hash * UINT64_C(0x9e3779b97f4a7c15);
		if (mixed >> 32 < s.limit && i >= WINDOW_BYTES - 1)
			take(&s, mixed >> 32, mixed >> 8 & VV_SKETCH_VALUE_MAX);
	}
	keep_least(&s);
	for (size_t i = 0; i < s.count; i++)
		values[i] = (uint32_t)(s.windows[i] & VV_SKETCH_VALUE_MAX);
	kept = (uint32_t)(s.count + 1) / 2;
	rest = put_in_order(values + kept, (uint32_t)s.count - kept);
	sketch->count = put_in_order(values, kept);
	sketch->asked_count = sketch->count + rest;
	memcpy(sketch->values, values, sketch->count * sizeof *values);
	memcpy(sketch->values + sketch->count, values + kept, rest * sizeof *values);
}

/* ---- the index ---- */

/*
 * One base that has one value.  A value's postings are numbered: so many came before, as
 * far as ORDINAL_MAX; with the latest of them in the bucket that tells how common the
 * value is.
 */
struct posting {
	uint32_t key;  /* value << 8 | ordinal */
	uint32_t base; /* its number; NONE: free */
};

/*
 * Buckets of a fixed size instead of chains: a lookup costs one or two cache lines, and
 * what falls into one bucket by chance or design displaces itself and nothing else.
 */
struct vv_similar {
	struct posting *postings; /* owned; buckets, each filled from its front */
	uint32_t bucket_count;	  /* a power of two, or 0 */
	uint64_t used;
	struct vv_base *bases; /* owned; a ring by number */
	uint32_t base_count, base_room;
};

int vv_similar_new(struct vv_similar **out)
{
	*out = calloc(1, sizeof **out);
	return *out ? VV_OK : VV_ENOMEM;
}

void vv_similar_free(struct vv_similar *s)
{
	if (!s)
		return;
	free(s->postings);
	free(s->bases);
	free(s);
}

static struct posting *bucket_of(const struct vv_similar *s, uint32_t value)
{
	return s->postings + ((uint64_t)value * s->bucket_count >> 24) * BUCKET;
}

static bool is_free(const struct posting *p)
{
	return p->base == NONE;
}

static bool is_of(const struct posting *p, uint32_t value)
{
	return !is_free(p) && p->key >> 8 == value;
}

/* Where a new posting goes: a free place, or the oldest one's. */
static struct posting *place_in(struct posting *bucket)
{
	struct posting *place = bucket;

	for (struct posting *p = bucket; p < bucket + BUCKET; p++) {
		if (is_free(p))
			return p;
		if (p->base < place->base)
			place = p;
	}
	return place;
}

/* How many postings @value ever had, as far as the bucket remembers. */
static uint32_t ordinal_in(const struct posting *bucket, uint32_t value)
{
	uint32_t ordinal = 0;

	for (const struct posting *p = bucket; p < bucket + BUCKET; p++)
		if (is_of(p, value) && (p->key & ORDINAL_MAX) >= ordinal)
			ordinal = (p->key & ORDINAL_MAX) + 1;
	return ordinal;
}

static void put(struct vv_similar *s, uint32_t value, uint32_t base)
{
	struct posting *bucket = bucket_of(s, value), *place = place_in(bucket);
	uint32_t ordinal = ordinal_in(bucket, value);

	s->used += is_free(place);
	place->key = value << 8 | (ordinal < ORDINAL_MAX ? ordinal : ORDINAL_MAX);
	place->base = base;
}

/* Each bucket becomes two or more, so none of those overflows. */
static int grow_buckets(struct vv_similar *s, uint32_t count)
{
	struct posting *old = s->postings;
	size_t old_room = (size_t)s->bucket_count * BUCKET;
	size_t room = (size_t)count * BUCKET;
	struct posting *postings = malloc(room * sizeof *postings);

	if (!postings)
		return VV_ENOMEM;
	for (size_t i = 0; i < room; i++)
		postings[i] = (struct posting){ 0, NONE };
	s->postings = postings;
	s->bucket_count = count;
	for (size_t i = 0; i < old_room; i++)
		if (!is_free(&old[i]))
			*place_in(bucket_of(s, old[i].key >> 8)) = old[i];
	free(old);
	return VV_OK;
}

static int grow_bases(struct vv_similar *s)
{
	uint32_t room = s->base_room ? s->base_room * 2 : BASES_MIN;
	struct vv_base *more = realloc(s->bases, room * sizeof *more);

	if (!more)
		return VV_ENOMEM;
	s->bases = more;
	s->base_room = room;
	return VV_OK;
}

/* At most half full: then about one bucket in fifty overflows. */
int vv_similar_reserve(struct vv_similar *s, uint64_t values)
{
	uint64_t room = (s->used + vv_min_u64(values, UINT32_MAX)) * 2;
	uint32_t count = s->bucket_count ? s->bucket_count : BUCKETS_MIN;

	while ((uint64_t)count * BUCKET < room && count < BUCKETS_MAX)
		count *= 2;
	return count == s->bucket_count ? VV_OK : grow_buckets(s, count);
}

int vv_similar_add(struct vv_similar *s, const struct vv_sketch *sketch,
		   struct vv_base base)
{
	int err = VV_OK;

	if (s->base_count == NONE)
		return VV_OK;
	if (s->base_count == s->base_room && s->base_room < BASES_MAX)
		err = grow_bases(s);
	if (!err)
		err = vv_similar_reserve(s, sketch->count);
	if (err)
		return err;
	for (uint32_t i = 0; i < sketch->count; i++)
		put(s, sketch->values[i], s->base_count);
	s->bases[s->base_count++ % s->base_room] = base;
	return VV_OK;
}

/* ---- picking ---- */

struct vote {
	uint32_t base, weight;
};

/* What is in many frames tells little. */
static uint32_t weight_of(uint32_t postings)
{
	return postings <= 4 ? 4 : postings <= 16 ? 3 : postings <= 64 ? 2 : 1;
}

static size_t vote(const struct vv_similar *s, uint32_t value, struct vote *votes)
{
	const struct posting *bucket = bucket_of(s, value);
	uint32_t weight = weight_of(ordinal_in(bucket, value));
	size_t count = 0;

	for (const struct posting *p = bucket; p < bucket + BUCKET; p++)
		if (is_of(p, value) && s->base_count - p->base <= s->base_room)
			votes[count++] = (struct vote){ p->base, weight };
	return count;
}

static int compare_bases(const void *a, const void *b)
{
	const struct vote *x = a, *y = b;

	return (x->base > y->base) - (x->base < y->base);
}

/* Makes one of all votes for the same base; they are in the order of the bases then. */
static size_t sum_up(struct vote *votes, size_t count)
{
	size_t sums = 0;

	qsort(votes, count, sizeof *votes, compare_bases);
	for (size_t i = 0; i < count; i++) {
		if (sums && votes[sums - 1].base == votes[i].base)
			votes[sums - 1].weight += votes[i].weight;
		else
			votes[sums++] = votes[i];
	}
	return sums;
}

/* Inserts @v into the @count best; of equal ones the later comes first. */
static size_t rank(struct vote best[VV_SIMILAR_PICKS], size_t count, struct vote v)
{
	size_t at = count;

	while (at > 0 && best[at - 1].weight <= v.weight)
		at--;
	if (at == VV_SIMILAR_PICKS)
		return count;
	if (count < VV_SIMILAR_PICKS)
		count++;
	memmove(&best[at + 1], &best[at], (count - 1 - at) * sizeof *best);
	best[at] = v;
	return count;
}

size_t vv_similar_pick(const struct vv_similar *s, const struct vv_sketch *sketch,
		       struct vv_base out[VV_SIMILAR_PICKS])
{
	struct vote votes[VV_SKETCH_MAX * BUCKET], best[VV_SIMILAR_PICKS];
	size_t count = 0, picked = 0;

	if (!s->bucket_count)
		return 0;
	for (uint32_t i = 0; i < sketch->asked_count; i++)
		count += vote(s, sketch->values[i], votes + count);
	count = sum_up(votes, count);
	for (size_t i = 0; i < count; i++)
		if (votes[i].weight >= VOTES_MIN)
			picked = rank(best, picked, votes[i]);
	for (size_t i = 0; i < picked; i++)
		out[i] = s->bases[best[i].base % s->base_room];
	return picked;
}
