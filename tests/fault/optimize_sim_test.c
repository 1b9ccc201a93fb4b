/*
 * Packs are written anew while the power fails, the disk fails, and others publish, remove
 * and collect: at each step of it, and it at each step of theirs.  Whatever happens, what
 * refs lead to is whole, and another run and a gc leave it so.
 */
#include "core/err.h"
#include "lib/memory_input.h"
#include "lib/teststore.h"
#include "os/file.h"
#include "os/sim/sim.h"
#include "os/thread.h"
#include "source/dir.h"
#include "source/fault.h"
#include "source/gate.h"
#include "source/source.h"
#include "store/gc.h"
#include "store/optimize.h"
#include "store/publish.h"
#include "store/store.h"
#include "test.h"

enum {
	SIZE = 150 * 1000,
	SURVIVORS = 5,
};

static const int64_t hour = INT64_C(3600) * 1000000000;

static uint8_t old_bytes[SIZE], new_bytes[SIZE], other_bytes[SIZE];

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
/* What a publisher brings meanwhile: known blobs and frames, and what is like them. */
static const struct memory_entry fresh_tree[] = {
	{ .path = "a.h", .content = old_bytes, .size = 3000 },
	{ .path = "cc", .content = new_bytes, .size = SIZE },
	{ .path = "ld", .content = other_bytes, .size = SIZE },
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
		   const struct memory_entry *entries, size_t count)
{
	struct vv_publish_options opts = { .level = 1, .jobs = 1 };
	struct vv_input *in = memory_input_new(entries, count);
	struct vv_id tree;
	int err = vv_publish(store, ref, in, &opts, NULL, &tree);

	vv_input_free(in);
	return err;
}

static int optimize(struct vv_store *store)
{
	struct vv_optimize_options opts = { .level = 1, .jobs = 1 };
	struct vv_optimize_stats stats;

	return vv_optimize(store, &opts, &stats);
}

static int gc(struct vv_store *store, int64_t grace_ns)
{
	struct vv_gc_options opts = { .grace_ns = grace_ns };
	struct vv_gc_stats stats;

	return vv_gc(store, &opts, &stats);
}

/* Two refs, and garbage of a third in a pack that both refer to. */
static void prepare(void)
{
	const struct memory_entry gone[] = {
		{ .path = "x", .content = other_bytes + 70000, .size = 70000 },
		{ .path = "cc", .content = old_bytes, .size = SIZE },
	};
	struct vv_source *src;
	struct vv_store *store;

	vv_sim_reset();
	CHECK_INT(vv_dir_make("/s"), VV_OK);
	CHECK_INT(vv_dir_sync("/"), VV_OK);
	CHECK_INT(vv_source_dir_new(&src, "/s", 0), VV_OK);
	CHECK_INT(vv_store_init(src), VV_OK);
	vv_source_free(src);
	store = open_store(NULL, NULL);
	CHECK_INT(publish(store, "gone", gone, 2), VV_OK);
	CHECK_INT(publish(store, "old", old_tree, 2), VV_OK);
	CHECK_INT(publish(store, "new", new_tree, 3), VV_OK);
	CHECK_INT(vv_ref_remove(store, "gone"), VV_OK);
	vv_store_close(store);
}

static size_t pack_count(struct vv_store *store)
{
	struct vv_pack_set *set;
	size_t count;

	CHECK_INT(vv_store_packs_refresh(store, &set), VV_OK);
	count = vv_pack_set_count(set);
	vv_pack_set_unref(set);
	return count;
}

static void expect_refs(struct vv_store *store)
{
	expect_published(store, "old", old_tree, 2);
	expect_published(store, "new", new_tree, 3);
}

/* After another run and a gc nothing is left of what was written from. */
static void expect_settled(struct vv_store *store)
{
	expect_refs(store);
	CHECK_INT(optimize(store), VV_OK);
	expect_refs(store);
	CHECK_INT(gc(store, 0), VV_OK);
	CHECK_INT(pack_count(store), 1);
	expect_refs(store);
}

static int remove_key(void *ctx, const char *key, const struct vv_object_info *info)
{
	(void)info;
	return vv_source_remove(vv_store_source(ctx), key);
}

/* Announcements name this process, which is not dead as the one they stand for is. */
static void bury_the_dead(struct vv_store *store)
{
	CHECK_INT(vv_source_list(vv_store_source(store), "intents/", remove_key, store),
		  VV_OK);
}

