/* Directories of an EROFS image: blocks of entries, sorted by name, `.` and `..` among them. */
#include "core/arith.h"
#include "core/err.h"
#include "core/name.h"
#include "format/erofs_parts.h"
#include "format/tree_layout.h"

#include <string.h>

struct item {
	const char *name;
	size_t len;
	uint32_t entry;
};

/* Goes through a directory in the order that EROFS wants. */
struct cursor {
	const struct vv_tree *tree;
	const struct vv_entry *dir;
	uint32_t next;	   /* child */
	unsigned dots;	   /* of `.` and `..`, how many were given */
	struct item ahead; /* the child at `next`, if has_ahead */
	bool has_ahead;
};

static int look_ahead(struct cursor *c)
{
	struct item before = c->ahead;
	bool has_before = c->next > 0;
	int err;

	if (c->has_ahead || c->next == c->dir->child_count)
		return VV_OK;
	c->ahead.entry = c->dir->child_first + c->next;
	err = vv_tree_name(c->tree, c->ahead.entry, &c->ahead.name, &c->ahead.len);
	if (!err)
		err = vv_name_check(c->ahead.name, c->ahead.len) ? VV_ECORRUPT : VV_OK;
	if (!err && c->ahead.len > VV_ERO_NAME_MAX)
		err = VV_ENAMETOOLONG;
	if (!err && has_before &&
	    vv_tree_name_compare(before.name, before.len, c->ahead.name,
				 c->ahead.len) >= 0)
		err = VV_ECORRUPT;
	c->has_ahead = !err;
	return err;
}

/* 1 = *@out, 0 = end, < 0 = error. */
static int next_item(struct cursor *c, struct item *out)
{
	int err = look_ahead(c);

	if (err)
		return err;
	if (c->dots < 2 &&
	    (!c->has_ahead || vv_tree_name_compare("..", c->dots + 1, c->ahead.name,
						   c->ahead.len) < 0)) {
		*out = (struct item){
			.name = "..",
			.len = c->dots + 1,
			.entry = c->dots ? c->dir->parent : c->dir->index,
		};
		c->dots++;
		return 1;
	}
	if (!c->has_ahead)
		return 0;
	*out = c->ahead;
	c->has_ahead = false;
	c->next++;
	return 1;
}

/* ---- blocks ---- */

struct block {
	struct item items[VV_ERO_ENTS_MAX];
	unsigned count;
	size_t size; /* of entries and names */
};

/*
 * As many as fit.  The item that did not is in *@over, which the next call begins with;
 * its name is NULL when there is none.
 */
static int fill_block(struct cursor *c, struct block *b, struct item *over)
{
	struct item item = *over;
	int found = 1;

	b->count = 0;
	b->size = 0;
	*over = (struct item){ 0 };
	for (;;) {
		size_t need;

		if (!item.name)
			found = next_item(c, &item);
		if (found <= 0)
			return found;
		need = VV_ERO_ENT_BYTES + item.len;
		if (b->size + need > VV_ERO_BLOCK)
			break;
		b->items[b->count++] = item;
		b->size += need;
		item.name = NULL;
	}
	*over = item;
	return VV_OK;
}

static uint8_t type_of(uint32_t mode)
{
	switch (mode & VV_S_IFMT) {
	case VV_S_IFDIR: return VV_ERO_TYPE_DIR;
	case VV_S_IFCHR: return VV_ERO_TYPE_CHR;
	case VV_S_IFBLK: return VV_ERO_TYPE_BLK;
	case VV_S_IFIFO: return VV_ERO_TYPE_FIFO;
	case VV_S_IFSOCK: return VV_ERO_TYPE_SOCK;
	case VV_S_IFLNK: return VV_ERO_TYPE_LINK;
	default: return VV_ERO_TYPE_FILE;
	}
}

static int write_block(const struct cursor *c, const struct block *b,
		       const uint32_t *slots, uint8_t *to)
{
	size_t name_at = (size_t)b->count * VV_ERO_ENT_BYTES;

	for (unsigned i = 0; i < b->count; i++) {
		const struct item *item = &b->items[i];
		uint8_t *ent = to + (size_t)i * VV_ERO_ENT_BYTES;
		struct vv_entry e;
		int err = vv_tree_entry(c->tree, item->entry, &e);

		if (err)
			return err;
		vv_put_le64(ent + VV_ERO_ENT_NID, slots[e.first]);
		vv_put_le16(ent + VV_ERO_ENT_NAME, (uint16_t)name_at);
		ent[VV_ERO_ENT_TYPE] = type_of(e.mode);
		memcpy(to + name_at, item->name, item->len);
		name_at += item->len;
	}
	return VV_OK;
}

int vv_erofs_dir_size(const struct vv_tree *tree, const struct vv_entry *dir,
		      uint64_t *size)
{
	struct cursor c = { .tree = tree, .dir = dir };
	struct item over = { 0 };
	struct block b;

	*size = 0;
	for (;;) {
		int err = fill_block(&c, &b, &over);

		if (err)
			return err;
		if (!over.name)
			break;
		*size += VV_ERO_BLOCK;
	}
	*size += b.size;
	return VV_OK;
}

int vv_erofs_dir_write(const struct vv_tree *tree, const struct vv_entry *dir,
		       const uint32_t *slots, const struct vv_erofs_out *out,
		       uint64_t block, uint64_t tail)
{
	struct cursor c = { .tree = tree, .dir = dir };
	struct item over = { 0 };
	struct block b;
	int err;

	do {
		uint64_t at = block++ << VV_ERO_BLOCK_BITS;
		uint8_t *to;

		err = fill_block(&c, &b, &over);
		if (err)
			return err;
		if (!over.name && tail)
			at = tail;
		to = vv_erofs_at(out, at, b.size);
		err = to ? write_block(&c, &b, slots, to) : VV_ECORRUPT;
	} while (!err && over.name);
	return err;
}
