#include "vfs/change.h"

#include "core/arith.h"
#include "core/err.h"
#include "core/name.h"
#include "vfs/dynamic.h"
#include "vfs/view_parts.h"

#include <stdlib.h>
#include <string.h>

/* A directory, or a name in it, that the change may touch. */
struct suspect {
	struct vv_node *dir; /* pinned once for each suspect */
	const char *name;    /* in the change's names; NULL: the directory itself */
	size_t len;
	uint64_t node, generation; /* what a kernel was told */
};

struct change {
	struct vv_view *view;
	struct vv_snapshot *before, *after; /* counted */
	struct vv_dir *root; /* counted; after; NULL: could not be made */
	struct vv_changes paths;
	size_t need_count, need_bytes; /* of suspects and their names */
	struct suspect *suspects;      /* owned */
	struct vv_notice *notices;     /* owned; as many */
	size_t count, cap;
	char *names; /* owned */
	size_t names_len, names_cap;
};

static void change_fini(struct change *c)
{
	vv_changes_fini(&c->paths);
	vv_dir_unref(c->root, &c->view->instances);
	vv_snapshot_unref(c->before, &c->view->instances);
	vv_snapshot_unref(c->after, &c->view->instances);
	free(c->suspects);
	free(c->notices);
	free(c->names);
}

/* ---- prepare and swap ---- */

static const char *path_of(const struct vv_node *dir)
{
	return dir->dir ? dir->dir->path : ""; /* a root that nobody asked yet */
}

static bool is_name_touched(const struct change *c, const struct vv_node *dir,
			    const struct vv_tracked *name)
{
	char path[VV_VIEW_PATH_MAX + 1 + VV_NAME_BYTES_MAX];
	size_t at = strlen(path_of(dir));

	memcpy(path, path_of(dir), at);
	if (at)
		path[at++] = '/';
	memcpy(path + at, name->name, name->len);
	return vv_changes_touch(&c->paths, path, at + name->len);
}

/* @name NULL: the directory itself. */
typedef void suspicion(struct change *c, struct vv_node *dir,
		       const struct vv_tracked *name);

static void measure(struct change *c, struct vv_node *dir,
		    const struct vv_tracked *name)
{
	(void)dir;
	c->need_count++;
	c->need_bytes += name ? name->len + 1 : 0;
}

static void collect(struct change *c, struct vv_node *dir,
		    const struct vv_tracked *name)
{
	struct suspect *s = &c->suspects[c->count++];

	*s = (struct suspect){ .dir = dir };
	dir->pins++;
	if (!name)
		return;
	s->name = memcpy(c->names + c->names_len, name->name, name->len + 1);
	s->len = name->len;
	s->node = name->node;
	s->generation = name->generation;
	c->names_len += name->len + 1;
}

static void each_suspect_of(struct change *c, struct vv_node *dir, suspicion *fn)
{
	if (dir->inst ||
	    !vv_changes_touch(&c->paths, path_of(dir), strlen(path_of(dir))))
		return;
	fn(c, dir, NULL);
	for (size_t i = 0; i < dir->tracked_count; i++) {
		if (is_name_touched(c, dir, dir->tracked[i]))
			fn(c, dir, dir->tracked[i]);
	}
}

static void each_suspect(struct change *c, suspicion *fn)
{
	const struct vv_node_table *nodes = &c->view->nodes;

	for (size_t i = 0; i < nodes->buckets; i++) {
		for (struct vv_node *n = nodes->by_id[i]; n; n = n->next_by_id)
			each_suspect_of(c, n, fn);
	}
}

static int make_room(struct change *c)
{
	free(c->suspects);
	free(c->notices);
	free(c->names);
	c->cap = c->need_count * 2 + 16; /* lookups go on meanwhile */
	c->names_cap = c->need_bytes * 2 + 1024;
	c->suspects = calloc(c->cap, sizeof(c->suspects[0]));
	c->notices = calloc(c->cap, sizeof(c->notices[0]));
	c->names = malloc(c->names_cap);
	return c->suspects && c->notices && c->names ? VV_OK : VV_ENOMEM;
}

/* Which trees a lease must name although nobody is shown them: vv_view_retired_next(). */
static void mark_shown(struct change *c)
{
	struct vv_mutex *lock = &c->view->instances.lock;

	vv_mutex_lock(lock);
	for (size_t i = 0; i < c->before->count; i++)
		c->before->layers[i].inst->shown = false;
	for (size_t i = 0; i < c->after->count; i++)
		c->after->layers[i].inst->shown = true;
	vv_mutex_unlock(lock);
}

/*
 * true: the new layers are there, and all suspects collected; false: more room is
 * needed.
 */
