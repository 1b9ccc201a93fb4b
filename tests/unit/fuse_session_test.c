/*
 * Operations and the transport over a socket pair: the test is the kernel.  View, reader and
 * serve are small stand-ins below, so that the test decides what blocks, fails and counts.
 */
#include "cache/budget.h"
#include "core/buf.h"
#include "core/err.h"
#include "host/fuse/dev.h"
#include "host/fuse/ops.h"
#include "host/fuse/stamps.h"
#include "host/fuse/uring_plan.h"
#include "host/serve.h"
#include "os/thread.h"
#include "test.h"
#include "vfs/view.h"

#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- stand-ins ---- */

enum {
	NODE_FILE = 10,
	NODE_SLOW = 11,
	NODE_BROKEN = 12,
	NODE_HOST = 13,
	NODE_DIR = 14,
	LISTED = 300
};

static struct vv_budget *budget;
static bool has_host;
static atomic_int lookups_held, reads_held, files_open, slow_gate;
static char content[4096] = "the content of a file";

struct vv_view *vv_serve_view(struct vv_serve *s)
{
	return (struct vv_view *)(void *)s;
}
struct vv_reader *vv_serve_reader(struct vv_serve *s)
{
	return (struct vv_reader *)(void *)s;
}
struct vv_budget *vv_serve_budget(struct vv_serve *s)
{
	(void)s;
	return budget;
}
void vv_serve_get_totals(struct vv_serve *s, struct vv_serve_totals *out)
{
	(void)s;
	*out = (struct vv_serve_totals){ .files = 3, .bytes = 4097 };
}
void vv_serve_count_read(struct vv_serve *s, uint64_t node, uint64_t off,
			 uint64_t bytes)
{
	(void)off;
	(void)s, (void)node, (void)off, (void)bytes;
}
int vv_serve_stats(struct vv_serve *s, struct vv_buf *json, size_t max)
{
	(void)s, (void)max;
	return vv_buf_append(json, "\"refs\":[]", 9);
}

bool vv_view_is_tree_root(uint64_t node)
{
	(void)node;
	return false;
}

bool vv_view_has_host_layers(struct vv_view *view)
{
	(void)view;
	return has_host;
}

static struct vv_attr attr_of(uint64_t node)
{
	return (struct vv_attr){ .node = node,
				 .ino = node + 1000,
				 .mode = 0100644,
				 .nlink = 1,
				 .size = sizeof content,
				 .mtime_sec = 1 };
}

