#include "store/publish.h"

#include "core/arith.h"
#include "core/err.h"
#include "lib/memory_input.h"
#include "lib/teststore.h"
#include "source/source.h"
#include "store/gc.h"
#include "store/store.h"
#include "test.h"

enum {
	BIG = 900 * 1000,
	COUNT_MAX = 64,
};

static struct test_store ts;
static uint8_t big[BIG], other[BIG], small[COUNT_MAX][3000];

static const struct memory_entry tree[] = {
	{ .path = "", .mode = VV_S_IFDIR | 0755 },
	{ .path = "bin", .mode = VV_S_IFDIR | 0755 },
	{ .path = "bin/cc", .content = big, .size = BIG },
	{ .path = "bin/c89", .hardlink = "bin/cc" },
	{ .path = "bin/gcc", .mode = VV_S_IFLNK | 0777, .target = "cc" },
	{ .path = "empty" },
	{ .path = "include/a.h", .content = small[0], .size = 3000 },
	{ .path = "include/b.h", .content = small[1], .size = 1 },
	{ .path = "include/c.h", .content = small[0], .size = 3000 },
	{ .path = "lib/exact", .content = other, .size = 65536 },
	{ .path = "lib/one-more", .content = other, .size = 65537 },
};
enum {
	TREE = sizeof tree / sizeof *tree
};

static struct vv_publish_stats stats;
static struct vv_id tree_id;

static int publish(const char *ref, const struct memory_entry *entries, size_t count,
		   const struct vv_publish_options *opts)
{
	struct vv_input *in = memory_input_new(entries, count);
	int err = vv_publish(ts.store, ref, in, opts, &stats, &tree_id);

	vv_input_free(in);
	return err;
}

static int count_key(void *ctx, const char *key, const struct vv_object_info *info)
{
	(void)key;
	(void)info;
	++*(unsigned *)ctx;
	return 0;
}

static unsigned count(const char *prefix)
{
	unsigned n = 0;

	CHECK_INT(vv_source_list(ts.source, prefix, count_key, &n), VV_OK);
	return n;
}

static void what_was_published_can_be_read(void)
{
	test_store_make(&ts);
	CHECK_INT(publish("gcc/12", tree, TREE, NULL), VV_OK);
	expect_published(ts.store, "gcc/12", tree, TREE);
	CHECK_INT(stats.entries, TREE);
	CHECK_INT(stats.packs_new, 1);
	CHECK_INT(stats.blobs_new, 5);
	CHECK_INT(stats.blobs_reused, 1);
	CHECK_INT(count("intents/"), 0);
	test_store_drop(&ts);
}

static void a_second_time_stores_nothing(void)
{
	struct vv_id first;

	test_store_make(&ts);
	CHECK_INT(publish("a", tree, TREE, NULL), VV_OK);
	first = tree_id;
	CHECK_INT(publish("b", tree, TREE, NULL), VV_OK);
	CHECK(vv_id_equal(&first, &tree_id));
	CHECK_INT(stats.bytes_new, 0);
	CHECK_INT(stats.bytes_stored, 0);
	CHECK_INT(stats.frames_new, 0);
	CHECK_INT(count("packs/"), 1);
	CHECK_INT(count("trees/"), 1);
	test_store_drop(&ts);
}

static int first_pack(void *ctx, const char *key, const struct vv_object_info *info)
{
	(void)info;
	strcpy(ctx, key);
	return 1;
}

/* The bytes of packs depend on content and store alone (line.h, L2). */
static void the_number_of_workers_changes_nothing(void)
{
	char packs[2][VV_STORE_KEY_MAX];
	struct vv_id trees[2];

	for (unsigned i = 0; i < 2; i++) {
		struct vv_publish_options opts = { .jobs = i ? 7 : 1 };

		test_store_make(&ts);
		CHECK_INT(publish("a", tree, TREE, &opts), VV_OK);
		trees[i] = tree_id;
		CHECK_INT(vv_source_list(ts.source, "packs/", first_pack, packs[i]), 1);
		test_store_drop(&ts);
	}
	CHECK(vv_id_equal(&trees[0], &trees[1]));
	CHECK_STR(packs[0], packs[1]);
}

