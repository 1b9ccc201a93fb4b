/* The open trees of a store: each mapped once, counted. */
#include "store/inside.h"

#include "core/err.h"
#include "core/log.h"
#include "source/source.h"
#include "store/object.h"

#include <assert.h>
#include <stdlib.h>

struct vv_open_tree {
	struct vv_tree tree;
	struct vv_object object; /* owned */
	struct vv_map_window window;
	struct vv_store *store;	   /* borrowed */
	struct vv_open_tree *next; /* in its bucket; protected by the store's lock */
	unsigned refs;		   /* likewise; 0 only before it is in the table */
};

static struct vv_open_tree **find(struct vv_store *store, const struct vv_id *id)
{
	struct vv_open_tree **at = &store->trees[id->bytes[0] % VV_TREE_BUCKETS];

	while (*at && !vv_id_equal(&(*at)->tree.id, id))
		at = &(*at)->next;
	return at;
}

static void tree_free(struct vv_open_tree *t)
{
	if (!t)
		return;
	vv_map_windows_remove(&t->window);
	vv_tree_fini(&t->tree);
	vv_object_drop(&t->object);
	free(t);
}

static int load(struct vv_open_tree *t, const struct vv_id *id)
{
	struct vv_source *src = t->store->source;
	char key[VV_STORE_KEY_MAX];
	struct vv_object_info info;
	int err;

	vv_store_tree_key(key, id);
	err = vv_source_stat(src, key, &info);
	if (!err)
		err = vv_object_load(&t->object, src, key, 0, info.size, id,
				     t->store->budget);
	if (!err)
		err = vv_tree_init(&t->tree, id, t->object.bytes, t->object.size,
				   t->object.faults);
	if (!err)
		vv_map_windows_add(&t->store->windows, &t->window, &t->tree.image,
				   &t->object.map);
	if (vv_store_found(err))
		vv_log(VV_LOG_ERROR, "tree %s: %s", key, vv_err_text(err));
	return err;
}

static struct vv_open_tree *find_and_ref(struct vv_store *store, const struct vv_id *id)
{
	struct vv_open_tree *t;

	vv_mutex_lock(&store->lock);
	t = *find(store, id);
	if (t)
		t->refs++;
	vv_mutex_unlock(&store->lock);
	return t;
}

/* Two may have opened it at once: the first in the table counts.  Takes @fresh. */
static struct vv_open_tree *enter(struct vv_store *store, struct vv_open_tree *fresh)
{
	struct vv_open_tree **at, *t;

	vv_mutex_lock(&store->lock);
	at = find(store, &fresh->tree.id);
	if (!*at)
		*at = fresh;
	t = *at;
	t->refs++;
	vv_mutex_unlock(&store->lock);
	if (t != fresh)
		tree_free(fresh);
	return t;
}

int vv_store_tree_open(struct vv_store *store, const struct vv_id *id,
		       struct vv_open_tree **out)
{
	struct vv_open_tree *fresh;
	int err;

	*out = find_and_ref(store, id);
	if (*out)
		return VV_OK;
	fresh = calloc(1, sizeof *fresh);
	if (!fresh)
		return VV_ENOMEM;
	fresh->store = store;
	err = load(fresh, id);
	if (err) {
		tree_free(fresh);
		return err;
	}
	*out = enter(store, fresh);
	return VV_OK;
}

const struct vv_tree *vv_open_tree_get(const struct vv_open_tree *tree)
{
	return &tree->tree;
}

void vv_open_tree_ref(struct vv_open_tree *tree)
{
	vv_mutex_lock(&tree->store->lock);
	assert(tree->refs > 0);
	tree->refs++;
	vv_mutex_unlock(&tree->store->lock);
}

void vv_open_tree_unref(struct vv_open_tree *tree)
{
	struct vv_store *store;
	bool is_last;

	if (!tree)
		return;
	store = tree->store;
	vv_mutex_lock(&store->lock);
	assert(tree->refs > 0);
	is_last = --tree->refs == 0;
	if (is_last)
		*find(store, &tree->tree.id) = tree->next;
	vv_mutex_unlock(&store->lock);
	if (is_last)
		tree_free(tree);
}