int vv_view_lookup(struct vv_view *view, uint64_t parent, const char *name, size_t len,
		   struct vv_attr *out, enum vv_life *negative_life)
{
	(void)view, (void)parent, (void)len;
	*negative_life = VV_LIFE_FOREVER;
	if (strcmp(name, "file") != 0)
		return VV_ENOENT;
	*out = attr_of(NODE_FILE);
	atomic_fetch_add(&lookups_held, 1);
	return VV_OK;
}
void vv_view_forget(struct vv_view *view, uint64_t node, uint64_t count)
{
	(void)view, (void)node;
	atomic_fetch_sub(&lookups_held, (int)count);
}
int vv_view_getattr(struct vv_view *view, uint64_t node, struct vv_attr *out)
{
	(void)view;
	*out = attr_of(node);
	return VV_OK;
}
int vv_view_readlink(struct vv_view *view, uint64_t node, char *buf, size_t cap,
		     size_t *len)
{
	(void)view, (void)node, (void)cap;
	memcpy(buf, "target", *len = 6);
	return VV_OK;
}
int vv_view_xattr_get(struct vv_view *view, uint64_t node, const char *name, void *buf,
		      size_t cap, size_t *len)
{
	(void)view, (void)node, (void)name, (void)buf, (void)cap;
	*len = 5;
	return cap && cap < 5 ? VV_ERANGE : VV_OK;
}
int vv_view_xattr_list(struct vv_view *view, uint64_t node, char *buf, size_t cap,
		       size_t *len)
{
	(void)view, (void)node, (void)buf, (void)cap;
	*len = 0;
	return VV_OK;
}
int vv_view_content(struct vv_view *view, uint64_t node, struct vv_content *out)
{
	(void)view;
	*out = (struct vv_content){ .is_host = node == NODE_HOST,
				    .size = sizeof content };
	out->blob.bytes[0] = (uint8_t)node;
	return VV_OK;
}
int vv_view_open(struct vv_view *view, uint64_t node, struct vv_view_file **out)
{
	(void)view, (void)node;
	*out = (struct vv_view_file *)(void *)content;
	atomic_fetch_add(&files_open, 1);
	return VV_OK;
}
int vv_view_file_read(struct vv_view_file *file, void *buf, size_t len, uint64_t off,
		      size_t *got)
{
	(void)off;
	*got = len < sizeof content ? len : sizeof content;
	memcpy(buf, file, *got);
	return VV_OK;
}
void vv_view_file_close(struct vv_view_file *file)
{
	(void)file;
	atomic_fetch_sub(&files_open, 1);
}
int vv_view_opendir(struct vv_view *view, uint64_t dir, struct vv_dir_handle **out)
{
	(void)view;
	*out = dir == NODE_HOST ? (struct vv_dir_handle *)(void *)content : NULL;
	return VV_OK;
}
void vv_view_closedir(struct vv_dir_handle *handle)
{
	(void)handle;
}
int vv_view_readdir(struct vv_view *view, uint64_t dir, struct vv_dir_handle *handle,
		    uint64_t pos, bool plus,
		    int (*entry)(void *ctx, const char *name, size_t len, uint64_t next,
				 const struct vv_attr *attr),
		    void *ctx)
{
	int stop = 0;

	(void)view, (void)dir, (void)handle;
	for (; pos < LISTED && !stop; pos++) {
		struct vv_attr attr = attr_of(pos + 100);
		char name[16];

		snprintf(name, sizeof name, "name%03u", (unsigned)pos);
		if (plus)
			atomic_fetch_add(&lookups_held, 1);
		stop = entry(ctx, name, strlen(name), pos + 1, &attr);
	}
	return 0;
}
size_t vv_view_describe(struct vv_view *view, uint64_t node, char *buf, size_t cap)
{
	(void)view, (void)node;
	return (size_t)snprintf(buf, cap, "/a/path");
}

struct vv_frame_account *vv_serve_account(struct vv_serve *s, uint64_t node)
{
	(void)s, (void)node;
	return NULL;
}

int vv_reader_read_for(struct vv_reader *r, struct vv_frame_account *account,
		       const struct vv_id *id, uint64_t size, uint64_t off, size_t len,
		       struct vv_read *out)
{
	(void)r, (void)account;
	if (id->bytes[0] == NODE_BROKEN)
		return VV_ECORRUPT;
	while (id->bytes[0] == NODE_SLOW && atomic_load(&slow_gate) == 0)
		usleep(1000);
	atomic_fetch_add(&reads_held, 1);
	out->size = size - off < len ? size - off : len;
	out->spans[0] = (struct vv_span){ (uint8_t *)content + off, out->size / 2 };
	out->spans[1] = (struct vv_span){ (uint8_t *)content + off + out->size / 2,
					  out->size - out->size / 2 };
	out->span_count = 2;
	return VV_OK;
}
void vv_reader_done(struct vv_reader *r, struct vv_read *read)
{
	(void)r, (void)read;
	atomic_fetch_sub(&reads_held, 1);
}

/* ---- the kernel's side ---- */

struct session {
	struct vv_fuse_ops ops;
	struct vv_fuse_dev *dev;
	int kernel; /* our end */
	uint64_t unique;
	atomic_int started;
};

static void on_started(void *ctx, int err)
{
	struct session *s = ctx;

	atomic_store(&s->started, err ? err : 1);
}

static void on_ended(void *ctx)
{
	(void)ctx;
}

