#include "input/winmeta.h"

#include "core/arith.h"
#include "core/err.h"
#include "input/extras.h"
#include "input/input.h"
#include "os/hostwin.h"

static int add_times(struct vv_extras *x, const struct vv_hostwin *win)
{
	uint8_t *room;
	int err = vv_extras_room(x, &room);

	if (err)
		return err;
	vv_put_le64(room, (uint64_t)win->created);
	vv_put_le64(room + 8, (uint64_t)win->accessed);
	vv_put_le64(room + 16, (uint64_t)win->changed);
	return vv_extras_add_item(x, VV_EXTRA_WIN_TIMES, 24);
}

/* A symlink does not say by itself whether it is of the kind that leads to directories. */
static bool is_dir_link(const struct vv_hostwin *win)
{
	return win->link_tag && win->attributes & VV_HOSTWIN_DIRECTORY;
}

static int add_attributes(struct vv_extras *x, const struct vv_hostwin *win)
{
	uint32_t kept = VV_HOSTWIN_CHOSEN | VV_HOSTWIN_READ_ONLY |
			VV_HOSTWIN_DIRECTORY | VV_HOSTWIN_REPARSE_POINT;
	uint8_t *room;
	int err;

	if (!(win->attributes & VV_HOSTWIN_CHOSEN) && !is_dir_link(win))
		return VV_OK;
	err = vv_extras_room(x, &room);
	if (err)
		return err;
	vv_put_le32(room, win->attributes & kept);
	return vv_extras_add_item(x, VV_EXTRA_WIN_ATTRS, 4);
}

static int add_value(struct vv_extras *x, struct vv_hostdir *dir, const char *path,
		     enum vv_extra_type type,
		     int (*get)(struct vv_hostdir *dir, const char *path, void *buf,
				size_t cap, size_t *len))
{
	uint8_t *room;
	size_t len;
	int err = vv_extras_room(x, &room);

	if (!err)
		err = get(dir, path, room, VV_XATTR_MAX, &len);
	if (err == VV_EOPNOTSUPP) /* not ours to read, or not known there */
		return VV_OK;
	return err ? err : vv_extras_add_item(x, type, len);
}

int vv_winmeta_load(struct vv_extras *x, struct vv_hostdir *dir, const char *path,
		    const struct vv_input_options *opts)
{
	struct vv_hostwin win;
	int err = vv_hostwin_get(dir, path, &win);

	if (err == VV_EOPNOTSUPP)
		return VV_OK;
	if (!err && opts->keeps_times)
		err = add_times(x, &win);
	if (!err)
		err = add_attributes(x, &win);
	if (!err && opts->keeps_security)
		err = add_value(x, dir, path, VV_EXTRA_SECURITY,
				vv_hostwin_security_get);
	if (!err && win.link_tag && win.link_tag != VV_HOSTWIN_TAG_SYMLINK)
		err = add_value(x, dir, path, VV_EXTRA_REPARSE, vv_hostwin_link_get);
	return err;
}
