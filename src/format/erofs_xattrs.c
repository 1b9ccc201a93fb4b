/*
 * Xattrs of an EROFS image.  Each list of the tree is written once into an area that all
 * inodes share; an inode holds the places of its items there.
 */
#include "core/arith.h"
#include "core/err.h"
#include "format/erofs_parts.h"
#include "format/tree_layout.h"

#include <stdlib.h>
#include <string.h>

struct prefix {
	const char *text;
	uint8_t index;
	bool is_whole; /* nothing follows it */
};

static const struct prefix prefixes[] = {
	{ "user.", VV_ERO_PREFIX_USER, false },
	{ "security.", VV_ERO_PREFIX_SECURITY, false },
	{ "trusted.", VV_ERO_PREFIX_TRUSTED, false },
	{ "system.posix_acl_access", VV_ERO_PREFIX_ACL_ACCESS, true },
	{ "system.posix_acl_default", VV_ERO_PREFIX_ACL_DEFAULT, true },
};

/* *@skip: bytes of the name that the prefix stands for. */
static int find_prefix(const struct vv_extra *x, uint8_t *index, size_t *skip)
{
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
		const struct prefix *p = &prefixes[i];
		size_t len = strlen(p->text);

		if (x->name_len < len || memcmp(x->name, p->text, len) != 0 ||
		    p->is_whole != (x->name_len == len))
			continue;
		*index = p->index;
		*skip = len;
		return VV_OK;
	}
	return VV_EOPNOTSUPP;
}

static size_t item_size(const struct vv_extra *x, size_t skip)
{
	return (VV_ERO_XI_BYTES + x->name_len - skip + x->value_len + 3) & ~(size_t)3;
}

/* The next xattr of a list: 1, 0 = end, < 0; *@size is what it takes in the area. */
static int next_xattr(const struct vv_tree *tree, uint64_t extras, uint64_t *pos,
		      struct vv_extra *x, uint8_t *index, size_t *skip, size_t *size)
{
	struct vv_entry e = { .extras = extras };
	int found, err;

	found = vv_tree_extra_next(tree, &e, pos, x);
	if (found <= 0 || x->type > VV_EXTRA_XATTR)
		return found < 0 ? found : 0; /* they are the first of all types */
	err = find_prefix(x, index, skip);
	if (!err && (x->name_len - *skip > UINT8_MAX || x->value_len > UINT16_MAX))
		err = VV_EOPNOTSUPP;
	*size = err ? 0 : item_size(x, *skip);
	return err ? err : 1;
}

static int measure(struct vv_erofs_xattr_list *list, const struct vv_tree *tree,
		   uint64_t *end)
{
	uint64_t pos = 0;
	struct vv_extra x;
	uint8_t index;
	size_t skip, size;
	int found;

	list->at = *end;
	while ((found = next_xattr(tree, list->extras, &pos, &x, &index, &skip,
				   &size)) == 1) {
		*end += size;
		if (++list->count > VV_ERO_XA_SHARED_MAX)
			return VV_EFBIG;
	}
	return found;
}

static int by_extras(const void *a, const void *b)
{
	const struct vv_erofs_xattr_list *x = a, *y = b;

	return (x->extras > y->extras) - (x->extras < y->extras);
}

/* The lists that attributes name, each once. */
static int collect(struct vv_erofs_xattrs *x, const struct vv_tree *tree)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < tree->attr_count; i++) {
		const uint8_t *row;
		uint64_t extras;
		int err = vv_tree_attr_get(tree, i, &row);

		if (err)
			return err;
		extras = vv_get_le64(row + VV_ATR_EXTRAS);
		if (extras)
			x->lists[x->count++].extras = extras;
	}
	qsort(x->lists, x->count, sizeof(x->lists[0]), by_extras);
	for (uint32_t i = 0; i < x->count; i++)
		if (kept == 0 || x->lists[kept - 1].extras != x->lists[i].extras)
			x->lists[kept++] = x->lists[i];
	x->count = kept;
	return VV_OK;
}

