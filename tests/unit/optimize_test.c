/* posix: removes packs that are mapped */
#include "store/optimize.h"

#include "core/err.h"
#include "lib/memory_input.h"
#include "lib/teststore.h"
#include "source/source.h"
#include "store/gc.h"
#include "store/publish.h"
#include "store/store.h"
#include "test.h"

#include <stdlib.h>

enum {
	SIZE = 300 * 1000,
	SMALL = 3000,
};

static struct test_store ts;
static struct vv_optimize_stats stats;
static uint8_t first[SIZE], second[SIZE], third[SIZE];

static struct vv_id publish(const char *ref, const struct memory_entry *entries,
			    size_t count)
{
	struct vv_publish_options opts = { .level = 1, .jobs = 1 };
	struct vv_input *in = memory_input_new(entries, count);
	struct vv_id tree;

	CHECK_INT(vv_publish(ts.store, ref, in, &opts, NULL, &tree), VV_OK);
	vv_input_free(in);
	return tree;
}

static void gc(void)
{
	struct vv_gc_options opts = { 0 };
	struct vv_gc_stats done;

	CHECK_INT(vv_gc(ts.store, &opts, &done), VV_OK);
}

static struct vv_optimize_options quick(void)
{
	return (struct vv_optimize_options){ .jobs = 1 };
}

static void optimize(const struct vv_optimize_options *opts)
{
	CHECK_INT(vv_optimize(ts.store, opts, &stats), VV_OK);
}

/* Packs, and bytes in them. */
static uint64_t packs(unsigned *count)
{
	struct vv_pack_set *set;
	uint64_t bytes = 0;

	CHECK_INT(vv_store_packs_refresh(ts.store, &set), VV_OK);
	*count = (unsigned)vv_pack_set_count(set);
	for (size_t i = 0; i < *count; i++)
		bytes += vv_pack_set_size(set, i);
	vv_pack_set_unref(set);
	return bytes;
}

static unsigned pack_count(void)
{
	unsigned count;

	packs(&count);
	return count;
}

/* ---- small packs ---- */

static const struct memory_entry trees[4][3] = {
	{ { .path = "cc", .content = first, .size = SIZE },
	  { .path = "a.h", .content = first + 1000, .size = SMALL } },
	{ { .path = "cc", .content = second, .size = SIZE },
	  { .path = "a.h", .content = first + 1000, .size = SMALL },
	  { .path = "b.h", .content = second + 2000, .size = SMALL } },
	{ { .path = "cc", .content = third, .size = SIZE },
	  { .path = "d/e/c.h", .content = third + 9000, .size = SMALL } },
	{ { .path = "d/x", .content = third + 500, .size = SIZE / 2 } },
};
static const char *const names[4] = { "1", "2", "3", "4" };
static const size_t counts[4] = { 2, 3, 2, 1 };

static struct vv_id ids[4];

static void publish_all(void)
{
	test_store_make(&ts);
	for (size_t i = 0; i < 4; i++)
		ids[i] = publish(names[i], trees[i], counts[i]);
	CHECK_INT(pack_count(), 4);
}

static void expect_all(void)
{
	for (size_t i = 0; i < 4; i++) {
		struct vv_ref ref;

		CHECK_INT(vv_ref_get(ts.store, names[i], &ref), VV_OK);
		CHECK(vv_id_equal(&ref.tree, &ids[i]));
		expect_published(ts.store, names[i], trees[i], counts[i]);
	}
}

static void small_packs_become_one_and_gc_frees_them(void)
{
	struct vv_optimize_options opts = quick();

	publish_all();
	optimize(&opts);
	CHECK_INT(stats.packs, 4);
	CHECK_INT(stats.packs_old, 4);
	CHECK_INT(stats.packs_new, 1);
	CHECK(stats.is_condemned);
	CHECK_INT(pack_count(), 5);
	expect_all();
	gc();
	CHECK_INT(pack_count(), 1);
	expect_all();
	test_store_drop(&ts);
}

