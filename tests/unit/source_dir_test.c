#include "core/err.h"
#include "lib/temp_dir.h"
#include "os/file.h"
#include "os/map.h"
#include "os/thread.h"
#include "source/dir.h"
#include "source/source.h"
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char *root;
static struct vv_source *src;

static void set_up(void)
{
	root = temp_dir_new();
	CHECK_INT(vv_source_dir_new(&src, root, 4), VV_OK);
}

static void tear_down(void)
{
	vv_source_free(src);
	temp_dir_free(root);
}

static int put(const char *key, const char *text, enum vv_put_mode mode)
{
	return vv_source_put(src, key, text, strlen(text), mode);
}

static void check_object(const char *key, const char *text)
{
	char *bytes;
	size_t len;

	CHECK_INT(vv_source_get_whole(src, key, 1000, &bytes, &len), VV_OK);
	CHECK_STR(bytes, text);
	CHECK_INT(len, strlen(text));
	free(bytes);
}

static unsigned names_in_root(void)
{
	DIR *dir = opendir(root);
	unsigned count = 0;

	CHECK(dir != NULL);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2; /* . and .. */
}

static bool exists(const char *name)
{
	char *path = temp_path(root, name);
	struct vv_file_info info;
	int err = vv_file_stat(path, &info);

	free(path);
	return err == VV_OK;
}

static unsigned open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	CHECK(dir != NULL);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* ---- keys ---- */

static void keys_that_could_lead_elsewhere_are_refused(void)
{
	static const char *const bad[] = {
		"",    "/",    "/a",   "a/",	 "a//b",     ".",
		"..",  "a/..", "../a", ".tmp-1", "a/.b",     "a\\b",
		"c:a", "a b",  "a\nb", "a\x7f",	 "\xc3\xa9",
	};
	struct vv_object_info info;
	struct vv_map map;
	char buf[4];
	size_t got, i;

	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		CHECK(!vv_source_key_ok(bad[i]));
		CHECK_INT(vv_source_get(src, bad[i], buf, 4, 0, &got), VV_EINVAL);
		CHECK_INT(vv_source_stat(src, bad[i], &info), VV_EINVAL);
		CHECK_INT(vv_source_remove(src, bad[i]), VV_EINVAL);
		CHECK_INT(vv_source_map(src, bad[i], 0, 0, &map), VV_EINVAL);
		CHECK_INT(put(bad[i], "x", VV_PUT_REPLACE), VV_EINVAL);
	}
	CHECK_INT(names_in_root(), 0); /* the temporary files are gone too */
}

static void keys_have_a_longest_length(void)
{
	char key[VV_SOURCE_KEY_MAX + 2];
	size_t i;

	for (i = 0; i < sizeof key; i++)
		key[i] = i % 100 == 99 ? '/' : 'k';
	key[VV_SOURCE_KEY_MAX] = '\0';
	CHECK(vv_source_key_ok(key));
	CHECK_INT(put(key, "long", VV_PUT_NEW), VV_OK);
	check_object(key, "long");
	key[VV_SOURCE_KEY_MAX] = 'k';
	key[VV_SOURCE_KEY_MAX + 1] = '\0';
	CHECK(!vv_source_key_ok(key));
}

static void prefixes_are_whole_parts(void)
{
	int (*none)(void *, const char *, const struct vv_object_info *) = NULL;

	CHECK_INT(vv_source_list(src, "refs", none, NULL), VV_EINVAL);
	CHECK_INT(vv_source_list(src, "/", none, NULL), VV_EINVAL);
	CHECK_INT(vv_source_list(src, "../", none, NULL), VV_EINVAL);
	CHECK_INT(vv_source_list(src, "refs//", none, NULL), VV_EINVAL);
	CHECK_INT(vv_source_list(src, "refs/none/", none, NULL), VV_OK);
}

/* ---- put and get ---- */

static void an_object_is_there_whole_after_commit_only(void)
{
	struct vv_object_info info;
	struct vv_put *p;

	CHECK_INT(vv_source_put_begin(src, &p), VV_OK);
	CHECK_INT(vv_source_put_write(p, "ab", 2), VV_OK);
	CHECK_INT(vv_source_stat(src, "packs/01/x", &info), VV_ENOENT);
	CHECK_INT(vv_source_put_write(p, "", 0), VV_OK);
	CHECK_INT(vv_source_put_write(p, "cd", 2), VV_OK);
	CHECK_INT(vv_source_put_commit(p, "packs/01/x", VV_PUT_NEW), VV_OK);
	check_object("packs/01/x", "abcd");
	CHECK_INT(vv_source_stat(src, "packs/01/x", &info), VV_OK);
	CHECK(info.size == 4 && info.version != 0);
	CHECK_INT(names_in_root(), 1);
}

