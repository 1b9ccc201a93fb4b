/* posix: removes packs that are mapped */
#include "store/reader.h"

#include "cache/budget.h"
#include "codec/hash.h"
#include "core/err.h"
#include "core/log.h"
#include "lib/teststore.h"
#include "os/thread.h"
#include "source/source.h"
#include "store/store.h"
#include "test.h"

enum {
	BIG = 3 * 1024 * 1024 + 123,
	LIMIT = 32 << 20,
};

static struct test_store ts;
static struct vv_budget *budget;
static struct vv_frame_cache *cache;
static struct vv_reader *reader;
static uint8_t big[BIG], buf[BIG];
static struct vv_read answer;

static void open_reader(size_t limit)
{
	CHECK_INT(vv_budget_new(&budget, limit), VV_OK);
	CHECK_INT(vv_frame_cache_new(&cache, budget, &test_pages), VV_OK);
	CHECK_INT(vv_reader_new(&reader, ts.store, cache, budget), VV_OK);
}

static void close_reader(void)
{
	vv_reader_free(reader);
	vv_frame_cache_free(cache);
	vv_budget_free(budget);
}

static void begin(void)
{
	test_store_make(&ts);
	test_fill(big, sizeof big, 1);
}

static void end(void)
{
	close_reader();
	test_store_drop(&ts);
}

static struct vv_id id_of(const void *bytes, size_t size)
{
	struct vv_id id;

	vv_hash_id(&id, bytes, size);
	return id;
}

/* Read [off, off+len) of @content both ways and compare. */
static void expect(const uint8_t *content, size_t size, size_t off, size_t len)
{
	struct vv_id id = id_of(content, size);
	size_t want = len < size - off ? len : size - off;
	size_t at = off;

	CHECK_INT(vv_reader_read(reader, &id, size, off, len, &answer), VV_OK);
	CHECK_INT(answer.size, want);
	for (unsigned i = 0; i < answer.span_count; i++) {
		CHECK(memcmp(answer.spans[i].bytes, content + at,
			     answer.spans[i].size) == 0);
		at += answer.spans[i].size;
	}
	CHECK_INT(at, off + want);
	vv_reader_done(reader, &answer);
	memset(buf, 0xee, want);
	CHECK_INT(vv_reader_copy(reader, &id, size, off, buf, want), VV_OK);
	CHECK(memcmp(buf, content + off, want) == 0);
}

static void put_content(const void *content, size_t size)
{
	struct test_pack tp;

	test_pack_begin(&tp);
	test_pack_content(&tp, content, size, 65536);
	test_pack_commit(&tp, &ts);
}

static void any_range_of_a_big_blob_reads_as_its_bytes(void)
{
	begin();
	put_content(big, sizeof big);
	open_reader(LIMIT);
	for (size_t off = 0; off < sizeof big; off += 333333)
		expect(big, sizeof big, off, VV_READ_MAX);
	expect(big, sizeof big, sizeof big - 1, 100);
	expect(big, sizeof big, 65535, 2);
	end();
}

static void a_read_at_or_beyond_the_end_is_empty(void)
{
	struct vv_id id;

	begin();
	put_content(big, 1000);
	open_reader(LIMIT);
	id = id_of(big, 1000);
	CHECK_INT(vv_reader_read(reader, &id, 1000, 1000, 10, &answer), VV_OK);
	CHECK_INT(answer.size, 0);
	CHECK_INT(vv_reader_read(reader, &id, 1000, UINT64_MAX, 10, &answer), VV_OK);
	CHECK_INT(answer.size, 0);
	CHECK_INT(vv_reader_copy(reader, &id, 1000, 999, buf, 2), VV_EINVAL);
	end();
}

static void warm_reads_fetch_nothing_and_give_the_cached_bytes_in_place(void)
{
	struct vv_reader_stats stats;
	struct vv_frame_cache_stats cs;
	const uint8_t *first;
	struct vv_id id;

	begin();
	put_content(big, 200000);
	open_reader(LIMIT);
	id = id_of(big, 200000);
	CHECK_INT(vv_reader_read(reader, &id, 200000, 0, 200000, &answer), VV_OK);
	first = answer.spans[0].bytes;
	vv_reader_done(reader, &answer);
	CHECK_INT(vv_reader_read(reader, &id, 200000, 0, 200000, &answer), VV_OK);
	CHECK(answer.spans[0].bytes == first);
	vv_frame_cache_get_stats(cache, &cs);
	CHECK_INT(cs.bytes_pinned, 200000);
	vv_reader_done(reader, &answer);
	vv_frame_cache_get_stats(cache, &cs);
	CHECK_INT(cs.bytes_pinned, 0);
	vv_reader_get_stats(reader, &stats);
	CHECK_INT(stats.frames_fetched, 4);
	CHECK_INT(stats.bytes_read, 400000);
	end();
}