static void what_was_written_anew_is_not_again(void)
{
	struct vv_optimize_options opts = quick();

	publish_all();
	optimize(&opts);
	for (int collect = 0; collect < 2; collect++) {
		optimize(&opts);
		CHECK_INT(stats.packs_old, 0);
		CHECK_INT(stats.packs_new, 0);
		gc();
	}
	opts.level = 3; /* below the default, which it has */
	optimize(&opts);
	CHECK_INT(stats.packs_old, 0);
	opts.level = 19;
	optimize(&opts);
	CHECK_INT(stats.packs_old, 1);
	CHECK_INT(stats.packs_new, 1);
	optimize(&opts);
	CHECK_INT(stats.packs_old, 0);
	gc();
	CHECK_INT(pack_count(), 1);
	expect_all();
	test_store_drop(&ts);
}

/* What was spent on a pack once is not lost when it is put together with others. */
static void the_level_of_what_was_written_anew_is_kept(void)
{
	struct vv_optimize_options opts = quick();

	test_store_make(&ts);
	publish("1", trees[0], counts[0]);
	opts.level = 17;
	optimize(&opts);
	publish("2", trees[1], counts[1]);
	opts.level = 0;
	optimize(&opts);
	CHECK_INT(stats.packs_new, 1);
	opts.level = 17;
	optimize(&opts);
	CHECK_INT(stats.packs_old, 0);
	opts.level = 18;
	optimize(&opts);
	CHECK_INT(stats.packs_old, 1);
	test_store_drop(&ts);
}

static void a_dry_run_writes_nothing(void)
{
	struct vv_optimize_options opts = quick();

	publish_all();
	opts.dry_run = true;
	optimize(&opts);
	CHECK_INT(stats.packs_old, 4);
	CHECK(stats.bytes > 3 * SIZE && !stats.is_condemned);
	CHECK_INT(pack_count(), 4);
	gc();
	CHECK_INT(pack_count(), 4);
	test_store_drop(&ts);
}

static void one_small_pack_stays_as_it_is(void)
{
	struct vv_optimize_options opts = quick();

	test_store_make(&ts);
	publish("1", trees[0], 2);
	optimize(&opts);
	CHECK_INT(stats.packs_old, 0);
	CHECK_INT(pack_count(), 1);
	test_store_drop(&ts);
}

static void a_store_without_refs_has_nothing_to_write(void)
{
	struct vv_optimize_options opts = quick();

	test_store_make(&ts);
	optimize(&opts);
	CHECK_INT(stats.packs, 0);
	CHECK(stats.is_condemned);
	publish("1", trees[0], 2);
	CHECK_INT(vv_ref_remove(ts.store, "1"), VV_OK);
	opts.level = 19;
	optimize(&opts);
	CHECK_INT(stats.packs_old, 0);
	test_store_drop(&ts);
}

/* ---- garbage ---- */

/* Half of the pack of both is needed by `kept` alone, as blobs, bases and slices. */
static void publish_garbage(void)
{
	static const struct memory_entry both[] = {
		{ .path = "one", .content = first, .size = SIZE },
		{ .path = "two", .content = third, .size = SIZE },
	};
	/* Like the first: its frames refer to that one's, some are the same. */
	static const struct memory_entry kept[] = {
		{ .path = "like", .content = second, .size = SIZE },
	};

	test_store_make(&ts);
	publish("both", both, 2);
	publish("kept", kept, 1);
	CHECK_INT(vv_ref_remove(ts.store, "both"), VV_OK);
	gc();
	CHECK_INT(pack_count(), 2); /* the first lives for its frames */
}

static void expect_kept(void)
{
	static const struct memory_entry kept[] = {
		{ .path = "like", .content = second, .size = SIZE },
	};

	expect_published(ts.store, "kept", kept, 1);
}

/* The other pack stays, so what it refers to has to be written with no blob of its own. */
static void what_a_pack_that_stays_refers_to_is_carried(void)
{
	struct vv_optimize_options opts = quick();
	unsigned count;
	uint64_t before;

	publish_garbage();
	before = packs(&count);
	opts.small_bytes = 1;
	optimize(&opts);
	CHECK_INT(stats.packs_old, 1);
	CHECK(stats.garbage_bytes > SIZE / 4);
	CHECK_INT(stats.blobs, 0);
	CHECK_INT(stats.packs_new, 1);
	gc();
	CHECK(packs(&count) < before - SIZE / 4);
	CHECK_INT(count, 2);
	expect_kept();
	optimize(&opts);
	CHECK_INT(stats.packs_old, 0);
	test_store_drop(&ts);
}

