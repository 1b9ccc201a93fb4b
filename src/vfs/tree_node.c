#include "vfs/tree_node.h"

#include "core/err.h"

#include <assert.h>
#include <string.h>

/* One look at a tree, and how many pages had been lost when it began. */
struct look {
	const struct vv_tree *tree;
	unsigned faults;
};

static int look_begin(struct look *look, struct vv_instance_table *table,
		      struct vv_instance *inst)
{
	int err = vv_instance_tree(table, inst, &look->tree);

	if (!err)
		look->faults = vv_image_faults(&look->tree->image);
	return err;
}

static int look_end(const struct look *look, int err)
{
	return vv_image_faults(&look->tree->image) == look->faults ? err : VV_EIO;
}

static int begin_entry(struct look *look, struct vv_instance_table *table,
		       struct vv_instance *inst, uint32_t index, struct vv_entry *out)
{
	int err = look_begin(look, table, inst);

	return err ? err : look_end(look, vv_tree_entry(look->tree, index, out));
}

static void fill_attr(const struct vv_instance *inst, const struct vv_entry *e,
		      struct vv_attr *out)
{
	*out = (struct vv_attr){
		.node = vv_instance_node(inst, e->index),
		.generation = inst->generation,
		.ino = vv_ino_tree(inst, e->first),
		.mode = e->mode,
		.uid = e->uid,
		.gid = e->gid,
		.nlink = e->nlink,
		.rdev_major = e->rdev_major,
		.rdev_minor = e->rdev_minor,
		.size = e->size,
		.blocks = e->size / 512 + (e->size % 512 != 0),
		.mtime_sec = e->mtime_sec,
		.ctime_sec = e->mtime_sec,
		.atime_sec = e->mtime_sec,
		.mtime_nsec = e->mtime_nsec,
		.ctime_nsec = e->mtime_nsec,
		.atime_nsec = e->mtime_nsec,
		.entry_life = VV_LIFE_FOREVER,
		.attr_life = VV_LIFE_FOREVER,
	};
}

int vv_tree_node_child(struct vv_instance_table *table, struct vv_instance *inst,
		       uint32_t dir, const char *name, size_t len, struct vv_entry *out)
{
	struct look look;
	uint32_t index;
	int err = look_begin(&look, table, inst);

	if (err)
		return err;
	err = vv_tree_lookup(look.tree, dir, name, len, &index);
	if (!err)
		err = vv_tree_entry(look.tree, index, out);
	return look_end(&look, err);
}

int vv_tree_node_attr(struct vv_instance_table *table, struct vv_instance *inst,
		      uint32_t entry, struct vv_attr *out)
{
	struct look look;
	struct vv_entry e;
	int err = begin_entry(&look, table, inst, entry, &e);

	if (!err)
		fill_attr(inst, &e, out);
	return err;
}

int vv_tree_node_lookup(struct vv_instance_table *table, struct vv_instance *inst,
			uint32_t dir, const char *name, size_t len, struct vv_attr *out)
{
	struct vv_entry e;
	int err = vv_tree_node_child(table, inst, dir, name, len, &e);

	if (err)
		return err;
	vv_instance_hold(inst);
	fill_attr(inst, &e, out);
	return VV_OK;
}

int vv_give_bytes(const void *bytes, size_t have, void *buf, size_t cap, size_t *len)
{
	*len = have;
	if (cap == 0)
		return VV_OK;
	if (have > cap)
		return VV_ERANGE;
	if (have)
		memcpy(buf, bytes, have);
	return VV_OK;
}

int vv_tree_node_readlink(struct vv_instance_table *table, struct vv_instance *inst,
			  uint32_t entry, char *buf, size_t cap, size_t *len)
{
	struct look look;
	struct vv_entry e;
	const char *target;
	size_t target_len;
	int err = begin_entry(&look, table, inst, entry, &e);

	if (err)
		return err;
	if ((e.mode & VV_S_IFMT) != VV_S_IFLNK)
		return VV_EINVAL;
	err = vv_tree_target(look.tree, &e, &target, &target_len);
	if (!err)
		err = vv_give_bytes(target, target_len, buf, cap, len);
	return look_end(&look, err);
}

int vv_tree_node_xattr_get(struct vv_instance_table *table, struct vv_instance *inst,
			   uint32_t entry, const char *name, void *buf, size_t cap,
			   size_t *len)
{
	struct look look;
	struct vv_entry e;
	struct vv_extra extra;
	int err = begin_entry(&look, table, inst, entry, &e);

	if (err)
		return err;
	err = vv_tree_xattr(look.tree, &e, name, strlen(name), &extra);
	if (!err)
		err = vv_give_bytes(extra.value, extra.value_len, buf, cap, len);
	return look_end(&look, err);
}

/* Names with a NUL after each. */
int vv_tree_node_xattr_list(struct vv_instance_table *table, struct vv_instance *inst,
			    uint32_t entry, char *buf, size_t cap, size_t *len)
{
	struct look look;
	struct vv_entry e;
	struct vv_extra extra;
	uint64_t pos = 0;
	int more, err = begin_entry(&look, table, inst, entry, &e);

	*len = 0;
	if (err)
		return err;
	while ((more = vv_tree_extra_next(look.tree, &e, &pos, &extra)) > 0) {
		if (extra.type != VV_EXTRA_XATTR)
			continue;
		if (cap && extra.name_len + 1 > cap - *len)
			return look_end(&look, VV_ERANGE);
		if (cap) {
			memcpy(buf + *len, extra.name, extra.name_len);
			buf[*len + extra.name_len] = '\0';
		}
		*len += extra.name_len + 1;
	}
	return look_end(&look, more);
}

