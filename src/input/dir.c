/* A host directory as input; the order of entries is in walk.h. */
#include "input/input.h"

#include "core/arith.h"
#include "core/err.h"
#include "core/log.h"
#include "input/extras.h"
#include "input/inode_set.h"
#include "input/place.h"
#include "input/walk.h"
#include "input/winmeta.h"
#include "os/hostdir.h"
#include "os/hostwin.h"

#include <stdlib.h>
#include <string.h>

enum {
	XATTR_NAMES_MAX = 65536,  /* Linux gives no longer list, nor a longer value */
	STREAM_NAMES_MAX = 65536, /* Windows gives no longer list either */
};

struct dir_input {
	struct vv_input base; /* first: cast from struct vv_input */
	char *top;	      /* owned; for messages */
	struct vv_hostdir *dir;
	struct vv_place place;
	struct vv_inode_set inodes;
	struct vv_walk walk;

	/* The current entry; buffers are used again for the next. */
	struct vv_hoststat stat;
	char *link;	  /* owned; VV_TARGET_MAX + 1 bytes */
	char *attr_names; /* owned; XATTR_NAMES_MAX bytes */
	struct vv_extras extras;
	char *stream_names;   /* owned; STREAM_NAMES_MAX bytes, NUL-ended names */
	const char **streams; /* owned; into stream_names */
	size_t stream_count, stream_cap;

	struct vv_hostfile *file;   /* the content being read, or NULL */
	struct vv_hoststat reading; /* of that content when it was opened or listed */
	uint64_t at;		    /* bytes told of it */
	uint64_t data_end;	    /* up to here there is no hole */
	uint64_t bytes;		    /* content told in all */
	uint64_t total;		    /* content there is, 0 = not counted */
	uint64_t entries;
};

static int complain(const struct dir_input *in, int err)
{
	vv_log(VV_LOG_ERROR, "%s%s%s: %s", in->top, *in->walk.path ? "/" : "",
	       in->walk.path, vv_err_text(err));
	return err;
}

/* ---- what an entry carries ---- */

/* VV_ENODATA: it is gone, or not ours to read. */
static int load_xattr(struct dir_input *in, const char *name)
{
	uint8_t *room;
	size_t len = 0;
	int err = vv_extras_room(&in->extras, &room);

	if (err)
		return err;
	err = vv_hostdir_xattr_get(in->dir, in->walk.path, name, room, VV_XATTR_MAX,
				   &len);
	if (err == VV_EPERM || err == VV_EACCES || err == VV_EOPNOTSUPP)
		return VV_ENODATA;
	return err ? err : vv_extras_add(&in->extras, name, len);
}

static int load_xattrs(struct dir_input *in, struct vv_tree_meta *meta)
{
	size_t len = 0;
	int err;

	vv_extras_clear(&in->extras);
	err = vv_hostdir_xattr_list(in->dir, in->walk.path, in->attr_names,
				    XATTR_NAMES_MAX, &len);
	if (err == VV_EOPNOTSUPP || err == VV_ENOSYS)
		err = VV_OK; /* this file system has none */
	for (size_t at = 0; !err && at < len; at += strlen(in->attr_names + at) + 1) {
		if (vv_input_keeps_xattr(in->attr_names + at))
			err = load_xattr(in, in->attr_names + at);
		if (err == VV_ENODATA)
			err = VV_OK;
	}
	if (!err)
		err = vv_winmeta_load(&in->extras, in->dir, in->walk.path,
				      &in->place.opts);
	vv_extras_finish(&in->extras, meta);
	return err;
}

static int add_stream(struct dir_input *in, const char *name)
{
	if (in->stream_count == in->stream_cap) {
		size_t cap = in->stream_cap ? in->stream_cap * 2 : 8;
		const char **more = realloc(in->streams, cap * sizeof *more);

		if (!more)
			return VV_ENOMEM;
		in->streams = more;
		in->stream_cap = cap;
	}
	in->streams[in->stream_count++] = name;
	return VV_OK;
}

static int load_streams(struct dir_input *in, struct vv_input_entry *out)
{
	size_t len = 0;
	int err = vv_hostwin_stream_list(in->dir, in->walk.path, in->stream_names,
					 STREAM_NAMES_MAX, &len);

	in->stream_count = 0;
	if (err == VV_EOPNOTSUPP)
		return VV_OK; /* this system has none */
	for (size_t at = 0; !err && at < len; at += strlen(in->stream_names + at) + 1)
		err = add_stream(in, in->stream_names + at);
	out->streams = in->streams;
	out->stream_count = in->stream_count;
	return err;
}

