#include "os/hostwin.h"

#include "core/err.h"
#include "os/hostdir.h"
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
	/* What SetFileInformationByHandle() takes; the rest is what the file is. */
	SETTABLE = FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN |
		   FILE_ATTRIBUTE_SYSTEM | FILE_ATTRIBUTE_ARCHIVE |
		   FILE_ATTRIBUTE_NOT_CONTENT_INDEXED | FILE_ATTRIBUTE_TEMPORARY,
	SECURITY = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION |
		   DACL_SECURITY_INFORMATION,
	STREAMS_BYTES = 65536,
};

/* Rights and file systems that do not suffice are all one to the caller. */
static int softened(int err)
{
	switch (err) {
	case VV_EPERM:
	case VV_EACCES:
	case VV_ENOSYS:
	case VV_EINVAL: return VV_EOPNOTSUPP;
	default: return err;
	}
}

static int last_softened(void)
{
	return softened(vv_err_last());
}

int vv_hostwin_get(struct vv_hostdir *dir, const char *path, struct vv_hostwin *out)
{
	FILE_BASIC_INFO info;
	HANDLE handle;
	int err;

	*out = (struct vv_hostwin){ 0 };
	err = vv_nt_open(&handle, dir->handle, path, 0, VV_NT_LINK_IS_FINE);
	if (err)
		return err;
	err = vv_nt_link_tag(handle, &out->link_tag);
	if (!err &&
	    !GetFileInformationByHandleEx(handle, FileBasicInfo, &info, sizeof info))
		err = vv_err_last();
	CloseHandle(handle);
	if (err)
		return err;
	out->created = info.CreationTime.QuadPart;
	out->accessed = info.LastAccessTime.QuadPart;
	out->changed = info.ChangeTime.QuadPart;
	out->attributes = info.FileAttributes;
	return VV_OK;
}

int vv_hostwin_set(struct vv_hostdir *dir, const char *name,
		   const struct vv_hostwin *win)
{
	FILE_BASIC_INFO info = {
		.CreationTime.QuadPart = win->created,
		.LastAccessTime.QuadPart = win->accessed,
		.ChangeTime.QuadPart = win->changed,
		.FileAttributes = win->attributes & SETTABLE,
	};
	HANDLE handle;
	int err = vv_nt_open(&handle, dir->handle, name, FILE_WRITE_ATTRIBUTES,
			     VV_NT_LINK_IS_FINE);

	if (err)
		return err;
	if (!SetFileInformationByHandle(handle, FileBasicInfo, &info, sizeof info))
		err = vv_err_last();
	CloseHandle(handle);
	return err;
}

/* ---- security ---- */

int vv_hostwin_security_get(struct vv_hostdir *dir, const char *path, void *buf,
			    size_t cap, size_t *len)
{
	DWORD need = 0;
	HANDLE handle;
	int err = vv_nt_open(&handle, dir->handle, path, READ_CONTROL,
			     VV_NT_LINK_IS_FINE);

	*len = 0;
	if (err)
		return softened(err);
	if (!GetKernelObjectSecurity(handle, SECURITY, buf, (DWORD)cap, &need))
		err = last_softened();
	else
		*len = GetSecurityDescriptorLength(buf);
	CloseHandle(handle);
	return err;
}

int vv_hostwin_security_set(struct vv_hostdir *dir, const char *name, const void *value,
			    size_t len)
{
	void *copy = malloc(len); /* aligned, and not another's memory */
	HANDLE handle;
	int err = copy ? vv_nt_open(&handle, dir->handle, name, WRITE_DAC | WRITE_OWNER,
				    VV_NT_LINK_IS_FINE)
		       : VV_ENOMEM;

	if (!err) {
		memcpy(copy, value, len);
		if (len < sizeof(SECURITY_DESCRIPTOR_RELATIVE) ||
		    !IsValidSecurityDescriptor(copy) ||
		    GetSecurityDescriptorLength(copy) > len)
			err = VV_ECORRUPT;
		else if (!SetKernelObjectSecurity(handle, SECURITY, copy))
			err = last_softened();
		CloseHandle(handle);
	}
	free(copy);
	return softened(err);
}

/* ---- links ---- */

int vv_hostwin_link_get(struct vv_hostdir *dir, const char *path, void *buf, size_t cap,
			size_t *len)
{
	HANDLE handle;
	int err;

	*len = 0;
	if (cap < VV_REPARSE_BYTES_MAX)
		return VV_ERANGE;
	err = vv_nt_open(&handle, dir->handle, path, 0, VV_NT_LINK_IS_FINE);
	if (err)
		return err;
	err = softened(vv_reparse_read(handle, buf, len));
	CloseHandle(handle);
	return err;
}