static void holes_read_as_zeros(void)
{
	static uint8_t sparse[600000];
	struct vv_blob_part parts[3];
	struct test_pack tp;

	begin();
	memcpy(sparse, big, 10000);
	memcpy(sparse + 590000, big, 10000);
	test_pack_begin(&tp);
	parts[0] = (struct vv_blob_part){ 0, test_pack_frame(&tp, big, 10000), 0 };
	parts[1] = (struct vv_blob_part){ 10000, VV_NONE, 0 };
	parts[2] = (struct vv_blob_part){ 590000, parts[0].frame, 0 };
	test_pack_blob(&tp, sparse, sizeof sparse, parts, 3);
	test_pack_commit(&tp, &ts);
	open_reader(LIMIT);
	expect(sparse, sizeof sparse, 0, sizeof sparse);
	expect(sparse, sizeof sparse, 9999, 100000);
	end();
}

/* Two versions of one content, the second compressed against the first. */
static uint32_t add_referring(struct test_pack *tp, uint32_t ref)
{
	memcpy(big + 100000, big, 60000);
	big[100000 + 30000] ^= 1;
	return test_pack_frame_ref(tp, big + 100000, 60000, ref, big, 60000);
}

static void a_frame_is_decoded_against_its_reference(void)
{
	struct test_pack tp;
	struct vv_blob_part part = { 0 };

	begin();
	test_pack_begin(&tp);
	part.frame = test_pack_frame(&tp, big, 60000);
	part.frame = add_referring(&tp, part.frame);
	test_pack_blob(&tp, big + 100000, 60000, &part, 1);
	test_pack_commit(&tp, &ts);
	open_reader(LIMIT);
	expect(big + 100000, 60000, 0, 60000);
	end();
}

static void frames_and_references_in_other_packs_are_found(void)
{
	struct test_pack tp;
	struct vv_blob_part parts[2] = { 0 };

	begin();
	test_pack_begin(&tp);
	test_pack_frame(&tp, big, 60000);
	test_pack_commit(&tp, &ts);
	test_pack_begin(&tp);
	parts[0].frame = test_pack_foreign(&tp, big, 60000);
	parts[1].frame = add_referring(&tp, parts[0].frame);
	parts[1].start = 60000;
	memmove(big + 60000, big + 100000, 60000);
	test_pack_blob(&tp, big, 120000, parts, 2);
	test_pack_commit(&tp, &ts);
	open_reader(LIMIT);
	expect(big, 120000, 0, 120000);
	end();
}

static void a_bad_frame_is_corrupt_for_its_blob_alone(void)
{
	struct vv_id pack, frame, good, bad;
	struct test_pack tp;

	begin();
	test_pack_begin(&tp);
	test_pack_content(&tp, big, 60000, 65536);
	test_pack_content(&tp, big + 60000, 60000, 65536);
	pack = test_pack_commit(&tp, &ts);
	bad = frame = id_of(big, 60000);
	good = id_of(big + 60000, 60000);
	test_pack_damage(&ts, &pack, &frame);
	open_reader(LIMIT);
	CHECK_INT(vv_reader_copy(reader, &bad, 60000, 0, buf, 60000), VV_ECORRUPT);
	CHECK_INT(vv_reader_read(reader, &bad, 60000, 0, 60000, &answer), VV_ECORRUPT);
	CHECK_INT(vv_reader_copy(reader, &good, 60000, 0, buf, 60000), VV_OK);
	end();
}

static void a_good_copy_in_another_pack_heals_a_bad_one(void)
{
	struct vv_id pack, id;
	struct test_pack tp;

	begin();
	for (int i = 0; i < 2; i++) {
		test_pack_begin(&tp);
		test_pack_content(&tp, big, 60000, 65536);
		test_pack_frame(&tp, big + 70000 + i, 1000); /* another name */
		pack = test_pack_commit(&tp, &ts);
	}
	id = id_of(big, 60000);
	test_pack_damage(&ts, &pack, &id);
	open_reader(LIMIT);
	expect(big, 60000, 0, 60000);
	end();
}

static unsigned told;

static void count_line(void *ctx, enum vv_log_level level, const char *text)
{
	(void)ctx, (void)level, (void)text;
	told++;
}

