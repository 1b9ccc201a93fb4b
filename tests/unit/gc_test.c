#include "store/gc.h"

#include "codec/hash.h"
#include "core/err.h"
#include "format/record.h"
#include "lib/temp_dir.h"
#include "lib/teststore.h"
#include "os/system.h"
#include "source/dir.h"
#include "source/hook.h"
#include "source/source.h"
#include "store/condemned.h"
#include "store/intent.h"
#include "store/store.h"
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	SIZE = 50000
};
#define HOUR_NS (INT64_C(3600) * 1000000000)

static struct test_store ts;
static uint8_t content[8 * SIZE];
static struct vv_gc_stats stats;

static void begin(void)
{
	test_store_make(&ts);
	test_fill(content, sizeof content, 7);
}

static void end(void)
{
	test_store_drop(&ts);
}

static int gc(int64_t grace_ns)
{
	struct vv_gc_options opts = { .grace_ns = grace_ns };

	return vv_gc(ts.store, &opts, &stats);
}

/* One file, whose content begins at @at. */
static struct vv_id publish(const char *ref, size_t at, struct vv_id *pack)
{
	struct test_file file = { "file", content + at, SIZE };

	return test_publish(&ts, ref, &file, 1, pack);
}

static bool is_there(const char *key)
{
	struct vv_object_info info;

	return vv_source_stat(ts.source, key, &info) == VV_OK;
}

static bool has_pack(const struct vv_id *id)
{
	char key[VV_STORE_KEY_MAX];

	vv_store_pack_key(key, id);
	return is_there(key);
}

static bool has_tree(const struct vv_id *id)
{
	char key[VV_STORE_KEY_MAX];

	vv_store_tree_key(key, id);
	return is_there(key);
}

static bool is_condemned(const struct vv_id *id)
{
	char key[VV_STORE_KEY_MAX];

	vv_store_condemned_key(key, id);
	return is_there(key);
}

/* ---- phases ---- */

static void what_no_ref_needs_is_condemned_and_later_deleted(void)
{
	struct vv_id old_pack, new_pack, old_tree, new_tree;

	begin();
	old_tree = publish("gcc/12", 0, &old_pack);
	new_tree = publish("gcc/12", SIZE, &new_pack);
	CHECK_INT(gc(HOUR_NS), VV_OK);
	CHECK_INT(stats.condemned, 2);
	CHECK_INT(stats.deleted, 0);
	CHECK_INT(stats.live_objects, 2);
	CHECK(is_condemned(&old_pack) && is_condemned(&old_tree));
	CHECK_INT(gc(HOUR_NS), VV_OK);
	CHECK_INT(stats.waiting, 2);
	CHECK(has_pack(&old_pack) && has_tree(&old_tree));
	vv_sleep_ms(2);
	CHECK_INT(gc(1000000), VV_OK);
	CHECK_INT(stats.deleted, 2);
	CHECK(!has_pack(&old_pack) && !has_tree(&old_tree));
	CHECK(!is_condemned(&old_pack) && !is_condemned(&old_tree));
	CHECK(has_pack(&new_pack) && has_tree(&new_tree));
	end();
}

static void without_grace_one_run_does_both(void)
{
	struct vv_id pack, tree;

	begin();
	tree = publish("a", 0, &pack);
	CHECK_INT(vv_ref_remove(ts.store, "a"), VV_OK);
	CHECK_INT(gc(0), VV_OK);
	CHECK_INT(stats.deleted, 2);
	CHECK(stats.deleted_bytes > 0);
	CHECK(!has_pack(&pack) && !has_tree(&tree) && !is_condemned(&pack));
	end();
}

static void a_dry_run_says_the_same_and_changes_nothing(void)
{
	struct vv_gc_options opts = { .dry_run = true };
	struct vv_id pack, tree;

	begin();
	tree = publish("a", 0, &pack);
	CHECK_INT(vv_ref_remove(ts.store, "a"), VV_OK);
	CHECK_INT(vv_gc(ts.store, &opts, &stats), VV_OK);
	CHECK_INT(stats.deleted, 2);
	CHECK(has_pack(&pack) && has_tree(&tree) && !is_condemned(&pack));
	end();
}

