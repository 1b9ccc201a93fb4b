#include "vfs/merge.h"

#include "core/arith.h"
#include "core/err.h"
#include "core/name.h"
#include "vfs/tree_node.h"
#include "vfs/view_parts.h"

#include <stdlib.h>
#include <string.h>

void vv_dir_ref(struct vv_dir *dir)
{
	atomic_fetch_add_explicit(&dir->refs, 1, memory_order_relaxed);
}

void vv_dir_unref(struct vv_dir *dir, struct vv_instance_table *table)
{
	if (!dir || atomic_fetch_sub_explicit(&dir->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < dir->count; i++)
		vv_instance_drop(table, dir->sources[i].inst, 1);
	if (dir->cut)
		vv_instance_drop(table, dir->cut, 1);
	free(dir->path);
	free(dir);
}

bool vv_dir_is_same(const struct vv_dir *a, const struct vv_dir *b)
{
	if (a->path_len != b->path_len || a->count != b->count || a->cut != b->cut ||
	    memcmp(a->path, b->path, a->path_len) != 0)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (a->sources[i].inst != b->sources[i].inst ||
		    a->sources[i].entry != b->sources[i].entry)
			return false;
	}
	return true;
}

size_t vv_dir_size_bytes(const struct vv_dir *dir)
{
	return sizeof *dir + dir->count * sizeof dir->sources[0] + dir->path_len + 1;
}

void vv_answer_fini(struct vv_answer *a, struct vv_instance_table *table)
{
	vv_dir_unref(a->dir, table);
	free(a->path);
	*a = (struct vv_answer){ 0 };
}

const char *vv_merge_host_path(const struct vv_instance *inst, const char *path)
{
	path += inst->path_len;
	return *path == '/' ? path + 1 : path;
}

uint32_t vv_merge_limit(const struct vv_snapshot *s, const struct vv_dir *dir)
{
	return dir->cut ? vv_snapshot_rank(s, dir->cut) : VV_RANK_NONE;
}

/*
 * The search at one path: contributions in order of rank.  They come from three places:
 * the sources of the parent, layers that begin at this path, and layers deeper down, of
 * which only the first and the last rank matter.
 */
struct search {
	struct vv_view *view;
	const struct vv_snapshot *s;
	const struct vv_dir *parent; /* NULL: this is the root */
	const char *name;	     /* in the parent */
	size_t name_len;
	char *path; /* owned */
	size_t path_len;
	uint32_t limit;			/* ranks beyond it are cut off */
	size_t source;			/* next of the parent's */
	size_t exact, exact_end;	/* next layer at this path */
	uint32_t deep_first, deep_last; /* NONE and 0 if there is none */
	bool is_dir;			/* somebody has a directory here */
	bool is_ended;			/* by something else */
	bool is_short;			/* a host directory was asked */
	struct vv_dir *dir;		/* owned; collects the sources */
};

/* What one layer has at the path. */
struct found {
	struct vv_instance *inst;
	uint32_t rank;
	uint32_t mode; /* 0: nothing */
	bool is_whiteout;
	uint32_t entry;
	struct vv_attr attr; /* of the host */
	uint64_t dev;
};

static int join_path(struct search *q)
{
	size_t at = q->parent ? q->parent->path_len : 0;

	if (at + q->name_len + 1 > VV_VIEW_PATH_MAX)
		return VV_ENAMETOOLONG;
	q->path = malloc(at + q->name_len + 2);
	if (!q->path)
		return VV_ENOMEM;
	if (at) {
		memcpy(q->path, q->parent->path, at);
		q->path[at++] = '/';
	}
	if (q->name_len)
		memcpy(q->path + at, q->name, q->name_len);
	q->path_len = at + q->name_len;
	q->path[q->path_len] = '\0';
	return VV_OK;
}

