#include "host/fuse/ops.h"

#include "cache/budget.h"
#include "core/err.h"
#include "host/fuse/cover.h"
#include "host/fuse/stamps.h"
#include "host/serve.h"
#include "os/system.h"
#include "vfs/view.h"

#include <assert.h>
#include <string.h>

/*
 * "For ever", as seconds: longer than any machine runs, and small enough that no kernel
 * overflows when it adds it to its clock.
 */
#define FOREVER_SECONDS (UINT64_C(1) << 30)

uint64_t vv_fuse_seconds(int life)
{
	return life == VV_LIFE_FOREVER ? FOREVER_SECONDS
	       : life == VV_LIFE_SHORT ? 1
				       : 0;
}

void vv_fuse_fill_attr(struct vv_fuse_attr *out, const struct vv_attr *attr)
{
	*out = (struct vv_fuse_attr){
		.ino = attr->ino,
		.size = attr->size,
		.blocks = attr->blocks,
		.atime = (uint64_t)attr->atime_sec,
		.mtime = (uint64_t)attr->mtime_sec,
		.ctime = (uint64_t)attr->ctime_sec,
		.atime_nsec = attr->atime_nsec,
		.mtime_nsec = attr->mtime_nsec,
		.ctime_nsec = attr->ctime_nsec,
		.mode = attr->mode,
		.nlink = attr->nlink,
		.uid = attr->uid,
		.gid = attr->gid,
		.rdev = vv_fuse_rdev(attr->rdev_major, attr->rdev_minor),
		.blksize = 4096,
	};
}

void vv_fuse_fill_entry(struct vv_fuse_entry_out *out, const struct vv_attr *attr)
{
	*out = (struct vv_fuse_entry_out){
		.nodeid = attr->node,
		.generation = attr->generation,
		.entry_valid = vv_fuse_seconds(attr->entry_life),
		.attr_valid = vv_fuse_seconds(attr->attr_life),
	};
	vv_fuse_fill_attr(&out->attr, attr);
}

void vv_fuse_answer_bytes(struct vv_fuse_call *call, const void *bytes, size_t size)
{
	call->own_span = (struct vv_span){ bytes, size };
	call->spans = &call->own_span;
	call->span_count = size > 0;
}

int vv_fuse_answer_room(struct vv_fuse_ops *ops, struct vv_fuse_call *call, size_t size,
			uint8_t **out)
{
	int err;

	*out = call->scratch;
	if (size <= VV_FUSE_SCRATCH_BYTES)
		return VV_OK;
	*out = NULL;
	err = vv_budget_reserve(ops->budget, VV_HOLD_TRANSPORT, size);
	if (err)
		return err;
	call->extra = vv_pages_new(size);
	if (!call->extra) {
		vv_budget_release(ops->budget, VV_HOLD_TRANSPORT, size);
		return VV_ENOMEM;
	}
	call->extra_size = size;
	*out = call->extra;
	return VV_OK;
}

/* ---- names and attributes ---- */

static int op_lookup(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	struct vv_attr attr;
	enum vv_life life = VV_LIFE_NONE;
	int err = vv_view_lookup(ops->view, call->req.header.nodeid, call->req.names[0],
				 call->req.name_len[0], &attr, &life);

	if (!err) {
		vv_fuse_fill_entry(&call->reply.body.entry, &attr);
		if (ops->cover && vv_view_is_tree_root(attr.node))
			ops->cover->found(ops->cover, &call->req, &attr,
					  &call->reply.body.entry);
		return VV_OK;
	}
	if (err != VV_ENOENT || life == VV_LIFE_NONE)
		return err;
	/* An entry without a node: the kernel remembers that the name is not there. */
	call->reply.body.entry =
		(struct vv_fuse_entry_out){ .entry_valid = vv_fuse_seconds(life) };
	return VV_OK;
}

static int op_forget(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	vv_view_forget(ops->view, call->req.header.nodeid,
		       call->req.body.forget.nlookup);
	return VV_OK;
}

static int op_batch_forget(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	for (size_t i = 0; i < call->req.body.batch_forget.count; i++) {
		struct vv_fuse_forget_one one = vv_fuse_forget_get(&call->req, i);

		vv_view_forget(ops->view, one.nodeid, one.nlookup);
	}
	return VV_OK;
}

static int op_getattr(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	struct vv_fuse_attr_out *out = &call->reply.body.attr;
	struct vv_attr attr;
	int err = vv_view_getattr(ops->view, call->req.header.nodeid, &attr);

	if (err)
		return err;
	*out = (struct vv_fuse_attr_out){ .attr_valid =
						  vv_fuse_seconds(attr.attr_life) };
	vv_fuse_fill_attr(&out->attr, &attr);
	if (ops->cover && vv_view_is_tree_root(call->req.header.nodeid) &&
	    !ops->cover->is_settled(ops->cover, call->req.header.nodeid))
		out->attr_valid = 0;
	return VV_OK;
}

static int op_readlink(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	size_t len = 0;
	int err = vv_view_readlink(ops->view, call->req.header.nodeid,
				   (char *)call->scratch, VV_FUSE_LINK_MAX, &len);

	if (!err)
		vv_fuse_answer_bytes(call, call->scratch, len);
	return err;
}

/* What is shown, all of it used: there is no room to write. */
static int op_statfs(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	struct vv_serve_totals totals;

	vv_serve_get_totals(ops->serve, &totals);
	call->reply.body.statfs = (struct vv_fuse_statfs_out){
		.blocks = totals.bytes / 4096 + (totals.bytes % 4096 != 0),
		.files = totals.files,
		.bsize = 4096,
		.frsize = 4096,
		.namelen = 255,
	};
	return VV_OK;
}

