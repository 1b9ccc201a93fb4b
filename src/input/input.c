#include "input/input.h"

#include "core/err.h"
#include "core/log.h"
#include "os/file.h"

#include <string.h>

int vv_input_open(struct vv_input **out, const char *path,
		  const struct vv_input_options *opts)
{
	struct vv_file_info info;
	int err;

	*out = NULL;
	err = vv_file_stat(path, &info);
	if (err) {
		vv_log(VV_LOG_ERROR, "%s: %s", path,
		       err == VV_ENOENT ? "no such file or directory"
					: vv_err_text(err));
		return err;
	}
	return info.is_dir ? vv_input_dir_new(out, path, opts)
			   : vv_input_archive_new(out, path, opts);
}

void vv_input_free(struct vv_input *in)
{
	if (in)
		in->ops->free(in);
}

bool vv_input_keeps_xattr(const char *name)
{
	return strncmp(name, "user.", 5) == 0 || strncmp(name, "trusted.", 8) == 0 ||
	       strcmp(name, "security.capability") == 0 ||
	       strncmp(name, "system.posix_acl_", 17) == 0;
}
