#include "os/windows/open.h"

#include "core/err.h"
#include "os/windows/wide.h"
#include "os/windows/winerror.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

/* The nearest thing above @path that exists is a file. */
static bool is_below_file(const char *path)
{
	DWORD attributes = INVALID_FILE_ATTRIBUTES;
	wchar_t *wide, *slash;

	if (vv_wide_path(&wide, path))
		return false;
	while (attributes == INVALID_FILE_ATTRIBUTES &&
	       (slash = wcsrchr(wide, L'\\')) && slash > wide + 6) {
		*slash = 0;
		attributes = GetFileAttributesW(wide);
	}
	free(wide);
	return attributes != INVALID_FILE_ATTRIBUTES &&
	       !(attributes & FILE_ATTRIBUTE_DIRECTORY);
}

int vv_open_error(const char *path)
{
	DWORD number = GetLastError();

	if (number == ERROR_PATH_NOT_FOUND && is_below_file(path))
		return VV_ENOTDIR;
	return vv_err_from_windows(number);
}

static int check_regular(HANDLE handle, uint64_t *size)
{
	BY_HANDLE_FILE_INFORMATION info;

	if (GetFileType(handle) != FILE_TYPE_DISK)
		return VV_EINVAL;
	if (!GetFileInformationByHandle(handle, &info))
		return vv_err_last();
	*size = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
	return info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY ? VV_EISDIR : VV_OK;
}

int vv_open_regular(void **out, const char *path, uint32_t flags, uint64_t *size)
{
	wchar_t *wide;
	HANDLE handle;
	int err = vv_wide_path(&wide, path);

	*out = NULL;
	*size = 0;
	if (err)
		return err;
	/* BACKUP_SEMANTICS: a directory opens too, and is then known as one. */
	handle = CreateFileW(wide, GENERIC_READ,
			     FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
			     NULL, OPEN_EXISTING, flags | FILE_FLAG_BACKUP_SEMANTICS,
			     NULL);
	free(wide);
	if (handle == INVALID_HANDLE_VALUE)
		return vv_open_error(path);
	err = check_regular(handle, size);
	if (err) {
		CloseHandle(handle);
		return err;
	}
	*out = handle;
	return VV_OK;
}
