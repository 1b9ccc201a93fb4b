#include "store/verify.h"

#include "codec/hash.h"
#include "core/err.h"
#include "core/id.h"
#include "lib/temp_dir.h"
#include "lib/teststore.h"
#include "store/store.h"
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BIG = 300 * 1000,
	SLICE = 65536,
	LINES = 16,
};

static struct test_store ts;
static uint8_t big[BIG], other[BIG];
static char lines[LINES][512];
static unsigned line_count;
static struct vv_verify_stats stats;

static void report(void *ctx, const struct vv_problem *p)
{
	(void)ctx;
	CHECK(line_count < LINES);
	snprintf(lines[line_count++], sizeof lines[0], "%s %.8s%s%.8s: %s%s%s +%u",
		 p->kind, p->object, p->pack ? " in " : "", p->pack ? p->pack : "",
		 p->why, p->hurts ? " hurts " : "", p->hurts ? p->hurts : "",
		 (unsigned)p->more);
}

static const struct vv_verify_options opts = { .jobs = 3, .report = report };

static void verify_store(void)
{
	line_count = 0;
	CHECK_INT(vv_verify_store(ts.store, &opts, &stats), VV_OK);
	CHECK_INT(stats.problems, line_count);
}

static void verify_ref(const char *ref)
{
	line_count = 0;
	CHECK_INT(vv_verify_ref(ts.store, ref, &opts, &stats), VV_OK);
	CHECK_INT(stats.problems, line_count);
}

static bool was_said(const char *line)
{
	for (unsigned i = 0; i < line_count; i++)
		if (strcmp(lines[i], line) == 0)
			return true;
	for (unsigned i = 0; i < line_count; i++)
		fprintf(stderr, "said: %s\n", lines[i]);
	fprintf(stderr, "want: %s\n", line);
	return false;
}

static struct vv_id id_of(const void *bytes, size_t size)
{
	struct vv_id id;

	vv_hash_id(&id, bytes, size);
	return id;
}

static const char *hex8(const struct vv_id *id)
{
	static char hex[4][VV_ID_HEX_BYTES];
	static unsigned turn;
	char *out = vv_id_to_hex(id, hex[turn++ % 4]);

	out[8] = '\0';
	return out;
}

static void object_path(char path[2048], const char *key)
{
	snprintf(path, 2048, "%s/%s", ts.path, key);
}

static void flip(const char *key, off_t off)
{
	char path[2048];
	uint8_t byte = 0;
	int fd;

	object_path(path, key);
	CHECK_INT(chmod(path, 0644), 0);
	fd = open(path, O_RDWR);
	CHECK(fd >= 0 && pread(fd, &byte, 1, off) == 1);
	byte ^= 0x55;
	CHECK(pwrite(fd, &byte, 1, off) == 1);
	close(fd);
}

static void drop(const char *key)
{
	char path[2048];

	object_path(path, key);
	CHECK_INT(unlink(path), 0);
}

/* gcc/1 has big and small, gcc/2 has small and other; each in a pack of its own. */
static struct vv_id tree[2], pack[2];

static void begin(void)
{
	struct test_file first[] = { { "bin/big", big, BIG },
				     { "bin/small", "abc", 3 } };
	struct test_file second[] = { { "lib/other", other, BIG },
				      { "lib/copy", big, BIG } };

	test_store_make(&ts);
	tree[0] = test_publish(&ts, "gcc/1", first, 2, &pack[0]);
	tree[1] = test_publish(&ts, "gcc/2", second, 1, &pack[1]);
	test_store_reopen(&ts);
}

static void a_good_store_has_no_problem_and_everything_was_looked_at(void)
{
	begin();
	verify_store();
	CHECK_INT(stats.problems, 0);
	CHECK_INT(stats.refs, 2);
	CHECK_INT(stats.trees, 2);
	CHECK_INT(stats.packs, 2);
	CHECK_INT(stats.blobs, 3);
	CHECK_INT(stats.frames, 5 + 1 + 5);
	CHECK(stats.bytes > 4u * BIG); /* frames, and blobs */
	verify_ref("gcc/1");
	CHECK_INT(stats.problems, 0);
	CHECK_INT(stats.blobs, 2);
	CHECK_INT(stats.packs, 1);
	CHECK_INT(vv_verify_ref(ts.store, "gcc/3", &opts, &stats), VV_ENOENT);
	test_store_drop(&ts);
}