static void what_is_in_use_again_is_pardoned(void)
{
	struct vv_id pack, tree;

	begin();
	tree = publish("a", 0, &pack);
	CHECK_INT(vv_ref_remove(ts.store, "a"), VV_OK);
	CHECK_INT(gc(HOUR_NS), VV_OK);
	CHECK(is_condemned(&pack) && is_condemned(&tree));
	test_ref_put(&ts, "b", &tree);
	CHECK_INT(gc(0), VV_OK);
	CHECK_INT(stats.pardoned, 2);
	CHECK_INT(stats.deleted, 0);
	CHECK(has_pack(&pack) && !is_condemned(&pack) && !is_condemned(&tree));
	end();
}

static void a_record_whose_object_is_gone_is_removed(void)
{
	struct vv_id pack, tree;
	char key[VV_STORE_KEY_MAX];

	begin();
	tree = publish("a", 0, &pack);
	CHECK_INT(vv_ref_remove(ts.store, "a"), VV_OK);
	CHECK_INT(gc(HOUR_NS), VV_OK);
	vv_store_tree_key(key, &tree);
	CHECK_INT(vv_source_remove(ts.source, key), VV_OK);
	CHECK_INT(gc(HOUR_NS), VV_OK);
	CHECK(!is_condemned(&tree) && is_condemned(&pack));
	end();
}

static void a_damaged_record_counts_from_now(void)
{
	char key[VV_STORE_KEY_MAX];
	struct vv_id pack;

	begin();
	publish("a", 0, &pack);
	CHECK_INT(vv_ref_remove(ts.store, "a"), VV_OK);
	vv_store_condemned_key(key, &pack);
	CHECK_INT(vv_source_put(ts.source, key, "junk\n", 5, VV_PUT_NEW), VV_OK);
	CHECK_INT(gc(HOUR_NS), VV_OK);
	CHECK_INT(gc(HOUR_NS), VV_OK);
	CHECK_INT(stats.waiting, 2);
	CHECK(has_pack(&pack));
	end();
}

/* ---- reachability ---- */

static struct vv_id tree_of(const void *bytes, size_t size, const char *ref)
{
	struct vv_tree_meta meta = { .mode = VV_S_IFREG | 0644, .size = size };
	struct vv_tree_builder *b;
	struct vv_id tree;

	vv_hash_id(&meta.blob, bytes, size);
	CHECK_INT(vv_tree_builder_new(&b, VV_TREE_DUP_ERROR), VV_OK);
	CHECK_INT(vv_tree_builder_add(b, "file", &meta), VV_OK);
	tree = test_tree_put(&ts, b);
	test_ref_put(&ts, ref, &tree);
	return tree;
}

static void packs_of_foreign_frames_and_references_are_kept(void)
{
	struct vv_id with_reference, with_frame, with_blob, unneeded;
	struct vv_blob_part part = { 0 };
	struct test_pack tp;

	begin();
	memcpy(content + SIZE, content, SIZE);
	content[SIZE + 100] ^= 1;
	test_pack_begin(&tp);
	test_pack_frame(&tp, content, SIZE);
	with_reference = test_pack_commit(&tp, &ts);
	test_pack_begin(&tp);
	part.frame = test_pack_foreign(&tp, content, SIZE);
	test_pack_frame_ref(&tp, content + SIZE, SIZE, part.frame, content, SIZE);
	with_frame = test_pack_commit(&tp, &ts);
	test_pack_begin(&tp);
	part.frame = test_pack_foreign(&tp, content + SIZE, SIZE);
	test_pack_blob(&tp, content + SIZE, SIZE, &part, 1);
	with_blob = test_pack_commit(&tp, &ts);
	test_pack_begin(&tp);
	test_pack_content(&tp, content + 2 * SIZE, SIZE, 65536);
	unneeded = test_pack_commit(&tp, &ts);
	tree_of(content + SIZE, SIZE, "a");
	CHECK_INT(gc(0), VV_OK);
	CHECK_INT(stats.deleted, 1);
	CHECK(has_pack(&with_reference) && has_pack(&with_frame) &&
	      has_pack(&with_blob));
	CHECK(!has_pack(&unneeded));
	end();
}

