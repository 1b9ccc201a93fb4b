/*
 * gc on a disk that loses power at each of its operations, and on a source that fails
 * each of them: what is in use stays, and a later run removes the rest.
 */
#include "store/gc.h"

#include "core/err.h"
#include "lib/teststore.h"
#include "os/file.h"
#include "os/sim/sim.h"
#include "source/dir.h"
#include "source/fault.h"
#include "source/source.h"
#include "store/store.h"
#include "test.h"

#include <stdbool.h>

enum {
	SIZE = 3000,
	SURVIVORS = 6,
	LIVE_OBJECTS = 2, /* a tree and its pack */
	GARBAGE = 3,	  /* a tree, its pack, and a copy of the live one's */
};

static uint8_t content[3 * SIZE];
static struct test_store ts;

static void open_disk(void)
{
	CHECK_INT(vv_source_dir_new(&ts.source, "/s", 0), VV_OK);
	CHECK_INT(vv_store_open(&ts.store, ts.source), VV_OK);
}

static void publish(size_t at)
{
	struct test_file file = { "file", content + at, SIZE };

	test_publish(&ts, "gcc", &file, 1, NULL);
}

/* A pack with the live blob that is not needed as well. */
static void add_copy(void)
{
	struct test_pack tp;

	test_pack_begin(&tp);
	test_pack_content(&tp, content + SIZE, SIZE, 65536);
	test_pack_content(&tp, content + 2 * SIZE, SIZE, 65536);
	test_pack_commit(&tp, &ts);
}

static void prepare(void)
{
	vv_sim_reset();
	CHECK_INT(vv_dir_make("/s"), VV_OK);
	CHECK_INT(vv_dir_sync("/"), VV_OK);
	CHECK_INT(vv_source_dir_new(&ts.source, "/s", 0), VV_OK);
	CHECK_INT(vv_store_init(ts.source), VV_OK);
	CHECK_INT(vv_store_open(&ts.store, ts.source), VV_OK);
	publish(0);
	publish(SIZE);
	add_copy();
}

static int run(struct vv_gc_stats *stats)
{
	struct vv_gc_options opts = { 0 };

	return vv_gc(ts.store, &opts, stats);
}

static int count_key(void *ctx, const char *key, const struct vv_object_info *info)
{
	unsigned *n = ctx;

	(void)key;
	(void)info;
	++*n;
	return 0;
}

static unsigned count(const char *prefix)
{
	unsigned n = 0;

	CHECK_INT(vv_source_list(ts.source, prefix, count_key, &n), VV_OK);
	return n;
}

static int remove_key(void *ctx, const char *key, const struct vv_object_info *info)
{
	(void)ctx;
	(void)info;
	return vv_source_remove(ts.source, key);
}

/*
 * A gc that was cut short leaves its intent, and by that its process seems to be alive
 * still: it is this one.  In the world it is dead, and its intent does not count.
 */
static void bury_the_dead(void)
{
	CHECK_INT(vv_source_list(ts.source, "intents/", remove_key, NULL), VV_OK);
}

/*
 * A run marks, which proves that what the ref needs is whole.  After it nothing else is
 * left: no garbage, no records, no announcements.
 */
static void expect_that_a_run_ends_the_work(void)
{
	struct vv_gc_stats stats;

	bury_the_dead();
	CHECK_INT(run(&stats), VV_OK);
	CHECK_INT(stats.live_objects, LIVE_OBJECTS);
	CHECK_INT(count("packs/"), 1);
	CHECK_INT(count("trees/"), 1);
	CHECK_INT(count("condemned/"), 0);
	CHECK_INT(count("intents/"), 0);
}

static unsigned count_operations(void)
{
	struct vv_gc_stats stats;
	unsigned base;

	prepare();
	base = vv_sim_ops();
	CHECK_INT(run(&stats), VV_OK);
	CHECK_INT(stats.deleted, GARBAGE);
	base = vv_sim_ops() - base;
	vv_store_close(ts.store);
	return base;
}

static void cut_at(unsigned n)
{
	struct vv_sim_snapshot *moment;
	struct vv_gc_stats stats;

	prepare();
	vv_sim_cut_at(vv_sim_ops() + n);
	run(&stats);
	vv_store_close(ts.store);
	moment = vv_sim_snapshot_new();
	for (unsigned seed = 0; seed < SURVIVORS; seed++) {
		vv_sim_restore(moment);
		vv_sim_survive(seed);
		open_disk();
		expect_that_a_run_ends_the_work();
		vv_store_close(ts.store);
	}
	vv_sim_snapshot_free(moment);
}

static void a_power_cut_anywhere_loses_nothing_that_is_in_use(void)
{
	unsigned ops = count_operations();

	CHECK(ops > 10);
	for (unsigned n = 1; n <= ops; n++)
		cut_at(n);
}

/* The store on top of a source that fails. */
static bool fail_nth(unsigned nth, bool takes_effect)
{
	struct vv_source_fault fault = { .err = VV_EIO,
					 .nth = nth,
					 .takes_effect = takes_effect };
	struct vv_source *src;
	struct vv_gc_stats stats;
	bool is_hit;

	prepare();
	vv_store_close(ts.store);
	CHECK_INT(vv_source_dir_new(&src, "/s", 0), VV_OK);
	CHECK_INT(vv_source_fault_new(&ts.source, src, NULL), VV_OK);
	CHECK_INT(vv_store_open(&ts.store, ts.source), VV_OK);
	vv_source_fault_set(ts.source, &fault);
	run(&stats);
	is_hit = vv_source_fault_hits(ts.source) > 0;
	vv_store_close(ts.store);
	open_disk();
	expect_that_a_run_ends_the_work();
	vv_store_close(ts.store);
	return is_hit;
}

static void a_failure_anywhere_loses_nothing_that_is_in_use(void)
{
	for (int takes_effect = 0; takes_effect < 2; takes_effect++) {
		unsigned n = 1;

		while (fail_nth(n, takes_effect))
			n++;
		CHECK(n > 10);
	}
}

int main(void)
{
	test_fill(content, sizeof content, 3);
	RUN(a_power_cut_anywhere_loses_nothing_that_is_in_use);
	RUN(a_failure_anywhere_loses_nothing_that_is_in_use);
	return test_report();
}
