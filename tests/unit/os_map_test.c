#include "core/err.h"
#include "lib/temp_dir.h"
#include "os/map.h"
#include "os/thread.h"
#include "test.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PAGES = 8
};

static char *dir;
static size_t page; /* bytes */

/* A file of PAGES pages, each filled with its number + 1. */
static char *paged_file(const char *name)
{
	char *path = temp_path(dir, name);
	char *bytes = malloc(PAGES * page);
	size_t i;

	for (i = 0; i < PAGES; i++)
		memset(bytes + i * page, (int)i + 1, page);
	temp_file(path, bytes, PAGES * page);
	free(bytes);
	return path;
}

static uint8_t load(const uint8_t *p)
{
	return *(const volatile uint8_t *)p;
}

static void any_range_of_a_file_can_be_mapped(void)
{
	char *path = paged_file("ranges");
	struct vv_map map;

	CHECK_INT(vv_map_open(&map, path, 0, 0), VV_OK);
	CHECK_INT(map.size, PAGES * page);
	CHECK_INT(load(map.bytes), 1);
	vv_map_close(&map);
	CHECK(!map.bytes && !map.size && !map.faults);

	CHECK_INT(vv_map_open(&map, path, 2 * page - 1, 2), VV_OK);
	CHECK_INT(map.size, 2);
	CHECK_INT(load(map.bytes), 2);
	CHECK_INT(load(map.bytes + 1), 3);
	vv_map_close(&map);

	CHECK_INT(vv_map_open(&map, path, PAGES * page, 0), VV_OK);
	CHECK(map.size == 0 && !map.bytes && vv_map_faults(&map) == 0);
	vv_map_drop(&map);
	vv_map_close(&map);
	vv_map_close(&map);
	free(path);
}

static void a_range_beyond_the_file_is_refused(void)
{
	char *path = paged_file("short");
	struct vv_map map;

	CHECK_INT(vv_map_open(&map, path, 0, PAGES * page + 1), VV_EINVAL);
	CHECK_INT(vv_map_open(&map, path, PAGES * page + 1, 0), VV_EINVAL);
	CHECK_INT(vv_map_open(&map, path, UINT64_MAX, 2), VV_EINVAL);
	CHECK_INT(vv_map_open(&map, path, 2, UINT64_MAX), VV_EINVAL);
	CHECK_INT(vv_map_open(&map, dir, 0, 0), VV_EISDIR);
	CHECK_INT(vv_map_open(&map, "/nonexistent", 0, 0), VV_ENOENT);
	CHECK(!map.bytes);
	free(path);
}

static void a_lost_page_reads_as_zero_and_is_counted(void)
{
	char *path = paged_file("cut");
	struct vv_map map, other;

	CHECK_INT(vv_map_open(&map, path, 0, 0), VV_OK);
	CHECK_INT(vv_map_open(&other, path, 0, page), VV_OK);
	CHECK_INT(truncate(path, (off_t)(3 * page)), 0);
	CHECK_INT(load(map.bytes + 2 * page), 3);
	CHECK_INT(vv_map_faults(&map), 0);
	CHECK_INT(load(map.bytes + 5 * page + 17), 0);
	CHECK_INT(vv_map_faults(&map), 1);
	CHECK_INT(load(map.bytes + 5 * page), 0);
	CHECK_INT(vv_map_faults(&map), 1); /* the page is there now */
	CHECK_INT(load(map.bytes + 7 * page), 0);
	CHECK_INT(vv_map_faults(&map), 2);
	CHECK_INT(load(map.bytes + page), 2);
	CHECK_INT(vv_map_faults(&other), 0);
	vv_map_close(&map);
	vv_map_close(&other);
	free(path);
}

static void a_lost_page_stays_lost_until_close(void)
{
	char *path = paged_file("back");
	struct vv_map map;

	CHECK_INT(vv_map_open(&map, path, 0, 0), VV_OK);
	CHECK_INT(truncate(path, (off_t)page), 0);
	CHECK_INT(load(map.bytes + 4 * page), 0);
	temp_file(path, "", 0);
	free(path);
	path = paged_file("back");
	vv_map_drop(&map);
	CHECK_INT(load(map.bytes + 4 * page), 0);
	CHECK_INT(load(map.bytes + 3 * page), 4);
	CHECK_INT(vv_map_faults(&map), 1);
	vv_map_close(&map);

	CHECK_INT(vv_map_open(&map, path, 0, 0), VV_OK);
	CHECK_INT(load(map.bytes + 4 * page), 5);
	CHECK_INT(vv_map_faults(&map), 0); /* also in a slot used before */
	vv_map_close(&map);
	free(path);
}

static void drop_gives_pages_back_and_keeps_their_content(void)
{
	char *path = paged_file("drop");
	struct vv_map map;

	CHECK_INT(vv_map_open(&map, path, page / 2, 0), VV_OK);
	CHECK_INT(load(map.bytes + page), 2);
	vv_map_drop(&map);
	CHECK_INT(load(map.bytes + page), 2);
	CHECK_INT(vv_map_faults(&map), 0);
	vv_map_close(&map);
	free(path);
}