/* A pack with the blob that begins at 0 and one more, which gives it another name. */
static struct vv_id pack_with(size_t more)
{
	struct test_pack tp;

	test_pack_begin(&tp);
	test_pack_content(&tp, content, SIZE, 65536);
	test_pack_content(&tp, content + more, SIZE, 65536);
	return test_pack_commit(&tp, &ts);
}

static void of_two_packs_with_a_blob_one_is_kept(void)
{
	struct vv_id one, two;

	begin();
	one = pack_with(SIZE);
	two = pack_with(2 * SIZE);
	tree_of(content, SIZE, "a");
	CHECK_INT(gc(0), VV_OK);
	CHECK_INT(stats.deleted, 1);
	CHECK(has_pack(&one) != has_pack(&two));
	CHECK_INT(gc(0), VV_OK);
	CHECK_INT(stats.deleted, 0);
	end();
}

static void the_pack_that_is_needed_anyway_is_the_one_kept(void)
{
	for (size_t needed = 1; needed <= 2; needed++) {
		struct vv_id packs[3];

		begin();
		packs[1] = pack_with(SIZE);
		packs[2] = pack_with(2 * SIZE);
		tree_of(content, SIZE, "a");
		tree_of(content + needed * SIZE, SIZE, "b");
		CHECK_INT(gc(0), VV_OK);
		CHECK(has_pack(&packs[needed]) && !has_pack(&packs[3 - needed]));
		end();
	}
}

static void condemn_by_hand(const struct vv_id *id)
{
	char key[VV_STORE_KEY_MAX];
	struct vv_buf record;

	vv_buf_init(&record, VV_RECORD_MAX);
	CHECK_INT(vv_record_begin(&record, "condemned"), VV_OK);
	CHECK_INT(vv_record_add_text(&record, "kind", "pack"), VV_OK);
	CHECK_INT(vv_record_add_number(&record, "time", 1), VV_OK);
	CHECK_INT(vv_record_end(&record), VV_OK);
	vv_store_condemned_key(key, id);
	CHECK_INT(vv_source_put(ts.source, key, record.bytes, record.len, VV_PUT_NEW),
		  VV_OK);
	vv_buf_fini(&record);
}

static void a_damaged_pack_stays_condemned_while_it_is_needed(void)
{
	const struct vv_condemned_why damaged = {
		.kind = "pack",
		.why = "damaged",
		.is_damaged = true,
	};
	struct vv_id pack, again;

	begin();
	pack = pack_with(SIZE);
	tree_of(content, SIZE, "a");
	CHECK_INT(vv_condemned_put(ts.store, &pack, 1, &damaged), VV_OK);
	for (int i = 0; i < 2; i++) {
		CHECK_INT(gc(HOUR_NS), VV_OK);
		CHECK_INT(stats.pardoned, 0);
		CHECK(has_pack(&pack) && is_condemned(&pack));
	}
	again = pack_with(2 * SIZE);
	CHECK_INT(gc(HOUR_NS), VV_OK);
	CHECK(!has_pack(&pack) && !is_condemned(&pack) && has_pack(&again));
	end();
}

static void a_condemned_pack_is_kept_only_if_no_other_has_the_blob(void)
{
	for (size_t condemned = 0; condemned < 2; condemned++) {
		struct vv_id packs[2];

		begin();
		packs[0] = pack_with(SIZE);
		packs[1] = pack_with(2 * SIZE);
		tree_of(content, SIZE, "a");
		condemn_by_hand(&packs[condemned]);
		CHECK_INT(gc(HOUR_NS), VV_OK);
		CHECK(!has_pack(&packs[condemned]) && has_pack(&packs[1 - condemned]));
		condemn_by_hand(&packs[1 - condemned]);
		CHECK_INT(gc(HOUR_NS), VV_OK);
		CHECK_INT(stats.pardoned, 1);
		CHECK(has_pack(&packs[1 - condemned]));
		end();
	}
}