/* A second pack holds the blob through a frame that nobody has: no reason to complain. */
static void another_pack_with_the_blob_is_tried_in_silence(void)
{
	struct vv_blob_part parts[2] = { 0 };
	struct test_pack tp;

	for (int order = 0; order < 8; order++) {
		begin();
		test_pack_begin(&tp);
		parts[0].frame = test_pack_foreign(&tp, big, 50000);
		parts[1].frame = test_pack_frame(&tp, big + 50000, 10000);
		parts[1].start = 50000;
		test_pack_blob(&tp, big, 60000, parts, 2);
		test_pack_frame(&tp, big + 80000 + order, 1000); /* other ids */
		test_pack_commit(&tp, &ts);
		test_pack_begin(&tp);
		test_pack_content(&tp, big, 60000, 65536);
		test_pack_frame(&tp, big + 70000 + order, 1000);
		test_pack_commit(&tp, &ts);
		open_reader(LIMIT);
		told = 0;
		vv_log_set_sink(count_line, NULL);
		expect(big, 60000, 0, 60000);
		CHECK_INT(told, 0);
		vv_log_set_sink(NULL, NULL);
		end();
	}
}

static void a_blob_that_is_whole_nowhere_is_told_once(void)
{
	struct vv_blob_part part = { 0 };
	struct test_pack tp;
	struct vv_id id;

	begin();
	test_pack_begin(&tp);
	part.frame = test_pack_foreign(&tp, big, 60000);
	test_pack_blob(&tp, big, 60000, &part, 1);
	test_pack_commit(&tp, &ts);
	id = id_of(big, 60000);
	open_reader(LIMIT);
	told = 0;
	vv_log_set_sink(count_line, NULL);
	CHECK_INT(vv_reader_copy(reader, &id, 60000, 0, buf, 60000), VV_ENOENT);
	CHECK_INT(told, 1);
	vv_log_set_sink(NULL, NULL);
	end();
}

static void a_pack_that_came_later_is_found(void)
{
	struct vv_id id = { { 1 } };

	begin();
	open_reader(LIMIT);
	put_content(big, 60000);
	expect(big, 60000, 0, 60000);
	CHECK_INT(vv_reader_copy(reader, &id, 10, 0, buf, 10), VV_ENOENT);
	end();
}

/* However short ago the reader looked for itself. */
static void what_the_store_came_to_know_is_found_at_once(void)
{
	struct vv_id id = { { 1 } };

	begin();
	open_reader(LIMIT);
	CHECK_INT(vv_reader_copy(reader, &id, 10, 0, buf, 10), VV_ENOENT);
	for (size_t i = 1; i <= 3; i++) {
		put_content(big, i * 10000);
		CHECK_INT(vv_store_packs_refresh(ts.store, NULL), VV_OK);
		expect(big, i * 10000, 0, i * 10000);
	}
	end();
}

/* The @n-th blob in a pack of its own, alone or together with all others. */
static struct vv_id put_pack(size_t n, size_t count)
{
	struct test_pack tp;

	test_pack_begin(&tp);
	for (size_t i = n; i < n + count; i++)
		test_pack_content(&tp, big + i * 50000, 50000, 50000);
	return test_pack_commit(&tp, &ts);
}

static void remove_pack(const struct vv_id *pack)
{
	char key[VV_STORE_KEY_MAX];

	vv_store_pack_key(key, pack);
	CHECK_INT(vv_source_remove(ts.source, key), VV_OK);
}

/* As gc removes what was written anew again and again: the reader has just looked. */
static void packs_that_go_one_after_the_other_are_done_without(void)
{
	enum {
		COUNT = 5
	};
	struct vv_id before, now;

	begin();
	before = put_pack(0, COUNT);
	open_reader(LIMIT);
	for (size_t i = 0; i < COUNT; i++) {
		now = put_pack(i, COUNT + 1 - i);
		remove_pack(&before);
		expect(big + i * 50000, 50000, 0, 50000);
		before = now;
	}
	end();
}

/* A blob that is lost for good costs one look, not as many as there may be. */
static void a_blob_that_is_lost_is_told_at_once(void)
{
	struct vv_id pack, id;

	begin();
	pack = put_pack(0, 1);
	open_reader(LIMIT);
	remove_pack(&pack);
	id = id_of(big, 50000);
	CHECK_INT(vv_reader_copy(reader, &id, 50000, 0, buf, 50000), VV_ENOENT);
	CHECK_INT(vv_reader_copy(reader, &id, 50000, 0, buf, 50000), VV_ENOENT);
	end();
}