static void open_session(struct session *s, bool with_host)
{
	int pair[2];

	memset(s, 0, sizeof *s);
	has_host = with_host;
	CHECK_INT(vv_budget_new(&budget, 32 << 20), VV_OK);
	CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	CHECK_INT(vv_fuse_ops_init(&s->ops, (struct vv_serve *)(void *)content), VV_OK);
	s->ops.started = on_started;
	s->ops.ctx = s;
	CHECK_INT(vv_fuse_dev_new(&s->dev, pair[1], &s->ops, on_ended, s), VV_OK);
	CHECK_INT(vv_fuse_dev_start(s->dev), VV_OK);
	s->kernel = pair[0];
}

static void close_session(struct session *s)
{
	struct vv_budget_stats stats;

	vv_fuse_dev_stop(s->dev);
	vv_fuse_dev_free(s->dev);
	vv_fuse_ops_fini(&s->ops);
	close(s->kernel);
	vv_budget_get_stats(budget, &stats);
	CHECK_INT(stats.used, 0);
	CHECK_INT(atomic_load(&reads_held), 0);
	vv_budget_free(budget);
}

static uint64_t ask(struct session *s, struct vv_fuse_request *req)
{
	struct vv_buf buf;

	vv_buf_init(&buf, 1 << 16);
	req->header.unique = ++s->unique;
	CHECK_INT(vv_fuse_request_encode(&buf, req), VV_OK);
	CHECK_INT(send(s->kernel, buf.bytes, buf.len, 0), buf.len);
	vv_buf_fini(&buf);
	return req->header.unique;
}

static uint8_t answer_bytes[1 << 18];

/* The next answer, which must be to @req. */
static struct vv_fuse_reply answer(struct session *s, const struct vv_fuse_request *req)
{
	struct pollfd fd = { .fd = s->kernel, .events = POLLIN };
	struct vv_fuse_reply reply;
	ssize_t got;

	CHECK_INT(poll(&fd, 1, 5000), 1);
	got = recv(s->kernel, answer_bytes, sizeof answer_bytes, 0);
	CHECK(got > 0);
	CHECK_INT(vv_fuse_reply_decode(&reply, req, answer_bytes, (size_t)got), VV_OK);
	return reply;
}

static struct vv_fuse_reply call(struct session *s, struct vv_fuse_request *req)
{
	ask(s, req);
	return answer(s, req);
}

static struct vv_fuse_request request(uint32_t opcode, uint64_t node)
{
	return (struct vv_fuse_request){ .header = { .opcode = opcode,
						     .nodeid = node } };
}

static struct vv_fuse_request lookup(const char *name)
{
	struct vv_fuse_request req = request(VV_FUSE_LOOKUP, VV_NODE_ROOT);

	req.names[0] = name;
	req.name_len[0] = strlen(name);
	return req;
}

static struct vv_fuse_request read_of(uint64_t node, uint64_t offset, uint32_t size)
{
	struct vv_fuse_request req = request(VV_FUSE_READ, node);

	req.body.read.offset = offset;
	req.body.read.size = size;
	return req;
}

static struct vv_fuse_reply init(struct session *s, uint32_t major, uint32_t minor,
				 uint64_t flags)
{
	struct vv_fuse_request req = request(VV_FUSE_INIT, 0);

	req.body.init = (struct vv_fuse_init_in){
		.major = major,
		.minor = minor,
		.max_readahead = 1 << 20,
		.flags = (uint32_t)flags,
		.flags2 = (uint32_t)(flags >> 32),
	};
	return call(s, &req);
}

/* ---- INIT ---- */

static void a_new_kernel_gets_our_version_and_its_own_flags(void)
{
	struct session s;
	struct vv_fuse_reply r;

	open_session(&s, false);
	r = init(&s, 7, 99, UINT64_MAX);
	CHECK_INT(r.body.init.minor, VV_FUSE_MINOR_MAX);
	CHECK_INT(r.body.init.max_readahead, VV_FUSE_READ_BYTES);
	CHECK(r.body.init.flags & VV_FUSE_NO_OPEN_SUPPORT);
	CHECK(!(r.body.init.flags & VV_FUSE_READDIRPLUS_AUTO));
	CHECK(!(r.body.init.flags & VV_FUSE_POSIX_ACL));
	CHECK_INT(r.body.init.flags2, VV_FUSE_ALLOW_IDMAP >> 32);
	while (atomic_load(&s.started) == 0)
		usleep(1000);
	CHECK_INT(atomic_load(&s.started), 1);
	close_session(&s);
}

