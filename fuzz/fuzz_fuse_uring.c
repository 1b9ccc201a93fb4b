/*
 * Requests in the pieces of io_uring: a header, then the payload.  What can be put together
 * holds all of both, and decodes or not like any other request.
 */
#include "core/err.h"
#include "fuse/codec.h"
#include "fuse/uring.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vv_fuse_uring_header header;
	struct vv_fuse_in_header in;
	struct vv_fuse_request req;
	uint8_t out[VV_FUSE_MIN_READ_BUFFER];
	size_t got = 0, payload = size - sizeof header;

	if (size < sizeof header)
		return 0;
	memcpy(&header, data, sizeof header);
	data += sizeof header;
	memcpy(&in, header.in_out, sizeof in);
	if (vv_fuse_uring_gather(out, sizeof out, &got, &header, data, payload)) {
		if (got != sizeof in || memcmp(out, &in, sizeof in) != 0)
			abort();
		return 0;
	}
	if (got != in.len || header.entry.payload_sz > payload)
		abort();
	if (memcmp(out + got - header.entry.payload_sz, data,
		   header.entry.payload_sz) != 0)
		abort();
	(void)vv_fuse_request_decode(&req, out, got);
	return 0;
}
