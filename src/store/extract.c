#include "store/extract.h"

#include "core/arith.h"
#include "core/err.h"
#include "core/log.h"
#include "format/tree.h"
#include "os/file.h"
#include "os/hostdir.h"
#include "os/hostwin.h"
#include "store/crew.h"
#include "store/descent.h"
#include "store/extract_win.h"
#include "store/reader.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A directory in which names are made: mostly that of the last name. */
struct parent {
	struct vv_hostdir *dir; /* owned; NULL: none */
	char *path;		/* owned */
};

struct worker {
	struct parent parent;
	struct vv_read *read; /* owned */
};

struct extract {
	const struct vv_tree *tree; /* borrowed, as are the next four */
	struct vv_reader *reader;
	const char *dir_name;
	const struct vv_extract_options *opts;
	const char *name; /* of the top if that is no directory */
	uint32_t top;

	struct vv_hostdir *root; /* owned */
	struct vv_crew *crew;	 /* owned */
	struct worker workers[VV_CREW_MAX];
	struct parent parent; /* of the walk */
	char **first_paths; /* owned, and what is in it: of hard-linked files, where the
				 file is; by first entry */
	uint64_t entries;
	atomic_uint_least64_t files, bytes, skipped;
	atomic_int err; /* the first failure: ends everything */
};

/* A file to be written. */
struct job {
	struct vv_entry entry;
	char path[];
};

/* ---- messages ---- */

static void fail(struct extract *x, const char *path, int err)
{
	int none = VV_OK;

	if (!atomic_compare_exchange_strong(&x->err, &none, err) || err == VV_ECANCELED)
		return;
	vv_log(VV_LOG_ERROR,
	       "%s%s%s: %s; what was extracted until then is left there, incomplete",
	       x->dir_name, *path ? "/" : "", path, vv_err_text(err));
}

static bool is_refused(int err)
{
	return err == VV_EPERM || err == VV_EACCES || err == VV_EOPNOTSUPP;
}

static void skip(struct extract *x, const char *path, const char *what, int err)
{
	atomic_fetch_add(&x->skipped, 1);
	vv_log(VV_LOG_WARN, "%s/%s: %s left out: %s", x->dir_name, path, what,
	       vv_err_text(err));
}

static void leave_out(struct extract *x, const char *path, const char *why)
{
	atomic_fetch_add(&x->skipped, 1);
	vv_log(VV_LOG_WARN, "%s/%s: left out: %s", x->dir_name, path, why);
}

/*
 * The directory was empty and names in a tree differ, so what is there already is a name
 * that this system takes for the same.
 */
static void leave_out_alike(struct extract *x, const char *path)
{
	leave_out(x, path, "a name that differs in case only is there already");
}

static struct vv_extract_stats stats_of(struct extract *x)
{
	return (struct vv_extract_stats){
		.entries = x->entries,
		.files = atomic_load(&x->files),
		.bytes = atomic_load(&x->bytes),
		.skipped = atomic_load(&x->skipped),
	};
}

static void tick(void *ctx)
{
	struct extract *x = ctx;
	struct vv_extract_stats stats = stats_of(x);

	if (x->opts->progress &&
	    x->opts->progress(x->opts->ctx, &stats,
			      x->top == VV_TREE_ROOT ? x->tree->file_bytes : 0))
		fail(x, "", VV_ECANCELED);
}

/* ---- the directory of a path ---- */

static void parent_fini(struct parent *p)
{
	vv_hostdir_close(p->dir);
	free(p->path);
	*p = (struct parent){ 0 };
}

/* *@name = the last part of @path, to be made in p->dir. */
static int parent_find(struct extract *x, struct parent *p, const char *path,
		       const char **name)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	int err;

	*name = slash ? slash + 1 : path;
	if (p->dir && strncmp(p->path, path, len) == 0 && p->path[len] == '\0')
		return VV_OK;
	parent_fini(p);
	p->path = malloc(len + 1);
	if (!p->path)
		return VV_ENOMEM;
	memcpy(p->path, path, len);
	p->path[len] = '\0';
	err = vv_hostdir_open_at(&p->dir, x->root, p->path);
	if (err)
		parent_fini(p);
	return err;
}

