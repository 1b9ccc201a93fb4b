/*
 * Requests, replies, listings and notifications from bytes.  The first byte chooses which;
 * what decodes as a request must encode to the same bytes again.
 */
#include "core/buf.h"
#include "core/err.h"
#include "fuse/codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_request(const uint8_t *data, size_t size)
{
	struct vv_fuse_request req;
	struct vv_buf buf;

	if (vv_fuse_request_decode(&req, data, size) != VV_OK)
		return;
	if (req.header.opcode == VV_FUSE_BATCH_FORGET)
		for (size_t i = 0; i < req.body.batch_forget.count; i++)
			(void)vv_fuse_forget_get(&req, i);
	vv_buf_init(&buf, 2 << 20);
	if (vv_fuse_request_encode(&buf, &req) != VV_OK)
		abort();
	/* An old or newer INIT has another length, and extensions are not kept. */
	if (req.header.opcode != VV_FUSE_INIT && req.header.extensions == 0 &&
	    (buf.len != size || memcmp(buf.bytes, data, size) != 0))
		abort();
	vv_buf_fini(&buf);
}

static void fuzz_reply(uint8_t opcode, const uint8_t *data, size_t size)
{
	struct vv_fuse_request req = { .header.opcode = opcode };
	struct vv_fuse_entry entry;
	struct vv_fuse_reply reply;
	bool plus = opcode == VV_FUSE_READDIRPLUS;
	size_t pos = 0;

	req.body.read.size = 4096;
	if (vv_fuse_reply_decode(&reply, &req, data, size) != VV_OK ||
	    reply.header.error)
		return;
	if (reply.data_size > 4096)
		abort();
	while (vv_fuse_entry_next(reply.data, reply.data_size, plus, &pos, &entry) == 1)
		if (pos > reply.data_size)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vv_fuse_notify notify;

	if (size < 1)
		return 0;
	if (data[0] == 0)
		fuzz_request(data + 1, size - 1);
	else if (data[0] == 255)
		(void)vv_fuse_notify_decode(&notify, data + 1, size - 1);
	else
		fuzz_reply(data[0], data + 1, size - 1);
	return 0;
}
