/* What a recorder is told of the requests: those that show what a program uses. */
#include "host/fuse/ops.h"
#include "host/recorder.h"

void vv_fuse_observe(struct vv_fuse_ops *ops, const struct vv_fuse_call *call, int err)
{
	const struct vv_fuse_request *req = &call->req;
	uint64_t node = req->header.nodeid;

	if (err)
		return;
	switch (req->header.opcode) {
	case VV_FUSE_LOOKUP:
		vv_recorder_name(ops->recorder, node, req->names[0], req->name_len[0],
				 call->reply.body.entry.nodeid != 0);
		break;
	case VV_FUSE_READDIR:
	case VV_FUSE_READDIRPLUS:
		if (req->body.read.offset == 0)
			vv_recorder_list(ops->recorder, node);
		break;
	case VV_FUSE_READ:
		vv_recorder_read(ops->recorder, node, req->body.read.offset,
				 req->body.read.size);
		break;
	}
}
