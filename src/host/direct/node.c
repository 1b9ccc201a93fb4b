/* Nodes: opened by path; their attributes, targets and bytes. */
#include "host/direct/parts.h"
#include "host/direct/resolve.h"

#include "cache/budget.h"
#include "codec/hash.h"
#include "core/arith.h"
#include "core/err.h"
#include "core/log.h"
#include "format/tree.h"
#include "store/reader.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)VV_FS_IFMT == (int)VV_S_IFMT &&
		       (int)VV_FS_IFDIR == (int)VV_S_IFDIR &&
		       (int)VV_FS_IFREG == (int)VV_S_IFREG &&
		       (int)VV_FS_IFLNK == (int)VV_S_IFLNK &&
		       (int)VV_FS_IFCHR == (int)VV_S_IFCHR &&
		       (int)VV_FS_IFBLK == (int)VV_S_IFBLK &&
		       (int)VV_FS_IFIFO == (int)VV_S_IFIFO &&
		       (int)VV_FS_IFSOCK == (int)VV_S_IFSOCK,
	       "modes are given as they are stored");
_Static_assert((int)VV_FS_ID_BYTES == (int)VV_ID_BYTES, "ids too");

static bool is_root(const struct vv_fs_node *node)
{
	return node == &node->fs->root;
}

/* ---- life ---- */

void vv_direct_node_ref(struct vv_fs_node *node)
{
	atomic_fetch_add(is_root(node) ? &node->fs->refs : &node->refs, 1);
}

/* Takes one lookup of @id, on success only. */
static int node_new(struct vv_fs_node **out, struct vv_fs *fs, uint64_t id)
{
	struct vv_fs_node *node;
	int err = vv_budget_try_reserve(fs->budget, VV_HOLD_NODES, sizeof *node);

	if (err)
		return err;
	node = calloc(1, sizeof *node);
	if (!node) {
		vv_budget_release(fs->budget, VV_HOLD_NODES, sizeof *node);
		return VV_ENOMEM;
	}
	atomic_fetch_add(&fs->refs, 1);
	node->fs = fs;
	node->id = id;
	atomic_init(&node->refs, 1);
	*out = node;
	return VV_OK;
}

int vv_fs_node_open(struct vv_fs_node **out, struct vv_fs_node *at, const char *path,
		    unsigned flags)
{
	struct vv_resolved found;
	int err = vv_resolve(&found, at->fs->view, at->id, path, flags);

	*out = NULL;
	if (err)
		return err;
	if (found.is_start) {
		vv_direct_node_ref(at);
		*out = at;
		return VV_OK;
	}
	err = node_new(out, at->fs, found.attr.node);
	if (err)
		vv_view_forget(at->fs->view, found.attr.node, 1);
	return err;
}

void vv_fs_node_close(struct vv_fs_node *node)
{
	struct vv_fs *fs;

	if (!node)
		return;
	fs = node->fs;
	if (!is_root(node)) {
		if (atomic_fetch_sub(&node->refs, 1) != 1)
			return;
		vv_view_file_close(atomic_load(&node->file));
		vv_view_forget(fs->view, node->id, 1);
		vv_budget_release(fs->budget, VV_HOLD_NODES, sizeof *node);
		free(node);
	}
	vv_direct_unref(fs);
}

/* ---- attributes ---- */

static void fill_attr(struct vv_fs_attr *out, const struct vv_attr *attr)
{
	*out = (struct vv_fs_attr){
		.ino = attr->ino,
		.size = attr->size,
		.mode = attr->mode,
		.uid = attr->uid,
		.gid = attr->gid,
		.nlink = attr->nlink,
		.rdev_major = attr->rdev_major,
		.rdev_minor = attr->rdev_minor,
		.mtime_sec = attr->mtime_sec,
		.ctime_sec = attr->ctime_sec,
		.atime_sec = attr->atime_sec,
		.mtime_nsec = attr->mtime_nsec,
		.ctime_nsec = attr->ctime_nsec,
		.atime_nsec = attr->atime_nsec,
	};
}

int vv_fs_node_stat(struct vv_fs_node *node, struct vv_fs_attr *out)
{
	struct vv_attr attr;
	int err = vv_view_getattr(node->fs->view, node->id, &attr);

	*out = (struct vv_fs_attr){ 0 };
	if (!err)
		fill_attr(out, &attr);
	return err;
}