static bool try_swap(struct change *c)
{
	bool fits;

	c->need_count = c->need_bytes = 0;
	vv_mutex_lock(&c->view->lock);
	each_suspect(c, measure);
	fits = c->need_count <= c->cap && c->need_bytes <= c->names_cap;
	if (fits) {
		each_suspect(c, collect);
		vv_snapshot_unref(c->view->current,
				  &c->view->instances); /* not the last */
		vv_snapshot_ref(c->after);
		c->view->current = c->after;
		mark_shown(c);
	}
	vv_mutex_unlock(&c->view->lock);
	return fits;
}

static int prepare(struct change *c, const struct vv_layer *layers, size_t count)
{
	int err;

	vv_mutex_lock(&c->view->lock);
	c->before = c->view->current;
	vv_snapshot_ref(c->before);
	vv_mutex_unlock(&c->view->lock);
	err = vv_snapshot_new(&c->after, &c->view->instances, c->before, layers, count);
	if (err)
		return err;
	c->after->seq = c->before->seq + 1;
	err = vv_changes_find(&c->paths, c->before, c->after);
	while (!err && !try_swap(c))
		err = make_room(c);
	return err;
}

/* ---- compare and settle ---- */

static bool is_same_answer(struct change *c, const struct suspect *s,
			   const struct vv_answer *a)
{
	const struct vv_node *node;
	bool is_same;

	switch (a->kind) {
	case VV_ANSWER_NONE: return s->node == 0;
	case VV_ANSWER_TREE:
		return s->node == vv_instance_node(a->inst, a->entry) &&
		       s->generation == a->inst->generation;
	case VV_ANSWER_DIR:
		vv_mutex_lock(&c->view->lock);
		node = vv_node_find_dir(&c->view->nodes, a->dir);
		is_same = node && node->id == s->node;
		vv_mutex_unlock(&c->view->lock);
		return is_same;
	case VV_ANSWER_FILE: break; /* only for a short time, and so not tracked */
	}
	return false;
}

static bool is_answer_good(struct change *c, const struct suspect *s)
{
	const struct vv_dir *dir = s->dir->id == VV_NODE_ROOT ? c->root : s->dir->dir;
	struct vv_answer a;
	bool is_good;

	if (!dir ||
	    vv_merge_child(c->view, c->after, dir, s->name, s->len, &a) != VV_OK)
		return false;
	is_good = !a.is_short && is_same_answer(c, s, &a);
	vv_answer_fini(&a, &c->view->instances);
	return is_good;
}

/*
 * Unpins the directory and, unless @is_good, stops tracking the name.  true: a kernel
 * may remember it.  It does not if it has forgotten the node: a kernel drops the names
 * of a node first.
 */
static bool settle(struct change *c, const struct suspect *s, bool is_good)
{
	struct vv_view *view = c->view;
	struct vv_tracked *name = NULL;
	bool is_forgotten, is_gone;

	vv_mutex_lock(&view->lock);
	is_forgotten = s->node && !vv_node_is_tree(s->node) &&
		       !vv_node_find(&view->nodes, s->node);
	if (s->name && !is_good)
		name = vv_node_untrack(&view->nodes, s->dir, s->name, s->len, s->node,
				       s->generation);
	s->dir->pins--;
	is_gone = vv_node_retire(&view->nodes, s->dir);
	vv_mutex_unlock(&view->lock);
	vv_tracked_free(name, view);
	if (is_gone)
		vv_node_free(s->dir, view);
	return !is_gone && !is_forgotten;
}

static void find_notices(struct change *c, struct vv_notices *out)
{
	/* Without its sources every name in the root has a notice (C3). */
	if (vv_merge_root(c->view, c->after, &c->root) == VV_OK)
		vv_dir_ref(c->root);
	vv_root_keep_dir(c->view, c->root, c->after->seq); /* lets the old trees go */
	for (size_t i = 0; i < c->count; i++) {
		const struct suspect *s = &c->suspects[i];
		uint64_t dir = s->dir->id;
		bool is_good = s->name && is_answer_good(c, s);

		if (!settle(c, s, is_good) || is_good)
			continue;
		c->notices[out->count++] = (struct vv_notice){
			.node = dir,
			.name = s->name,
			.len = s->len,
		};
	}
	out->items = c->notices;
	out->names = c->names;
	c->notices = NULL;
	c->names = NULL;
}

int vv_change_layers(struct vv_view *view, const struct vv_layer *layers, size_t count,
		     struct vv_notices *out)
{
	struct change c = { .view = view };
	int err;

	*out = (struct vv_notices){ 0 };
	vv_mutex_lock(&view->set_lock);
	err = prepare(&c, layers, count);
	if (!err)
		find_notices(&c, out);
	vv_mutex_unlock(&view->set_lock);
	change_fini(&c);
	return err;
}

void vv_notices_fini(struct vv_notices *n)
{
	free(n->items);
	free(n->names);
	*n = (struct vv_notices){ 0 };
}