static void garbage_goes_with_packs_that_are_put_together(void)
{
	struct vv_optimize_options opts = quick();

	publish_garbage();
	optimize(&opts);
	CHECK_INT(stats.packs_old, 2);
	gc();
	CHECK_INT(pack_count(), 1);
	expect_kept();
	test_store_drop(&ts);
}

static int copy_object(void *ctx, const char *key, const struct vv_object_info *info)
{
	struct test_store *from = ctx;
	char *bytes;
	size_t len;

	(void)info;
	CHECK_INT(vv_source_get_whole(from->source, key, 1 << 30, &bytes, &len), VV_OK);
	CHECK_INT(vv_source_put(ts.source, key, bytes, len, VV_PUT_NEW), VV_OK);
	free(bytes);
	return VV_OK;
}

/* As a publisher leaves it that ran at the same time and knew of nothing else. */
static void publish_from_elsewhere(const char *ref, const struct memory_entry *entries,
				   size_t count)
{
	struct test_store here = ts, other;

	test_store_make(&ts);
	publish(ref, entries, count);
	other = ts;
	ts = here;
	CHECK_INT(vv_source_list(other.source, "packs/", copy_object, &other), VV_OK);
	CHECK_INT(vv_source_list(other.source, "trees/", copy_object, &other), VV_OK);
	CHECK_INT(vv_source_list(other.source, "refs/", copy_object, &other), VV_OK);
	test_store_drop(&other);
}

/* However like something else it is: what refers to it would be lost. */
static void a_base_is_carried_as_a_base(void)
{
	static uint8_t like[SIZE];
	const struct memory_entry entries[] = {
		{ .path = "other", .content = like, .size = SIZE },
	};
	struct vv_optimize_options opts = quick();

	publish_garbage();
	memcpy(like, first, SIZE);
	for (size_t i = 500; i < SIZE; i += 7000)
		like[i] ^= 1;
	publish_from_elsewhere("other", entries, 1);
	opts.small_bytes = 1;
	optimize(&opts);
	CHECK_INT(stats.packs_old, 1);
	gc();
	CHECK_INT(pack_count(), 3);
	expect_kept();
	expect_published(ts.store, "other", entries, 1);
	optimize(&opts);
	CHECK_INT(stats.packs_old, 0);
	test_store_drop(&ts);
}

/* ---- ends before the end ---- */

static int stop(void *ctx, const struct vv_optimize_stats *so_far, uint64_t done,
		uint64_t total)
{
	unsigned *left = ctx;

	(void)so_far;
	CHECK(total > 0 && done <= total + VV_FRAME_MAX);
	return *left == 0 || --*left == 0;
}

static void an_interrupted_run_leaves_the_store_as_good(void)
{
	publish_all();
	for (unsigned n = 1; n < 12; n++) {
		struct vv_optimize_options opts = quick();
		unsigned left = n;

		opts.progress = stop;
		opts.ctx = &left;
		CHECK_INT(vv_optimize(ts.store, &opts, &stats), VV_ECANCELED);
		expect_all();
	}
	CHECK_INT(pack_count(), 4);
	test_store_drop(&ts);
}

static int remove_object(void *ctx, const char *key, const struct vv_object_info *info)
{
	(void)ctx;
	(void)info;
	return vv_source_remove(ts.source, key);
}

/*
 * As if a run had been killed after its first pack: a pack that was written anew holds part
 * of what others hold.  Then these go at the next run, and what is there is not written
 * again.
 */