static void a_damaged_frame_is_named_and_so_is_the_file_it_hurts(void)
{
	struct vv_id frame = id_of(big + SLICE, SLICE), blob = id_of(big, BIG);
	char want[512];

	begin();
	test_pack_damage(&ts, &pack[0], &frame);
	verify_store();
	CHECK_INT(line_count, 2);
	snprintf(want, sizeof want, "frame %s in %s: %s +0", hex8(&frame),
		 hex8(&pack[0]), vv_err_text(VV_ECORRUPT));
	CHECK(was_said(want));
	CHECK(strstr(lines[1], "blob") == lines[1] &&
	      strstr(lines[1], hex8(&blob)) == lines[1] + 5);
	CHECK(strstr(lines[1], "hurts gcc/1:bin/big +0"));
	verify_ref("gcc/2");
	CHECK_INT(line_count, 0);
	verify_ref("gcc/1");
	CHECK_INT(line_count, 1);
	CHECK(strstr(lines[0], "hurts gcc/1:bin/big +0"));
	test_store_drop(&ts);
}

static void every_damaged_frame_is_found_not_only_the_first(void)
{
	struct vv_id frame;

	begin();
	for (size_t at = 0; at + SLICE <= BIG; at += SLICE) {
		frame = id_of(other + at, SLICE);
		test_pack_damage(&ts, &pack[1], &frame);
	}
	verify_store();
	CHECK_INT(line_count, BIG / SLICE + 1); /* and the blob */
	CHECK_INT(stats.frames, 11);
	test_store_drop(&ts);
}

static void a_damaged_tree_is_named_with_the_refs_that_have_it(void)
{
	char key[VV_STORE_KEY_MAX], want[512];

	begin();
	test_ref_put(&ts, "gcc/one", &tree[0]);
	vv_store_tree_key(key, &tree[0]);
	flip(key, 200); /* in the first page */
	test_store_reopen(&ts);
	verify_store();
	CHECK_INT(line_count, 1);
	snprintf(want, sizeof want, "tree %s: %s hurts gcc/1 +1", hex8(&tree[0]),
		 vv_err_text(VV_ECORRUPT));
	CHECK(was_said(want));
	test_store_drop(&ts);
}

static void a_missing_tree_is_a_problem_of_its_ref(void)
{
	char key[VV_STORE_KEY_MAX], want[512];

	begin();
	vv_store_tree_key(key, &tree[1]);
	drop(key);
	test_store_reopen(&ts);
	verify_store();
	CHECK_INT(line_count, 1);
	snprintf(want, sizeof want, "tree %s: %s hurts gcc/2 +0", hex8(&tree[1]),
		 vv_err_text(VV_ENOENT));
	CHECK(was_said(want));
	verify_ref("gcc/1");
	CHECK_INT(line_count, 0);
	test_store_drop(&ts);
}

static void a_missing_pack_shows_in_every_blob_that_no_other_pack_has(void)
{
	char key[VV_STORE_KEY_MAX], want[512];
	struct vv_id blob = id_of(big, BIG), small = id_of("abc", 3);

	begin();
	vv_store_pack_key(key, &pack[0]);
	drop(key);
	test_store_reopen(&ts);
	verify_store();
	CHECK_INT(line_count, 2);
	snprintf(want, sizeof want, "blob %s: no pack has it hurts gcc/1:bin/big +0",
		 hex8(&blob));
	CHECK(was_said(want));
	snprintf(want, sizeof want, "blob %s: no pack has it hurts gcc/1:bin/small +0",
		 hex8(&small));
	CHECK(was_said(want));
	test_store_drop(&ts);
}

static void a_damaged_index_is_told_once_and_what_it_listed_is_not_called_lost(void)
{
	char key[VV_STORE_KEY_MAX], path[2048], want[512];
	struct stat st;

	begin();
	vv_store_pack_key(key, &pack[1]);
	object_path(path, key);
	CHECK_INT(stat(path, &st), 0);
	flip(key, st.st_size - 1); /* in the trailer */
	test_store_reopen(&ts);
	verify_store();
	CHECK_INT(line_count, 2);
	snprintf(want, sizeof want, "pack %s: %s +0", hex8(&pack[1]),
		 vv_err_text(VV_ECORRUPT));
	CHECK(was_said(want));
	CHECK(strstr(lines[1], "a pack that may have it is damaged hurts "
			       "gcc/2:lib/other +0"));
	test_store_drop(&ts);
}