/* Junctions lie on directories, the links of WSL on files. */
int vv_hostwin_link_make(struct vv_hostdir *dir, const char *name, const void *value,
			 size_t len)
{
	uint32_t tag;
	unsigned kind;
	HANDLE handle;
	DWORD got;
	int err;

	if (len < sizeof tag || len > VV_REPARSE_BYTES_MAX)
		return VV_EINVAL;
	memcpy(&tag, value, sizeof tag);
	kind = tag == VV_REPARSE_MOUNT_POINT ? VV_NT_DIRECTORY : 0;
	err = vv_nt_open(&handle, dir->handle, name,
			 FILE_WRITE_DATA | FILE_WRITE_ATTRIBUTES | DELETE,
			 VV_NT_CREATE | kind);
	if (err)
		return err;
	if (!DeviceIoControl(handle, FSCTL_SET_REPARSE_POINT, (void *)value, (DWORD)len,
			     NULL, 0, &got, NULL)) {
		FILE_DISPOSITION_INFO gone = { .DeleteFile = TRUE };

		err = last_softened();
		SetFileInformationByHandle(handle, FileDispositionInfo, &gone,
					   sizeof gone);
	}
	CloseHandle(handle);
	return err;
}

/* ---- streams ---- */

/* `:name:$DATA` -> `name`; @count 0: the content itself, or another kind of stream. */
static const wchar_t *plain_name(const FILE_STREAM_INFO *stream, size_t *count)
{
	static const wchar_t kind[] = L":$DATA";
	const size_t kind_count = sizeof kind / sizeof kind[0] - 1;
	size_t all = stream->StreamNameLength / sizeof(wchar_t);

	*count = 0;
	if (all > kind_count + 1 && stream->StreamName[0] == L':' &&
	    wcsncmp(stream->StreamName + all - kind_count, kind, kind_count) == 0)
		*count = all - kind_count - 1;
	return stream->StreamName + 1;
}

static int append_name(const FILE_STREAM_INFO *stream, char *buf, size_t cap,
		       size_t *len)
{
	size_t count, size;
	const wchar_t *name = plain_name(stream, &count);
	char *text;
	int err;

	if (count == 0)
		return VV_OK;
	err = vv_wide_to_utf8(&text, name, count);
	if (err)
		return err;
	size = strlen(text) + 1;
	if (size > cap - *len)
		err = VV_ERANGE;
	else
		memcpy(buf + *len, text, size);
	*len += err ? 0 : size;
	free(text);
	return err;
}

int vv_hostwin_stream_list(struct vv_hostdir *dir, const char *path, char *buf,
			   size_t cap, size_t *len)
{
	unsigned char *found = _aligned_malloc(STREAMS_BYTES, 16);
	HANDLE handle = NULL;
	int err = found ? vv_nt_open(&handle, dir->handle, path, 0, VV_NT_LINK_IS_FINE)
			: VV_ENOMEM;

	*len = 0;
	if (!err && !GetFileInformationByHandleEx(handle, FileStreamInfo, found,
						  STREAMS_BYTES)) {
		/* A directory without any has nothing to tell. */
		err = GetLastError() == ERROR_HANDLE_EOF ? VV_OK : last_softened();
	} else if (!err) {
		const FILE_STREAM_INFO *at = (const void *)found;

		while (!(err = append_name(at, buf, cap, len)) && at->NextEntryOffset)
			at = (const void *)((const unsigned char *)at +
					    at->NextEntryOffset);
	}
	if (handle)
		CloseHandle(handle);
	_aligned_free(found);
	return err;
}

int vv_hostwin_stream_open(struct vv_hostfile **out, struct vv_hostdir *dir,
			   const char *path, const char *stream)
{
	HANDLE handle;
	int err = vv_nt_open_stream(&handle, dir->handle, path, stream, FILE_READ_DATA,
				    false);

	*out = NULL;
	return err ? err : vv_hostfile_new(out, handle, path);
}

int vv_hostwin_stream_create(struct vv_hostfile **out, struct vv_hostdir *dir,
			     const char *name, const char *stream)
{
	HANDLE handle;
	int err = vv_nt_open_stream(&handle, dir->handle, name, stream,
				    FILE_READ_DATA | FILE_WRITE_DATA, true);

	*out = NULL;
	return err ? softened(err) : vv_hostfile_new(out, handle, name);
}
