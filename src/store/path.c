#include "store/path.h"

#include "core/err.h"

#include <string.h>

int vv_path_set(struct vv_buf *path, size_t len, const char *name, size_t name_len)
{
	int err;

	path->len = len;
	err = vv_buf_reserve(path, name_len + 2);
	if (err)
		return err == VV_EOVERFLOW ? VV_ECORRUPT : err;
	if (len > 0 && name_len > 0)
		path->bytes[path->len++] = '/';
	if (name_len > 0)
		memcpy(path->bytes + path->len, name, name_len);
	path->len += name_len;
	path->bytes[path->len] = '\0';
	return VV_OK;
}
