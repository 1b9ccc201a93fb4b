#include "store/against.h"

#include "codec/hash.h"
#include "core/arith.h"
#include "core/err.h"
#include "core/idmap.h"
#include "core/log.h"
#include "input/input.h"
#include "os/hostdir.h"
#include "os/thread.h"
#include "store/crew.h"
#include "store/descent.h"
#include "store/path.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
	READ_BYTES = 1 << 20,
	XATTR_NAMES_MAX = 65536,
};

struct against {
	const struct vv_tree *tree; /* borrowed, as are the next three */
	const char *dir_name;
	struct vv_hostdir *dir;
	const struct vv_against_options *opts;

	struct vv_descent at;
	uint8_t *is_met;	  /* owned; of hard-linked files, by first entry */
	struct vv_idmap inodes;	  /* of hard-linked files: the first entry of each */
	char *target, *names;	  /* owned; VV_TARGET_MAX + 1, XATTR_NAMES_MAX bytes */
	uint8_t *value;		  /* owned; VV_XATTR_MAX bytes */
	struct vv_buf extra_path; /* of a name that the tree has not */

	struct vv_crew *crew;
	uint8_t *buffers[VV_CREW_MAX]; /* owned; READ_BYTES for each worker */
	struct vv_mutex lock;	       /* held while something is told */
	struct vv_against_stats stats; /* protected by lock, but for bytes */
	atomic_uint_least64_t bytes;
	atomic_int err; /* the first failure: ends everything */
};

/* A file whose bytes are to be compared. */
struct job {
	struct against *a;
	struct vv_id blob;
	unsigned what; /* that differs already */
	char path[];
};

/* ---- telling ---- */

static void fail(struct against *a, const char *path, int err)
{
	int none = VV_OK;

	if (atomic_compare_exchange_strong(&a->err, &none, err) && err != VV_ECANCELED)
		vv_log(VV_LOG_ERROR, "%s%s%s: %s", a->dir_name, *path ? "/" : "", path,
		       vv_err_text(err));
}

static void tell(struct against *a, enum vv_difference_kind kind, const char *path,
		 unsigned what)
{
	struct vv_difference d = { .kind = kind, .path = path, .what = what };
	int err;

	vv_mutex_lock(&a->lock);
	a->stats.added += kind == VV_ADDED;
	a->stats.removed += kind == VV_REMOVED;
	a->stats.modified += kind == VV_MODIFIED;
	err = a->opts->tell(a->opts->ctx, &d);
	vv_mutex_unlock(&a->lock);
	if (err)
		fail(a, path, err);
}

static void tick(void *ctx)
{
	struct against *a = ctx;

	if (a->opts->progress && a->opts->progress(a->opts->ctx, atomic_load(&a->bytes),
						   a->tree->file_bytes))
		fail(a, "", VV_ECANCELED);
}

/* ---- bytes ---- */

static int hash_file(struct job *job, uint8_t *buf, struct vv_id *out)
{
	struct vv_hostfile *file;
	struct vv_hasher hasher;
	uint64_t off = 0;
	size_t got;
	int err = vv_hostfile_open(&file, job->a->dir, job->path);

	if (err)
		return err;
	vv_hasher_init(&hasher);
	do {
		err = vv_hostfile_read(file, buf, READ_BYTES, off, &got);
		vv_hasher_add(&hasher, buf, got);
		off += got;
		atomic_fetch_add(&job->a->bytes, got);
	} while (!err && got == READ_BYTES && !atomic_load(&job->a->err));
	vv_hostfile_close(file);
	vv_hasher_done(&hasher, out);
	return err;
}

static void compare_bytes(void *ctx, unsigned worker, void *item)
{
	struct against *a = ctx;
	struct job *job = item;
	struct vv_id id;
	int err = atomic_load(&a->err);

	if (!err)
		err = hash_file(job, a->buffers[worker], &id);
	if (err)
		fail(a, job->path, err);
	else if (!vv_id_equal(&id, &job->blob))
		job->what |= VV_DIFFERS_CONTENT;
	if (job->what && !atomic_load(&a->err))
		tell(a, VV_MODIFIED, job->path, job->what);
	free(job);
}

/* @what already differs, and is told together with the bytes. */
static int give_job(struct against *a, const struct vv_entry *e, const char *path,
		    unsigned what)
{
	size_t size = strlen(path) + 1;
	struct job *job = malloc(sizeof *job + size);
	int err;

	if (!job)
		return VV_ENOMEM;
	*job = (struct job){ .a = a, .what = what };
	memcpy(job->path, path, size);
	err = vv_tree_blob(a->tree, e->blob, &job->blob);
	if (err)
		free(job);
	else
		vv_crew_give(a->crew, job);
	return err;
}

/* ---- metadata ---- */

