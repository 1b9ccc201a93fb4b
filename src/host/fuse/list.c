/* OPENDIR, READDIR, READDIRPLUS, RELEASEDIR: what is in a directory. */
#include "core/arith.h"
#include "core/err.h"
#include "host/fuse/ops.h"
#include "vfs/view.h"

#include <assert.h>

/* As with files: the address of a handle, or 0 for directories that need none. */
static struct vv_dir_handle *handle_of(uint64_t fh)
{
	return (struct vv_dir_handle *)(uintptr_t)fh;
}

int vv_fuse_op_opendir(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	struct vv_fuse_open_out *out = &call->reply.body.open;
	struct vv_dir_handle *handle = NULL;
	int err;

	if (!ops->has_handles)
		return VV_ENOSYS;
	err = vv_view_opendir(ops->view, call->req.header.nodeid, &handle);
	if (err)
		return err;
	*out = (struct vv_fuse_open_out){
		.fh = (uintptr_t)handle,
		/* A listing without a host directory in it changes only with a notice. */
		.open_flags = handle ? 0 : VV_FOPEN_CACHE_DIR | VV_FOPEN_KEEP_CACHE,
	};
	return VV_OK;
}

void vv_fuse_closedir(uint64_t fh)
{
	if (fh)
		vv_view_closedir(handle_of(fh));
}

int vv_fuse_op_releasedir(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	(void)ops;
	vv_fuse_closedir(call->req.body.release.fh);
	return VV_OK;
}

struct listing {
	struct vv_fuse_ops *ops;
	uint8_t *bytes;
	size_t used, room;
	bool plus;
};

static int put_entry(void *ctx, const char *name, size_t len, uint64_t next,
		     const struct vv_attr *attr)
{
	struct listing *l = ctx;
	struct vv_fuse_entry entry = {
		.dirent = {
			.ino = attr->ino,
			.off = next,
			.namelen = (uint32_t)len,
			.type = attr->mode >> 12,
		},
		.name = name,
	};
	bool is_whole = l->plus && attr->node;
	size_t used;

	/* What something may be mounted on is looked up by itself (cover.h). */
	if (is_whole && l->ops->cover && vv_view_is_tree_root(attr->node)) {
		vv_view_forget(l->ops->view, attr->node, 1);
		is_whole = false;
	}
	if (is_whole)
		vv_fuse_fill_entry(&entry.plus, attr);
	used = vv_fuse_entry_put(l->bytes + l->used, l->room - l->used, &entry,
				 l->plus);
	l->used += used;
	if (used)
		return 0;
	if (entry.plus.nodeid)
		vv_view_forget(l->ops->view, entry.plus.nodeid, 1);
	return 1; /* full */
}

int vv_fuse_op_readdir(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	const struct vv_fuse_read_in *in = &call->req.body.read;
	struct listing l = {
		.ops = ops,
		.bytes = call->scratch,
		/* Less than asked for is fine: the kernel comes back for the rest. */
		.room = vv_min_size(in->size, VV_FUSE_SCRATCH_BYTES),
		.plus = call->req.header.opcode == VV_FUSE_READDIRPLUS,
	};
	int err = vv_view_readdir(ops->view, call->req.header.nodeid, handle_of(in->fh),
				  in->offset, l.plus, put_entry, &l);

	vv_fuse_answer_bytes(call, l.bytes, l.used);
	if (err >= 0)
		return VV_OK;
	/* What came before the error is good and the kernel's; the error meets the next call. */
	return l.used ? VV_OK : err;
}

void vv_fuse_listing_undo(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	struct vv_fuse_entry entry;
	size_t pos = 0;

	while (vv_fuse_entry_next(call->own_span.bytes, call->own_span.size, true, &pos,
				  &entry) == 1)
		if (entry.plus.nodeid)
			vv_view_forget(ops->view, entry.plus.nodeid, 1);
}
