#include "store/diff.h"

#include "core/arith.h"
#include "core/buf.h"
#include "core/err.h"
#include "format/tree.h"
#include "store/path.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OLD,
	NEW,
	SIDES,
};

/* The children of one path still to be compared; none where there is no directory. */
struct level {
	uint32_t next[SIDES], end[SIDES];
	size_t path_len;
};

/*
 * (D1) Only one side of a level is empty from the start, or both are directories of one
 *	path; so each entry of each tree is met once, and the walk ends after as many
 *	steps as the two have entries.  More are refused: the tree is not one.
 */
struct walk {
	const struct vv_tree *tree[SIDES]; /* borrowed */
	uint32_t *
		partner[SIDES]; /* owned; of the first entry of a hard-linked file: that
				     of the other side + 1; 0 = not met yet */
	struct level *levels;	/* owned */
	size_t depth, cap;
	struct vv_buf path;
	uint64_t steps;
	vv_difference_fn *tell;
	void *ctx;
	struct vv_diff_stats stats;
};

/* ---- words ---- */

const char *vv_differs_text(char *buf, unsigned what)
{
	static const char *const words[VV_DIFFERS_COUNT] = {
		"type",	 "content", "target", "device",	 "mode",
		"owner", "mtime",   "xattrs", "windows", "links",
	};
	char *at = buf;

	*at = '\0';
	for (unsigned i = 0; i < VV_DIFFERS_COUNT; i++) {
		if (!(what & 1u << i))
			continue;
		at += sprintf(at, "%s%s", at > buf ? ", " : "", words[i]);
	}
	return buf;
}

/* ---- two entries of one path ---- */

static uint32_t type_of(const struct vv_entry *e)
{
	return e->mode & VV_S_IFMT;
}

static int content_differs(const struct walk *w, const struct vv_entry e[SIDES],
			   unsigned *what)
{
	struct vv_id id[SIDES];
	int err = VV_OK;

	if (e[OLD].size != e[NEW].size) {
		*what |= VV_DIFFERS_CONTENT;
		return VV_OK;
	}
	if (e[OLD].size == 0)
		return VV_OK;
	for (int s = OLD; !err && s < SIDES; s++)
		err = vv_tree_blob(w->tree[s], e[s].blob, &id[s]);
	if (!err && !vv_id_equal(&id[OLD], &id[NEW]))
		*what |= VV_DIFFERS_CONTENT;
	return err;
}

static int target_differs(const struct walk *w, const struct vv_entry e[SIDES],
			  unsigned *what)
{
	const char *target[SIDES];
	size_t len[SIDES];
	int err = VV_OK;

	for (int s = OLD; !err && s < SIDES; s++)
		err = vv_tree_target(w->tree[s], &e[s], &target[s], &len[s]);
	if (!err &&
	    (len[OLD] != len[NEW] || memcmp(target[OLD], target[NEW], len[OLD]) != 0))
		*what |= VV_DIFFERS_TARGET;
	return err;
}

static bool is_same_extra(const struct vv_extra *a, const struct vv_extra *b)
{
	return a->type == b->type && a->name_len == b->name_len &&
	       a->value_len == b->value_len &&
	       memcmp(a->name, b->name, a->name_len) == 0 &&
	       memcmp(a->value, b->value, a->value_len) == 0;
}

/* The next one that is an xattr, or the next one that is not. */
static int next_extra(const struct vv_tree *t, const struct vv_entry *e, bool xattrs,
		      uint64_t *pos, struct vv_extra *out)
{
	int found;

	do {
		found = vv_tree_extra_next(t, e, pos, out);
	} while (found == 1 && (out->type == VV_EXTRA_XATTR) != xattrs);
	return found;
}

/* Both lists are sorted and have nothing twice, so they are equal one by one. */
static int extras_differ(const struct walk *w, const struct vv_entry e[SIDES],
			 bool xattrs, unsigned *what)
{
	uint64_t pos[SIDES] = { 0, 0 };
	struct vv_extra x[SIDES];
	int found[SIDES];

	do {
		for (int s = OLD; s < SIDES; s++) {
			found[s] =
				next_extra(w->tree[s], &e[s], xattrs, &pos[s], &x[s]);
			if (found[s] < 0)
				return found[s];
		}
		if (found[OLD] != found[NEW] ||
		    (found[OLD] && !is_same_extra(&x[OLD], &x[NEW]))) {
			*what |= xattrs ? VV_DIFFERS_XATTRS : VV_DIFFERS_WINDOWS;
			break;
		}
	} while (found[OLD]);
	return VV_OK;
}

