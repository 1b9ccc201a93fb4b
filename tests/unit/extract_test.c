#include "store/extract.h"

#include "cache/budget.h"
#include "cache/frame_cache.h"
#include "codec/hash.h"
#include "core/err.h"
#include "lib/temp_dir.h"
#include "lib/teststore.h"
#include "store/against.h"
#include "store/reader.h"
#include "store/store.h"
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BIG = 2500 * 1000,
	HOLE = 3 << 20,
};

static struct test_store ts;
static struct vv_budget *budget;
static struct vv_frame_cache *cache;
static struct vv_reader *reader;
static struct vv_tree_builder *builder;
static struct test_pack tp;
static struct vv_open_tree *tree;
static char *top, *dir;
static uint8_t big[BIG];
static struct vv_extract_stats stats;
static char said[1024];

/* ---- a tree with everything that needs no rights ---- */

static void add(const char *path, struct vv_tree_meta meta, const void *bytes)
{
	meta.mtime_sec = 1500000000;
	meta.mtime_nsec = 987654321;
	meta.uid = geteuid();
	meta.gid = getegid();
	if (meta.size)
		vv_hash_id(&meta.blob, bytes, meta.size);
	CHECK_INT(vv_tree_builder_add(builder, path, &meta), VV_OK);
}

static void add_file(const char *path, uint32_t mode, const void *bytes, size_t size)
{
	struct vv_tree_meta meta = { .mode = VV_S_IFREG | mode, .size = size };

	test_pack_content(&tp, bytes, size, 65536);
	add(path, meta, bytes);
}

/* Data, a hole, data, and a hole at the end. */
static void add_sparse(const char *path)
{
	static uint8_t bytes[2 * HOLE + 20000];
	struct vv_blob_part parts[4] = {
		{ .start = 10000, .frame = VV_NONE },
		{ .start = 10000 + HOLE },
		{ .start = 20000 + HOLE, .frame = VV_NONE },
	};
	struct vv_blob_part all[4] = { { 0 }, parts[0], parts[1], parts[2] };
	struct vv_tree_meta meta = { .mode = VV_S_IFREG | 0644, .size = sizeof bytes };

	memcpy(bytes, big, 10000);
	memcpy(bytes + 10000 + HOLE, big + 10000, 10000);
	all[0].frame = test_pack_frame(&tp, big, 10000);
	all[2].frame = test_pack_frame(&tp, big + 10000, 10000);
	test_pack_blob(&tp, bytes, sizeof bytes, all, 4);
	add(path, meta, bytes);
}

static void begin(void)
{
	test_store_make(&ts);
	top = temp_dir_new();
	dir = temp_path(top, "out");
	test_pack_begin(&tp);
	CHECK_INT(vv_tree_builder_new(&builder, VV_TREE_DUP_ERROR), VV_OK);
}

static void publish(void)
{
	struct vv_id id;

	test_pack_commit(&tp, &ts);
	id = test_tree_put(&ts, builder);
	CHECK_INT(vv_store_tree_open(ts.store, &id, &tree), VV_OK);
	CHECK_INT(vv_budget_new(&budget, 64 << 20), VV_OK);
	CHECK_INT(vv_frame_cache_new(&cache, budget, &test_pages), VV_OK);
	CHECK_INT(vv_reader_new(&reader, ts.store, cache, budget), VV_OK);
}

static void end(void)
{
	vv_reader_free(reader);
	vv_frame_cache_free(cache);
	vv_budget_free(budget);
	vv_open_tree_unref(tree);
	test_store_drop(&ts);
	temp_dir_free(top);
	free(dir);
}

static int extract(const char *path, const char *name)
{
	struct vv_extract_options opts = { .jobs = 3 };
	uint32_t index;

	CHECK_INT(vv_tree_walk(vv_open_tree_get(tree), path, &index), VV_OK);
	return vv_extract(vv_open_tree_get(tree), index, name, reader, dir, &opts,
			  &stats);
}

static int tell(void *ctx, const struct vv_difference *d)
{
	char words[VV_DIFFERS_TEXT];
	size_t len = strlen(said);

	(void)ctx;
	snprintf(said + len, sizeof said - len, "%c %s%s%s\n", d->kind, d->path,
		 d->what ? " " : "", vv_differs_text(words, d->what));
	return VV_OK;
}

