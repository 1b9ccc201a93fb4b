/*
 * Each operation of a publisher fails in turn: on the disk, which says EIO or ENOSPC,
 * and at the source, which fails reads as well. The publisher says so, or can do
 * without; the store stays as it was, and the next attempt succeeds.
 */
#include "core/err.h"
#include "lib/memory_input.h"
#include "lib/teststore.h"
#include "os/file.h"
#include "os/sim/sim.h"
#include "source/dir.h"
#include "source/fault.h"
#include "source/source.h"
#include "store/publish.h"
#include "store/store.h"
#include "test.h"

enum {
	SIZE = 150 * 1000,
};

static uint8_t old_bytes[SIZE], new_bytes[SIZE];

static const struct memory_entry old_tree[] = {
	{ .path = "cc", .content = old_bytes, .size = SIZE },
	{ .path = "a.h", .content = old_bytes, .size = 3000 },
};
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

static void prepare(void)
{
	struct vv_source *src;

	vv_sim_reset();
	CHECK_INT(vv_dir_make("/s"), VV_OK);
	CHECK_INT(vv_dir_sync("/"), VV_OK);
	CHECK_INT(vv_source_dir_new(&src, "/s", 0), VV_OK);
	CHECK_INT(vv_store_init(src), VV_OK);
	CHECK_INT(vv_source_fault_new(&ts.source, src, NULL), VV_OK);
	CHECK_INT(vv_store_open(&ts.store, ts.source), VV_OK);
	CHECK_INT(publish("keep", old_tree, 2), VV_OK);
}

/* The same process goes on, with the store as it is open. */
static void expect_that_all_is_well(void)
{
	expect_published(ts.store, "keep", old_tree, 2);
	CHECK_INT(publish("new", new_tree, 3), VV_OK);
	expect_published(ts.store, "new", new_tree, 3);
	vv_store_close(ts.store);
}

static int count_key(void *ctx, const char *key, const struct vv_object_info *info)
{
	(void)key;
	(void)info;
	++*(unsigned *)ctx;
	return 0;
}

static void fail_operations_of_the_disk(int err)
{
	unsigned ops, failed = 0;

	prepare();
	ops = vv_sim_ops();
	CHECK_INT(publish("new", new_tree, 3), VV_OK);
	ops = vv_sim_ops() - ops;
	vv_store_close(ts.store);
	CHECK(ops > 20);
	for (unsigned n = 1; n <= ops; n++) {
		int got;

		prepare();
		vv_sim_fail_at(vv_sim_ops() + n, err);
		got = publish("new", new_tree, 3);
		CHECK(got == VV_OK || got == err);
		failed += got != VV_OK;
		vv_sim_fail_at(0, 0);
		expect_that_all_is_well();
	}
	printf("# %u operations, %u told\n", ops, failed);
	CHECK(failed > ops / 2);
}

static void a_disk_that_fails_once_harms_nothing(void)
{
	fail_operations_of_the_disk(VV_EIO);
}

static void a_disk_that_is_full_once_harms_nothing(void)
{
	fail_operations_of_the_disk(VV_ENOSPC);
}

/* Full for good, at every size: what was written is given back. */
static void a_disk_that_stays_full_harms_nothing(void)
{
	uint64_t step = 500, capacity = 75000;
	unsigned full = 0;
	int err;

	do {
		unsigned intents = 0;

		prepare();
		vv_sim_set_capacity(capacity);
		err = publish("new", new_tree, 3);
		CHECK(err == VV_OK || err == VV_ENOSPC);
		full += err != VV_OK;
		CHECK_INT(vv_source_list(ts.source, "intents/", count_key, &intents),
			  VV_OK);
		CHECK_INT(intents, 0);
		vv_sim_set_capacity(0);
		expect_that_all_is_well();
		capacity += step;
	} while (err);
	printf("# full %u times\n", full);
	CHECK(full > 5);
}

static bool fail_nth(unsigned nth, bool takes_effect)
{
	struct vv_source_fault fault = { .err = VV_EIO,
					 .nth = nth,
					 .takes_effect = takes_effect };
	bool is_hit;
	int err;

	prepare();
	vv_source_fault_set(ts.source, &fault);
	err = publish("new", new_tree, 3);
	CHECK(err == VV_OK || err == VV_EIO);
	is_hit = vv_source_fault_hits(ts.source) > 0;
	vv_source_fault_set(ts.source, &(struct vv_source_fault){ 0 });
	expect_that_all_is_well();
	return is_hit;
}

static void a_source_that_fails_harms_nothing(void)
{
	for (int takes_effect = 0; takes_effect < 2; takes_effect++) {
		unsigned n = 1;

		while (fail_nth(n, takes_effect))
			n++;
		printf("# %u operations\n", n - 1);
		CHECK(n > 15);
	}
}

int main(void)
{
	test_fill(old_bytes, SIZE, 1);
	memcpy(new_bytes, old_bytes, SIZE);
	for (size_t i = 70000; i < SIZE; i += 5000)
		new_bytes[i] ^= 1;
	RUN(a_disk_that_fails_once_harms_nothing);
	RUN(a_disk_that_is_full_once_harms_nothing);
	RUN(a_disk_that_stays_full_harms_nothing);
	RUN(a_source_that_fails_harms_nothing);
	return test_report();
}
