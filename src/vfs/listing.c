#include "vfs/listing.h"

#include "core/arith.h"
#include "core/err.h"
#include "vfs/tree_node.h"
#include "vfs/view_parts.h"

#include <stdlib.h>
#include <string.h>

#define POS_DOTDOT UINT64_C(2) /* behind `.` and `..` */
#define POS_STEP (UINT64_C(1) << 20)

/* One listing being made. */
struct maker {
	struct vv_view *view;
	const struct vv_snapshot *s;
	const struct vv_dir *dir;
	struct vv_listing *l;
	uint64_t dev; /* of a host source */
	int err;
};

/* Room for one more of @size bytes, in memory that the budget was asked for first. */
static int make_room(struct maker *m, void **array, size_t *cap, size_t need,
		     size_t size)
{
	size_t more = vv_max_size(*cap * 2, vv_max_size(need, 64)), bytes;
	void *bigger;
	int err;

	if (need <= *cap)
		return VV_OK;
	if (!vv_mul_size(more, size, &bytes))
		return VV_ENOMEM;
	err = vv_view_reserve(m->view, VV_HOLD_LISTINGS, bytes - *cap * size);
	if (err)
		return err;
	m->l->charged += bytes - *cap * size;
	bigger = realloc(*array, bytes);
	if (!bigger)
		return VV_ENOMEM;
	*array = bigger;
	*cap = more;
	return VV_OK;
}

static int add_name(struct maker *m, const char *name, size_t len,
		    const struct vv_listed *what)
{
	struct vv_listing *l = m->l;
	void *items = l->items, *names = l->names;
	int err;

	err = make_room(m, &items, &l->cap, l->count + 1, sizeof l->items[0]);
	l->items = items;
	if (!err)
		err = make_room(m, &names, &l->names_cap, l->names_len + len + 1, 1);
	l->names = names;
	if (err)
		return err;
	l->items[l->count] = *what;
	l->items[l->count].name = l->names_len;
	l->items[l->count].len = (uint16_t)len;
	l->count++;
	memcpy(l->names + l->names_len, name, len);
	l->names[l->names_len + len] = '\0';
	l->names_len += len + 1;
	return VV_OK;
}

/* Only where directories are merged does a character device mean something else. */
static bool may_be_whiteout(const struct maker *m, uint32_t mode)
{
	return m->dir->count > 1 && (mode & VV_S_IFMT) == VV_S_IFCHR;
}

static int add_tree_name(void *ctx, const char *name, size_t len, uint64_t next,
			 const struct vv_attr *attr)
{
	struct maker *m = ctx;

	if (next <= POS_DOTDOT)
		return VV_OK;
	m->err = add_name(m, name, len,
			  &(struct vv_listed){
				  .ino = attr->ino,
				  .mode = attr->mode & VV_S_IFMT,
				  .is_unclear = may_be_whiteout(m, attr->mode),
			  });
	return m->err;
}

/* Of a dynamic directory of that name. */
static uint64_t child_ino(const struct maker *m, const char *name, size_t len)
{
	char path[VV_VIEW_PATH_MAX + 1 + VV_NAME_MAX];
	size_t at = m->dir->path_len;

	memcpy(path, m->dir->path, at);
	if (at)
		path[at++] = '/';
	memcpy(path + at, name, len);
	return vv_ino_path(path, at + len);
}

static int add_host_name(void *ctx, const char *name, uint32_t type_bits, uint64_t ino)
{
	struct maker *m = ctx;
	size_t len = strlen(name);

	if (len > VV_NAME_MAX)
		return VV_OK;
	return add_name(
		m, name, len,
		&(struct vv_listed){
			.ino = type_bits == VV_S_IFDIR ? child_ino(m, name, len)
						       : vv_ino_host(m->dev, ino),
			.mode = type_bits,
			.is_unclear = type_bits == 0 || may_be_whiteout(m, type_bits),
		});
}

