#include "core/err.h"
#include "os/file.h"
#include "os/map.h"
#include "os/sim/sim.h"
#include "source/dir.h"
#include "source/source.h"
#include "test.h"

#include <stdbool.h>
#include <stdlib.h>

enum {
	SEEDS = 200
};

/* Writes @text to the new file @path; synced or not. */
static void make_file(const char *path, const char *text, bool synced)
{
	struct vv_file *file;

	CHECK_INT(vv_file_create(&file, path), VV_OK);
	CHECK_INT(vv_file_write(file, text, strlen(text)), VV_OK);
	if (synced)
		CHECK_INT(vv_file_sync(file), VV_OK);
	vv_file_close(file);
}

/* The content of @path, NUL-ended; "-" if there is no such file. */
static const char *content(const char *path)
{
	static char buf[64];
	struct vv_file *file;
	size_t got;
	int err = vv_file_open(&file, path);

	if (err == VV_ENOENT)
		return "-";
	CHECK_INT(err, VV_OK);
	CHECK_INT(vv_file_read(file, buf, sizeof buf - 1, 0, &got), VV_OK);
	buf[got] = '\0';
	vv_file_close(file);
	return buf;
}

static bool exists(const char *path)
{
	struct vv_file_info info;

	return vv_file_stat(path, &info) == VV_OK;
}

static uint64_t size_of(const char *path)
{
	struct vv_file_info info;

	CHECK_INT(vv_file_stat(path, &info), VV_OK);
	return info.size;
}

/* ---- without a cut it is a file system ---- */

static void names_and_content_are_as_on_a_disk(void)
{
	struct vv_file *file;
	char buf[8];
	size_t got;

	vv_sim_reset();
	make_file("/a", "0123456789", false);
	CHECK_STR(content("a"), "0123456789");
	CHECK_STR(content("//a"), "0123456789");
	CHECK_INT(vv_file_create(&file, "/a"), VV_EEXIST);
	CHECK_INT(vv_file_create(&file, "/none/a"), VV_ENOENT);
	CHECK_INT(vv_file_create(&file, "/a/b"), VV_ENOTDIR);
	CHECK_INT(vv_file_open(&file, "/"), VV_EISDIR);
	CHECK_INT(vv_file_open(&file, "/a"), VV_OK);
	CHECK_INT(vv_file_read(file, buf, 8, 6, &got), VV_OK);
	CHECK(got == 4 && memcmp(buf, "6789", 4) == 0);
	CHECK_INT(vv_file_read(file, buf, 8, 100, &got), VV_OK);
	CHECK_INT(got, 0);
	CHECK_INT(vv_file_link_new("/a", "/b"), VV_OK);
	CHECK_INT(vv_file_link_new("/a", "/b"), VV_EEXIST);
	CHECK_INT(vv_file_remove("/a"), VV_OK);
	CHECK_INT(vv_file_remove("/a"), VV_ENOENT);
	CHECK_STR(content("/b"), "0123456789");
	make_file("/c", "c", false);
	CHECK_INT(vv_file_replace("/c", "/b"), VV_OK);
	CHECK_STR(content("/b"), "c");
	CHECK(!exists("/c"));
	CHECK_INT(vv_file_read(file, buf, 8, 0, &got),
		  VV_OK); /* open, without a name */
	CHECK_INT(got, 8);
	vv_file_close(file);
}

static int count_name(void *ctx, const char *name)
{
	CHECK(name[0] != '\0');
	++*(unsigned *)ctx;
	return 0;
}