static void find_layers(struct search *q)
{
	struct vv_run run = vv_snapshot_find(q->s, q->path, q->path_len);

	q->exact = run.first;
	q->exact_end = run.exact_end;
	q->deep_first = VV_RANK_NONE;
	for (size_t i = run.exact_end; i < run.end; i++) {
		uint32_t rank = q->s->layers[i].rank;

		if (rank > q->limit)
			continue;
		q->deep_first = rank < q->deep_first ? rank : q->deep_first;
		q->deep_last = rank > q->deep_last ? rank : q->deep_last;
	}
}

static int search_init(struct search *q, struct vv_view *view,
		       const struct vv_snapshot *s, const struct vv_dir *parent,
		       const char *name, size_t len)
{
	size_t most;
	int err;

	*q = (struct search){
		.view = view,
		.s = s,
		.parent = parent,
		.name = name,
		.name_len = len,
		.limit = parent ? vv_merge_limit(s, parent) : VV_RANK_NONE,
	};
	err = join_path(q);
	if (err)
		return err;
	find_layers(q);
	most = (parent ? parent->count : 0) + (q->exact_end - q->exact);
	q->dir = calloc(1, sizeof *q->dir + most * sizeof q->dir->sources[0]);
	if (!q->dir)
		return VV_ENOMEM;
	atomic_init(&q->dir->refs, 1);
	if (parent && parent->cut) {
		q->dir->cut = parent->cut;
		vv_instance_hold(q->dir->cut);
	}
	return VV_OK;
}

static void search_fini(struct search *q)
{
	vv_dir_unref(q->dir, &q->view->instances);
	free(q->path);
}

static int find_in_tree(struct search *q, struct found *f, uint32_t dir_entry)
{
	struct vv_entry entry;
	int err = vv_tree_node_child(&q->view->instances, f->inst, dir_entry, q->name,
				     q->name_len, &entry);

	if (err)
		return err == VV_ENOENT ? VV_OK : err;
	f->mode = entry.mode;
	f->entry = entry.index;
	f->is_whiteout = (entry.mode & VV_S_IFMT) == VV_S_IFCHR &&
			 entry.rdev_major == 0 && entry.rdev_minor == 0;
	return VV_OK;
}

static int find_in_host(struct search *q, struct found *f)
{
	int err;

	q->is_short = true;
	err = q->view->opts.host_ops->stat(
		f->inst->dir, vv_merge_host_path(f->inst, q->path), &f->attr, &f->dev);

	if (err)
		return err == VV_ENOENT || err == VV_ENOTDIR ? VV_OK : err;
	f->mode = f->attr.mode;
	f->is_whiteout = (f->mode & VV_S_IFMT) == VV_S_IFCHR &&
			 f->attr.rdev_major == 0 && f->attr.rdev_minor == 0;
	return VV_OK;
}

/*
 * A source that is no longer shown keeps its place among the others: it goes before
 * what follows it.
 */
static uint32_t source_rank(const struct search *q)
{
	for (size_t i = q->source; i < q->parent->count; i++) {
		uint32_t rank = vv_snapshot_rank(q->s, q->parent->sources[i].inst);

		if (rank != VV_RANK_NONE)
			return rank;
	}
	return VV_RANK_NONE;
}

/* The next contribution: 1 = found (perhaps nothing there), 0 = no more, < 0 = error. */
static int next_found(struct search *q, struct found *f)
{
	bool has_source = q->parent && q->source < q->parent->count;
	bool has_exact =
		q->exact < q->exact_end && q->s->layers[q->exact].rank <= q->limit;
	uint32_t rank = has_source ? source_rank(q) : VV_RANK_NONE;
	int err;

	*f = (struct found){ 0 };
	if (has_exact && (!has_source || q->s->layers[q->exact].rank < rank)) {
		f->inst = q->s->layers[q->exact].inst;
		f->rank = q->s->layers[q->exact++].rank;
		f->mode = VV_S_IFDIR;
		return 1;
	}
	if (!has_source)
		return 0;
	f->inst = q->parent->sources[q->source].inst;
	f->rank = rank;
	if (f->inst->dir)
		err = find_in_host(q, f);
	else
		err = find_in_tree(q, f, q->parent->sources[q->source].entry);
	q->source++;
	return err ? err : 1;
}