/* The first holder by name lists the blob, but its frame is nowhere. */
static void a_pack_whose_copy_is_not_whole_does_not_count(void)
{
	struct vv_blob_part parts[2] = { 0 };
	struct vv_id broken, good;
	struct test_pack tp;

	for (int variant = 0; variant < 4; variant++) {
		begin();
		test_pack_begin(&tp);
		parts[0].frame = test_pack_foreign(&tp, content, 20000);
		parts[1].frame = test_pack_frame(&tp, content + 20000, SIZE - 20000);
		parts[1].start = 20000;
		test_pack_blob(&tp, content, SIZE, parts, 2);
		test_pack_frame(&tp, content + 3 * SIZE + variant, 1000);
		broken = test_pack_commit(&tp, &ts);
		good = pack_with(SIZE);
		tree_of(content, SIZE, "a");
		CHECK_INT(gc(0), VV_OK);
		CHECK(has_pack(&good) && !has_pack(&broken));
		end();
	}
}

static void blobs_of_named_streams_are_needed_too(void)
{
	struct vv_tree_meta meta = { .mode = VV_S_IFREG | 0644 };
	uint8_t value[40] = { 0 };
	struct vv_extra extra = { .type = VV_EXTRA_STREAM,
				  .name = "s",
				  .name_len = 1,
				  .value = value,
				  .value_len = sizeof value };
	struct vv_tree_builder *b;
	struct test_pack tp;
	struct vv_id pack, tree, blob;

	begin();
	vv_hash_id(&blob, content, SIZE);
	value[0] = SIZE & 0xff;
	value[1] = SIZE >> 8 & 0xff;
	memcpy(value + 8, blob.bytes, VV_ID_BYTES);
	meta.extras = &extra;
	meta.extra_count = 1;
	test_pack_begin(&tp);
	test_pack_content(&tp, content, SIZE, 65536);
	pack = test_pack_commit(&tp, &ts);
	CHECK_INT(vv_tree_builder_new(&b, VV_TREE_DUP_ERROR), VV_OK);
	CHECK_INT(vv_tree_builder_add(b, "file", &meta), VV_OK);
	tree = test_tree_put(&ts, b);
	test_ref_put(&ts, "a", &tree);
	CHECK_INT(gc(0), VV_OK);
	CHECK(has_pack(&pack));
	end();
}

/* ---- announcements ---- */

static void an_intent_protects_what_it_names(void)
{
	struct vv_announce *a;
	struct vv_id pack, tree, other;

	begin();
	tree = publish("a", 0, &pack);
	CHECK_INT(vv_ref_remove(ts.store, "a"), VV_OK);
	other = pack_with(3 * SIZE);
	CHECK_INT(vv_announce_open(&a, ts.store, VV_ANNOUNCE_INTENT, NULL), VV_OK);
	CHECK_INT(vv_announce_tree(a, &tree), VV_OK);
	CHECK_INT(vv_announce_pack(a, &other), VV_OK);
	CHECK_INT(vv_announce_flush(a), VV_OK);
	CHECK_INT(gc(0), VV_OK);
	/* The blob of the tree is in `other` too, which is alive by name. */
	CHECK(has_tree(&tree) && has_pack(&other) && !has_pack(&pack));
	vv_announce_close(a);
	CHECK_INT(gc(0), VV_OK);
	CHECK(!has_tree(&tree) && !has_pack(&other));
	end();
}

static void a_lease_protects_its_trees_and_their_packs(void)
{
	struct vv_announce *a;
	struct vv_id pack, tree;

	begin();
	tree = publish("a", 0, &pack);
	CHECK_INT(vv_announce_open(&a, ts.store, VV_ANNOUNCE_LEASE, "/mnt"), VV_OK);
	CHECK_INT(vv_announce_tree(a, &tree), VV_OK);
	CHECK_INT(vv_announce_flush(a), VV_OK);
	CHECK_INT(vv_ref_remove(ts.store, "a"), VV_OK);
	CHECK_INT(gc(0), VV_OK);
	CHECK(has_tree(&tree) && has_pack(&pack));
	CHECK_INT(vv_announce_forget_tree(a, &tree), VV_OK);
	CHECK_INT(vv_announce_flush(a), VV_OK);
	CHECK_INT(gc(0), VV_OK);
	CHECK(!has_tree(&tree) && !has_pack(&pack));
	vv_announce_close(a);
	end();
}

