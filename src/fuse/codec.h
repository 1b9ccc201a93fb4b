/*
 * codec.h - FUSE messages as bytes, in both roles.
 *
 * A file system decodes requests and encodes replies and notifications; a bridge, which
 * is the kernel to somebody else's file system, encodes requests and decodes the rest.
 * One table in codec.c gives every operation its shape (fixed body, names, data) and all
 * functions follow it.
 *
 * What is decoded is hostile: each length is checked against the bytes that are there,
 * bodies are copied out (no alignment is assumed), and what a length says must be what
 * follows, to the byte.  A file system that answers nonsense gets VV_EINVAL, as Linux
 * gives it.
 *
 * Ownership: decoded names and data are borrowed from the bytes.  Threads: pure functions.
 */
#ifndef VV_FUSE_CODEC_H
#define VV_FUSE_CODEC_H

#include "fuse/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_buf;

/* "lookup", "readdirplus"; NULL if there is no such operation. */
const char *vv_fuse_op_name(uint32_t opcode);
bool vv_fuse_op_has_reply(uint32_t opcode);
bool vv_fuse_op_writes(uint32_t opcode); /* what a read-only file system refuses */

/* ---- requests ---- */

struct vv_fuse_request {
	struct vv_fuse_in_header header;
	union vv_fuse_in body; /* zeros where a shorter version ended */
	const char *names[2];  /* NUL-ended; NULL if the operation has none */
	size_t name_len[2];    /* without the NUL */
	const uint8_t *data; /* of WRITE, SETXATTR, IOCTL, BATCH_FORGET, NOTIFY_REPLY */
	size_t data_size;
};

/*
 * @bytes are exactly one request.  VV_EINVAL; VV_ENOSYS: an operation we do not know.
 * If they hold at least a header it is decoded also then, so that the error can be
 * answered; otherwise header.unique is 0.
 */
int vv_fuse_request_decode(struct vv_fuse_request *out, const void *bytes, size_t size);

/*
 * Append @req; header.len and what the body says of its data are set here.  VV_EINVAL:
 * a name or data is missing, too much or too long.  Errors of vv_buf_append().
 */
int vv_fuse_request_encode(struct vv_buf *out, const struct vv_fuse_request *req);

/* The @i-th node of a BATCH_FORGET; i < body.batch_forget.count. */
struct vv_fuse_forget_one vv_fuse_forget_get(const struct vv_fuse_request *req,
					     size_t i);

/* ---- replies ---- */

/* Header and body leave in one piece; data follows from wherever it lies. */
struct vv_fuse_reply {
	struct vv_fuse_out_header header;
	union vv_fuse_out body;
	const uint8_t *data;
	size_t data_size;
};
_Static_assert(offsetof(struct vv_fuse_reply, body) ==
		       sizeof(struct vv_fuse_out_header),
	       "the body follows the header on the wire");

/* Bytes of the fixed body in a good reply to @req. */
size_t vv_fuse_reply_body_size(const struct vv_fuse_request *req);

/*
 * Fill the header of a reply to @req for @err (0 or negative) and @data_size bytes that
 * will follow.  Returns how many bytes of *@reply are to be sent before them.
 */
size_t vv_fuse_reply_seal(struct vv_fuse_reply *reply,
			  const struct vv_fuse_request *req, int err, size_t data_size);

/*
 * @bytes are one message to the kernel with header.unique == @req->header.unique.
 * header.error of *@out is then an answer of the file system: 0 or -511..-1.
 */
int vv_fuse_reply_decode(struct vv_fuse_reply *out, const struct vv_fuse_request *req,
			 const void *bytes, size_t size);

/* ---- listings: the data of READDIR and READDIRPLUS replies ---- */

struct vv_fuse_entry {
	struct vv_fuse_dirent dirent;
	const char *name;	       /* dirent.namelen bytes, no NUL */
	struct vv_fuse_entry_out plus; /* READDIRPLUS only */
};

/* Write an entry at @at.  Returns its bytes, or 0 if it needs more than @room. */
size_t vv_fuse_entry_put(void *at, size_t room, const struct vv_fuse_entry *entry,
			 bool plus);

/* The entry at *@pos, which moves on.  1 = entry, 0 = end, VV_EINVAL. */
int vv_fuse_entry_next(const void *data, size_t size, bool plus, size_t *pos,
		       struct vv_fuse_entry *out);

/* ---- notifications: unasked messages to the kernel ---- */

struct vv_fuse_notify {
	enum vv_fuse_notify_code code;
	union vv_fuse_notify_body body;
	const char *name; /* of INVAL_ENTRY and DELETE */
	size_t name_len;
	const uint8_t *data; /* of STORE */
	size_t data_size;
};

int vv_fuse_notify_encode(struct vv_buf *out, const struct vv_fuse_notify *notify);
/*
 * The head of a STORE of the @len bytes that lie at @data, written right before them, where
 * VV_FUSE_STORE_HEAD bytes are free.  Returns its size.
 */
enum {
	VV_FUSE_STORE_HEAD =
		sizeof(struct vv_fuse_out_header) + sizeof(struct vv_fuse_notify_store)
};
size_t vv_fuse_store_head(uint8_t *data, uint64_t node, uint64_t off, size_t len);
/* @bytes are one message to the kernel with header.unique == 0.  VV_ENOSYS: unknown. */
int vv_fuse_notify_decode(struct vv_fuse_notify *out, const void *bytes, size_t size);

#endif
