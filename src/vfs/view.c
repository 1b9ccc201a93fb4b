/*
 * Dispatch: nodes of a tree are answered by tree_node.c, without a lock; all others by
 * dynamic.c.
 */
#include "vfs/view.h"

#include "core/arith.h"
#include "core/err.h"
#include "core/log.h"
#include "vfs/change.h"
#include "vfs/dynamic.h"
#include "vfs/listing.h"
#include "vfs/tree_node.h"
#include "vfs/view_parts.h"

#include <stdlib.h>
#include <string.h>

/* Two who ask at once may both find room: a few bytes too many, of a bound that has slack. */
static bool is_too_much(const struct vv_budget_stats *st, size_t bytes)
{
	size_t most = st->limit / 8 * VV_VIEW_EIGHTHS;
	size_t held = st->by_holder[VV_HOLD_NODES] + st->by_holder[VV_HOLD_LISTINGS];

	return held > most || bytes > most - held;
}

int vv_view_reserve(struct vv_view *view, enum vv_holder holder, size_t bytes)
{
	static struct vv_log_limit limit;
	struct vv_budget *budget = view->opts.budget;
	struct vv_budget_stats st;

	if (!budget)
		return VV_OK;
	vv_budget_get_stats(budget, &st);
	if (is_too_much(&st, bytes)) {
		vv_log_limited(
			&limit, VV_LOG_ERROR,
			"the kernel and open directories hold %zu MiB of names of host "
			"directories; mount with more --memory to show more at once",
			(st.by_holder[VV_HOLD_NODES] +
			 st.by_holder[VV_HOLD_LISTINGS]) >>
				20);
		return VV_ENOMEM;
	}
	return vv_budget_reserve(budget, holder, bytes);
}

void vv_view_release(struct vv_view *view, enum vv_holder holder, size_t bytes)
{
	if (view->opts.budget)
		vv_budget_release(view->opts.budget, holder, bytes);
}

int vv_view_new(struct vv_view **out, const struct vv_view_options *opts)
{
	struct vv_view *view = calloc(1, sizeof *view);
	int err;

	*out = NULL;
	if (!view)
		return VV_ENOMEM;
	view->opts = *opts;
	vv_mutex_init(&view->set_lock);
	vv_mutex_init(&view->lock);
	err = vv_instance_table_init(&view->instances);
	if (!err)
		err = vv_node_table_init(&view->nodes);
	if (!err)
		err = vv_snapshot_new(&view->current, &view->instances, NULL, NULL, 0);
	if (err) {
		vv_view_free(view);
		return err;
	}
	view->current->seq = 1;
	*out = view;
	return VV_OK;
}

void vv_view_free(struct vv_view *view)
{
	if (!view)
		return;
	vv_node_table_fini(&view->nodes, view);
	vv_snapshot_unref(view->current, &view->instances);
	vv_instance_table_fini(&view->instances);
	vv_mutex_fini(&view->lock);
	vv_mutex_fini(&view->set_lock);
	free(view);
}

int vv_view_set_layers(struct vv_view *view, const struct vv_layer *layers,
		       size_t count, struct vv_notices *out)
{
	*out = (struct vv_notices){ 0 };
	for (size_t i = 0; i < count; i++) {
		if (layers[i].tag < 0 || (layers[i].dir && !view->opts.host_ops) ||
		    (!layers[i].dir && !layers[i].open))
			return VV_EINVAL;
	}
	return vv_change_layers(view, layers, count, out);
}

bool vv_view_has_host_layers(struct vv_view *view)
{
	bool has_host;

	vv_mutex_lock(&view->lock);
	has_host = view->current->has_host;
	vv_mutex_unlock(&view->lock);
	return has_host;
}

/* The instance of a tree's node; NULL: it is dynamic, or nobody's. */
static struct vv_instance *instance_of(const struct vv_view *view, uint64_t node)
{
	return vv_instance_of_node(&view->instances, node);
}