static int op_nothing(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	(void)ops;
	(void)call;
	return VV_OK;
}

static vv_fuse_op_fn *const view_table[VV_FUSE_OP_COUNT] = {
	[VV_FUSE_LOOKUP] = op_lookup,
	[VV_FUSE_FORGET] = op_forget,
	[VV_FUSE_BATCH_FORGET] = op_batch_forget,
	[VV_FUSE_GETATTR] = op_getattr,
	[VV_FUSE_READLINK] = op_readlink,
	[VV_FUSE_STATFS] = op_statfs,
	[VV_FUSE_INIT] = vv_fuse_op_init,
	[VV_FUSE_DESTROY] = op_nothing, /* the device ends with ENODEV right after */
	[VV_FUSE_OPEN] = vv_fuse_op_open,
	[VV_FUSE_READ] = vv_fuse_op_read,
	[VV_FUSE_RELEASE] = vv_fuse_op_release,
	[VV_FUSE_OPENDIR] = vv_fuse_op_opendir,
	[VV_FUSE_READDIR] = vv_fuse_op_readdir,
	[VV_FUSE_READDIRPLUS] = vv_fuse_op_readdir,
	[VV_FUSE_RELEASEDIR] = vv_fuse_op_releasedir,
	[VV_FUSE_GETXATTR] = vv_fuse_op_getxattr,
	[VV_FUSE_LISTXATTR] = vv_fuse_op_listxattr,
};

static int run_op(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	uint32_t opcode = call->req.header.opcode;
	int err = VV_OK;

	if (vv_fuse_op_writes(opcode))
		return VV_EROFS;
	if (!ops->table[opcode])
		return VV_ENOSYS;
	if (ops->cover && vv_view_is_tree_root(call->req.header.nodeid))
		err = vv_fuse_cover_enter(ops->cover, &call->req);
	return err ? err : ops->table[opcode](ops, call);
}

/* Codes of ours that no errno stands for leave as EIO. */
static int wire_error(int err)
{
	return err == VV_ECORRUPT || err == VV_ENEWER ? VV_EIO : err;
}

/* Reading the statistics does not change them: a pair of readings counts what lay between. */
static bool is_counted(const struct vv_fuse_request *req)
{
	return !(req->header.opcode == VV_FUSE_GETXATTR && req->names[0] &&
		 strcmp(req->names[0], VV_FUSE_STATS_XATTR) == 0);
}

static void count(struct vv_fuse_ops *ops, const struct vv_fuse_request *req)
{
	atomic_uint_least64_t *counter = &ops->counts_unknown;

	if (vv_fuse_op_name(req->header.opcode))
		counter = &ops->counts[req->header.opcode];
	if (is_counted(req))
		atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void vv_fuse_ops_run(struct vv_fuse_ops *ops, struct vv_fuse_call *call,
		     const void *bytes, size_t size)
{
	size_t data = 0;
	int err;

	call->head_size = 0;
	call->span_count = 0;
	call->has_read = false;
	assert(!call->extra);
	err = vv_fuse_request_decode(&call->req, bytes, size);
	count(ops, &call->req);
	if (!err)
		err = run_op(ops, call);
	if (ops->recorder)
		vv_fuse_observe(ops, call, err);
	if (err)
		call->span_count = 0;
	for (unsigned i = 0; i < call->span_count; i++)
		data += call->spans[i].size;
	if (vv_fuse_op_has_reply(call->req.header.opcode) && call->req.header.unique)
		call->head_size = vv_fuse_reply_seal(&call->reply, &call->req,
						     wire_error(err), data);
}

/* The kernel will neither forget a name nor release a handle that it did not take. */
static void undo_in_view(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	switch (call->req.header.opcode) {
	case VV_FUSE_LOOKUP:
		if (call->reply.body.entry.nodeid)
			vv_view_forget(ops->view, call->reply.body.entry.nodeid, 1);
		break;
	case VV_FUSE_READDIRPLUS: vv_fuse_listing_undo(ops, call); break;
	case VV_FUSE_OPEN: vv_fuse_close(call->reply.body.open.fh); break;
	case VV_FUSE_OPENDIR: vv_fuse_closedir(call->reply.body.open.fh); break;
	}
}

void vv_fuse_ops_done(struct vv_fuse_ops *ops, struct vv_fuse_call *call,
		      bool delivered)
{
	if (!delivered && call->head_size && call->reply.header.error == 0)
		ops->undo(ops, call);
	if (call->has_read)
		vv_reader_done(ops->reader, &call->read);
	if (call->extra) {
		vv_pages_free(call->extra, call->extra_size);
		vv_budget_release(ops->budget, VV_HOLD_TRANSPORT, call->extra_size);
		call->extra = NULL;
	}
	if (call->req.header.opcode == VV_FUSE_INIT && call->head_size &&
	    ops->started) {
		int err = call->reply.header.error;

		if (err || atomic_load(&ops->minor))
			ops->started(ops->ctx, err);
	}
}

int vv_fuse_ops_init(struct vv_fuse_ops *ops, struct vv_serve *serve)
{
	memset(ops, 0, sizeof *ops);
	ops->table = view_table;
	ops->undo = undo_in_view;
	ops->errors_of_all = &ops->errors;
	ops->serve = serve;
	ops->view = vv_serve_view(serve);
	ops->reader = vv_serve_reader(serve);
	ops->budget = vv_serve_budget(serve);
	ops->has_handles = vv_view_has_host_layers(ops->view);
	return ops->has_handles ? vv_fuse_stamps_new(&ops->stamps) : VV_OK;
}

void vv_fuse_ops_fini(struct vv_fuse_ops *ops)
{
	vv_fuse_stamps_free(ops->stamps);
	ops->stamps = NULL;
}