int vv_fs_stat(struct vv_fs_node *at, const char *path, unsigned flags,
	       struct vv_fs_attr *out)
{
	struct vv_resolved found;
	int err = vv_resolve(&found, at->fs->view, at->id, path, flags);

	*out = (struct vv_fs_attr){ 0 };
	if (err)
		return err;
	fill_attr(out, &found.attr);
	if (!found.is_start)
		vv_view_forget(at->fs->view, found.attr.node, 1);
	return VV_OK;
}

int vv_fs_node_readlink(struct vv_fs_node *node, char *buf, size_t cap, size_t *len)
{
	size_t got = 0;
	int err;

	*len = 0;
	if (cap == 0)
		return VV_ERANGE;
	buf[0] = '\0';
	err = vv_view_readlink(node->fs->view, node->id, buf, cap, &got);
	if (!err && got >= cap) /* it fits, but for its NUL */
		err = VV_ERANGE;
	buf[err ? 0 : got] = '\0';
	*len = err ? 0 : got;
	return err;
}

int vv_fs_node_xattr_get(struct vv_fs_node *node, const char *name, void *buf,
			 size_t cap, size_t *len)
{
	int err = vv_view_xattr_get(node->fs->view, node->id, name, buf, cap, len);

	*len = err ? 0 : *len;
	return err;
}

int vv_fs_node_xattr_list(struct vv_fs_node *node, char *buf, size_t cap, size_t *len)
{
	int err = vv_view_xattr_list(node->fs->view, node->id, buf, cap, len);

	*len = err ? 0 : *len;
	return err;
}

/* ---- bytes ---- */

/* Opened once; who comes second in a race closes his own. */
static int host_file(struct vv_fs_node *node, struct vv_view_file **out)
{
	struct vv_view_file *none = NULL;
	int err;

	*out = atomic_load(&node->file);
	if (*out)
		return VV_OK;
	err = vv_view_open(node->fs->view, node->id, out);
	if (err || atomic_compare_exchange_strong(&node->file, &none, *out))
		return err;
	vv_view_file_close(*out);
	*out = none;
	return VV_OK;
}

static int read_host(struct vv_fs_node *node, void *buf, size_t len, uint64_t offset,
		     size_t *got)
{
	struct vv_view_file *file;
	int err = host_file(node, &file);

	return err ? err : vv_view_file_read(file, buf, len, offset, got);
}

static int read_blob(struct vv_fs_node *node, const struct vv_content *content,
		     void *buf, size_t len, uint64_t offset, size_t *got)
{
	int err;

	if (offset >= content->size || len == 0)
		return VV_OK;
	len = (size_t)vv_min_u64(len, content->size - offset);
	err = vv_reader_copy(node->fs->reader, &content->blob, content->size, offset,
			     buf, len);
	*got = err ? 0 : len;
	return err;
}

static void log_failure(struct vv_fs_node *node, uint64_t offset, int err)
{
	static struct vv_log_limit limit;
	char path[512];

	if (!vv_log_wants(VV_LOG_ERROR))
		return;
	vv_view_describe(node->fs->view, node->id, path, sizeof path);
	vv_log_limited(&limit, VV_LOG_ERROR, "cannot read %s at byte %llu: %s", path,
		       (unsigned long long)offset, vv_err_text(err));
}

int vv_fs_node_read(struct vv_fs_node *node, void *buf, size_t len, uint64_t offset,
		    size_t *got)
{
	struct vv_content content;
	int err = vv_view_content(node->fs->view, node->id, &content);

	*got = 0;
	if (err == VV_EISDIR || err == VV_EINVAL)
		return err; /* the caller's doing, not ours to tell */
	if (!err && content.is_host)
		err = read_host(node, buf, len, offset, got);
	else if (!err)
		err = read_blob(node, &content, buf, len, offset, got);
	if (err)
		log_failure(node, offset, err);
	else
		vv_serve_count_read(node->fs->serve, node->id, offset, *got);
	return err;
}

int vv_fs_node_content_id(struct vv_fs_node *node, uint8_t out[VV_FS_ID_BYTES])
{
	struct vv_content content;
	int err = vv_view_content(node->fs->view, node->id, &content);

	memset(out, 0, VV_FS_ID_BYTES);
	if (!err && content.is_host)
		err = VV_ENODATA;
	if (err)
		return err;
	if (content.size == 0)
		vv_hash_id(&content.blob, NULL, 0);
	memcpy(out, content.blob.bytes, VV_FS_ID_BYTES);
	return VV_OK;
}