static bool is_more_below(const struct search *q, uint32_t rank)
{
	return (q->parent && q->source < q->parent->count) ||
	       (q->exact < q->exact_end && q->s->layers[q->exact].rank <= q->limit) ||
	       (q->deep_first != VV_RANK_NONE && q->deep_last > rank);
}

/* 1, 0 or an error. */
static int has_opaque_mark(struct search *q, const struct found *f, const char *name)
{
	char value[2];
	size_t len;
	int err;

	q->is_short = q->is_short || f->inst->dir;
	if (f->inst->dir)
		err = q->view->opts.host_ops->xattr_get(
			f->inst->dir, vv_merge_host_path(f->inst, q->path), name, value,
			sizeof value, &len);
	else
		err = vv_tree_node_xattr_get(&q->view->instances, f->inst, f->entry,
					     name, value, sizeof value, &len);
	switch (err) {
	case VV_OK: return len == 1 && value[0] == 'y';
	case VV_ENODATA:
	case VV_ERANGE:
	case VV_ENOSYS:
	case VV_EOPNOTSUPP:
	case VV_EPERM: /* trusted.* without privilege */
	case VV_EACCES: return 0;
	default: return err;
	}
}

static int is_opaque(struct search *q, const struct found *f)
{
	int mark = has_opaque_mark(q, f, "trusted.overlay.opaque");

	return mark ? mark : has_opaque_mark(q, f, "user.overlay.opaque");
}

static void cut_at(struct search *q, struct vv_instance *inst, uint32_t rank)
{
	vv_instance_hold(inst);
	if (q->dir->cut)
		vv_instance_drop(&q->view->instances, q->dir->cut, 1);
	q->dir->cut = inst;
	q->limit = rank;
}

/* Is there a layer beneath the path that is not cut off? */
static bool is_deeper(const struct search *q)
{
	return q->deep_first != VV_RANK_NONE && q->deep_first <= q->limit;
}

/* 1: the search goes on, 0: it ended here. */
static int add_directory(struct search *q, const struct found *f)
{
	int opaque = is_more_below(q, f->rank) ? is_opaque(q, f) : 0;

	if (opaque < 0)
		return opaque;
	vv_instance_hold(f->inst);
	q->dir->sources[q->dir->count++] = (struct vv_dir_source){
		.inst = f->inst,
		.entry = f->entry,
	};
	q->dir->has_host = q->dir->has_host || f->inst->dir;
	q->is_dir = true;
	if (opaque)
		cut_at(q, f->inst, f->rank);
	return !opaque;
}

static void answer_file(struct search *q, const struct found *f, struct vv_answer *out)
{
	out->kind = f->inst->dir ? VV_ANSWER_FILE : VV_ANSWER_TREE;
	out->inst = f->inst;
	out->entry = f->entry;
	if (!f->inst->dir)
		return;
	out->attr = f->attr;
	out->dev = f->dev;
	out->path = q->path;
	q->path = NULL;
}

static void answer_directory(struct search *q, struct vv_answer *out)
{
	const struct vv_dir_source *first = &q->dir->sources[0];

	if (q->parent && q->dir->count == 1 && !first->inst->dir && !is_deeper(q)) {
		out->kind = VV_ANSWER_TREE;
		out->inst = first->inst; /* the parent or the snapshot holds it too */
		out->entry = first->entry;
		return;
	}
	out->kind = VV_ANSWER_DIR;
	out->dir = q->dir;
	out->dir->path = q->path;
	out->dir->path_len = q->path_len;
	q->dir = NULL;
	q->path = NULL;
}

/*
 * What is not a directory ends the search: as the answer, or beneath directories of
 * earlier layers.
 */
static void end_at_file(struct search *q, const struct found *f, struct vv_answer *out)
{
	if (q->is_dir)
		cut_at(q, f->inst, f->rank);
	else if (!f->is_whiteout || q->parent->count == 1)
		answer_file(q, f, out);
}

