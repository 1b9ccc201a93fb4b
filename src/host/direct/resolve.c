#include "host/direct/resolve.h"

#include "core/err.h"
#include "core/name.h"
#include "format/tree.h"

#include <stdlib.h>
#include <string.h>
#include <varve/varve.h>

enum {
	FEW = 32,
	DEPTH_MAX = VV_FS_PATH_MAX / 2 /* more parts than a path can have */
};

/* What is left of the path once a symlink stands in its place. */
struct links {
	unsigned count;
	char target[VV_FS_PATH_MAX];
	char rest[VV_FS_PATH_MAX];
};

struct walk {
	struct vv_view *view;
	uint64_t start;
	unsigned flags;
	const char *rest;    /* of the path; borrowed, or in links */
	struct links *links; /* owned; NULL: no symlink yet */
	/* Where it stands: from below the start to here, each looked up once. */
	uint64_t *nodes; /* `few`, or owned */
	size_t depth, cap;
	uint64_t few[FEW];
	struct vv_attr attr; /* of the last lookup */
	bool has_attr;	     /* that was of where it stands */
	bool wants_dir;	     /* says the end of the path */
};

static uint64_t here(const struct walk *w)
{
	return w->depth ? w->nodes[w->depth - 1] : w->start;
}

static void go_up(struct walk *w)
{
	if (w->depth)
		vv_view_forget(w->view, w->nodes[--w->depth], 1);
	w->has_attr = false;
}

static void go_to_start(struct walk *w)
{
	while (w->depth)
		go_up(w);
}

static int make_room(struct walk *w)
{
	uint64_t *nodes;
	size_t cap = 2 * w->cap;

	if (w->depth < w->cap)
		return VV_OK;
	if (w->depth >= DEPTH_MAX)
		return VV_ENAMETOOLONG;
	nodes = malloc(cap * sizeof nodes[0]);
	if (!nodes)
		return VV_ENOMEM;
	memcpy(nodes, w->nodes, w->depth * sizeof nodes[0]);
	if (w->nodes != w->few)
		free(w->nodes);
	w->nodes = nodes;
	w->cap = cap;
	return VV_OK;
}

static uint32_t type_of(const struct vv_attr *attr)
{
	return attr->mode & VV_S_IFMT;
}

/* ---- symlinks ---- */

/* The path goes on with the target of @link, and what was left behind it. */
static int enter_link(struct walk *w, uint64_t link)
{
	struct links *l = w->links ? w->links : calloc(1, sizeof *l);
	size_t len, rest_len = strlen(w->rest);
	int err;

	if (!l)
		return VV_ENOMEM;
	w->links = l;
	if (++l->count > VV_FS_LINKS_MAX)
		return VV_ELOOP;
	err = vv_view_readlink(w->view, link, l->target, sizeof l->target, &len);
	if (err)
		return err == VV_ERANGE ? VV_ENAMETOOLONG : err;
	if (len == 0)
		return VV_ENOENT;
	if (len + rest_len >= sizeof l->rest)
		return VV_ENAMETOOLONG;
	memmove(l->rest + len, w->rest,
		rest_len + 1); /* begins with a slash, or is empty */
	memcpy(l->rest, l->target, len);
	w->rest = l->rest;
	if (l->rest[0] == '/')
		go_to_start(w);
	return VV_OK;
}

/* ---- parts of the path ---- */

/* @len bytes were taken from the path, and name an entry. */
static int enter(struct walk *w, const char *name, size_t len)
{
	bool is_last = *w->rest == '\0';
	unsigned follow = is_last ? VV_FS_FOLLOW_LAST : VV_FS_FOLLOW_MIDDLE;
	enum vv_life life;
	int err = len > VV_NAME_BYTES_MAX ? VV_ENAMETOOLONG : make_room(w);

	if (!err)
		err = vv_view_lookup(w->view, here(w), name, len, &w->attr, &life);
	if (err)
		return err;
	if (type_of(&w->attr) == VV_S_IFLNK && (w->flags & follow || !is_last)) {
		err = w->flags & follow ? enter_link(w, w->attr.node) : VV_ELOOP;
		vv_view_forget(w->view, w->attr.node, 1);
		w->has_attr = false;
		return err;
	}
	w->nodes[w->depth++] = w->attr.node;
	w->has_attr = true;
	return is_last || type_of(&w->attr) == VV_S_IFDIR ? VV_OK : VV_ENOTDIR;
}

/* The next part.  A slash behind it stays: it says that a directory is meant. */
static int step(struct walk *w)
{
	const char *name = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(name, "/");

	w->rest = name + len;
	w->wants_dir = true;
	if (len == 0 || (len == 1 && name[0] == '.'))
		return VV_OK;
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		go_up(w);
		return VV_OK;
	}
	w->wants_dir = *w->rest == '/';
	return enter(w, name, len);
}

static int finish(struct walk *w, struct vv_resolved *out)
{
	int err = VV_OK;

	if (!w->has_attr)
		err = vv_view_getattr(w->view, here(w), &w->attr);
	if (!err && w->wants_dir && type_of(&w->attr) != VV_S_IFDIR)
		err = VV_ENOTDIR;
	if (err)
		return err;
	*out = (struct vv_resolved){ .attr = w->attr, .is_start = w->depth == 0 };
	out->attr.node = here(w);
	w->depth -= w->depth > 0; /* its lookup is the caller's */
	return VV_OK;
}

int vv_resolve(struct vv_resolved *out, struct vv_view *view, uint64_t start,
	       const char *path, unsigned flags)
{
	struct walk w = { .view = view, .start = start, .flags = flags, .rest = path };
	int err = VV_OK;

	*out = (struct vv_resolved){ 0 };
	w.nodes = w.few;
	w.cap = FEW;
	if (flags & ~(unsigned)VV_FS_FOLLOW)
		return VV_EINVAL;
	if (strlen(path) >= VV_FS_PATH_MAX)
		return VV_ENAMETOOLONG;
	while (!err && *w.rest)
		err = step(&w);
	if (!err)
		err = finish(&w, out);
	go_to_start(&w);
	if (w.nodes != w.few)
		free(w.nodes);
	free(w.links);
	return err;
}
