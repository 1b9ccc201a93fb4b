#include "store/blob_order.h"

#include "core/arith.h"
#include "core/err.h"

#include <stdlib.h>
#include <string.h>

struct file {
	uint32_t rank; /* of its directory */
	uint32_t index;
	const char *name, *extension; /* borrowed from the tree */
	uint32_t name_len, extension_len;
};

struct order {
	const struct vv_tree *tree;
	uint32_t *ranks;    /* owned; of directories, by entry */
	uint32_t *stack;    /* owned; directories yet to be ranked */
	struct file *files; /* owned */
	size_t count;
};

/* Depth first, without recursion: each directory is on the stack once. */
static int rank_directories(struct order *o)
{
	uint32_t depth = 1, rank = 0;
	struct vv_entry dir, child;
	int err = VV_OK;

	o->stack[0] = 0;
	while (!err && depth) {
		uint32_t at = o->stack[--depth];

		err = vv_tree_entry(o->tree, at, &dir);
		o->ranks[at] = rank++;
		for (uint32_t i = dir.child_count; !err && i-- > 0;) {
			err = vv_tree_entry(o->tree, dir.child_first + i, &child);
			if (err || (child.mode & VV_S_IFMT) != VV_S_IFDIR)
				continue;
			if (depth == o->tree->entry_count)
				return VV_ECORRUPT;
			o->stack[depth++] = child.index;
		}
	}
	return err;
}

/* What stands behind the last dot, if that is not the first letter. */
static void find_extension(struct file *f)
{
	uint32_t at = f->name_len;

	while (at > 1 && f->name[at - 1] != '.')
		at--;
	f->extension = f->name + (at > 1 ? at : f->name_len);
	f->extension_len = at > 1 ? f->name_len - at : 0;
}

static int add_children(struct order *o, const struct vv_entry *dir)
{
	struct vv_entry entry;
	int err = VV_OK;

	for (uint32_t i = 0; !err && i < dir->child_count; i++) {
		struct file *f = &o->files[o->count];
		size_t len;

		err = vv_tree_entry(o->tree, dir->child_first + i, &entry);
		if (err || (entry.mode & VV_S_IFMT) != VV_S_IFREG ||
		    entry.first != entry.index)
			continue;
		err = vv_tree_name(o->tree, entry.index, &f->name, &len);
		f->rank = o->ranks[dir->index];
		f->index = entry.index;
		f->name_len = (uint32_t)len;
		if (!err)
			find_extension(f);
		o->count += !err;
	}
	return err;
}

static int collect(struct order *o)
{
	struct vv_entry entry;
	int err = rank_directories(o);

	for (uint32_t i = 0; !err && i < o->tree->entry_count; i++) {
		err = vv_tree_entry(o->tree, i, &entry);
		if (!err && (entry.mode & VV_S_IFMT) == VV_S_IFDIR)
			err = add_children(o, &entry);
	}
	return err;
}

static int compare_text(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int cmp = memcmp(a, b, vv_min_size(a_len, b_len));

	return cmp ? cmp : (a_len > b_len) - (a_len < b_len);
}

static int compare(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	int cmp;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	cmp = compare_text(x->extension, x->extension_len, y->extension,
			   y->extension_len);
	return cmp ? cmp : compare_text(x->name, x->name_len, y->name, y->name_len);
}

static int give(const struct order *o, int (*blob)(void *ctx, const struct vv_id *id),
		void *ctx)
{
	struct vv_entry entry;
	struct vv_id id;
	int err = VV_OK;

	for (size_t i = 0; !err && i < o->count; i++) {
		err = vv_tree_entry(o->tree, o->files[i].index, &entry);
		if (!err && entry.blob != UINT32_MAX)
			err = vv_tree_blob(o->tree, entry.blob, &id);
		if (!err && entry.blob != UINT32_MAX)
			err = blob(ctx, &id);
		if (!err && entry.extras)
			err = vv_tree_streams(o->tree, &entry, blob, ctx);
	}
	return err;
}

int vv_blob_order(const struct vv_tree *tree,
		  int (*blob)(void *ctx, const struct vv_id *id), void *ctx)
{
	struct order o = { .tree = tree };
	int err = VV_ENOMEM;

	o.ranks = calloc(tree->entry_count, sizeof *o.ranks);
	o.stack = calloc(tree->entry_count, sizeof *o.stack);
	o.files = calloc(tree->entry_count, sizeof *o.files);
	if (o.ranks && o.stack && o.files)
		err = collect(&o);
	if (!err && o.count)
		qsort(o.files, o.count, sizeof *o.files, compare);
	if (!err)
		err = give(&o, blob, ctx);
	free(o.ranks);
	free(o.stack);
	free(o.files);
	return err;
}
