#include "host/fuse/ahead.h"

#include "core/err.h"
#include "fuse/codec.h"
#include "host/fuse/dev.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From linux/mount.h. */
#define COPY_MOUNT 1 /* OPEN_TREE_CLONE */

enum {
	READAHEAD_KB = 32 /* during a run */
};

_Static_assert((int)VV_FUSE_STORE_HEAD <= (int)VV_PREFETCH_HEAD, "fits");

/* Of the mount at @path; 0: there is none, or it cannot be told. */
static uint64_t mount_id_of(const char *path)
{
	struct statx st;

	/* Our own root: the kernel has its attributes, so nobody is asked. */
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_MNT_ID,
		  &st) != 0 ||
	    !(st.stx_mask & STATX_MNT_ID))
		return 0;
	return st.stx_mnt_id;
}

static bool is_there(const struct vv_fuse_ahead *ahead)
{
	return mount_id_of(ahead->where) == ahead->mount_id;
}

/* The kernel's readahead for all files of the mount that are opened from now on. */
static FILE *open_readahead(const struct vv_fuse_ahead *ahead, const char *mode)
{
	char path[64];
	struct statx st;

	if (statx(AT_FDCWD, ahead->where, AT_STATX_DONT_SYNC, STATX_TYPE, &st) != 0)
		return NULL;
	snprintf(path, sizeof path, "/sys/class/bdi/%u:%u/read_ahead_kb",
		 st.stx_dev_major, st.stx_dev_minor);
	return fopen(path, mode);
}

static void set_readahead(const struct vv_fuse_ahead *ahead, unsigned kb)
{
	FILE *f = open_readahead(ahead, "we");

	if (!f)
		return;
	fprintf(f, "%u\n", kb);
	fclose(f); /* what could not be written stays as it was */
}

static unsigned get_readahead(const struct vv_fuse_ahead *ahead)
{
	FILE *f = open_readahead(ahead, "re");
	unsigned kb = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%u", &kb) != 1)
		kb = 0;
	fclose(f);
	return kb;
}

static void lower_readahead(struct vv_fuse_ahead *ahead)
{
	ahead->readahead_kb = get_readahead(ahead);
	if (ahead->readahead_kb > READAHEAD_KB)
		set_readahead(ahead, READAHEAD_KB);
}

static void restore_readahead(struct vv_fuse_ahead *ahead)
{
	if (ahead->readahead_kb > READAHEAD_KB && is_there(ahead))
		set_readahead(ahead, ahead->readahead_kb);
}

static int begin(void *ctx)
{
	struct vv_fuse_ahead *ahead = ctx;

	if (!ahead->mount_id || !is_there(ahead))
		return VV_ENODEV;
	ahead->copy = (int)syscall(SYS_open_tree, AT_FDCWD, ahead->where,
				   COPY_MOUNT | O_CLOEXEC);
	if (ahead->copy < 0)
		return VV_EPERM;
	lower_readahead(ahead);
	return VV_OK;
}

static void end(void *ctx)
{
	struct vv_fuse_ahead *ahead = ctx;

	restore_readahead(ahead);
	close(ahead->copy);
	ahead->copy = -1;
}

/* The kernel keeps the target of a link, and the names in a listing, when they are read. */
static void read_link(int dir, const char *path)
{
	char target[PATH_MAX];

	(void)!readlinkat(dir, path, target, sizeof target);
}

static void list(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (!stream && fd >= 0)
		close(fd);
	if (!stream)
		return;
	while (readdir(stream))
		;
	closedir(stream);
}

static int name(void *ctx, enum vv_profile_kind kind, const char *path)
{
	struct vv_fuse_ahead *ahead = ctx;
	struct stat st;

	if (!is_there(ahead))
		return VV_ENODEV;
	if (kind == VV_USE_LIST)
		list(ahead->copy, path);
	else if (fstatat(ahead->copy, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISLNK(st.st_mode))
			read_link(ahead->copy, path);
	} else if (errno == ENOTCONN) {
		return VV_ENODEV;
	}
	return VV_OK;
}

static int push(void *ctx, uint64_t node, uint64_t off, uint8_t *bytes, size_t len)
{
	struct vv_fuse_ahead *ahead = ctx;
	size_t head = vv_fuse_store_head(bytes, node, off, len);

	return vv_fuse_dev_notify(ahead->dev, bytes - head, head + len);
}

void vv_fuse_ahead_init(struct vv_fuse_ahead *ahead, struct vv_fuse_dev *dev,
			const char *where, struct vv_prefetch_host *host)
{
	*ahead = (struct vv_fuse_ahead){
		.dev = dev,
		.where = where,
		.mount_id = mount_id_of(where),
		.copy = -1,
	};
	*host = (struct vv_prefetch_host){
		.name = name, .push = push, .begin = begin, .end = end, .ctx = ahead
	};
}