static void level_and_order_do_not_change_the_tree(void)
{
	struct memory_entry turned[TREE];
	struct vv_publish_options opts = { .level = 1 };
	struct vv_id first;

	for (size_t i = 0; i < TREE; i++)
		turned[i] = tree[TREE - 1 - i];
	/* A link comes after what it leads to. */
	for (size_t i = 0; i + 1 < TREE; i++) {
		if (turned[i].hardlink) {
			turned[i] = turned[i + 1];
			turned[i + 1] = tree[3];
			break;
		}
	}
	test_store_make(&ts);
	CHECK_INT(publish("a", tree, TREE, NULL), VV_OK);
	first = tree_id;
	test_store_drop(&ts);
	test_store_make(&ts);
	CHECK_INT(publish("a", turned, TREE, &opts), VV_OK);
	CHECK(vv_id_equal(&first, &tree_id));
	expect_published(ts.store, "a", turned, TREE);
	test_store_drop(&ts);
}

static void a_version_with_a_change_stores_little_more(void)
{
	struct memory_entry file = { .path = "cc", .content = big, .size = BIG };

	test_store_make(&ts);
	CHECK_INT(publish("a", &file, 1, NULL), VV_OK);
	/* An insertion: content moves, cuts move with it. */
	memcpy(other, big, 300000);
	memcpy(other + 300000, "inserted", 8);
	memcpy(other + 300008, big + 300000, BIG - 300008);
	file.content = other;
	CHECK_INT(publish("b", &file, 1, NULL), VV_OK);
	expect_published(ts.store, "b", &file, 1);
	CHECK(stats.frames_reused > stats.frames_new);
	CHECK(stats.bytes_new < 4 * 65536);
	test_store_drop(&ts);
	test_fill(other, sizeof other, 2);
}

/* A byte changed in every piece: no frame is the same, all are alike. */
static void like_frames_are_stored_as_differences(void)
{
	struct memory_entry file = { .path = "cc", .content = big, .size = BIG };
	uint64_t alone;

	test_store_make(&ts);
	CHECK_INT(publish("a", &file, 1, NULL), VV_OK);
	alone = stats.bytes_stored;
	memcpy(other, big, BIG);
	for (size_t at = 1000; at < BIG; at += 9000)
		other[at] ^= 1;
	file.content = other;
	CHECK_INT(publish("b", &file, 1, NULL), VV_OK);
	CHECK(stats.bytes_new > BIG / 2);
	CHECK(stats.bytes_stored < alone / 5);
	expect_published(ts.store, "b", &file, 1);
	test_store_drop(&ts);
	test_fill(other, sizeof other, 2);
}

static unsigned count_filtered(void)
{
	struct vv_pack_set *set;
	unsigned filtered = 0;

	CHECK_INT(vv_store_packs_refresh(ts.store, &set), VV_OK);
	for (size_t i = 0; i < vv_pack_set_count(set); i++) {
		const struct vv_pack *pack = vv_pack_set_get(set, i);
		struct vv_frame frame;

		for (uint32_t n = 0; n < pack->frame_count; n++) {
			CHECK_INT(vv_pack_frame(pack, n, &frame), VV_OK);
			filtered += frame.filter == VV_FILTER_BRANCH;
		}
	}
	vv_pack_set_unref(set);
	return filtered;
}