static void a_damaged_ref_is_named(void)
{
	begin();
	flip("refs/gcc/2", 20);
	verify_store();
	CHECK_INT(line_count, 1);
	CHECK(strstr(lines[0], "ref gcc/2: ") == lines[0]);
	verify_ref("gcc/2");
	CHECK_INT(line_count, 1);
	test_store_drop(&ts);
}

/* A frame whose checksum is right and whose id is not: only the id tells. */
static void content_that_is_not_what_its_id_says_is_found(void)
{
	struct vv_frame frame = { .plain_size = 3, .stored_size = 3 };
	struct vv_blob_part part = { 0 };
	struct vv_id blob = id_of("abc", 3), id;
	struct test_pack tp;

	test_store_make(&ts);
	test_pack_begin(&tp);
	frame.id = blob;
	frame.checksum = vv_checksum64("xyz", 3);
	frame.offset = tp.bytes.len;
	frame.reference = VV_NONE;
	CHECK_INT(vv_pack_builder_frame(tp.builder, &frame, &part.frame), VV_OK);
	CHECK_INT(vv_buf_append(&tp.bytes, "xyz", 3), VV_OK);
	CHECK_INT(vv_pack_builder_blob(tp.builder, &blob, 3, &part, 1), VV_OK);
	id = test_pack_commit(&tp, &ts);
	verify_store();
	CHECK_INT(line_count, 1); /* the blob is in no tree: nobody misses it */
	CHECK(strstr(lines[0], "its checksum is right and its id is not"));
	CHECK(strstr(lines[0], hex8(&id)));
	test_store_drop(&ts);
}

static void frames_against_references_here_and_elsewhere_are_good(void)
{
	struct test_pack tp;
	uint32_t ref, foreign;

	test_store_make(&ts);
	test_pack_begin(&tp);
	ref = test_pack_frame(&tp, big, SLICE);
	memcpy(other, big, SLICE);
	other[5] ^= 1;
	test_pack_frame_ref(&tp, other, SLICE, ref, big, SLICE);
	test_pack_commit(&tp, &ts);
	test_pack_begin(&tp);
	foreign = test_pack_foreign(&tp, big, SLICE);
	other[6] ^= 1;
	test_pack_frame_ref(&tp, other, SLICE, foreign, big, SLICE);
	test_pack_commit(&tp, &ts);
	verify_store();
	CHECK_INT(line_count, 0);
	CHECK_INT(stats.frames, 3);
	test_store_drop(&ts);
}

static void a_reference_that_is_nowhere_is_told(void)
{
	struct vv_id missing = id_of(big, SLICE);
	struct test_pack tp;
	uint32_t foreign;

	test_store_make(&ts);
	test_pack_begin(&tp);
	foreign = test_pack_foreign(&tp, big, SLICE);
	test_pack_frame_ref(&tp, other, SLICE, foreign, big, SLICE);
	test_pack_commit(&tp, &ts);
	verify_store();
	CHECK_INT(line_count, 1);
	CHECK(strstr(lines[0], "its reference, frame ") &&
	      strstr(lines[0], hex8(&missing)) && strstr(lines[0], "missing"));
	test_store_drop(&ts);
}

static int cancel(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	(void)done;
	(void)total;
	return 1;
}

static void it_can_be_cancelled(void)
{
	struct vv_verify_options o = opts;

	begin();
	o.progress = cancel;
	CHECK_INT(vv_verify_store(ts.store, &o, &stats), VV_ECANCELED);
	test_store_drop(&ts);
}

int main(void)
{
	test_fill(big, BIG, 1);
	test_fill(other, BIG, 2);
	RUN(a_good_store_has_no_problem_and_everything_was_looked_at);
	RUN(a_damaged_frame_is_named_and_so_is_the_file_it_hurts);
	RUN(every_damaged_frame_is_found_not_only_the_first);
	RUN(a_damaged_tree_is_named_with_the_refs_that_have_it);
	RUN(a_missing_tree_is_a_problem_of_its_ref);
	RUN(a_missing_pack_shows_in_every_blob_that_no_other_pack_has);
	RUN(a_damaged_index_is_told_once_and_what_it_listed_is_not_called_lost);
	RUN(a_damaged_ref_is_named);
	RUN(content_that_is_not_what_its_id_says_is_found);
	RUN(frames_against_references_here_and_elsewhere_are_good);
	RUN(a_reference_that_is_nowhere_is_told);
	RUN(it_can_be_cancelled);
	return test_report();
}
