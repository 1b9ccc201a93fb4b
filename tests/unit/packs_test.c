#include "store/store.h"

#include "codec/hash.h"
#include "core/err.h"
#include "core/log.h"
#include "lib/teststore.h"
#include "os/system.h"
#include "os/thread.h"
#include "source/source.h"
#include "test.h"

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MANY = 1100, /* more than the files that may be open */
	SIZE = 5000,
};

static struct test_store ts;
static uint8_t content[SIZE];

/* A pack with one blob, told apart by @seed. */
static struct vv_id add_pack(uint64_t seed)
{
	struct test_pack tp;

	test_fill(content, sizeof content, seed);
	test_pack_begin(&tp);
	test_pack_content(&tp, content, sizeof content, 65536);
	return test_pack_commit(&tp, &ts);
}

static struct vv_id blob_of(uint64_t seed)
{
	struct vv_id id;

	test_fill(content, sizeof content, seed);
	vv_hash_id(&id, content, sizeof content);
	return id;
}

static void a_blob_is_found_in_the_pack_that_holds_it(void)
{
	const struct vv_pack *pack;
	struct vv_pack_set *set;
	struct vv_id ids[20], id;
	struct vv_blob blob;
	uint32_t hint = 0;

	test_store_make(&ts);
	for (uint64_t i = 0; i < 20; i++)
		ids[i] = add_pack(i);
	CHECK_INT(vv_store_packs(ts.store, &set), VV_OK);
	CHECK_INT(vv_pack_set_count(set), 20);
	for (uint64_t i = 0; i < 20; i++) {
		id = blob_of(i);
		CHECK_INT(vv_pack_set_find_blob(set, &id, &hint, &pack, &blob), VV_OK);
		CHECK(vv_id_equal(&pack->id, &ids[i]));
		CHECK(vv_pack_set_get(set, hint) == pack);
		CHECK_INT(blob.size, SIZE);
		CHECK_INT(vv_pack_set_find_blob(set, &id, NULL, &pack, &blob), VV_OK);
		CHECK(vv_id_equal(&pack->id, &ids[i]));
	}
	id = blob_of(99);
	CHECK_INT(vv_pack_set_find_blob(set, &id, &hint, &pack, &blob), VV_ENOENT);
	CHECK(!pack);
	vv_pack_set_unref(set);
	test_store_drop(&ts);
}

static void a_frame_is_found_where_its_bytes_are(void)
{
	const struct vv_pack *pack;
	struct vv_pack_set *set;
	struct vv_frame frame;
	struct vv_id stored, id;
	struct test_pack tp;

	test_store_make(&ts);
	stored = add_pack(1);
	id = blob_of(1); /* one frame holds all of it */
	for (unsigned i = 0; i < 3; i++) {
		test_pack_begin(&tp);
		test_pack_foreign(&tp, content, sizeof content);
		test_pack_frame(&tp, &i, sizeof i);
		test_pack_commit(&tp, &ts);
	}
	CHECK_INT(vv_store_packs(ts.store, &set), VV_OK);
	CHECK_INT(vv_pack_set_find_frame(set, &id, NULL, &pack, &frame), VV_OK);
	CHECK(vv_id_equal(&pack->id, &stored));
	CHECK(frame.offset > 0);
	vv_pack_set_unref(set);
	test_store_drop(&ts);
}

static void all_copies_are_met_one_after_the_other(void)
{
	const struct vv_pack *pack, *first;
	struct vv_pack_set *set;
	struct vv_blob blob;
	struct vv_id id;
	size_t pos = 0;

	test_store_make(&ts);
	for (uint64_t i = 1; i <= 2; i++) {
		struct test_pack tp;

		test_pack_begin(&tp);
		test_fill(content, sizeof content, 7);
		test_pack_content(&tp, content, sizeof content, 65536);
		test_fill(content, sizeof content, i);
		test_pack_content(&tp, content, sizeof content, 65536);
		test_pack_commit(&tp, &ts);
	}
	add_pack(3);
	id = blob_of(7);
	CHECK_INT(vv_store_packs(ts.store, &set), VV_OK);
	CHECK_INT(vv_pack_set_next_blob(set, &id, &pos, &first, &blob), 1);
	CHECK_INT(vv_pack_set_next_blob(set, &id, &pos, &pack, &blob), 1);
	CHECK(pack != first);
	CHECK_INT(vv_pack_set_next_blob(set, &id, &pos, &pack, &blob), 0);
	vv_pack_set_unref(set);
	test_store_drop(&ts);
}

static void a_refresh_keeps_what_is_there_and_drops_what_is_gone(void)
{
	char key[VV_STORE_KEY_MAX];
	struct vv_pack_set *old, *new;
	struct vv_id keep, gone, fresh;
	const struct vv_pack *pack;
	size_t i;

	test_store_make(&ts);
	keep = add_pack(1);
	gone = add_pack(2);
	CHECK_INT(vv_store_packs(ts.store, &old), VV_OK);
	CHECK_INT(vv_pack_set_index(old, &keep, &i), VV_OK);
	pack = vv_pack_set_get(old, i);
	fresh = add_pack(3);
	vv_store_pack_key(key, &gone);
	CHECK_INT(vv_source_remove(ts.source, key), VV_OK);
	CHECK_INT(vv_store_packs_refresh(ts.store, &new), VV_OK);
	CHECK_INT(vv_pack_set_count(new), 2);
	CHECK_INT(vv_pack_set_index(new, &gone, &i), VV_ENOENT);
	CHECK_INT(vv_pack_set_index(new, &fresh, &i), VV_OK);
	CHECK_INT(vv_pack_set_index(new, &keep, &i), VV_OK);
	CHECK(vv_pack_set_get(new, i) == pack); /* the same mapping */
	CHECK_INT(vv_pack_set_count(old), 2);
	vv_pack_set_unref(old);
	vv_pack_set_unref(new);
	test_store_drop(&ts);
}

