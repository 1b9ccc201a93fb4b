/*
 * Files of a store on Windows.
 *
 * Names change hands as on POSIX, whoever has the file open: replacing and removing
 * ask for POSIX semantics, which file systems offer since Windows 10 1607.  Where they
 * do not, a name may stay until the last reader has closed the file, and replacing
 * waits a moment for readers, whose opens are short.
 */
#include "os/file.h"

#include "core/err.h"
#include "os/windows/handle.h"
#include "os/windows/open.h"
#include "os/windows/wide.h"
#include "os/windows/winerror.h"

#include <stdlib.h>
#include <string.h>

#include <windows.h>

/* Of later headers than mingw-w64 10 has: FileRenameInfoEx, FileDispositionInfoEx. */
#define RENAME_INFO_EX ((FILE_INFO_BY_HANDLE_CLASS)22)
#define DISPOSITION_INFO_EX ((FILE_INFO_BY_HANDLE_CLASS)21)

enum {
	RENAME_REPLACE = 1,
	RENAME_POSIX = 2,
	DISPOSITION_DELETE = 1,
	DISPOSITION_POSIX = 2,
	DISPOSITION_IGNORE_READONLY = 0x10,

	SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
	TRIES = 20, /* with 5 ms, 10 ms ... between: a second in all */
};

/* What FileRenameInfo is since Windows 10; older headers know only the first form. */
struct rename_info {
	DWORD flags;
	HANDLE root;
	DWORD name_bytes;
	wchar_t name[];
};

struct vv_file {
	HANDLE handle;
	bool is_direct; /* reads whole sectors, past the system's cache */
};

/* Takes @handle, also on error. */
static int file_new(struct vv_file **out, HANDLE handle, bool is_direct)
{
	struct vv_file *file = malloc(sizeof *file);

	if (!file) {
		CloseHandle(handle);
		return VV_ENOMEM;
	}
	*file = (struct vv_file){ .handle = handle, .is_direct = is_direct };
	*out = file;
	return VV_OK;
}

int vv_file_open(struct vv_file **out, const char *path)
{
	uint64_t size;
	HANDLE handle;
	int err = vv_open_regular(&handle, path, 0, &size);

	*out = NULL;
	return err ? err : file_new(out, handle, false);
}

int vv_file_open_direct(struct vv_file **out, const char *path)
{
	uint64_t size;
	HANDLE handle;
	int err = vv_open_regular(&handle, path, FILE_FLAG_NO_BUFFERING, &size);

	*out = NULL;
	return err ? err : file_new(out, handle, true);
}

/*
 * No read-only attribute: it would keep gc from removing the file on systems that do
 * not know how to ignore it.
 */
