#include "os/hostdir.h"

#include "core/err.h"
#include "os/posix/beneath.h"
#include "os/posix/errno.h"
#include "os/posix/fd.h"
#include "os/posix/hostdir_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static int last_err(void)
{
	return vv_err_from_errno(errno);
}

/* ---- directories ---- */

/* Takes @fd, also on error. */
static int hostdir_new(struct vv_hostdir **out, int fd)
{
	struct vv_hostdir *dir = malloc(sizeof *dir);

	if (!dir) {
		close(fd);
		return VV_ENOMEM;
	}
	dir->fd = fd;
	*out = dir;
	return VV_OK;
}

int vv_hostdir_open(struct vv_hostdir **out, const char *path)
{
	int fd;

	*out = NULL;
	do {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	return fd < 0 ? last_err() : hostdir_new(out, fd);
}

int vv_hostdir_open_at(struct vv_hostdir **out, struct vv_hostdir *dir,
		       const char *path)
{
	int fd = vv_beneath_open(dir->fd, path, O_RDONLY | O_DIRECTORY);

	*out = NULL;
	return fd < 0 ? fd : hostdir_new(out, fd);
}

void vv_hostdir_close(struct vv_hostdir *dir)
{
	if (!dir)
		return;
	close(dir->fd);
	free(dir);
}

/* Some file systems do not tell types in a listing. */
static uint32_t type_bits_of(int dir, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return (uint32_t)DTTOIF(e->d_type);
	if (fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	return st.st_mode & S_IFMT;
}

/* A stream of its own, because the position of a shared descriptor is shared too. */
static int open_stream(DIR **out, const struct vv_hostdir *dir)
{
	int fd = vv_beneath_open(dir->fd, "", O_RDONLY | O_DIRECTORY);
	int err = VV_OK;

	if (fd < 0)
		return fd;
	*out = fdopendir(fd);
	if (!*out) {
		err = last_err();
		close(fd);
	}
	return err;
}

int vv_hostdir_list(struct vv_hostdir *dir,
		    int (*entry)(void *ctx, const char *name, uint32_t type_bits,
				 uint64_t ino),
		    void *ctx)
{
	DIR *stream;
	int result = open_stream(&stream, dir);

	if (result)
		return result;
	while (result == 0) {
		struct dirent *e;

		errno = 0;
		e = readdir(stream);
		if (!e) {
			if (errno != 0)
				result = last_err();
			break;
		}
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			result = entry(ctx, e->d_name, type_bits_of(dir->fd, e),
				       e->d_ino);
	}
	closedir(stream);
	return result;
}

/* ---- metadata ---- */

static struct vv_hoststat hoststat_of(const struct stat *st)
{
	return (struct vv_hoststat){
		.mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.size = (uint64_t)st->st_size,
		.dev = st->st_dev,
		.ino = st->st_ino,
		.rdev_major = major(st->st_rdev),
		.rdev_minor = minor(st->st_rdev),
		.nlink = (uint32_t)st->st_nlink,
		.mtime_sec = st->st_mtim.tv_sec,
		.mtime_nsec = (uint32_t)st->st_mtim.tv_nsec,
		.ctime_sec = st->st_ctim.tv_sec,
		.ctime_nsec = (uint32_t)st->st_ctim.tv_nsec,
		.atime_sec = st->st_atim.tv_sec,
		.atime_nsec = (uint32_t)st->st_atim.tv_nsec,
		.blocks = (uint64_t)st->st_blocks,
	};
}

int vv_hostdir_stat(struct vv_hostdir *dir, const char *path, struct vv_hoststat *out)
{
	struct vv_beneath at;
	struct stat st;
	int err;

	*out = (struct vv_hoststat){ 0 };
	err = vv_beneath_find(&at, dir->fd, path);
	if (err)
		return err;
	if (fstatat(at.fd, at.name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		*out = hoststat_of(&st);
	else
		err = last_err();
	vv_beneath_fini(&at);
	return err;
}

int vv_hostdir_readlink(struct vv_hostdir *dir, const char *path, char *buf, size_t cap,
			size_t *len)
{
	struct vv_beneath at;
	ssize_t n;
	int err;

	*len = 0;
	err = vv_beneath_find(&at, dir->fd, path);
	if (err)
		return err;
	n = readlinkat(at.fd, at.name, buf, cap);
	if (n < 0)
		err = last_err();
	else if ((size_t)n >= cap)
		err = VV_ERANGE; /* it may have been cut */
	else
		*len = (size_t)n;
	vv_beneath_fini(&at);
	return err;
}

int vv_host_proc_path(char out[VV_HOST_PROC_PATH_BYTES], int dir, const char *name)
{
	int len = snprintf(out, VV_HOST_PROC_PATH_BYTES, "/proc/self/fd/%d/%s", dir,
			   name);

	return len < VV_HOST_PROC_PATH_BYTES ? VV_OK : VV_ENAMETOOLONG;
}

/* @name NULL: the list of names. */
static int read_xattr(struct vv_hostdir *dir, const char *path, const char *name,
		      void *buf, size_t cap, size_t *len)
{
	char proc[VV_HOST_PROC_PATH_BYTES];
	struct vv_beneath at;
	ssize_t n;
	int err;

	*len = 0;
	err = vv_beneath_find(&at, dir->fd, path);
	if (err)
		return err;
	err = vv_host_proc_path(proc, at.fd, at.name);
	if (!err) {
		n = name ? lgetxattr(proc, name, buf, cap) : llistxattr(proc, buf, cap);
		if (n < 0)
			err = last_err();
		else
			*len = (size_t)n;
	}
	vv_beneath_fini(&at);
	return err;
}

int vv_hostdir_xattr_list(struct vv_hostdir *dir, const char *path, char *buf,
			  size_t cap, size_t *len)
{
	return read_xattr(dir, path, NULL, buf, cap, len);
}

int vv_hostdir_xattr_get(struct vv_hostdir *dir, const char *path, const char *name,
			 void *buf, size_t cap, size_t *len)
{
	return read_xattr(dir, path, name, buf, cap, len);
}

/* ---- files ---- */

int vv_hostfile_new(struct vv_hostfile **out, int fd)
{
	struct vv_hostfile *file = malloc(sizeof *file);

	if (!file) {
		close(fd);
		return VV_ENOMEM;
	}
	file->fd = fd;
	*out = file;
	return VV_OK;
}

int vv_hostfile_open(struct vv_hostfile **out, struct vv_hostdir *dir, const char *path)
{
	struct stat st;
	int err = VV_OK;
	/* Non-blocking: opening a fifo would wait for a writer. */
	int fd = vv_beneath_open(dir->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	*out = NULL;
	if (fd < 0)
		return fd;
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
	return vv_hostfile_new(out, fd);
}

void vv_hostfile_close(struct vv_hostfile *file)
{
	if (!file)
		return;
	close(file->fd);
	free(file);
}

int vv_hostfile_read(struct vv_hostfile *file, void *buf, size_t len, uint64_t off,
		     size_t *got)
{
	return vv_fd_read(file->fd, buf, len, off, got);
}

int vv_hostfile_stat(struct vv_hostfile *file, struct vv_hoststat *out)
{
	struct stat st;

	*out = (struct vv_hoststat){ 0 };
	if (fstat(file->fd, &st) != 0)
		return last_err();
	*out = hoststat_of(&st);
	return VV_OK;
}

/*
 * lseek() moves the position of the descriptor, which is harmless on many threads:
 * nothing here uses it.  Where the file system knows no holes, all is data.
 */
int vv_hostfile_next_data(struct vv_hostfile *file, uint64_t off, uint64_t *data,
			  uint64_t *end)
{
	off_t start, stop;

	*data = *end = 0;
	if (off > INT64_MAX)
		return VV_ENXIO;
	start = lseek(file->fd, (off_t)off, SEEK_DATA);
	if (start < 0 && errno == EINVAL) {
		start = (off_t)off;
		stop = lseek(file->fd, 0, SEEK_END);
		if (stop >= 0 && stop <= start)
			return VV_ENXIO;
	} else if (start >= 0) {
		stop = lseek(file->fd, start, SEEK_HOLE);
	} else {
		return last_err();
	}
	if (stop < 0)
		return last_err();
	*data = (uint64_t)start;
	*end = (uint64_t)stop;
	return VV_OK;
}
