#include "os/windows/nt.h"

#include "core/err.h"
#include "os/windows/wide.h"
#include "os/windows/winerror.h"

#include <stdlib.h>
#include <string.h>

#include <windows.h>
#include <winternl.h>

enum {
	UNITS_MAX = 255, /* of a name */
	SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
	NAME_SURROGATE = 0x20000000, /* in a reparse tag: it leads elsewhere */
	PASS_THROUGH = FILE_TRAVERSE | FILE_READ_ATTRIBUTES,
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
		if (path[len] == '\0')
			return VV_OK;
		path += len + 1;
	}
}

static bool has_meaning(const wchar_t *name, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (name[i] < L' ' || wcschr(L"\\/:*?\"<>|", name[i]))
			return true;
	}
	return false;
}

/* One part of a path, @len bytes, in units. */
static int convert_part(wchar_t **out, size_t *count, const char *part, size_t len)
{
	int err = vv_wide_from_utf8(out, count, part, len);

	if (!err && *count > UNITS_MAX)
		err = VV_ENAMETOOLONG;
	if (!err && has_meaning(*out, *count))
		err = VV_EILSEQ;
	if (err) {
		free(*out);
		*out = NULL;
	}
	return err;
}

bool vv_nt_can_name(const char *name)
{
	wchar_t *units;
	size_t count;
	int err = convert_part(&units, &count, name, strlen(name));

	free(units);
	return !err;
}

/* One call. @name "" stands for @dir itself. */
static int open_name(HANDLE *out, HANDLE dir, const wchar_t *name, size_t count,
		     uint32_t access, ULONG disposition, ULONG options)
{
	UNICODE_STRING text = {
		.Length = (USHORT)(count * sizeof *name),
		.MaximumLength = (USHORT)(count * sizeof *name),
		.Buffer = (wchar_t *)name,
	};
	OBJECT_ATTRIBUTES at = {
		.Length = sizeof at,
		.RootDirectory = dir,
		.ObjectName = &text,
		.Attributes = OBJ_CASE_INSENSITIVE,
	};
	IO_STATUS_BLOCK io;
	NTSTATUS status = NtCreateFile(
		out, access | SYNCHRONIZE | FILE_READ_ATTRIBUTES, &at, &io, NULL,
		FILE_ATTRIBUTE_NORMAL, SHARE_ALL, disposition,
		options | FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT,
		NULL, 0);

	return status >= 0 ? VV_OK : vv_err_from_ntstatus(status);
}

int vv_nt_link_tag(void *handle, uint32_t *out)
{
	FILE_ATTRIBUTE_TAG_INFO info;

	*out = 0;
	if (!GetFileInformationByHandleEx(handle, FileAttributeTagInfo, &info,
					  sizeof info))
		return vv_err_last();
	if (info.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT &&
	    info.ReparseTag & NAME_SURROGATE)
		*out = info.ReparseTag;
	return VV_OK;
}

static int is_other_reparse_point(HANDLE handle, bool *out)
{
	FILE_ATTRIBUTE_TAG_INFO info;

	if (!GetFileInformationByHandleEx(handle, FileAttributeTagInfo, &info,
					  sizeof info))
		return vv_err_last();
	*out = info.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT;
	return VV_OK;
}

/* An existing thing; a reparse point that is no link is opened as what it shows. */
static int open_existing(HANDLE *out, HANDLE dir, const wchar_t *name, size_t count,
			 uint32_t access, unsigned flags)
{
	ULONG options = flags & VV_NT_DIRECTORY ? FILE_DIRECTORY_FILE : 0;
	bool is_other = false;
	uint32_t tag;
	int err = open_name(out, dir, name, count, access, FILE_OPEN,
			    options | FILE_OPEN_REPARSE_POINT);

	if (err)
		return err;
	err = vv_nt_link_tag(*out, &tag);
	if (!err && tag && !(flags & VV_NT_LINK_IS_FINE))
		err = VV_ELOOP;
	if (!err && !tag)
		err = is_other_reparse_point(*out, &is_other);
	if (err || is_other)
		CloseHandle(*out);
	if (!err && is_other)
		err = open_name(out, dir, name, count, access, FILE_OPEN, options);
	return err;
}

static int open_part(HANDLE *out, HANDLE dir, const char *part, size_t len,
		     uint32_t access, unsigned flags)
{
	ULONG kind =
		flags & VV_NT_DIRECTORY ? FILE_DIRECTORY_FILE : FILE_NON_DIRECTORY_FILE;
	wchar_t *name;
	size_t count;
	int err = convert_part(&name, &count, part, len);

	if (err)
		return err;
	if (flags & VV_NT_CREATE)
		err = open_name(out, dir, name, count, access, FILE_CREATE, kind);
	else
		err = open_existing(out, dir, name, count, access, flags);
	free(name);
	return err;
}

int vv_nt_open(void **out, void *dir, const char *path, uint32_t access, unsigned flags)
{
	HANDLE at = dir, next = NULL;
	int err = check_path(path);

	*out = NULL;
	if (!err && !*path)
		err = open_existing(&next, dir, L"", 0, access, flags);
	while (!err && *path) {
		const char *slash = strchr(path, '/');
		size_t len = slash ? (size_t)(slash - path) : strlen(path);

		if (slash)
			err = open_part(&next, at, path, len, PASS_THROUGH,
					VV_NT_DIRECTORY);
		else
			err = open_part(&next, at, path, len, access, flags);
		if (at != dir)
			CloseHandle(at);
		at = next;
		path += slash ? len + 1 : len;
	}
	if (!err)
		*out = next;
	return err;
}

int vv_nt_open_stream(void **out, void *dir, const char *path, const char *stream,
		      uint32_t access, bool creates)
{
	HANDLE file;
	wchar_t *units, *name = NULL;
	size_t count;
	int err = vv_nt_open(&file, dir, path, 0, 0);

	*out = NULL;
	if (err)
		return err;
	err = convert_part(&units, &count, stream, strlen(stream));
	if (!err)
		name = malloc((count + 1) * sizeof *name);
	if (!err && !name)
		err = VV_ENOMEM;
	if (!err) {
		name[0] = L':';
		memcpy(name + 1, units, count * sizeof *name);
		err = open_name(out, file, name, count + 1, access,
				creates ? FILE_CREATE : FILE_OPEN, 0);
	}
	free(name);
	free(units);
	CloseHandle(file);
	return err;
}