static void meta_of_stat(struct vv_tree_meta *meta, const struct vv_hoststat *st)
{
	*meta = (struct vv_tree_meta){
		.mode = st->mode,
		.uid = st->uid,
		.gid = st->gid,
		.mtime_sec = st->mtime_sec,
		.mtime_nsec = st->mtime_nsec,
	};
	switch (st->mode & VV_S_IFMT) {
	case VV_S_IFREG: meta->size = st->size; break;
	case VV_S_IFCHR:
	case VV_S_IFBLK:
		meta->rdev_major = st->rdev_major;
		meta->rdev_minor = st->rdev_minor;
		break;
	}
}

/* What the entry at in->walk.path is; @path is its place in the tree. */
static int describe(struct dir_input *in, const char *path, struct vv_input_entry *out)
{
	uint32_t type = in->stat.mode & VV_S_IFMT;
	size_t len;
	int err;

	out->path = path;
	meta_of_stat(&out->meta, &in->stat);
	if (type != VV_S_IFDIR && in->stat.nlink > 1) {
		err = vv_inode_set_meet(&in->inodes, in->stat.dev, in->stat.ino, path,
					&out->hardlink);
		if (err || out->hardlink)
			return err;
	}
	if (type == VV_S_IFLNK) {
		err = vv_hostdir_readlink(in->dir, in->walk.path, in->link,
					  VV_TARGET_MAX + 1, &len);
		if (err)
			return err;
		in->link[len] = '\0';
		out->meta.target = in->link;
	}
	err = load_xattrs(in, &out->meta);
	return err || type == VV_S_IFLNK ? err : load_streams(in, out);
}

/* ---- content ---- */

static bool same_state(const struct vv_hoststat *a, const struct vv_hoststat *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime_sec == b->mtime_sec && a->mtime_nsec == b->mtime_nsec &&
	       a->ctime_sec == b->ctime_sec && a->ctime_nsec == b->ctime_nsec;
}

static int changed(const struct dir_input *in)
{
	vv_log(VV_LOG_ERROR,
	       "%s/%s: changed while it was read; run again when nothing writes there",
	       in->top, in->walk.path);
	return VV_EBUSY;
}

/* The content must be the one whose size and times the tree will show. */
static int check_unchanged(struct dir_input *in)
{
	struct vv_hoststat now;
	int err = vv_hostfile_stat(in->file, &now);

	if (err)
		return complain(in, err);
	return same_state(&now, &in->reading) ? VV_OK : changed(in);
}

static void close_file(struct dir_input *in)
{
	vv_hostfile_close(in->file);
	in->file = NULL;
	in->at = in->data_end = 0;
}

/* At a place where data may end: tells a hole, or how far the data goes. */
static int look_for_hole(struct dir_input *in, uint64_t *hole)
{
	uint64_t data = 0, end = 0;
	int err = vv_hostfile_next_data(in->file, in->at, &data, &end);

	if (err == VV_ENXIO)
		data = end = in->reading.size;
	else if (err)
		return complain(in, err);
	data = vv_min_u64(vv_max_u64(data, in->at), in->reading.size);
	in->data_end = vv_min_u64(end, in->reading.size);
	*hole = data - in->at;
	in->at = data;
	return VV_OK;
}

static int read_data(struct dir_input *in, void *buf, size_t cap, size_t *got)
{
	size_t want = (size_t)vv_min_u64(cap, in->data_end - in->at);
	int err = vv_hostfile_read(in->file, buf, want, in->at, got);

	if (err)
		return complain(in, err);
	if (*got == 0)
		return changed(in); /* it shrank */
	in->at += *got;
	return VV_OK;
}

static int dir_read(struct vv_input *base, void *buf, size_t cap, size_t *got,
		    uint64_t *hole)
{
	struct dir_input *in = (struct dir_input *)base;
	uint64_t before;
	int err = VV_OK;

	*got = 0;
	*hole = 0;
	if (!in->file) {
		err = vv_hostfile_open(&in->file, in->dir, in->walk.path);
		if (err)
			return complain(in, err);
		in->reading = in->stat;
		err = check_unchanged(in);
		if (err)
			return err;
	}
	before = in->at;
	if (in->at < in->reading.size && in->at >= in->data_end)
		err = look_for_hole(in, hole);
	if (!err && !*hole && in->at < in->reading.size)
		err = read_data(in, buf, cap, got);
	if (!err && !*hole && !*got) {
		err = check_unchanged(in);
		close_file(in);
		return err;
	}
	in->bytes += in->at - before;
	return err;
}

/* A stream has a size of its own; what else is told of it is the file's. */
static int dir_stream(struct vv_input *base, size_t nth)
{
	struct dir_input *in = (struct dir_input *)base;
	int err;

	close_file(in);
	err = vv_hostwin_stream_open(&in->file, in->dir, in->walk.path,
				     in->streams[nth]);
	if (!err)
		err = vv_hostfile_stat(in->file, &in->reading);
	return err ? complain(in, err) : VV_OK;
}

/* ---- the input ---- */