static void put_announcement(const char *key, const char *kind, const char *host,
			     const char *boot, int64_t pid, int64_t renewed,
			     const struct vv_id *tree, bool is_gc)
{
	struct vv_buf record;

	vv_buf_init(&record, VV_RECORD_MAX);
	CHECK_INT(vv_record_begin(&record, kind), VV_OK);
	CHECK_INT(vv_record_add_text(&record, "host", host), VV_OK);
	CHECK_INT(vv_record_add_text(&record, "boot", boot), VV_OK);
	CHECK_INT(vv_record_add_number(&record, "pid", pid), VV_OK);
	CHECK_INT(vv_record_add_number(&record, "renewed", renewed), VV_OK);
	if (is_gc)
		CHECK_INT(vv_record_add_text(&record, "role", "gc"), VV_OK);
	if (tree)
		CHECK_INT(vv_record_add_id(&record, "tree", tree), VV_OK);
	CHECK_INT(vv_record_end(&record), VV_OK);
	CHECK_INT(vv_source_put(ts.source, key, record.bytes, record.len,
				VV_PUT_REPLACE),
		  VV_OK);
	vv_buf_fini(&record);
}

static void announcements_of_the_dead_are_removed_and_protect_nothing(void)
{
	char host[VV_SYSTEM_NAME_BYTES], boot[VV_SYSTEM_NAME_BYTES];
	const int64_t dead = INT32_MAX; /* above every pid_max */
	int64_t now = vv_time_ns();
	struct vv_id pack, tree;

	begin();
	vv_host_name(host);
	vv_boot_name(boot);
	tree = publish("a", 0, &pack);
	CHECK_INT(vv_ref_remove(ts.store, "a"), VV_OK);
	put_announcement("leases/1", "lease", host, boot, dead, now, &tree, false);
	put_announcement("intents/1", "intent", "far", "x", 1,
			 now - VV_ANNOUNCE_LIFE_NS - 1, &tree, false);
	CHECK_INT(gc(0), VV_OK);
	CHECK(!is_there("leases/1") && !is_there("intents/1"));
	CHECK(!has_tree(&tree));
	end();
}

static void those_of_other_machines_live_by_their_time(void)
{
	char host[VV_SYSTEM_NAME_BYTES];
	struct vv_id pack, tree;

	begin();
	vv_host_name(host);
	tree = publish("a", 0, &pack);
	CHECK_INT(vv_ref_remove(ts.store, "a"), VV_OK);
	/* The same host in another boot, or another space of process ids: no proof. */
	put_announcement("leases/1", "lease", host, "other-boot", INT32_MAX,
			 vv_time_ns() - VV_ANNOUNCE_LIFE_NS / 2, &tree, false);
	CHECK_INT(gc(0), VV_OK);
	CHECK(is_there("leases/1") && has_tree(&tree) && has_pack(&pack));
	end();
}

static bool unfinished_is_there(void)
{
	char *path = temp_path(ts.path, ".tmp-x");
	bool is = access(path, F_OK) == 0;

	free(path);
	return is;
}

static void leave_unfinished(int seconds)
{
	char *path = temp_path(ts.path, ".tmp-x");
	struct timespec times[2];

	temp_file(path, "x", 1);
	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec -= seconds;
	times[1] = times[0];
	CHECK_INT(utimensat(AT_FDCWD, path, times, 0), 0);
	free(path);
}

static void unfinished_objects_stay_a_day_only_while_there_is_a_publisher(void)
{
	struct vv_announce *a;

	begin();
	leave_unfinished(3600);
	CHECK_INT(vv_announce_open(&a, ts.store, VV_ANNOUNCE_INTENT, NULL), VV_OK);
	CHECK_INT(gc(0), VV_OK);
	CHECK(unfinished_is_there());
	vv_announce_close(a);
	CHECK_INT(gc(0), VV_OK);
	CHECK(!unfinished_is_there());
	leave_unfinished(30);
	CHECK_INT(gc(0), VV_OK);
	CHECK(unfinished_is_there()); /* of who came since */
	end();
}

