#include "fuse/codec.h"

#include "core/arith.h"
#include "core/buf.h"
#include "core/err.h"

#include <assert.h>
#include <string.h>

enum {
	COMPONENT = 1 << 0, /* names are of one directory: no slash in them */
	TARGET = 1 << 1,    /* the second name is a symlink's target */
	DATA = 1 << 2,	    /* the rest of a request is data */
	OUT_DATA = 1 << 3,  /* the rest of a reply is data */
	NO_REPLY = 1 << 4,
	WRITES = 1 << 5,     /* changes the file system */
	MAY_GROW = 1 << 6,   /* a later version's longer body is cut */
	SIZE_QUERY = 1 << 7, /* getxattr_out if the request's size is 0, else data */
	MAX_DATA =
		1
		<< 20, /* bytes in one message; a kernel's limit is of the same order */
};

/* How the messages of an operation look. */
struct shape {
	const char *name;
	uint16_t flags;
	uint8_t in_min, in; /* bytes of the fixed body: oldest version, ours */
	uint8_t names;
	uint16_t out_min, out; /* the same for a good reply */
};

#define IN(type) \
	.in_min = sizeof(struct vv_fuse_##type), .in = sizeof(struct vv_fuse_##type)
#define OUT(type) \
	.out_min = sizeof(struct vv_fuse_##type), .out = sizeof(struct vv_fuse_##type)

static const struct shape shapes[VV_FUSE_OP_COUNT] = {
	[VV_FUSE_LOOKUP] = { "lookup", COMPONENT, .names = 1, OUT(entry_out) },
	[VV_FUSE_FORGET] = { "forget", NO_REPLY, IN(forget_in) },
	[VV_FUSE_GETATTR] = { "getattr", IN(getattr_in), OUT(attr_out) },
	[VV_FUSE_SETATTR] = { "setattr", WRITES, IN(setattr_in), OUT(attr_out) },
	[VV_FUSE_READLINK] = { .name = "readlink", .flags = OUT_DATA },
	[VV_FUSE_SYMLINK] = { "symlink", COMPONENT | TARGET | WRITES, .names = 2,
			      OUT(entry_out) },
	[VV_FUSE_MKNOD] = { "mknod", COMPONENT | WRITES, IN(mknod_in), .names = 1,
			    OUT(entry_out) },
	[VV_FUSE_MKDIR] = { "mkdir", COMPONENT | WRITES, IN(mkdir_in), .names = 1,
			    OUT(entry_out) },
	[VV_FUSE_UNLINK] = { "unlink", COMPONENT | WRITES, .names = 1 },
	[VV_FUSE_RMDIR] = { "rmdir", COMPONENT | WRITES, .names = 1 },
	[VV_FUSE_RENAME] = { "rename", COMPONENT | WRITES, IN(rename_in), .names = 2 },
	[VV_FUSE_LINK] = { "link", COMPONENT | WRITES, IN(link_in), .names = 1,
			   OUT(entry_out) },
	[VV_FUSE_OPEN] = { "open", IN(open_in), OUT(open_out) },
	[VV_FUSE_READ] = { "read", OUT_DATA, IN(read_in) },
	[VV_FUSE_WRITE] = { "write", DATA | WRITES, IN(write_in), OUT(write_out) },
	[VV_FUSE_STATFS] = { "statfs", OUT(statfs_out) },
	[VV_FUSE_RELEASE] = { "release", IN(release_in) },
	[VV_FUSE_FSYNC] = { "fsync", IN(fsync_in) },
	[VV_FUSE_SETXATTR] = { "setxattr", DATA | WRITES, IN(setxattr_in), .names = 1 },
	[VV_FUSE_GETXATTR] = { "getxattr", SIZE_QUERY, IN(getxattr_in), .names = 1,
			       OUT(getxattr_out) },
	[VV_FUSE_LISTXATTR] = { "listxattr", SIZE_QUERY, IN(getxattr_in),
				OUT(getxattr_out) },
	[VV_FUSE_REMOVEXATTR] = { "removexattr", WRITES, .names = 1 },
	[VV_FUSE_FLUSH] = { "flush", IN(flush_in) },
	[VV_FUSE_INIT] = { "init", MAY_GROW, .in_min = 16,
			   .in = sizeof(struct vv_fuse_init_in), .out_min = 24,
			   .out = sizeof(struct vv_fuse_init_out) },
	[VV_FUSE_OPENDIR] = { "opendir", IN(open_in), OUT(open_out) },
	[VV_FUSE_READDIR] = { "readdir", OUT_DATA, IN(read_in) },
	[VV_FUSE_RELEASEDIR] = { "releasedir", IN(release_in) },
	[VV_FUSE_FSYNCDIR] = { "fsyncdir", IN(fsync_in) },
	[VV_FUSE_GETLK] = { "getlk", IN(lk_in), OUT(lk_out) },
	[VV_FUSE_SETLK] = { "setlk", IN(lk_in) },
	[VV_FUSE_SETLKW] = { "setlkw", IN(lk_in) },
	[VV_FUSE_ACCESS] = { "access", IN(access_in) },
	[VV_FUSE_CREATE] = { "create", COMPONENT | WRITES, IN(create_in), .names = 1,
			     OUT(create_out) },
	[VV_FUSE_INTERRUPT] = { "interrupt", IN(interrupt_in) },
	[VV_FUSE_BMAP] = { "bmap", IN(bmap_in), OUT(bmap_out) },
	[VV_FUSE_DESTROY] = { .name = "destroy" },
	[VV_FUSE_IOCTL] = { "ioctl", DATA | OUT_DATA, IN(ioctl_in), OUT(ioctl_out) },
	[VV_FUSE_POLL] = { "poll", IN(poll_in), OUT(poll_out) },
	[VV_FUSE_NOTIFY_REPLY] = { "notify_reply", DATA | NO_REPLY, IN(retrieve_in) },
	[VV_FUSE_BATCH_FORGET] = { "batch_forget", DATA | NO_REPLY,
				   IN(batch_forget_in) },
	[VV_FUSE_FALLOCATE] = { "fallocate", WRITES, IN(fallocate_in) },
	[VV_FUSE_READDIRPLUS] = { "readdirplus", OUT_DATA, IN(read_in) },
	[VV_FUSE_RENAME2] = { "rename2", COMPONENT | WRITES, IN(rename2_in),
			      .names = 2 },
	[VV_FUSE_LSEEK] = { "lseek", IN(lseek_in), OUT(lseek_out) },
	[VV_FUSE_COPY_FILE_RANGE] = { "copy_file_range", WRITES, IN(copy_file_range_in),
				      OUT(write_out) },
	[VV_FUSE_SYNCFS] = { "syncfs", IN(syncfs_in) },
	[VV_FUSE_TMPFILE] = { "tmpfile", WRITES, IN(create_in), .names = 1,
			      OUT(create_out) },
	[VV_FUSE_STATX] = { "statx", IN(statx_in), OUT(statx_out) },
};

static const struct shape *shape_of(uint32_t opcode)
{
	if (opcode >= VV_FUSE_OP_COUNT || !shapes[opcode].name)
		return NULL;
	return &shapes[opcode];
}

const char *vv_fuse_op_name(uint32_t opcode)
{
	const struct shape *s = shape_of(opcode);

	return s ? s->name : NULL;
}

bool vv_fuse_op_has_reply(uint32_t opcode)
{
	const struct shape *s = shape_of(opcode);

	return !s || !(s->flags & NO_REPLY);
}

bool vv_fuse_op_writes(uint32_t opcode)
{
	const struct shape *s = shape_of(opcode);

	return s && (s->flags & WRITES);
}

/* ---- requests ---- */

static size_t name_limit(uint32_t opcode, const struct shape *s, unsigned i)
{
	if (i == 1 && (s->flags & TARGET))
		return VV_FUSE_LINK_MAX;
	return s->flags & COMPONENT	   ? VV_FUSE_NAME_MAX
	       : opcode == VV_FUSE_TMPFILE ? VV_FUSE_NAME_MAX
					   : VV_FUSE_XATTR_NAME_MAX;
}

static bool name_fits(uint32_t opcode, const struct shape *s, unsigned i,
		      const char *name, size_t len)
{
	if (len == 0 || len > name_limit(opcode, s, i))
		return false;
	if (i == 1 && (s->flags & TARGET))
		return true;
	return !(s->flags & COMPONENT) || !memchr(name, '/', len);
}

static int decode_names(struct vv_fuse_request *req, const struct shape *s,
			const uint8_t *bytes, size_t size, size_t *pos)
{
	for (unsigned i = 0; i < s->names; i++) {
		const char *name = (const char *)bytes + *pos;
		const char *end = memchr(name, 0, size - *pos);

		if (!end ||
		    !name_fits(req->header.opcode, s, i, name, (size_t)(end - name)))
			return VV_EINVAL;
		req->names[i] = name;
		req->name_len[i] = (size_t)(end - name);
		*pos += req->name_len[i] + 1;
	}
	return VV_OK;
}

/* How many bytes of data the body announces; 0 for an operation without data. */
static uint64_t announced(const struct vv_fuse_request *req)
{
	switch (req->header.opcode) {
	case VV_FUSE_WRITE: return req->body.write.size;
	case VV_FUSE_SETXATTR: return req->body.setxattr.size;
	case VV_FUSE_IOCTL: return req->body.ioctl.in_size;
	case VV_FUSE_NOTIFY_REPLY: return req->body.retrieve.size;
	case VV_FUSE_BATCH_FORGET:
		return (uint64_t)req->body.batch_forget.count *
		       sizeof(struct vv_fuse_forget_one);
	}
	return 0;
}

static int decode_body(struct vv_fuse_request *req, const struct shape *s,
		       const uint8_t *bytes, size_t size)
{
	size_t pos = sizeof req->header;
	size_t body = vv_min_size(size - pos, s->in);
	int err;

	if (body < s->in_min || (body < s->in && s->names))
		return VV_EINVAL;
	memcpy(&req->body, bytes + pos, body);
	pos += body;
	err = decode_names(req, s, bytes, size, &pos);
	if (err)
		return err;
	if (s->flags & MAY_GROW)
		return VV_OK;
	if (size - pos != announced(req))
		return VV_EINVAL;
	if (s->flags & DATA) {
		req->data = bytes + pos;
		req->data_size = size - pos;
	}
	return VV_OK;
}

int vv_fuse_request_decode(struct vv_fuse_request *out, const void *bytes, size_t size)
{
	const struct shape *s;
	size_t extensions;

	memset(out, 0, sizeof *out);
	if (size < sizeof out->header)
		return VV_EINVAL;
	memcpy(&out->header, bytes, sizeof out->header);
	extensions = (size_t)out->header.extensions * 8;
	if (out->header.len != size || extensions > size - sizeof out->header)
		return VV_EINVAL;
	s = shape_of(out->header.opcode);
	if (!s)
		return VV_ENOSYS;
	return decode_body(out, s, bytes, size - extensions);
}

/* Say in the body how much data follows; false if the body's field cannot hold it. */
static bool announce(struct vv_fuse_request *req)
{
	uint32_t size = (uint32_t)req->data_size;

	if (req->data_size > MAX_DATA)
		return false;
	switch (req->header.opcode) {
	case VV_FUSE_WRITE: req->body.write.size = size; break;
	case VV_FUSE_SETXATTR: req->body.setxattr.size = size; break;
	case VV_FUSE_IOCTL: req->body.ioctl.in_size = size; break;
	case VV_FUSE_NOTIFY_REPLY: req->body.retrieve.size = size; break;
	case VV_FUSE_BATCH_FORGET:
		req->body.batch_forget.count = size / sizeof(struct vv_fuse_forget_one);
		break;
	}
	return announced(req) == req->data_size;
}

/* Header, body, names with their NUL, data. */
static int append_request(struct vv_buf *out, const struct vv_fuse_request *req,
			  const struct shape *s)
{
	int err = vv_buf_reserve(out, req->header.len);

	if (!err)
		err = vv_buf_append(out, &req->header, sizeof req->header);
	if (!err)
		err = vv_buf_append(out, &req->body, s->in);
	for (unsigned i = 0; !err && i < s->names; i++) {
		err = vv_buf_append(out, req->names[i], req->name_len[i]);
		if (!err)
			err = vv_buf_append_zeros(out, 1);
	}
	if (!err)
		err = vv_buf_append(out, req->data, req->data_size);
	return err;
}

int vv_fuse_request_encode(struct vv_buf *out, const struct vv_fuse_request *req)
{
	const struct shape *s = shape_of(req->header.opcode);
	struct vv_fuse_request sealed = *req;
	size_t size;

	if (!s || !announce(&sealed))
		return VV_EINVAL;
	size = sizeof sealed.header + s->in + sealed.data_size;
	for (unsigned i = 0; i < s->names; i++) {
		const char *name = sealed.names[i];

		if (!name || memchr(name, 0, sealed.name_len[i]) ||
		    !name_fits(sealed.header.opcode, s, i, name, sealed.name_len[i]))
			return VV_EINVAL;
		size += sealed.name_len[i] + 1;
	}
	sealed.header.len = (uint32_t)size;
	sealed.header.extensions = 0;
	return append_request(out, &sealed, s);
}

struct vv_fuse_forget_one vv_fuse_forget_get(const struct vv_fuse_request *req,
					     size_t i)
{
	struct vv_fuse_forget_one one;

	assert(i < req->data_size / sizeof one);
	memcpy(&one, req->data + i * sizeof one, sizeof one);
	return one;
}

/* ---- replies ---- */

static bool wants_data(const struct vv_fuse_request *req, const struct shape *s)
{
	if (s->flags & SIZE_QUERY)
		return req->body.getxattr.size != 0;
	return s->flags & OUT_DATA;
}

size_t vv_fuse_reply_body_size(const struct vv_fuse_request *req)
{
	const struct shape *s = shape_of(req->header.opcode);

	if (!s || ((s->flags & SIZE_QUERY) && req->body.getxattr.size != 0))
		return 0;
	return s->out;
}

size_t vv_fuse_reply_seal(struct vv_fuse_reply *reply,
			  const struct vv_fuse_request *req, int err, size_t data_size)
{
	size_t head = sizeof reply->header + (err ? 0 : vv_fuse_reply_body_size(req));

	assert(err <= 0 && (!err || data_size == 0));
	reply->header = (struct vv_fuse_out_header){
		.len = (uint32_t)(head + data_size),
		.error = err,
		.unique = req->header.unique,
	};
	return head;
}

/* The most data that @req asked for. */
static size_t data_limit(const struct vv_fuse_request *req)
{
	switch (req->header.opcode) {
	case VV_FUSE_READLINK: return VV_FUSE_LINK_MAX;
	case VV_FUSE_READ:
	case VV_FUSE_READDIR:
	case VV_FUSE_READDIRPLUS: return req->body.read.size;
	case VV_FUSE_GETXATTR:
	case VV_FUSE_LISTXATTR: return req->body.getxattr.size;
	case VV_FUSE_IOCTL: return req->body.ioctl.out_size;
	}
	return 0;
}

int vv_fuse_reply_decode(struct vv_fuse_reply *out, const struct vv_fuse_request *req,
			 const void *bytes, size_t size)
{
	const struct shape *s = shape_of(req->header.opcode);
	const uint8_t *rest = (const uint8_t *)bytes + sizeof out->header;
	size_t body, min;

	memset(out, 0, sizeof *out);
	if (!s || (s->flags & NO_REPLY) || size < sizeof out->header)
		return VV_EINVAL;
	memcpy(&out->header, bytes, sizeof out->header);
	if (out->header.len != size || out->header.unique != req->header.unique ||
	    out->header.error > 0 || out->header.error <= -512)
		return VV_EINVAL;
	size -= sizeof out->header;
	if (out->header.error)
		return size == 0 ? VV_OK : VV_EINVAL;

	body = vv_fuse_reply_body_size(req);
	min = body ? s->out_min : 0;
	if (size < min || (size < body && wants_data(req, s)))
		return VV_EINVAL;
	body = vv_min_size(size, body);
	memcpy(&out->body, rest, body);
	if (size - body > (wants_data(req, s) ? data_limit(req) : 0))
		return VV_EINVAL;
	out->data = rest + body;
	out->data_size = size - body;
	return VV_OK;
}

/* ---- listings ---- */

static size_t entry_head(bool plus)
{
	return plus ? sizeof(struct vv_fuse_direntplus) : sizeof(struct vv_fuse_dirent);
}

size_t vv_fuse_entry_put(void *at, size_t room, const struct vv_fuse_entry *entry,
			 bool plus)
{
	size_t head = entry_head(plus);
	size_t used = head + entry->dirent.namelen;
	size_t padded = (used + 7) & ~(size_t)7;
	uint8_t *p = at;

	assert(entry->dirent.namelen <= VV_FUSE_NAME_MAX);
	if (padded > room)
		return 0;
	if (plus)
		memcpy(p, &entry->plus, sizeof entry->plus);
	memcpy(p + head - sizeof entry->dirent, &entry->dirent, sizeof entry->dirent);
	memcpy(p + head, entry->name, entry->dirent.namelen);
	memset(p + used, 0, padded - used);
	return padded;
}

int vv_fuse_entry_next(const void *data, size_t size, bool plus, size_t *pos,
		       struct vv_fuse_entry *out)
{
	size_t head = entry_head(plus);
	const uint8_t *p = (const uint8_t *)data + *pos;
	size_t room = size - *pos;
	size_t padded;

	memset(out, 0, sizeof *out);
	if (room == 0)
		return 0;
	if (room < head)
		return VV_EINVAL;
	if (plus)
		memcpy(&out->plus, p, sizeof out->plus);
	memcpy(&out->dirent, p + head - sizeof out->dirent, sizeof out->dirent);
	if (out->dirent.namelen == 0 || out->dirent.namelen > VV_FUSE_NAME_MAX)
		return VV_EINVAL;
	padded = (head + out->dirent.namelen + 7) & ~(size_t)7;
	if (padded > room || memchr(p + head, '/', out->dirent.namelen) ||
	    memchr(p + head, 0, out->dirent.namelen))
		return VV_EINVAL;
	out->name = (const char *)p + head;
	*pos += padded;
	return 1;
}

/* ---- notifications ---- */

enum notify_tail {
	NO_TAIL,
	NAME_TAIL,
	DATA_TAIL
};

static const struct notify_shape {
	uint8_t size;
	uint8_t tail;
} notify_shapes[VV_FUSE_NOTIFY_COUNT] = {
	[VV_FUSE_NOTIFY_POLL] = { sizeof(struct vv_fuse_notify_poll), NO_TAIL },
	[VV_FUSE_NOTIFY_INVAL_INODE] = { sizeof(struct vv_fuse_notify_inval_inode),
					 NO_TAIL },
	[VV_FUSE_NOTIFY_INVAL_ENTRY] = { sizeof(struct vv_fuse_notify_inval_entry),
					 NAME_TAIL },
	[VV_FUSE_NOTIFY_STORE] = { sizeof(struct vv_fuse_notify_store), DATA_TAIL },
	[VV_FUSE_NOTIFY_RETRIEVE] = { sizeof(struct vv_fuse_notify_retrieve), NO_TAIL },
	[VV_FUSE_NOTIFY_DELETE] = { sizeof(struct vv_fuse_notify_delete), NAME_TAIL },
};

static uint32_t *tail_size(struct vv_fuse_notify *n)
{
	switch (n->code) {
	case VV_FUSE_NOTIFY_INVAL_ENTRY: return &n->body.inval_entry.namelen;
	case VV_FUSE_NOTIFY_DELETE: return &n->body.delete.namelen;
	case VV_FUSE_NOTIFY_STORE: return &n->body.store.size;
	default: return NULL;
	}
}

static bool notify_name_fits(const char *name, size_t len)
{
	return name && len > 0 && len <= VV_FUSE_NAME_MAX && !memchr(name, 0, len) &&
	       !memchr(name, '/', len);
}

int vv_fuse_notify_encode(struct vv_buf *out, const struct vv_fuse_notify *notify)
{
	const struct notify_shape *s = &notify_shapes[notify->code];
	struct vv_fuse_notify sealed = *notify;
	struct vv_fuse_out_header header = { .error = (int32_t)notify->code };
	const void *tail =
		s->tail == NAME_TAIL ? (const void *)notify->name : notify->data;
	size_t len = s->tail == NAME_TAIL   ? notify->name_len
		     : s->tail == DATA_TAIL ? notify->data_size
					    : 0;
	size_t nul = s->tail == NAME_TAIL;
	int err;

	if (len > MAX_DATA ||
	    (s->tail == NAME_TAIL && !notify_name_fits(notify->name, len)))
		return VV_EINVAL;
	if (s->tail != NO_TAIL)
		*tail_size(&sealed) = (uint32_t)len;
	header.len = (uint32_t)(sizeof header + s->size + len + nul);
	err = vv_buf_reserve(out, header.len);
	if (!err)
		err = vv_buf_append(out, &header, sizeof header);
	if (!err)
		err = vv_buf_append(out, &sealed.body, s->size);
	if (!err)
		err = vv_buf_append(out, tail, len);
	if (!err)
		err = vv_buf_append_zeros(out, nul);
	return err;
}

size_t vv_fuse_store_head(uint8_t *data, uint64_t node, uint64_t off, size_t len)
{
	struct vv_fuse_out_header header = {
		.len = (uint32_t)(VV_FUSE_STORE_HEAD + len),
		.error = VV_FUSE_NOTIFY_STORE,
	};
	struct vv_fuse_notify_store store = { .nodeid = node,
					      .offset = off,
					      .size = (uint32_t)len };

	assert(len <= MAX_DATA);
	memcpy(data - sizeof store, &store, sizeof store);
	memcpy(data - VV_FUSE_STORE_HEAD, &header, sizeof header);
	return VV_FUSE_STORE_HEAD;
}

int vv_fuse_notify_decode(struct vv_fuse_notify *out, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	const struct notify_shape *s;
	struct vv_fuse_out_header header;
	size_t rest;

	memset(out, 0, sizeof *out);
	if (size < sizeof header)
		return VV_EINVAL;
	memcpy(&header, p, sizeof header);
	if (header.len != size || header.unique != 0)
		return VV_EINVAL;
	if (header.error <= 0 || header.error >= VV_FUSE_NOTIFY_COUNT)
		return VV_ENOSYS;
	out->code = (enum vv_fuse_notify_code)header.error;
	s = &notify_shapes[out->code];
	if (size - sizeof header < s->size)
		return VV_EINVAL;
	memcpy(&out->body, p + sizeof header, s->size);
	p += sizeof header + s->size;
	rest = size - sizeof header - s->size;

	if (s->tail == NO_TAIL)
		return rest == 0 ? VV_OK : VV_EINVAL;
	if (s->tail == DATA_TAIL) {
		out->data = p;
		out->data_size = rest;
		return rest == *tail_size(out) ? VV_OK : VV_EINVAL;
	}
	if (rest == 0 || rest - 1 != *tail_size(out) || p[rest - 1] != 0 ||
	    !notify_name_fits((const char *)p, rest - 1))
		return VV_EINVAL;
	out->name = (const char *)p;
	out->name_len = rest - 1;
	return VV_OK;
}