static void run_after_a_killed_one(int level)
{
	struct vv_optimize_options opts = quick();
	unsigned count;
	uint64_t bytes;

	test_store_make(&ts);
	ids[0] = publish("1", trees[0], counts[0]);
	ids[1] = publish("2", trees[1], counts[1]);
	opts.level = level;
	optimize(&opts);
	opts.level = 0;
	CHECK_INT(stats.packs_new, 1);
	bytes = stats.new_bytes;
	CHECK_INT(vv_source_list(ts.source, "condemned/", remove_object, NULL), VV_OK);
	for (size_t i = 2; i < 4; i++)
		ids[i] = publish(names[i], trees[i], counts[i]);
	opts.small_bytes = bytes; /* what was written is not small */
	optimize(&opts);
	CHECK_INT(stats.packs, 5); /* with those that it was written from */
	CHECK_INT(stats.packs_old, 2);
	CHECK_INT(stats.blobs, 3);
	gc();
	packs(&count);
	CHECK_INT(count, 2);
	expect_all();
	test_store_drop(&ts);
}

/* At several levels, so that the order of the packs' ids is one and the other. */
static void what_a_killed_run_wrote_counts(void)
{
	for (int level = 1; level <= 5; level++)
		run_after_a_killed_one(level);
}

/* ---- damage ---- */

static void a_lost_pack_stops_it(void)
{
	struct vv_optimize_options opts = quick();
	struct vv_pack_set *set;
	char key[VV_STORE_KEY_MAX];

	publish_all();
	CHECK_INT(vv_store_packs(ts.store, &set), VV_OK);
	vv_store_pack_key(key, vv_pack_set_id(set, 0));
	vv_pack_set_unref(set);
	CHECK_INT(vv_source_remove(ts.source, key), VV_OK);
	CHECK_INT(vv_optimize(ts.store, &opts, &stats), VV_ECORRUPT);
	CHECK_INT(pack_count(), 3);
	test_store_drop(&ts);
}

static void a_damaged_frame_stops_it(void)
{
	struct vv_optimize_options opts = quick();
	struct vv_pack_set *set;
	struct vv_frame frame;
	struct vv_id pack;

	publish_all();
	CHECK_INT(vv_store_packs(ts.store, &set), VV_OK);
	pack = *vv_pack_set_id(set, 0);
	for (uint32_t i = 0; !i || !frame.offset; i++)
		CHECK_INT(vv_pack_frame(vv_pack_set_get(set, 0), i, &frame), VV_OK);
	vv_pack_set_unref(set);
	test_pack_damage(&ts, &pack, &frame.id);
	CHECK(vv_optimize(ts.store, &opts, &stats) != VV_OK);
	CHECK(!stats.is_condemned);
	CHECK_INT(pack_count(), 4);
	test_store_drop(&ts);
}

static void a_damaged_ref_stops_it(void)
{
	static const char text[] = "varve ref 1\nsum 0000000000000000\n";
	struct vv_optimize_options opts = quick();

	publish_all();
	CHECK_INT(vv_source_put(ts.source, "refs/3", text, sizeof text - 1,
				VV_PUT_REPLACE),
		  VV_OK);
	CHECK_INT(vv_optimize(ts.store, &opts, &stats), VV_ECORRUPT);
	CHECK_INT(pack_count(), 4);
	test_store_drop(&ts);
}

int main(void)
{
	test_fill(first, SIZE, 1);
	memcpy(second, first, SIZE);
	for (size_t i = SIZE / 2; i < SIZE; i += 9000)
		second[i] ^= 1;
	test_fill(third, SIZE, 3);
	RUN(small_packs_become_one_and_gc_frees_them);
	RUN(what_was_written_anew_is_not_again);
	RUN(the_level_of_what_was_written_anew_is_kept);
	RUN(a_dry_run_writes_nothing);
	RUN(one_small_pack_stays_as_it_is);
	RUN(a_store_without_refs_has_nothing_to_write);
	RUN(what_a_pack_that_stays_refers_to_is_carried);
	RUN(a_base_is_carried_as_a_base);
	RUN(garbage_goes_with_packs_that_are_put_together);
	RUN(an_interrupted_run_leaves_the_store_as_good);
	RUN(what_a_killed_run_wrote_counts);
	RUN(a_lost_pack_stops_it);
	RUN(a_damaged_frame_stops_it);
	RUN(a_damaged_ref_stops_it);
	return test_report();
}