static void an_old_kernel_gets_its_own_version_and_no_second_flags(void)
{
	struct session s;
	struct vv_fuse_reply r;

	open_session(&s, true);
	r = init(&s, 7, 31, 0xffffffff & ~VV_FUSE_INIT_EXT);
	CHECK_INT(r.body.init.minor, 31);
	CHECK_INT(r.body.init.flags2, 0);
	CHECK(!(r.body.init.flags & VV_FUSE_INIT_EXT));
	CHECK(!(r.body.init.flags & VV_FUSE_NO_OPEN_SUPPORT)); /* it has handles */
	close_session(&s);
}

static void io_uring_is_agreed_on_if_both_sides_want_it(void)
{
	const struct vv_fuse_uring_plan plan = { .payload_bytes = 64 << 10,
						 .background = 6 };
	const uint64_t offers[] = { UINT64_MAX, UINT64_MAX & ~VV_FUSE_OVER_IO_URING };

	for (size_t i = 0; i < 2; i++) {
		struct session s;
		struct vv_fuse_reply r;

		open_session(&s, false);
		s.ops.uring = &plan;
		r = init(&s, 7, 45, offers[i]);
		CHECK_INT(!!(r.body.init.flags2 & VV_FUSE_OVER_IO_URING >> 32), i == 0);
		CHECK_INT(atomic_load(&s.ops.is_uring), i == 0);
		CHECK_INT(r.body.init.max_pages, i == 0 ? 16 : VV_FUSE_READ_PAGES);
		CHECK_INT(r.body.init.max_background == 6, i == 0);
		CHECK(r.body.init.congestion_threshold < r.body.init.max_background);
		close_session(&s);
	}
}

static void a_kernel_before_7_31_is_refused(void)
{
	struct session s;

	open_session(&s, false);
	CHECK_INT(init(&s, 7, 30, 0).header.error, VV_EOPNOTSUPP);
	while (atomic_load(&s.started) == 0)
		usleep(1000);
	CHECK_INT(atomic_load(&s.started), VV_EOPNOTSUPP);
	close_session(&s);
}

static void a_later_major_is_asked_to_come_down(void)
{
	struct session s;

	open_session(&s, false);
	CHECK_INT(init(&s, 8, 0, 0).body.init.major, 7);
	CHECK_INT(atomic_load(&s.started), 0);
	close_session(&s);
}

/* ---- operations ---- */

static void a_name_that_is_not_there_is_remembered_for_ever(void)
{
	struct session s;
	struct vv_fuse_request req = lookup("nothing");
	struct vv_fuse_reply r;

	open_session(&s, false);
	r = call(&s, &req);
	CHECK_INT(r.header.error, 0);
	CHECK_INT(r.body.entry.nodeid, 0);
	CHECK(r.body.entry.entry_valid > 365 * 24 * 3600);
	close_session(&s);
}

static void opening_is_left_to_the_kernel_without_host_layers(void)
{
	static const uint32_t ops[] = { VV_FUSE_OPEN,	  VV_FUSE_OPENDIR,
					VV_FUSE_FLUSH,	  VV_FUSE_ACCESS,
					VV_FUSE_LSEEK,	  VV_FUSE_STATX,
					VV_FUSE_INTERRUPT };
	struct session s;

	open_session(&s, false);
	for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
		struct vv_fuse_request req = request(ops[i], NODE_FILE);

		CHECK_INT(call(&s, &req).header.error, VV_ENOSYS);
	}
	close_session(&s);
}

static void whatever_writes_is_refused(void)
{
	struct session s;
	struct vv_fuse_request req = request(VV_FUSE_MKDIR, VV_NODE_ROOT);

	open_session(&s, false);
	req.names[0] = "x";
	req.name_len[0] = 1;
	CHECK_INT(call(&s, &req).header.error, VV_EROFS);
	req = request(VV_FUSE_SETATTR, NODE_FILE);
	CHECK_INT(call(&s, &req).header.error, VV_EROFS);
	close_session(&s);
}

