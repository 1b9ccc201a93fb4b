#include "source/dir_walk.h"

#include "core/err.h"
#include "core/log.h"
#include "os/file.h"
#include "source/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct walk {
	const char *root; /* borrowed */
	vv_dir_walk_fn file;
	vv_dir_walk_dir_fn left;
	void *ctx;	/* borrowed */
	char **pending; /* owned, and its strings: keys of directories to list, or "" */
	size_t pending_count, pending_cap;
	size_t dirs;	 /* met so far */
	const char *dir; /* the key being listed */
	int result;	 /* why the walk ends; kept apart from what the system says */
};

static char *path_of(const struct walk *w, const char *key)
{
	size_t size = strlen(w->root) + strlen(key) + 2;
	char *path = malloc(size);

	if (path)
		snprintf(path, size, "%s%s%s", w->root, *key ? "/" : "", key);
	return path;
}

static int fail(int err, const char *what, const char *path)
{
	vv_log(VV_LOG_ERROR, "cannot %s %s: %s", what, path, vv_err_text(err));
	return err;
}

static int push_dir(struct walk *w, const char *key)
{
	char *copy;

	if (++w->dirs > VV_DIR_WALK_MAX)
		return fail(VV_ELOOP, "walk through", w->root);
	if (w->pending_count == w->pending_cap) {
		size_t cap = w->pending_cap ? 2 * w->pending_cap : 64;
		char **more = realloc(w->pending, cap * sizeof *more);

		if (!more)
			return VV_ENOMEM;
		w->pending = more;
		w->pending_cap = cap;
	}
	copy = strdup(key);
	if (!copy)
		return VV_ENOMEM;
	w->pending[w->pending_count++] = copy;
	return VV_OK;
}

static int visit_path(struct walk *w, const char *key, const char *path)
{
	struct vv_file_info info;
	int err = vv_file_stat(path, &info);

	if (err == VV_ENOENT || err == VV_ELOOP)
		return 0; /* gone meanwhile, or a symlink to nothing */
	if (err)
		return fail(err, "look at", path);
	return info.is_dir ? push_dir(w, key) : w->file(w->ctx, key, &info);
}

static int visit_name(void *ctx, const char *name)
{
	struct walk *w = ctx;
	char key[VV_SOURCE_KEY_MAX + 1];
	char *path;
	int len = snprintf(key, sizeof key, "%s%s%s", w->dir, *w->dir ? "/" : "", name);

	if (len < 0 || (size_t)len >= sizeof key || !vv_source_key_ok(key))
		return 0;
	path = path_of(w, key);
	w->result = path ? visit_path(w, key, path) : VV_ENOMEM;
	free(path);
	return w->result;
}

static int visit_dir(struct walk *w)
{
	char *path = path_of(w, w->dir);
	int err;

	if (!path)
		return VV_ENOMEM;
	err = vv_dir_list(path, visit_name, w);
	/* Pruned meanwhile, or never there: an empty answer. */
	if (err && !w->result && err != VV_ENOENT && err != VV_ENOTDIR)
		w->result = fail(err, "list", path);
	if (!w->result && w->left)
		w->result = w->left(w->ctx, path);
	free(path);
	return w->result;
}

int vv_dir_walk(const char *root, const char *start, vv_dir_walk_fn file,
		vv_dir_walk_dir_fn left, void *ctx)
{
	struct walk w = { .root = root, .file = file, .left = left, .ctx = ctx };
	int result = push_dir(&w, start);

	while (!result && w.pending_count > 0) {
		char *dir = w.pending[--w.pending_count];

		w.dir = dir;
		result = visit_dir(&w);
		free(dir);
	}
	while (w.pending_count > 0)
		free(w.pending[--w.pending_count]);
	free(w.pending);
	return result;
}