/*
 * A file of one side must be one file of the other, however many names it has.  The
 * tables are as long as the trees, but only what is hard-linked touches their memory.
 */
static int links_differ(struct walk *w, const struct vv_entry e[SIDES], unsigned *what)
{
	if (e[OLD].nlink == 1 && e[NEW].nlink == 1)
		return VV_OK;
	for (int s = OLD; s < SIDES; s++) {
		if (!w->partner[s])
			w->partner[s] =
				calloc(w->tree[s]->entry_count, sizeof *w->partner[s]);
		if (!w->partner[s])
			return VV_ENOMEM;
	}
	if (!w->partner[OLD][e[OLD].first] && !w->partner[NEW][e[NEW].first]) {
		w->partner[OLD][e[OLD].first] = e[NEW].first + 1;
		w->partner[NEW][e[NEW].first] = e[OLD].first + 1;
	} else if (w->partner[OLD][e[OLD].first] != e[NEW].first + 1 ||
		   w->partner[NEW][e[NEW].first] != e[OLD].first + 1) {
		*what |= VV_DIFFERS_LINKS;
	}
	return VV_OK;
}

static int by_type_differ(struct walk *w, const struct vv_entry e[SIDES],
			  unsigned *what)
{
	int err = VV_OK;

	switch (type_of(&e[OLD])) {
	case VV_S_IFDIR: return VV_OK;
	case VV_S_IFREG: err = content_differs(w, e, what); break;
	case VV_S_IFLNK: err = target_differs(w, e, what); break;
	default:
		if (e[OLD].rdev_major != e[NEW].rdev_major ||
		    e[OLD].rdev_minor != e[NEW].rdev_minor)
			*what |= VV_DIFFERS_DEVICE;
	}
	return err ? err : links_differ(w, e, what);
}

static int entries_differ(struct walk *w, const struct vv_entry e[SIDES],
			  unsigned *what)
{
	int err;

	*what = 0;
	if ((e[OLD].mode ^ e[NEW].mode) & 07777)
		*what |= VV_DIFFERS_MODE;
	if (e[OLD].uid != e[NEW].uid || e[OLD].gid != e[NEW].gid)
		*what |= VV_DIFFERS_OWNER;
	if (e[OLD].mtime_sec != e[NEW].mtime_sec ||
	    e[OLD].mtime_nsec != e[NEW].mtime_nsec)
		*what |= VV_DIFFERS_MTIME;
	if (type_of(&e[OLD]) != type_of(&e[NEW])) {
		*what |= VV_DIFFERS_TYPE;
		return VV_OK;
	}
	err = by_type_differ(w, e, what);
	if (!err)
		err = extras_differ(w, e, true, what);
	if (!err)
		err = extras_differ(w, e, false, what);
	return err;
}

/* ---- the walk ---- */

/* Enter what is a directory of @e; a side without entry has the mode 0. */
static int push(struct walk *w, const struct vv_entry e[SIDES])
{
	struct level level = { .path_len = w->path.len };
	bool is_empty = true;

	for (int s = OLD; s < SIDES; s++) {
		if (type_of(&e[s]) != VV_S_IFDIR || e[s].child_count == 0)
			continue;
		level.next[s] = e[s].child_first;
		level.end[s] = e[s].child_first + e[s].child_count;
		is_empty = false;
	}
	if (is_empty)
		return VV_OK;
	if (w->depth > VV_DEPTH_MAX)
		return VV_ECORRUPT;
	if (w->depth == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 16;
		struct level *more = realloc(w->levels, cap * sizeof *more);

		if (!more)
			return VV_ENOMEM;
		w->levels = more;
		w->cap = cap;
	}
	w->levels[w->depth++] = level;
	return VV_OK;
}

static uint64_t file_bytes(const struct vv_entry *e)
{
	return type_of(e) == VV_S_IFREG ? e->size : 0;
}