static unsigned lines;

static void count_line(void *ctx, enum vv_log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
	lines++;
}

static void a_damaged_index_is_told_once_and_passed_over(void)
{
	const struct vv_pack *pack;
	char key[VV_STORE_KEY_MAX];
	struct vv_pack_set *set;
	struct vv_id bad = { { 1 } }, good, missing;
	struct vv_blob blob;
	size_t i;

	test_store_make(&ts);
	add_pack(1);
	vv_store_pack_key(key, &bad);
	CHECK_INT(vv_source_put(ts.source, key, content, sizeof content, VV_PUT_NEW),
		  VV_OK);
	good = blob_of(1);
	missing = blob_of(2);
	lines = 0;
	vv_log_set_sink(count_line, NULL);
	for (int round = 0; round < 3; round++) {
		CHECK_INT(vv_store_packs_refresh(ts.store, &set), VV_OK);
		CHECK_INT(vv_pack_set_count(set), 2);
		CHECK_INT(vv_pack_set_index(set, &bad, &i), VV_OK);
		CHECK(!vv_pack_set_get(set, i));
		CHECK_INT(vv_pack_set_find_blob(set, &good, NULL, &pack, &blob), VV_OK);
		/* It might have been in there. */
		CHECK_INT(vv_pack_set_find_blob(set, &missing, NULL, &pack, &blob),
			  VV_ECORRUPT);
		vv_pack_set_unref(set);
	}
	vv_log_set_sink(NULL, NULL);
	CHECK_INT(lines, 1);
	test_store_drop(&ts);
}

static void what_is_no_pack_is_ignored(void)
{
	struct vv_pack_set *set;

	test_store_make(&ts);
	CHECK_INT(vv_source_put(ts.source, "packs/readme", "hi", 2, VV_PUT_NEW), VV_OK);
	CHECK_INT(vv_source_put(ts.source, "packs/00/readme", "hi", 2, VV_PUT_NEW),
		  VV_OK);
	CHECK_INT(vv_store_packs(ts.store, &set), VV_OK);
	CHECK_INT(vv_pack_set_count(set), 0);
	vv_pack_set_unref(set);
	test_store_drop(&ts);
}

static void look_for_all(void *arg)
{
	struct vv_pack_set *set = arg;
	const struct vv_pack *pack;
	struct vv_blob blob;
	struct vv_id id = { { 0 } };

	CHECK_INT(vv_pack_set_find_blob(set, &id, NULL, &pack, &blob), VV_ENOENT);
}

static void many_threads_load_the_same_indexes(void)
{
	struct vv_thread threads[8];
	struct vv_pack_set *set;

	test_store_make(&ts);
	for (uint64_t i = 0; i < 50; i++)
		add_pack(i);
	CHECK_INT(vv_store_packs(ts.store, &set), VV_OK);
	for (int i = 0; i < 8; i++)
		CHECK_INT(vv_thread_create(&threads[i], "finder", look_for_all, set, 0),
			  VV_OK);
	for (int i = 0; i < 8; i++)
		vv_thread_join(&threads[i]);
	vv_pack_set_unref(set);
	test_store_drop(&ts);
}

static unsigned open_files(void)
{
	unsigned n = 0;
	struct stat st;

	for (int fd = 0; fd < 4096; fd++)
		n += fstat(fd, &st) == 0;
	return n;
}

/* Listing is all that mounting costs; no pack keeps a file open. */
static void a_thousand_packs_need_no_open_files(void)
{
	const struct rlimit few = { 200, 200 };
	struct vv_pack_set *set;
	const struct vv_pack *pack;
	struct vv_blob blob;
	struct vv_id id;

	test_store_make(&ts);
	for (uint64_t i = 0; i < MANY; i++)
		add_pack(i);
	test_store_reopen(&ts);
	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
	CHECK_INT(vv_store_packs(ts.store, &set), VV_OK);
	CHECK_INT(vv_pack_set_count(set), MANY);
	for (uint64_t i = 0; i < MANY; i += 100) {
		id = blob_of(i);
		CHECK_INT(vv_pack_set_find_blob(set, &id, NULL, &pack, &blob), VV_OK);
	}
	for (size_t i = 0; i < MANY; i++)
		CHECK(vv_pack_set_get(set, i));
	CHECK(open_files() < 100);
	vv_pack_set_unref(set);
	test_store_drop(&ts);
}

int main(void)
{
	RUN(a_blob_is_found_in_the_pack_that_holds_it);
	RUN(a_frame_is_found_where_its_bytes_are);
	RUN(all_copies_are_met_one_after_the_other);
	RUN(a_refresh_keeps_what_is_there_and_drops_what_is_gone);
	RUN(a_damaged_index_is_told_once_and_passed_over);
	RUN(what_is_no_pack_is_ignored);
	RUN(many_threads_load_the_same_indexes);
	RUN(a_thousand_packs_need_no_open_files);
	return test_report();
}