static void more_maps_than_one_block_of_slots_are_told_apart(void)
{
	enum {
		MANY = 300
	};
	char *path = paged_file("many");
	struct vv_map maps[MANY];
	size_t i;

	for (i = 0; i < MANY; i++)
		CHECK_INT(vv_map_open(&maps[i], path, 0, 0), VV_OK);
	CHECK_INT(truncate(path, (off_t)page), 0);
	for (i = 0; i < MANY; i += 7)
		CHECK_INT(load(maps[i].bytes + page), 0);
	for (i = 0; i < MANY; i++) {
		CHECK_INT(vv_map_faults(&maps[i]), i % 7 == 0);
		vv_map_close(&maps[i]);
	}
	free(path);
}

/* ---- faults while other threads open and close maps ---- */

struct churn {
	const char *path;
	atomic_bool stop;
};

static void churn(void *arg)
{
	struct churn *c = arg;

	while (!atomic_load(&c->stop)) {
		struct vv_map map[3];
		int i;

		for (i = 0; i < 3; i++)
			CHECK_INT(vv_map_open(&map[i], c->path, 0, 0), VV_OK);
		for (i = 0; i < 3; i++) {
			CHECK_INT(vv_map_faults(&map[i]), 0);
			vv_map_close(&map[i]);
		}
	}
}

static void faults_are_mended_while_maps_come_and_go(void)
{
	char *whole = paged_file("whole");
	char *path = paged_file("cut-often");
	struct churn c = { .path = whole };
	struct vv_thread thread;
	int round;
	size_t i;

	CHECK_INT(vv_thread_create(&thread, "churn", churn, &c, 0), VV_OK);
	for (round = 0; round < 200; round++) {
		struct vv_map map;

		free(path);
		path = paged_file("cut-often");
		CHECK_INT(vv_map_open(&map, path, 0, 0), VV_OK);
		CHECK_INT(truncate(path, 0), 0);
		for (i = 0; i < PAGES; i++)
			CHECK_INT(load(map.bytes + i * page), 0);
		CHECK_INT(vv_map_faults(&map), PAGES);
		vv_map_close(&map);
	}
	atomic_store(&c.stop, true);
	vv_thread_join(&thread);
	free(path);
	free(whole);
}

/* ---- faults that are not ours ---- */

static void exit_42(int number)
{
	(void)number;
	_exit(42);
}

/* What a child ends with when it reads a lost page of a mapping of its own. */
static int status_of_foreign_fault(bool handled, bool sent)
{
	char *path = paged_file("foreign");
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		execl("/proc/self/exe", "os_map_test", handled ? "handled" : "default",
		      sent ? "sent" : path, (char *)NULL);
		_exit(1);
	}
	CHECK_INT(waitpid(child, &status, 0), child);
	free(path);
	return status;
}

/* In the child: our handler comes after @earlier, then a fault that is not ours. */
static int fault_elsewhere(const char *earlier, const char *path)
{
	struct vv_map map;
	FILE *file;
	uint8_t *bytes;

	signal(SIGBUS, strcmp(earlier, "handled") == 0 ? exit_42 : SIG_DFL);
	CHECK_INT(vv_map_open(&map, "/proc/self/exe", 0, 0), VV_OK);
	if (strcmp(path, "sent") == 0) {
		raise(SIGBUS);
		return 1;
	}
	file = fopen(path, "r+");
	CHECK(file != NULL);
	bytes = mmap(NULL, page, PROT_READ, MAP_SHARED, fileno(file), 0);
	CHECK(bytes != MAP_FAILED);
	CHECK_INT(ftruncate(fileno(file), 0), 0);
	return load(bytes) + 1;
}

static void other_faults_go_to_the_earlier_handler(void)
{
	int status = status_of_foreign_fault(true, false);

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	status = status_of_foreign_fault(true, true);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

static void other_faults_kill_if_nobody_handled_them(void)
{
	int status = status_of_foreign_fault(false, false);

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	status = status_of_foreign_fault(false, true);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

int main(int argc, char **argv)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
	if (argc == 3)
		return fault_elsewhere(argv[1], argv[2]);
	dir = temp_dir_new();
	RUN(any_range_of_a_file_can_be_mapped);
	RUN(a_range_beyond_the_file_is_refused);
	RUN(a_lost_page_reads_as_zero_and_is_counted);
	RUN(a_lost_page_stays_lost_until_close);
	RUN(drop_gives_pages_back_and_keeps_their_content);
	RUN(more_maps_than_one_block_of_slots_are_told_apart);
	RUN(faults_are_mended_while_maps_come_and_go);
	RUN(other_faults_go_to_the_earlier_handler);
	RUN(other_faults_kill_if_nobody_handled_them);
	temp_dir_free(dir);
	return test_report();
}
