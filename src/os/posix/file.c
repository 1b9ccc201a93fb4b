#include "os/file.h"

#include "core/err.h"
#include "os/posix/errno.h"
#include "os/posix/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct vv_file {
	int fd;
};

static int last_err(void)
{
	return vv_err_from_errno(errno);
}

/* Takes @fd, also on error. */
static int file_new(struct vv_file **out, int fd)
{
	struct vv_file *file = malloc(sizeof *file);

	if (!file) {
		close(fd);
		return VV_ENOMEM;
	}
	file->fd = fd;
	*out = file;
	return VV_OK;
}

static int open_retry(const char *path, int flags, mode_t mode)
{
	int fd;

	do {
		fd = open(path, flags | O_CLOEXEC | O_NOCTTY, mode);
	} while (fd < 0 && errno == EINTR);
	return fd;
}

/*
 * No posix_fadvise(): the kernel already reads exactly what is asked for when reads
 * jump, as frames of a pack do, and reads ahead when they follow each other, as they
 * do in a pack that was laid out by a profile.  POSIX_FADV_RANDOM would forbid the
 * second.
 */
int vv_file_open(struct vv_file **out, const char *path)
{
	struct stat st;
	int err = VV_OK;
	int fd;

	*out = NULL;
	/* Non-blocking: a fifo in the place of a pack must not hang us. */
	fd = open_retry(path, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return last_err();
	if (fstat(fd, &st) != 0)
		err = last_err();
	else if (S_ISDIR(st.st_mode))
		err = VV_EISDIR;
	else if (!S_ISREG(st.st_mode))
		err = VV_EINVAL;
	if (err) {
		close(fd);
		return err;
	}
	return file_new(out, fd);
}

/* O_DIRECT would forbid the kernel to read ahead, and not all file systems have it. */
int vv_file_open_direct(struct vv_file **out, const char *path)
{
	return vv_file_open(out, path);
}

int vv_file_create(struct vv_file **out, const char *path)
{
	int fd;
	int err;

	*out = NULL;
	fd = open_retry(path, O_WRONLY | O_CREAT | O_EXCL, 0444);
	if (fd < 0)
		return last_err();
	err = file_new(out, fd);
	if (err)
		unlink(path);
	return err;
}

void vv_file_close(struct vv_file *file)
{
	if (!file)
		return;
	close(file->fd);
	free(file);
}

int vv_file_read(struct vv_file *file, void *buf, size_t len, uint64_t off, size_t *got)
{
	return vv_fd_read(file->fd, buf, len, off, got);
}

int vv_file_write(struct vv_file *file, const void *bytes, size_t len)
{
	return vv_fd_append(file->fd, bytes, len);
}

/* fdatasync: content and what is needed to find it, which includes the size. */
int vv_file_sync(struct vv_file *file)
{
	int rc;

	do {
		rc = fdatasync(file->fd);
	} while (rc != 0 && errno == EINTR);
	return rc == 0 ? VV_OK : last_err();
}

int vv_file_size(struct vv_file *file, uint64_t *out)
{
	struct stat st;

	*out = 0;
	if (fstat(file->fd, &st) != 0)
		return last_err();
	*out = (uint64_t)st.st_size;
	return VV_OK;
}

/* Dates that do not fit (before 1677, after 2262) become the nearest that does. */
static int64_t ns_of(struct timespec t)
{
	const int64_t billion = 1000000000;

	if (t.tv_sec > INT64_MAX / billion - 1)
		return INT64_MAX;
	if (t.tv_sec < INT64_MIN / billion + 1)
		return INT64_MIN;
	return t.tv_sec * billion + t.tv_nsec;
}

int vv_file_stat(const char *path, struct vv_file_info *out)
{
	struct stat st;

	*out = (struct vv_file_info){ 0 };
	if (stat(path, &st) != 0)
		return last_err();
	out->size = (uint64_t)st.st_size;
	/* The multiplier spreads small device numbers away from inode numbers. */
	out->identity = (uint64_t)st.st_ino ^ (uint64_t)st.st_dev * 0x9e3779b97f4a7c15u;
	out->mtime_ns = ns_of(st.st_mtim);
	out->is_dir = S_ISDIR(st.st_mode);
	return VV_OK;
}

int vv_file_replace(const char *from, const char *to)
{
	return rename(from, to) == 0 ? VV_OK : last_err();
}

int vv_file_link_new(const char *from, const char *to)
{
	if (link(from, to) == 0)
		return VV_OK;
	/* What file systems without hard links say (FAT, some FUSE and SMB servers). */
	if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
		return last_err();
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return VV_OK;
	return errno == EINVAL ? VV_EOPNOTSUPP : last_err();
}

int vv_file_remove(const char *path)
{
	return unlink(path) == 0 ? VV_OK : last_err();
}

int vv_dir_make(const char *path)
{
	return mkdir(path, 0777) == 0 ? VV_OK : last_err();
}

int vv_dir_remove(const char *path)
{
	if (rmdir(path) == 0)
		return VV_OK;
	return errno == EEXIST ? VV_ENOTEMPTY : last_err(); /* POSIX allows both */
}

int vv_dir_sync(const char *path)
{
	int err = VV_OK;
	int fd = open_retry(path, O_RDONLY | O_DIRECTORY, 0);
	int rc;

	if (fd < 0)
		return last_err();
	do {
		rc = fsync(fd);
	} while (rc != 0 && errno == EINTR);
	/* EINVAL: this file system has no such thing for directories. */
	if (rc != 0 && errno != EINVAL)
		err = last_err();
	close(fd);
	return err;
}

static bool is_self_or_parent(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

int vv_dir_list(const char *path, int (*entry)(void *ctx, const char *name), void *ctx)
{
	DIR *dir = opendir(path);
	int result = VV_OK;

	if (!dir)
		return last_err();
	while (result == 0) {
		struct dirent *e;

		errno = 0;
		e = readdir(dir);
		if (!e) {
			if (errno != 0)
				result = last_err();
			break;
		}
		if (!is_self_or_parent(e->d_name))
			result = entry(ctx, e->d_name);
	}
	closedir(dir);
	return result;
}
