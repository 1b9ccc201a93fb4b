/*
 * gc runs between any two steps of a publisher, and a publisher between any two steps
 * of gc: the publisher ends well, and what a ref leads to is whole.
 *
 * The publisher reuses what only a removed ref had, so there is something to take from
 * under it. The gate of a source stops one of the two before each of its operations;
 * the other uses the same disk through a store of its own.
 */
#include "core/err.h"
#include "lib/memory_input.h"
#include "lib/teststore.h"
#include "os/file.h"
#include "os/sim/sim.h"
#include "os/thread.h"
#include "source/dir.h"
#include "source/gate.h"
#include "source/source.h"
#include "store/gc.h"
#include "store/publish.h"
#include "store/store.h"
#include "test.h"

enum {
	SIZE = 200 * 1000,
};

static const int64_t hour = INT64_C(3600) * 1000000000;

static uint8_t base[SIZE], like[SIZE];

static const struct memory_entry kept[] = {
	{ .path = "k", .content = base, .size = 1000 },
};
static const struct memory_entry removed[] = {
	{ .path = "cc", .content = base, .size = SIZE },
	{ .path = "a.h", .content = base + 5000, .size = 3000 },
};
/* A blob, frames and references of the removed tree, and a frame of its own. */
static const struct memory_entry fresh[] = {
	{ .path = "a.h", .content = base + 5000, .size = 3000 },
	{ .path = "cc", .content = like, .size = SIZE },
};

static struct vv_store *open_store(vv_source_gate_fn gate, void *ctx)
{
	struct vv_source *src;
	struct vv_store *store;

	CHECK_INT(vv_source_dir_new(&src, "/s", 0), VV_OK);
	if (gate)
		CHECK_INT(vv_source_gate_new(&src, src, gate, ctx), VV_OK);
	CHECK_INT(vv_store_open(&store, src), VV_OK);
	return store;
}

static int publish(struct vv_store *store, const char *ref,
		   const struct memory_entry *entries, size_t count,
		   struct vv_publish_stats *stats)
{
	struct vv_publish_options opts = { .level = 1, .jobs = 1 };
	struct vv_input *in = memory_input_new(entries, count);
	struct vv_id tree;
	int err = vv_publish(store, ref, in, &opts, stats, &tree);

	vv_input_free(in);
	return err;
}

static void gc(int64_t grace_ns)
{
	struct vv_store *store = open_store(NULL, NULL);
	struct vv_gc_options opts = { .grace_ns = grace_ns };
	struct vv_gc_stats stats;

	CHECK_INT(vv_gc(store, &opts, &stats), VV_OK);
	vv_store_close(store);
}

static void prepare(bool is_condemned)
{
	struct vv_store *store;
	struct vv_source *src;

	vv_sim_reset();
	CHECK_INT(vv_dir_make("/s"), VV_OK);
	CHECK_INT(vv_source_dir_new(&src, "/s", 0), VV_OK);
	CHECK_INT(vv_store_init(src), VV_OK);
	vv_source_free(src);
	store = open_store(NULL, NULL);
	CHECK_INT(publish(store, "kept", kept, 1, NULL), VV_OK);
	CHECK_INT(publish(store, "removed", removed, 2, NULL), VV_OK);
	CHECK_INT(vv_ref_remove(store, "removed"), VV_OK);
	vv_store_close(store);
	if (is_condemned)
		gc(hour);
}

/* After it all that is not used is gone; what is left is sound. */
static void expect_whole(void)
{
	struct vv_store *store;

	gc(0);
	gc(0);
	store = open_store(NULL, NULL);
	expect_published(store, "kept", kept, 1);
	expect_published(store, "fresh", fresh, 2);
	CHECK_INT(publish(store, "fresh", fresh, 2, NULL), VV_OK);
	expect_published(store, "fresh", fresh, 2);
	vv_store_close(store);
}

/* ---- gc between two steps of a publisher ---- */

struct schedule {
	struct vv_mutex lock;	   /* workers of a publisher read packs meanwhile */
	unsigned step;		   /* operations of the gated one so far */
	unsigned condemn, collect; /* gc with grace, and without, before these */
	bool is_inside;
};