/* ---- queries ---- */

int vv_view_lookup(struct vv_view *view, uint64_t parent, const char *name, size_t len,
		   struct vv_attr *out, enum vv_life *negative_life)
{
	struct vv_instance *inst = instance_of(view, parent);

	*out = (struct vv_attr){ 0 };
	*negative_life = VV_LIFE_FOREVER;
	if (!inst)
		return vv_dynamic_lookup(view, parent, name, len, false, out,
					 negative_life);
	return vv_tree_node_lookup(&view->instances, inst, (uint32_t)parent, name, len,
				   out);
}

/*
 * A tree's nodes may be forgotten while others of that tree are looked up: the count is
 * the instance's.
 */
void vv_view_forget(struct vv_view *view, uint64_t node, uint64_t count)
{
	struct vv_instance *inst = instance_of(view, node);

	if (inst)
		vv_instance_drop(&view->instances, inst, count);
	else
		vv_dynamic_forget(view, node, count);
}

int vv_view_getattr(struct vv_view *view, uint64_t node, struct vv_attr *out)
{
	struct vv_instance *inst = instance_of(view, node);

	*out = (struct vv_attr){ 0 };
	if (!inst)
		return vv_dynamic_getattr(view, node, out);
	return vv_tree_node_attr(&view->instances, inst, (uint32_t)node, out);
}

int vv_view_readlink(struct vv_view *view, uint64_t node, char *buf, size_t cap,
		     size_t *len)
{
	struct vv_instance *inst = instance_of(view, node);

	*len = 0;
	if (!inst)
		return vv_dynamic_readlink(view, node, buf, cap, len);
	return vv_tree_node_readlink(&view->instances, inst, (uint32_t)node, buf, cap,
				     len);
}

int vv_view_xattr_get(struct vv_view *view, uint64_t node, const char *name, void *buf,
		      size_t cap, size_t *len)
{
	struct vv_instance *inst = instance_of(view, node);

	*len = 0;
	if (!inst)
		return vv_dynamic_xattr_get(view, node, name, buf, cap, len);
	return vv_tree_node_xattr_get(&view->instances, inst, (uint32_t)node, name, buf,
				      cap, len);
}

int vv_view_xattr_list(struct vv_view *view, uint64_t node, char *buf, size_t cap,
		       size_t *len)
{
	struct vv_instance *inst = instance_of(view, node);

	*len = 0;
	if (!inst)
		return vv_dynamic_xattr_list(view, node, buf, cap, len);
	return vv_tree_node_xattr_list(&view->instances, inst, (uint32_t)node, buf, cap,
				       len);
}

int vv_view_content(struct vv_view *view, uint64_t node, struct vv_content *out)
{
	struct vv_instance *inst = instance_of(view, node);

	*out = (struct vv_content){ 0 };
	if (!inst)
		return vv_dynamic_content(view, node, out);
	return vv_tree_node_content(&view->instances, inst, (uint32_t)node, out);
}

/* ---- handles ---- */

struct vv_view_file {
	const struct vv_host_ops *ops;
	struct vv_hostfile *host; /* owned */
};

int vv_view_open(struct vv_view *view, uint64_t node, struct vv_view_file **out)
{
	struct vv_view_file *file;
	int err;

	*out = NULL;
	if (instance_of(view, node))
		return VV_EINVAL;
	file = calloc(1, sizeof *file);
	if (!file)
		return VV_ENOMEM;
	file->ops = view->opts.host_ops;
	err = vv_dynamic_open(view, node, &file->host);
	if (err)
		free(file);
	else
		*out = file;
	return err;
}

int vv_view_file_read(struct vv_view_file *file, void *buf, size_t len, uint64_t off,
		      size_t *got)
{
	return file->ops->read(file->host, buf, len, off, got);
}

void vv_view_file_close(struct vv_view_file *file)
{
	if (!file)
		return;
	file->ops->close(file->host);
	free(file);
}