static void a_size_that_differs_from_the_trees_is_corrupt(void)
{
	struct vv_id id;

	begin();
	put_content(big, 60000);
	open_reader(LIMIT);
	id = id_of(big, 60000);
	CHECK_INT(vv_reader_copy(reader, &id, 59999, 0, buf, 100), VV_ECORRUPT);
	end();
}

/* 256 extents of 4 KiB, each in a frame of 64 KiB: 16 MiB for a read of 1 MiB. */
static void a_read_whose_frames_do_not_fit_the_cache_is_collected(void)
{
	enum {
		COUNT = 256
	};
	static struct vv_blob_part parts[COUNT];
	static uint8_t frame[65536], content[COUNT * 4096];
	struct vv_budget_stats stats;
	struct test_pack tp;
	struct vv_id id;

	begin();
	test_pack_begin(&tp);
	for (uint32_t i = 0; i < COUNT; i++) {
		test_fill(frame, sizeof frame, 1000 + i);
		memcpy(content + i * 4096, frame + i * 16, 4096);
		parts[i] = (struct vv_blob_part){
			i * 4096, test_pack_frame(&tp, frame, sizeof frame), i * 16
		};
	}
	test_pack_blob(&tp, content, sizeof content, parts, COUNT);
	test_pack_commit(&tp, &ts);
	open_reader(VV_BUDGET_MIN);
	expect(content, sizeof content, 0, VV_READ_MAX);
	id = id_of(content, sizeof content);
	CHECK_INT(vv_reader_read(reader, &id, sizeof content, 0, VV_READ_MAX, &answer),
		  VV_OK);
	CHECK(answer.bounce);
	vv_reader_done(reader, &answer);
	vv_budget_get_stats(budget, &stats);
	CHECK(stats.peak <= VV_BUDGET_MIN);
	end();
}

static void read_all(void *arg)
{
	static const size_t step = 100000;
	struct vv_read *read = calloc(1, sizeof *read);
	struct vv_id id = id_of(big, sizeof big);
	size_t start = *(const size_t *)arg;

	CHECK(read);
	for (size_t n = 0; n < 60; n++) {
		size_t off = (start + n * step) % sizeof big, at = off;

		CHECK_INT(vv_reader_read(reader, &id, sizeof big, off, 300000, read),
			  VV_OK);
		for (unsigned i = 0; i < read->span_count; i++) {
			CHECK(memcmp(read->spans[i].bytes, big + at,
				     read->spans[i].size) == 0);
			at += read->spans[i].size;
		}
		vv_reader_done(reader, read);
	}
	free(read);
}

static void many_readers_share_one_fetch_of_each_frame(void)
{
	enum {
		THREADS = 8
	};
	struct vv_thread threads[THREADS];
	size_t starts[THREADS];
	struct vv_reader_stats stats;

	begin();
	put_content(big, sizeof big);
	open_reader(LIMIT);
	for (size_t i = 0; i < THREADS; i++) {
		starts[i] = i * 400000;
		CHECK_INT(vv_thread_create(&threads[i], "reader", read_all, &starts[i],
					   0),
			  VV_OK);
	}
	for (size_t i = 0; i < THREADS; i++)
		vv_thread_join(&threads[i]);
	vv_reader_get_stats(reader, &stats);
	CHECK_INT(stats.frames_fetched, (sizeof big + 65535) / 65536);
	end();
}

int main(void)
{
	RUN(any_range_of_a_big_blob_reads_as_its_bytes);
	RUN(a_read_at_or_beyond_the_end_is_empty);
	RUN(warm_reads_fetch_nothing_and_give_the_cached_bytes_in_place);
	RUN(holes_read_as_zeros);
	RUN(a_frame_is_decoded_against_its_reference);
	RUN(frames_and_references_in_other_packs_are_found);
	RUN(a_bad_frame_is_corrupt_for_its_blob_alone);
	RUN(a_good_copy_in_another_pack_heals_a_bad_one);
	RUN(another_pack_with_the_blob_is_tried_in_silence);
	RUN(a_blob_that_is_whole_nowhere_is_told_once);
	RUN(a_pack_that_came_later_is_found);
	RUN(what_the_store_came_to_know_is_found_at_once);
	RUN(packs_that_go_one_after_the_other_are_done_without);
	RUN(a_blob_that_is_lost_is_told_at_once);
	RUN(a_size_that_differs_from_the_trees_is_corrupt);
	RUN(a_read_whose_frames_do_not_fit_the_cache_is_collected);
	RUN(many_readers_share_one_fetch_of_each_frame);
	return test_report();
}
