#include "store/sharing.h"

#include "core/err.h"
#include "lib/memory_input.h"
#include "lib/teststore.h"
#include "store/publish.h"
#include "store/store.h"
#include "test.h"

enum {
	SIZE = 40000
};

static struct test_store ts;
static struct vv_sharing s;
static uint8_t a[SIZE], b[SIZE], c[SIZE], d[SIZE];

static void publish(const char *ref, const struct memory_entry *entries, size_t count)
{
	struct vv_publish_options opts = { .level = 1, .jobs = 1 };
	struct vv_input *in = memory_input_new(entries, count);
	struct vv_id tree;

	CHECK_INT(vv_publish(ts.store, ref, in, &opts, NULL, &tree), VV_OK);
	vv_input_free(in);
}

/* x and z are of one family, y and w of another; names alternate. */
static void publish_families(void)
{
	struct memory_entry x[] = { { .path = "1", .content = a, .size = SIZE },
				    { .path = "2", .content = b, .size = SIZE } };
	struct memory_entry y[] = { { .path = "1", .content = c, .size = SIZE } };
	struct memory_entry z[] = { { .path = "1", .content = b, .size = SIZE } };
	struct memory_entry w[] = { { .path = "2", .content = d, .size = 10000 },
				    { .path = "3", .content = c, .size = SIZE } };

	test_store_make(&ts);
	publish("a-x", x, 2);
	publish("b-y", y, 1);
	publish("c-z", z, 1);
	publish("d-w", w, 2);
	CHECK_INT(vv_sharing_get(ts.store, &s), VV_OK);
	CHECK_INT(s.usage.refs.count, 4);
}

static void what_two_refs_share_is_what_both_need(void)
{
	uint64_t z_frames;

	publish_families();
	z_frames = s.usage.items[2].needed_bytes - s.usage.items[2].tree_bytes;
	CHECK(z_frames > 0);
	CHECK_INT(vv_sharing_bytes(&s, 0, 2), z_frames);
	CHECK_INT(vv_sharing_bytes(&s, 2, 0), z_frames);
	CHECK_INT(vv_sharing_bytes(&s, 0, 1), 0);
	for (size_t i = 0; i < 4; i++)
		CHECK_INT(vv_sharing_bytes(&s, i, i), s.usage.items[i].needed_bytes);
	CHECK(vv_sharing_likeness(&s, 0, 2) > 0.9);
	CHECK(vv_sharing_likeness(&s, 0, 3) == 0);
	vv_sharing_fini(&s);
	test_store_drop(&ts);
}

static size_t place_of(size_t ref)
{
	size_t at = 0;

	while (s.order[at] != ref)
		at++;
	return at;
}

static void families_are_neighbours(void)
{
	bool is_there[4] = { 0 };

	publish_families();
	for (size_t i = 0; i < 4; i++)
		is_there[s.order[i]] = true;
	for (size_t i = 0; i < 4; i++)
		CHECK(is_there[i]);
	CHECK_INT(place_of(0) ^ 1, place_of(2)); /* both in one half */
	CHECK_INT(place_of(1) ^ 1, place_of(3));
	vv_sharing_fini(&s);
	test_store_drop(&ts);
}

static void two_names_of_one_tree_are_fully_alike(void)
{
	struct memory_entry x[] = { { .path = "1", .content = a, .size = SIZE } };

	test_store_make(&ts);
	publish("one", x, 1);
	CHECK_INT(vv_publish_tag(ts.store, "one", "two"), VV_OK);
	CHECK_INT(vv_sharing_get(ts.store, &s), VV_OK);
	CHECK_INT(vv_sharing_bytes(&s, 0, 1), s.usage.items[0].needed_bytes);
	CHECK(vv_sharing_likeness(&s, 0, 1) == 1);
	CHECK_INT(s.usage.items[0].own_bytes, 0);
	vv_sharing_fini(&s);
	test_store_drop(&ts);
}

static void a_store_without_refs_shares_nothing(void)
{
	test_store_make(&ts);
	CHECK_INT(vv_sharing_get(ts.store, &s), VV_OK);
	CHECK_INT(s.usage.refs.count, 0);
	vv_sharing_fini(&s);
	vv_sharing_fini(&s);
	test_store_drop(&ts);
}

/* Like neighbours in a chain: each shares one file with the next, the ends nothing. */
static void a_chain_of_versions_is_laid_out_in_its_order(void)
{
	enum {
		COUNT = 9
	};
	static const char *const names[COUNT] = { "e", "b", "h", "a", "i",
						  "c", "g", "d", "f" };
	static uint8_t bytes[COUNT + 1][5000];
	size_t down = 0, up = 0;

	test_store_make(&ts);
	for (size_t i = 0; i <= COUNT; i++)
		test_fill(bytes[i], sizeof bytes[i], 100 + i);
	for (size_t i = 0; i < COUNT; i++) {
		size_t n = (size_t)(names[i][0] - 'a');
		struct memory_entry files[] = {
			{ .path = "1", .content = bytes[n], .size = 5000 },
			{ .path = "2", .content = bytes[n + 1], .size = 5000 }
		};

		publish(names[i], files, 2);
	}
	CHECK_INT(vv_sharing_get(ts.store, &s), VV_OK);
	for (size_t i = 0; i + 1 < COUNT; i++) {
		up += s.order[i + 1] == s.order[i] + 1;
		down += s.order[i] == s.order[i + 1] + 1;
	}
	CHECK(up == COUNT - 1 || down == COUNT - 1);
	vv_sharing_fini(&s);
	test_store_drop(&ts);
}

int main(void)
{
	test_fill(a, SIZE, 1);
	test_fill(b, SIZE, 2);
	test_fill(c, SIZE, 3);
	test_fill(d, SIZE, 4);
	RUN(what_two_refs_share_is_what_both_need);
	RUN(families_are_neighbours);
	RUN(two_names_of_one_tree_are_fully_alike);
	RUN(a_store_without_refs_shares_nothing);
	RUN(a_chain_of_versions_is_laid_out_in_its_order);
	return test_report();
}
