#include "core/err.h"
#include "lib/temp_dir.h"
#include "os/file.h"
#include "os/system.h"
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *dir;

static char *at(const char *name)
{
	return temp_path(dir, name);
}

static void make_file(const char *name, const char *text)
{
	char *path = at(name);
	struct vv_file *file;

	CHECK_INT(vv_file_create(&file, path), VV_OK);
	CHECK_INT(vv_file_write(file, text, strlen(text)), VV_OK);
	CHECK_INT(vv_file_sync(file), VV_OK);
	vv_file_close(file);
	free(path);
}

static void check_file(const char *name, const char *text)
{
	char *path = at(name);
	struct vv_file *file;
	char buf[64];
	size_t got;

	CHECK_INT(vv_file_open(&file, path), VV_OK);
	CHECK_INT(vv_file_read(file, buf, sizeof buf, 0, &got), VV_OK);
	CHECK_INT(got, strlen(text));
	CHECK(memcmp(buf, text, got) == 0);
	vv_file_close(file);
	free(path);
}

static void what_was_written_is_read_at_any_offset(void)
{
	char *path = at("a");
	struct vv_file *file;
	uint64_t size;
	char buf[4];
	size_t got;

	make_file("a", "0123456789");
	CHECK_INT(vv_file_open(&file, path), VV_OK);
	CHECK_INT(vv_file_size(file, &size), VV_OK);
	CHECK_INT(size, 10);
	CHECK_INT(vv_file_read(file, buf, 4, 3, &got), VV_OK);
	CHECK(got == 4 && memcmp(buf, "3456", 4) == 0);
	CHECK_INT(vv_file_read(file, buf, 4, 8, &got), VV_OK);
	CHECK(got == 2 && memcmp(buf, "89", 2) == 0);
	CHECK_INT(vv_file_read(file, buf, 4, 11, &got), VV_OK);
	CHECK_INT(got, 0);
	CHECK_INT(vv_file_read(file, buf, 4, UINT64_MAX - 1, &got), VV_EINVAL);
	vv_file_close(file);
	free(path);
}

static void create_takes_a_free_name_only(void)
{
	char *path = at("taken");
	struct vv_file *file;

	make_file("taken", "first");
	CHECK_INT(vv_file_create(&file, path), VV_EEXIST);
	CHECK(file == NULL);
	check_file("taken", "first");
	free(path);
}

static void a_created_file_is_read_only_to_others(void)
{
	char *path = at("sealed");
	struct stat st;

	make_file("sealed", "x");
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 0222, 0);
	free(path);
}

static void open_refuses_what_is_no_regular_file(void)
{
	char *fifo = at("fifo");
	struct vv_file *file;

	CHECK_INT(vv_file_open(&file, dir), VV_EISDIR);
	CHECK_INT(mkfifo(fifo, 0600), 0);
	CHECK_INT(vv_file_open(&file, fifo), VV_EINVAL); /* and does not hang */
	CHECK_INT(vv_file_open(&file, "/nonexistent/x"), VV_ENOENT);
	CHECK_INT(vv_file_open(&file, "/dev/null/x"), VV_ENOTDIR);
	free(fifo);
}

static void replace_takes_the_place_of_a_file(void)
{
	char *from = at("from"), *to = at("to");
	struct vv_file_info before, after;

	make_file("from", "new");
	make_file("to", "old");
	CHECK_INT(vv_file_stat(to, &before), VV_OK);
	CHECK_INT(vv_file_replace(from, to), VV_OK);
	CHECK_INT(vv_file_stat(to, &after), VV_OK);
	CHECK(before.identity != after.identity);
	CHECK_INT(vv_file_stat(from, &after), VV_ENOENT);
	check_file("to", "new");
	free(from);
	free(to);
}

static void a_new_link_refuses_a_taken_name(void)
{
	char *from = at("source"), *to = at("target");
	struct vv_file_info a, b;

	make_file("source", "text");
	CHECK_INT(vv_file_link_new(from, to), VV_OK);
	CHECK_INT(vv_file_link_new(from, to), VV_EEXIST);
	CHECK_INT(vv_file_link_new(from, dir), VV_EEXIST);
	CHECK_INT(vv_file_stat(from, &a), VV_OK);
	CHECK_INT(vv_file_stat(to, &b), VV_OK);
	CHECK(a.identity == b.identity);
	check_file("target", "text");
	CHECK_INT(vv_file_remove(from), VV_OK);
	CHECK_INT(vv_file_remove(from), VV_ENOENT);
	check_file("target", "text");
	free(from);
	free(to);
}

static void stat_tells_kind_size_and_time(void)
{
	char *path = at("dated");
	struct vv_file_info info;
	int64_t now = vv_time_ns();
	int64_t slack = 5000000000;

	make_file("dated", "12345");
	CHECK_INT(vv_file_stat(path, &info), VV_OK);
	CHECK(!info.is_dir && info.size == 5);
	CHECK(info.mtime_ns > now - slack && info.mtime_ns < now + slack);
	CHECK_INT(vv_file_stat(dir, &info), VV_OK);
	CHECK(info.is_dir);
	free(path);
}

static void dates_that_do_not_fit_become_the_nearest(void)
{
	char *path = at("ancient");
	struct timespec times[2] = { { 0, 0 }, { 0, 0 } };
	struct vv_file_info info;
	struct stat st;

	make_file("ancient", "");
	times[1].tv_sec = 13000000000; /* in 2381; past what 64 bits of ns hold */
	CHECK_INT(utimensat(AT_FDCWD, path, times, 0), 0);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(vv_file_stat(path, &info), VV_OK);
	if (st.st_mtime == times[1].tv_sec) /* the file system can hold it */
		CHECK_INT(info.mtime_ns, INT64_MAX);
	free(path);
}

