/*
 * Every test runs twice: with openat2(), and in a child where a filter makes it fail
 * as on an old kernel.
 */
#include "core/err.h"
#include "lib/temp_dir.h"
#include "os/hostdir.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static char *top; /* holds `tree` and, beside it, `secret` */
static struct vv_hostdir *tree;

static void set_up(void)
{
	char *path;

	top = temp_dir_new();
	path = temp_path(top, "secret");
	temp_file(path, "secret", 6);
	free(path);
	path = temp_path(top, "tree");
	CHECK_INT(mkdir(path, 0755), 0);
	CHECK_INT(vv_hostdir_open(&tree, path), VV_OK);
	free(path);
}

static void tear_down(void)
{
	vv_hostdir_close(tree);
	temp_dir_free(top);
}

static void make_file(struct vv_hostdir *dir, const char *name, const char *text)
{
	struct vv_hostfile *file;

	CHECK_INT(vv_hostfile_create(&file, dir, name), VV_OK);
	CHECK_INT(vv_hostfile_write(file, text, strlen(text), 0), VV_OK);
	vv_hostfile_close(file);
}

/* Makes the directory @name in @dir and opens it. */
static struct vv_hostdir *make_dir(struct vv_hostdir *dir, const char *name)
{
	struct vv_hostdir *made;

	CHECK_INT(vv_hostdir_make_dir(dir, name), VV_OK);
	CHECK_INT(vv_hostdir_open_at(&made, dir, name), VV_OK);
	return made;
}

static void check_text(struct vv_hostdir *dir, const char *path, const char *text)
{
	struct vv_hostfile *file;
	char buf[64];
	size_t got;

	CHECK_INT(vv_hostfile_open(&file, dir, path), VV_OK);
	CHECK_INT(vv_hostfile_read(file, buf, sizeof buf, 0, &got), VV_OK);
	CHECK_INT(got, strlen(text));
	CHECK(memcmp(buf, text, got) == 0);
	vv_hostfile_close(file);
}

static void paths_of_several_parts_are_found(void)
{
	struct vv_hostdir *a = make_dir(tree, "a");
	struct vv_hostdir *b = make_dir(a, "b");
	struct vv_hostdir *same;
	struct vv_hoststat st, self;

	make_file(b, "file", "deep");
	check_text(tree, "a/b/file", "deep");
	check_text(a, "b/file", "deep");
	check_text(b, "file", "deep");
	CHECK_INT(vv_hostdir_stat(tree, "a/b/file", &st), VV_OK);
	CHECK(S_ISREG(st.mode) && st.size == 4 && st.nlink == 1);
	CHECK_INT(vv_hostdir_stat(tree, "a/b", &st), VV_OK);
	CHECK_INT(vv_hostdir_stat(b, "", &self), VV_OK);
	CHECK(st.ino == self.ino && st.dev == self.dev && S_ISDIR(st.mode));
	CHECK_INT(vv_hostdir_open_at(&same, b, ""), VV_OK);
	check_text(same, "file", "deep");
	CHECK_INT(vv_hostdir_stat(tree, "a/x/file", &st), VV_ENOENT);
	CHECK_INT(vv_hostdir_stat(tree, "a/b/file/x", &st), VV_ENOTDIR);
	vv_hostdir_close(same);
	vv_hostdir_close(a);
	vv_hostdir_close(b);
}

static void paths_that_lead_outside_are_refused(void)
{
	static const struct {
		const char *path;
		int err;
	} bad[] = {
		{ "/etc/passwd", VV_EXDEV }, { "..", VV_EXDEV },
		{ "../secret", VV_EXDEV },   { "a/../../secret", VV_EXDEV },
		{ "a/..", VV_EXDEV },	     { "../tree/a", VV_EXDEV },
		{ ".", VV_EINVAL },	     { "a/./b", VV_EINVAL },
		{ "a//b", VV_EINVAL },	     { "a/", VV_EINVAL },
	};
	struct vv_hostfile *file;
	struct vv_hostdir *dir;
	struct vv_hoststat st;
	size_t i, len;
	char buf[8];

	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		CHECK_INT(vv_hostdir_stat(tree, bad[i].path, &st), bad[i].err);
		CHECK_INT(vv_hostfile_open(&file, tree, bad[i].path), bad[i].err);
		CHECK_INT(vv_hostdir_open_at(&dir, tree, bad[i].path), bad[i].err);
		CHECK_INT(vv_hostdir_readlink(tree, bad[i].path, buf, 8, &len),
			  bad[i].err);
		CHECK_INT(vv_hostdir_xattr_list(tree, bad[i].path, buf, 8, &len),
			  bad[i].err);
		CHECK_INT(vv_hostdir_make_link(tree, "n", tree, bad[i].path),
			  bad[i].err);
		CHECK(!file && !dir);
	}
}