static int merge(struct search *q, struct vv_answer *out)
{
	struct found f;
	int more;

	while ((more = next_found(q, &f)) > 0) {
		if (f.mode == 0)
			continue;
		q->is_dir = q->is_dir || q->deep_first < f.rank;
		if ((f.mode & VV_S_IFMT) == VV_S_IFDIR) {
			more = add_directory(q, &f);
		} else {
			end_at_file(q, &f, out);
			q->is_ended = true;
		}
		if (more <= 0 || q->is_ended)
			break;
	}
	out->is_short = q->is_short;
	if (more < 0)
		return more;
	if (q->is_dir || (!q->is_ended && is_deeper(q)))
		answer_directory(q, out);
	return VV_OK;
}

int vv_merge_child(struct vv_view *view, const struct vv_snapshot *s,
		   const struct vv_dir *dir, const char *name, size_t len,
		   struct vv_answer *out)
{
	struct search q;
	int err = vv_name_check(name, len);

	*out = (struct vv_answer){ 0 };
	if (err)
		return err;
	err = search_init(&q, view, s, dir, name, len);
	if (!err)
		err = merge(&q, out);
	search_fini(&q);
	if (err)
		vv_answer_fini(out, &view->instances);
	return err;
}

int vv_merge_root(struct vv_view *view, const struct vv_snapshot *s,
		  struct vv_dir **out)
{
	struct vv_answer answer = { 0 };
	struct search q;
	int err = search_init(&q, view, s, NULL, "", 0);

	*out = NULL;
	q.is_dir = true;
	if (!err)
		err = merge(&q, &answer);
	if (!err) {
		*out = answer.dir;
		answer.dir = NULL;
	}
	search_fini(&q);
	vv_answer_fini(&answer, &view->instances);
	return err;
}

/* ---- attributes ---- */

/*
 * Nobody has this directory; it is as old as the last change that we know of beneath it,
 * plus a nanosecond for each layer there, so that its time also changes when a layer
 * goes.  A kernel that caches listings compares the time: a listing that was on its way
 * when the notice came is then not believed.
 */
static void made_up_attr(struct vv_view *view, const struct vv_snapshot *s,
			 const struct vv_dir *dir, struct vv_attr *out)
{
	struct vv_run run = vv_snapshot_find(s, dir->path, dir->path_len);
	int64_t latest = 0;

	for (size_t i = run.first; i < run.end; i++) {
		if (s->layers[i].published_ns > latest)
			latest = s->layers[i].published_ns;
	}
	latest += (int64_t)(run.end - run.first);
	out->mode = VV_S_IFDIR | 0755;
	out->uid = view->opts.default_uid;
	out->gid = view->opts.default_gid;
	out->mtime_sec = out->ctime_sec = out->atime_sec = latest / 1000000000;
	out->mtime_nsec = out->ctime_nsec = out->atime_nsec =
		(uint32_t)(latest % 1000000000);
}

static int first_source_attr(struct vv_view *view, const struct vv_dir *dir,
			     struct vv_attr *out)
{
	const struct vv_dir_source *first = &dir->sources[0];
	uint64_t dev;
	int err;

	if (!first->inst->dir)
		return vv_tree_node_attr(&view->instances, first->inst, first->entry,
					 out);
	err = view->opts.host_ops->stat(first->inst->dir,
					vv_merge_host_path(first->inst, dir->path), out,
					&dev);
	if (!err && (out->mode & VV_S_IFMT) != VV_S_IFDIR)
		err = VV_ESTALE; /* replaced by something else */
	return err;
}

int vv_merge_dir_attr(struct vv_view *view, const struct vv_snapshot *s,
		      const struct vv_dir *dir, struct vv_attr *out)
{
	int err = VV_OK;

	*out = (struct vv_attr){ 0 };
	if (dir->count)
		err = first_source_attr(view, dir, out);
	else
		made_up_attr(view, s, dir, out);
	out->node = out->generation = 0;
	out->ino = vv_ino_path(dir->path, dir->path_len);
	out->nlink = 1;
	out->size = out->blocks = 0;
	out->attr_life = dir->has_host ? VV_LIFE_SHORT : VV_LIFE_FOREVER;
	return err;
}
