#include "os/file.h"
#include "os/system.h"

#include "core/err.h"
#include "lib/temp_dir.h"
#include "test.h"

#include <stdlib.h>

static char *dir;

static void make(const char *path, const char *text)
{
	struct vv_file *file;

	CHECK_INT(vv_file_create(&file, path), VV_OK);
	CHECK_INT(vv_file_write(file, text, strlen(text)), VV_OK);
	CHECK_INT(vv_file_sync(file), VV_OK);
	vv_file_close(file);
}

static bool holds(const char *path, const char *text)
{
	struct vv_file *file;
	char buf[64] = "";
	size_t got;
	int err = vv_file_open(&file, path);

	if (!err)
		err = vv_file_read(file, buf, sizeof buf - 1, 0, &got);
	vv_file_close(file);
	return !err && strcmp(buf, text) == 0;
}

static void names_are_taken_once(void)
{
	char *a = temp_path(dir, "once-a"), *b = temp_path(dir, "once-b");
	struct vv_file *file;

	make(a, "a");
	make(b, "b");
	CHECK_INT(vv_file_create(&file, a), VV_EEXIST);
	CHECK_INT(vv_file_link_new(a, b), VV_EEXIST);
	CHECK_INT(vv_file_link_new(a, dir), VV_EEXIST);
	CHECK(holds(a, "a") && holds(b, "b"));
	free(a);
	free(b);
}

static void errors_are_told_apart(void)
{
	char *file = temp_path(dir, "plain"), *below = temp_path(file, "x"),
	     *missing = temp_path(dir, "no/such");
	struct vv_file *open;

	make(file, "x");
	CHECK_INT(vv_file_open(&open, missing), VV_ENOENT);
	CHECK_INT(vv_file_open(&open, below), VV_ENOTDIR);
	CHECK_INT(vv_file_open(&open, dir), VV_EISDIR);
	CHECK_INT(vv_file_create(&open, missing), VV_ENOENT);
	CHECK_INT(vv_file_create(&open, below), VV_ENOTDIR);
	CHECK_INT(vv_file_remove(missing), VV_ENOENT);
	CHECK_INT(vv_file_remove(dir), VV_EISDIR);
	CHECK_INT(vv_dir_make(dir), VV_EEXIST);
	CHECK_INT(vv_dir_make(missing), VV_ENOENT);
	CHECK_INT(vv_dir_remove(dir), VV_ENOTEMPTY);
	CHECK_INT(vv_dir_remove(file), VV_ENOTDIR);
	CHECK_INT(vv_dir_sync(dir), VV_OK);
	CHECK_INT(vv_dir_sync(missing), VV_ENOENT);
	CHECK_INT(vv_dir_list(file, NULL, NULL), VV_ENOTDIR);
	free(file);
	free(below);
	free(missing);
}

static void a_file_is_replaced_and_removed_while_others_read_it(void)
{
	char *from = temp_path(dir, "from"), *to = temp_path(dir, "to");
	struct vv_file *reader;
	char byte;
	size_t got;

	make(from, "new");
	make(to, "old");
	CHECK_INT(vv_file_replace(from, to), VV_OK);
	CHECK(holds(to, "new"));
	CHECK_INT(vv_file_open(&reader, to), VV_OK);
	CHECK_INT(vv_file_remove(to), VV_OK);
	CHECK_INT(vv_file_read(reader, &byte, 1, 0, &got), VV_OK);
	CHECK(got == 1 && byte == 'n');
	vv_file_close(reader);
	CHECK_INT(vv_file_open(&reader, to), VV_ENOENT);
	free(from);
	free(to);
}