static void reads_come_from_the_pinned_spans(void)
{
	struct session s;
	struct vv_fuse_request req = read_of(NODE_FILE, 4, 100);
	struct vv_fuse_reply r;

	open_session(&s, false);
	r = call(&s, &req);
	CHECK_INT(r.data_size, 100);
	CHECK(memcmp(r.data, content + 4, 100) == 0);
	req = read_of(NODE_FILE, sizeof content, 100);
	CHECK_INT(call(&s, &req).data_size, 0);
	req = read_of(NODE_FILE, UINT64_MAX, 100);
	CHECK_INT(call(&s, &req).data_size, 0);
	close_session(&s);
}

static void corrupt_content_is_an_input_output_error(void)
{
	struct session s;
	struct vv_fuse_request req = read_of(NODE_BROKEN, 0, 100);

	open_session(&s, false);
	CHECK_INT(call(&s, &req).header.error, VV_EIO);
	CHECK_INT(atomic_load(&s.ops.errors), 1);
	close_session(&s);
}

static void an_unchanged_host_file_keeps_its_pages_at_the_second_open(void)
{
	struct session s;
	struct vv_fuse_request req = request(VV_FUSE_OPEN, NODE_HOST), done;
	struct vv_fuse_reply r;

	open_session(&s, true);
	for (int i = 0; i < 2; i++) {
		r = call(&s, &req);
		CHECK(r.body.open.fh != 0);
		CHECK_INT(!!(r.body.open.open_flags & VV_FOPEN_KEEP_CACHE), i);
		done = request(VV_FUSE_RELEASE, NODE_HOST);
		done.body.release.fh = r.body.open.fh;
		CHECK_INT(call(&s, &done).header.error, 0);
	}
	CHECK_INT(atomic_load(&files_open), 0);
	req = request(VV_FUSE_OPEN, NODE_FILE);
	r = call(&s, &req);
	CHECK_INT(r.body.open.fh, 0);
	CHECK_INT(r.body.open.open_flags, VV_FOPEN_KEEP_CACHE | VV_FOPEN_NOFLUSH);
	close_session(&s);
}

static void a_file_that_changed_just_now_is_not_remembered(void)
{
	struct vv_fuse_stamps *stamps;
	struct vv_attr attr = attr_of(NODE_HOST);
	const int64_t second = 1000000000;

	attr.mtime_sec = attr.ctime_sec = 1000;
	CHECK_INT(vv_fuse_stamps_new(&stamps), VV_OK);
	CHECK(!vv_fuse_stamps_match(stamps, &attr, 1000 * second + 5));
	CHECK(!vv_fuse_stamps_match(stamps, &attr, 1000 * second + 5));
	CHECK(!vv_fuse_stamps_match(stamps, &attr, 1005 * second));
	CHECK(vv_fuse_stamps_match(stamps, &attr, 1005 * second));
	attr.size++;
	CHECK(!vv_fuse_stamps_match(stamps, &attr, 1005 * second));
	CHECK(vv_fuse_stamps_match(stamps, &attr, 1005 * second));
	attr.mtime_sec = INT64_MAX; /* no overflow, and never settled */
	CHECK(!vv_fuse_stamps_match(stamps, &attr, 1005 * second));
	CHECK(!vv_fuse_stamps_match(stamps, &attr, 1005 * second));
	vv_fuse_stamps_free(stamps);
}

static void a_listing_continues_where_the_buffer_was_full(void)
{
	struct session s;
	struct vv_fuse_request req = request(VV_FUSE_READDIRPLUS, NODE_DIR);
	unsigned seen = 0, rounds = 0;

	open_session(&s, false);
	atomic_store(&lookups_held, 0);
	req.body.read.size = 4096;
	for (;;) {
		struct vv_fuse_reply r = call(&s, &req);
		struct vv_fuse_entry e;
		size_t pos = 0;

		if (r.data_size == 0)
			break;
		while (vv_fuse_entry_next(r.data, r.data_size, true, &pos, &e) == 1) {
			CHECK_INT(e.plus.nodeid, seen + 100);
			CHECK_INT(e.dirent.ino, seen + 1100);
			req.body.read.offset = e.dirent.off;
			seen++;
		}
		rounds++;
	}
	CHECK_INT(seen, LISTED);
	CHECK(rounds > 5);
	/* Names that were cut off at the end of a buffer were forgotten again. */
	CHECK_INT(atomic_load(&lookups_held), LISTED);
	close_session(&s);
}

