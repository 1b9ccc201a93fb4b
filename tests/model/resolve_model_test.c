/*
 * Paths of the public API against the kernel's own: random trees of directories, files
 * and symlinks, random paths; openat2() with RESOLVE_IN_ROOT is the model.
 */
#include "lib/temp_dir.h"
#include "lib/teststore.h"
#include "test.h"
#include "varve/varve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	TREES = 12,
	ENTRIES = 60,
	PATHS = 1500,
	TEXT = 128
};

static struct test_store ts;
static struct vv_fs *fs;
static int top;
static uint64_t rng = 1;

static unsigned pick(unsigned below)
{
	rng = rng * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)(rng >> 33) % below;
}

/* A few names, so that paths meet what is there. */
static void random_path(char out[TEXT], bool is_target)
{
	static const char *parts[] = { "a", "b", "c", "d", "a", "b", "c", "..", "." };
	unsigned count = 1 + pick(is_target ? 3 : 4);

	strcpy(out, pick(5) ? "" : "/");
	for (unsigned i = 0; i < count; i++) {
		strcat(out, parts[pick(9)]);
		if (i + 1 < count || !pick(6))
			strcat(out, pick(8) ? "/" : "//");
	}
}

/* O_PATH; beneath @top, whatever the symlinks there say. */
static int open_beneath(const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC | flags,
				.resolve = RESOLVE_IN_ROOT | resolve };
	long fd;

	do /* somebody on this machine renames something: it cannot tell about `..` */
		fd = syscall(SYS_openat2, top, path, &how, sizeof how);
	while (fd < 0 && errno == EAGAIN);
	return fd < 0 ? -errno : (int)fd;
}

/* Each entry is told from others by its size or mode. */
static void make_entry(unsigned nth)
{
	char path[TEXT], name[2] = { "abcd"[pick(4)] };
	int parent, file;

	random_path(path, false);
	parent = open_beneath(path, O_DIRECTORY, 0);
	if (parent < 0)
		return;
	switch (pick(3)) {
	case 0: (void)mkdirat(parent, name, (mode_t)(0700 + nth)); break;
	case 1:
		random_path(path, true);
		(void)symlinkat(path, parent, name);
		break;
	default:
		file = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY, 0600);
		if (file >= 0)
			CHECK(ftruncate(file, nth) == 0 && close(file) == 0);
	}
	close(parent);
}

static void make_tree(const char *dir)
{
	CHECK(mkdir(dir, 0700) == 0);
	top = open(dir, O_RDONLY | O_DIRECTORY);
	CHECK(top >= 0);
	CHECK(mkdirat(top, "a", 01700) == 0 && mkdirat(top, "b", 01701) == 0);
	for (unsigned i = 0; i < ENTRIES; i++)
		make_entry(i);
}

static int ask_kernel(const char *path, unsigned flags, struct stat *st)
{
	int fd = open_beneath(path, flags & VV_FS_FOLLOW_LAST ? 0 : O_NOFOLLOW,
			      flags & VV_FS_FOLLOW_MIDDLE ? 0 : RESOLVE_NO_SYMLINKS);

	if (fd < 0)
		return fd;
	CHECK(fstat(fd, st) == 0);
	close(fd);
	return 0;
}

static unsigned compare(const char *path, unsigned flags)
{
	struct vv_fs_attr attr;
	struct stat st = { 0 };
	int want = ask_kernel(path, flags, &st);
	int err = vv_fs_stat(vv_fs_root(fs), path, flags, &attr);
	bool is_same = err == want && attr.mode == st.st_mode;

	if (is_same && !err && !S_ISDIR(st.st_mode))
		is_same = attr.size == (uint64_t)st.st_size;
	if (!is_same)
		fprintf(stderr,
			"'%s', flags %u: %d, mode %o; the kernel: %d, mode %o\n", path,
			flags, err, attr.mode, want, st.st_mode);
	CHECK(is_same);
	return !err;
}

static void compare_tree(const char *dir, unsigned *found)
{
	struct vv_fs_layer layer = { .dir = dir };
	struct vv_fs_options opts = { .struct_size = sizeof opts,
				      .layers = &layer,
				      .layer_count = 1,
				      .memory_bytes = 16 << 20 };
	char path[TEXT];

	CHECK_INT(vv_fs_open(&fs, ts.path, &opts), VV_FS_OK);
	for (int i = 0; i < PATHS; i++) {
		random_path(path, false);
		*found += compare(path, 0);
		*found += compare(path, VV_FS_FOLLOW_MIDDLE);
		*found += compare(path, VV_FS_FOLLOW);
	}
	vv_fs_close(fs);
}

static void paths_lead_where_the_kernel_goes(void)
{
	char *base = temp_dir_new();
	unsigned found = 0;

	umask(0);
	test_store_make(&ts);
	for (char name[] = "a"; name[0] < 'a' + TREES; name[0]++) {
		char *dir = temp_path(base, name);

		make_tree(dir);
		compare_tree(dir, &found);
		close(top);
		free(dir);
	}
	/* It compares answers of both kinds. */
	CHECK(found > TREES * PATHS / 2 && found < TREES * PATHS * 5 / 2);
	test_store_drop(&ts);
	temp_dir_free(base);
}

int main(void)
{
	struct open_how how = { .flags = O_PATH };

	if (syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how) < 0) {
		puts("skipped: no openat2()");
		return 0;
	}
	RUN(paths_lead_where_the_kernel_goes);
	return test_report();
}