/* Ranges that begin and end anywhere, though sectors are what is read. */
static void direct_reads_give_any_range(void)
{
	enum {
		SIZE = 3 * 4096 + 77
	};
	char *path = temp_path(dir, "direct");
	unsigned char *bytes = malloc(SIZE), *buf = malloc(SIZE + 10);
	struct vv_file *file;
	size_t got;

	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (unsigned char)(i * 7 + i / 256);
	temp_file(path, bytes, SIZE);
	CHECK_INT(vv_file_open_direct(&file, path), VV_OK);
	for (size_t off = 0; off <= SIZE; off += 1021) {
		CHECK_INT(vv_file_read(file, buf, 5000, off, &got), VV_OK);
		CHECK_INT(got, SIZE - off < 5000 ? SIZE - off : 5000);
		CHECK(memcmp(buf, bytes + off, got) == 0);
	}
	CHECK_INT(vv_file_read(file, buf, 10, SIZE + 5, &got), VV_OK);
	CHECK_INT(got, 0);
	CHECK_INT(vv_file_read(file, buf, 0, 0, &got), VV_OK);
	vv_file_close(file);
	free(path);
	free(bytes);
	free(buf);
}

static int count_name(void *ctx, const char *name)
{
	(void)name;
	++*(unsigned *)ctx;
	return 0;
}

/* As refs and keys of a store may be named. */
static void names_with_a_meaning_to_windows_are_only_names(void)
{
	static const char *const odd[] = {
		"con",	    "aux.h",	       "nul", "trailing.", "space ",
		"com1.txt", "\xf0\x9f\x98\x80"
	};
	char *sub = temp_path(dir, "odd");
	unsigned count = 0;

	CHECK_INT(vv_dir_make(sub), VV_OK);
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		char *path = temp_path(sub, odd[i]);

		make(path, odd[i]);
		CHECK(holds(path, odd[i]));
		free(path);
	}
	CHECK_INT(vv_dir_list(sub, count_name, &count), VV_OK);
	CHECK_INT(count, sizeof odd / sizeof odd[0]);
	free(sub);
}

static void paths_may_be_longer_than_260(void)
{
	char part[101] = { 0 }, *path = temp_path(dir, "long");

	memset(part, 'p', sizeof part - 1);
	CHECK_INT(vv_dir_make(path), VV_OK);
	for (int i = 0; i < 5; i++) {
		char *next = temp_path(path, part);

		CHECK_INT(vv_dir_make(next), VV_OK);
		free(path);
		path = next;
	}
	{
		char *file = temp_path(path, "file");

		make(file, "deep");
		CHECK(strlen(file) > 500 && holds(file, "deep"));
		free(file);
	}
	free(path);
}

static void paths_may_be_spelled_in_many_ways(void)
{
	char *sub = temp_path(dir, "spelled"), *other;

	CHECK_INT(vv_dir_make(sub), VV_OK);
	other = temp_path(sub, "file");
	make(other, "here");
	free(other);
	other = temp_path(sub, ".\\..\\spelled/.//file");
	CHECK(holds(other, "here"));
	free(other);
	other = temp_path("C:/../../..", sub + 2); /* .. ends at the root */
	free(other);
	free(sub);
}

static void what_is_not_text_has_no_name_here(void)
{
	struct vv_file *file;

	CHECK_INT(vv_file_open(&file, "bad-\xff"), VV_EILSEQ);
	CHECK_INT(vv_file_open(&file, ""), VV_ENOENT);
}

static void this_process_is_alive_and_no_other_number_of_it_is(void)
{
	CHECK(vv_process_alive(vv_process_id()));
	CHECK(!vv_process_alive(vv_process_id() + 1));
	CHECK(!vv_process_alive(0));
	CHECK(!vv_process_alive(UINT64_MAX));
}

int main(void)
{
	dir = temp_dir_new();
	RUN(names_are_taken_once);
	RUN(errors_are_told_apart);
	RUN(a_file_is_replaced_and_removed_while_others_read_it);
	RUN(direct_reads_give_any_range);
	RUN(names_with_a_meaning_to_windows_are_only_names);
	RUN(paths_may_be_longer_than_260);
	RUN(paths_may_be_spelled_in_many_ways);
	RUN(what_is_not_text_has_no_name_here);
	RUN(this_process_is_alive_and_no_other_number_of_it_is);
	temp_dir_free(dir);
	return test_report();
}