/* ---- metadata ---- */

/* Cleared by a change of owner, so it is set after that; all others need a file of ours. */
static bool is_set_late(const struct vv_extra *xattr)
{
	static const char name[] = "security.capability";

	return xattr->name_len == sizeof name - 1 &&
	       memcmp(xattr->name, name, sizeof name - 1) == 0;
}

static int set_xattr(struct extract *x, const struct parent *p, const char *name,
		     const char *path, const struct vv_extra *xattr)
{
	char key[256];
	int err;

	if (xattr->name_len >= sizeof key)
		return VV_ECORRUPT;
	memcpy(key, xattr->name, xattr->name_len);
	key[xattr->name_len] = '\0';
	err = vv_hostdir_xattr_set(p->dir, name, key, xattr->value, xattr->value_len);
	if (!is_refused(err))
		return err;
	skip(x, path, key, err);
	return VV_OK;
}

static int set_xattrs(struct extract *x, const struct parent *p, const char *name,
		      const char *path, const struct vv_entry *e, bool late)
{
	struct vv_extra xattr;
	uint64_t pos = 0;
	int found, err = VV_OK;

	while (!err && (found = vv_tree_extra_next(x->tree, e, &pos, &xattr)) != 0) {
		if (found < 0)
			return found;
		if (xattr.type == VV_EXTRA_XATTR && is_set_late(&xattr) == late)
			err = set_xattr(x, p, name, path, &xattr);
	}
	return err;
}

static int set_meta(struct extract *x, const struct parent *p, const char *name,
		    const char *path, const struct vv_entry *e)
{
	struct vv_hoststat meta = {
		.mode = e->mode,
		.uid = e->uid,
		.gid = e->gid,
		.mtime_sec = e->mtime_sec,
		.atime_sec = e->mtime_sec,
		.mtime_nsec = e->mtime_nsec,
		.atime_nsec = e->mtime_nsec,
	};
	int err = set_xattrs(x, p, name, path, e, false);

	if (!err)
		err = vv_hostdir_set_meta(p->dir, name, &meta, x->opts->owners);
	if (!err)
		err = set_xattrs(x, p, name, path, e, true);
	if (err)
		return err;
	err = vv_extract_win_meta(x->tree, e, p->dir, name);
	if (err != VV_EPERM)
		return err;
	skip(x, path, "access list", err);
	return VV_OK;
}

/* ---- files ---- */

/* A hole of the blob comes as a span of zeros and becomes one of the file. */
static bool is_zero(const struct vv_span *span)
{
	return span->bytes[0] == 0 &&
	       memcmp(span->bytes, span->bytes + 1, span->size - 1) == 0;
}

static int write_spans(struct extract *x, struct vv_hostfile *file,
		       const struct vv_read *read, uint64_t off)
{
	int err = VV_OK;

	for (unsigned i = 0; !err && i < read->span_count; i++) {
		const struct vv_span *span = &read->spans[i];

		if (!is_zero(span))
			err = vv_hostfile_write(file, span->bytes, span->size, off);
		off += span->size;
		atomic_fetch_add(&x->bytes, span->size);
	}
	return err;
}

static int write_blob(struct extract *x, struct vv_read *read, struct vv_hostfile *file,
		      const struct vv_id *blob, uint64_t size)
{
	int err = VV_OK;

	for (uint64_t off = 0; !err && off < size; off += VV_READ_MAX) {
		err = vv_reader_read(x->reader, blob, size, off, VV_READ_MAX, read);
		if (err)
			break;
		err = write_spans(x, file, read, off);
		vv_reader_done(x->reader, read);
		if (!err)
			err = atomic_load(&x->err);
	}
	return err ? err : vv_hostfile_truncate(file, size); /* ends with a hole? */
}

