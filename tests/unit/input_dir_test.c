#include "input/input.h"

#include "core/err.h"
#include "lib/temp_dir.h"
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static char *dir;
static struct vv_input *in;
static struct vv_input_entry entry;

static char *at(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void begin(void)
{
	dir = temp_dir_new();
}

static void end(void)
{
	temp_dir_free(dir);
}

static void file(const char *name, const char *content)
{
	temp_file(at(name), content, strlen(content));
}

/* The paths of all entries, each followed by a blank. */
static void expect_paths(const struct vv_input_options *opts, const char *want)
{
	char got[4096] = "";
	int more;

	CHECK_INT(vv_input_open(&in, dir, opts), VV_OK);
	while ((more = in->ops->next(in, &entry)) == 1) {
		strcat(got, entry.path);
		strcat(got, " ");
	}
	CHECK_INT(more, 0);
	CHECK_STR(got, want);
	vv_input_free(in);
}

/* The entry of that path is the current one of a new walk. */
static void go_to(const char *path)
{
	CHECK_INT(vv_input_dir_new(&in, dir, NULL), VV_OK);
	do {
		CHECK_INT(in->ops->next(in, &entry), 1);
	} while (strcmp(entry.path, path) != 0);
}

static void entries_come_sorted_files_before_directories(void)
{
	begin();
	CHECK_INT(mkdir(at("b"), 0755), 0);
	CHECK_INT(mkdir(at("b/z"), 0755), 0);
	CHECK_INT(mkdir(at("a"), 0755), 0);
	file("z", "1");
	file("b/y", "2");
	file("b/x", "3");
	file("b/z/w", "4");
	file("B", "5");
	expect_paths(NULL, " B z a b b/x b/y b/z b/z/w ");
	end();
}

static void metadata_and_targets_are_told(void)
{
	const struct timespec times[2] = { { 5, 0 }, { 1700000000, 123456789 } };

	begin();
	file("f", "content");
	CHECK_INT(chmod(at("f"), 04751), 0);
	CHECK_INT(utimensat(AT_FDCWD, at("f"), times, 0), 0);
	CHECK_INT(symlink("../no/where", at("l")), 0);
	CHECK_INT(mkfifo(at("p"), 0600), 0);
	go_to("f");
	CHECK_INT(entry.meta.mode, VV_S_IFREG | 04751);
	CHECK_INT(entry.meta.size, 7);
	CHECK_INT(entry.meta.uid, getuid());
	CHECK_INT(entry.meta.mtime_sec, 1700000000);
	CHECK_INT(entry.meta.mtime_nsec, 123456789);
	CHECK_INT(in->ops->next(in, &entry), 1);
	CHECK_STR(entry.meta.target, "../no/where");
	CHECK_INT(in->ops->next(in, &entry), 1);
	CHECK_INT(entry.meta.mode & VV_S_IFMT, VV_S_IFIFO);
	CHECK_INT(in->ops->next(in, &entry), 0);
	vv_input_free(in);
	end();
}

static void hard_links_are_found(void)
{
	char *existing;

	begin();
	file("b", "1");
	file("other", "1");
	existing = temp_path(dir, "b");
	CHECK_INT(link(existing, at("a")), 0);
	CHECK_INT(link(existing, at("c")), 0);
	free(existing);
	go_to("a");
	CHECK(!entry.hardlink);
	CHECK_INT(in->ops->next(in, &entry), 1);
	CHECK_STR(entry.path, "b");
	CHECK_STR(entry.hardlink, "a");
	CHECK_INT(in->ops->next(in, &entry), 1);
	CHECK_STR(entry.hardlink, "a");
	CHECK_INT(in->ops->next(in, &entry), 1);
	CHECK(!entry.hardlink);
	vv_input_free(in);
	end();
}

static void xattrs_are_told_where_there_are_any(void)
{
	begin();
	file("f", "1");
	if (setxattr(at("f"), "user.note", "abc", 3, 0) == 0) {
		go_to("f");
		CHECK_INT(entry.meta.extra_count, 1);
		CHECK_STR(entry.meta.extras[0].name, "user.note");
		CHECK_INT(entry.meta.extras[0].value_len, 3);
		CHECK(memcmp(entry.meta.extras[0].value, "abc", 3) == 0);
		vv_input_free(in);
	} else {
		printf("# no xattrs on this file system\n");
	}
	end();
}

static void holes_are_told_as_such(void)
{
	char buf[65536];
	uint64_t zeros = 0, hole, bytes = 0;
	size_t got;
	int fd;

	begin();
	fd = open(at("sparse"), O_CREAT | O_WRONLY, 0644);
	CHECK(fd >= 0);
	CHECK_INT(pwrite(fd, "x", 1, 8 << 20), 1);
	CHECK_INT(ftruncate(fd, 16 << 20), 0);
	close(fd);
	go_to("sparse");
	do {
		CHECK_INT(in->ops->read(in, buf, sizeof buf, &got, &hole), VV_OK);
		CHECK(got == 0 || hole == 0);
		zeros += hole;
		bytes += got;
	} while (got || hole);
	CHECK_INT(zeros + bytes, 16 << 20);
	CHECK(zeros > 8 << 20);
	vv_input_free(in);
	end();
}

static int read_to_end(void)
{
	char buf[64];
	uint64_t hole;
	size_t got;
	int err;

	do {
		err = in->ops->read(in, buf, sizeof buf, &got, &hole);
	} while (!err && (got || hole));
	return err;
}

static void a_file_that_changes_meanwhile_is_an_error(void)
{
	char buf[64];
	uint64_t hole;
	size_t got;

	begin();
	file("f", "first content");
	go_to("f");
	file("f", "longer than it was");
	CHECK_INT(read_to_end(), VV_EBUSY);
	vv_input_free(in);

	go_to("f");
	CHECK_INT(in->ops->read(in, buf, 4, &got, &hole), VV_OK);
	CHECK_INT(truncate(at("f"), 4), 0);
	CHECK_INT(read_to_end(), VV_EBUSY);
	vv_input_free(in);

	go_to("f");
	CHECK_INT(read_to_end(), VV_OK);
	vv_input_free(in);
	end();
}

static void a_file_that_goes_meanwhile_is_an_error(void)
{
	begin();
	file("f", "1");
	go_to("f");
	CHECK_INT(unlink(at("f")), 0);
	CHECK_INT(read_to_end(), VV_ENOENT);
	vv_input_free(in);
	end();
}

/* Between listing and reading someone puts a symlink in its place. */
static void a_planted_symlink_is_not_followed(void)
{
	begin();
	file("f", "1");
	go_to("f");
	CHECK_INT(unlink(at("f")), 0);
	CHECK_INT(symlink("/etc/passwd", at("f")), 0);
	CHECK(read_to_end() != VV_OK);
	vv_input_free(in);
	end();
}

static void options_choose_and_place_entries(void)
{
	const char *const patterns[] = { "*.o", "doc" };
	struct vv_input_options opts = { .exclude = patterns, .exclude_count = 2 };

	begin();
	CHECK_INT(mkdir(at("gcc"), 0755), 0);
	CHECK_INT(mkdir(at("gcc/doc"), 0755), 0);
	file("gcc/doc/x", "1");
	file("gcc/a.c", "1");
	file("gcc/a.o", "1");
	expect_paths(&opts, " gcc gcc/a.c ");
	opts.strip_components = 1;
	opts.prefix = "opt";
	expect_paths(&opts, "opt/a.c ");
	end();
}

static void what_is_not_there_is_an_error(void)
{
	CHECK_INT(vv_input_open(&in, "/nowhere/at/all", NULL), VV_ENOENT);
	CHECK(!in);
}

int main(void)
{
	RUN(entries_come_sorted_files_before_directories);
	RUN(metadata_and_targets_are_told);
	RUN(hard_links_are_found);
	RUN(xattrs_are_told_where_there_are_any);
	RUN(holes_are_told_as_such);
	RUN(a_file_that_changes_meanwhile_is_an_error);
	RUN(a_file_that_goes_meanwhile_is_an_error);
	RUN(a_planted_symlink_is_not_followed);
	RUN(options_choose_and_place_entries);
	RUN(what_is_not_there_is_an_error);
	return test_report();
}