static void an_aborted_put_leaves_nothing(void)
{
	struct vv_put *p;

	CHECK_INT(vv_source_put_begin(src, &p), VV_OK);
	CHECK_INT(vv_source_put_write(p, "ab", 2), VV_OK);
	CHECK_INT(names_in_root(), 1);
	vv_source_put_abort(p);
	vv_source_put_abort(NULL);
	CHECK_INT(names_in_root(), 0);
}

static void a_new_put_leaves_what_is_there(void)
{
	CHECK_INT(put("trees/aa/t", "first", VV_PUT_NEW), VV_OK);
	CHECK_INT(put("trees/aa/t", "second", VV_PUT_NEW), VV_EEXIST);
	check_object("trees/aa/t", "first");
	CHECK_INT(names_in_root(), 1);
}

static void a_replacing_put_changes_the_version(void)
{
	struct vv_object_info info[3];
	int i;

	for (i = 0; i < 3; i++) {
		CHECK_INT(put("refs/gcc", i % 2 ? "odd" : "even", VV_PUT_REPLACE),
			  VV_OK);
		CHECK_INT(vv_source_stat(src, "refs/gcc", &info[i]), VV_OK);
	}
	check_object("refs/gcc", "even");
	CHECK(info[0].version != info[1].version);
	CHECK(info[1].version != info[2].version);
	CHECK_INT(names_in_root(), 1);
}

static void what_is_no_object_is_not_found(void)
{
	struct vv_object_info info;
	struct vv_map map;
	char buf[4];
	size_t got;
	const char *const keys[] = { "refs", "refs/gcc/12", "nothing", "packs/gg" };
	size_t i;

	CHECK_INT(put("refs/gcc", "x", VV_PUT_NEW), VV_OK);
	CHECK_INT(put("packs/gg/id", "x", VV_PUT_NEW), VV_OK);
	for (i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		CHECK_INT(vv_source_get(src, keys[i], buf, 4, 0, &got), VV_ENOENT);
		CHECK_INT(vv_source_stat(src, keys[i], &info), VV_ENOENT);
		CHECK_INT(vv_source_map(src, keys[i], 0, 0, &map), VV_ENOENT);
		CHECK_INT(vv_source_remove(src, keys[i]), VV_ENOENT);
	}
	CHECK_INT(put("refs/gcc/12", "x", VV_PUT_REPLACE), VV_ENOTDIR);
	CHECK_INT(put("packs/gg", "x", VV_PUT_REPLACE), VV_EISDIR);
}

static void ranges_end_at_the_end_of_the_object(void)
{
	char buf[8];
	size_t got;

	CHECK_INT(put("packs/00/p", "0123456789", VV_PUT_NEW), VV_OK);
	CHECK_INT(put("trees/00/t", "0123456789", VV_PUT_NEW), VV_OK);
	CHECK_INT(vv_source_get(src, "packs/00/p", buf, 8, 6, &got), VV_OK);
	CHECK(got == 4 && memcmp(buf, "6789", 4) == 0);
	CHECK_INT(vv_source_get(src, "trees/00/t", buf, 8, 10, &got), VV_OK);
	CHECK_INT(got, 0);
	CHECK_INT(vv_source_get_exact(src, "trees/00/t", buf, 8, 2), VV_OK);
	CHECK_INT(vv_source_get_exact(src, "trees/00/t", buf, 8, 3), VV_ECORRUPT);
}

static void a_whole_object_has_a_largest_size(void)
{
	enum {
		SIZE = 200000
	};
	char *big = malloc(SIZE), *bytes;
	size_t len, max;

	memset(big, 'b', SIZE);
	CHECK_INT(vv_source_put(src, "trees/bb/big", big, SIZE, VV_PUT_NEW), VV_OK);
	for (max = SIZE - 1; max <= SIZE + 1; max++) {
		int err = vv_source_get_whole(src, "trees/bb/big", max, &bytes, &len);

		CHECK_INT(err, max < SIZE ? VV_EFBIG : VV_OK);
		CHECK_INT(len, err ? 0 : SIZE);
		CHECK(err || (memcmp(bytes, big, SIZE) == 0 && bytes[SIZE] == '\0'));
		free(bytes);
	}
	CHECK_INT(vv_source_get_whole(src, "trees/bb/big", 0, &bytes, &len), VV_EFBIG);
	CHECK(bytes == NULL);
	free(big);
}

