#include "codec/chunk.h"

#include "codec/hash.h"
#include "core/arith.h"
#include "core/err.h"
#include "test.h"

#include "codec/gear_table.h"

enum {
	BLOB = 1 << 20,
	MAX_CUTS = 4096
};

static const struct vv_chunk_params params = { 2048, 8192, 65536, 15, 11 };
static uint8_t blob[BLOB + 1];

static void fill_noise(uint64_t state)
{
	for (size_t i = 0; i < sizeof blob; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		blob[i] = (uint8_t)(state >> 56);
	}
}

/* Cuts all of @bytes and returns the number of chunks; @ends may be NULL. */
static size_t cut_all(const uint8_t *bytes, size_t len, size_t *ends)
{
	size_t at = 0, count = 0;

	while (at < len) {
		size_t n = vv_chunk_next(&params, bytes + at, len - at, true);

		CHECK(n > 0 && n <= params.max_bytes && n <= len - at);
		CHECK(n >= params.min_bytes || at + n == len);
		at += n;
		CHECK(count < MAX_CUTS);
		if (ends)
			ends[count] = at;
		count++;
	}
	return count;
}

static void the_table_follows_its_rule(void)
{
	for (unsigned i = 0; i < 256; i++) {
		uint8_t byte = (uint8_t)i;
		struct vv_id id;

		vv_hash_id(&id, &byte, 1);
		CHECK(gear[i] == vv_get_le64(id.bytes));
	}
}

static void chunks_are_about_the_average(void)
{
	size_t count;

	fill_noise(1);
	count = cut_all(blob, BLOB, NULL);
	CHECK(count > BLOB / 8192 * 2 / 3 && count < BLOB / 8192 * 3 / 2);
}

/*
 * The numbers come from a second implementation of the rule, in Python.  Other
 * cuts would be right as well, but new packs would stop sharing with old ones.
 */
static void cuts_never_change_between_versions(void)
{
	size_t ends[MAX_CUTS];

	fill_noise(1);
	CHECK_INT(cut_all(blob, BLOB, ends), 116);
	CHECK_INT(ends[0], 9726);
	CHECK_INT(ends[1], 18533);
	CHECK_INT(ends[2], 27964);
	CHECK_INT(ends[114], 1044162);
}

static void an_insertion_moves_only_the_cuts_near_it(void)
{
	static size_t before[MAX_CUTS], after[MAX_CUTS];
	size_t count, changed = 0, j = 0;

	fill_noise(2);
	count = cut_all(blob, BLOB, before);
	memmove(blob + 300001, blob + 300000, BLOB - 300000);
	cut_all(blob, BLOB + 1, after);
	for (size_t i = 0; i < count; i++) {
		size_t want = before[i] + (before[i] > 300000);

		while (after[j] < want)
			j++;
		if (after[j] != want)
			changed++;
	}
	CHECK(changed <= 4);
}

static void the_answer_does_not_depend_on_what_follows(void)
{
	size_t whole;

	fill_noise(3);
	for (size_t at = 0; at + 2 * params.max_bytes < BLOB; at += whole) {
		whole = vv_chunk_next(&params, blob + at, BLOB - at, true);
		CHECK_INT(vv_chunk_next(&params, blob + at, params.max_bytes, false),
			  whole);
		CHECK_INT(vv_chunk_next(&params, blob + at, whole, true), whole);
		CHECK_INT(vv_chunk_next(&params, blob + at, whole - 1, false), 0);
	}
}

/* Where no place looks like a cut, content still decides: the same place in both. */
static void a_forced_cut_moves_with_its_content(void)
{
	const struct vv_chunk_params rare = { 2048, 4096, 8192, 32, 32 };
	size_t cut;

	fill_noise(5);
	cut = vv_chunk_next(&rare, blob, BLOB, true);
	CHECK(cut > 4096 && cut < 8192);
	CHECK_INT(vv_chunk_next(&rare, blob + 100, BLOB - 100, true), cut - 100);
}

static void bytes_without_variety_are_cut_at_the_limit(void)
{
	memset(blob, 0, BLOB);
	CHECK_INT(vv_chunk_next(&params, blob, BLOB, true), params.max_bytes);
	CHECK_INT(vv_chunk_next(&params, blob, params.max_bytes, false),
		  params.max_bytes);
	CHECK_INT(vv_chunk_next(&params, blob, params.max_bytes - 1, false), 0);
	CHECK_INT(vv_chunk_next(&params, blob, 5, true), 5);
	CHECK_INT(vv_chunk_next(&params, blob, 0, true), 0);
}

static void equal_limits_cut_at_fixed_sizes(void)
{
	const struct vv_chunk_params fixed = { 4096, 4096, 4096, 1, 1 };

	fill_noise(4);
	CHECK_INT(vv_chunk_params_check(&fixed), VV_OK);
	CHECK_INT(vv_chunk_next(&fixed, blob, BLOB, true), 4096);
	CHECK_INT(vv_chunk_next(&fixed, blob, 4096, false), 4096);
	CHECK_INT(vv_chunk_next(&fixed, blob, 4095, false), 0);
	CHECK_INT(vv_chunk_next(&fixed, blob, 4095, true), 4095);
}

static void senseless_parameters_are_refused(void)
{
	static const struct vv_chunk_params bad[] = {
		{ 3, 64, 65, 10, 8 },	 { 256, 128, 512, 10, 8 },
		{ 64, 128, 127, 10, 8 }, { 64, 128, 256, 33, 8 },
		{ 64, 128, 256, 8, 10 }, { 64, 128, 256, 8, 0 },
	};

	CHECK_INT(vv_chunk_params_check(&params), VV_OK);
	CHECK_INT(vv_chunk_params_check(&(struct vv_chunk_params){ 4, 4, 4, 1, 1 }),
		  VV_OK);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_INT(vv_chunk_params_check(&bad[i]), VV_EINVAL);
}

int main(void)
{
	RUN(the_table_follows_its_rule);
	RUN(chunks_are_about_the_average);
	RUN(cuts_never_change_between_versions);
	RUN(an_insertion_moves_only_the_cuts_near_it);
	RUN(the_answer_does_not_depend_on_what_follows);
	RUN(a_forced_cut_moves_with_its_content);
	RUN(bytes_without_variety_are_cut_at_the_limit);
	RUN(equal_limits_cut_at_fixed_sizes);
	RUN(senseless_parameters_are_refused);
	return test_report();
}
