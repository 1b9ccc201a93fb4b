#include "source/dir.h"

#include "core/err.h"
#include "core/log.h"
#include "os/file.h"
#include "os/map.h"
#include "os/system.h"
#include "source/dir_walk.h"
#include "source/open_files.h"
#include "source/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEMP_PREFIX ".tmp-"

enum {
	DEFAULT_MAX_OPEN = 64,
	NAME_TRIES = 16, /* directories lost to pruning before we give up */
};

struct dir_source {
	struct vv_source base;
	struct vv_open_files packs;
	size_t root_len;
	char root[];
};

struct dir_put {
	struct vv_put base;
	struct vv_file *file; /* owned */
	char *temp;	      /* owned; the path of the file */
};

/* ---- paths ---- */

static struct dir_source *dir_of(struct vv_source *src)
{
	return (struct dir_source *)src;
}

/* root/key, owned by the caller; NULL: no memory. */
static char *path_of(const struct dir_source *d, const char *key)
{
	size_t key_size = strlen(key) + 1;
	char *path = malloc(d->root_len + 1 + key_size);

	if (!path)
		return NULL;
	memcpy(path, d->root, d->root_len);
	path[d->root_len] = '/';
	memcpy(path + d->root_len + 1, key, key_size);
	return path;
}

/* Cuts the last part of @path off; false at the root. */
static bool go_up(const struct dir_source *d, char *path)
{
	size_t len = strlen(path);

	if (len <= d->root_len)
		return false;
	while (path[len] != '/')
		len--;
	path[len] = '\0';
	return true;
}

/* A key that is a directory, or lies beneath an object, is a key without an object. */
static int absent(int err)
{
	return err == VV_ENOTDIR || err == VV_EISDIR ? VV_ENOENT : err;
}

/* Logs what is not part of a normal day; returns @err. */
static int told(int err, const char *what, const char *path)
{
	static struct vv_log_limit limit;

	if (err && err != VV_ENOENT && err != VV_EEXIST)
		vv_log_limited(&limit, VV_LOG_ERROR, "cannot %s %s: %s", what, path,
			       vv_err_text(err));
	return err;
}

/* ---- reading ---- */

static int read_pack(struct dir_source *d, const char *path, void *buf, size_t len,
		     uint64_t off, size_t *got)
{
	struct vv_open_file *pack;
	int err = vv_open_files_ref(&d->packs, path, &pack);

	if (err)
		return err;
	err = vv_file_read(vv_open_file_get(pack), buf, len, off, got);
	vv_open_files_unref(&d->packs, pack);
	return err;
}

static int read_once(const char *path, void *buf, size_t len, uint64_t off, size_t *got)
{
	struct vv_file *file;
	int err = vv_file_open(&file, path);

	if (err)
		return err;
	err = vv_file_read(file, buf, len, off, got);
	vv_file_close(file);
	return err;
}

static int dir_get(struct vv_source *src, const char *key, void *buf, size_t len,
		   uint64_t off, size_t *got)
{
	struct dir_source *d = dir_of(src);
	char *path = path_of(d, key);
	int err;

	if (!path)
		return VV_ENOMEM;
	if (strncmp(key, "packs/", 6) == 0)
		err = absent(read_pack(d, path, buf, len, off, got));
	else
		err = absent(read_once(path, buf, len, off, got));
	told(err, "read", path);
	free(path);
	return err;
}

/*
 * Inode numbers are used again at once on some file systems, so that a ref replaced
 * twice may have its first one back; its time then differs.
 */
static uint64_t version_of(const struct vv_file_info *info)
{
	const uint64_t odd = 0x9e3779b97f4a7c15u;
	uint64_t v = info->identity;

	v = (v ^ v >> 32 ^ (uint64_t)info->mtime_ns) * odd;
	v = (v ^ v >> 32 ^ info->size) * odd;
	return v ? v : 1;
}

static struct vv_object_info object_info(const struct vv_file_info *info)
{
	return (struct vv_object_info){
		.size = info->size,
		.mtime_ns = info->mtime_ns,
		.version = version_of(info),
	};
}

static int dir_stat(struct vv_source *src, const char *key, struct vv_object_info *out)
{
	char *path = path_of(dir_of(src), key);
	struct vv_file_info info;
	int err;

	if (!path)
		return VV_ENOMEM;
	err = absent(vv_file_stat(path, &info));
	if (!err && info.is_dir)
		err = VV_ENOENT;
	if (!err)
		*out = object_info(&info);
	told(err, "look at", path);
	free(path);
	return err;
}

static int dir_map(struct vv_source *src, const char *key, uint64_t off, uint64_t len,
		   struct vv_map *out)
{
	char *path = path_of(dir_of(src), key);
	int err;

	if (!path)
		return VV_ENOMEM;
	err = told(absent(vv_map_open(out, path, off, len)), "map", path);
	free(path);
	return err;
}

/* ---- writing ---- */