static void a_planted_symlink_leads_nowhere(void)
{
	struct vv_hostdir *real = make_dir(tree, "real");
	struct vv_hostfile *file;
	struct vv_hostdir *dir;
	struct vv_hoststat st;

	make_file(real, "x", "x");
	CHECK_INT(vv_hostdir_make_symlink(tree, "up", ".."), VV_OK);
	CHECK_INT(vv_hostdir_make_symlink(tree, "abs", "/"), VV_OK);
	CHECK_INT(vv_hostdir_make_symlink(tree, "leak", "../secret"), VV_OK);
	CHECK_INT(vv_hostdir_make_symlink(tree, "magic", "/proc/self/root"), VV_OK);
	CHECK_INT(vv_hostdir_make_symlink(tree, "inner", "real"), VV_OK);

	CHECK_INT(vv_hostfile_open(&file, tree, "leak"), VV_ELOOP);
	CHECK_INT(vv_hostfile_open(&file, tree, "up/secret"), VV_ELOOP);
	CHECK_INT(vv_hostfile_open(&file, tree, "abs/etc/passwd"), VV_ELOOP);
	CHECK_INT(vv_hostfile_open(&file, tree, "magic/etc/passwd"), VV_ELOOP);
	CHECK_INT(vv_hostfile_open(&file, tree, "inner/x"), VV_ELOOP);
	CHECK_INT(vv_hostdir_open_at(&dir, tree, "up"), VV_ELOOP);
	CHECK_INT(vv_hostdir_open_at(&dir, tree, "up/tree"), VV_ELOOP);
	CHECK_INT(vv_hostdir_stat(tree, "up/secret", &st), VV_ELOOP);
	CHECK_INT(vv_hostdir_stat(tree, "leak", &st), VV_OK);
	CHECK(S_ISLNK(st.mode));
	CHECK_INT(vv_hostfile_create(&file, tree, "leak"), VV_EEXIST);
	CHECK_INT(vv_hostdir_make_link(tree, "n", tree, "up/secret"), VV_ELOOP);
	CHECK_INT(vv_hostdir_make_link(tree, "n", tree, "leak"), VV_OK);
	CHECK_INT(vv_hostdir_stat(tree, "n", &st), VV_OK);
	CHECK(S_ISLNK(st.mode)); /* the link itself, not what it points to */
	vv_hostdir_close(real);
}

static void a_symlink_is_read_whole_or_not_at_all(void)
{
	char buf[16];
	size_t len;

	CHECK_INT(vv_hostdir_make_symlink(tree, "ln", "0123456789"), VV_OK);
	CHECK_INT(vv_hostdir_readlink(tree, "ln", buf, 11, &len), VV_OK);
	CHECK(len == 10 && memcmp(buf, "0123456789", 10) == 0);
	CHECK_INT(vv_hostdir_readlink(tree, "ln", buf, 10, &len), VV_ERANGE);
	CHECK_INT(len, 0);
	CHECK_INT(vv_hostdir_readlink(tree, "", buf, 16, &len), VV_EINVAL);
}

static void written_names_are_single_parts(void)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "/a", "../a" };
	struct vv_hoststat meta = { .mode = S_IFREG | 0600 };
	struct vv_hostfile *file;
	size_t i;

	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		CHECK_INT(vv_hostdir_make_dir(tree, bad[i]), VV_EINVAL);
		CHECK_INT(vv_hostdir_make_symlink(tree, bad[i], "x"), VV_EINVAL);
		CHECK_INT(vv_hostdir_make_node(tree, bad[i], S_IFIFO, 0, 0), VV_EINVAL);
		CHECK_INT(vv_hostdir_make_link(tree, bad[i], tree, "x"), VV_EINVAL);
		CHECK_INT(vv_hostfile_create(&file, tree, bad[i]), VV_EINVAL);
		if (i == 0)
			continue; /* the directory itself, for these */
		CHECK_INT(vv_hostdir_set_meta(tree, bad[i], &meta, false), VV_EINVAL);
		CHECK_INT(vv_hostdir_xattr_set(tree, bad[i], "user.x", "", 0),
			  VV_EINVAL);
	}
}

struct seen {
	unsigned count;
	const char *name; /* to look for */
	uint32_t type_bits;
	uint64_t ino;
};