static int target_differs(struct against *a, const struct vv_entry *e, const char *path,
			  unsigned *what)
{
	const char *target;
	size_t len, found = 0;
	int err = vv_tree_target(a->tree, e, &target, &len);

	if (!err)
		err = vv_hostdir_readlink(a->dir, path, a->target, VV_TARGET_MAX + 1,
					  &found);
	if (!err && (found != len || memcmp(a->target, target, len) != 0))
		*what |= VV_DIFFERS_TARGET;
	return err;
}

/* 1 = the same in the tree, 0 = not; what we may not read was not packed either: 2. */
static int xattr_matches(struct against *a, const struct vv_entry *e, const char *path,
			 const char *name)
{
	struct vv_extra x;
	size_t len;
	int err =
		vv_hostdir_xattr_get(a->dir, path, name, a->value, VV_XATTR_MAX, &len);

	if (err == VV_ENODATA || err == VV_EPERM || err == VV_EACCES ||
	    err == VV_EOPNOTSUPP)
		return 2;
	if (!err)
		err = vv_tree_xattr(a->tree, e, name, strlen(name), &x);
	if (err)
		return err == VV_ENODATA ? 0 : err;
	return x.value_len == len && memcmp(x.value, a->value, len) == 0;
}

static int count_xattrs(const struct against *a, const struct vv_entry *e,
			size_t *count)
{
	struct vv_extra x;
	uint64_t pos = 0;
	int found;

	*count = 0;
	while ((found = vv_tree_extra_next(a->tree, e, &pos, &x)) == 1)
		*count += x.type == VV_EXTRA_XATTR;
	return found;
}

static int xattrs_differ(struct against *a, const struct vv_entry *e, const char *path,
			 unsigned *what)
{
	size_t len = 0, wanted, matches = 0;
	int err = vv_hostdir_xattr_list(a->dir, path, a->names, XATTR_NAMES_MAX, &len);

	if (err == VV_EOPNOTSUPP || err == VV_ENOSYS)
		err = VV_OK; /* a file system without */
	if (!err)
		err = count_xattrs(a, e, &wanted);
	if (err)
		return err;
	for (size_t at = 0; at < len; at += strlen(a->names + at) + 1) {
		int match = 2;

		if (vv_input_keeps_xattr(a->names + at))
			match = xattr_matches(a, e, path, a->names + at);
		if (match < 0)
			return match;
		matches += match == 1;
		if (match == 0)
			*what |= VV_DIFFERS_XATTRS;
	}
	if (matches != wanted)
		*what |= VV_DIFFERS_XATTRS;
	return VV_OK;
}

/* One file of the tree is one inode, whatever their names; *@again: it was met before. */
static int links_differ(struct against *a, const struct vv_entry *e,
			const struct vv_hoststat *st, unsigned *what, bool *again)
{
	struct vv_id inode = { { 0 } };
	uint64_t first;
	bool is_met;

	*again = false;
	if (e->nlink == 1 && st->nlink == 1)
		return VV_OK;
	vv_put_le64(inode.bytes, st->dev);
	vv_put_le64(inode.bytes + 8, st->ino);
	is_met = vv_idmap_get(&a->inodes, &inode, &first);
	if (is_met && first == e->first) {
		*again = true;
		return VV_OK;
	}
	if (is_met || a->is_met[e->first])
		*what |= VV_DIFFERS_LINKS;
	a->is_met[e->first] = 1;
	return is_met ? VV_OK : vv_idmap_put(&a->inodes, &inode, e->first);
}

static unsigned plain_differs(const struct vv_entry *e, const struct vv_hoststat *st)
{
	unsigned what = 0;

	if ((e->mode & VV_S_IFMT) != VV_S_IFLNK && (e->mode ^ st->mode) & 07777)
		what |= VV_DIFFERS_MODE; /* a symlink's cannot be set */
	if (e->uid != st->uid || e->gid != st->gid)
		what |= VV_DIFFERS_OWNER;
	if (e->mtime_sec != st->mtime_sec || e->mtime_nsec != st->mtime_nsec)
		what |= VV_DIFFERS_MTIME;
	return what;
}

/* What is not a directory, and of the type that it should be. */
static int compare_leaf(struct against *a, const struct vv_entry *e, const char *path,
			const struct vv_hoststat *st, unsigned what)
{
	bool again;
	int err = links_differ(a, e, st, &what, &again);

	if (err || again)
		return err;
	err = xattrs_differ(a, e, path, &what);
	switch (e->mode & VV_S_IFMT) {
	case VV_S_IFREG:
		if (e->size != st->size)
			what |= VV_DIFFERS_CONTENT;
		else if (!err && e->size > 0)
			return give_job(a, e, path, what);
		break;
	case VV_S_IFLNK:
		if (!err)
			err = target_differs(a, e, path, &what);
		break;
	case VV_S_IFCHR:
	case VV_S_IFBLK:
		if (e->rdev_major != st->rdev_major || e->rdev_minor != st->rdev_minor)
			what |= VV_DIFFERS_DEVICE;
		break;
	}
	if (!err && what)
		tell(a, VV_MODIFIED, path, what);
	return err;
}

/* ---- names ---- */

