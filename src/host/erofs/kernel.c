#include "host/erofs/kernel.h"

#include "core/err.h"
#include "core/log.h"
#include "host/fuse/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static int os_error(int number)
{
	switch (number) {
	case EPERM: return VV_EPERM;
	case ENODEV: return VV_ENODEV;
	case ENOSYS: return VV_ENOSYS;
	case ENOMEM: return VV_ENOMEM;
	case ENOENT: return VV_ENOENT;
	case ENOTBLK: return VV_EOPNOTSUPP; /* it takes devices only */
	}
	return VV_EIO;
}

/* Keeps the first failure: those that follow are its consequences. */
static void set(int context, const char *key, const char *value, int *err)
{
	int failed;

	if (*err)
		return;
	failed = value ? fsconfig(context, FSCONFIG_SET_STRING, key, value, 0)
		       : fsconfig(context, FSCONFIG_SET_FLAG, key, NULL, 0);
	if (failed)
		*err = os_error(errno);
}

static void create(int context, int *err)
{
	if (!*err && fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		*err = os_error(errno);
}

/* What the kernel says about it: "e erofs: ..." */
static void log_failure(int context, const char *what, int err)
{
	char line[256] = "";
	ssize_t got = read(context, line, sizeof line - 1);

	line[got > 0 ? got : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	vv_log(VV_LOG_WARN, "cannot mount %s: %s%s%s", what, vv_err_text(err),
	       line[0] ? ": " : "", line[0] ? line + 2 : "");
}

int vv_kernel_mount_fuse(int *device, int *mount)
{
	int context = fsopen("fuse", FSOPEN_CLOEXEC), err = VV_OK;
	char text[32];

	*mount = *device = -1;
	if (context < 0)
		return os_error(errno);
	*device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (*device < 0)
		err = os_error(errno);
	snprintf(text, sizeof text, "%d", *device);
	set(context, "source", "varve", &err);
	set(context, "fd", text, &err);
	set(context, "rootmode", "40000", &err);
	set(context, "user_id", "0", &err);
	set(context, "group_id", "0", &err);
	snprintf(text, sizeof text, "%d", VV_FUSE_READ_BYTES);
	set(context, "max_read", text, &err);
	/* Without it, the kernel does not take an INIT that allows shifted owners. */
	set(context, "default_permissions", NULL, &err);
	create(context, &err);
	if (!err) {
		*mount = fsmount(context, FSMOUNT_CLOEXEC,
				 MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					 MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
		err = *mount < 0 ? os_error(errno) : VV_OK;
	}
	if (err && *device >= 0) {
		close(*device);
		*device = -1;
	}
	close(context);
	return err;
}

/* `directio` came after the mounting of files; without it the blobs' file asks for it too. */
static int configure(const struct vv_kernel_erofs *what, bool directly, int *context)
{
	int err = VV_OK;

	*context = fsopen("erofs", FSOPEN_CLOEXEC);
	if (*context < 0)
		return errno == ENODEV ? VV_EOPNOTSUPP : os_error(errno);
	set(*context, "source", what->image, &err);
	set(*context, "ro", NULL, &err);
	set(*context, "device", what->blobs, &err);
	if (directly)
		set(*context, "directio", NULL, &err);
	create(*context, &err);
	return err;
}

int vv_kernel_mount_erofs(const struct vv_kernel_erofs *what, int *mount)
{
	unsigned flags = MOUNT_ATTR_RDONLY |
			 (what->allow_suid ? 0 : MOUNT_ATTR_NOSUID) |
			 (what->allow_dev ? 0 : MOUNT_ATTR_NODEV);
	int context = -1, err = configure(what, true, &context);

	*mount = -1;
	if (err) {
		if (context >= 0)
			close(context);
		err = configure(what, false, &context);
	}
	if (!err) {
		*mount = fsmount(context, FSMOUNT_CLOEXEC, flags);
		err = *mount < 0 ? os_error(errno) : VV_OK;
	}
	if (err && !what->is_quiet)
		log_failure(context, what->image, err);
	if (context >= 0)
		close(context);
	return err;
}

int vv_kernel_attach(int mount, const char *path)
{
	if (move_mount(mount, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) == 0)
		return VV_OK;
	return os_error(errno);
}
