/*
 * The power is cut at each operation of what changes a store: publishing, moving a ref,
 * removing one, gc. Whatever survives is a sound store with the old state or the new
 * one, and what was cut short succeeds when it is run again.
 */
#include "core/err.h"
#include "lib/memory_input.h"
#include "lib/teststore.h"
#include "os/file.h"
#include "os/sim/sim.h"
#include "source/dir.h"
#include "source/source.h"
#include "store/gc.h"
#include "store/publish.h"
#include "store/store.h"
#include "test.h"

enum {
	SIZE = 150 * 1000,
	SURVIVORS = 5,
};

static uint8_t old_bytes[SIZE], new_bytes[SIZE];

static const struct memory_entry old_tree[] = {
	{ .path = "cc", .content = old_bytes, .size = SIZE },
	{ .path = "a.h", .content = old_bytes, .size = 3000 },
};
/* Shares blobs, frames and likeness with the old one. */
static const struct memory_entry new_tree[] = {
	{ .path = "cc", .content = new_bytes, .size = SIZE },
	{ .path = "a.h", .content = old_bytes, .size = 3000 },
	{ .path = "b.h", .content = new_bytes + SIZE - 3000, .size = 3000 },
};

static struct test_store ts;

static int publish(const char *ref, const struct memory_entry *entries, size_t count)
{
	struct vv_publish_options opts = { .level = 1, .jobs = 1 };
	struct vv_input *in = memory_input_new(entries, count);
	struct vv_id tree;
	int err = vv_publish(ts.store, ref, in, &opts, NULL, &tree);

	vv_input_free(in);
	return err;
}

static void open_disk(void)
{
	CHECK_INT(vv_source_dir_new(&ts.source, "/s", 0), VV_OK);
	CHECK_INT(vv_store_open(&ts.store, ts.source), VV_OK);
}

/* Refs `keep` and `old`, both to the old tree, `gone` to a third that is removed. */
static void prepare(void)
{
	const struct memory_entry other = { .path = "x",
					    .content = new_bytes + 70000,
					    .size = 70000 };

	vv_sim_reset();
	CHECK_INT(vv_dir_make("/s"), VV_OK);
	CHECK_INT(vv_dir_sync("/"), VV_OK);
	CHECK_INT(vv_source_dir_new(&ts.source, "/s", 0), VV_OK);
	CHECK_INT(vv_store_init(ts.source), VV_OK);
	CHECK_INT(vv_store_open(&ts.store, ts.source), VV_OK);
	CHECK_INT(publish("keep", old_tree, 2), VV_OK);
	CHECK_INT(publish("old", old_tree, 2), VV_OK);
	CHECK_INT(publish("gone", &other, 1), VV_OK);
	CHECK_INT(vv_ref_remove(ts.store, "gone"), VV_OK);
}

/* ---- what is cut short ---- */

static int publish_new(void)
{
	return publish("new", new_tree, 3);
}

static int move_old(void)
{
	return publish("old", new_tree, 3);
}

static int tag(void)
{
	return vv_publish_tag(ts.store, "old", "tag/of/old");
}

static int remove_old(void)
{
	int err = vv_ref_remove(ts.store, "old");

	return err == VV_ENOENT ? VV_OK : err;
}

static int gc(void)
{
	struct vv_gc_options opts = { 0 };
	struct vv_gc_stats stats;

	return vv_gc(ts.store, &opts, &stats);
}

/* ---- cutting ---- */

static int remove_key(void *ctx, const char *key, const struct vv_object_info *info)
{
	(void)ctx;
	(void)info;
	return vv_source_remove(ts.source, key);
}

/*
 * Announcements name this process, which is not dead as the one they stand for is.
 */
static void bury_the_dead(void)
{
	CHECK_INT(vv_source_list(ts.source, "intents/", remove_key, NULL), VV_OK);
}

static unsigned cuts, survivors;

static void check_survivor(int (*body)(void))
{
	open_disk();
	survivors++;
	expect_published(ts.store, "keep", old_tree, 2);
	bury_the_dead();
	CHECK_INT(body(), VV_OK);
	CHECK_INT(gc(), VV_OK);
	expect_published(ts.store, "keep", old_tree, 2);
	vv_store_close(ts.store);
}

static void cut_at(int (*body)(void), unsigned n)
{
	struct vv_sim_snapshot *moment;

	prepare();
	vv_sim_cut_at(vv_sim_ops() + n);
	body();
	vv_store_close(ts.store);
	moment = vv_sim_snapshot_new();
	CHECK(moment);
	cuts++;
	for (unsigned seed = 0; seed < SURVIVORS; seed++) {
		vv_sim_restore(moment);
		vv_sim_survive(seed);
		check_survivor(body);
	}
	vv_sim_snapshot_free(moment);
}