/* What differs, in `said`. */
static const char *against(void)
{
	struct vv_against_options opts = { .jobs = 2, .tell = tell };
	struct vv_against_stats found;

	*said = '\0';
	CHECK_INT(vv_against(vv_open_tree_get(tree), dir, &opts, &found), VV_OK);
	return said;
}

static struct stat stat_of(const char *path)
{
	char *full = temp_path(dir, path);
	struct stat st;

	CHECK_INT(lstat(full, &st), 0);
	free(full);
	return st;
}

static void everything(void)
{
	struct vv_tree_meta d = { .mode = VV_S_IFDIR | 0755 };
	struct vv_tree_meta closed = { .mode = VV_S_IFDIR | 0555 };
	struct vv_tree_meta l = { .mode = VV_S_IFLNK | 0777, .target = "../nowhere" };
	struct vv_tree_meta p = { .mode = VV_S_IFIFO | 0640 };

	add("", d, NULL);
	add("bin", closed, NULL);
	add("empty", d, NULL);
	add_file("bin/big", 0755, big, BIG);
	add_file("bin/nothing", 0444, NULL, 0);
	add_file("name with\nnewline \xff", 0600, "x", 1);
	add("bin/link", l, NULL);
	add("fifo", p, NULL);
	add_sparse("sparse");
	CHECK_INT(vv_tree_builder_link(builder, "again", "bin/big"), VV_OK);
	CHECK_INT(vv_tree_builder_link(builder, "zlink", "bin/link"), VV_OK);
}

static void what_was_extracted_is_what_the_tree_says(void)
{
	struct stat st;

	begin();
	everything();
	publish();
	CHECK_INT(extract("", NULL), VV_OK);
	CHECK_STR(against(), "");
	CHECK_INT(stats.skipped, 0);
	CHECK_INT(stats.files, 4);
	CHECK_INT(stats.entries, 11);

	/* A few by other eyes than ours. */
	st = stat_of("bin");
	CHECK_INT(st.st_mode, S_IFDIR | 0555);
	CHECK_INT(st.st_mtim.tv_sec, 1500000000);
	CHECK_INT(st.st_mtim.tv_nsec, 987654321);
	st = stat_of("again");
	CHECK_INT(st.st_nlink, 2);
	CHECK_INT(st.st_ino, stat_of("bin/big").st_ino);
	CHECK_INT(stat_of("bin/link").st_ino, stat_of("zlink").st_ino);
	st = stat_of("bin/link");
	CHECK_INT(st.st_mtim.tv_nsec, 987654321);
	st = stat_of("sparse");
	CHECK_INT(st.st_size, 2 * HOLE + 20000);
	CHECK(st.st_blocks * 512 < 128 * 1024);
	end();
}

static void a_part_is_extracted_with_links_whose_first_name_is_outside(void)
{
	struct vv_tree_meta d = { .mode = VV_S_IFDIR | 0750 };

	begin();
	add_file("a", 0644, "x", 1);
	add("sub", d, NULL);
	CHECK_INT(vv_tree_builder_link(builder, "sub/b", "a"), VV_OK);
	CHECK_INT(vv_tree_builder_link(builder, "sub/c", "a"), VV_OK);
	publish();
	CHECK_INT(extract("sub", NULL), VV_OK);
	CHECK_INT(stat_of("").st_mode, S_IFDIR | 0750);
	CHECK_INT(stat_of("b").st_ino, stat_of("c").st_ino);
	CHECK_INT(stat_of("b").st_size, 1);
	end();
}

static void a_file_alone_is_put_into_the_directory(void)
{
	begin();
	everything();
	publish();
	CHECK_INT(extract("bin/big", "big"), VV_OK);
	CHECK_INT(stat_of("big").st_size, BIG);
	CHECK_INT(stat_of("").st_nlink, 2);
	end();
}

static void a_directory_with_something_in_it_is_left_alone(void)
{
	char *file = NULL;

	begin();
	everything();
	publish();
	CHECK_INT(mkdir(dir, 0755), 0);
	file = temp_path(dir, "mine");
	temp_file(file, "x", 1);
	CHECK_INT(extract("", NULL), VV_ENOTEMPTY);
	CHECK_INT(unlink(file), 0);
	CHECK_INT(rmdir(dir), 0); /* nothing else is in it */
	free(file);
	end();
}

