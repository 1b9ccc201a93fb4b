#include "store/extract_win.h"

#include "core/arith.h"
#include "core/err.h"
#include "format/tree.h"
#include "os/hostwin.h"

#include <stdbool.h>

struct kept {
	struct vv_hostwin win;
	bool has_win;
	struct vv_extra security, link; /* value NULL: none */
};

static int find(struct kept *out, const struct vv_tree *tree, const struct vv_entry *e)
{
	struct vv_extra x;
	uint64_t pos = 0;
	int more;

	*out = (struct kept){ 0 };
	while ((more = vv_tree_extra_next(tree, e, &pos, &x)) == 1) {
		switch (x.type) {
		case VV_EXTRA_WIN_TIMES:
			out->win.created = (int64_t)vv_get_le64(x.value);
			out->win.accessed = (int64_t)vv_get_le64(x.value + 8);
			out->win.changed = (int64_t)vv_get_le64(x.value + 16);
			out->has_win = true;
			break;
		case VV_EXTRA_WIN_ATTRS:
			out->win.attributes = vv_get_le32(x.value);
			out->has_win = true;
			break;
		case VV_EXTRA_SECURITY: out->security = x; break;
		case VV_EXTRA_REPARSE: out->link = x; break;
		default: break;
		}
	}
	return more;
}

int vv_extract_win_meta(const struct vv_tree *tree, const struct vv_entry *e,
			struct vv_hostdir *dir, const char *name)
{
	struct kept kept;
	int security = VV_OK, err = VV_OK;

	if (!e->extras)
		return VV_OK;
	err = find(&kept, tree, e);
	if (!err && kept.security.value)
		security = vv_hostwin_security_set(dir, name, kept.security.value,
						   kept.security.value_len);
	if (!err && (kept.has_win || security == VV_EOPNOTSUPP))
		err = vv_hostwin_set(dir, name, &kept.win);
	if (err == VV_EOPNOTSUPP)
		return VV_OK; /* not on this system */
	if (!err && security == VV_EOPNOTSUPP)
		return VV_EPERM;
	return err ? err : security;
}

int vv_extract_win_link(const struct vv_tree *tree, const struct vv_entry *e,
			struct vv_hostdir *dir, const char *name, const char *target)
{
	struct kept kept;
	int err = e->extras ? find(&kept, tree, e) : VV_EOPNOTSUPP;

	if (err)
		return err;
	if (kept.link.value)
		return vv_hostwin_link_make(dir, name, kept.link.value,
					    kept.link.value_len);
	if (kept.win.attributes & VV_HOSTWIN_DIRECTORY)
		return vv_hostwin_dirlink_make(dir, name, target);
	return VV_EOPNOTSUPP;
}
