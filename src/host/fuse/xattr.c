/* GETXATTR, LISTXATTR, and the statistics that hide behind one of them. */
#include "core/arith.h"
#include "core/buf.h"
#include "core/err.h"
#include "host/fuse/ops.h"
#include "vfs/view.h"

#include <string.h>

/* Both come in two forms: size 0 asks how much there is, else at most that much is wanted. */
static int answer_size(struct vv_fuse_call *call, size_t size)
{
	call->reply.body.getxattr =
		(struct vv_fuse_getxattr_out){ .size = (uint32_t)size };
	return VV_OK;
}

static bool wants_stats(const struct vv_fuse_request *req)
{
	return req->header.nodeid == VV_NODE_ROOT &&
	       strcmp(req->names[0], VV_FUSE_STATS_XATTR) == 0;
}

/*
 * The text grows between the question for its size and the question for itself, so the size
 * told is the limit.
 */
static int get_stats(struct vv_fuse_ops *ops, struct vv_fuse_call *call, size_t room)
{
	struct vv_buf json;
	uint8_t *out;
	int err;

	if (room == 0)
		return answer_size(call, VV_FUSE_STATS_MAX);
	err = vv_fuse_answer_room(ops, call, VV_FUSE_STATS_MAX, &out);
	if (err)
		return err;
	vv_buf_init(&json, VV_FUSE_STATS_MAX);
	err = vv_fuse_stats(ops, &json);
	if (!err && json.len > room)
		err = VV_ERANGE;
	if (!err) {
		memcpy(out, json.bytes, json.len);
		vv_fuse_answer_bytes(call, out, json.len);
	}
	vv_buf_fini(&json);
	return err;
}

int vv_fuse_op_getxattr(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	const struct vv_fuse_request *req = &call->req;
	size_t room = vv_min_size(req->body.getxattr.size, VV_FUSE_STATS_MAX);
	uint8_t *value = NULL;
	size_t len = 0;
	int err;

	if (wants_stats(req))
		return get_stats(ops, call, room);
	err = vv_fuse_answer_room(ops, call, room, &value);
	if (!err)
		err = vv_view_xattr_get(ops->view, req->header.nodeid, req->names[0],
					value, room, &len);
	if (!err && room == 0)
		return answer_size(call, len);
	if (!err)
		vv_fuse_answer_bytes(call, value, len);
	return err;
}

int vv_fuse_op_listxattr(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	size_t room = vv_min_size(call->req.body.getxattr.size, VV_FUSE_STATS_MAX);
	uint8_t *names;
	size_t len = 0;
	int err = vv_fuse_answer_room(ops, call, room, &names);

	if (!err)
		err = vv_view_xattr_list(ops->view, call->req.header.nodeid,
					 (char *)names, room, &len);
	if (!err && room == 0)
		return answer_size(call, len);
	if (!err)
		vv_fuse_answer_bytes(call, names, len);
	return err;
}
