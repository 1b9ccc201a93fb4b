#include "core/err.h"
#include "format/tree.h"
#include "vfs/dynamic.h"
#include "vfs/listing.h"
#include "vfs/view_parts.h"

/* ---- which listing ---- */

static struct vv_listing *kept_listing(struct vv_view *view, struct vv_node *node)
{
	struct vv_listing *l;

	vv_mutex_lock(&view->lock);
	l = node->listing;
	if (l)
		vv_listing_ref(l);
	vv_mutex_unlock(&view->lock);
	return l;
}

/*
 * Under the lock: a place among those that keep a listing; what was kept there is
 * returned, to be unreferenced.
 */
static struct vv_listing *take_turn(struct vv_node_table *t, struct vv_node *node)
{
	unsigned turn = t->kept_cursor++ % VV_LISTINGS_KEPT;
	struct vv_node *other = vv_node_find(t, t->kept[turn]);
	struct vv_listing *old = NULL;

	if (other && other != node) {
		old = other->listing;
		other->listing = NULL;
	}
	t->kept[turn] = node->id;
	return old;
}

static void keep_listing(struct vv_view *view, struct vv_node *node,
			 struct vv_listing *l)
{
	struct vv_listing *old, *others = NULL;

	vv_listing_ref(l);
	vv_mutex_lock(&view->lock);
	old = node->listing;
	node->listing = l;
	if (!old)
		others = take_turn(&view->nodes, node);
	vv_mutex_unlock(&view->lock);
	vv_listing_unref(old, view);
	vv_listing_unref(others, view);
}

/*
 * The listing of the visit's snapshot; @is_start: what the host may have changed must
 * be looked at again.
 */
static int get_listing(struct vv_listing **out, struct vv_view *view,
		       const struct vv_visit *visit, bool is_start)
{
	struct vv_listing *kept = kept_listing(view, visit->node);
	int err;

	*out = kept;
	if (kept && kept->seq == visit->s->seq && !(is_start && visit->dir->has_host))
		return VV_OK;
	err = vv_listing_new(out, view, visit->s, visit->dir, kept);
	vv_listing_unref(kept, view);
	if (!err)
		keep_listing(view, visit->node, *out);
	return err;
}

int vv_dynamic_fix_listing(struct vv_view *view, uint64_t node, struct vv_listing **out)
{
	struct vv_visit visit;
	int err = vv_visit_begin(&visit, view, node);

	*out = NULL;
	if (err)
		return err;
	if (!visit.dir)
		err = VV_ENOTDIR;
	else if (visit.dir->has_host)
		err = vv_listing_new(out, view, visit.s, visit.dir, NULL);
	vv_visit_end(&visit, view);
	return err;
}

/* ---- readdir ---- */

static uint64_t parent_ino(const struct vv_dir *dir)
{
	size_t len = dir->path_len;

	while (len > 0 && dir->path[--len] != '/')
		;
	return vv_ino_path(dir->path, len);
}

/* true: the callee stopped. */
static bool emit_dots(const struct vv_dir *dir, uint64_t pos, vv_view_entry *entry,
		      void *ctx)
{
	struct vv_attr attr = {
		.mode = VV_S_IFDIR,
		.ino = vv_ino_path(dir->path, dir->path_len),
	};

	if (pos < 1 && entry(ctx, ".", 1, 1, &attr) != 0)
		return true;
	attr.ino = parent_ino(dir);
	return pos < 2 && entry(ctx, "..", 2, 2, &attr) != 0;
}

/*
 * What cannot be looked up is listed without attributes; a lookup of its name will tell
 * the error.
 */
static bool emit_item(struct vv_view *view, uint64_t dir, const struct vv_listing *l,
		      const struct vv_listed *item, bool plus, vv_view_entry *entry,
		      void *ctx)
{
	const char *name = l->names + item->name;
	struct vv_attr attr = { 0 };
	enum vv_life life;

	if (!plus ||
	    vv_dynamic_lookup(view, dir, name, item->len, true, &attr, &life) != VV_OK)
		attr = (struct vv_attr){ 0 };
	if (!attr.node) {
		attr.mode = item->mode;
		attr.ino = item->ino;
	}
	return entry(ctx, name, item->len, item->pos, &attr) != 0;
}

int vv_dynamic_readdir(struct vv_view *view, uint64_t dir, struct vv_listing *fixed,
		       uint64_t pos, bool plus, vv_view_entry *entry, void *ctx)
{
	struct vv_listing *l = fixed;
	struct vv_visit visit;
	int err = vv_visit_begin(&visit, view, dir);

	if (err)
		return err;
	if (!visit.dir)
		err = VV_ENOTDIR;
	else if (!fixed)
		err = get_listing(&l, view, &visit, pos == 0);
	if (!err && !emit_dots(visit.dir, pos, entry, ctx)) {
		size_t i = vv_listing_find(l, pos < 2 ? 2 : pos);

		while (i < l->count &&
		       !emit_item(view, dir, l, &l->items[i], plus, entry, ctx))
			i++;
	}
	if (!fixed && !err)
		vv_listing_unref(l, view);
	vv_visit_end(&visit, view);
	return err;
}