/* A socket is the end of a running program, not content. */
static bool is_left_out(const struct dir_input *in)
{
	if ((in->stat.mode & VV_S_IFMT) != VV_S_IFSOCK)
		return false;
	vv_log(VV_LOG_WARN, "%s/%s: a socket; left out", in->top, in->walk.path);
	return true;
}

static int dir_next(struct vv_input *base, struct vv_input_entry *out)
{
	struct dir_input *in = (struct dir_input *)base;
	const char *path;
	int err, kept;

	*out = (struct vv_input_entry){ 0 };
	close_file(in);
	for (;;) {
		if (!vv_walk_next(&in->walk))
			return vv_place_end(&in->place, in->top);
		kept = vv_place_path(&in->place, in->walk.path, &path);
		if (kept < 0)
			return complain(in, kept);
		if (kept == VV_PLACE_EXCLUDED)
			continue;
		err = vv_hostdir_stat(in->dir, in->walk.path, &in->stat);
		if (err)
			return complain(in, err);
		if ((in->stat.mode & VV_S_IFMT) == VV_S_IFDIR) {
			err = vv_walk_enter(&in->walk);
			if (err)
				return complain(in, err);
		}
		if (kept == VV_PLACE_KEPT && !is_left_out(in))
			break;
	}
	if (++in->entries > VV_INPUT_ENTRIES_MAX)
		return complain(in, VV_EFBIG);
	err = describe(in, path, out);
	return err ? complain(in, err) : 1;
}

static void dir_progress(struct vv_input *base, uint64_t *done, uint64_t *total)
{
	const struct dir_input *in = (const struct dir_input *)base;

	*done = in->bytes;
	*total = in->total;
}

/*
 * A walk ahead of the real one.  Its sum is for a progress line, so what cannot be
 * looked at does not count; the real walk will say why.
 */
static int count_total(struct dir_input *in)
{
	struct vv_walk walk = { 0 };
	struct vv_inode_set met = { 0 };
	struct vv_hoststat st;
	const char *path, *earlier;
	int err = vv_walk_init(&walk, in->dir);

	while (!err && vv_walk_next(&walk)) {
		int kept = vv_place_path(&in->place, walk.path, &path);

		if (kept < 0 || kept == VV_PLACE_EXCLUDED ||
		    vv_hostdir_stat(in->dir, walk.path, &st))
			continue;
		if ((st.mode & VV_S_IFMT) == VV_S_IFDIR && vv_walk_enter(&walk))
			break;
		if ((st.mode & VV_S_IFMT) != VV_S_IFREG || kept != VV_PLACE_KEPT)
			continue;
		earlier = NULL;
		if (st.nlink > 1)
			err = vv_inode_set_meet(&met, st.dev, st.ino, path, &earlier);
		if (!earlier)
			in->total += st.size;
	}
	vv_inode_set_fini(&met);
	vv_walk_fini(&walk);
	return err;
}

static void dir_free(struct vv_input *base)
{
	struct dir_input *in = (struct dir_input *)base;

	close_file(in);
	vv_walk_fini(&in->walk);
	vv_hostdir_close(in->dir);
	vv_place_fini(&in->place);
	vv_inode_set_fini(&in->inodes);
	vv_extras_fini(&in->extras);
	free(in->stream_names);
	free(in->streams);
	free(in->attr_names);
	free(in->link);
	free(in->top);
	free(in);
}

static const struct vv_input_ops dir_ops = {
	.name = "dir",
	.next = dir_next,
	.read = dir_read,
	.stream = dir_stream,
	.progress = dir_progress,
	.free = dir_free,
};

int vv_input_dir_new(struct vv_input **out, const char *path,
		     const struct vv_input_options *opts)
{
	struct dir_input *in = calloc(1, sizeof *in);
	int err = VV_ENOMEM;

	*out = NULL;
	if (!in)
		return VV_ENOMEM;
	in->base.ops = &dir_ops;
	in->top = malloc(strlen(path) + 1);
	in->link = malloc(VV_TARGET_MAX + 1);
	in->attr_names = malloc(XATTR_NAMES_MAX);
	in->stream_names = malloc(STREAM_NAMES_MAX);
	if (!in->top || !in->link || !in->attr_names || !in->stream_names)
		goto fail;
	strcpy(in->top, path);
	err = vv_place_init(&in->place, opts);
	if (err)
		goto fail;
	err = vv_hostdir_open(&in->dir, path);
	if (err)
		vv_log(VV_LOG_ERROR, "%s: %s", path, vv_err_text(err));
	if (!err)
		err = vv_walk_init(&in->walk, in->dir);
	if (!err && opts && opts->counts_first)
		err = count_total(in);
	if (err)
		goto fail;
	*out = &in->base;
	return VV_OK;
fail:
	dir_free(&in->base);
	return err;
}
