#include "vfs/nodes.h"

#include "codec/hash.h"
#include "core/arith.h"
#include "core/err.h"
#include "vfs/listing.h"
#include "vfs/view_parts.h"

#include <stdlib.h>
#include <string.h>

enum {
	BUCKETS_AT_FIRST = 64,
};

static const char *path_of(const struct vv_node *node)
{
	return node->dir ? node->dir->path : node->path;
}

int vv_node_table_init(struct vv_node_table *t)
{
	struct vv_node *root = calloc(1, sizeof *root);

	*t = (struct vv_node_table){
		.buckets = BUCKETS_AT_FIRST,
		.next_id = VV_NODE_ROOT,
	};
	t->by_id = calloc(t->buckets, sizeof(t->by_id[0]));
	t->by_path = calloc(t->buckets, sizeof(t->by_path[0]));
	if (!root || !t->by_id || !t->by_path) {
		free(root);
		return VV_ENOMEM;
	}
	root->lookups = 1;
	vv_node_insert(t, root);
	return VV_OK;
}

void vv_node_table_fini(struct vv_node_table *t, struct vv_view *view)
{
	for (size_t i = 0; t->by_id && i < t->buckets; i++) {
		while (t->by_id[i]) {
			struct vv_node *node = t->by_id[i];

			t->by_id[i] = node->next_by_id;
			vv_node_free(node, view);
		}
	}
	free(t->by_id);
	free(t->by_path);
	*t = (struct vv_node_table){ 0 };
}

int vv_node_new(struct vv_node **out, struct vv_view *view, struct vv_answer *answer)
{
	size_t bytes =
		sizeof(struct vv_node) + (answer->dir ? vv_dir_size_bytes(answer->dir)
						      : strlen(answer->path) + 1);
	struct vv_node *node;
	int err = vv_view_reserve(view, VV_HOLD_NODES, bytes);

	*out = NULL;
	if (err)
		return err;
	node = calloc(1, sizeof *node);
	if (!node) {
		vv_view_release(view, VV_HOLD_NODES, bytes);
		return VV_ENOMEM;
	}
	node->charged = bytes;
	node->dir = answer->dir;
	node->path = answer->path;
	answer->dir = NULL;
	answer->path = NULL;
	if (node->path) {
		node->inst = answer->inst;
		vv_instance_hold(node->inst);
		node->dev = answer->dev;
		node->ino = answer->attr.ino;
	}
	node->hash = vv_checksum64(path_of(node), strlen(path_of(node)));
	*out = node;
	return VV_OK;
}

static size_t tracked_size(size_t len)
{
	return sizeof(struct vv_tracked) + len + 1 + sizeof(struct vv_tracked *);
}

int vv_tracked_new(struct vv_tracked **out, struct vv_view *view, const char *name,
		   size_t len)
{
	int err = vv_view_reserve(view, VV_HOLD_NODES, tracked_size(len));

	*out = NULL;
	if (err)
		return err;
	*out = malloc(sizeof **out + len + 1);
	if (!*out) {
		vv_view_release(view, VV_HOLD_NODES, tracked_size(len));
		return VV_ENOMEM;
	}
	**out = (struct vv_tracked){ .len = len };
	memcpy((*out)->name, name, len);
	(*out)->name[len] = '\0';
	return VV_OK;
}

void vv_tracked_free(struct vv_tracked *name, struct vv_view *view)
{
	if (!name)
		return;
	vv_view_release(view, VV_HOLD_NODES, tracked_size(name->len));
	free(name);
}

void vv_node_free(struct vv_node *node, struct vv_view *view)
{
	if (!node)
		return;
	for (size_t i = 0; i < node->tracked_count; i++)
		vv_tracked_free(node->tracked[i], view);
	vv_view_release(view, VV_HOLD_NODES, node->charged);
	vv_listing_unref(node->listing, view);
	vv_dir_unref(node->dir, &view->instances);
	if (node->inst)
		vv_instance_drop(&view->instances, node->inst, 1);
	free(node->tracked);
	free(node->path);
	free(node);
}

static struct vv_node **id_bucket(const struct vv_node_table *t, uint64_t id)
{
	return &t->by_id[id & (t->buckets - 1)]; /* ids count up: even chains */
}

static struct vv_node **path_bucket(const struct vv_node_table *t, uint64_t hash)
{
	return &t->by_path[hash & (t->buckets - 1)];
}

struct vv_node *vv_node_find(const struct vv_node_table *t, uint64_t id)
{
	struct vv_node *node = *id_bucket(t, id);

	while (node && node->id != id)
		node = node->next_by_id;
	return node;
}

static bool is_same(const struct vv_node *a, const struct vv_node *b)
{
	if (a->id == VV_NODE_ROOT || !a->dir != !b->dir)
		return false;
	if (a->dir)
		return vv_dir_is_same(a->dir, b->dir);
	return a->inst == b->inst && a->dev == b->dev && a->ino == b->ino &&
	       strcmp(a->path, b->path) == 0;
}