static int add_source(struct maker *m, const struct vv_dir_source *src)
{
	const struct vv_host_ops *host = m->view->opts.host_ops;
	struct vv_attr attr;
	const char *path;
	int err;

	if (!src->inst->dir) {
		err = vv_tree_node_readdir(&m->view->instances, src->inst, src->entry,
					   0, false, add_tree_name, m);
		return err ? err : m->err;
	}
	path = vv_merge_host_path(src->inst, m->dir->path);
	err = host->stat(src->inst->dir, path, &attr, &m->dev);
	return err ? err : host->list(src->inst->dir, path, add_host_name, m);
}

/* The next part of the path of each layer beneath the directory. */
static int add_layers(struct maker *m)
{
	struct vv_run run = vv_snapshot_find(m->s, m->dir->path, m->dir->path_len);
	size_t skip = m->dir->path_len ? m->dir->path_len + 1 : 0;
	uint32_t limit = vv_merge_limit(m->s, m->dir);
	const char *last = NULL;
	size_t last_len = 0;

	for (size_t i = run.exact_end; i < run.end; i++) {
		const char *name = m->s->layers[i].inst->path + skip;
		size_t len = strcspn(name, "/");
		int err;

		if (m->s->layers[i].rank > limit ||
		    (last && last_len == len && memcmp(last, name, len) == 0))
			continue;
		last = name;
		last_len = len;
		err = add_name(m, name, len, &(struct vv_listed){ .is_unclear = true });
		if (err)
			return err;
	}
	return VV_OK;
}

/* qsort() has no context: the array carries the names with it while it is sorted. */
struct sortable {
	const char *name;
	struct vv_listed item;
};