/* Calls of four functions from everywhere, among bytes that do not compress. */
static void machine_code_is_filtered_and_comes_back(void)
{
	struct memory_entry file = { .path = "cc", .content = other, .size = BIG };

	test_store_make(&ts);
	CHECK_INT(publish("noise", &file, 1, NULL), VV_OK);
	CHECK_INT(count_filtered(), 0);
	test_fill(other, sizeof other, 3);
	for (uint32_t at = 0; at + 10 <= BIG; at += 25) {
		memcpy(other + at, "\xe8....\x48\x89\xc7\x5d\xc3", 10);
		vv_put_le32(other + at + 1, 1000 * (at / 25 % 4) - at - 5);
	}
	CHECK_INT(publish("code", &file, 1, NULL), VV_OK);
	CHECK(count_filtered() > 10);
	expect_published(ts.store, "code", &file, 1);
	test_store_drop(&ts);
	test_fill(other, sizeof other, 2);
}

static void zeros_become_holes(void)
{
	static uint8_t zeros[5 * 65536 + 77];
	const struct memory_entry files[] = {
		{ .path = "all", .content = zeros, .size = sizeof zeros },
		{ .path = "told",
		  .content = big,
		  .size = 100,
		  .hole_at = 50,
		  .hole = 10 << 20 },
		{ .path = "first",
		  .content = big,
		  .size = 70000,
		  .hole = 3 * 65536 + 5 },
		{ .path = "last",
		  .content = big,
		  .size = 70000,
		  .hole_at = 70000,
		  .hole = 1 << 20 },
		{ .path = "only", .hole = 300000 },
		{ .path = "small", .hole = 500 },
		{ .path = "short",
		  .content = big,
		  .size = 140000,
		  .hole_at = 66000,
		  .hole = 200000 },
	};

	test_store_make(&ts);
	CHECK_INT(publish("a", files, sizeof files / sizeof *files, NULL), VV_OK);
	expect_published(ts.store, "a", files, sizeof files / sizeof *files);
	CHECK(stats.bytes_in > 11 << 20);
	CHECK(stats.bytes_new < 1 << 20);
	test_store_drop(&ts);
}

/* Small files fill frames of their own kind; none is torn. */
static void many_small_files_share_frames(void)
{
	static uint8_t content[COUNT_MAX][60000];
	static char names[COUNT_MAX][16];
	struct memory_entry files[COUNT_MAX];

	for (unsigned i = 0; i < COUNT_MAX; i++) {
		test_fill(content[i], sizeof content[i], 1000 + i);
		snprintf(names[i], sizeof names[i], "f%02u", i);
		files[i] = (struct memory_entry){ .path = names[i],
						  .content = content[i],
						  .size = sizeof content[i] - i };
	}
	test_store_make(&ts);
	CHECK_INT(publish("a", files, COUNT_MAX, NULL), VV_OK);
	expect_published(ts.store, "a", files, COUNT_MAX);
	CHECK_INT(stats.frames_new, COUNT_MAX / 4);
	CHECK_INT(stats.blobs_new, COUNT_MAX);
	test_store_drop(&ts);
}

static void a_failed_input_leaves_the_refs_and_no_intent(void)
{
	struct memory_entry broken[2] = {
		{ .path = "good", .content = other, .size = BIG },
		{ .path = "bad", .content = big, .size = BIG, .read_err = VV_EIO },
	};

	test_store_make(&ts);
	CHECK_INT(publish("a", tree, TREE, NULL), VV_OK);
	CHECK_INT(publish("a", broken, 2, NULL), VV_EIO);
	CHECK_INT(publish("new", broken, 2, NULL), VV_EIO);
	expect_published(ts.store, "a", tree, TREE);
	CHECK_INT(count("refs/"), 1);
	CHECK_INT(count("intents/"), 0);
	CHECK_INT(count("packs/"), 1);
	test_store_drop(&ts);
}

static int cancel_late(void *ctx, const struct vv_publish_stats *so_far, uint64_t done,
		       uint64_t total)
{
	(void)ctx;
	(void)done;
	(void)total;
	return so_far->bytes_in > BIG / 2;
}

