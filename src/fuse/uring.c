#include "fuse/uring.h"

#include "core/err.h"

#include <assert.h>
#include <string.h>

int vv_fuse_uring_gather(void *out, size_t room, size_t *size,
			 const struct vv_fuse_uring_header *header, const void *payload,
			 size_t payload_size)
{
	struct vv_fuse_in_header in;
	uint8_t *at = out;
	size_t rest = header->entry.payload_sz, body;

	assert(room > sizeof in);
	memcpy(&in, header->in_out, sizeof in);
	memcpy(at, &in, sizeof in);
	*size = sizeof in;
	if (in.len > room || in.len < sizeof in || rest > payload_size ||
	    rest > in.len - sizeof in)
		return VV_EINVAL;
	/* How long the body is nobody says; it is what the payload leaves of the whole. */
	body = in.len - sizeof in - rest;
	if (body > sizeof header->op_in)
		return VV_EINVAL;
	memcpy(at + sizeof in, header->op_in, body);
	memcpy(at + sizeof in + body, payload, rest);
	*size = in.len;
	return VV_OK;
}