static int see(void *ctx, const char *name, uint32_t type_bits, uint64_t ino)
{
	struct seen *seen = ctx;

	seen->count++;
	if (strcmp(name, seen->name) == 0) {
		seen->type_bits = type_bits;
		seen->ino = ino;
	}
	return 0;
}

static void odd_names_are_names(void)
{
	struct vv_hostdir *odd = make_dir(tree, "odd");
	char longest[256], too_long[257];
	const char *names[] = { "two\nlines", " ", "-rf", "...", "\xff\xfe", longest };
	struct vv_hostfile *file;
	struct vv_hoststat st;
	size_t i;

	memset(longest, 'n', 255);
	longest[255] = '\0';
	memset(too_long, 'n', 256);
	too_long[256] = '\0';
	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct seen seen = { .name = names[i] };

		make_file(odd, names[i], names[i]);
		CHECK_INT(vv_hostdir_list(odd, see, &seen), 0);
		CHECK_INT(seen.count, i + 1);
		CHECK_INT(seen.type_bits, S_IFREG);
		CHECK_INT(vv_hostdir_stat(odd, names[i], &st), VV_OK);
		CHECK(st.ino == seen.ino && st.size == strlen(names[i]));
	}
	CHECK_INT(vv_hostfile_create(&file, odd, too_long), VV_ENAMETOOLONG);
	CHECK_INT(vv_hostdir_stat(odd, too_long, &st), VV_ENAMETOOLONG);
	vv_hostdir_close(odd);
}

static void a_path_may_be_longer_than_the_system_allows(void)
{
	enum {
		DEPTH = 100
	};
	struct vv_hostdir *dir, *at;
	struct vv_hoststat st;
	char name[101], *path;
	int i;

	memset(name, 'd', 100);
	name[100] = '\0';
	path = calloc(DEPTH, 101);
	CHECK(path != NULL);
	CHECK_INT(vv_hostdir_open_at(&at, tree, ""), VV_OK);
	for (i = 0; i < DEPTH; i++) {
		dir = make_dir(at, name);
		vv_hostdir_close(at);
		at = dir;
		memcpy(path + 101 * i, name, 100);
		path[101 * i + 100] = i < DEPTH - 1 ? '/' : '\0';
	}
	CHECK_INT(vv_hostdir_stat(tree, path, &st), VV_OK);
	CHECK(S_ISDIR(st.mode));
	CHECK_INT(vv_hostdir_open_at(&dir, tree, path), VV_OK);
	vv_hostdir_close(dir);
	vv_hostdir_close(at);
	free(path);
}

static void a_listing_shows_thousands_of_names_with_types(void)
{
	enum {
		MANY = 11000
	};
	struct vv_hostdir *many = make_dir(tree, "many");
	struct seen seen = { .name = "sub" };
	char name[16];
	int i;

	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "%d", i);
		CHECK_INT(vv_hostdir_make_symlink(many, name, "x"), VV_OK);
	}
	CHECK_INT(vv_hostdir_make_dir(many, "sub"), VV_OK);
	CHECK_INT(vv_hostdir_list(many, see, &seen), 0);
	CHECK_INT(seen.count, MANY + 1);
	CHECK_INT(seen.type_bits, S_IFDIR);
	seen.count = 0; /* the handle has no position that the first one left behind */
	CHECK_INT(vv_hostdir_list(many, see, &seen), 0);
	CHECK_INT(seen.count, MANY + 1);
	vv_hostdir_close(many);
}

static void only_regular_files_are_opened(void)
{
	struct vv_hostfile *file;

	CHECK_INT(vv_hostdir_make_node(tree, "fifo", S_IFIFO | 0644, 0, 0), VV_OK);
	CHECK_INT(vv_hostdir_make_node(tree, "fifo", S_IFIFO | 0644, 0, 0), VV_EEXIST);
	CHECK_INT(vv_hostdir_make_node(tree, "reg", S_IFREG | 0644, 0, 0), VV_EINVAL);
	CHECK_INT(vv_hostfile_open(&file, tree, "fifo"), VV_EINVAL);
	CHECK_INT(vv_hostfile_open(&file, tree, ""), VV_EISDIR);
	CHECK_INT(vv_hostfile_open(&file, tree, "nothing"), VV_ENOENT);
	CHECK(!file);
}