static int compare_sortable(const void *a, const void *b)
{
	const struct sortable *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int sort_items(struct maker *m)
{
	struct vv_listing *l = m->l;
	size_t bytes = l->count * sizeof(struct sortable);
	struct sortable *all;
	int err = vv_view_reserve(m->view, VV_HOLD_LISTINGS, bytes);

	if (err)
		return err;
	all = malloc(bytes + 1);
	for (size_t i = 0; all && i < l->count; i++)
		all[i] = (struct sortable){ l->names + l->items[i].name, l->items[i] };
	if (all)
		qsort(all, l->count, sizeof *all, compare_sortable);
	for (size_t i = 0; all && i < l->count; i++)
		l->items[i] = all[i].item;
	err = all ? VV_OK : VV_ENOMEM;
	free(all);
	vv_view_release(m->view, VV_HOLD_LISTINGS, bytes);
	return err;
}

/* Type and number of what the merge answered. */
static int describe_answer(struct maker *m, const struct vv_answer *a,
			   struct vv_listed *item)
{
	struct vv_attr attr;
	int err;

	switch (a->kind) {
	case VV_ANSWER_FILE:
		item->mode = a->attr.mode & VV_S_IFMT;
		item->ino = vv_ino_host(a->dev, a->attr.ino);
		return VV_OK;
	case VV_ANSWER_TREE:
		if (a->entry == VV_TREE_ROOT) { /* known without opening the tree */
			item->ino = vv_ino_tree(a->inst, VV_TREE_ROOT);
			break;
		}
		err = vv_tree_node_attr(&m->view->instances, a->inst, a->entry, &attr);
		if (err)
			return err;
		item->mode = attr.mode & VV_S_IFMT;
		item->ino = attr.ino;
		return VV_OK;
	default: break;
	}
	item->mode = VV_S_IFDIR;
	return VV_OK;
}

/*
 * Ask the merge, as a lookup would.  1: the name stays, be it without a type; 0: there
 * is no such name.
 */
static int clear_up(struct maker *m, struct vv_listed *item)
{
	const char *name = m->l->names + item->name;
	struct vv_answer a;
	int err = vv_merge_child(m->view, m->s, m->dir, name, item->len, &a);
	bool stays = err || a.kind != VV_ANSWER_NONE;

	item->is_unclear = false;
	item->mode = 0;
	item->ino = child_ino(m, name, item->len);
	if (!err && stays)
		err = describe_answer(m, &a, item);
	vv_answer_fini(&a, &m->view->instances);
	return err == VV_ENOMEM ? err : stays;
}

/* Of equal names one stays, with what the merge says; whiteouts go. */
static int settle_items(struct maker *m)
{
	struct vv_listing *l = m->l;
	size_t kept = 0;

	for (size_t i = 0, next; i < l->count; i = next) {
		struct vv_listed item = l->items[i];
		int stays = 1;

		next = i + 1;
		while (next < l->count && strcmp(l->names + l->items[next].name,
						 l->names + item.name) == 0)
			next++;
		if (item.is_unclear || next > i + 1)
			stays = clear_up(m, &item);
		if (stays < 0)
			return stays;
		if (stays)
			l->items[kept++] = item;
	}
	l->count = kept;
	return VV_OK;
}

/* ---- positions ---- */

static void number_from_scratch(struct vv_listing *l)
{
	for (size_t i = 0; i < l->count; i++)
		l->items[i].pos = (i + 1) * POS_STEP;
}

/* Number [@first, @end) between @low and @high, evenly; false: there is no room. */
static bool number_between(struct vv_listing *l, size_t first, size_t end, uint64_t low,
			   uint64_t high)
{
	uint64_t step = (high - low) / (end - first + 1);

	for (size_t i = first; i < end; i++)
		l->items[i].pos = low + (i - first + 1) * step;
	return step > 0 || first == end;
}

static bool inherit_positions(struct vv_listing *l, const struct vv_listing *before)
{
	uint64_t low = POS_DOTDOT;
	size_t run = 0, j = 0; /* names from `run` on wait for their upper neighbour */

	for (size_t i = 0; i < l->count; i++) {
		const char *name = l->names + l->items[i].name;

		while (j < before->count &&
		       strcmp(before->names + before->items[j].name, name) < 0)
			j++;
		if (j == before->count)
			break;
		if (strcmp(before->names + before->items[j].name, name) != 0)
			continue;
		l->items[i].pos = before->items[j].pos;
		if (!number_between(l, run, i, low, l->items[i].pos))
			return false;
		low = l->items[i].pos;
		run = i + 1;
	}
	return number_between(l, run, l->count, low,
			      low + (l->count - run + 1) * POS_STEP);
}

int vv_listing_new(struct vv_listing **out, struct vv_view *view,
		   const struct vv_snapshot *s, const struct vv_dir *dir,
		   const struct vv_listing *before)
{
	struct maker m = { .view = view, .s = s, .dir = dir };
	int err = VV_OK;

	*out = NULL;
	m.l = calloc(1, sizeof *m.l);
	if (!m.l)
		return VV_ENOMEM;
	atomic_init(&m.l->refs, 1);
	m.l->seq = s->seq;
	for (size_t i = 0; !err && i < dir->count; i++)
		err = add_source(&m, &dir->sources[i]);
	if (!err)
		err = add_layers(&m);
	if (!err)
		err = sort_items(&m);
	if (!err)
		err = settle_items(&m);
	if (err) {
		vv_listing_unref(m.l, view);
		return err;
	}
	if (!before || !inherit_positions(m.l, before))
		number_from_scratch(m.l);
	*out = m.l;
	return VV_OK;
}

void vv_listing_ref(struct vv_listing *l)
{
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
}

void vv_listing_unref(struct vv_listing *l, struct vv_view *view)
{
	if (!l || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
		return;
	vv_view_release(view, VV_HOLD_LISTINGS, l->charged);
	free(l->items);
	free(l->names);
	free(l);
}

size_t vv_listing_find(const struct vv_listing *l, uint64_t pos)
{
	size_t lo = 0, hi = l->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->items[mid].pos <= pos)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}