int vv_erofs_xattrs_init(struct vv_erofs_xattrs *x, const struct vv_tree *tree)
{
	int err;

	*x = (struct vv_erofs_xattrs){ 0 };
	x->lists = calloc((size_t)tree->attr_count + 1, sizeof(x->lists[0]));
	if (!x->lists)
		return VV_ENOMEM;
	err = collect(x, tree);
	for (uint32_t i = 0; !err && i < x->count; i++) {
		/* Where the rule of the reader is broken, nobody can ask for the list. */
		if (x->lists[i].extras > tree->extras_size ||
		    x->lists[i].extras % 8 != 1)
			err = VV_ECORRUPT;
		else
			err = measure(&x->lists[i], tree, &x->size);
		if (x->size > UINT32_MAX)
			err = VV_EFBIG;
	}
	if (err)
		vv_erofs_xattrs_fini(x);
	return err;
}

void vv_erofs_xattrs_fini(struct vv_erofs_xattrs *x)
{
	free(x->lists);
	*x = (struct vv_erofs_xattrs){ 0 };
}

static const struct vv_erofs_xattr_list *find_list(const struct vv_erofs_xattrs *x,
						   const struct vv_entry *e)
{
	struct vv_erofs_xattr_list key = { .extras = e->extras };
	const struct vv_erofs_xattr_list *list;

	if (!e->extras || !x->count)
		return NULL;
	list = bsearch(&key, x->lists, x->count, sizeof key, by_extras);
	return list && list->count ? list : NULL;
}

uint32_t vv_erofs_xattrs_room(const struct vv_erofs_xattrs *x, const struct vv_entry *e)
{
	const struct vv_erofs_xattr_list *list = find_list(x, e);

	return list ? VV_ERO_XA_HEADER + list->count * VV_ERO_XA_ID : 0;
}

int vv_erofs_xattrs_refer(const struct vv_erofs_xattrs *x, const struct vv_tree *tree,
			  const struct vv_entry *e, const struct vv_erofs_out *out,
			  uint64_t at)
{
	const struct vv_erofs_xattr_list *list = find_list(x, e);
	uint8_t *to = vv_erofs_at(out, at, vv_erofs_xattrs_room(x, e)), *id;
	uint64_t pos = 0, item_at;

	if (!list)
		return VV_OK;
	if (!to)
		return VV_ECORRUPT;
	to[VV_ERO_XA_COUNT] = (uint8_t)list->count;
	id = to + VV_ERO_XA_HEADER;
	item_at = list->at;
	for (uint32_t i = 0; i < list->count; i++, id += VV_ERO_XA_ID) {
		struct vv_extra item;
		uint8_t index;
		size_t skip, size;
		int found = next_xattr(tree, list->extras, &pos, &item, &index, &skip,
				       &size);

		if (found <= 0)
			return found < 0 ? found : VV_ECORRUPT;
		vv_put_le32(id, (uint32_t)(item_at / VV_ERO_XA_ID));
		item_at += size;
	}
	return VV_OK;
}

static int write_list(const struct vv_erofs_xattr_list *list,
		      const struct vv_tree *tree, const struct vv_erofs_out *out,
		      uint64_t at)
{
	uint64_t pos = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		struct vv_extra x;
		uint8_t index, *to;
		size_t skip, size;
		int found =
			next_xattr(tree, list->extras, &pos, &x, &index, &skip, &size);

		to = found == 1 ? vv_erofs_at(out, at, size) : NULL;
		if (!to)
			return found < 0 ? found : VV_ECORRUPT;
		to[VV_ERO_XI_NAME_SIZE] = (uint8_t)(x.name_len - skip);
		to[VV_ERO_XI_PREFIX] = index;
		vv_put_le16(to + VV_ERO_XI_VALUE_SIZE, (uint16_t)x.value_len);
		memcpy(to + VV_ERO_XI_BYTES, x.name + skip, x.name_len - skip);
		memcpy(to + VV_ERO_XI_BYTES + x.name_len - skip, x.value, x.value_len);
		at += size;
	}
	return VV_OK;
}

int vv_erofs_xattrs_write(const struct vv_erofs_xattrs *x, const struct vv_tree *tree,
			  const struct vv_erofs_out *out, uint64_t at)
{
	int err = VV_OK;

	for (uint32_t i = 0; !err && i < x->count; i++)
		err = write_list(&x->lists[i], tree, out, at + x->lists[i].at);
	return err;
}