static void directories_are_as_on_a_disk(void)
{
	char name[VV_SOURCE_KEY_MAX];
	unsigned count = 0;

	vv_sim_reset();
	CHECK_INT(vv_dir_make("/d"), VV_OK);
	CHECK_INT(vv_dir_make("/d"), VV_EEXIST);
	CHECK_INT(vv_dir_make("/d/e"), VV_OK);
	make_file("/d/f", "", false);
	CHECK_INT(vv_dir_list("/d", count_name, &count), 0);
	CHECK_INT(count, 2);
	CHECK_INT(vv_dir_list("/d/f", count_name, &count), VV_ENOTDIR);
	CHECK_INT(vv_dir_remove("/d"), VV_ENOTEMPTY);
	CHECK_INT(vv_dir_remove("/d/f"), VV_ENOTDIR);
	CHECK_INT(vv_file_remove("/d/e"), VV_EISDIR);
	CHECK_INT(vv_file_remove("/d/f"), VV_OK);
	CHECK_INT(vv_dir_remove("/d/e"), VV_OK);
	CHECK_INT(vv_dir_remove("/d"), VV_OK);
	CHECK_INT(vv_dir_list("/d", count_name, &count), VV_ENOENT);
	CHECK_INT(vv_dir_sync("/d"), VV_ENOENT);
	memset(name, 'n', 256);
	name[256] = '\0';
	CHECK_INT(vv_dir_make(name), VV_ENAMETOOLONG);
	name[255] = '\0';
	CHECK_INT(vv_dir_make(name), VV_OK);
}

static void maps_are_copies_of_a_range(void)
{
	struct vv_map map;

	vv_sim_reset();
	make_file("/a", "0123456789", false);
	CHECK_INT(vv_map_open(&map, "/a", 3, 4), VV_OK);
	CHECK(map.size == 4 && memcmp(map.bytes, "3456", 4) == 0);
	CHECK_INT(vv_file_remove("/a"), VV_OK);
	vv_sim_survive(0);
	CHECK(memcmp(map.bytes, "3456", 4) == 0 && vv_map_faults(&map) == 0);
	vv_map_close(&map);
	make_file("/b", "0123456789", false);
	CHECK_INT(vv_map_open(&map, "/b", 10, 0), VV_OK);
	CHECK(map.size == 0 && !map.bytes);
	CHECK_INT(vv_map_open(&map, "/b", 3, 8), VV_EINVAL);
	CHECK_INT(vv_map_open(&map, "/c", 0, 0), VV_ENOENT);
}

/* ---- what is lost ---- */

static void what_is_synced_survives_every_cut(void)
{
	uint64_t seed;

	vv_sim_reset();
	CHECK_INT(vv_dir_make("/d"), VV_OK);
	make_file("/d/f", "text", true);
	CHECK_INT(vv_dir_sync("/d"), VV_OK);
	CHECK(!vv_sim_is_durable()); /* /d itself */
	CHECK_INT(vv_dir_sync("/"), VV_OK);
	CHECK(vv_sim_is_durable());
	for (seed = 0; seed < SEEDS; seed++) {
		vv_sim_survive(seed);
		CHECK_STR(content("/d/f"), "text");
	}
}

static void a_name_is_lost_without_a_sync_of_its_directory(void)
{
	struct vv_sim_snapshot *moment;
	unsigned kept = 0;
	uint64_t seed;

	vv_sim_reset();
	make_file("/f", "text", true);
	moment = vv_sim_snapshot_new();
	for (seed = 0; seed < SEEDS; seed++) {
		vv_sim_restore(moment);
		vv_sim_survive(seed);
		kept += exists("/f");
		if (seed < 2)
			CHECK_INT(kept, seed);
		if (exists("/f"))
			CHECK_STR(content("/f"), "text");
	}
	CHECK(kept > SEEDS / 4 && kept < SEEDS * 3 / 4);
	vv_sim_snapshot_free(moment);
}

static void content_is_lost_without_a_sync_of_the_file(void)
{
	enum {
		EMPTY,
		WHOLE,
		PREFIX,
		ZEROS,
		KINDS
	};
	struct vv_sim_snapshot *moment;
	unsigned seen[KINDS] = { 0 };
	uint64_t seed;

	vv_sim_reset();
	make_file("/f", "0123456789", false);
	CHECK_INT(vv_dir_sync("/"), VV_OK);
	moment = vv_sim_snapshot_new();
	for (seed = 0; seed < SEEDS; seed++) {
		const char *text;

		vv_sim_restore(moment);
		vv_sim_survive(seed);
		text = content("/f");
		CHECK(strncmp("0123456789", text, strlen(text)) == 0);
		if (size_of("/f") == 0)
			seen[EMPTY]++;
		else if (strlen(text) < size_of("/f"))
			seen[ZEROS]++;
		else if (size_of("/f") < 10)
			seen[PREFIX]++;
		else
			seen[WHOLE]++;
		CHECK(seed != 0 || seen[EMPTY] == 1);
		CHECK(seed != 1 || seen[WHOLE] == 1);
	}
	CHECK(seen[EMPTY] && seen[WHOLE] && seen[PREFIX] && seen[ZEROS]);
	vv_sim_snapshot_free(moment);
}