static int find_extra(void *ctx, const char *name, uint32_t type_bits, uint64_t ino)
{
	struct against *a = ctx;
	uint32_t index;
	int err;

	(void)ino;
	if (type_bits == VV_S_IFSOCK)
		return VV_OK;
	err = vv_tree_lookup(a->tree, a->at.entry.index, name, strlen(name), &index);
	if (err != VV_ENOENT)
		return err;
	vv_buf_clear(&a->extra_path);
	err = vv_buf_append(&a->extra_path, vv_descent_path(&a->at), a->at.path.len);
	if (!err)
		err = vv_path_set(&a->extra_path, a->at.path.len, name, strlen(name));
	if (!err)
		tell(a, VV_ADDED, (const char *)a->extra_path.bytes, 0);
	return err;
}

static int compare_directory(struct against *a, const char *path, unsigned what)
{
	struct vv_hostdir *dir = NULL;
	int err = xattrs_differ(a, &a->at.entry, path, &what);

	if (!err && what)
		tell(a, VV_MODIFIED, path, what);
	if (!err)
		err = vv_hostdir_open_at(&dir, a->dir, path);
	if (!err)
		err = vv_hostdir_list(dir, find_extra, a);
	vv_hostdir_close(dir);
	return err;
}

static int compare_entry(struct against *a)
{
	const struct vv_entry *e = &a->at.entry;
	const char *path = vv_descent_path(&a->at);
	struct vv_hoststat st;
	unsigned what;
	int err = vv_hostdir_stat(a->dir, path, &st);

	a->stats.entries++;
	if (err == VV_ENOENT || err == VV_ENAMETOOLONG) {
		tell(a, VV_REMOVED, path, 0);
		vv_descent_skip(&a->at);
		return VV_OK;
	}
	if (err)
		return err;
	what = plain_differs(e, &st);
	if ((e->mode ^ st.mode) & VV_S_IFMT) {
		tell(a, VV_MODIFIED, path, what | VV_DIFFERS_TYPE);
		vv_descent_skip(&a->at);
		return VV_OK;
	}
	if ((e->mode & VV_S_IFMT) == VV_S_IFDIR)
		return compare_directory(a, path, what);
	return compare_leaf(a, e, path, &st, what);
}

/* ---- the whole ---- */

static int prepare(struct against *a)
{
	struct vv_crew_options crew = {
		.jobs = a->opts->jobs,
		.work = compare_bytes,
		.tick = tick,
		.ctx = a,
	};
	unsigned workers = vv_crew_size(crew.jobs);

	a->is_met = calloc(a->tree->entry_count, 1);
	a->target = malloc(VV_TARGET_MAX + 1);
	a->names = malloc(XATTR_NAMES_MAX);
	a->value = malloc(VV_XATTR_MAX);
	if (!a->is_met || !a->target || !a->names || !a->value)
		return VV_ENOMEM;
	for (unsigned i = 0; i < workers; i++) {
		a->buffers[i] = malloc(READ_BYTES);
		if (!a->buffers[i])
			return VV_ENOMEM;
	}
	return vv_crew_new(&a->crew, &crew);
}

static void walk(struct against *a)
{
	int step = VV_DESCENT_ENTRY, err = VV_OK;

	while (!err && !atomic_load(&a->err)) {
		step = vv_descent_next(&a->at);
		if (step <= VV_DESCENT_END)
			break;
		if (step == VV_DESCENT_ENTRY)
			err = compare_entry(a);
	}
	if (err || step < 0)
		fail(a, vv_descent_path(&a->at), err ? err : step);
}

static void fini(struct against *a)
{
	vv_crew_free(a->crew); /* which may still tell */
	for (unsigned i = 0; i < VV_CREW_MAX; i++)
		free(a->buffers[i]);
	vv_descent_fini(&a->at);
	vv_idmap_fini(&a->inodes);
	vv_buf_fini(&a->extra_path);
	vv_hostdir_close(a->dir);
	vv_mutex_fini(&a->lock);
	free(a->is_met);
	free(a->target);
	free(a->names);
	free(a->value);
}

int vv_against(const struct vv_tree *tree, const char *dir,
	       const struct vv_against_options *opts, struct vv_against_stats *stats)
{
	struct against a = { .tree = tree, .dir_name = dir, .opts = opts };
	int err;

	vv_mutex_init(&a.lock);
	vv_descent_init(&a.at, tree, VV_TREE_ROOT);
	vv_idmap_init(&a.inodes, tree->entry_count);
	vv_buf_init(&a.extra_path, VV_PATH_BYTES_MAX);
	err = vv_hostdir_open(&a.dir, dir);
	if (err)
		vv_log(VV_LOG_ERROR, "%s: %s", dir, vv_err_text(err));
	if (!err)
		err = prepare(&a);
	if (!err)
		walk(&a);
	fini(&a);
	a.stats.bytes = atomic_load(&a.bytes);
	*stats = a.stats;
	return err ? err : atomic_load(&a.err);
}
