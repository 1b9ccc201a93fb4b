#include "vfs/dynamic.h"

#include "core/arith.h"
#include "core/err.h"
#include "vfs/listing.h"
#include "vfs/tree_node.h"
#include "vfs/view_parts.h"

#include <string.h>

void vv_root_keep_dir(struct vv_view *view, struct vv_dir *dir, uint64_t seq)
{
	struct vv_dir *unused = dir;
	struct vv_node *root;

	vv_mutex_lock(&view->lock);
	root = vv_node_find(&view->nodes, VV_NODE_ROOT);
	if (root->dir_seq < seq || (root->dir_seq == seq && !root->dir)) {
		unused = root->dir;
		root->dir = dir;
		root->dir_seq = seq;
	}
	vv_mutex_unlock(&view->lock);
	vv_dir_unref(unused, &view->instances);
}

/* The root's sources follow the snapshot: make them anew when it has changed. */
static int refresh_root(struct vv_visit *visit, struct vv_view *view)
{
	struct vv_dir *dir;
	int err = vv_merge_root(view, visit->s, &dir);

	if (err)
		return err;
	vv_dir_unref(visit->dir, &view->instances);
	visit->dir = dir;
	vv_dir_ref(dir);
	vv_root_keep_dir(view, dir, visit->s->seq);
	return VV_OK;
}

int vv_visit_begin(struct vv_visit *visit, struct vv_view *view, uint64_t node)
{
	bool is_old_root = false;
	int err = VV_OK;

	*visit = (struct vv_visit){ 0 };
	vv_mutex_lock(&view->lock);
	visit->node = vv_node_find(&view->nodes, node);
	if (visit->node) {
		visit->node->pins++;
		visit->s = view->current;
		vv_snapshot_ref(visit->s);
		visit->dir = visit->node->dir;
		if (visit->dir)
			vv_dir_ref(visit->dir);
		is_old_root = node == VV_NODE_ROOT &&
			      (!visit->dir || visit->node->dir_seq != visit->s->seq);
	}
	vv_mutex_unlock(&view->lock);
	if (!visit->node)
		return VV_ESTALE;
	if (is_old_root)
		err = refresh_root(visit, view);
	if (err)
		vv_visit_end(visit, view);
	return err;
}

void vv_visit_end(struct vv_visit *visit, struct vv_view *view)
{
	bool is_gone;

	if (!visit->node)
		return;
	vv_mutex_lock(&view->lock);
	visit->node->pins--;
	is_gone = vv_node_retire(&view->nodes, visit->node);
	vv_mutex_unlock(&view->lock);
	if (is_gone)
		vv_node_free(visit->node, view);
	vv_dir_unref(visit->dir, &view->instances);
	vv_snapshot_unref(visit->s, &view->instances);
	*visit = (struct vv_visit){ 0 };
}

/* ---- lookup ---- */

static void host_attr(const struct vv_attr *host, uint64_t dev, struct vv_attr *out)
{
	*out = *host;
	out->node = out->generation = 0;
	out->ino = vv_ino_host(dev, host->ino);
	out->entry_life = out->attr_life = VV_LIFE_SHORT;
}

static int answer_attr(struct vv_view *view, const struct vv_snapshot *s,
		       const struct vv_answer *a, struct vv_attr *out)
{
	switch (a->kind) {
	case VV_ANSWER_TREE:
		return vv_tree_node_attr(&view->instances, a->inst, a->entry, out);
	case VV_ANSWER_DIR: return vv_merge_dir_attr(view, s, a->dir, out);
	case VV_ANSWER_FILE: host_attr(&a->attr, a->dev, out); return VV_OK;
	case VV_ANSWER_NONE: break;
	}
	return VV_OK;
}

/* What a commit may need, made before the lock is taken. */
struct prepared {
	struct vv_node *node;	 /* owned; NULL: not needed, or used */
	struct vv_tracked *name; /* owned; likewise */
};

static int prepare(struct prepared *p, struct vv_view *view, struct vv_answer *a,
		   const char *name, size_t len)
{
	int err = VV_OK;

	*p = (struct prepared){ 0 };
	if (a->kind == VV_ANSWER_DIR || a->kind == VV_ANSWER_FILE)
		err = vv_node_new(&p->node, view, a);
	if (!err && !a->is_short)
		err = vv_tracked_new(&p->name, view, name, len);
	return err;
}

static void prepared_fini(struct prepared *p, struct vv_view *view)
{
	vv_node_free(p->node, view);
	vv_tracked_free(p->name, view);
}