static void what_was_synced_before_stays_under_what_was_not(void)
{
	struct vv_file *file;
	uint64_t seed;

	for (seed = 0; seed < SEEDS; seed++) {
		vv_sim_reset();
		CHECK_INT(vv_file_create(&file, "/f"), VV_OK);
		CHECK_INT(vv_file_write(file, "old", 3), VV_OK);
		CHECK_INT(vv_file_sync(file), VV_OK);
		CHECK_INT(vv_dir_sync("/"), VV_OK);
		CHECK_INT(vv_file_write(file, "new", 3), VV_OK);
		vv_sim_survive(seed);
		CHECK(strncmp(content("/f"), "old", 3) == 0);
		vv_file_close(file);
	}
}

/* Calls @check after each of many survivals of the disk, and leaves it as it is. */
static void each_survivor(void (*check)(unsigned seen[4]), unsigned seen[4])
{
	struct vv_sim_snapshot *moment = vv_sim_snapshot_new();
	uint64_t seed;

	memset(seen, 0, 4 * sizeof *seen);
	for (seed = 0; seed < SEEDS; seed++) {
		vv_sim_restore(moment);
		vv_sim_survive(seed);
		check(seen);
	}
	vv_sim_restore(moment);
	vv_sim_snapshot_free(moment);
}

static void see_replaced(unsigned seen[4])
{
	const char *text = content("/ref");

	CHECK(strcmp(text, "-") != 0);
	seen[0] += strcmp(text, "old") == 0;
	seen[1] += strcmp(text, "new") == 0;
	seen[2] += strcmp(text, "") == 0;
	seen[3] += exists("/temp");
}

static void a_replaced_name_is_old_or_new_but_never_missing(void)
{
	unsigned seen[4];

	vv_sim_reset();
	make_file("/ref", "old", true);
	CHECK_INT(vv_dir_sync("/"), VV_OK);
	make_file("/temp", "new", true);
	CHECK_INT(vv_file_replace("/temp", "/ref"), VV_OK);
	each_survivor(see_replaced, seen);
	CHECK_INT(seen[0] + seen[1], SEEDS);
	CHECK(seen[0] && seen[1] && seen[3]);
}

static void a_rename_may_survive_the_content_it_gives_a_name(void)
{
	unsigned seen[4];

	vv_sim_reset();
	make_file("/ref", "old", true);
	CHECK_INT(vv_dir_sync("/"), VV_OK);
	make_file("/temp", "new", false);
	CHECK_INT(vv_file_replace("/temp", "/ref"), VV_OK);
	each_survivor(see_replaced, seen);
	CHECK(seen[0] && seen[1] && seen[2]); /* the classic: an empty file */
}

static void see_two(unsigned seen[4])
{
	seen[(exists("/1") ? 1 : 0) + (exists("/2") ? 2 : 0)]++;
}

static void a_later_name_may_survive_an_earlier_one(void)
{
	unsigned seen[4];

	vv_sim_reset();
	make_file("/1", "", true);
	make_file("/2", "", true);
	each_survivor(see_two, seen);
	CHECK(seen[0] && seen[1] && seen[2] && seen[3]);
	vv_sim_survive(1);
	CHECK_INT(vv_file_remove("/1"), VV_OK);
	CHECK_INT(vv_file_remove("/2"), VV_OK);
	each_survivor(see_two, seen);
	CHECK(seen[0] && seen[1] && seen[2] && seen[3]);
}