static void progress_can_cancel(void)
{
	struct vv_publish_options opts = { .progress = cancel_late };

	test_store_make(&ts);
	CHECK_INT(publish("a", tree, TREE, &opts), VV_ECANCELED);
	CHECK_INT(count(""), 1); /* the store record */
	test_store_drop(&ts);
}

static void a_ref_under_a_ref_is_refused_before_it_moves(void)
{
	test_store_make(&ts);
	CHECK_INT(publish("gcc", tree, TREE, NULL), VV_OK);
	CHECK_INT(publish("gcc/12", tree, TREE, NULL), VV_EEXIST);
	CHECK_INT(publish("bad:name", tree, TREE, NULL), VV_EINVAL);
	CHECK_INT(count("refs/"), 1);
	CHECK_INT(count("intents/"), 0);
	test_store_drop(&ts);
}

static int gc(int64_t grace_ns)
{
	struct vv_gc_options opts = { .grace_ns = grace_ns };
	struct vv_gc_stats s;

	return vv_gc(ts.store, &opts, &s);
}

/*
 * Within grace its pack and its tree are there, condemned: neither may be relied on as
 * it is.
 */
static void what_was_removed_and_condemned_can_be_published_again(void)
{
	const int64_t hour = INT64_C(3600) * 1000000000;

	test_store_make(&ts);
	CHECK_INT(publish("a", tree, TREE, NULL), VV_OK);
	CHECK_INT(vv_ref_remove(ts.store, "a"), VV_OK);
	CHECK_INT(gc(hour), VV_OK);
	CHECK_INT(count("condemned/"), 2);
	CHECK_INT(publish("a", tree, TREE, NULL), VV_OK);
	CHECK_INT(stats.packs_new, 1);
	CHECK_INT(count("condemned/"), 1);
	CHECK_INT(gc(0), VV_OK);
	CHECK_INT(count("condemned/"), 0);
	CHECK_INT(count("packs/"), 1);
	expect_published(ts.store, "a", tree, TREE);
	test_store_drop(&ts);
}

static void a_tag_is_a_second_ref_to_the_tree(void)
{
	struct vv_ref ref;

	test_store_make(&ts);
	CHECK_INT(vv_publish_tag(ts.store, "a", "b"), VV_ENOENT);
	CHECK_INT(publish("a", tree, TREE, NULL), VV_OK);
	CHECK_INT(vv_publish_tag(ts.store, "a", "b"), VV_OK);
	CHECK_INT(vv_publish_tag(ts.store, "a", "b/c"), VV_EEXIST);
	CHECK_INT(vv_ref_get(ts.store, "b", &ref), VV_OK);
	CHECK(vv_id_equal(&ref.tree, &tree_id));
	CHECK_INT(vv_ref_remove(ts.store, "a"), VV_OK);
	CHECK_INT(gc(0), VV_OK);
	expect_published(ts.store, "b", tree, TREE);
	CHECK_INT(count("intents/"), 0);
	test_store_drop(&ts);
}

int main(void)
{
	test_fill(big, sizeof big, 1);
	test_fill(other, sizeof other, 2);
	test_fill(small, sizeof small, 3);
	RUN(what_was_published_can_be_read);
	RUN(a_second_time_stores_nothing);
	RUN(the_number_of_workers_changes_nothing);
	RUN(level_and_order_do_not_change_the_tree);
	RUN(a_version_with_a_change_stores_little_more);
	RUN(like_frames_are_stored_as_differences);
	RUN(machine_code_is_filtered_and_comes_back);
	RUN(zeros_become_holes);
	RUN(many_small_files_share_frames);
	RUN(a_failed_input_leaves_the_refs_and_no_intent);
	RUN(progress_can_cancel);
	RUN(a_ref_under_a_ref_is_refused_before_it_moves);
	RUN(what_was_removed_and_condemned_can_be_published_again);
	RUN(a_tag_is_a_second_ref_to_the_tree);
	return test_report();
}