static int write_content(struct extract *x, struct vv_read *read,
			 struct vv_hostfile *file, const struct vv_entry *e)
{
	struct vv_id blob;
	int err = vv_tree_blob(x->tree, e->blob, &blob);

	return err ? err : write_blob(x, read, file, &blob, e->size);
}

static int write_stream(struct extract *x, struct vv_read *read, struct vv_hostdir *dir,
			const char *name, const struct vv_extra *stream)
{
	struct vv_hostfile *file;
	char key[VV_NAME_MAX + 1];
	struct vv_id blob;
	uint64_t size = vv_get_le64(stream->value);
	int err;

	if (stream->name_len >= sizeof key)
		return VV_ECORRUPT;
	memcpy(key, stream->name, stream->name_len);
	key[stream->name_len] = '\0';
	memcpy(blob.bytes, stream->value + 8, VV_ID_BYTES);
	err = vv_hostwin_stream_create(&file, dir, name, key);
	if (!err && size > 0)
		err = write_blob(x, read, file, &blob, size);
	vv_hostfile_close(file);
	return err;
}

static int write_streams(struct extract *x, struct vv_read *read,
			 struct vv_hostdir *dir, const char *name, const char *path,
			 const struct vv_entry *e)
{
	struct vv_extra extra;
	uint64_t pos = 0;
	int found, err = VV_OK;

	while (!err && e->extras &&
	       (found = vv_tree_extra_next(x->tree, e, &pos, &extra)) != 0) {
		if (found < 0)
			return found;
		if (extra.type != VV_EXTRA_STREAM)
			continue;
		err = write_stream(x, read, dir, name, &extra);
		if (err == VV_EOPNOTSUPP) {
			skip(x, path, "stream", err);
			err = VV_OK;
		}
	}
	return err;
}

static int write_file(struct extract *x, struct worker *w, const struct job *job)
{
	const struct vv_entry *e = &job->entry;
	struct vv_hostfile *file = NULL;
	const char *name;
	int err = parent_find(x, &w->parent, job->path, &name);

	if (!err)
		err = vv_hostfile_create(&file, w->parent.dir, name);
	if (err == VV_EEXIST &&
	    e->nlink == 1) { /* other names are linked to this one */
		leave_out_alike(x, job->path);
		return VV_OK;
	}
	if (!err && e->size > 0)
		err = write_content(x, w->read, file, e);
	vv_hostfile_close(file);
	if (!err)
		err = write_streams(x, w->read, w->parent.dir, name, job->path, e);
	return err ? err : set_meta(x, &w->parent, name, job->path, e);
}

static void work(void *ctx, unsigned worker, void *item)
{
	struct extract *x = ctx;
	struct job *job = item;
	int err = atomic_load(&x->err);

	if (!err)
		err = write_file(x, &x->workers[worker], job);
	if (err)
		fail(x, job->path, err);
	else
		atomic_fetch_add(&x->files, 1);
	free(job);
}

static int give_file(struct extract *x, const struct vv_entry *e, const char *path)
{
	size_t size = strlen(path) + 1;
	struct job *job = malloc(sizeof *job + size);

	if (!job)
		return VV_ENOMEM;
	job->entry = *e;
	memcpy(job->path, path, size);
	vv_crew_give(x->crew, job);
	return VV_OK;
}

/* ---- everything else ---- */

static int make_symlink(struct extract *x, const struct parent *p, const char *name,
			const struct vv_entry *e)
{
	const char *target;
	char *copy;
	size_t len;
	int err = vv_tree_target(x->tree, e, &target, &len);

	if (err)
		return err;
	copy = malloc(len + 1);
	if (!copy)
		return VV_ENOMEM;
	memcpy(copy, target, len);
	copy[len] = '\0';
	err = vv_extract_win_link(x->tree, e, p->dir, name, copy);
	if (err == VV_EOPNOTSUPP)
		err = vv_hostdir_make_symlink(p->dir, name, copy);
	free(copy);
	return err;
}