static void objects_are_mapped(void)
{
	struct vv_map map;

	CHECK_INT(put("trees/cc/m", "0123456789", VV_PUT_NEW), VV_OK);
	CHECK_INT(vv_source_map(src, "trees/cc/m", 3, 4, &map), VV_OK);
	CHECK(map.size == 4 && memcmp(map.bytes, "3456", 4) == 0);
	vv_map_close(&map);
	CHECK_INT(vv_source_map(src, "trees/cc/m", 3, 8, &map), VV_EINVAL);
}

/* ---- open packs ---- */

static void only_so_many_packs_stay_open(void)
{
	unsigned before = open_descriptors();
	char key[32], buf[16];
	size_t got;
	int i, round;

	for (i = 0; i < 10; i++) {
		snprintf(key, sizeof key, "packs/00/%d", i);
		CHECK_INT(put(key, key, VV_PUT_NEW), VV_OK);
	}
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 10; i++) {
			snprintf(key, sizeof key, "packs/00/%d", i);
			CHECK_INT(vv_source_get(src, key, buf, sizeof buf, 0, &got),
				  VV_OK);
			CHECK(got == strlen(key) && memcmp(buf, key, got) == 0);
		}
	}
	CHECK_INT(open_descriptors() - before, 4);
}

static void a_removed_pack_is_closed_and_gone(void)
{
	unsigned before = open_descriptors();

	CHECK_INT(put("packs/11/p", "old", VV_PUT_NEW), VV_OK);
	check_object("packs/11/p", "old");
	CHECK_INT(open_descriptors(), before + 1);
	CHECK_INT(vv_source_remove(src, "packs/11/p"), VV_OK);
	CHECK_INT(open_descriptors(), before);
	CHECK_INT(vv_source_remove(src, "packs/11/p"), VV_ENOENT);
	CHECK(exists("packs/11")); /* only refs leave directories that nobody needs */
}

struct readers {
	atomic_uint errors;
};

static void read_packs(void *arg)
{
	struct readers *r = arg;
	char key[32], buf[16];
	size_t got;
	int i;

	for (i = 0; i < 3000; i++) {
		snprintf(key, sizeof key, "packs/00/%d", i * 7 % 12);
		if (vv_source_get(src, key, buf, sizeof buf, 0, &got) != VV_OK ||
		    got != strlen(key) || memcmp(buf, key, got) != 0)
			atomic_fetch_add(&r->errors, 1);
	}
}

static void many_threads_read_more_packs_than_stay_open(void)
{
	struct readers readers = { 0 };
	struct vv_thread threads[4];
	char key[32];
	int i;

	for (i = 0; i < 12; i++) {
		snprintf(key, sizeof key, "packs/00/%d", i);
		CHECK_INT(put(key, key, VV_PUT_NEW), VV_OK);
	}
	for (i = 0; i < 4; i++)
		CHECK_INT(vv_thread_create(&threads[i], "reader", read_packs, &readers,
					   0),
			  VV_OK);
	for (i = 0; i < 4; i++)
		vv_thread_join(&threads[i]);
	CHECK_INT(atomic_load(&readers.errors), 0);
}

/* ---- listing ---- */

struct seen {
	unsigned count;
	uint64_t bytes;
	char last[VV_SOURCE_KEY_MAX + 1];
	int answer; /* of the callback */
};

static int see(void *ctx, const char *key, const struct vv_object_info *info)
{
	struct seen *seen = ctx;

	seen->count++;
	seen->bytes += info->size;
	strcpy(seen->last, key);
	return seen->answer;
}

static void a_listing_shows_what_is_beneath_a_prefix(void)
{
	struct seen all = { 0 }, refs = { 0 }, deep = { 0 };

	CHECK_INT(put("varve", "1", VV_PUT_NEW), VV_OK);
	CHECK_INT(put("refs/gcc/12", "22", VV_PUT_NEW), VV_OK);
	CHECK_INT(put("refs/gcc/13", "333", VV_PUT_NEW), VV_OK);
	CHECK_INT(put("refs/gccx", "4444", VV_PUT_NEW), VV_OK);
	CHECK_INT(vv_source_list(src, "", see, &all), 0);
	CHECK(all.count == 4 && all.bytes == 10);
	CHECK_INT(vv_source_list(src, "refs/", see, &refs), 0);
	CHECK(refs.count == 3 && refs.bytes == 9);
	CHECK_INT(vv_source_list(src, "refs/gcc/", see, &deep), 0);
	CHECK(deep.count == 2 && deep.bytes == 5);
	CHECK_INT(vv_source_list(src, "refs/gccx/", see, &deep), 0);
	CHECK_INT(deep.count, 2);
}

