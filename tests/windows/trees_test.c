#include "os/hostdir.h"

#include "core/err.h"
#include "lib/temp_dir.h"
#include "test.h"
#include "windows/wine.h"

#include <stdlib.h>

static char *top;
static struct vv_hostdir *dir;

static void make(struct vv_hostdir *in, const char *name, const char *text)
{
	struct vv_hostfile *file;

	CHECK_INT(vv_hostfile_create(&file, in, name), VV_OK);
	CHECK_INT(vv_hostfile_write(file, text, strlen(text), 0), VV_OK);
	vv_hostfile_close(file);
}

struct seen {
	const char *name;
	unsigned count;
	uint32_t type_bits;
};

static int look(void *ctx, const char *name, uint32_t type_bits, uint64_t ino)
{
	struct seen *seen = ctx;

	(void)ino;
	if (strcmp(name, seen->name) == 0) {
		seen->count++;
		seen->type_bits = type_bits;
	}
	return 0;
}

static unsigned listed(const char *name, uint32_t type_bits)
{
	struct seen seen = { .name = name };

	CHECK_INT(vv_hostdir_list(dir, look, &seen), VV_OK);
	return seen.type_bits == type_bits ? seen.count : 0;
}

/* Lone surrogates have no UTF-8; WTF-8 carries them there and back. */
static void names_of_any_units_come_back(void)
{
	static const char *const names[] = {
		"plain",
		"\xc3\xa4\xe2\x82\xac",
		"\xf0\x9f\x98\x80",
		"con",
		"aux.c",
		"dots...",
		"space ",
		"high-\xed\xa0\x80",
		"low-\xed\xbf\xbf",
		"\xed\xb0\x80\xed\xa0\x80",
	};
	size_t count = sizeof names / sizeof names[0] - (is_wine() ? 3 : 0);

	for (size_t i = 0; i < count; i++) {
		struct vv_hoststat st;

		make(dir, names[i], "x");
		CHECK_INT(listed(names[i], 0100000), 1);
		CHECK_INT(vv_hostdir_stat(dir, names[i], &st), VV_OK);
		CHECK_INT(st.mode, 0100644);
		CHECK_INT(st.size, 1);
	}
}

static void names_that_windows_cannot_have_are_refused(void)
{
	static const char *const names[] = { "a:b", "plain:stream", "a\\b", "a*",
					     "a?",  "a<",	    "a>",   "a|",
					     "a\"", "a\tb",	    "\xff" };
	struct vv_hostfile *file;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		CHECK_INT(vv_hostfile_create(&file, dir, names[i]), VV_EILSEQ);
		CHECK_INT(vv_hostdir_make_dir(dir, names[i]), VV_EILSEQ);
		CHECK_INT(vv_hostfile_open(&file, dir, names[i]), VV_EILSEQ);
	}
	CHECK_INT(vv_hostfile_create(&file, dir, ".."), VV_EINVAL);
	CHECK_INT(vv_hostfile_create(&file, dir, "a/b"), VV_EINVAL);
	CHECK_INT(vv_hostfile_open(&file, dir, "../x"), VV_EXDEV);
	CHECK_INT(vv_hostfile_open(&file, dir, "/x"), VV_EXDEV);
	CHECK_INT(vv_hostfile_open(&file, dir, "a//x"), VV_EINVAL);
}

static void nothing_is_overwritten(void)
{
	struct vv_hostfile *file;
	struct vv_hoststat st;

	make(dir, "taken", "abc");
	CHECK_INT(vv_hostfile_create(&file, dir, "taken"), VV_EEXIST);
	CHECK_INT(vv_hostdir_make_dir(dir, "taken"), VV_EEXIST);
	CHECK_INT(vv_hostdir_make_link(dir, "taken", dir, "plain"), VV_EEXIST);
	CHECK_INT(vv_hostdir_stat(dir, "taken", &st), VV_OK);
	CHECK_INT(st.size, 3);
}