static void holes_are_found_and_kept(void)
{
	enum {
		MIB = 1 << 20
	};
	struct vv_hostfile *file;
	struct vv_hoststat st;
	uint64_t data, end;

	CHECK_INT(vv_hostfile_create(&file, tree, "sparse"), VV_OK);
	CHECK_INT(vv_hostfile_write(file, "data", 4, MIB), VV_OK);
	CHECK_INT(vv_hostfile_truncate(file, 3 * MIB), VV_OK);
	CHECK_INT(vv_hostfile_stat(file, &st), VV_OK);
	CHECK_INT(st.size, 3 * MIB);
	CHECK_INT(vv_hostfile_next_data(file, 0, &data, &end), VV_OK);
	CHECK(data <= MIB && end >= MIB + 4);
	if (st.blocks * 512 < MIB) { /* else the file system keeps no holes */
		CHECK(data == MIB && end < 2 * MIB);
		CHECK_INT(vv_hostfile_next_data(file, end, &data, &end), VV_ENXIO);
	}
	CHECK_INT(vv_hostfile_next_data(file, 3 * MIB, &data, &end), VV_ENXIO);
	CHECK_INT(vv_hostfile_next_data(file, UINT64_MAX, &data, &end), VV_ENXIO);
	CHECK_INT(vv_hostfile_write(file, "x", 1, UINT64_MAX), VV_EFBIG);
	vv_hostfile_close(file);
}

static void metadata_is_what_was_set(void)
{
	struct vv_hoststat st, meta = {
		.mode = S_IFREG | 0741,
		.uid = getuid(),
		.gid = getgid(),
		.mtime_sec = 1000000001,
		.mtime_nsec = 123456789,
		.atime_sec = -5,
		.atime_nsec = 1,
	};

	make_file(tree, "meta", "x");
	CHECK_INT(vv_hostdir_set_meta(tree, "meta", &meta, true), VV_OK);
	CHECK_INT(vv_hostdir_stat(tree, "meta", &st), VV_OK);
	CHECK_INT(st.mode, S_IFREG | 0741);
	CHECK_INT(st.mtime_sec, 1000000001);
	CHECK_INT(st.mtime_nsec, 123456789);
	CHECK_INT(st.atime_sec, -5);

	meta.mode = S_IFDIR | 0700;
	CHECK_INT(vv_hostdir_set_meta(tree, "", &meta, true), VV_OK);
	CHECK_INT(vv_hostdir_stat(tree, "", &st), VV_OK);
	CHECK_INT(st.mtime_sec, 1000000001);

	meta.mtime_nsec = 0x3fffffff; /* UTIME_NOW */
	CHECK_INT(vv_hostdir_set_meta(tree, "meta", &meta, true), VV_EINVAL);
}

static void metadata_of_a_symlink_is_its_own(void)
{
	struct vv_hoststat st, before,
		meta = {
			.mode = S_IFLNK | 0777,
			.uid = getuid(),
			.gid = getgid(),
			.mtime_sec = 77,
		};

	make_file(tree, "target", "x");
	CHECK_INT(vv_hostdir_stat(tree, "target", &before), VV_OK);
	CHECK_INT(vv_hostdir_make_symlink(tree, "to-target", "target"), VV_OK);
	CHECK_INT(vv_hostdir_set_meta(tree, "to-target", &meta, true), VV_OK);
	CHECK_INT(vv_hostdir_stat(tree, "to-target", &st), VV_OK);
	CHECK_INT(st.mtime_sec, 77);
	CHECK_INT(vv_hostdir_stat(tree, "target", &st), VV_OK);
	CHECK(st.mtime_sec == before.mtime_sec && st.mode == before.mode);

	/* A symlink put where a file is expected does not pass the mode on. */
	meta.mode = S_IFREG | 0777;
	CHECK(vv_hostdir_set_meta(tree, "to-target", &meta, true) != VV_OK);
	CHECK_INT(vv_hostdir_stat(tree, "target", &st), VV_OK);
	CHECK_INT(st.mode, before.mode);
}

static void set_id_bits_go_only_with_their_owner(void)
{
	struct vv_hoststat st, meta = { .mode = S_IFREG | 06755, .mtime_sec = 1 };
	int status;
	pid_t child;

	make_file(tree, "suid", "x");
	meta.uid = getuid();
	meta.gid = getgid();
	CHECK_INT(vv_hostdir_set_meta(tree, "suid", &meta, false), VV_OK);
	CHECK_INT(vv_hostdir_stat(tree, "suid", &st), VV_OK);
	CHECK_INT(st.mode & 07777, 06755);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) { /* as the owner of the file, but not root */
		struct vv_hostdir *own;

		if (getuid() == 0) {
			CHECK_INT(fchownat(AT_FDCWD, top, 12345, 12345, 0), 0);
			CHECK_INT(setgid(12345) | setuid(12345), 0);
		}
		CHECK_INT(vv_hostdir_open(&own, top), VV_OK);
		make_file(own, "other", "x");
		meta.uid = 54321;
		CHECK_INT(vv_hostdir_set_meta(own, "other", &meta, true), VV_EPERM);
		CHECK_INT(vv_hostdir_set_meta(own, "other", &meta, false), VV_OK);
		CHECK_INT(vv_hostdir_stat(own, "other", &st), VV_OK);
		CHECK_INT(st.mode & 07777, 0755);
		vv_hostdir_close(own);
		_exit(0);
	}
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
}

