#include "host/fuse/ahead.h"

#include "core/err.h"
#include "fuse/codec.h"
#include "host/fuse/dev.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
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
	return mount_id_of(ahead->where) == ahead->mount_id &&
	       (!ahead->layer_len || mount_id_of(ahead->layer) == ahead->layer_id);
}

/*
 * The same, but asked only when mounts have changed: looking at a mount holds it for a
 * moment, and an unmount that comes just then is told that it is busy.
 */
static bool is_still_there(const struct vv_fuse_ahead *ahead)
{
	struct pollfd changed = { .fd = ahead->changes, .events = POLLPRI };

	return (ahead->changes >= 0 && poll(&changed, 1, 0) == 0) || is_there(ahead);
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

/* Is the layer a mount of its own? */
static void find_layer(struct vv_fuse_ahead *ahead, const char *layer)
{
	uint64_t id;
	int len = snprintf(ahead->layer, sizeof ahead->layer, "%s/%s", ahead->where,
			   layer);

	ahead->layer_len = 0;
	if (!*layer || len < 0 || (size_t)len >= sizeof ahead->layer)
		return;
	id = mount_id_of(ahead->layer);
	if (id && id != ahead->mount_id) {
		ahead->layer_id = id;
		ahead->layer_len = strlen(layer);
	}
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int begin(void *ctx, const char *layer)
{
	struct vv_fuse_ahead *ahead = ctx;

	ahead->layer_len = 0;
	if (!ahead->mount_id || !is_there(ahead))
		return VV_ENODEV;
	find_layer(ahead, layer);
	ahead->copy = (int)syscall(SYS_open_tree, AT_FDCWD,
				   ahead->layer_len ? ahead->layer : ahead->where,
				   COPY_MOUNT | O_CLOEXEC);
	if (ahead->copy < 0)
		return VV_EPERM;
	ahead->changes = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	lower_readahead(ahead);
	return VV_OK;
}

static void end(void *ctx)
{
	struct vv_fuse_ahead *ahead = ctx;

	restore_readahead(ahead);
	close_fd(&ahead->file);
	close_fd(&ahead->changes);
	close_fd(&ahead->copy);
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

/* A path of the view as one from the copy. */
static const char *from_copy(const struct vv_fuse_ahead *ahead, const char *path)
{
	if (!ahead->layer_len)
		return path;
	return path[ahead->layer_len] ? path + ahead->layer_len + 1 : ".";
}

static int name(void *ctx, enum vv_profile_kind kind, const char *path)
{
	struct vv_fuse_ahead *ahead = ctx;
	struct stat st;

	if (!is_still_there(ahead))
		return VV_ENODEV;
	path = from_copy(ahead, path);
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

/* Open it, unless it is the one of the last time. */
static int open_file(struct vv_fuse_ahead *ahead, const char *path)
{
	if (ahead->file >= 0 && strcmp(ahead->file_path, path) == 0)
		return VV_OK;
	close_fd(&ahead->file);
	ahead->file = openat(ahead->copy, from_copy(ahead, path),
			     O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	snprintf(ahead->file_path, sizeof ahead->file_path, "%s", path);
	return ahead->file >= 0 ? VV_OK : VV_ENOENT;
}

static int pull(void *ctx, const char *path, uint64_t off, size_t len)
{
	struct vv_fuse_ahead *ahead = ctx;

	if (!ahead->layer_len)
		return VV_ENOSYS;
	if (!is_still_there(ahead))
		return VV_ENODEV;
	if (open_file(ahead, path))
		return VV_ENOENT;
	(void)readahead(ahead->file, (off_t)off, len);
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
		.file = -1,
		.changes = -1,
	};
	*host = (struct vv_prefetch_host){ .name = name,
					   .pull = pull,
					   .push = push,
					   .begin = begin,
					   .end = end,
					   .ctx = ahead };
}