static void what_a_thing_is_decides_how_it_opens(void)
{
	struct vv_hostdir *sub = NULL;
	struct vv_hostfile *file;

	CHECK_INT(vv_hostdir_make_dir(dir, "sub"), VV_OK);
	CHECK_INT(listed("sub", 0040000), 1);
	CHECK_INT(vv_hostdir_open_at(&sub, dir, "sub"), VV_OK);
	make(sub, "file", "deep");
	CHECK_INT(vv_hostfile_open(&file, dir, "sub"), VV_EISDIR);
	CHECK_INT(vv_hostfile_open(&file, dir, "sub/none"), VV_ENOENT);
	CHECK_INT(vv_hostfile_open(&file, dir, "sub/file/x"), VV_ENOTDIR);
	CHECK_INT(vv_hostfile_open(&file, dir, "sub/file"), VV_OK);
	vv_hostfile_close(file);
	vv_hostdir_close(sub);
	CHECK_INT(vv_hostdir_open_at(&sub, dir, "sub/file"), VV_ENOTDIR);
	CHECK_INT(vv_hostdir_open_at(&sub, dir, ""), VV_OK);
	vv_hostdir_close(sub);
}

static void times_are_set_and_told_in_100_ns(void)
{
	const struct vv_hoststat want = {
		.mode = 0100444,
		.mtime_sec = 1234567890,
		.mtime_nsec = 123456700,
		.atime_sec = 1234567891,
	};
	struct vv_hoststat st;

	make(dir, "tool.exe", "MZ");
	CHECK_INT(vv_hostdir_stat(dir, "tool.exe", &st), VV_OK);
	CHECK_INT(st.mode, 0100755);
	CHECK_INT(vv_hostdir_set_meta(dir, "tool.exe", &want, false), VV_OK);
	CHECK_INT(vv_hostdir_stat(dir, "tool.exe", &st), VV_OK);
	CHECK_INT(st.mode, 0100555); /* nobody may write: read-only */
	CHECK_INT(st.mtime_sec, want.mtime_sec);
	CHECK_INT(st.mtime_nsec, want.mtime_nsec);
	CHECK_INT(vv_hostdir_set_meta(dir, "tool.exe", &want, true), VV_EPERM);
}

static void hard_links_are_one_file(void)
{
	struct vv_hoststat a, b;

	CHECK_INT(vv_hostdir_make_link(dir, "second", dir, "sub/file"), VV_OK);
	CHECK_INT(vv_hostdir_stat(dir, "second", &a), VV_OK);
	CHECK_INT(vv_hostdir_stat(dir, "sub/file", &b), VV_OK);
	CHECK(a.ino == b.ino && a.dev == b.dev && a.nlink == 2);
}

static void a_file_may_begin_and_end_with_a_hole(void)
{
	struct vv_hostfile *file;
	char buf[8] = "xxxxxxx";
	uint64_t data, end;
	size_t got;

	CHECK_INT(vv_hostfile_create(&file, dir, "holes"), VV_OK);
	CHECK_INT(vv_hostfile_write(file, "abc", 3, 1 << 20), VV_OK);
	CHECK_INT(vv_hostfile_truncate(file, 2 << 20), VV_OK);
	vv_hostfile_close(file);
	CHECK_INT(vv_hostfile_open(&file, dir, "holes"), VV_OK);
	CHECK_INT(vv_hostfile_read(file, buf, 4, (1 << 20) - 1, &got), VV_OK);
	CHECK(got == 4 && memcmp(buf, "\0abc", 4) == 0);
	CHECK_INT(vv_hostfile_next_data(file, 0, &data, &end), VV_OK);
	CHECK(data <= 1 << 20 && end > 1 << 20);
	CHECK_INT(vv_hostfile_next_data(file, 2 << 20, &data, &end), VV_ENXIO);
	vv_hostfile_close(file);
}

int main(void)
{
	top = temp_dir_new();
	CHECK_INT(vv_hostdir_open(&dir, top), VV_OK);
	RUN(names_of_any_units_come_back);
	RUN(names_that_windows_cannot_have_are_refused);
	RUN(nothing_is_overwritten);
	RUN(what_a_thing_is_decides_how_it_opens);
	RUN(times_are_set_and_told_in_100_ns);
	RUN(hard_links_are_one_file);
	RUN(a_file_may_begin_and_end_with_a_hole);
	vv_hostdir_close(dir);
	temp_dir_free(top);
	return test_report();
}
