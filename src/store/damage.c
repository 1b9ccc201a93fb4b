#include "store/damage.h"

#include "core/err.h"
#include "format/tree.h"
#include "store/descent.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void vv_damage_init(struct vv_damage *d)
{
	*d = (struct vv_damage){ 0 };
	vv_idmap_init(&d->index, SIZE_MAX);
}

void vv_damage_fini(struct vv_damage *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->items[i].why);
		free(d->items[i].file);
	}
	free(d->items);
	vv_idmap_fini(&d->index);
	*d = (struct vv_damage){ 0 };
}

static int reserve(struct vv_damage *d)
{
	size_t cap = d->cap ? 2 * d->cap : 16;
	struct vv_damaged *more;

	if (d->count < d->cap)
		return VV_OK;
	more = realloc(d->items, cap * sizeof *more);
	if (!more)
		return VV_ENOMEM;
	d->items = more;
	d->cap = cap;
	return VV_OK;
}

int vv_damage_add(struct vv_damage *d, const struct vv_id *blob, const char *why)
{
	struct vv_damaged item = { .blob = *blob };
	int err;

	if (vv_idmap_get(&d->index, blob, NULL))
		return VV_OK;
	err = reserve(d);
	if (err)
		return err;
	item.why = strdup(why);
	if (!item.why)
		return VV_ENOMEM;
	err = vv_idmap_put(&d->index, blob, d->count);
	if (err)
		free(item.why);
	else
		d->items[d->count++] = item;
	return err;
}

/* Most trees have nothing of it, and their blobs are fewer than their entries. */
static int has_any(const struct vv_damage *d, const struct vv_tree *tree, bool *out)
{
	struct vv_id id;
	int err = VV_OK;

	*out = false;
	for (uint32_t i = 0; !err && !*out && i < tree->blob_count; i++) {
		err = vv_tree_blob(tree, i, &id);
		*out = !err && vv_idmap_get(&d->index, &id, NULL);
	}
	return err;
}

static int add_file(struct vv_damaged *item, const char *ref, const char *path)
{
	size_t size = strlen(ref) + strlen(path) + 2;

	if (item->file) {
		item->more++;
		return VV_OK;
	}
	item->file = malloc(size);
	if (!item->file)
		return VV_ENOMEM;
	snprintf(item->file, size, "%s:%s", ref, path);
	return VV_OK;
}

static int name_entry(struct vv_damage *d, const char *ref, const struct vv_descent *at)
{
	uint64_t number;
	struct vv_id id;
	int err;

	if ((at->entry.mode & VV_S_IFMT) != VV_S_IFREG || at->entry.size == 0)
		return VV_OK;
	err = vv_tree_blob(at->tree, at->entry.blob, &id);
	if (err || !vv_idmap_get(&d->index, &id, &number))
		return err;
	return add_file(&d->items[number], ref, vv_descent_path(at));
}

int vv_damage_name(struct vv_damage *d, const char *ref, const struct vv_tree *tree)
{
	struct vv_descent at;
	bool any;
	int step, err = has_any(d, tree, &any);

	if (err || !any)
		return err;
	vv_descent_init(&at, tree, VV_TREE_ROOT);
	while (!err && (step = vv_descent_next(&at)) != VV_DESCENT_END) {
		if (step < 0)
			err = step;
		else if (step == VV_DESCENT_ENTRY)
			err = name_entry(d, ref, &at);
	}
	vv_descent_fini(&at);
	return err;
}