static void what_is_beneath_a_lost_directory_is_lost(void)
{
	vv_sim_reset();
	CHECK_INT(vv_dir_make("/d"), VV_OK);
	make_file("/d/f", "text", true);
	CHECK_INT(vv_dir_sync("/d"), VV_OK);
	vv_sim_survive(0);
	CHECK(!exists("/d"));
	CHECK_INT(vv_dir_make("/d"), VV_OK);
	CHECK(!exists("/d/f"));
}

static void a_removed_directory_may_come_back_with_its_files(void)
{
	vv_sim_reset();
	CHECK_INT(vv_dir_make("/d"), VV_OK);
	make_file("/d/f", "text", true);
	CHECK_INT(vv_dir_sync("/d"), VV_OK);
	CHECK_INT(vv_dir_sync("/"), VV_OK);
	CHECK_INT(vv_file_remove("/d/f"), VV_OK);
	CHECK_INT(vv_dir_remove("/d"), VV_OK);
	vv_sim_survive(0);
	CHECK_STR(content("/d/f"), "text");
}

static void the_same_seed_gives_the_same_disk(void)
{
	struct vv_sim_snapshot *moment;
	char first[64];
	uint64_t seed;

	vv_sim_reset();
	make_file("/f", "0123456789", false);
	CHECK_INT(vv_dir_sync("/"), VV_OK);
	moment = vv_sim_snapshot_new();
	for (seed = 0; seed < 20; seed++) {
		vv_sim_restore(moment);
		vv_sim_survive(seed);
		strcpy(first, content("/f"));
		vv_sim_restore(moment);
		vv_sim_survive(seed);
		CHECK_STR(content("/f"), first);
	}
	vv_sim_snapshot_free(moment);
}

/* ---- cuts, faults, limits ---- */

static void after_the_cut_nothing_happens(void)
{
	struct vv_file *file, *other;
	struct vv_file_info info;
	uint64_t size;
	size_t got;
	char buf[8];

	vv_sim_reset();
	CHECK_INT(vv_file_create(&file, "/f"), VV_OK);
	CHECK_INT(vv_file_write(file, "one", 3), VV_OK);
	CHECK_INT(vv_sim_ops(), 2);
	vv_sim_cut_at(3);
	CHECK_INT(vv_file_read(file, buf, 8, 0, &got), VV_OK);
	CHECK_INT(vv_file_write(file, "two", 3), VV_EIO);
	CHECK_INT(vv_file_sync(file), VV_EIO);
	CHECK_INT(vv_dir_sync("/"), VV_EIO);
	CHECK_INT(vv_file_read(file, buf, 8, 0, &got), VV_EIO);
	CHECK_INT(vv_file_size(file, &size), VV_EIO);
	CHECK_INT(vv_file_stat("/f", &info), VV_EIO);
	CHECK_INT(vv_file_open(&other, "/f"), VV_EIO);
	CHECK_INT(vv_file_create(&other, "/g"), VV_EIO);
	CHECK_INT(vv_dir_list("/", count_name, &got), VV_EIO);
	vv_sim_survive(1);
	CHECK_INT(vv_sim_ops(), 0);
	CHECK_STR(content("/f"), "one");
	CHECK(!exists("/g"));
	CHECK_INT(vv_file_read(file, buf, 8, 0, &got), VV_EIO); /* of the disk before */
	CHECK_INT(vv_file_write(file, "two", 3), VV_EIO);
	vv_file_close(file);
	CHECK_STR(content("/f"), "one");
}

static void a_fault_hits_the_nth_operation_only(void)
{
	struct vv_file *file;

	vv_sim_reset();
	vv_sim_fail_at(3, VV_ENOSPC);
	CHECK_INT(vv_file_create(&file, "/f"), VV_OK);
	CHECK_INT(vv_file_write(file, "ab", 2), VV_OK);
	CHECK_INT(vv_file_write(file, "cdef", 4), VV_ENOSPC);
	CHECK_STR(content("/f"), "abcd"); /* a part had been written */
	CHECK_INT(vv_file_write(file, "gh", 2), VV_OK);
	vv_file_close(file);
	vv_sim_fail_at(5, VV_EIO);
	CHECK_INT(vv_file_replace("/f", "/g"), VV_EIO);
	CHECK(exists("/f") && !exists("/g"));
	CHECK_INT(vv_file_replace("/f", "/g"), VV_OK);
}