/* Symlinks, fifos, sockets, devices.  *@is_made: false if we have no right to. */
static int make_other(struct extract *x, const struct vv_entry *e, const char *path,
		      bool *is_made)
{
	uint32_t type = e->mode & VV_S_IFMT;
	const char *name;
	int err = parent_find(x, &x->parent, path, &name);

	*is_made = true;
	if (!err && type == VV_S_IFLNK)
		err = make_symlink(x, &x->parent, name, e);
	else if (!err)
		err = vv_hostdir_make_node(x->parent.dir, name, e->mode, e->rdev_major,
					   e->rdev_minor);
	if (err == VV_EEXIST)
		leave_out_alike(x, path);
	else if (is_refused(err) && (type == VV_S_IFCHR || type == VV_S_IFBLK))
		skip(x, path, "device", err);
	else if (err == VV_EOPNOTSUPP || (err == VV_EPERM && type == VV_S_IFLNK))
		skip(x, path, type == VV_S_IFLNK ? "symlink" : "node", err);
	else
		return err ? err : set_meta(x, &x->parent, name, path, e);
	*is_made = false;
	return VV_OK;
}

/* Is this the name under which the file is made?  Further ones wait for the second pass. */
static int is_first_name(struct extract *x, const struct vv_entry *e, const char *path,
			 bool *out)
{
	*out = true;
	if (e->nlink == 1)
		return VV_OK;
	if (!x->first_paths)
		x->first_paths = calloc(x->tree->entry_count, sizeof *x->first_paths);
	if (!x->first_paths)
		return VV_ENOMEM;
	*out = !x->first_paths[e->first];
	if (*out)
		x->first_paths[e->first] = strdup(path);
	return x->first_paths[e->first] ? VV_OK : VV_ENOMEM;
}

static int make_dir(struct extract *x, const char *path)
{
	const char *name;
	int err;

	if (!*path)
		return VV_OK; /* the top is there already */
	err = parent_find(x, &x->parent, path, &name);
	return err ? err : vv_hostdir_make_dir(x->parent.dir, name);
}

/* The first pass: all but further names and what directories carry. */
static int make_entry(struct extract *x, const struct vv_entry *e, const char *path)
{
	bool is_first, is_made;
	int err;

	x->entries++;
	if ((e->mode & VV_S_IFMT) == VV_S_IFDIR)
		return make_dir(x, path);
	err = is_first_name(x, e, path, &is_first);
	if (err || !is_first)
		return err;
	if ((e->mode & VV_S_IFMT) == VV_S_IFREG)
		return give_file(x, e, path);
	err = make_other(x, e, path, &is_made);
	if (!is_made && x->first_paths && x->first_paths[e->first]) {
		free(x->first_paths[e->first]);
		x->first_paths[e->first] = NULL;
	}
	return err;
}

/* The second pass. */
static int link_entry(struct extract *x, const struct vv_entry *e, const char *path)
{
	const char *name, *existing;
	int err;

	if ((e->mode & VV_S_IFMT) == VV_S_IFDIR || e->nlink == 1)
		return VV_OK;
	existing = x->first_paths[e->first];
	if (!existing || strcmp(existing, path) == 0)
		return VV_OK;
	err = parent_find(x, &x->parent, path, &name);
	if (!err)
		err = vv_hostdir_make_link(x->parent.dir, name, x->root, existing);
	if (err != VV_EEXIST)
		return err;
	leave_out_alike(x, path);
	return VV_OK;
}

/* All workers are idle by then, so the buffer of one is ours. */
static int finish_dir(struct extract *x, const struct vv_entry *e, const char *path)
{
	struct parent top = { .dir = x->root }, *p = &top;
	const char *name = "";
	int err = VV_OK;

	if (*path) {
		p = &x->parent;
		err = parent_find(x, p, path, &name);
	}
	if (!err)
		err = write_streams(x, x->workers[0].read, p->dir, name, path, e);
	return err ? err : set_meta(x, p, name, path, e);
}