static void two_at_a_time_refuse(void)
{
	char host[VV_SYSTEM_NAME_BYTES], boot[VV_SYSTEM_NAME_BYTES];
	struct vv_id pack;

	begin();
	vv_host_name(host);
	vv_boot_name(boot);
	publish("a", 0, &pack);
	CHECK_INT(vv_ref_remove(ts.store, "a"), VV_OK);
	put_announcement("intents/1", "intent", host, boot, (int64_t)vv_process_id(),
			 vv_time_ns(), NULL, true);
	CHECK_INT(gc(0), VV_EBUSY);
	CHECK(has_pack(&pack) && !is_condemned(&pack));
	put_announcement("intents/1", "intent", host, boot, INT32_MAX, vv_time_ns(),
			 NULL, true);
	CHECK_INT(gc(0), VV_OK);
	CHECK(!has_pack(&pack));
	end();
}

static void an_owner_taken_for_dead_does_not_come_back(void)
{
	struct vv_announce *a;
	struct vv_id id = { { 1 } };

	begin();
	CHECK_INT(vv_announce_open(&a, ts.store, VV_ANNOUNCE_INTENT, NULL), VV_OK);
	CHECK_INT(vv_announce_check(a), VV_OK);
	CHECK_INT(vv_source_remove(ts.source, vv_announce_key(a)), VV_OK);
	CHECK_INT(vv_announce_flush(a), VV_OK); /* nothing to say: not looked */
	CHECK_INT(vv_announce_tree(a, &id), VV_OK);
	CHECK_INT(vv_announce_flush(a), VV_ESTALE);
	CHECK_INT(vv_announce_check(a), VV_ESTALE);
	CHECK(!is_there(vv_announce_key(a)));
	vv_announce_close(a);
	end();
}

/* ---- refusals ---- */

static void expect_refusal(int err)
{
	struct vv_id pack = pack_with(4 * SIZE);

	CHECK_INT(gc(0), err);
	CHECK(has_pack(&pack) && !is_condemned(&pack));
}

static void an_unreadable_ref_stops_removal(void)
{
	begin();
	CHECK_INT(vv_source_put(ts.source, "refs/bad", "junk\n", 5, VV_PUT_NEW), VV_OK);
	expect_refusal(VV_ECORRUPT);
	end();
}

static void an_unreadable_announcement_stops_removal(void)
{
	begin();
	CHECK_INT(vv_source_put(ts.source, "leases/1", "junk\n", 5, VV_PUT_NEW), VV_OK);
	expect_refusal(VV_ECORRUPT);
	end();
}

static void a_missing_tree_stops_removal(void)
{
	struct vv_id id = { { 1 } };

	begin();
	test_ref_put(&ts, "a", &id);
	expect_refusal(VV_ENOENT);
	end();
}

static void a_lost_blob_stops_removal(void)
{
	begin();
	tree_of(content + 7 * SIZE, SIZE, "a");
	expect_refusal(VV_ECORRUPT);
	end();
}

static void an_intent_may_name_a_tree_that_is_still_to_come(void)
{
	struct vv_announce *a;
	struct vv_id id = { { 1 } };

	begin();
	CHECK_INT(vv_announce_open(&a, ts.store, VV_ANNOUNCE_INTENT, NULL), VV_OK);
	CHECK_INT(vv_announce_tree(a, &id), VV_OK);
	CHECK_INT(vv_announce_flush(a), VV_OK);
	CHECK_INT(gc(0), VV_OK);
	vv_announce_close(a);
	end();
}

/* ---- races with a publisher, step by step ---- */

static struct vv_announce *late;

/* The publisher names the pack just after gc condemned it. */
static void name_when_condemned(void *ctx, const struct vv_gc_item *item)
{
	const struct vv_id *pack = ctx;

	if (item->verdict != VV_GC_CONDEMN || late)
		return;
	CHECK_INT(vv_announce_open(&late, ts.store, VV_ANNOUNCE_INTENT, NULL), VV_OK);
	CHECK_INT(vv_announce_pack(late, pack), VV_OK);
	CHECK_INT(vv_announce_flush(late), VV_OK);
}

