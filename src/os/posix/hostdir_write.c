#include "core/err.h"
#include "os/hostdir.h"
#include "os/posix/beneath.h"
#include "os/posix/errno.h"
#include "os/posix/fd.h"
#include "os/posix/hostdir_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static int result(int rc)
{
	return rc == 0 ? VV_OK : vv_err_from_errno(errno);
}

/* The names come from archives and trees of strangers. */
static int check_name(const char *name)
{
	if (*name == '\0' || strchr(name, '/') || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return VV_EINVAL;
	return VV_OK;
}

bool vv_hostdir_can_name(const char *name)
{
	return check_name(name) == VV_OK;
}

int vv_hostdir_make_dir(struct vv_hostdir *dir, const char *name)
{
	int err = check_name(name);

	return err ? err : result(mkdirat(dir->fd, name, 0700));
}

int vv_hostdir_make_symlink(struct vv_hostdir *dir, const char *name,
			    const char *target)
{
	int err = check_name(name);

	return err ? err : result(symlinkat(target, dir->fd, name));
}

int vv_hostdir_make_node(struct vv_hostdir *dir, const char *name, uint32_t mode,
			 uint32_t rdev_major, uint32_t rdev_minor)
{
	mode_t type = mode & S_IFMT;
	int err = check_name(name);

	if (err)
		return err;
	if (type != S_IFCHR && type != S_IFBLK && type != S_IFIFO && type != S_IFSOCK)
		return VV_EINVAL;
	return result(
		mknodat(dir->fd, name, type | 0600, makedev(rdev_major, rdev_minor)));
}

int vv_hostdir_make_link(struct vv_hostdir *dir, const char *name,
			 struct vv_hostdir *root, const char *existing)
{
	struct vv_beneath from;
	int err = check_name(name);

	if (err)
		return err;
	err = vv_beneath_find(&from, root->fd, existing);
	if (err)
		return err;
	err = result(linkat(from.fd, from.name, dir->fd, name, 0));
	vv_beneath_fini(&from);
	return err;
}

int vv_hostfile_create(struct vv_hostfile **out, struct vv_hostdir *dir,
		       const char *name)
{
	int err = check_name(name);
	int fd;

	*out = NULL;
	if (err)
		return err;
	do {
		fd = openat(dir->fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return vv_err_from_errno(errno);
	err = vv_hostfile_new(out, fd);
	if (err)
		unlinkat(dir->fd, name, 0);
	return err;
}

int vv_hostfile_write(struct vv_hostfile *file, const void *bytes, size_t len,
		      uint64_t off)
{
	return vv_fd_write(file->fd, bytes, len, off);
}

int vv_hostfile_truncate(struct vv_hostfile *file, uint64_t size)
{
	int rc;

	if (size > INT64_MAX)
		return VV_EFBIG;
	do {
		rc = ftruncate(file->fd, (off_t)size);
	} while (rc != 0 && errno == EINTR);
	return result(rc);
}

/* What chown says when we may not, or when the id means nothing in our user namespace. */
static bool is_refused_owner(int err)
{
	return err == VV_EPERM || err == VV_EINVAL;
}

/*
 * The owner first, because changing it clears the set-id bits; times last.  Times are
 * checked because utimensat() reads two impossible fractions as commands.
 */
int vv_hostdir_set_meta(struct vv_hostdir *dir, const char *name,
			const struct vv_hoststat *meta, bool owner)
{
	const char *at = *name ? name : ".";
	struct timespec times[2] = {
		{ .tv_sec = meta->atime_sec, .tv_nsec = meta->atime_nsec },
		{ .tv_sec = meta->mtime_sec, .tv_nsec = meta->mtime_nsec },
	};
	mode_t mode = meta->mode & 07777;
	int err = *name ? check_name(name) : VV_OK;

	if (meta->atime_nsec > 999999999 || meta->mtime_nsec > 999999999)
		err = VV_EINVAL;
	if (err)
		return err;
	err = result(fchownat(dir->fd, at, meta->uid, meta->gid, AT_SYMLINK_NOFOLLOW));
	if (is_refused_owner(err) && !owner) {
		mode &= ~(mode_t)(S_ISUID | S_ISGID);
		err = VV_OK;
	}
	if (!err && !S_ISLNK(meta->mode))
		err = result(fchmodat(dir->fd, at, mode, AT_SYMLINK_NOFOLLOW));
	if (!err)
		err = result(utimensat(dir->fd, at, times, AT_SYMLINK_NOFOLLOW));
	return err;
}

int vv_hostdir_xattr_set(struct vv_hostdir *dir, const char *name, const char *xattr,
			 const void *value, size_t len)
{
	char proc[VV_HOST_PROC_PATH_BYTES];
	int err = *name ? check_name(name) : VV_OK;

	if (!err)
		err = vv_host_proc_path(proc, dir->fd, *name ? name : ".");
	return err ? err : result(lsetxattr(proc, xattr, value, len, 0));
}