static void attributes_are_kept_byte_by_byte(void)
{
	char names[64], value[8];
	struct vv_hostdir *sub = make_dir(tree, "attrs");
	size_t len;
	int err;

	make_file(sub, "f", "x");
	err = vv_hostdir_xattr_set(sub, "f", "user.varve", "a\0b", 3);
	if (err == VV_EOPNOTSUPP) { /* this file system has none */
		vv_hostdir_close(sub);
		return;
	}
	CHECK_INT(err, VV_OK);
	CHECK_INT(vv_hostdir_xattr_get(tree, "attrs/f", "user.varve", value, 8, &len),
		  VV_OK);
	CHECK(len == 3 && memcmp(value, "a\0b", 3) == 0);
	CHECK_INT(vv_hostdir_xattr_get(tree, "attrs/f", "user.varve", value, 2, &len),
		  VV_ERANGE);
	CHECK_INT(vv_hostdir_xattr_get(tree, "attrs/f", "user.none", value, 8, &len),
		  VV_ENODATA);
	CHECK_INT(vv_hostdir_xattr_list(sub, "f", NULL, 0, &len), VV_OK);
	CHECK(len >= sizeof "user.varve" && len <= sizeof names);
	CHECK_INT(vv_hostdir_xattr_list(sub, "f", names, sizeof names, &len), VV_OK);
	CHECK(memmem(names, len, "user.varve", sizeof "user.varve") != NULL);
	CHECK_INT(vv_hostdir_xattr_set(sub, "", "user.dir", "d", 1), VV_OK);
	CHECK_INT(vv_hostdir_xattr_get(tree, "attrs", "user.dir", value, 8, &len),
		  VV_OK);
	CHECK_INT(len, 1);
	/* Of a symlink: its own, and it cannot have these. */
	CHECK_INT(vv_hostdir_make_symlink(sub, "ln", "f"), VV_OK);
	CHECK(vv_hostdir_xattr_get(tree, "attrs/ln", "user.varve", value, 8, &len) !=
	      VV_OK);
	vv_hostdir_close(sub);
}

static void hard_links_share_one_file(void)
{
	struct vv_hostdir *sub = make_dir(tree, "links");
	struct vv_hoststat a, b;

	make_file(sub, "one", "shared");
	CHECK_INT(vv_hostdir_make_link(tree, "two", tree, "links/one"), VV_OK);
	CHECK_INT(vv_hostdir_make_link(tree, "two", tree, "links/one"), VV_EEXIST);
	CHECK_INT(vv_hostdir_stat(sub, "one", &a), VV_OK);
	CHECK_INT(vv_hostdir_stat(tree, "two", &b), VV_OK);
	CHECK(a.ino == b.ino && b.nlink == 2);
	check_text(tree, "two", "shared");
	vv_hostdir_close(sub);
}

static void run_all(void)
{
	set_up();
	RUN(paths_of_several_parts_are_found);
	RUN(paths_that_lead_outside_are_refused);
	RUN(a_planted_symlink_leads_nowhere);
	RUN(a_symlink_is_read_whole_or_not_at_all);
	RUN(written_names_are_single_parts);
	RUN(odd_names_are_names);
	RUN(a_path_may_be_longer_than_the_system_allows);
	RUN(a_listing_shows_thousands_of_names_with_types);
	RUN(only_regular_files_are_opened);
	RUN(holes_are_found_and_kept);
	RUN(metadata_of_a_symlink_is_its_own);
	RUN(attributes_are_kept_byte_by_byte);
	RUN(hard_links_share_one_file);
	RUN(metadata_is_what_was_set);
	RUN(set_id_bits_go_only_with_their_owner);
	tear_down();
}

static bool forbid_openat2(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof code / sizeof code[0], code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

int main(void)
{
	int status;
	pid_t child = fork();

	CHECK(child >= 0);
	if (child == 0) {
		if (forbid_openat2())
			run_all();
		fflush(stdout);
		_exit(0);
	}
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	run_all();
	return test_report();
}