static void directories_go_only_when_empty(void)
{
	char *path = at("sub"), *file = at("sub/x");

	CHECK_INT(vv_dir_make(path), VV_OK);
	CHECK_INT(vv_dir_make(path), VV_EEXIST);
	CHECK_INT(vv_dir_sync(path), VV_OK);
	make_file("sub/x", "");
	CHECK_INT(vv_dir_remove(path), VV_ENOTEMPTY);
	CHECK_INT(vv_file_remove(path), VV_EISDIR);
	CHECK_INT(vv_file_remove(file), VV_OK);
	CHECK_INT(vv_dir_remove(file), VV_ENOENT);
	CHECK_INT(vv_dir_remove(path), VV_OK);
	CHECK_INT(vv_dir_sync(path), VV_ENOENT);
	CHECK_INT(vv_dir_make(file), VV_ENOENT);
	free(path);
	free(file);
}

static int count_names(void *ctx, const char *name)
{
	CHECK(strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
	++*(unsigned *)ctx;
	return 0;
}

static int stop_at_third(void *ctx, const char *name)
{
	(void)name;
	return ++*(unsigned *)ctx == 3 ? VV_ECANCELED : 0;
}

static void a_listing_shows_thousands_of_names_and_can_stop(void)
{
	enum {
		MANY = 12000
	};
	char *many = at("many");
	unsigned count = 0;
	char name[64];
	int i;

	CHECK_INT(vv_dir_make(many), VV_OK);
	for (i = 0; i < MANY; i++) {
		char *path;

		snprintf(name, sizeof name, "%d", i);
		path = temp_path(many, name);
		temp_file(path, "", 0);
		free(path);
	}
	CHECK_INT(vv_dir_list(many, count_names, &count), 0);
	CHECK_INT(count, MANY);
	count = 0;
	CHECK_INT(vv_dir_list(many, stop_at_third, &count), VV_ECANCELED);
	CHECK_INT(count, 3);
	CHECK_INT(vv_dir_list("/nonexistent", count_names, &count), VV_ENOENT);
	free(many);
}

static void a_write_that_fails_in_the_middle_is_an_error(void)
{
	char *path = at("limited");
	int status;
	pid_t child = fork();

	CHECK(child >= 0);
	if (child == 0) {
		struct rlimit limit = { 6000, 6000 };
		char page[4096] = { 0 };
		struct vv_file *file;

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		CHECK_INT(vv_file_create(&file, path), VV_OK);
		CHECK_INT(vv_file_write(file, page, sizeof page), VV_OK);
		CHECK_INT(vv_file_write(file, page, sizeof page), VV_EFBIG);
		vv_file_close(file);
		_exit(0);
	}
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	free(path);
}

static void process_and_boot_names_fit_a_record(void)
{
	char name[2][VV_SYSTEM_NAME_BYTES];
	int i;

	vv_host_name(name[0]);
	vv_boot_name(name[1]);
	for (i = 0; i < 2; i++) {
		CHECK(name[i][0] != '\0');
		CHECK(name[i][strspn(name[i], "abcdefghijklmnopqrstuvwxyz"
					      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
					      "!#$%&()*+,-./:;<=>?@[]^_{|}~")] == '\0');
	}
	memcpy(name[0], name[1], sizeof name[0]);
	vv_boot_name(name[1]);
	CHECK_STR(name[0], name[1]);
}

static void a_process_is_alive_until_it_is_reaped(void)
{
	pid_t child = fork();

	CHECK(child >= 0);
	if (child == 0)
		_exit(0);
	CHECK(vv_process_alive((uint64_t)child));
	CHECK_INT(waitpid(child, NULL, 0), child);
	CHECK(!vv_process_alive((uint64_t)child));
	CHECK(vv_process_alive(vv_process_id()));
	CHECK(vv_process_alive(1)); /* ours or not */
	CHECK(!vv_process_alive(0));
	CHECK(!vv_process_alive(UINT64_MAX)); /* -1 would mean everyone */
}

static void pages_are_zero_and_the_clock_goes_forward(void)
{
	uint64_t start = vv_clock_ns();
	size_t size = 1 << 20;
	char *pages = vv_pages_new(size);

	CHECK(pages && pages[0] == 0 && memcmp(pages, pages + 1, size - 1) == 0);
	memset(pages, 1, size);
	vv_pages_free(pages, size);
	vv_pages_free(NULL, size);
	vv_sleep_ms(2);
	CHECK(vv_clock_ns() - start >= 2000000);
}

int main(void)
{
	dir = temp_dir_new();
	RUN(what_was_written_is_read_at_any_offset);
	RUN(create_takes_a_free_name_only);
	RUN(a_created_file_is_read_only_to_others);
	RUN(open_refuses_what_is_no_regular_file);
	RUN(replace_takes_the_place_of_a_file);
	RUN(a_new_link_refuses_a_taken_name);
	RUN(stat_tells_kind_size_and_time);
	RUN(dates_that_do_not_fit_become_the_nearest);
	RUN(directories_go_only_when_empty);
	RUN(a_listing_shows_thousands_of_names_and_can_stop);
	RUN(a_write_that_fails_in_the_middle_is_an_error);
	RUN(process_and_boot_names_fit_a_record);
	RUN(a_process_is_alive_until_it_is_reaped);
	RUN(pages_are_zero_and_the_clock_goes_forward);
	temp_dir_free(dir);
	return test_report();
}