/* A directory that cannot be made takes with it what is in it. */
static bool is_impossible(struct extract *x, struct vv_descent *at, const char *path,
			  bool second)
{
	const char *slash = strrchr(path, '/');

	if (!*path || vv_hostdir_can_name(slash ? slash + 1 : path))
		return false;
	if (!second)
		leave_out(x, path, "no file of this system can have this name");
	if ((at->entry.mode & VV_S_IFMT) == VV_S_IFDIR)
		vv_descent_skip(at);
	return true;
}

static int walk(struct extract *x, bool second)
{
	struct vv_descent at;
	int step, err = VV_OK;

	vv_descent_init(&at, x->tree, x->top);
	while (!err && (step = vv_descent_next(&at)) != VV_DESCENT_END) {
		const char *path = x->name ? x->name : vv_descent_path(&at);

		if (step < 0)
			err = step;
		else if (step == VV_DESCENT_ENTRY &&
			 is_impossible(x, &at, path, second))
			continue;
		else if (!second && step == VV_DESCENT_ENTRY)
			err = make_entry(x, &at.entry, path);
		else if (second && step == VV_DESCENT_ENTRY)
			err = link_entry(x, &at.entry, path);
		else if (second)
			err = finish_dir(x, &at.entry, path);
		if (err)
			fail(x, path, err);
		else
			err = atomic_load(&x->err);
	}
	vv_descent_fini(&at);
	return err;
}

/* ---- the whole ---- */

static int not_empty(void *ctx, const char *name, uint32_t type_bits, uint64_t ino)
{
	(void)ctx;
	(void)name;
	(void)type_bits;
	(void)ino;
	return VV_ENOTEMPTY;
}

static int open_root(struct extract *x)
{
	int err = vv_dir_make(x->dir_name);

	if (!err || err == VV_EEXIST)
		err = vv_hostdir_open(&x->root, x->dir_name);
	if (!err)
		err = vv_hostdir_list(x->root, not_empty, NULL);
	if (err)
		vv_log(VV_LOG_ERROR, "%s: %s; nothing was extracted", x->dir_name,
		       vv_err_text(err));
	return err;
}

static int prepare(struct extract *x)
{
	struct vv_crew_options crew = {
		.jobs = x->opts->jobs,
		.work = work,
		.tick = tick,
		.ctx = x,
	};
	unsigned count = vv_crew_size(crew.jobs);

	for (unsigned i = 0; i < count; i++) {
		x->workers[i].read = malloc(sizeof *x->workers[i].read);
		if (!x->workers[i].read)
			return VV_ENOMEM;
	}
	return vv_crew_new(&x->crew, &crew);
}

static void fini(struct extract *x)
{
	vv_crew_free(x->crew);
	for (unsigned i = 0; i < VV_CREW_MAX; i++) {
		parent_fini(&x->workers[i].parent);
		free(x->workers[i].read);
	}
	parent_fini(&x->parent);
	for (uint32_t i = 0; x->first_paths && i < x->tree->entry_count; i++)
		free(x->first_paths[i]);
	free(x->first_paths);
	vv_hostdir_close(x->root);
}

int vv_extract(const struct vv_tree *tree, uint32_t top, const char *name,
	       struct vv_reader *reader, const char *dir,
	       const struct vv_extract_options *opts, struct vv_extract_stats *stats)
{
	struct extract x = {
		.tree = tree,
		.reader = reader,
		.dir_name = dir,
		.opts = opts,
		.top = top,
	};
	struct vv_entry entry;
	int err = vv_tree_entry(tree, top, &entry);

	if (!err && (entry.mode & VV_S_IFMT) != VV_S_IFDIR)
		x.name = name;
	if (!err)
		err = open_root(&x);
	if (!err)
		err = prepare(&x);
	if (!err)
		err = walk(&x, false);
	if (x.crew)
		vv_crew_wait(x.crew);
	if (!err)
		err = atomic_load(&x.err);
	if (!err)
		err = walk(&x, true);
	fini(&x);
	*stats = stats_of(&x);
	return err;
}