static void what_strangers_put_there_is_not_listed(void)
{
	static const char *const odd[] = { ".hidden", "two\nlines", "spa ce",
					   "caf\xc3\xa9" };
	struct seen seen = { 0 };
	struct vv_put *p;
	size_t i;
	char *path;

	CHECK_INT(put("refs/ok", "x", VV_PUT_NEW), VV_OK);
	CHECK_INT(vv_source_put_begin(src, &p), VV_OK); /* a temporary file */
	for (i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		path = temp_path(root, odd[i]);
		temp_file(path, "x", 1);
		free(path);
	}
	path = temp_path(root, "dangling");
	CHECK_INT(symlink("nowhere", path), 0);
	free(path);
	path = temp_path(root, ".snapshot");
	CHECK_INT(mkdir(path, 0755), 0);
	free(path);
	path = temp_path(root, ".snapshot/key");
	temp_file(path, "x", 1);
	free(path);
	CHECK_INT(vv_source_list(src, "", see, &seen), 0);
	CHECK_INT(seen.count, 1);
	CHECK_STR(seen.last, "refs/ok");
	vv_source_put_abort(p);
}

static void a_listing_ends_as_its_callback_says(void)
{
	struct seen seen = { .answer = VV_ENOENT };

	CHECK_INT(put("refs/a", "x", VV_PUT_NEW), VV_OK);
	CHECK_INT(put("refs/b", "x", VV_PUT_NEW), VV_OK);
	CHECK_INT(vv_source_list(src, "refs/", see, &seen), VV_ENOENT);
	CHECK_INT(seen.count, 1);
	seen.answer = 7;
	CHECK_INT(vv_source_list(src, "", see, &seen), 7);
	CHECK_INT(seen.count, 2);
}

static void a_symlink_to_itself_does_not_trap_a_listing(void)
{
	struct seen seen = { 0 };
	char *path = temp_path(root, "loop");

	CHECK_INT(put("refs/a", "x", VV_PUT_NEW), VV_OK);
	CHECK_INT(symlink(".", path), 0);
	free(path);
	/* Found again at every level, until the system follows no more symlinks. */
	CHECK_INT(vv_source_list(src, "", see, &seen), 0);
	CHECK(seen.count >= 1 && seen.count <= 100);
	seen.count = 0;
	CHECK_INT(vv_source_list(src, "refs/", see, &seen), 0);
	CHECK_INT(seen.count, 1);
}

static void thousands_of_objects_are_listed(void)
{
	enum {
		MANY = 10500
	};
	struct seen seen = { 0 };
	char *dir = temp_path(root, "packs");
	char name[16], *path;
	int i;

	CHECK_INT(mkdir(dir, 0755), 0);
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "%05d", i);
		path = temp_path(dir, name);
		temp_file(path, "ab", 2);
		free(path);
	}
	CHECK_INT(vv_source_list(src, "", see, &seen), 0);
	CHECK(seen.count == MANY && seen.bytes == 2 * MANY);
	free(dir);
}

/* ---- removing ---- */

static void removing_a_ref_prunes_directories_up_to_refs(void)
{
	CHECK_INT(put("refs/a/b/c", "x", VV_PUT_NEW), VV_OK);
	CHECK_INT(put("refs/a/d", "x", VV_PUT_NEW), VV_OK);
	CHECK_INT(vv_source_remove(src, "refs/a/b/c"), VV_OK);
	CHECK(!exists("refs/a/b"));
	CHECK(exists("refs/a/d"));
	CHECK_INT(vv_source_remove(src, "refs/a/d"), VV_OK);
	CHECK(!exists("refs/a"));
	CHECK(exists("refs"));
}

struct race {
	const char *key;
	atomic_uint errors;
};

static void put_and_remove(void *arg)
{
	struct race *race = arg;
	int i;

	for (i = 0; i < 150; i++) {
		int err = put(race->key, "x", VV_PUT_REPLACE);

		if (!err)
			err = vv_source_remove(src, race->key);
		if (err)
			atomic_fetch_add(&race->errors, 1);
	}
}

