#include "core/err.h"
#include "os/hostdir.h"
#include "os/hostwin.h"
#include "os/windows/handle.h"
#include "os/windows/hostdir_private.h"
#include "os/windows/nt.h"
#include "os/windows/wide.h"
#include "os/windows/winerror.h"

#include <stdlib.h>
#include <string.h>

#include <windows.h>

#include <winioctl.h>

enum {
	TYPE_MASK = 0170000,
	TYPE_DIR = 0040000,
	TYPE_LINK = 0120000,
	ALLOW_UNPRIVILEGED = 2, /* for symlinks; developer mode */
};

/* The names come from archives and trees of strangers. */
static int check_name(const char *name)
{
	if (*name == '\0' || strchr(name, '/') || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return VV_EINVAL;
	return VV_OK;
}

static int set_info(HANDLE handle, FILE_INFO_BY_HANDLE_CLASS class, void *info,
		    size_t size)
{
	return SetFileInformationByHandle(handle, class, info, (DWORD)size)
		       ? VV_OK
		       : vv_err_last();
}

bool vv_hostdir_can_name(const char *name)
{
	return check_name(name) == VV_OK && vv_nt_can_name(name);
}

int vv_hostdir_make_dir(struct vv_hostdir *dir, const char *name)
{
	HANDLE made;
	int err = check_name(name);

	if (!err)
		err = vv_nt_open(&made, dir->handle, name, FILE_LIST_DIRECTORY,
				 VV_NT_CREATE | VV_NT_DIRECTORY);
	if (!err)
		CloseHandle(made);
	return err;
}

/* Where @name in @dir is now: for the calls that know paths only. */
static int path_of(wchar_t **out, const struct vv_hostdir *dir, const char *name)
{
	wchar_t *units, *path;
	size_t count;
	DWORD len = GetFinalPathNameByHandleW(dir->handle, NULL, 0, 0);
	int err = vv_wide_from_utf8(&units, &count, name, strlen(name));

	*out = NULL;
	if (err)
		return err;
	path = len ? malloc((len + 1 + count + 2) * sizeof *path) : NULL;
	if (!path)
		err = len ? VV_ENOMEM : vv_err_last();
	if (!err) {
		len = GetFinalPathNameByHandleW(dir->handle, path, len + 1, 0);
		path[len++] = L'\\';
		memcpy(path + len, units, (count + 1) * sizeof *path);
		*out = path;
	}
	free(units);
	return err;
}

static void turn_slashes(wchar_t *path)
{
	for (; *path; path++)
		*path = *path == L'/' ? L'\\' : *path;
}

/* Is @target, as seen from @dir, a directory now?  Links to one are of another kind. */
static bool leads_to_dir(const struct vv_hostdir *dir, const wchar_t *target)
{
	DWORD attributes = INVALID_FILE_ATTRIBUTES;
	wchar_t *path;
	char *text;

	if (vv_wide_to_utf8(&text, target, wcslen(target)))
		return false;
	if (path_of(&path, dir, text) == VV_OK) {
		/* `..` is resolved for us only without the prefix. */
		if (wcsncmp(path, L"\\\\?\\", 4) == 0)
			attributes = GetFileAttributesW(path + 4);
		free(path);
	}
	free(text);
	return attributes != INVALID_FILE_ATTRIBUTES &&
	       attributes & FILE_ATTRIBUTE_DIRECTORY;
}

static bool exists(struct vv_hostdir *dir, const char *name)
{
	HANDLE found;

	if (vv_nt_open(&found, dir->handle, name, 0, VV_NT_LINK_IS_FINE))
		return false;
	CloseHandle(found);
	return true;
}

/* Systems without links may say that they made one: so we look. */
static int make_symlink(struct vv_hostdir *dir, const char *name, const char *target,
			bool is_dir)
{
	wchar_t *path = NULL, *to = NULL;
	size_t count;
	DWORD flags = ALLOW_UNPRIVILEGED;
	int err = check_name(name);

	if (!err && exists(dir, name))
		err = VV_EEXIST;
	if (!err)
		err = vv_wide_from_utf8(&to, &count, target, strlen(target));
	if (!err)
		err = path_of(&path, dir, name);
	if (!err) {
		turn_slashes(to);
		if (is_dir || leads_to_dir(dir, to))
			flags |= SYMBOLIC_LINK_FLAG_DIRECTORY;
		if (!CreateSymbolicLinkW(path, to, flags))
			err = vv_err_last();
		else if (!exists(dir, name))
			err = VV_EOPNOTSUPP;
	}
	free(path);
	free(to);
	return err;
}

int vv_hostdir_make_symlink(struct vv_hostdir *dir, const char *name,
			    const char *target)
{
	return make_symlink(dir, name, target, false);
}

int vv_hostwin_dirlink_make(struct vv_hostdir *dir, const char *name,
			    const char *target)
{
	return make_symlink(dir, name, target, true);
}

int vv_hostdir_make_node(struct vv_hostdir *dir, const char *name, uint32_t mode,
			 uint32_t rdev_major, uint32_t rdev_minor)
{
	(void)dir;
	(void)name;
	(void)mode;
	(void)rdev_major;
	(void)rdev_minor;
	return VV_EOPNOTSUPP;
}

int vv_hostdir_make_link(struct vv_hostdir *dir, const char *name,
			 struct vv_hostdir *root, const char *existing)
{
	wchar_t *from = NULL, *path = NULL;
	HANDLE found;
	int err = check_name(name);

	if (!err)
		err = vv_nt_open(&found, root->handle, existing, 0, VV_NT_LINK_IS_FINE);
	if (err)
		return err;
	CloseHandle(found);
	err = path_of(&from, root, existing);
	if (!err)
		err = path_of(&path, dir, name);
	if (!err) {
		turn_slashes(from);
		if (!CreateHardLinkW(path, from, NULL))
			err = vv_err_last();
	}
	free(from);
	free(path);
	return err;
}

int vv_hostfile_create(struct vv_hostfile **out, struct vv_hostdir *dir,
		       const char *name)
{
	HANDLE handle;
	int err = check_name(name);

	*out = NULL;
	if (!err)
		err = vv_nt_open(&handle, dir->handle, name,
				 FILE_READ_DATA | FILE_WRITE_DATA |
					 FILE_WRITE_ATTRIBUTES,
				 VV_NT_CREATE);
	return err ? err : vv_hostfile_new(out, handle, name);
}

/* What is skipped takes no space only in a file that was made sparse before. */
static void be_sparse(struct vv_hostfile *file)
{
	DWORD got;

	if (!file->is_sparse)
		DeviceIoControl(file->handle, FSCTL_SET_SPARSE, NULL, 0, NULL, 0, &got,
				NULL);
	file->is_sparse = true;
}

int vv_hostfile_write(struct vv_hostfile *file, const void *bytes, size_t len,
		      uint64_t off)
{
	int err;

	if (off > file->size)
		be_sparse(file);
	err = vv_handle_write(file->handle, bytes, len, off);
	if (!err && off + len > file->size)
		file->size = off + len;
	return err;
}

int vv_hostfile_truncate(struct vv_hostfile *file, uint64_t size)
{
	FILE_END_OF_FILE_INFO end = { .EndOfFile.QuadPart = (LONGLONG)size };
	int err;

	if (size > INT64_MAX)
		return VV_EFBIG;
	if (size > file->size)
		be_sparse(file);
	err = set_info(file->handle, FileEndOfFileInfo, &end, sizeof end);
	if (!err)
		file->size = size;
	return err;
}

/*
 * The mode becomes the read-only attribute if nobody may write; owners are not set, so
 * @owner is an error.  All times but the two that are known stay.
 */
int vv_hostdir_set_meta(struct vv_hostdir *dir, const char *name,
			const struct vv_hoststat *meta, bool owner)
{
	FILE_BASIC_INFO info = { 0 }, now;
	bool is_plain = (meta->mode & TYPE_MASK) != TYPE_DIR &&
			(meta->mode & TYPE_MASK) != TYPE_LINK;
	HANDLE handle;
	int err = *name ? check_name(name) : VV_OK;

	if (meta->atime_nsec > 999999999 || meta->mtime_nsec > 999999999)
		err = VV_EINVAL;
	if (!err && owner)
		err = VV_EPERM;
	if (!err)
		err = vv_nt_open(&handle, dir->handle, name, FILE_WRITE_ATTRIBUTES,
				 VV_NT_LINK_IS_FINE);
	if (err)
		return err;
	info.LastWriteTime.QuadPart =
		vv_filetime_from_timespec(meta->mtime_sec, meta->mtime_nsec);
	info.LastAccessTime.QuadPart =
		vv_filetime_from_timespec(meta->atime_sec, meta->atime_nsec);
	if (!GetFileInformationByHandleEx(handle, FileBasicInfo, &now, sizeof now))
		err = vv_err_last();
	if (!err && is_plain && !(meta->mode & 0222))
		info.FileAttributes = now.FileAttributes | FILE_ATTRIBUTE_READONLY;
	if (!err)
		err = set_info(handle, FileBasicInfo, &info, sizeof info);
	CloseHandle(handle);
	return err;
}

int vv_hostdir_xattr_set(struct vv_hostdir *dir, const char *name, const char *xattr,
			 const void *value, size_t len)
{
	(void)dir;
	(void)name;
	(void)xattr;
	(void)value;
	(void)len;
	return VV_EOPNOTSUPP;
}