/* ---- power ---- */

static void a_cut_at_any_operation_loses_nothing(void)
{
	struct vv_store *store;
	unsigned ops;

	prepare();
	store = open_store(NULL, NULL);
	ops = vv_sim_ops();
	CHECK_INT(optimize(store), VV_OK);
	ops = vv_sim_ops() - ops;
	expect_settled(store);
	vv_store_close(store);
	CHECK(ops > 20);
	for (unsigned n = 1; n <= ops; n += TEST_STRIDE) {
		struct vv_sim_snapshot *moment;

		prepare();
		store = open_store(NULL, NULL);
		vv_sim_cut_at(vv_sim_ops() + n);
		optimize(store);
		vv_store_close(store);
		moment = vv_sim_snapshot_new();
		CHECK(moment);
		for (unsigned seed = 0; seed < SURVIVORS; seed++) {
			vv_sim_restore(moment);
			vv_sim_survive(seed);
			store = open_store(NULL, NULL);
			bury_the_dead(store);
			expect_settled(store);
			vv_store_close(store);
		}
		vv_sim_snapshot_free(moment);
	}
	printf("# %u cuts, %u survivors each\n", ops, SURVIVORS);
}

/* What a gc deletes after it is deleted for good reasons, whatever survived a cut. */
static void a_gc_instead_of_another_run_loses_nothing(void)
{
	struct vv_store *store;
	unsigned ops;

	prepare();
	store = open_store(NULL, NULL);
	ops = vv_sim_ops();
	CHECK_INT(optimize(store), VV_OK);
	ops = vv_sim_ops() - ops;
	vv_store_close(store);
	for (unsigned n = 1; n <= ops; n += TEST_STRIDE) {
		prepare();
		store = open_store(NULL, NULL);
		vv_sim_cut_at(vv_sim_ops() + n);
		optimize(store);
		vv_store_close(store);
		vv_sim_survive(n);
		store = open_store(NULL, NULL);
		bury_the_dead(store);
		CHECK_INT(gc(store, 0), VV_OK);
		expect_settled(store);
		vv_store_close(store);
	}
}

/* ---- failing operations ---- */

static void fail_everywhere(int failure)
{
	struct vv_store *store;
	unsigned ops, told = 0;

	prepare();
	store = open_store(NULL, NULL);
	ops = vv_sim_ops();
	CHECK_INT(optimize(store), VV_OK);
	ops = vv_sim_ops() - ops;
	vv_store_close(store);
	for (unsigned n = 1; n <= ops; n += TEST_STRIDE) {
		int err;

		prepare();
		store = open_store(NULL, NULL);
		vv_sim_fail_at(vv_sim_ops() + n, failure);
		err = optimize(store);
		CHECK(err == VV_OK || err == failure);
		told += err != VV_OK;
		vv_sim_fail_at(0, 0);
		bury_the_dead(store);
		expect_settled(store);
		vv_store_close(store);
	}
	printf("# %u operations, %u told\n", ops, told);
	CHECK(told > ops / 3 / TEST_STRIDE);
}

static void a_disk_that_fails_once_harms_nothing(void)
{
	fail_everywhere(VV_EIO);
}

static void a_disk_that_is_full_once_harms_nothing(void)
{
	fail_everywhere(VV_ENOSPC);
}

/* ---- others at each step of it, and it at each step of theirs ---- */

typedef void act_fn(struct vv_store *store);

static void act_optimize(struct vv_store *store)
{
	CHECK_INT(optimize(store), VV_OK);
}

/* Of two gcs one gives way: the last step of the one under test is one, too. */
static void collect(struct vv_store *store, int64_t grace_ns)
{
	int err = gc(store, grace_ns);

	CHECK(err == VV_OK || err == VV_EBUSY);
}

static void act_gc(struct vv_store *store)
{
	collect(store, 0);
}

static void act_condemn(struct vv_store *store)
{
	collect(store, hour);
}

static void act_publish(struct vv_store *store)
{
	CHECK_INT(publish(store, "fresh", fresh_tree, 3), VV_OK);
}

static void act_move(struct vv_store *store)
{
	CHECK_INT(publish(store, "old", fresh_tree, 3), VV_OK);
}

