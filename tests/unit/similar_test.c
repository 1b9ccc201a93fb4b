#include "store/similar.h"

#include "core/err.h"
#include "test.h"

#include <string.h>

enum {
	SLICE = 64 * 1024,
};

static uint8_t bytes[VV_FRAME_MAX], other[VV_FRAME_MAX];

/* splitmix64: streams of neighbouring seeds have nothing in common. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t n = *state += UINT64_C(0x9e3779b97f4a7c15);

	n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
	return n ^ n >> 31;
}

static void fill_noise(uint8_t *to, size_t len, uint64_t seed)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)random_next(&seed);
}

static size_t count_common(const struct vv_sketch *a, const struct vv_sketch *b)
{
	size_t common = 0;

	for (uint32_t i = 0, k = 0; i < a->count && k < b->count;) {
		common += a->values[i] == b->values[k];
		if (a->values[i] < b->values[k])
			i++;
		else
			k++;
	}
	return common;
}

static void check_form(const struct vv_sketch *s)
{
	CHECK(s->count <= s->asked_count && s->asked_count <= VV_SKETCH_MAX);
	for (uint32_t i = 0; i < s->asked_count; i++)
		CHECK(s->values[i] <= VV_SKETCH_VALUE_MAX &&
		      (i == 0 || i == s->count || s->values[i] > s->values[i - 1]));
}

/* ---- sketches ---- */

static void a_sketch_grows_with_the_frame_to_a_limit(void)
{
	static const struct {
		size_t len;
		uint32_t count, asked_count;
	} cases[] = { { 0, 0, 0 },
		      { 15, 0, 0 },
		      { 32 * 1024, 12, 24 },
		      { SLICE, 24, 48 },
		      { VV_FRAME_MAX, 96, 192 } };
	struct vv_sketch s;

	fill_noise(bytes, sizeof bytes, 1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		vv_sketch_make(&s, bytes, cases[i].len);
		CHECK_INT(s.count, cases[i].count);
		CHECK_INT(s.asked_count, cases[i].asked_count);
		check_form(&s);
	}
}

/* Packs of other versions are found by these: see the rule in the header. */
static void values_never_change_between_versions(void)
{
	struct vv_sketch s;

	fill_noise(bytes, SLICE, 1);
	vv_sketch_make(&s, bytes, SLICE);
	CHECK_INT(s.values[0], 113045);
	CHECK_INT(s.values[1], 350992);
	CHECK_INT(s.values[24], 422397);
	CHECK_INT(s.values[47], 16467025);
}

static void content_that_moved_has_the_same_sketch(void)
{
	struct vv_sketch a, b;

	fill_noise(bytes, SLICE, 2);
	fill_noise(other, 1000, 3);
	memcpy(other + 1000, bytes, SLICE - 1000);
	vv_sketch_make(&a, bytes, SLICE);
	vv_sketch_make(&b, other, SLICE);
	CHECK(count_common(&a, &b) >= 21);
	fill_noise(other, SLICE, 4);
	vv_sketch_make(&b, other, SLICE);
	CHECK_INT(count_common(&a, &b), 0);
}

static void content_that_repeats_itself_is_sketched_all_the_same(void)
{
	struct vv_sketch s;

	for (size_t period = 1; period < 5000; period = period * 3 + 1) {
		fill_noise(bytes, period, period);
		for (size_t i = period; i < sizeof bytes; i++)
			bytes[i] = bytes[i - period];
		vv_sketch_make(&s, bytes, sizeof bytes);
		check_form(&s);
		CHECK(s.asked_count <= period);
	}
}

/* ---- the index ---- */

/* Values that no other seed has, or only by chance. */
static struct vv_sketch made_up(uint32_t seed, uint32_t count)
{
	struct vv_sketch s = { .count = count, .asked_count = count };
	uint32_t step = VV_SKETCH_VALUE_MAX / count;
	uint64_t state = (uint64_t)seed << 32;

	for (uint32_t i = 0; i < count; i++)
		s.values[i] = i * step + (uint32_t)(random_next(&state) % step);
	return s;
}

static struct vv_similar *new_index(void)
{
	struct vv_similar *s;

	CHECK_INT(vv_similar_new(&s), VV_OK);
	return s;
}

static void add(struct vv_similar *s, const struct vv_sketch *sketch, uint32_t index)
{
	CHECK_INT(vv_similar_add(s, sketch, (struct vv_base){ index / 10, index }),
		  VV_OK);
}

static void nothing_resembles_what_is_new(void)
{
	struct vv_similar *s = new_index();
	struct vv_base out[VV_SIMILAR_PICKS];
	struct vv_sketch one = made_up(1, 48), two = made_up(2, 48), none = { 0 };

	CHECK_INT(vv_similar_pick(s, &one, out), 0);
	add(s, &none, 0);
	CHECK_INT(vv_similar_pick(s, &one, out), 0);
	add(s, &two, 1);
	CHECK_INT(vv_similar_pick(s, &one, out), 0);
	CHECK_INT(vv_similar_pick(s, &none, out), 0);
	vv_similar_free(s);
}