static char *temp_path(const struct dir_source *d)
{
	uint64_t n[2];
	char name[sizeof TEMP_PREFIX + 32];

	vv_random(n, sizeof n);
	snprintf(name, sizeof name, TEMP_PREFIX "%016llx%016llx",
		 (unsigned long long)n[0], (unsigned long long)n[1]);
	return path_of(d, name);
}

static void put_free(struct dir_put *put)
{
	if (!put)
		return;
	vv_file_close(put->file);
	free(put->temp);
	free(put);
}

static int dir_put_begin(struct vv_source *src, struct vv_put **out)
{
	struct dir_put *put = calloc(1, sizeof *put);
	int err = VV_ENOMEM;

	if (!put)
		return VV_ENOMEM;
	put->base.src = src;
	put->temp = temp_path(dir_of(src));
	if (put->temp)
		err = told(vv_file_create(&put->file, put->temp), "create", put->temp);
	if (err) {
		put_free(put);
		return err;
	}
	*out = &put->base;
	return VV_OK;
}

static int dir_put_write(struct vv_put *base, const void *bytes, size_t len)
{
	struct dir_put *put = (struct dir_put *)base;

	return told(vv_file_write(put->file, bytes, len), "write", put->temp);
}

static void dir_put_abort(struct vv_put *base)
{
	struct dir_put *put = (struct dir_put *)base;

	vv_file_close(put->file);
	put->file = NULL;
	vv_file_remove(put->temp); /* a failure leaves a dot file, which is swept */
	put_free(put);
}

/* Parents of @path, from the top.  One that is there, or gone again, is no error. */
static int make_parents(const struct dir_source *d, char *path)
{
	char *slash = path + d->root_len;

	while ((slash = strchr(slash + 1, '/'))) {
		int err;

		*slash = '\0';
		err = vv_dir_make(path);
		if (err && err != VV_EEXIST && err != VV_ENOENT)
			told(err, "make the directory", path);
		*slash = '/';
		if (err && err != VV_EEXIST)
			return err == VV_ENOENT ? VV_OK : err;
	}
	return VV_OK;
}

/*
 * The parents usually exist, so the name is tried first.  A directory may be pruned
 * between making and using it: hence the loop.  Its other end is a temporary file
 * that someone swept, which looks the same.
 */
static int give_name(const struct dir_source *d, const char *temp, char *path,
		     enum vv_put_mode mode)
{
	int tries;

	for (tries = 0; tries < NAME_TRIES; tries++) {
		int err = mode == VV_PUT_NEW ? vv_file_link_new(temp, path)
					     : vv_file_replace(temp, path);

		if (err != VV_ENOENT)
			return told(err, "name", path);
		err = make_parents(d, path);
		if (err)
			return err;
	}
	return told(VV_ESTALE, "name", path);
}

/*
 * Every directory above @path, also those that were there: whoever made one may not
 * have synced its parent yet, and our object must not vanish with it.  One that is
 * gone was pruned after someone removed our object.  Eats @path.
 */
static int sync_parents(const struct dir_source *d, char *path)
{
	while (go_up(d, path)) {
		int err = vv_dir_sync(path);

		if (err && err != VV_ENOENT)
			return told(err, "sync the directory", path);
	}
	return VV_OK;
}

/*
 * VV_EEXIST is an answer that publishers build upon, so what exists is made as durable
 * as what we would have written; its content was synced before it got its name.
 */
static int commit_at(const struct dir_source *d, struct dir_put *put, char *path,
		     enum vv_put_mode mode)
{
	int err = told(vv_file_sync(put->file), "sync", put->temp);
	int sync_err;

	vv_file_close(put->file);
	put->file = NULL;
	if (!err)
		err = give_name(d, put->temp, path, mode);
	if (err || mode == VV_PUT_NEW)
		vv_file_remove(put->temp);
	if ((err && err != VV_EEXIST) || mode == VV_PUT_TRANSIENT)
		return err;
	sync_err = sync_parents(d, path);
	return sync_err ? sync_err : err;
}

static int dir_put_commit(struct vv_put *base, const char *key, enum vv_put_mode mode)
{
	struct dir_put *put = (struct dir_put *)base;
	struct dir_source *d = dir_of(base->src);
	char *path = path_of(d, key);
	int err;

	if (!path) {
		dir_put_abort(base);
		return VV_ENOMEM;
	}
	err = commit_at(d, put, path, mode);
	put_free(put);
	free(path);
	return err;
}

/* ---- removing ---- */

/*
 * After the name @path is gone: makes that durable, and removes directories beneath
 * refs/ that it leaves empty.  One sync is enough, of the nearest directory that is
 * still there.  Eats @path.
 */
static int settle_removal(const struct dir_source *d, char *path, bool prunes)
{
	size_t keep_len = d->root_len + strlen("/refs");
	int err;

	while (go_up(d, path)) {
		if (prunes && strlen(path) > keep_len && vv_dir_remove(path) == VV_OK)
			continue;
		err = vv_dir_sync(path);
		if (err != VV_ENOENT)
			return told(err, "sync the directory", path);
	}
	return VV_OK;
}