static void a_reply_that_is_not_taken_holds_nothing(void)
{
	struct session s;
	struct vv_fuse_call *c = calloc(1, sizeof *c);
	struct vv_fuse_request reqs[] = { lookup("file"),
					  request(VV_FUSE_READDIRPLUS, NODE_DIR),
					  request(VV_FUSE_OPEN, NODE_HOST) };

	open_session(&s, true);
	c->scratch = malloc(VV_FUSE_SCRATCH_BYTES);
	atomic_store(&lookups_held, 0);
	for (size_t i = 0; i < sizeof reqs / sizeof reqs[0]; i++) {
		struct vv_buf buf;

		if (reqs[i].header.opcode == VV_FUSE_READDIRPLUS)
			reqs[i].body.read.size = 4096;
		reqs[i].header.unique = 7;
		vv_buf_init(&buf, 4096);
		CHECK_INT(vv_fuse_request_encode(&buf, &reqs[i]), VV_OK);
		vv_fuse_ops_run(&s.ops, c, buf.bytes, buf.len);
		CHECK(c->head_size > 0 && c->reply.header.error == 0);
		CHECK(atomic_load(&lookups_held) + atomic_load(&files_open) > 0);
		vv_fuse_ops_done(&s.ops, c, false);
		CHECK_INT(atomic_load(&lookups_held), 0);
		CHECK_INT(atomic_load(&files_open), 0);
		vv_buf_fini(&buf);
	}
	free(c->scratch);
	free(c);
	close_session(&s);
}

static void statistics_count_everything_but_themselves(void)
{
	struct session s;
	struct vv_fuse_request req = lookup("file"),
			       stats = request(VV_FUSE_GETXATTR, VV_NODE_ROOT);
	struct vv_fuse_reply r;
	char text[4096];

	open_session(&s, false);
	call(&s, &req);
	call(&s, &req);
	stats.names[0] = VV_FUSE_STATS_XATTR;
	stats.name_len[0] = strlen(VV_FUSE_STATS_XATTR);
	r = call(&s, &stats);
	CHECK_INT(r.body.getxattr.size, VV_FUSE_STATS_MAX);
	stats.body.getxattr.size = VV_FUSE_STATS_MAX;
	r = call(&s, &stats);
	CHECK(r.data_size < sizeof text);
	memcpy(text, r.data, r.data_size);
	text[r.data_size] = 0;
	CHECK(strstr(
		text,
		"{\"requests\":{\"total\":2,\"lookup\":2},\"host\":{\"name\":\"fuse\""));
	CHECK(strstr(text, "},\"refs\":[]}"));
	stats.body.getxattr.size = 10;
	CHECK_INT(call(&s, &stats).header.error, VV_ERANGE);
	close_session(&s);
}

static void nonsense_is_answered_with_an_error(void)
{
	struct session s;
	struct vv_fuse_in_header header = { .len = 40,
					    .opcode = VV_FUSE_READ,
					    .unique = 500 };
	struct vv_fuse_request req = read_of(NODE_FILE, 0, 0);
	struct vv_fuse_reply r;

	open_session(&s, false);
	CHECK_INT(send(s.kernel, &header, sizeof header, 0), 40);
	req.header.unique = 500;
	r = answer(&s, &req);
	CHECK_INT(r.header.error, VV_EINVAL);
	header.opcode = 4000;
	CHECK_INT(send(s.kernel, &header, sizeof header, 0), 40);
	r = answer(&s, &req);
	CHECK_INT(r.header.error, VV_ENOSYS);
	close_session(&s);
}

/* ---- workers ---- */

