#include "os/windows/reparse.h"

#include "core/err.h"
#include "os/windows/wide.h"
#include "os/windows/winerror.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

#include <winioctl.h>

enum {
	HEADER = 8, /* u32 tag, u16 bytes that follow, u16 reserved */
};

static uint32_t u32_at(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static unsigned u16_at(const uint8_t *p)
{
	return (unsigned)p[0] | (unsigned)p[1] << 8;
}

int vv_reparse_read(void *handle, uint8_t buf[VV_REPARSE_BYTES_MAX], size_t *len)
{
	DWORD got = 0;

	*len = 0;
	if (!DeviceIoControl(handle, FSCTL_GET_REPARSE_POINT, NULL, 0, buf,
			     VV_REPARSE_BYTES_MAX, &got, NULL))
		return vv_err_last();
	*len = got;
	return VV_OK;
}

/*
 * Substitute names are those of the object manager: its directory of drives, then
 * `C:\x` or `UNC\server\x`.  (As bytes: two question marks begin a trigraph.)
 */
static const char object_prefix[] = { '/', '?', '?', '/' };

static const char *without_prefix(char *target)
{
	if (strncmp(target, object_prefix, 4) != 0)
		return target;
	if (strncmp(target + 4, "UNC/", 4) != 0)
		return target + 4;
	target[6] = '/';
	return target + 6;
}

static int text_of(char **out, const uint8_t *units, size_t bytes)
{
	wchar_t *copy = malloc(bytes + sizeof *copy);
	char *target = NULL;
	int err = VV_ENOMEM;

	if (copy) {
		memcpy(copy, units, bytes);
		err = vv_wide_to_utf8(&target, copy, bytes / sizeof *copy);
	}
	free(copy);
	if (err)
		return err;
	for (char *p = target; *p; p++)
		*p = *p == '\\' ? '/' : *p;
	{
		const char *plain = without_prefix(target);

		memmove(target, plain, strlen(plain) + 1);
	}
	*out = target;
	return VV_OK;
}

/* @names: where the two names lie; the print name is what people were shown. */
static int parse_names(char **out, const uint8_t *data, size_t len, size_t names)
{
	size_t print_at, print_len, at, bytes;

	if (len < names)
		return VV_ECORRUPT;
	print_at = u16_at(data + HEADER + 4);
	print_len = u16_at(data + HEADER + 6);
	at = print_len ? print_at : u16_at(data + HEADER);
	bytes = print_len ? print_len : u16_at(data + HEADER + 2);
	if (at > len - names || bytes > len - names - at || bytes % 2 != 0)
		return VV_ECORRUPT;
	return text_of(out, data + names + at, bytes);
}

int vv_reparse_parse(char **out, const uint8_t *data, size_t len)
{
	*out = NULL;
	if (len < HEADER)
		return VV_ECORRUPT;
	switch (u32_at(data)) {
	case VV_REPARSE_SYMLINK: return parse_names(out, data, len, HEADER + 12);
	case VV_REPARSE_MOUNT_POINT: return parse_names(out, data, len, HEADER + 8);
	case VV_REPARSE_WSL_SYMLINK:
		if (len < HEADER + 4)
			return VV_ECORRUPT;
		*out = calloc(1, len - HEADER - 4 + 1);
		if (!*out)
			return VV_ENOMEM;
		memcpy(*out, data + HEADER + 4, len - HEADER - 4);
		return VV_OK;
	default: return VV_EOPNOTSUPP;
	}
}

int vv_reparse_target(char **out, void *handle)
{
	uint8_t *data = malloc(VV_REPARSE_BYTES_MAX);
	size_t len;
	int err = data ? vv_reparse_read(handle, data, &len) : VV_ENOMEM;

	*out = NULL;
	if (!err)
		err = vv_reparse_parse(out, data, len);
	free(data);
	return err;
}