struct vv_node *vv_node_find_same(const struct vv_node_table *t,
				  const struct vv_node *node)
{
	struct vv_node *at = *path_bucket(t, node->hash);

	while (at && (at->hash != node->hash || !is_same(at, node)))
		at = at->next_by_path;
	return at;
}

struct vv_node *vv_node_find_dir(const struct vv_node_table *t,
				 const struct vv_dir *dir)
{
	struct vv_node probe = {
		.dir = (struct vv_dir *)dir, /* only read */
		.hash = vv_checksum64(dir->path, dir->path_len),
	};

	return vv_node_find_same(t, &probe);
}

static void link_node(struct vv_node_table *t, struct vv_node *node)
{
	struct vv_node **by_id = id_bucket(t, node->id);
	struct vv_node **by_path = path_bucket(t, node->hash);

	node->next_by_id = *by_id;
	*by_id = node;
	node->next_by_path = *by_path;
	*by_path = node;
}

/* Twice as many chains.  A failure only makes them longer. */
static void grow(struct vv_node_table *t)
{
	struct vv_node_table bigger = *t;
	size_t buckets;

	if (!vv_mul_size(t->buckets, 2, &buckets))
		return;
	bigger.buckets = buckets;
	bigger.by_id = calloc(buckets, sizeof(bigger.by_id[0]));
	bigger.by_path = calloc(buckets, sizeof(bigger.by_path[0]));
	if (!bigger.by_id || !bigger.by_path) {
		free(bigger.by_id);
		free(bigger.by_path);
		return;
	}
	for (size_t i = 0; i < t->buckets; i++) {
		struct vv_node *next;

		for (struct vv_node *node = t->by_id[i]; node; node = next) {
			next = node->next_by_id;
			link_node(&bigger, node);
		}
	}
	free(t->by_id);
	free(t->by_path);
	*t = bigger;
}

void vv_node_insert(struct vv_node_table *t, struct vv_node *node)
{
	if (t->count >= t->buckets)
		grow(t);
	node->id = t->next_id++;
	link_node(t, node);
	t->count++;
}

bool vv_node_retire(struct vv_node_table *t, struct vv_node *node)
{
	struct vv_node **at;

	if (node->lookups || node->pins)
		return false;
	for (at = id_bucket(t, node->id); *at != node;)
		at = &(*at)->next_by_id;
	*at = node->next_by_id;
	for (at = path_bucket(t, node->hash); *at != node;)
		at = &(*at)->next_by_path;
	*at = node->next_by_path;
	t->count--;
	t->tracked_total -= node->tracked_count;
	return true;
}

/* ---- tracked names ---- */

static int compare_names(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, vv_min_size(a_len, b_len));

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

/* Where @name is or would be. */
static size_t find_tracked(const struct vv_node *dir, const char *name, size_t len,
			   bool *found)
{
	size_t lo = 0, hi = dir->tracked_count;

	*found = false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct vv_tracked *at = dir->tracked[mid];
		int order = compare_names(at->name, at->len, name, len);

		if (order == 0) {
			*found = true;
			return mid;
		}
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool make_room(struct vv_node_table *t, struct vv_node *dir)
{
	size_t cap = dir->tracked_cap ? dir->tracked_cap * 2 : 16;
	struct vv_tracked **bigger;

	if (dir->tracked_count == VV_TRACKED_MAX ||
	    t->tracked_total == VV_TRACKED_TOTAL_MAX)
		return false;
	if (dir->tracked_count < dir->tracked_cap)
		return true;
	bigger = realloc(dir->tracked, cap * sizeof *bigger);
	if (!bigger)
		return false;
	dir->tracked = bigger;
	dir->tracked_cap = cap;
	return true;
}

bool vv_node_track(struct vv_node_table *t, struct vv_node *dir,
		   struct vv_tracked **name, uint64_t node, uint64_t generation)
{
	bool found;
	size_t at = find_tracked(dir, (*name)->name, (*name)->len, &found);

	if (!found) {
		if (!make_room(t, dir))
			return false;
		memmove(dir->tracked + at + 1, dir->tracked + at,
			(dir->tracked_count - at) * sizeof(dir->tracked[0]));
		dir->tracked[at] = *name;
		dir->tracked_count++;
		t->tracked_total++;
		*name = NULL;
	}
	dir->tracked[at]->node = node;
	dir->tracked[at]->generation = generation;
	return true;
}

struct vv_tracked *vv_node_untrack(struct vv_node_table *t, struct vv_node *dir,
				   const char *name, size_t len, uint64_t node,
				   uint64_t generation)
{
	bool found;
	size_t at = find_tracked(dir, name, len, &found);
	struct vv_tracked *gone;

	if (!found || dir->tracked[at]->node != node ||
	    dir->tracked[at]->generation != generation)
		return NULL;
	gone = dir->tracked[at];
	dir->tracked_count--;
	t->tracked_total--;
	memmove(dir->tracked + at, dir->tracked + at + 1,
		(dir->tracked_count - at) * sizeof(dir->tracked[0]));
	return gone;
}
