#include "os/posix/beneath.h"

#include "core/err.h"
#include "os/posix/errno.h"
#include "os/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	ALWAYS = O_CLOEXEC | O_NOFOLLOW,
	PASS_THROUGH = O_PATH | O_DIRECTORY, /* for directories on the way */
};

static int check_path(const char *path)
{
	if (path[0] == '\0')
		return VV_OK;
	if (path[0] == '/')
		return VV_EXDEV;
	for (;;) {
		size_t len = strcspn(path, "/");

		if (len == 2 && memcmp(path, "..", 2) == 0)
			return VV_EXDEV;
		if (len == 0 || (len == 1 && path[0] == '.'))
			return VV_EINVAL;
		if (len > NAME_MAX)
			return VV_ENAMETOOLONG;
		if (path[len] == '\0')
			return VV_OK;
		path += len + 1;
	}
}

static bool is_symlink(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

static int open_part(int dir, const char *name, int flags)
{
	int fd;

	do {
		fd = openat(dir, name, flags | ALWAYS);
	} while (fd < 0 && errno == EINTR);
	if (fd >= 0)
		return fd;
	/* With O_DIRECTORY a symlink is "not a directory" here, but a loop to openat2. */
	if (errno == ENOTDIR && is_symlink(dir, name))
		return VV_ELOOP;
	return vv_err_from_errno(errno);
}

static int open_by_parts(int dir, const char *path, size_t len, int flags)
{
	const char *end = path + len;
	int at = dir;

	for (;;) {
		char name[NAME_MAX + 1];
		const char *slash = memchr(path, '/', (size_t)(end - path));
		size_t name_len = (size_t)((slash ? slash : end) - path);
		int next;

		memcpy(name, path, name_len);
		name[name_len] = '\0';
		next = open_part(at, name, slash ? PASS_THROUGH : flags);
		if (at != dir)
			close(at);
		if (next < 0 || !slash)
			return next;
		at = next;
		path = slash + 1;
	}
}

static int openat2_call(int dir, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | ALWAYS),
		.resolve =
			RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	do {
		fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
	} while (fd < 0 && errno == EINTR);
	return fd;
}

static bool has_openat2;

/* Old kernels say ENOSYS, and some container runtimes EPERM: ask, do not interpret. */
static void probe_openat2(void)
{
	int fd = openat2_call(AT_FDCWD, ".", PASS_THROUGH);

	has_openat2 = fd >= 0;
	if (fd >= 0)
		close(fd);
}

/* @path is checked. */
static int open_checked(int dir, const char *path, size_t len, int flags)
{
	static struct vv_once probe = VV_ONCE_INIT;
	char copy[PATH_MAX];
	int fd;

	vv_once_run(&probe, probe_openat2);
	if (!has_openat2 || len >= sizeof copy || !memchr(path, '/', len))
		return open_by_parts(dir, path, len, flags);
	memcpy(copy, path, len);
	copy[len] = '\0';
	fd = openat2_call(dir, copy, flags);
	return fd >= 0 ? fd : vv_err_from_errno(errno);
}

int vv_beneath_open(int dir, const char *path, int flags)
{
	int err = check_path(path);

	if (err)
		return err;
	if (path[0] == '\0')
		return open_part(dir, ".", flags);
	return open_checked(dir, path, strlen(path), flags);
}

int vv_beneath_find(struct vv_beneath *out, int dir, const char *path)
{
	const char *slash = strrchr(path, '/');
	int err = check_path(path);
	int fd;

	*out = (struct vv_beneath){ .fd = dir, .name = *path ? path : "." };
	if (err || !slash)
		return err;
	fd = open_checked(dir, path, (size_t)(slash - path), PASS_THROUGH);
	if (fd < 0)
		return fd;
	*out = (struct vv_beneath){ .fd = fd, .is_owned = true, .name = slash + 1 };
	return VV_OK;
}

void vv_beneath_fini(struct vv_beneath *found)
{
	if (found->is_owned)
		close(found->fd);
	found->is_owned = false;
}