struct vv_dir_handle {
	struct vv_view *view;
	struct vv_listing *listing; /* counted */
};

int vv_view_opendir(struct vv_view *view, uint64_t dir, struct vv_dir_handle **out)
{
	struct vv_dir_handle *handle;
	int err;

	*out = NULL;
	if (instance_of(view, dir))
		return VV_OK;
	handle = calloc(1, sizeof *handle);
	if (!handle)
		return VV_ENOMEM;
	handle->view = view;
	err = vv_dynamic_fix_listing(view, dir, &handle->listing);
	if (!err && handle->listing) {
		*out = handle;
		return VV_OK;
	}
	free(handle);
	return err;
}

void vv_view_closedir(struct vv_dir_handle *handle)
{
	if (!handle)
		return;
	vv_listing_unref(handle->listing, handle->view);
	free(handle);
}

int vv_view_readdir(struct vv_view *view, uint64_t dir, struct vv_dir_handle *handle,
		    uint64_t pos, bool plus, vv_view_entry *entry, void *ctx)
{
	struct vv_instance *inst = instance_of(view, dir);

	if (!inst)
		return vv_dynamic_readdir(view, dir, handle ? handle->listing : NULL,
					  pos, plus, entry, ctx);
	return vv_tree_node_readdir(&view->instances, inst, (uint32_t)dir, pos, plus,
				    entry, ctx);
}

/* ---- whole trees ---- */

bool vv_view_is_tree_root(uint64_t node)
{
	return vv_node_is_tree(node) && (uint32_t)node == VV_TREE_ROOT;
}

int vv_view_hold(struct vv_view *view, uint64_t node)
{
	struct vv_instance *inst = instance_of(view, node);

	if (!inst)
		return VV_ESTALE;
	vv_instance_hold(inst);
	return VV_OK;
}

int vv_view_tree(struct vv_view *view, uint64_t root, const struct vv_tree **out)
{
	struct vv_instance *inst = instance_of(view, root);

	*out = NULL;
	return inst ? vv_instance_tree(&view->instances, inst, out) : VV_ESTALE;
}

uint64_t vv_view_entry_node(uint64_t root, uint32_t entry)
{
	return root | entry;
}

/* ---- for messages, statistics and the lease ---- */

size_t vv_view_describe(struct vv_view *view, uint64_t node, char *buf, size_t cap)
{
	struct vv_instance *inst = instance_of(view, node);
	size_t len;

	if (cap < 2)
		return 0;
	buf[0] = '/';
	if (!inst) {
		len = 1 + vv_dynamic_path(view, node, buf + 1, cap - 2);
	} else {
		len = 1 + vv_min_size(inst->path_len, cap - 2);
		memcpy(buf + 1, inst->path, len - 1);
		if (len == 1)
			len = 0; /* the tree's own paths begin with a slash */
		len += vv_tree_node_path(&view->instances, inst, (uint32_t)node,
					 buf + len, cap - 1 - len);
	}
	buf[len] = '\0';
	return len;
}

int vv_view_layer_tag(struct vv_view *view, uint64_t node)
{
	struct vv_instance *inst = instance_of(view, node);

	if (!inst)
		return vv_dynamic_tag(view, node);
	return atomic_load_explicit(&inst->tag, memory_order_relaxed);
}

int vv_view_retired_next(struct vv_view *view, size_t *pos, struct vv_id *tree_id)
{
	struct vv_instance_table *table = &view->instances;
	bool found = false;

	vv_mutex_lock(&table->lock);
	for (; !found && *pos < VV_INSTANCE_MAX; ++*pos) {
		const struct vv_instance *inst =
			atomic_load_explicit(&table->slots[*pos], memory_order_relaxed);

		if (!inst || inst->shown || inst->dir)
			continue;
		*tree_id = inst->layer.tree_id;
		found = true;
	}
	vv_mutex_unlock(&table->lock);
	return found;
}