int vv_file_create(struct vv_file **out, const char *path)
{
	wchar_t *wide;
	HANDLE handle;
	int err = vv_wide_path(&wide, path);

	*out = NULL;
	if (err)
		return err;
	handle = CreateFileW(wide, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE,
			     NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
	if (handle == INVALID_HANDLE_VALUE)
		err = vv_open_error(path);
	else
		err = file_new(out, handle, false);
	if (err == VV_ENOMEM)
		DeleteFileW(wide);
	free(wide);
	return err;
}

void vv_file_close(struct vv_file *file)
{
	if (!file)
		return;
	CloseHandle(file->handle);
	free(file);
}

/* Sectors have 512 or 4096 bytes. */
enum {
	SECTOR = 4096
};

static int read_sectors(struct vv_file *file, void *buf, size_t len, uint64_t off,
			size_t *got)
{
	size_t lead = (size_t)(off % SECTOR), whole, n;
	unsigned char *bounce;
	int err;

	if (len > SIZE_MAX / 2 || off > INT64_MAX)
		return VV_EINVAL;
	whole = (lead + len + SECTOR - 1) / SECTOR * SECTOR;
	bounce = _aligned_malloc(whole, SECTOR);
	if (!bounce)
		return VV_ENOMEM;
	err = vv_handle_read(file->handle, bounce, whole, off - lead, &n);
	if (!err && n > lead) {
		*got = n - lead < len ? n - lead : len;
		memcpy(buf, bounce + lead, *got);
	}
	_aligned_free(bounce);
	return err;
}

int vv_file_read(struct vv_file *file, void *buf, size_t len, uint64_t off, size_t *got)
{
	*got = 0;
	if (len == 0)
		return VV_OK;
	if (file->is_direct)
		return read_sectors(file, buf, len, off, got);
	return vv_handle_read(file->handle, buf, len, off, got);
}

int vv_file_write(struct vv_file *file, const void *bytes, size_t len)
{
	return vv_handle_append(file->handle, bytes, len);
}

int vv_file_sync(struct vv_file *file)
{
	return FlushFileBuffers(file->handle) ? VV_OK : vv_err_last();
}

int vv_file_size(struct vv_file *file, uint64_t *out)
{
	LARGE_INTEGER size;

	*out = 0;
	if (!GetFileSizeEx(file->handle, &size))
		return vv_err_last();
	*out = (uint64_t)size.QuadPart;
	return VV_OK;
}

/* ---- by path ---- */

static int open_path(HANDLE *out, const char *path, DWORD access, DWORD flags)
{
	wchar_t *wide;
	int err = vv_wide_path(&wide, path);

	if (err)
		return err;
	*out = CreateFileW(wide, access, SHARE_ALL, NULL, OPEN_EXISTING,
			   flags | FILE_FLAG_BACKUP_SEMANTICS, NULL);
	free(wide);
	return *out == INVALID_HANDLE_VALUE ? vv_open_error(path) : VV_OK;
}

static int64_t ticks_of(FILETIME t)
{
	return (int64_t)t.dwHighDateTime << 32 | t.dwLowDateTime;
}

int vv_file_stat(const char *path, struct vv_file_info *out)
{
	BY_HANDLE_FILE_INFORMATION info;
	HANDLE handle;
	int err = open_path(&handle, path, FILE_READ_ATTRIBUTES, 0);

	*out = (struct vv_file_info){ 0 };
	if (err)
		return err;
	if (GetFileInformationByHandle(handle, &info)) {
		out->is_dir = info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY;
		if (!out->is_dir)
			out->size =
				(uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
		/* The multiplier spreads serial numbers away from file numbers. */
		out->identity =
			((uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow) ^
			info.dwVolumeSerialNumber * 0x9e3779b97f4a7c15u;
		out->mtime_ns = vv_ns_from_filetime(ticks_of(info.ftLastWriteTime));
	} else {
		err = vv_err_last();
	}
	CloseHandle(handle);
	return err;
}

static int is_directory(HANDLE handle, bool *out)
{
	BY_HANDLE_FILE_INFORMATION info;

	if (!GetFileInformationByHandle(handle, &info))
		return vv_err_last();
	*out = info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY;
	return VV_OK;
}

/* This system or file system does not know the newer request. */
static bool is_unknown(DWORD number)
{
	return number == ERROR_INVALID_PARAMETER || number == ERROR_NOT_SUPPORTED ||
	       number == ERROR_INVALID_FUNCTION ||
	       number == ERROR_CALL_NOT_IMPLEMENTED || number == ERROR_BAD_LENGTH;
}

/* POSIX semantics.  VV_ENOSYS: not known here. */
static int replace_at_once(const char *from, const wchar_t *to)
{
	size_t bytes = wcslen(to) * sizeof *to;
	struct rename_info *info = calloc(1, sizeof *info + bytes + sizeof *to);
	HANDLE handle = NULL;
	int err = info ? open_path(&handle, from, DELETE | SYNCHRONIZE,
				   FILE_FLAG_OPEN_REPARSE_POINT)
		       : VV_ENOMEM;

	if (!err) {
		info->flags = RENAME_REPLACE | RENAME_POSIX;
		info->name_bytes = (DWORD)bytes;
		memcpy(info->name, to, bytes);
		if (!SetFileInformationByHandle(handle, RENAME_INFO_EX, info,
						(DWORD)(sizeof *info + bytes)))
			err = is_unknown(GetLastError()) ? VV_ENOSYS : vv_err_last();
		CloseHandle(handle);
	}
	free(info);
	return err;
}

/* As ever: not while somebody has @to open, and then "access denied". */
static int replace_patiently(const wchar_t *from, const wchar_t *to)
{
	DWORD number = 0;

	for (int i = 0; i < TRIES; i++) {
		if (i > 0)
			Sleep((DWORD)i * 5);
		if (MoveFileExW(from, to,
				MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
			return VV_OK;
		number = GetLastError();
		if (number == ERROR_ACCESS_DENIED && i == 0)
			SetFileAttributesW(to, FILE_ATTRIBUTE_NORMAL); /* read-only? */
		if (number != ERROR_ACCESS_DENIED && number != ERROR_SHARING_VIOLATION)
			break;
	}
	return vv_err_from_windows(number);
}

/* A directory is not replaced; which of the two is one decides the word. */
static int check_replaceable(const char *from, const char *to)
{
	struct vv_file_info source, target;
	int err = vv_file_stat(from, &source);

	if (err || vv_file_stat(to, &target))
		return err;
	if (target.is_dir && !source.is_dir)
		return VV_EISDIR;
	return source.is_dir && !target.is_dir ? VV_ENOTDIR : VV_OK;
}

int vv_file_replace(const char *from, const char *to)
{
	wchar_t *wide_from = NULL, *wide_to = NULL;
	int err = vv_wide_path(&wide_from, from);

	if (!err)
		err = vv_wide_path(&wide_to, to);
	if (!err)
		err = replace_at_once(from, wide_to);
	if (err == VV_ENOSYS)
		err = replace_patiently(wide_from, wide_to);
	if (err == VV_EACCES || err == VV_EBUSY) {
		int why = check_replaceable(from, to);

		err = why ? why : err;
	} else if (err == VV_ENOENT) {
		struct vv_file_info info;
		int why = vv_file_stat(to, &info);

		err = why == VV_ENOTDIR ? why : err;
	}
	free(wide_from);
	free(wide_to);
	return err;
}

/* A rename that replaces nothing is one step; no second name is needed for it. */
int vv_file_link_new(const char *from, const char *to)
{
	wchar_t *wide_from = NULL, *wide_to = NULL;
	int err = vv_wide_path(&wide_from, from);

	if (!err)
		err = vv_wide_path(&wide_to, to);
	if (!err && !MoveFileExW(wide_from, wide_to, MOVEFILE_WRITE_THROUGH)) {
		err = vv_open_error(to);
		/* An open directory, or one in use, refuses instead of saying so. */
		if (err == VV_EACCES &&
		    GetFileAttributesW(wide_to) != INVALID_FILE_ATTRIBUTES)
			err = VV_EEXIST;
	}
	free(wide_from);
	free(wide_to);
	return err;
}

/* Linux makes the objects of a store read-only, and servers show that as the attribute. */
static bool clear_read_only(HANDLE handle)
{
	FILE_BASIC_INFO info;

	if (!GetFileInformationByHandleEx(handle, FileBasicInfo, &info, sizeof info) ||
	    !(info.FileAttributes & FILE_ATTRIBUTE_READONLY))
		return false;
	info = (FILE_BASIC_INFO){ .FileAttributes = FILE_ATTRIBUTE_NORMAL };
	return SetFileInformationByHandle(handle, FileBasicInfo, &info, sizeof info);
}

static int delete_handle(HANDLE handle)
{
	DWORD flags =
		DISPOSITION_DELETE | DISPOSITION_POSIX | DISPOSITION_IGNORE_READONLY;
	FILE_DISPOSITION_INFO old = { .DeleteFile = TRUE };

	if (SetFileInformationByHandle(handle, DISPOSITION_INFO_EX, &flags,
				       sizeof flags))
		return VV_OK;
	if (!is_unknown(GetLastError()))
		return vv_err_last();
	if (SetFileInformationByHandle(handle, FileDispositionInfo, &old, sizeof old))
		return VV_OK;
	if (clear_read_only(handle) &&
	    SetFileInformationByHandle(handle, FileDispositionInfo, &old, sizeof old))
		return VV_OK;
	return vv_err_last();
}

/* @wants_dir: what the caller takes @path for; anything else is an error. */
static int remove_path(const char *path, bool wants_dir)
{
	HANDLE handle;
	bool is_dir = false;
	int err = open_path(&handle, path,
			    DELETE | FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES |
				    SYNCHRONIZE,
			    FILE_FLAG_OPEN_REPARSE_POINT);

	if (err)
		return err;
	err = is_directory(handle, &is_dir);
	if (!err && is_dir != wants_dir)
		err = is_dir ? VV_EISDIR : VV_ENOTDIR;
	if (!err)
		err = delete_handle(handle);
	CloseHandle(handle);
	return err;
}

/*
 * A file that somebody has mapped cannot be removed: Windows says "access denied",
 * which for a file that could be opened for removal means "in use".
 */
int vv_file_remove(const char *path)
{
	int err = remove_path(path, false);

	return err == VV_EACCES ? VV_EBUSY : err;
}

int vv_dir_make(const char *path)
{
	wchar_t *wide;
	int err = vv_wide_path(&wide, path);

	if (err)
		return err;
	if (!CreateDirectoryW(wide, NULL))
		err = vv_open_error(path);
	free(wide);
	return err;
}

int vv_dir_remove(const char *path)
{
	return remove_path(path, true);
}

/*
 * Names are in the journal of the file system; flushing the directory asks for what
 * of it is still in memory.  File systems that have no such request say so.
 */
int vv_dir_sync(const char *path)
{
	HANDLE handle;
	bool is_dir = false;
	int err = open_path(&handle, path, FILE_READ_ATTRIBUTES | FILE_ADD_FILE, 0);

	if (err == VV_EACCES) /* we may not write there, so nothing of ours is new */
		return VV_OK;
	if (err)
		return err;
	err = is_directory(handle, &is_dir);
	if (!err && !is_dir)
		err = VV_ENOTDIR;
	if (!err && !FlushFileBuffers(handle)) {
		DWORD number = GetLastError();

		if (!is_unknown(number) && number != ERROR_ACCESS_DENIED &&
		    number != ERROR_INVALID_HANDLE)
			err = vv_err_from_windows(number);
	}
	CloseHandle(handle);
	return err;
}

/* ---- listing ---- */

static bool is_self_or_parent(const wchar_t *name)
{
	return wcscmp(name, L".") == 0 || wcscmp(name, L"..") == 0;
}

static int tell(const WIN32_FIND_DATAW *found,
		int (*entry)(void *ctx, const char *name), void *ctx)
{
	char *name;
	int result;

	if (is_self_or_parent(found->cFileName))
		return 0;
	result = vv_wide_to_utf8(&name, found->cFileName, wcslen(found->cFileName));
	if (!result)
		result = entry(ctx, name);
	free(name);
	return result;
}

/* `path\*` */
static int pattern_of(wchar_t **out, const char *path)
{
	wchar_t *wide;
	size_t len;
	int err = vv_wide_path(&wide, path);

	*out = NULL;
	if (err)
		return err;
	len = wcslen(wide);
	*out = malloc((len + 3) * sizeof **out);
	if (*out) {
		memcpy(*out, wide, len * sizeof *wide);
		if (len && wide[len - 1] == L'\\')
			len--;
		wcscpy(*out + len, L"\\*");
	}
	free(wide);
	return *out ? VV_OK : VV_ENOMEM;
}

int vv_dir_list(const char *path, int (*entry)(void *ctx, const char *name), void *ctx)
{
	struct vv_file_info info;
	WIN32_FIND_DATAW found;
	wchar_t *pattern = NULL;
	HANDLE search;
	int result = vv_file_stat(path, &info);

	if (!result && !info.is_dir)
		result = VV_ENOTDIR;
	if (!result)
		result = pattern_of(&pattern, path);
	if (result)
		return result;
	search = FindFirstFileExW(pattern, FindExInfoBasic, &found,
				  FindExSearchNameMatch, NULL,
				  FIND_FIRST_EX_LARGE_FETCH);
	if (search == INVALID_HANDLE_VALUE)
		result = GetLastError() == ERROR_FILE_NOT_FOUND ? VV_OK : vv_err_last();
	free(pattern);
	if (search == INVALID_HANDLE_VALUE)
		return result;
	do {
		result = tell(&found, entry, ctx);
	} while (!result && FindNextFileW(search, &found));
	if (!result && GetLastError() != ERROR_NO_MORE_FILES)
		result = vv_err_last();
	FindClose(search);
	return result;
}
