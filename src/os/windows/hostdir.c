/*
 * Directory trees of the host, on Windows.
 *
 * Windows has attributes and access lists where Linux has a mode.  What is shown as
 * mode is what a tree would have that was made for both: 0755 for directories and
 * programs, 0644 for other files, without the write bits if the file is read-only.
 * Owners are 0.  The same tree of plain files so has one id, wherever it is packed.
 */
#include "os/hostdir.h"

#include "core/err.h"
#include "os/windows/handle.h"
#include "os/windows/hostdir_private.h"
#include "os/windows/nt.h"
#include "os/windows/reparse.h"
#include "os/windows/wide.h"
#include "os/windows/winerror.h"

#include <stdlib.h>
#include <string.h>

#include <windows.h>

#include <winioctl.h>

enum {
	/* Type bits as Linux has them. */
	TYPE_DIR = 0040000,
	TYPE_FILE = 0100000,
	TYPE_LINK = 0120000,
	TYPE_SOCKET = 0140000,

	READ_DIR = FILE_LIST_DIRECTORY | FILE_TRAVERSE,
	LISTING_BYTES = 65536,
};

/* ---- directories ---- */

/* Takes @handle, also on error. */
static int hostdir_new(struct vv_hostdir **out, HANDLE handle)
{
	struct vv_hostdir *dir = malloc(sizeof *dir);

	if (!dir) {
		CloseHandle(handle);
		return VV_ENOMEM;
	}
	dir->handle = handle;
	*out = dir;
	return VV_OK;
}

static int check_directory(HANDLE handle)
{
	FILE_BASIC_INFO info;

	if (!GetFileInformationByHandleEx(handle, FileBasicInfo, &info, sizeof info))
		return vv_err_last();
	return info.FileAttributes & FILE_ATTRIBUTE_DIRECTORY ? VV_OK : VV_ENOTDIR;
}

int vv_hostdir_open(struct vv_hostdir **out, const char *path)
{
	wchar_t *wide;
	HANDLE handle;
	int err = vv_wide_path(&wide, path);

	*out = NULL;
	if (err)
		return err;
	handle = CreateFileW(wide, READ_DIR | FILE_READ_ATTRIBUTES | SYNCHRONIZE,
			     FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
			     NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
	free(wide);
	if (handle == INVALID_HANDLE_VALUE)
		return vv_err_last();
	err = check_directory(handle);
	if (err) {
		CloseHandle(handle);
		return err;
	}
	return hostdir_new(out, handle);
}

int vv_hostdir_open_at(struct vv_hostdir **out, struct vv_hostdir *dir,
		       const char *path)
{
	HANDLE handle;
	int err = vv_nt_open(&handle, dir->handle, path, READ_DIR, VV_NT_DIRECTORY);

	*out = NULL;
	return err ? err : hostdir_new(out, handle);
}

void vv_hostdir_close(struct vv_hostdir *dir)
{
	if (!dir)
		return;
	CloseHandle(dir->handle);
	free(dir);
}

static uint32_t type_of(DWORD attributes, uint32_t link_tag)
{
	if (link_tag)
		return TYPE_LINK;
	return attributes & FILE_ATTRIBUTE_DIRECTORY ? TYPE_DIR : TYPE_FILE;
}

static int tell(const FILE_ID_BOTH_DIR_INFO *found,
		int (*entry)(void *ctx, const char *name, uint32_t type_bits,
			     uint64_t ino),
		void *ctx)
{
	size_t count = found->FileNameLength / sizeof(wchar_t);
	uint32_t tag = 0;
	char *name;
	int result;

	if (count <= 2 && wcsncmp(found->FileName, L"..", count) == 0)
		return 0;
	/* Where a listing has no tag the size of attributes stands. */
	if (found->FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT &&
	    found->EaSize & VV_REPARSE_NAME_SURROGATE)
		tag = found->EaSize;
	result = vv_wide_to_utf8(&name, found->FileName, count);
	if (!result)
		result = entry(ctx, name, type_of(found->FileAttributes, tag),
			       (uint64_t)found->FileId.QuadPart);
	free(name);
	return result;
}

int vv_hostdir_list(struct vv_hostdir *dir,
		    int (*entry)(void *ctx, const char *name, uint32_t type_bits,
				 uint64_t ino),
		    void *ctx)
{
	FILE_INFO_BY_HANDLE_CLASS class = FileIdBothDirectoryRestartInfo;
	unsigned char *buf = _aligned_malloc(LISTING_BYTES, 16);
	HANDLE own; /* the position of a shared handle is shared too */
	int result = vv_nt_open(&own, dir->handle, "", READ_DIR, VV_NT_DIRECTORY);

	if (!result && !buf)
		result = VV_ENOMEM;
	while (!result &&
	       GetFileInformationByHandleEx(own, class, buf, LISTING_BYTES)) {
		const FILE_ID_BOTH_DIR_INFO *found = (void *)buf;

		class = FileIdBothDirectoryInfo;
		for (;;) {
			result = tell(found, entry, ctx);
			if (result || !found->NextEntryOffset)
				break;
			found = (const void *)((const unsigned char *)found +
					       found->NextEntryOffset);
		}
	}
	if (!result && GetLastError() != ERROR_NO_MORE_FILES &&
	    GetLastError() != ERROR_FILE_NOT_FOUND)
		result = vv_err_last();
	if (own)
		CloseHandle(own);
	_aligned_free(buf);
	return result;
}

/* ---- metadata ---- */

static bool is_program(const char *path)
{
	static const char *const ends[] = { ".exe", ".com", ".bat", ".cmd" };
	size_t len = strlen(path);

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		if (len > 4 && _stricmp(path + len - 4, ends[i]) == 0)
			return true;
	}
	return false;
}