int vv_tree_node_content(struct vv_instance_table *table, struct vv_instance *inst,
			 uint32_t entry, struct vv_content *out)
{
	struct look look;
	struct vv_entry e;
	int err = begin_entry(&look, table, inst, entry, &e);

	if (err)
		return err;
	if ((e.mode & VV_S_IFMT) == VV_S_IFDIR)
		return VV_EISDIR;
	if ((e.mode & VV_S_IFMT) != VV_S_IFREG)
		return VV_EINVAL;
	out->size = e.size;
	if (e.size > 0)
		err = vv_tree_blob(look.tree, e.blob, &out->blob);
	return look_end(&look, err);
}

/* ---- listings ---- */

/* The parent of a tree's root is the view's business; its number is that of a path. */
static int parent_ino(const struct look *look, const struct vv_instance *inst,
		      const struct vv_entry *dir, uint64_t *out)
{
	size_t len = inst->path_len;

	if (dir->index != VV_TREE_ROOT) {
		*out = vv_ino_tree(inst, dir->parent);
		return look_end(look, VV_OK);
	}
	while (len > 0 && inst->path[--len] != '/')
		;
	*out = vv_ino_path(inst->path, len);
	return VV_OK;
}

/* 1: the callee stopped. */
static int emit_child(const struct look *look, struct vv_instance *inst, uint32_t index,
		      uint64_t next, bool plus, vv_view_entry *entry, void *ctx)
{
	char name[VV_NAME_MAX];
	const char *found;
	size_t len;
	struct vv_entry e;
	struct vv_attr attr;
	int err = vv_tree_entry(look->tree, index, &e);

	if (!err)
		err = vv_tree_name(look->tree, index, &found, &len);
	if (!err && len > sizeof name)
		err = VV_ECORRUPT;
	if (!err)
		memcpy(name, found, len);
	err = look_end(look, err);
	if (err)
		return err;
	fill_attr(inst, &e, &attr);
	if (plus)
		vv_instance_hold(inst);
	else
		attr.node = 0;
	return entry(ctx, name, len, next, &attr) != 0;
}

int vv_tree_node_readdir(struct vv_instance_table *table, struct vv_instance *inst,
			 uint32_t dir, uint64_t pos, bool plus, vv_view_entry *entry,
			 void *ctx)
{
	struct look look;
	struct vv_entry e;
	struct vv_attr dots = { .mode = VV_S_IFDIR };
	int err = begin_entry(&look, table, inst, dir, &e);

	if (err)
		return err;
	if ((e.mode & VV_S_IFMT) != VV_S_IFDIR)
		return VV_ENOTDIR;
	dots.ino = vv_ino_tree(inst, e.first);
	if (pos == 0 && entry(ctx, ".", 1, ++pos, &dots) != 0)
		return VV_OK;
	err = parent_ino(&look, inst, &e, &dots.ino);
	if (err)
		return err;
	if (pos == 1 && entry(ctx, "..", 2, ++pos, &dots) != 0)
		return VV_OK;
	for (; pos - 2 < e.child_count; pos++) {
		err = emit_child(&look, inst, e.child_first + (uint32_t)(pos - 2),
				 pos + 1, plus, entry, ctx);
		if (err)
			return err < 0 ? err : VV_OK;
	}
	return VV_OK;
}

/* ---- for messages ---- */

/*
 * The directory whose run of children holds @index.  Runs lie in the order of their
 * directories.
 */
static int find_parent(const struct vv_tree *tree, uint32_t index, uint32_t *out)
{
	for (uint32_t at = index; at-- > 0;) {
		struct vv_entry e;
		int err = vv_tree_entry(tree, at, &e);

		if (err)
			return err;
		if ((e.mode & VV_S_IFMT) == VV_S_IFDIR && e.child_count &&
		    index - e.child_first < e.child_count) {
			*out = at;
			return VV_OK;
		}
	}
	return VV_ENOENT;
}

static int parent_of(const struct vv_tree *tree, uint32_t index, uint32_t *out)
{
	struct vv_entry e;
	int err = vv_tree_entry(tree, index, &e);

	if (err || (e.mode & VV_S_IFMT) != VV_S_IFDIR)
		return err ? err : find_parent(tree, index, out);
	*out = e.parent;
	return VV_OK;
}

/* Put `/name` in front of what is at [*@at, end); false: it does not fit. */
static bool prepend(char *buf, size_t *at, const char *name, size_t len)
{
	if (len + 1 > *at)
		return false;
	*at -= len;
	memcpy(buf + *at, name, len);
	buf[--*at] = '/';
	return true;
}

size_t vv_tree_node_path(struct vv_instance_table *table, struct vv_instance *inst,
			 uint32_t entry, char *buf, size_t cap)
{
	struct look look;
	size_t at = cap, steps = 0;
	const char *name;
	size_t len;
	int err = look_begin(&look, table, inst);

	while (!err && entry != VV_TREE_ROOT && steps++ < VV_DEPTH_MAX) {
		err = vv_tree_name(look.tree, entry, &name, &len);
		if (!err && !prepend(buf, &at, name, len))
			break;
		if (!err)
			err = parent_of(look.tree, entry, &entry);
	}
	if (err)
		(void)prepend(buf, &at, "?", 1);
	memmove(buf, buf + at, cap - at);
	return cap - at;
}
