#include "store/descent.h"

#include "core/err.h"
#include "store/path.h"

#include <stdlib.h>

struct vv_descent_level {
	struct vv_entry dir;
	uint32_t next;	 /* child to be told next, from 0 */
	size_t path_len; /* of the directory */
};

void vv_descent_init(struct vv_descent *d, const struct vv_tree *tree, uint32_t top)
{
	*d = (struct vv_descent){ .tree = tree, .entry.index = top };
	vv_buf_init(&d->path, VV_PATH_BYTES_MAX);
}

void vv_descent_fini(struct vv_descent *d)
{
	vv_buf_fini(&d->path);
	free(d->levels);
	*d = (struct vv_descent){ 0 };
}

const char *vv_descent_path(const struct vv_descent *d)
{
	return d->path.bytes ? (const char *)d->path.bytes : "";
}

static int push(struct vv_descent *d)
{
	if (d->depth > VV_DEPTH_MAX)
		return VV_ECORRUPT;
	if (d->depth == d->cap) {
		size_t cap = d->cap ? 2 * d->cap : 16;
		struct vv_descent_level *more = realloc(d->levels, cap * sizeof *more);

		if (!more)
			return VV_ENOMEM;
		d->levels = more;
		d->cap = cap;
	}
	d->levels[d->depth++] = (struct vv_descent_level){
		.dir = d->entry,
		.path_len = d->path.len,
	};
	return VV_OK;
}

static int tell(struct vv_descent *d, uint32_t index)
{
	int err;

	if (d->steps++ >= d->tree->entry_count)
		return VV_ECORRUPT;
	err = vv_tree_entry(d->tree, index, &d->entry);
	if (err)
		return err;
	d->is_entering = (d->entry.mode & VV_S_IFMT) == VV_S_IFDIR;
	return VV_DESCENT_ENTRY;
}

static int tell_child(struct vv_descent *d, struct vv_descent_level *level)
{
	uint32_t index = level->dir.child_first + level->next++;
	const char *name;
	size_t len;
	int err = vv_tree_name(d->tree, index, &name, &len);

	if (!err)
		err = vv_path_set(&d->path, level->path_len, name, len);
	return err ? err : tell(d, index);
}

static int leave(struct vv_descent *d)
{
	const struct vv_descent_level *level = &d->levels[--d->depth];
	int err = vv_path_set(&d->path, level->path_len, NULL, 0);

	d->entry = level->dir;
	return err ? err : VV_DESCENT_LEAVE;
}

int vv_descent_next(struct vv_descent *d)
{
	struct vv_descent_level *level;
	int err = VV_OK;

	if (!d->is_started) {
		d->is_started = true;
		err = vv_path_set(&d->path, 0, NULL, 0);
		return err ? err : tell(d, d->entry.index);
	}
	if (d->is_entering)
		err = push(d);
	d->is_entering = false;
	if (err)
		return err;
	if (d->depth == 0)
		return VV_DESCENT_END;
	level = &d->levels[d->depth - 1];
	return level->next < level->dir.child_count ? tell_child(d, level) : leave(d);
}

void vv_descent_skip(struct vv_descent *d)
{
	d->is_entering = false;
}
