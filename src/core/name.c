#include "core/name.h"

#include "core/err.h"
#include "core/utf.h"

#include <string.h>

int vv_name_check(const char *name, size_t len)
{
	if (len > VV_NAME_BYTES_MAX)
		return VV_ENAMETOOLONG;
	if (len == 0 || memchr(name, '/', len) || memchr(name, '\0', len))
		return VV_EINVAL;
	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))
		return VV_EINVAL;
	return VV_OK;
}

bool vv_name_is_utf8(const char *name, size_t len)
{
	return vv_utf_is_valid(name, len);
}

bool vv_name_clean_path(char *path)
{
	char *from = path, *to = path;

	while (*from) {
		size_t len = strcspn(from, "/");

		if (len) {
			if (vv_name_check(from, len))
				return false;
			if (to != path)
				*to++ = '/';
			memmove(to, from, len);
			to += len;
			from += len;
		}
		from += strspn(from, "/");
	}
	*to = '\0';
	return true;
}