static int tell(struct walk *w, enum vv_difference_kind kind, unsigned what,
		const struct vv_entry e[SIDES])
{
	struct vv_difference d = { .kind = kind, .what = what };

	d.path = (const char *)w->path.bytes;
	switch (kind) {
	case VV_ADDED:
		w->stats.added++;
		w->stats.bytes_added += file_bytes(&e[NEW]);
		break;
	case VV_REMOVED:
		w->stats.removed++;
		w->stats.bytes_removed += file_bytes(&e[OLD]);
		break;
	case VV_MODIFIED:
		w->stats.modified++;
		if (what & (VV_DIFFERS_CONTENT | VV_DIFFERS_TYPE))
			w->stats.bytes_modified += file_bytes(&e[NEW]);
		break;
	}
	return w->tell(w->ctx, &d);
}

static int meet(struct walk *w, const struct vv_entry e[SIDES])
{
	unsigned what = 0;
	int err = VV_OK;

	if (!e[OLD].mode)
		err = tell(w, VV_ADDED, 0, e);
	else if (!e[NEW].mode)
		err = tell(w, VV_REMOVED, 0, e);
	else
		err = entries_differ(w, e, &what);
	if (!err && what)
		err = tell(w, VV_MODIFIED, what, e);
	return err ? err : push(w, e);
}

/* Which side has the lesser name?  That side is met alone; both if they are equal. */
static int next_name(const struct walk *w, const struct level *level, bool on[SIDES],
		     const char **name, size_t *len)
{
	const char *names[SIDES];
	size_t lens[SIDES];
	int err = VV_OK, cmp = 0;

	for (int s = OLD; !err && s < SIDES; s++) {
		on[s] = level->next[s] < level->end[s];
		if (on[s])
			err = vv_tree_name(w->tree[s], level->next[s], &names[s],
					   &lens[s]);
	}
	if (err)
		return err;
	if (on[OLD] && on[NEW]) {
		cmp = memcmp(names[OLD], names[NEW], vv_min_size(lens[OLD], lens[NEW]));
		if (cmp == 0)
			cmp = (lens[OLD] > lens[NEW]) - (lens[OLD] < lens[NEW]);
		on[OLD] = cmp <= 0;
		on[NEW] = cmp >= 0;
	}
	*name = names[on[OLD] ? OLD : NEW];
	*len = lens[on[OLD] ? OLD : NEW];
	return VV_OK;
}

static int step(struct walk *w)
{
	struct level *level = &w->levels[w->depth - 1];
	struct vv_entry e[SIDES] = { { 0 }, { 0 } };
	bool on[SIDES];
	const char *name;
	size_t len;
	int err;

	if (level->next[OLD] == level->end[OLD] &&
	    level->next[NEW] == level->end[NEW]) {
		w->depth--;
		return VV_OK;
	}
	if (w->steps++ >
	    (uint64_t)w->tree[OLD]->entry_count + w->tree[NEW]->entry_count)
		return VV_ECORRUPT; /* (D1) */
	err = next_name(w, level, on, &name, &len);
	if (!err)
		err = vv_path_set(&w->path, level->path_len, name, len);
	for (int s = OLD; !err && s < SIDES; s++) {
		if (on[s])
			err = vv_tree_entry(w->tree[s], level->next[s]++, &e[s]);
	}
	return err ? err : meet(w, e);
}

static int run(struct walk *w)
{
	struct vv_entry e[SIDES];
	int err = vv_path_set(&w->path, 0, NULL, 0);

	for (int s = OLD; !err && s < SIDES; s++)
		err = vv_tree_entry(w->tree[s], VV_TREE_ROOT, &e[s]);
	if (!err)
		err = meet(w, e);
	while (!err && w->depth > 0)
		err = step(w);
	return err;
}

int vv_diff(const struct vv_tree *old, const struct vv_tree *new,
	    vv_difference_fn *tell_fn, void *ctx, struct vv_diff_stats *stats)
{
	struct walk w = { .tree = { old, new }, .tell = tell_fn, .ctx = ctx };
	bool is_same = !vv_id_is_zero(&old->id) && vv_id_equal(&old->id, &new->id);
	int err;

	vv_buf_init(&w.path, VV_PATH_BYTES_MAX);
	err = is_same ? VV_OK : run(&w);
	vv_buf_fini(&w.path);
	free(w.levels);
	free(w.partner[OLD]);
	free(w.partner[NEW]);
	if (stats)
		*stats = w.stats;
	return err;
}
