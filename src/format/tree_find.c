#include "core/arith.h"
#include "core/err.h"
#include "core/fold.h"
#include "format/tree_layout.h"

#include <string.h>

static int get_directory(const struct vv_tree *t, uint32_t index, struct vv_entry *out)
{
	int err = vv_tree_entry(t, index, out);

	if (err)
		return err;
	return (out->mode & VV_S_IFMT) == VV_S_IFDIR ? VV_OK : VV_ENOTDIR;
}

static int find_child(const struct vv_tree *t, const struct vv_entry *dir,
		      const char *name, size_t len, uint32_t *out)
{
	uint32_t lo = dir->child_first, hi = lo + dir->child_count;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const char *found;
		size_t found_len;
		int err = vv_tree_name_get(t, mid, &found, &found_len), cmp;

		if (err)
			return err;
		cmp = vv_tree_name_compare(name, len, found, found_len);
		if (cmp == 0) {
			*out = mid;
			return VV_OK;
		}
		if (cmp < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return VV_ENOENT;
}

int vv_tree_lookup(const struct vv_tree *tree, uint32_t dir, const char *name,
		   size_t len, uint32_t *out)
{
	struct vv_entry entry;
	int err = get_directory(tree, dir, &entry);

	*out = 0;
	return err ? err : find_child(tree, &entry, name, len, out);
}

/* Where @nth in folded order points, which must be a child of the same directory. */
static int get_folded(const struct vv_tree *t, const struct vv_entry *dir, uint32_t nth,
		      uint32_t *out)
{
	const uint8_t *row;
	int err = vv_image_get(
		&t->image, t->fold + ((uint64_t)dir->child_first + nth) * 4, 4, &row);

	*out = 0;
	if (err)
		return err;
	if (vv_get_le32(row) - dir->child_first >= dir->child_count)
		return VV_ECORRUPT;
	*out = vv_get_le32(row);
	return VV_OK;
}

int vv_tree_folded_child(const struct vv_tree *tree, const struct vv_entry *dir,
			 uint32_t nth, uint32_t *out)
{
	*out = 0;
	if (nth >= dir->child_count)
		return VV_EINVAL;
	return get_folded(tree, dir, nth, out);
}

static int compare_folded(const struct vv_tree *t, const struct vv_entry *dir,
			  uint32_t nth, const char *name, size_t len, uint32_t *child,
			  int *cmp)
{
	const char *found;
	size_t found_len;
	int err = get_folded(t, dir, nth, child);

	if (!err)
		err = vv_tree_name_get(t, *child, &found, &found_len);
	if (!err)
		*cmp = vv_fold_cmp(name, len, found, found_len);
	return err;
}

/* The lower bound: several children may fold alike, and the first of them counts. */
static int find_folded(const struct vv_tree *t, const struct vv_entry *dir,
		       const char *name, size_t len, uint32_t *out)
{
	uint32_t lo = 0, hi = dir->child_count, child;
	int err = VV_ENOENT;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int cmp, failed;

		failed = compare_folded(t, dir, mid, name, len, &child, &cmp);
		if (failed)
			return failed;
		if (cmp == 0) {
			*out = child;
			err = VV_OK;
		}
		if (cmp <= 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return err;
}

int vv_tree_lookup_folded(const struct vv_tree *tree, uint32_t dir, const char *name,
			  size_t len, uint32_t *out)
{
	struct vv_entry entry;
	int err = get_directory(tree, dir, &entry);

	*out = 0;
	if (err)
		return err;
	err = find_child(tree, &entry, name, len, out);
	return err == VV_ENOENT ? find_folded(tree, &entry, name, len, out) : err;
}

int vv_tree_walk(const struct vv_tree *tree, const char *path, uint32_t *out)
{
	uint32_t at = VV_TREE_ROOT, depth = 0;

	*out = VV_TREE_ROOT;
	while (*path) {
		size_t len = strcspn(path, "/");
		int err;

		if (len == 0 || (path[len] == '/' && path[len + 1] == '\0'))
			return VV_EINVAL;
		if (++depth > VV_DEPTH_MAX)
			return VV_ELOOP;
		err = vv_tree_lookup(tree, at, path, len, &at);
		if (err)
			return err;
		path += path[len] ? len + 1 : len;
	}
	*out = at;
	return VV_OK;
}