static void an_intent_between_condemning_and_deleting_saves_the_pack(void)
{
	struct vv_gc_options opts = { .report = name_when_condemned };
	struct vv_id pack;

	begin();
	pack = pack_with(SIZE);
	opts.ctx = &pack;
	CHECK_INT(vv_gc(ts.store, &opts, &stats), VV_OK);
	CHECK_INT(stats.condemned, 1);
	CHECK_INT(stats.pardoned, 1);
	CHECK(has_pack(&pack) && !is_condemned(&pack));
	vv_announce_close(late);
	late = NULL;
	end();
}

/* Something happens once, just before the listing of a prefix. */
struct meanwhile {
	const char *prefix;
	bool is_done;
};

static int publish_meanwhile(void *ctx, const struct vv_source_event *event)
{
	struct meanwhile *m = ctx;

	if (m->is_done || event->op != VV_SOURCE_LIST ||
	    strcmp(event->key, m->prefix) != 0)
		return VV_OK;
	m->is_done = true;
	publish("new", 5 * SIZE, NULL);
	return VV_OK;
}

/* All of a publication happens at each point of a run; nothing of it may go. */
static void a_publication_at_any_step_of_a_run_is_spared(void)
{
	static const char *const steps[] = { "trees/",	 "packs/",  "condemned/",
					     "intents/", "leases/", "refs/" };

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct meanwhile m = { .prefix = steps[i] };
		struct vv_source_hooks hooks = { .name = "meanwhile",
						 .ctx = &m,
						 .before = publish_meanwhile };
		struct vv_source *dir, *src;
		struct vv_store *store;
		struct vv_gc_options opts = { 0 };
		struct vv_id garbage;
		struct vv_ref ref;

		begin();
		garbage = pack_with(SIZE);
		CHECK_INT(vv_source_dir_new(&dir, ts.path, 0), VV_OK);
		CHECK_INT(vv_source_hook_new(&src, dir, &hooks), VV_OK);
		CHECK_INT(vv_store_open(&store, src), VV_OK);
		CHECK_INT(vv_gc(store, &opts, &stats), VV_OK);
		CHECK(m.is_done);
		CHECK(!has_pack(&garbage));
		CHECK_INT(vv_gc(store, &opts, &stats), VV_OK);
		CHECK_INT(stats.deleted, 0);
		CHECK_INT(stats.live_objects, 2);
		CHECK_INT(vv_ref_get(store, "new", &ref), VV_OK);
		CHECK(has_tree(&ref.tree));
		vv_store_close(store);
		end();
	}
}

int main(void)
{
	RUN(what_no_ref_needs_is_condemned_and_later_deleted);
	RUN(without_grace_one_run_does_both);
	RUN(a_dry_run_says_the_same_and_changes_nothing);
	RUN(what_is_in_use_again_is_pardoned);
	RUN(a_record_whose_object_is_gone_is_removed);
	RUN(a_damaged_record_counts_from_now);
	RUN(packs_of_foreign_frames_and_references_are_kept);
	RUN(of_two_packs_with_a_blob_one_is_kept);
	RUN(the_pack_that_is_needed_anyway_is_the_one_kept);
	RUN(a_damaged_pack_stays_condemned_while_it_is_needed);
	RUN(a_condemned_pack_is_kept_only_if_no_other_has_the_blob);
	RUN(a_pack_whose_copy_is_not_whole_does_not_count);
	RUN(blobs_of_named_streams_are_needed_too);
	RUN(an_intent_protects_what_it_names);
	RUN(a_lease_protects_its_trees_and_their_packs);
	RUN(announcements_of_the_dead_are_removed_and_protect_nothing);
	RUN(those_of_other_machines_live_by_their_time);
	RUN(unfinished_objects_stay_a_day_only_while_there_is_a_publisher);
	RUN(two_at_a_time_refuse);
	RUN(an_owner_taken_for_dead_does_not_come_back);
	RUN(an_unreadable_ref_stops_removal);
	RUN(an_unreadable_announcement_stops_removal);
	RUN(a_missing_tree_stops_removal);
	RUN(a_lost_blob_stops_removal);
	RUN(an_intent_may_name_a_tree_that_is_still_to_come);
	RUN(an_intent_between_condemning_and_deleting_saves_the_pack);
	RUN(a_publication_at_any_step_of_a_run_is_spared);
	return test_report();
}