static void a_failed_sync_cannot_be_made_good(void)
{
	struct vv_file *file;

	vv_sim_reset();
	CHECK_INT(vv_file_create(&file, "/f"), VV_OK);
	CHECK_INT(vv_file_write(file, "text", 4), VV_OK);
	vv_sim_fail_at(3, VV_EIO);
	CHECK_INT(vv_file_sync(file), VV_EIO);
	CHECK_INT(vv_file_sync(file), VV_OK); /* as Linux does */
	CHECK_INT(vv_dir_sync("/"), VV_OK);
	vv_file_close(file);
	vv_sim_survive(0);
	CHECK_STR(content("/f"), "");
}

static void a_full_disk_takes_what_fits(void)
{
	struct vv_file *file;

	vv_sim_reset();
	vv_sim_set_capacity(10);
	make_file("/a", "123456", true);
	CHECK_INT(vv_file_create(&file, "/b"), VV_OK);
	CHECK_INT(vv_file_write(file, "123456", 6), VV_ENOSPC);
	CHECK_STR(content("/b"), "1234");
	CHECK_INT(vv_file_remove("/b"), VV_OK);
	CHECK_INT(vv_file_write(file, "5", 1), VV_ENOSPC); /* open: still there */
	vv_file_close(file);
	make_file("/c", "1234", true);
	vv_sim_set_capacity(0);
	make_file("/d", "123456", true);
}

/* ---- a source on it: the crash test that others follow ---- */

static struct vv_source *open_store(void)
{
	struct vv_source *src;

	CHECK_INT(vv_source_dir_new(&src, "/store", 0), VV_OK);
	return src;
}

static const char *object(const char *key)
{
	static char path[128];

	snprintf(path, sizeof path, "/store/%s", key);
	return content(path);
}

/* A store with a ref, all durable. */
static void prepare(void)
{
	struct vv_source *src;

	vv_sim_reset();
	CHECK_INT(vv_dir_make("/store"), VV_OK);
	CHECK_INT(vv_dir_sync("/"), VV_OK);
	src = open_store();
	CHECK_INT(vv_source_put(src, "refs/gcc", "old", 3, VV_PUT_REPLACE), VV_OK);
	vv_source_free(src);
	CHECK(vv_sim_is_durable());
}

/* What a publisher does; the number of steps that returned 0. */
static int publish(void)
{
	struct vv_source *src = open_store();
	int steps = 0;

	if (vv_source_put(src, "packs/01/p", "pack", 4, VV_PUT_NEW) == VV_OK)
		steps = 1;
	if (steps == 1 &&
	    vv_source_put(src, "refs/gcc", "new", 3, VV_PUT_REPLACE) == VV_OK)
		steps = 2;
	if (steps == 2 && vv_source_remove(src, "packs/01/p") == VV_OK)
		steps = 3;
	vv_source_free(src);
	return steps;
}

static void check_published(int steps)
{
	const char *ref = object("refs/gcc");
	bool is_new = strcmp(ref, "new") == 0;

	CHECK(is_new || strcmp(ref, "old") == 0);
	CHECK(is_new || steps < 2);
	CHECK(!is_new || steps >= 1); /* the second step had begun */
	if (steps == 1 || (steps == 0 && exists("/store/packs/01/p")))
		CHECK_STR(object("packs/01/p"), "pack");
	if (steps == 3)
		CHECK(!exists("/store/packs/01/p"));
}

static void a_dir_source_keeps_its_promises_at_every_cut(void)
{
	unsigned base, count, n;
	uint64_t seed;

	prepare();
	base = vv_sim_ops();
	CHECK_INT(publish(), 3);
	count = vv_sim_ops() - base;
	CHECK(count > 15);
	for (n = 1; n <= count; n++) {
		struct vv_sim_snapshot *moment;
		int steps;

		prepare();
		CHECK_INT(vv_sim_ops(), base);
		vv_sim_cut_at(base + n);
		steps = publish();
		moment = vv_sim_snapshot_new();
		for (seed = 0; seed < 50; seed++) {
			vv_sim_restore(moment);
			vv_sim_survive(seed);
			check_published(steps);
		}
		vv_sim_snapshot_free(moment);
	}
}