static void held_fetches_delay_nobody_else(void)
{
	struct session s;
	struct vv_fuse_request slow = read_of(NODE_SLOW, 0, 10), quick = lookup("file");
	uint64_t first;

	open_session(&s, false);
	atomic_store(&slow_gate, 0);
	first = s.unique + 1;
	for (int i = 0; i < 40; i++)
		ask(&s, &slow);
	/* All of them are held, and this one comes through. */
	CHECK_INT(call(&s, &quick).body.entry.nodeid, NODE_FILE);
	CHECK_INT(atomic_load(&reads_held), 0);
	atomic_store(&slow_gate, 1);
	for (int i = 0; i < 40; i++) {
		struct vv_fuse_out_header header;
		ssize_t got = recv(s.kernel, answer_bytes, sizeof answer_bytes, 0);

		memcpy(&header, answer_bytes, sizeof header);
		CHECK_INT(got, 16 + 10);
		CHECK(header.unique >= first && header.unique < first + 40);
	}
	close_session(&s);
}

static void a_burst_of_workers_ends_when_it_is_over(void)
{
	struct session s;
	struct vv_fuse_request slow = read_of(NODE_SLOW, 0, 10);
	struct vv_budget_stats stats;
	size_t one;

	open_session(&s, false);
	vv_budget_get_stats(budget, &stats);
	one = stats.by_holder[VV_HOLD_TRANSPORT];
	CHECK(one > 0 && one < 200 << 10);
	atomic_store(&slow_gate, 0);
	for (int i = 0; i < 20; i++)
		ask(&s, &slow);
	do {
		usleep(1000);
		vv_budget_get_stats(budget, &stats);
	} while (stats.by_holder[VV_HOLD_TRANSPORT] < 21 * one);
	atomic_store(&slow_gate, 1);
	for (int i = 0; i < 20; i++)
		CHECK_INT(recv(s.kernel, answer_bytes, sizeof answer_bytes, 0), 26);
	do {
		usleep(1000);
		vv_budget_get_stats(budget, &stats);
	} while (stats.by_holder[VV_HOLD_TRANSPORT] > VV_FUSE_IDLE_MAX * one);
	close_session(&s);
}

static void no_more_workers_run_than_the_limit(void)
{
	struct session s;
	struct vv_fuse_request slow = read_of(NODE_SLOW, 0, 10);
	struct vv_budget_stats stats;

	open_session(&s, false);
	atomic_store(&slow_gate, 0);
	for (int i = 0; i < 100; i++)
		ask(&s, &slow);
	usleep(100000);
	vv_budget_get_stats(budget, &stats);
	CHECK(stats.by_holder[VV_HOLD_TRANSPORT] <= stats.limit / 4);
	atomic_store(&slow_gate, 1);
	for (int i = 0; i < 100; i++)
		CHECK_INT(recv(s.kernel, answer_bytes, sizeof answer_bytes, 0), 26);
	close_session(&s);
}

int main(void)
{
	RUN(a_new_kernel_gets_our_version_and_its_own_flags);
	RUN(an_old_kernel_gets_its_own_version_and_no_second_flags);
	RUN(io_uring_is_agreed_on_if_both_sides_want_it);
	RUN(a_kernel_before_7_31_is_refused);
	RUN(a_later_major_is_asked_to_come_down);
	RUN(a_name_that_is_not_there_is_remembered_for_ever);
	RUN(opening_is_left_to_the_kernel_without_host_layers);
	RUN(whatever_writes_is_refused);
	RUN(reads_come_from_the_pinned_spans);
	RUN(corrupt_content_is_an_input_output_error);
	RUN(an_unchanged_host_file_keeps_its_pages_at_the_second_open);
	RUN(a_file_that_changed_just_now_is_not_remembered);
	RUN(a_listing_continues_where_the_buffer_was_full);
	RUN(a_reply_that_is_not_taken_holds_nothing);
	RUN(statistics_count_everything_but_themselves);
	RUN(nonsense_is_answered_with_an_error);
	RUN(held_fetches_delay_nobody_else);
	RUN(a_burst_of_workers_ends_when_it_is_over);
	RUN(no_more_workers_run_than_the_limit);
	return test_report();
}
