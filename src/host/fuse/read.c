/* OPEN, READ, RELEASE: the bytes of files. */
#include "core/arith.h"
#include "core/err.h"
#include "core/log.h"
#include "host/fuse/ops.h"
#include "host/fuse/stamps.h"
#include "host/serve.h"
#include "os/system.h"
#include "vfs/view.h"

/*
 * The kernel gives back the handle that OPEN gave: the address of an open host file, or 0
 * for the file of a tree, which needs none.
 */
static struct vv_view_file *file_of(uint64_t fh)
{
	return (struct vv_view_file *)(uintptr_t)fh;
}

int vv_fuse_op_open(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	struct vv_fuse_open_out *out = &call->reply.body.open;
	struct vv_view_file *file = NULL;
	struct vv_content content;
	struct vv_attr attr;
	int err;

	if (!ops->has_handles)
		return VV_ENOSYS; /* never asked again: files open without us */
	*out = (struct vv_fuse_open_out){ .open_flags = VV_FOPEN_KEEP_CACHE |
							VV_FOPEN_NOFLUSH };
	err = vv_view_content(ops->view, call->req.header.nodeid, &content);
	if (err || !content.is_host)
		return err;

	err = vv_view_open(ops->view, call->req.header.nodeid, &file);
	if (err)
		return err;
	out->fh = (uintptr_t)file;
	/* Looked at after opening: a change in between shows at the next open at the latest. */
	if (vv_view_getattr(ops->view, call->req.header.nodeid, &attr) != VV_OK ||
	    !vv_fuse_stamps_match(ops->stamps, &attr, vv_time_ns()))
		out->open_flags = VV_FOPEN_NOFLUSH;
	return VV_OK;
}

void vv_fuse_close(uint64_t fh)
{
	if (fh)
		vv_view_file_close(file_of(fh));
}

int vv_fuse_op_release(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	(void)ops;
	vv_fuse_close(call->req.body.release.fh);
	return VV_OK;
}

static void log_failure(struct vv_fuse_ops *ops, uint64_t node, uint64_t offset,
			int err)
{
	static struct vv_log_limit limit;
	char path[512];

	atomic_fetch_add_explicit(ops->errors_of_all, 1, memory_order_relaxed);
	vv_view_describe(ops->view, node, path, sizeof path);
	vv_log_limited(&limit, VV_LOG_ERROR, "cannot read %s at byte %llu: %s", path,
		       (unsigned long long)offset, vv_err_text(err));
}

static int read_host(struct vv_fuse_ops *ops, struct vv_fuse_call *call, size_t len)
{
	const struct vv_fuse_read_in *in = &call->req.body.read;
	uint8_t *room;
	size_t got = 0;
	int err;

	if (!in->fh)
		return VV_EBADF;
	err = vv_fuse_answer_room(ops, call, len, &room);
	if (!err)
		err = vv_view_file_read(file_of(in->fh), room, len, in->offset, &got);
	if (!err)
		vv_fuse_answer_bytes(call, room, got);
	return err;
}

static int read_blob(struct vv_fuse_ops *ops, struct vv_fuse_call *call,
		     const struct vv_content *content, size_t len)
{
	uint64_t offset = call->req.body.read.offset;
	int err;

	if (offset >= content->size)
		return VV_OK; /* no spans: the end */
	err = vv_reader_read_for(ops->reader,
				 vv_serve_account(ops->serve, call->req.header.nodeid),
				 &content->blob, content->size, offset, len,
				 &call->read);
	if (err)
		return err;
	call->has_read = true;
	call->spans = call->read.spans;
	call->span_count = call->read.span_count;
	return VV_OK;
}

int vv_fuse_op_read(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	uint64_t node = call->req.header.nodeid;
	const struct vv_fuse_read_in *in = &call->req.body.read;
	size_t len = vv_min_size(in->size, VV_FUSE_READ_BYTES);
	struct vv_content content;
	uint64_t size = 0;
	int err = vv_view_content(ops->view, node, &content);

	if (!err)
		err = content.is_host ? read_host(ops, call, len)
				      : read_blob(ops, call, &content, len);
	if (err) {
		log_failure(ops, node, in->offset, err);
		return VV_EIO; /* whatever it was, the reader's answer is that the bytes are not to be had */
	}
	for (unsigned i = 0; i < call->span_count; i++)
		size += call->spans[i].size;
	vv_serve_count_read(ops->serve, node, in->offset, size);
	return VV_OK;
}