static void act_remove(struct vv_store *store)
{
	int err = vv_ref_remove(store, "old");

	CHECK(err == VV_OK || err == VV_ENOENT);
	collect(store, 0);
}

struct schedule {
	struct vv_mutex lock; /* workers read packs meanwhile */
	unsigned step, at;    /* at: before this operation of the gated one */
	act_fn *act;
	bool is_inside;
};

static int act_at(void *ctx, const struct vv_source_event *event)
{
	struct schedule *s = ctx;
	struct vv_store *store;

	(void)event;
	vv_mutex_lock(&s->lock);
	if (++s->step == s->at && !s->is_inside) {
		s->is_inside = true;
		store = open_store(NULL, NULL);
		s->act(store);
		vv_store_close(store);
	}
	vv_mutex_unlock(&s->lock);
	return VV_OK;
}

static void expect_sound_end(void)
{
	struct vv_store *store = open_store(NULL, NULL);
	struct vv_ref ref;

	expect_published(store, "new", new_tree, 3);
	expect_sound(store);
	CHECK_INT(gc(store, 0), VV_OK);
	expect_published(store, "new", new_tree, 3);
	CHECK_INT(optimize(store), VV_OK);
	CHECK_INT(gc(store, 0), VV_OK);
	CHECK_INT(pack_count(store), 1);
	expect_published(store, "new", new_tree, 3);
	if (vv_ref_get(store, "fresh", &ref) == VV_OK)
		expect_published(store, "fresh", fresh_tree, 3);
	vv_store_close(store);
}

/* How many operations @outer has; @inner comes before the @at-th. */
static unsigned run_with(act_fn *outer, act_fn *inner, unsigned at)
{
	struct schedule s = { .act = inner, .at = UINT32_MAX };
	struct vv_store *store;

	prepare();
	vv_mutex_init(&s.lock);
	store = open_store(act_at, &s);
	s.step = 0;
	s.at = at ? at : UINT32_MAX;
	outer(store);
	vv_store_close(store);
	vv_mutex_fini(&s.lock);
	if (at)
		expect_sound_end();
	return s.step;
}

static void interleave(const char *what, act_fn *outer, act_fn *inner)
{
	unsigned steps = run_with(outer, inner, 0);

	CHECK(steps > 10);
	for (unsigned n = 1; n <= steps; n += TEST_STRIDE)
		run_with(outer, inner, n);
	printf("# %s: %u steps\n", what, steps);
}

/* A ref that goes under it takes trees with it, so it may end with an error. */
static void try_optimize(struct vv_store *store)
{
	optimize(store);
}

static void a_gc_at_any_step_of_it_takes_nothing(void)
{
	interleave("gc", act_optimize, act_gc);
	interleave("condemning", act_optimize, act_condemn);
}

static void a_publisher_at_any_step_of_it_loses_nothing(void)
{
	interleave("publish", act_optimize, act_publish);
	interleave("move a ref", act_optimize, act_move);
}

static void a_ref_that_goes_at_any_step_of_it_takes_nothing_else(void)
{
	interleave("remove and gc", try_optimize, act_remove);
}

static void it_at_any_step_of_others_harms_nothing(void)
{
	interleave("in a gc", act_gc, act_optimize);
	interleave("in condemning", act_condemn, act_optimize);
	interleave("in a publisher", act_publish, act_optimize);
	interleave("in itself", act_optimize, act_optimize);
}

int main(void)
{
	test_fill(old_bytes, SIZE, 1);
	memcpy(new_bytes, old_bytes, SIZE);
	for (size_t i = 70000; i < SIZE; i += 5000)
		new_bytes[i] ^= 1;
	test_fill(other_bytes, SIZE, 2);
	memcpy(other_bytes, old_bytes, 60000);
	RUN(a_cut_at_any_operation_loses_nothing);
	RUN(a_gc_instead_of_another_run_loses_nothing);
	RUN(a_disk_that_fails_once_harms_nothing);
	RUN(a_disk_that_is_full_once_harms_nothing);
	RUN(a_gc_at_any_step_of_it_takes_nothing);
	RUN(a_publisher_at_any_step_of_it_loses_nothing);
	RUN(a_ref_that_goes_at_any_step_of_it_takes_nothing_else);
	RUN(it_at_any_step_of_others_harms_nothing);
	return test_report();
}