static void puts_survive_the_pruning_of_others(void)
{
	struct race races[2] = { { .key = "refs/x/y/1" }, { .key = "refs/x/y/2" } };
	struct vv_thread threads[2];
	int i;

	for (i = 0; i < 2; i++)
		CHECK_INT(vv_thread_create(&threads[i], "race", put_and_remove,
					   &races[i], 0),
			  VV_OK);
	for (i = 0; i < 2; i++) {
		vv_thread_join(&threads[i]);
		CHECK_INT(atomic_load(&races[i].errors), 0);
	}
	CHECK(!exists("refs/x"));
}

/* ---- sweeping ---- */

static void age(const char *name, int seconds)
{
	char *path = temp_path(root, name);
	struct timespec now, times[2];

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec -= seconds;
	times[0] = times[1] = now;
	temp_file(path, "x", 1);
	CHECK_INT(utimensat(AT_FDCWD, path, times, 0), 0);
	free(path);
}

static void a_sweep_removes_old_temporary_files_only(void)
{
	const uint64_t minute_ns = 60000000000;

	age(".tmp-old", 100);
	age(".tmp-fresh", 10);
	age(".tmp-future", -1000);
	age(".other", 100);
	age("object", 100);
	CHECK_INT(vv_source_dir_sweep(src, minute_ns), VV_OK);
	CHECK(!exists(".tmp-old"));
	CHECK(exists(".tmp-fresh"));
	CHECK(exists(".tmp-future"));
	CHECK(exists(".other"));
	CHECK(exists("object"));
}

static void a_put_that_was_swept_fails_at_commit(void)
{
	struct vv_put *p;

	CHECK_INT(vv_source_put_begin(src, &p), VV_OK);
	CHECK_INT(vv_source_put_write(p, "x", 1), VV_OK);
	CHECK_INT(vv_source_dir_sweep(src, 0), VV_OK);
	CHECK_INT(names_in_root(), 0);
	CHECK_INT(vv_source_put_commit(p, "refs/late", VV_PUT_NEW), VV_ESTALE);
	CHECK(!exists("refs/late"));
}

static void a_dir_source_needs_a_directory(void)
{
	struct vv_source *other;
	char *file = temp_path(root, "file");

	temp_file(file, "x", 1);
	CHECK_INT(vv_source_dir_new(&other, file, 0), VV_ENOTDIR);
	CHECK_INT(vv_source_dir_new(&other, "/nonexistent", 0), VV_ENOENT);
	CHECK_INT(vv_source_dir_new(&other, "", 0), VV_ENOENT);
	CHECK(other == NULL);
	vv_source_free(NULL);
	free(file);
}

#define RUN_FRESH(fn) (set_up(), RUN(fn), tear_down())

int main(void)
{
	RUN_FRESH(keys_that_could_lead_elsewhere_are_refused);
	RUN_FRESH(keys_have_a_longest_length);
	RUN_FRESH(prefixes_are_whole_parts);
	RUN_FRESH(an_object_is_there_whole_after_commit_only);
	RUN_FRESH(an_aborted_put_leaves_nothing);
	RUN_FRESH(a_new_put_leaves_what_is_there);
	RUN_FRESH(a_replacing_put_changes_the_version);
	RUN_FRESH(what_is_no_object_is_not_found);
	RUN_FRESH(ranges_end_at_the_end_of_the_object);
	RUN_FRESH(a_whole_object_has_a_largest_size);
	RUN_FRESH(objects_are_mapped);
	RUN_FRESH(only_so_many_packs_stay_open);
	RUN_FRESH(a_removed_pack_is_closed_and_gone);
	RUN_FRESH(many_threads_read_more_packs_than_stay_open);
	RUN_FRESH(a_listing_shows_what_is_beneath_a_prefix);
	RUN_FRESH(what_strangers_put_there_is_not_listed);
	RUN_FRESH(a_listing_ends_as_its_callback_says);
	RUN_FRESH(a_symlink_to_itself_does_not_trap_a_listing);
	RUN_FRESH(thousands_of_objects_are_listed);
	RUN_FRESH(removing_a_ref_prunes_directories_up_to_refs);
	RUN_FRESH(puts_survive_the_pruning_of_others);
	RUN_FRESH(a_sweep_removes_old_temporary_files_only);
	RUN_FRESH(a_put_that_was_swept_fails_at_commit);
	RUN_FRESH(a_dir_source_needs_a_directory);
	return test_report();
}