static void a_dir_source_survives_every_single_fault(void)
{
	unsigned base, count, n;

	prepare();
	base = vv_sim_ops();
	CHECK_INT(publish(), 3);
	count = vv_sim_ops() - base;
	for (n = 1; n <= count; n++) {
		int steps;

		prepare();
		vv_sim_fail_at(base + n, VV_EIO);
		steps = publish();
		vv_sim_survive(0);
		check_published(steps);
		vv_source_free(open_store());
	}
}

static void a_directory_that_another_writer_made_is_synced_too(void)
{
	struct vv_source *src;

	prepare();
	src = open_store();
	CHECK_INT(vv_dir_make("/store/packs"), VV_OK);
	CHECK_INT(vv_dir_make("/store/packs/01"), VV_OK);
	CHECK_INT(vv_source_put(src, "packs/01/p", "pack", 4, VV_PUT_NEW), VV_OK);
	vv_source_free(src);
	vv_sim_survive(0);
	CHECK_STR(object("packs/01/p"), "pack");
}

static void an_object_that_was_there_is_made_durable_too(void)
{
	struct vv_source *src;

	prepare();
	src = open_store();
	CHECK_INT(vv_dir_make("/store/packs"), VV_OK);
	make_file("/store/packs/p", "pack", true); /* its writer had got so far */
	CHECK_INT(vv_source_put(src, "packs/p", "pack", 4, VV_PUT_NEW), VV_EEXIST);
	vv_source_free(src);
	vv_sim_survive(0);
	CHECK_STR(object("packs/p"), "pack");
}

/* The same without syncs: if no survivor shows the damage, the simulator is blind. */
static void the_simulator_finds_a_careless_publisher(void)
{
	struct vv_sim_snapshot *moment;
	unsigned lost = 0, empty = 0;
	uint64_t seed;

	prepare();
	make_file("/store/.tmp-1", "new", false);
	CHECK_INT(vv_file_replace("/store/.tmp-1", "/store/refs/gcc"), VV_OK);
	moment = vv_sim_snapshot_new();
	for (seed = 0; seed < 50; seed++) {
		vv_sim_restore(moment);
		vv_sim_survive(seed);
		lost += strcmp(object("refs/gcc"), "old") == 0;
		empty += strcmp(object("refs/gcc"), "") == 0;
	}
	CHECK(lost && empty);
	vv_sim_snapshot_free(moment);
}

int main(void)
{
	RUN(names_and_content_are_as_on_a_disk);
	RUN(directories_are_as_on_a_disk);
	RUN(maps_are_copies_of_a_range);
	RUN(what_is_synced_survives_every_cut);
	RUN(a_name_is_lost_without_a_sync_of_its_directory);
	RUN(content_is_lost_without_a_sync_of_the_file);
	RUN(what_was_synced_before_stays_under_what_was_not);
	RUN(a_replaced_name_is_old_or_new_but_never_missing);
	RUN(a_rename_may_survive_the_content_it_gives_a_name);
	RUN(a_later_name_may_survive_an_earlier_one);
	RUN(what_is_beneath_a_lost_directory_is_lost);
	RUN(a_removed_directory_may_come_back_with_its_files);
	RUN(the_same_seed_gives_the_same_disk);
	RUN(after_the_cut_nothing_happens);
	RUN(a_fault_hits_the_nth_operation_only);
	RUN(a_failed_sync_cannot_be_made_good);
	RUN(a_full_disk_takes_what_fits);
	RUN(a_dir_source_keeps_its_promises_at_every_cut);
	RUN(a_dir_source_survives_every_single_fault);
	RUN(a_directory_that_another_writer_made_is_synced_too);
	RUN(an_object_that_was_there_is_made_durable_too);
	RUN(the_simulator_finds_a_careless_publisher);
	vv_sim_reset();
	return test_report();
}