/* Under the lock, with the snapshot that gave the answer still current. */
static enum vv_life commit(struct vv_view *view, struct vv_node *parent,
			   const struct vv_answer *a, struct prepared *p,
			   struct vv_attr *out)
{
	if (a->kind == VV_ANSWER_TREE)
		vv_instance_hold(a->inst);
	if (p->node) {
		struct vv_node *node = vv_node_find_same(&view->nodes, p->node);

		if (!node) {
			node = p->node;
			p->node = NULL;
			vv_node_insert(&view->nodes, node);
		}
		node->lookups++;
		out->node = node->id;
	}
	if (a->is_short ||
	    !vv_node_track(&view->nodes, parent, &p->name, out->node, out->generation))
		return VV_LIFE_SHORT;
	return VV_LIFE_FOREVER;
}

/* *@is_late: the layers changed meanwhile, and the answer is not to be given. */
static int lookup_once(struct vv_view *view, const struct vv_visit *visit,
		       const char *name, size_t len, bool cheap, struct vv_attr *out,
		       enum vv_life *life, bool *is_late)
{
	struct vv_answer a;
	struct prepared p = { 0 };
	int err = vv_merge_child(view, visit->s, visit->dir, name, len, &a);

	if (err || (cheap && a.kind == VV_ANSWER_TREE && !vv_instance_is_open(a.inst)))
		goto out;
	err = answer_attr(view, visit->s, &a, out);
	if (!err)
		err = prepare(&p, view, &a, name, len);
	if (err)
		goto out;
	vv_mutex_lock(&view->lock);
	*is_late = view->current != visit->s;
	if (!*is_late)
		*life = commit(view, visit->node, &a, &p, out);
	vv_mutex_unlock(&view->lock);
	if (a.kind == VV_ANSWER_NONE)
		err = VV_ENOENT;
out:
	prepared_fini(&p, view);
	vv_answer_fini(&a, &view->instances);
	return err;
}

int vv_dynamic_lookup(struct vv_view *view, uint64_t parent, const char *name,
		      size_t len, bool cheap, struct vv_attr *out,
		      enum vv_life *negative_life)
{
	struct vv_visit visit;
	bool is_late;
	int err;

	do {
		is_late = false;
		*out = (struct vv_attr){ 0 };
		*negative_life = VV_LIFE_NONE;
		err = vv_visit_begin(&visit, view, parent);
		if (err)
			return err;
		if (visit.dir)
			err = lookup_once(view, &visit, name, len, cheap, out,
					  negative_life, &is_late);
		else
			err = VV_ENOTDIR;
		vv_visit_end(&visit, view);
	} while (is_late);
	out->entry_life = *negative_life;
	return err;
}

void vv_dynamic_forget(struct vv_view *view, uint64_t id, uint64_t count)
{
	struct vv_node *node;

	if (id == VV_NODE_ROOT)
		return;
	vv_mutex_lock(&view->lock);
	node = vv_node_find(&view->nodes, id);
	if (node) {
		node->lookups -= vv_min_u64(count, node->lookups);
		if (!vv_node_retire(&view->nodes, node))
			node = NULL;
	}
	vv_mutex_unlock(&view->lock);
	vv_node_free(node, view);
}

/* ---- queries ---- */

/*
 * The file may have been replaced on the host: then this node, which meant the old one,
 * is dead.
 */
static int stat_file(struct vv_view *view, const struct vv_node *node,
		     struct vv_attr *out)
{
	struct vv_attr attr;
	uint64_t dev;
	int err = view->opts.host_ops->stat(node->inst->dir,
					    vv_merge_host_path(node->inst, node->path),
					    &attr, &dev);

	if (!err && (dev != node->dev || attr.ino != node->ino))
		err = VV_ESTALE;
	if (!err)
		host_attr(&attr, dev, out);
	return err;
}

int vv_dynamic_getattr(struct vv_view *view, uint64_t node, struct vv_attr *out)
{
	struct vv_visit visit;
	int err = vv_visit_begin(&visit, view, node);

	if (err)
		return err;
	if (visit.dir)
		err = vv_merge_dir_attr(view, visit.s, visit.dir, out);
	else
		err = stat_file(view, visit.node, out);
	out->node = node;
	vv_visit_end(&visit, view);
	return err;
}