static int collect_at(void *ctx, const struct vv_source_event *event)
{
	struct schedule *s = ctx;

	(void)event;
	vv_mutex_lock(&s->lock);
	s->step++;
	if (s->step == s->condemn)
		gc(hour);
	if (s->step == s->collect)
		gc(0);
	vv_mutex_unlock(&s->lock);
	return VV_OK;
}

static unsigned runs, reused;

static unsigned publish_under(unsigned condemn, unsigned collect, bool is_condemned)
{
	struct schedule s = { .condemn = condemn, .collect = collect };
	struct vv_publish_stats stats;
	struct vv_store *store;
	int err;

	prepare(is_condemned);
	vv_mutex_init(&s.lock);
	store = open_store(collect_at, &s);
	s.step = 0;
	err = publish(store, "fresh", fresh, 2, &stats);
	CHECK_INT(err, VV_OK);
	vv_store_close(store);
	vv_mutex_fini(&s.lock);
	expect_whole();
	runs++;
	reused += stats.blobs_reused > 0;
	return s.step;
}

/* Both happen: it finds what it relies on, and it does without. */
static void check_counts(void)
{
	printf("# %u runs, %u reused what was there\n", runs, reused);
	CHECK(reused > 0 && reused < runs);
}

static void a_gc_at_any_step_of_a_publisher_takes_nothing_from_it(void)
{
	for (int is_condemned = 0; is_condemned < 2; is_condemned++) {
		unsigned steps = publish_under(0, 0, is_condemned);

		CHECK(steps > 20);
		runs = reused = 0;
		for (unsigned n = 1; n <= steps; n++)
			publish_under(0, n, is_condemned);
		if (!is_condemned)
			check_counts();
	}
}

static void condemning_and_deleting_at_any_two_steps_takes_nothing(void)
{
	unsigned steps = publish_under(0, 0, false);

	runs = reused = 0;
	for (unsigned i = 1; i <= steps; i++)
		for (unsigned j = i; j <= steps; j += TEST_STRIDE)
			publish_under(i, j, false);
	check_counts();
}

/* ---- a publisher between two steps of gc ---- */

static int publish_result;

static int publish_at(void *ctx, const struct vv_source_event *event)
{
	struct schedule *s = ctx;
	struct vv_store *store;

	(void)event;
	if (++s->step != s->collect || s->is_inside)
		return VV_OK;
	s->is_inside = true;
	store = open_store(NULL, NULL);
	publish_result = publish(store, "fresh", fresh, 2, NULL);
	vv_store_close(store);
	return VV_OK;
}

static unsigned collect_under(unsigned step, bool is_condemned, int64_t grace_ns)
{
	struct schedule s = { .collect = UINT32_MAX };
	struct vv_gc_options opts = { .grace_ns = grace_ns };
	struct vv_gc_stats stats;
	struct vv_store *store;

	prepare(is_condemned);
	publish_result = VV_ECANCELED;
	store = open_store(publish_at, &s);
	s.step = 0;
	s.collect = step;
	CHECK_INT(vv_gc(store, &opts, &stats), VV_OK);
	vv_store_close(store);
	if (step == 0)
		return s.step;
	CHECK_INT(publish_result, VV_OK);
	expect_whole();
	return s.step;
}

static void a_publisher_at_any_step_of_a_gc_loses_nothing(void)
{
	for (int is_condemned = 0; is_condemned < 2; is_condemned++) {
		unsigned steps = collect_under(0, is_condemned, 0);

		for (unsigned n = 1; n <= steps; n++)
			collect_under(n, is_condemned, 0);
		printf("# %u steps\n", steps);
		CHECK(steps > 10);
	}
}

int main(void)
{
	test_fill(base, SIZE, 1);
	memcpy(like, base, SIZE);
	for (size_t i = 100000; i < SIZE; i += 9000)
		like[i] ^= 1;
	RUN(a_gc_at_any_step_of_a_publisher_takes_nothing_from_it);
	RUN(condemning_and_deleting_at_any_two_steps_takes_nothing);
	RUN(a_publisher_at_any_step_of_a_gc_loses_nothing);
	return test_report();
}