static void the_base_with_most_in_common_comes_first(void)
{
	struct vv_similar *s = new_index();
	struct vv_base out[VV_SIMILAR_PICKS];
	struct vv_sketch wanted = made_up(1, 48), part;

	for (uint32_t n = 0; n < 6; n++) {
		part = wanted;
		part.count = 10 + 5 * ((n + 3) % 6); /* most in common: 2 */
		add(s, &part, 10 * n);
	}
	CHECK_INT(vv_similar_pick(s, &wanted, out), 4);
	CHECK(out[0].index == 20 && out[0].pack == 2);
	CHECK(out[1].index == 10 && out[2].index == 0 && out[3].index == 50);
	vv_similar_free(s);
}

static void of_equal_bases_the_later_comes_first(void)
{
	struct vv_similar *s = new_index();
	struct vv_base out[VV_SIMILAR_PICKS];
	struct vv_sketch wanted = made_up(1, 48);

	for (uint32_t n = 0; n < 7; n++)
		add(s, &wanted, n);
	CHECK_INT(vv_similar_pick(s, &wanted, out), VV_SIMILAR_PICKS);
	for (uint32_t i = 0; i < VV_SIMILAR_PICKS; i++)
		CHECK_INT(out[i].index, 6 - i);
	vv_similar_free(s);
}

static void one_value_in_common_is_chance(void)
{
	struct vv_similar *s = new_index();
	struct vv_base out[VV_SIMILAR_PICKS];
	struct vv_sketch wanted = made_up(1, 48), part = wanted;

	part.count = 1;
	add(s, &part, 1);
	CHECK_INT(vv_similar_pick(s, &wanted, out), 0);
	part.count = 2;
	add(s, &part, 2);
	CHECK_INT(vv_similar_pick(s, &wanted, out), 1);
	CHECK_INT(out[0].index, 2);
	vv_similar_free(s);
}

static void what_all_frames_have_tells_little(void)
{
	struct vv_similar *s = new_index();
	struct vv_base out[VV_SIMILAR_PICKS];
	struct vv_sketch common = made_up(1, 7), wanted = common;

	for (uint32_t n = 0; n < 300; n++)
		add(s, &common, n);
	CHECK_INT(vv_similar_pick(s, &wanted, out), 0); /* 7 votes at most */
	vv_similar_free(s);
}

static void many_bases_are_found_again(void)
{
	enum {
		COUNT = 20000
	};
	struct vv_similar *s = new_index();
	struct vv_base out[VV_SIMILAR_PICKS];
	size_t found = 0;

	for (uint32_t n = 0; n < COUNT; n++) {
		struct vv_sketch sketch = made_up(n, 48);

		add(s, &sketch, n);
	}
	for (uint32_t n = 0; n < COUNT; n++) {
		struct vv_sketch sketch = made_up(n, 48);

		found += vv_similar_pick(s, &sketch, out) > 0 && out[0].index == n;
	}
	CHECK_INT(found, COUNT);
	vv_similar_free(s);
}

static void old_bases_fade_out_when_the_index_is_full(void)
{
	enum {
		COUNT = 90000, /* of 256 values: thrice what there is room for */
	};
	struct vv_similar *s = new_index();
	struct vv_base out[VV_SIMILAR_PICKS];
	size_t old = 0, late = 0;

	for (uint32_t n = 0; n < COUNT; n++) {
		struct vv_sketch sketch = made_up(n, VV_SKETCH_MAX);

		add(s, &sketch, n);
	}
	for (uint32_t n = 0; n < 500; n++) {
		struct vv_sketch first = made_up(n, VV_SKETCH_MAX),
				 last = made_up(COUNT - 500 + n, VV_SKETCH_MAX);

		old += vv_similar_pick(s, &first, out) > 0 && out[0].index == n;
		late += vv_similar_pick(s, &last, out) > 0 &&
			out[0].index == COUNT - 500 + n;
	}
	CHECK_INT(late, 500);
	CHECK(old < 5);
	vv_similar_free(s);
}

int main(void)
{
	RUN(a_sketch_grows_with_the_frame_to_a_limit);
	RUN(values_never_change_between_versions);
	RUN(content_that_moved_has_the_same_sketch);
	RUN(content_that_repeats_itself_is_sketched_all_the_same);
	RUN(nothing_resembles_what_is_new);
	RUN(the_base_with_most_in_common_comes_first);
	RUN(of_equal_bases_the_later_comes_first);
	RUN(one_value_in_common_is_chance);
	RUN(what_all_frames_have_tells_little);
	RUN(many_bases_are_found_again);
	RUN(old_bases_fade_out_when_the_index_is_full);
	return test_report();
}