int vv_dynamic_readlink(struct vv_view *view, uint64_t node, char *buf, size_t cap,
			size_t *len)
{
	struct vv_visit visit;
	int err = vv_visit_begin(&visit, view, node);

	if (err)
		return err;
	if (visit.dir)
		err = VV_EINVAL;
	else
		err = view->opts.host_ops->readlink(
			visit.node->inst->dir,
			vv_merge_host_path(visit.node->inst, visit.node->path), buf,
			cap, len);
	vv_visit_end(&visit, view);
	return err;
}

/*
 * Whose extended attributes a node has: a host's, at *@path, or a tree entry's; NULL:
 * nobody's.
 */
static struct vv_instance *xattr_owner(const struct vv_visit *visit, uint32_t *entry,
				       const char **path)
{
	struct vv_instance *inst = visit->node->inst;

	*entry = 0;
	if (visit->dir && visit->dir->count == 0)
		return NULL;
	if (visit->dir) {
		inst = visit->dir->sources[0].inst;
		*entry = visit->dir->sources[0].entry;
	}
	*path = vv_merge_host_path(inst,
				   visit->dir ? visit->dir->path : visit->node->path);
	return inst;
}

int vv_dynamic_xattr_get(struct vv_view *view, uint64_t node, const char *name,
			 void *buf, size_t cap, size_t *len)
{
	struct vv_visit visit;
	struct vv_instance *inst;
	const char *path;
	uint32_t entry;
	int err = vv_visit_begin(&visit, view, node);

	if (err)
		return err;
	inst = xattr_owner(&visit, &entry, &path);
	if (!inst)
		err = VV_ENODATA;
	else if (inst->dir)
		err = view->opts.host_ops->xattr_get(inst->dir, path, name, buf, cap,
						     len);
	else
		err = vv_tree_node_xattr_get(&view->instances, inst, entry, name, buf,
					     cap, len);
	vv_visit_end(&visit, view);
	return err;
}

int vv_dynamic_xattr_list(struct vv_view *view, uint64_t node, char *buf, size_t cap,
			  size_t *len)
{
	struct vv_visit visit;
	struct vv_instance *inst;
	const char *path;
	uint32_t entry;
	int err = vv_visit_begin(&visit, view, node);

	if (err)
		return err;
	inst = xattr_owner(&visit, &entry, &path);
	if (inst && inst->dir)
		err = view->opts.host_ops->xattr_list(inst->dir, path, buf, cap, len);
	else if (inst)
		err = vv_tree_node_xattr_list(&view->instances, inst, entry, buf, cap,
					      len);
	vv_visit_end(&visit, view);
	return err;
}

int vv_dynamic_content(struct vv_view *view, uint64_t node, struct vv_content *out)
{
	struct vv_visit visit;
	struct vv_attr attr;
	int err = vv_visit_begin(&visit, view, node);

	if (err)
		return err;
	err = visit.dir ? VV_EISDIR : stat_file(view, visit.node, &attr);
	if (!err && (attr.mode & VV_S_IFMT) != VV_S_IFREG)
		err = VV_EINVAL;
	if (!err)
		*out = (struct vv_content){ .is_host = true, .size = attr.size };
	vv_visit_end(&visit, view);
	return err;
}

int vv_dynamic_open(struct vv_view *view, uint64_t node, struct vv_hostfile **out)
{
	struct vv_visit visit;
	struct vv_attr attr;
	int err = vv_visit_begin(&visit, view, node);

	if (err)
		return err;
	err = visit.dir ? VV_EISDIR : stat_file(view, visit.node, &attr);
	if (!err)
		err = view->opts.host_ops->open(out, visit.node->inst->dir,
						vv_merge_host_path(visit.node->inst,
								   visit.node->path));
	vv_visit_end(&visit, view);
	return err;
}

size_t vv_dynamic_path(struct vv_view *view, uint64_t node, char *buf, size_t cap)
{
	struct vv_visit visit;
	const char *path;
	size_t len;

	if (vv_visit_begin(&visit, view, node) != VV_OK)
		return 0;
	path = visit.dir ? visit.dir->path : visit.node->path;
	len = vv_min_size(strlen(path), cap);
	memcpy(buf, path, len);
	vv_visit_end(&visit, view);
	return len;
}

int vv_dynamic_tag(struct vv_view *view, uint64_t id)
{
	const struct vv_node *node;
	int tag = -1;

	vv_mutex_lock(&view->lock);
	node = vv_node_find(&view->nodes, id);
	if (node && node->inst)
		tag = atomic_load_explicit(&node->inst->tag, memory_order_relaxed);
	vv_mutex_unlock(&view->lock);
	return tag;
}