static void a_damaged_file_ends_it_with_an_error(void)
{
	struct vv_id frame, pack;
	struct vv_pack_set *set;

	begin();
	everything();
	publish();
	vv_hash_id(&frame, big, 65536);
	CHECK_INT(vv_store_packs(ts.store, &set), VV_OK);
	pack = *vv_pack_set_id(set, 0);
	vv_pack_set_unref(set);
	test_pack_damage(&ts, &pack, &frame);
	CHECK_INT(extract("", NULL), VV_ECORRUPT);
	end();
}

/* ---- against: each difference, and nothing else ---- */

static void change(const char *name, const char *content)
{
	char *path = temp_path(dir, name);

	temp_file(path, content, strlen(content));
	free(path);
}

static void set_time(const char *name)
{
	struct timespec times[2] = { { .tv_sec = 1500000000, .tv_nsec = 987654321 },
				     { .tv_sec = 1500000000, .tv_nsec = 987654321 } };
	char *path = temp_path(dir, name);

	CHECK_INT(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
	free(path);
}

static void small_tree(void)
{
	struct vv_tree_meta d = { .mode = VV_S_IFDIR | 0755 };
	struct vv_tree_meta l = { .mode = VV_S_IFLNK | 0777, .target = "one" };

	begin();
	add("", d, NULL);
	add_file("a", 0644, "first", 5);
	add_file("b", 0644, "second", 6);
	add("c", l, NULL);
	CHECK_INT(vv_tree_builder_link(builder, "d", "b"), VV_OK);
	publish();
	CHECK_INT(extract("", NULL), VV_OK);
	CHECK_STR(against(), "");
}

static void bytes_are_compared_where_size_and_time_are_equal(void)
{
	small_tree();
	change("a", "fIrst");
	set_time("a");
	CHECK_STR(against(), "M a content\n");
	change("a", "longer than it was");
	set_time("a");
	CHECK_STR(against(), "M a content\n");
	end();
}

static void names_that_came_and_went_are_told(void)
{
	char *path;

	small_tree();
	change("new", "");
	path = temp_path(dir, "a");
	CHECK_INT(unlink(path), 0);
	set_time("");
	against();
	CHECK(strstr(said, "+ new\n") && strstr(said, "- a\n"));
	CHECK_INT(strlen(said), strlen("+ new\n- a\n"));
	free(path);
	end();
}

static void a_time_that_is_off_by_a_nanosecond_is_told(void)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
				     { .tv_sec = 1500000000, .tv_nsec = 987654320 } };
	char *path;

	small_tree();
	path = temp_path(dir, "c");
	CHECK_INT(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
	CHECK_STR(against(), "M c mtime\n");
	free(path);
	end();
}

static void modes_targets_and_types_are_told(void)
{
	char *a, *c;

	small_tree();
	a = temp_path(dir, "a");
	c = temp_path(dir, "c");
	CHECK_INT(chmod(a, 0600), 0);
	CHECK_INT(unlink(c), 0);
	CHECK_INT(symlink("two", c), 0);
	set_time("c");
	set_time("");
	against();
	CHECK(strstr(said, "M a mode\n") && strstr(said, "M c target\n"));
	CHECK_INT(unlink(c), 0);
	change("c", "one");
	CHECK_INT(chmod(a, 0644), 0);
	set_time("c");
	set_time("");
	CHECK_STR(against(), "M c type\n");
	free(a);
	free(c);
	end();
}

static void a_copy_in_the_place_of_a_hard_link_is_told(void)
{
	char *path;

	small_tree();
	path = temp_path(dir, "d");
	CHECK_INT(unlink(path), 0);
	change("d", "second");
	CHECK_INT(chmod(path, 0644), 0);
	set_time("d");
	set_time("");
	CHECK_STR(against(), "M d links\n");
	free(path);
	end();
}

int main(void)
{
	umask(077); /* modes come from the tree, not from us */
	test_fill(big, BIG, 1);
	RUN(what_was_extracted_is_what_the_tree_says);
	RUN(a_part_is_extracted_with_links_whose_first_name_is_outside);
	RUN(a_file_alone_is_put_into_the_directory);
	RUN(a_directory_with_something_in_it_is_left_alone);
	RUN(a_damaged_file_ends_it_with_an_error);
	RUN(bytes_are_compared_where_size_and_time_are_equal);
	RUN(names_that_came_and_went_are_told);
	RUN(a_time_that_is_off_by_a_nanosecond_is_told);
	RUN(modes_targets_and_types_are_told);
	RUN(a_copy_in_the_place_of_a_hard_link_is_told);
	return test_report();
}
