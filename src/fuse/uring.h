/*
 * uring.h - requests of FUSE over io_uring as the one piece that the codec knows.
 *
 * The kernel puts a request into a header and a payload buffer (proto.h); on /dev/fuse the
 * same parts lie one behind the other.
 *
 * Ownership: nothing is kept.  Threads: pure functions.
 */
#ifndef VV_FUSE_URING_H
#define VV_FUSE_URING_H

#include "fuse/proto.h"

#include <stddef.h>

/*
 * Put the request of @header and @payload, a buffer of @payload_size bytes, together at
 * @out; *@size are its bytes.  VV_EINVAL if its lengths contradict each other, the buffer or
 * @room: then only the in_header is there, so that the error can be answered.  @room is more
 * than that header.
 */
int vv_fuse_uring_gather(void *out, size_t room, size_t *size,
			 const struct vv_fuse_uring_header *header, const void *payload,
			 size_t payload_size);

#endif
