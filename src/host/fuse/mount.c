#include "host/fuse/mount.h"

#include "core/err.h"
#include "core/log.h"
#include "host/fuse/fuse_host.h"
#include "host/fuse/fusermount.h"
#include "host/fuse/mountinfo.h"
#include "host/fuse/ops.h"
#include "host/fuse/users.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
	OPTIONS_BYTES = 3 * PATH_MAX,
	USERS_TOLD = 20,
	DEAD_MOUNTS_MAX = 16, /* one above the other at one path */
};

static int os_error(int number)
{
	switch (number) {
	case ENOENT: return VV_ENOENT;
	case ENOTDIR: return VV_ENOTDIR;
	case EACCES: return VV_EACCES;
	case EPERM: return VV_EPERM;
	case EBUSY: return VV_EBUSY;
	case ENODEV: return VV_ENODEV;
	case ENOMEM: return VV_ENOMEM;
	}
	return VV_EIO;
}

/* ---- the mount point ---- */

/* As realpath(), also if the last part is a mount whose server died and cannot be asked. */
static int canonical(const char *path, char where[PATH_MAX])
{
	char copy[PATH_MAX], parent[PATH_MAX];
	size_t len = strlen(path);
	char *slash;

	if (realpath(path, where))
		return VV_OK;
	if (errno != ENOTCONN || len >= sizeof copy)
		return os_error(errno);
	memcpy(copy, path, len + 1);
	for (size_t n = len; n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = 0;
	slash = strrchr(copy, '/');
	if (slash)
		*slash = 0;
	if (!realpath(!slash ? "." : slash == copy ? "/" : copy, parent))
		return os_error(errno);
	if (snprintf(where, PATH_MAX, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent,
		     slash ? slash + 1 : copy) >= PATH_MAX)
		return VV_ENAMETOOLONG;
	return VV_OK;
}

static int take_away(const char *where, bool lazy, char text[VV_FUSERMOUNT_TEXT])
{
	text[0] = 0;
	if (umount2(where, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0)
		return VV_OK;
	if (errno == EPERM)
		return vv_fusermount_unmount(where, lazy, text);
	snprintf(text, VV_FUSERMOUNT_TEXT, "%s", strerror(errno));
	return os_error(errno);
}

/*
 * Is somebody there?  The kernel answers stat(2) from memory long after a server died,
 * because our attributes live for ever; statfs(2) always asks.
 */
static int ask(const char *where, struct stat *st)
{
	struct statfs unused;

	return stat(where, st) ? -1 : statfs(where, &unused);
}

/* Detach what answers ENOTCONN at @where, however many times that is so. */
static int clear_dead_mounts(const char *where, struct stat *st)
{
	char text[VV_FUSERMOUNT_TEXT];

	for (int i = 0; ask(where, st) != 0; i++) {
		int err;

		if (errno != ENOTCONN || i == DEAD_MOUNTS_MAX)
			return os_error(errno);
		err = take_away(where, true, text);
		if (err) {
			vv_log(VV_LOG_ERROR, "cannot detach the dead mount at %s: %s",
			       where, text[0] ? text : vv_err_text(err));
			return err;
		}
		vv_log(VV_LOG_INFO, "detached the dead mount at %s", where);
	}
	return VV_OK;
}

static int check_point(const char *path, char where[PATH_MAX])
{
	struct vv_mountinfo info;
	struct stat st;
	int err = canonical(path, where);

	if (!err)
		err = clear_dead_mounts(where, &st);
	if (err == VV_ENOENT)
		vv_log(VV_LOG_ERROR,
		       "mount point %s does not exist: make the directory first", path);
	else if (err)
		vv_log(VV_LOG_ERROR, "cannot use mount point %s: %s", path,
		       vv_err_text(err));
	if (err)
		return err;
	if (!S_ISDIR(st.st_mode)) {
		vv_log(VV_LOG_ERROR, "mount point %s is not a directory", path);
		return VV_ENOTDIR;
	}
	if (vv_mountinfo_find(where, &info) == VV_OK &&
	    strcmp(info.type, VV_FUSE_TYPE) == 0) {
		vv_log(VV_LOG_ERROR,
		       "%s is a varve mount already: `varve unmount %s` first", where,
		       where);
		return VV_EBUSY;
	}
	return VV_OK;
}

/* ---- mounting ---- */

static int mount_directly(const struct vv_fuse_options *opts, const char *where,
			  int *device)
{
	unsigned long flags = MS_RDONLY | (opts->allow_suid ? 0 : MS_NOSUID) |
			      (opts->allow_dev ? 0 : MS_NODEV);
	char options[256];

	*device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (*device < 0)
		return errno == EACCES || errno == EPERM ? VV_EPERM : VV_ENODEV;
	snprintf(
		options, sizeof options,
		"fd=%d,rootmode=40000,user_id=%u,group_id=%u,max_read=%d,default_permissions%s",
		*device, (unsigned)geteuid(), (unsigned)getegid(), VV_FUSE_READ_BYTES,
		opts->owner_only ? "" : ",allow_other");
	if (mount(opts->fsname, where, VV_FUSE_TYPE, flags, options) == 0)
		return VV_OK;
	close(*device);
	*device = -1;
	return os_error(errno);
}

/* May users open their mounts to others?  A line of its own in /etc/fuse.conf says so. */
static bool others_are_allowed(void)
{
	FILE *file = fopen("/etc/fuse.conf", "re");
	bool allowed = false;
	char line[256];

	while (file && !allowed && fgets(line, sizeof line, file)) {
		line[strcspn(line, " \t\r\n")] = 0;
		allowed = strcmp(line, "user_allow_other") == 0;
	}
	if (file)
		fclose(file);
	return allowed;
}

static int mount_by_helper(const struct vv_fuse_options *opts, const char *where,
			   int *device)
{
	char options[OPTIONS_BYTES], text[VV_FUSERMOUNT_TEXT];
	size_t used;
	int err;

	used = (size_t)snprintf(
		options, sizeof options,
		"ro,nosuid,nodev,default_permissions,max_read=%d,"
		"subtype=varve%s,fsname=",
		VV_FUSE_READ_BYTES,
		!opts->owner_only && others_are_allowed() ? ",allow_other" : "");
	for (const char *p = opts->fsname; *p && used + 3 < sizeof options; p++) {
		if (*p == ',' || *p == '\\')
			options[used++] = '\\';
		options[used++] = *p;
	}
	options[used] = 0;
	err = vv_fusermount_mount(where, options, device, text);
	if (err)
		vv_log(VV_LOG_ERROR, "cannot mount at %s: %s", where,
		       text[0] ? text : vv_err_text(err));
	return err == VV_ENOSYS ? VV_EPERM : err;
}

int vv_fuse_mount(const struct vv_fuse_options *opts, char where[PATH_MAX], int *device)
{
	int err = check_point(opts->path, where);

	*device = -1;
	if (err)
		return err;
	err = mount_directly(opts, where, device);
	if (err == VV_EPERM)
		return mount_by_helper(opts, where, device);
	if (err == VV_ENODEV)
		vv_log(VV_LOG_ERROR,
		       "cannot mount at %s: there is no FUSE here (`modprobe fuse`; a container "
		       "needs --device /dev/fuse)",
		       where);
	else if (err)
		vv_log(VV_LOG_ERROR, "cannot mount at %s: %s", where, vv_err_text(err));
	return err;
}

/* ---- unmounting ---- */

static void tell_user(void *ctx, const struct vv_mount_user *user)
{
	unsigned *told = ctx;

	if ((*told)++ < USERS_TOLD)
		vv_log(VV_LOG_ERROR, "  pid %llu (%s): %s %s",
		       (unsigned long long)user->pid, user->program, user->what,
		       user->path);
}

static void tell_users(const char *where, const struct vv_mountinfo *info)
{
	unsigned told = 0;

	vv_log(VV_LOG_ERROR, "%s is in use:", where);
	vv_mount_users(info->major, info->minor, tell_user, &told);
	if (told == 0)
		vv_log(VV_LOG_ERROR,
		       "  by no process that can be seen: another user's, or a mount below it");
	if (told > USERS_TOLD)
		vv_log(VV_LOG_ERROR, "  and %u more", told - USERS_TOLD);
}

/* *@busy is the last one tried. */
static int take_away_tree(void *busy, const struct vv_mountinfo *info)
{
	char text[VV_FUSERMOUNT_TEXT];

	*(struct vv_mountinfo *)busy = *info;
	return take_away(info->path, false, text);
}

int vv_fuse_unmount(const char *path, bool lazy)
{
	char where[PATH_MAX], text[VV_FUSERMOUNT_TEXT];
	struct vv_mountinfo info, users;
	struct stat st;
	int err = canonical(path, where);

	text[0] = '\0';
	if (!err)
		err = vv_mountinfo_find(where, &info);
	if (!err && strcmp(info.type, VV_FUSE_TYPE) != 0)
		err = VV_ENOENT;
	if (err) {
		vv_log(VV_LOG_ERROR, "%s is not a varve mount", path);
		return VV_EINVAL;
	}
	/* A tree that was taken away although another is busy comes back at its next touch. */
	err = lazy ? VV_OK
		   : vv_mountinfo_children(info.id, "erofs", take_away_tree, &users);
	if (!err) {
		users = info;
		err = take_away(where, lazy, text);
	}
	/* Its server died: nobody uses what is left, and its mounts cannot be reached. */
	if (err && ask(where, &st) != 0 && errno == ENOTCONN)
		err = take_away(where, true, text);
	if (err == VV_EBUSY)
		tell_users(users.path, &users);
	else if (err)
		vv_log(VV_LOG_ERROR, "cannot unmount %s: %s", where,
		       text[0] ? text : vv_err_text(err));
	return err;
}