static int dir_remove(struct vv_source *src, const char *key)
{
	struct dir_source *d = dir_of(src);
	char *path = path_of(d, key);
	int err;

	if (!path)
		return VV_ENOMEM;
	vv_open_files_forget(&d->packs, path);
	err = absent(vv_file_remove(path));
	if (err != VV_EBUSY) /* in use: gc knows what to say */
		told(err, "remove", path);
	if (!err)
		err = settle_removal(d, path, strncmp(key, "refs/", 5) == 0);
	free(path);
	return err;
}

/* ---- listing ---- */

struct listing {
	vv_source_object_fn object;
	void *ctx; /* borrowed */
};

static int list_file(void *ctx, const char *key, const struct vv_file_info *info)
{
	const struct listing *listing = ctx;
	struct vv_object_info object = object_info(info);

	return listing->object(listing->ctx, key, &object);
}

static int dir_list(struct vv_source *src, const char *prefix,
		    vv_source_object_fn object, void *ctx)
{
	struct listing listing = { object, ctx };
	char start[VV_SOURCE_KEY_MAX + 1];
	size_t len = strlen(prefix);

	memcpy(start, prefix, len + 1);
	if (len > 0)
		start[len - 1] = '\0'; /* the slash */
	return vv_dir_walk(dir_of(src)->root, start, list_file, NULL, &listing);
}

/* ---- settling ---- */

static int pass_file(void *ctx, const char *key, const struct vv_file_info *info)
{
	(void)ctx;
	(void)key;
	(void)info;
	return 0;
}

/* One that is gone was pruned since: the directories above it have to say so. */
static int sync_left(void *ctx, const char *path)
{
	int err = vv_dir_sync(path);
	char *copy;

	if (err != VV_ENOENT)
		return told(err, "sync the directory", path);
	copy = strdup(path);
	err = copy ? sync_parents(ctx, copy) : VV_ENOMEM;
	free(copy);
	return err;
}

static int dir_settle(struct vv_source *src, const char *prefix)
{
	struct dir_source *d = dir_of(src);
	char start[VV_SOURCE_KEY_MAX + 1];
	size_t len = strlen(prefix);
	char *path;
	int err;

	memcpy(start, prefix, len + 1);
	if (len > 0)
		start[len - 1] = '\0'; /* the slash */
	path = path_of(d, start);
	if (!path)
		return VV_ENOMEM;
	err = vv_dir_walk(d->root, start, pass_file, sync_left, d);
	if (!err)
		err = sync_parents(d, path);
	free(path);
	return err;
}

/* ---- making and sweeping ---- */

static void dir_free(struct vv_source *src)
{
	vv_open_files_fini(&dir_of(src)->packs);
	free(src);
}

static const struct vv_source_ops dir_ops = {
	.name = "dir",
	.get = dir_get,
	.stat = dir_stat,
	.put_begin = dir_put_begin,
	.put_write = dir_put_write,
	.put_commit = dir_put_commit,
	.put_abort = dir_put_abort,
	.remove = dir_remove,
	.list = dir_list,
	.settle = dir_settle,
	.map = dir_map,
	.free = dir_free,
};

int vv_source_dir_new(struct vv_source **out, const char *path, unsigned max_open)
{
	struct vv_file_info info;
	struct dir_source *d;
	size_t len = strlen(path);
	int err;

	*out = NULL;
	err = vv_file_stat(path, &info);
	if (!err && !info.is_dir)
		err = VV_ENOTDIR;
	if (err)
		return err;
	while (len > 1 && path[len - 1] == '/')
		len--;
	d = calloc(1, sizeof *d + len + 1);
	if (!d)
		return VV_ENOMEM;
	d->base.ops = &dir_ops;
	vv_open_files_init(&d->packs, max_open ? max_open : DEFAULT_MAX_OPEN);
	memcpy(d->root, path, len);
	d->root_len = len;
	*out = &d->base;
	return VV_OK;
}

struct sweep {
	const struct dir_source *d;
	uint64_t older_ns;
	int err; /* the first; the others are still tried */
};

static int sweep_name(void *ctx, const char *name)
{
	struct sweep *sweep = ctx;
	struct vv_file_info info;
	char *path;
	int err;

	if (strncmp(name, TEMP_PREFIX, strlen(TEMP_PREFIX)) != 0)
		return 0;
	path = path_of(sweep->d, name);
	if (!path)
		return VV_ENOMEM;
	err = vv_file_stat(path, &info);
	if (!err && !info.is_dir) {
		int64_t age = vv_time_ns() - info.mtime_ns;

		if (age >= 0 && (uint64_t)age >= sweep->older_ns)
			err = told(vv_file_remove(path), "remove", path);
	}
	if (err && err != VV_ENOENT && !sweep->err)
		sweep->err = err;
	free(path);
	return 0;
}

int vv_source_dir_sweep(struct vv_source *src, uint64_t older_ns)
{
	struct sweep sweep = { .older_ns = older_ns };
	int err;

	while (src->next)
		src = src->next;
	if (src->ops != &dir_ops)
		return VV_ENOSYS;
	sweep.d = dir_of(src);
	err = vv_dir_list(sweep.d->root, sweep_name, &sweep);
	return err ? err : sweep.err;
}