static uint32_t mode_of(DWORD attributes, uint32_t link_tag, bool program)
{
	uint32_t type = type_of(attributes, link_tag);

	if (link_tag == VV_REPARSE_SOCKET)
		return TYPE_SOCKET | 0755;
	if (type == TYPE_LINK)
		return type | 0777;
	if (type == TYPE_DIR) /* there, read-only means something else */
		return type | 0755;
	if (attributes & FILE_ATTRIBUTE_READONLY)
		return type | (program ? 0555 : 0444);
	return type | (program ? 0755 : 0644);
}

static int64_t ticks_of(FILETIME t)
{
	return (int64_t)t.dwHighDateTime << 32 | t.dwLowDateTime;
}

static int stat_handle(HANDLE handle, bool program, struct vv_hoststat *out)
{
	BY_HANDLE_FILE_INFORMATION info;
	FILE_BASIC_INFO basic;
	uint32_t tag;
	int err = vv_nt_link_tag(handle, &tag);

	if (err)
		return err;
	if (!GetFileInformationByHandle(handle, &info) ||
	    !GetFileInformationByHandleEx(handle, FileBasicInfo, &basic, sizeof basic))
		return vv_err_last();
	out->mode = mode_of(info.dwFileAttributes, tag, program);
	if ((out->mode & TYPE_FILE) == TYPE_FILE)
		out->size = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
	out->dev = info.dwVolumeSerialNumber;
	out->ino = (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow;
	out->nlink = info.nNumberOfLinks;
	out->blocks = (out->size + 511) / 512;
	vv_timespec_from_filetime(ticks_of(info.ftLastWriteTime), &out->mtime_sec,
				  &out->mtime_nsec);
	vv_timespec_from_filetime(ticks_of(info.ftLastAccessTime), &out->atime_sec,
				  &out->atime_nsec);
	vv_timespec_from_filetime(basic.ChangeTime.QuadPart, &out->ctime_sec,
				  &out->ctime_nsec);
	return VV_OK;
}

int vv_hostdir_stat(struct vv_hostdir *dir, const char *path, struct vv_hoststat *out)
{
	HANDLE handle;
	int err;

	*out = (struct vv_hoststat){ 0 };
	err = vv_nt_open(&handle, dir->handle, path, 0, VV_NT_LINK_IS_FINE);
	if (err)
		return err;
	err = stat_handle(handle, is_program(path), out);
	CloseHandle(handle);
	return err;
}

int vv_hostdir_readlink(struct vv_hostdir *dir, const char *path, char *buf, size_t cap,
			size_t *len)
{
	HANDLE handle;
	char *target = NULL;
	int err;

	*len = 0;
	err = vv_nt_open(&handle, dir->handle, path, 0, VV_NT_LINK_IS_FINE);
	if (err)
		return err;
	err = vv_reparse_target(&target, handle);
	CloseHandle(handle);
	if (!err && strlen(target) >= cap)
		err = VV_ERANGE;
	if (!err) {
		*len = strlen(target);
		memcpy(buf, target, *len);
	}
	free(target);
	return err;
}

/* Windows has extended attributes of another kind, and views show none of them. */
int vv_hostdir_xattr_list(struct vv_hostdir *dir, const char *path, char *buf,
			  size_t cap, size_t *len)
{
	(void)dir;
	(void)path;
	(void)buf;
	(void)cap;
	*len = 0;
	return VV_EOPNOTSUPP;
}

int vv_hostdir_xattr_get(struct vv_hostdir *dir, const char *path, const char *name,
			 void *buf, size_t cap, size_t *len)
{
	(void)dir;
	(void)path;
	(void)name;
	(void)buf;
	(void)cap;
	*len = 0;
	return VV_EOPNOTSUPP;
}

/* ---- files ---- */

int vv_hostfile_new(struct vv_hostfile **out, void *handle, const char *path)
{
	struct vv_hostfile *file = malloc(sizeof *file);

	if (!file) {
		CloseHandle(handle);
		return VV_ENOMEM;
	}
	*file = (struct vv_hostfile){
		.handle = handle,
		.is_program = is_program(path),
		.knows_ranges = true,
	};
	*out = file;
	return VV_OK;
}

int vv_hostfile_open(struct vv_hostfile **out, struct vv_hostdir *dir, const char *path)
{
	HANDLE handle;
	int err = vv_nt_open(&handle, dir->handle, path, FILE_READ_DATA, 0);

	*out = NULL;
	if (err)
		return err;
	err = check_directory(handle);
	if (err != VV_ENOTDIR) {
		CloseHandle(handle);
		return err ? err : VV_EISDIR;
	}
	return vv_hostfile_new(out, handle, path);
}

void vv_hostfile_close(struct vv_hostfile *file)
{
	if (!file)
		return;
	CloseHandle(file->handle);
	free(file);
}

int vv_hostfile_read(struct vv_hostfile *file, void *buf, size_t len, uint64_t off,
		     size_t *got)
{
	return vv_handle_read(file->handle, buf, len, off, got);
}

int vv_hostfile_stat(struct vv_hostfile *file, struct vv_hoststat *out)
{
	*out = (struct vv_hoststat){ 0 };
	return stat_handle(file->handle, file->is_program, out);
}

/* Where the file system knows no holes, all is data. */
int vv_hostfile_next_data(struct vv_hostfile *file, uint64_t off, uint64_t *data,
			  uint64_t *end)
{
	FILE_ALLOCATED_RANGE_BUFFER from, found;
	LARGE_INTEGER size;
	DWORD got = 0;

	*data = *end = 0;
	if (!GetFileSizeEx(file->handle, &size))
		return vv_err_last();
	if (off >= (uint64_t)size.QuadPart)
		return VV_ENXIO;
	*data = off;
	*end = (uint64_t)size.QuadPart;
	if (!file->knows_ranges)
		return VV_OK;
	from.FileOffset.QuadPart = (LONGLONG)off;
	from.Length.QuadPart = size.QuadPart - (LONGLONG)off;
	if (!DeviceIoControl(file->handle, FSCTL_QUERY_ALLOCATED_RANGES, &from,
			     sizeof from, &found, sizeof found, &got, NULL) &&
	    GetLastError() != ERROR_MORE_DATA) {
		file->knows_ranges = false;
		return VV_OK;
	}
	if (got < sizeof found)
		return VV_ENXIO;
	if ((uint64_t)found.FileOffset.QuadPart > off)
		*data = (uint64_t)found.FileOffset.QuadPart;
	if ((uint64_t)(found.FileOffset.QuadPart + found.Length.QuadPart) < *end)
		*end = (uint64_t)(found.FileOffset.QuadPart + found.Length.QuadPart);
	return VV_OK;
}