static void cut_everywhere(int (*body)(void), unsigned least)
{
	unsigned ops;

	prepare();
	ops = vv_sim_ops();
	CHECK_INT(body(), VV_OK);
	ops = vv_sim_ops() - ops;
	vv_store_close(ts.store);
	CHECK(ops >= least);
	cuts = survivors = 0;
	for (unsigned n = 1; n <= ops; n++)
		cut_at(body, n);
	printf("# %u cuts, %u survivors\n", cuts, survivors);
}

static void a_cut_while_publishing_loses_nothing(void)
{
	cut_everywhere(publish_new, 20);
}

static void a_cut_while_a_ref_moves_leaves_the_old_tree_or_the_new(void)
{
	cut_everywhere(move_old, 20);
}

static void a_cut_while_tagging_loses_nothing(void)
{
	cut_everywhere(tag, 8);
}

static void a_cut_while_a_ref_is_removed_loses_no_other(void)
{
	cut_everywhere(remove_old, 2);
}

static void a_cut_while_collecting_loses_nothing_that_is_used(void)
{
	cut_everywhere(gc, 8);
}

/* ---- what is seen before it is durable ---- */

/* A publisher stops for good at operation @n; another one finds what it left. */
static void die_and_go_on(unsigned n)
{
	struct vv_sim_snapshot *moment;

	prepare();
	vv_sim_fail_at(vv_sim_ops() + n, VV_EIO);
	(void)publish_new();
	vv_sim_fail_at(0, 0);
	vv_store_close(ts.store);
	open_disk();
	CHECK_INT(publish("second", new_tree, 3), VV_OK);
	vv_store_close(ts.store);
	moment = vv_sim_snapshot_new();
	CHECK(moment);
	for (unsigned seed = 0; seed < SURVIVORS; seed++) {
		vv_sim_restore(moment);
		vv_sim_survive(seed);
		open_disk();
		expect_published(ts.store, "keep", old_tree, 2);
		expect_published(ts.store, "second", new_tree, 3);
		vv_store_close(ts.store);
	}
	vv_sim_snapshot_free(moment);
}

static void a_publisher_relies_on_nothing_that_a_cut_could_take(void)
{
	unsigned ops;

	prepare();
	ops = vv_sim_ops();
	CHECK_INT(publish_new(), VV_OK);
	ops = vv_sim_ops() - ops;
	vv_store_close(ts.store);
	for (unsigned n = 1; n <= ops; n++)
		die_and_go_on(n);
	printf("# %u deaths\n", ops);
}

/* A ref that is gone, as anybody sees, but whose removal a power cut may undo. */
static void a_ref_that_could_come_back_keeps_its_tree(void)
{
	struct vv_sim_snapshot *moment;

	prepare();
	CHECK_INT(publish("old", new_tree, 3), VV_OK);
	vv_sim_fail_at(vv_sim_ops() + 2, VV_EIO); /* 1 takes the name, 2 syncs */
	CHECK_INT(vv_ref_remove(ts.store, "old"), VV_EIO);
	CHECK(!vv_sim_is_durable());
	CHECK_INT(gc(), VV_OK);
	vv_store_close(ts.store);
	moment = vv_sim_snapshot_new();
	CHECK(moment);
	for (unsigned seed = 0; seed < SURVIVORS; seed++) {
		struct vv_ref ref;
		int err;

		vv_sim_restore(moment);
		vv_sim_survive(seed);
		open_disk();
		err = vv_ref_get(ts.store, "old", &ref);
		CHECK(err == VV_OK || err == VV_ENOENT);
		if (!err)
			expect_published(ts.store, "old", new_tree, 3);
		expect_published(ts.store, "keep", old_tree, 2);
		vv_store_close(ts.store);
	}
	vv_sim_snapshot_free(moment);
}

int main(void)
{
	test_fill(old_bytes, SIZE, 1);
	memcpy(new_bytes, old_bytes, SIZE);
	for (size_t i = 70000; i < SIZE; i += 5000)
		new_bytes[i] ^= 1;
	RUN(a_cut_while_publishing_loses_nothing);
	RUN(a_cut_while_a_ref_moves_leaves_the_old_tree_or_the_new);
	RUN(a_cut_while_tagging_loses_nothing);
	RUN(a_cut_while_a_ref_is_removed_loses_no_other);
	RUN(a_cut_while_collecting_loses_nothing_that_is_used);
	RUN(a_publisher_relies_on_nothing_that_a_cut_could_take);
	RUN(a_ref_that_could_come_back_keeps_its_tree);
	return test_report();
}
