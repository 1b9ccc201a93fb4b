#include "host/erofs/blobs.h"

#include "cache/budget.h"
#include "core/arith.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/log.h"
#include "format/erofs_regions.h"
#include "format/tree.h"
#include "host/erofs/kernel.h"
#include "host/fuse/ops.h"
#include "host/serve.h"
#include "os/thread.h"
#include "vfs/view.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BLOCK = 4096,
	ROOT = 1, /* its nodes: the directory, then files as they come */
	BUCKETS = 256,
};

struct volume {
	uint64_t id, root;
	const struct vv_tree *tree; /* borrowed from the view, which holds root */
	struct vv_erofs_regions regions;
	size_t reserved;
	unsigned opens;	   /* by the kernel */
	unsigned uses;	   /* requests under way */
	bool is_abandoned; /* nobody is told when it goes */
	struct volume *next;
};

struct vv_erofs_blobs {
	struct vv_fuse_ops ops;
	struct vv_fuse_session *session;
	int mount; /* descriptor */
	struct vv_serve *serve;
	void (*released)(void *ctx, uint64_t root);
	void *ctx;
	struct vv_mutex lock;
	/* protected by lock: */
	struct volume *volumes[BUCKETS]; /* owned; by id */
	uint64_t last_id;
	unsigned count;
};

static const uint8_t zeros[BLOCK];

/* ---- volumes ---- */

/* Under the lock. */
static struct volume *find(struct vv_erofs_blobs *b, uint64_t id)
{
	struct volume *v = b->volumes[id % BUCKETS];

	while (v && v->id != id)
		v = v->next;
	return v;
}

/* It stays until unpinned; NULL: there is none. */
static struct volume *pin(struct vv_erofs_blobs *b, uint64_t id)
{
	struct volume *v;

	vv_mutex_lock(&b->lock);
	v = find(b, id);
	if (v)
		v->uses++;
	vv_mutex_unlock(&b->lock);
	return v;
}

/* Out of the list if nothing needs it, for the caller to end without the lock. */
static struct volume *take_out_unused(struct vv_erofs_blobs *b, struct volume *v)
{
	struct volume **link = &b->volumes[v->id % BUCKETS];

	if (v->opens || v->uses)
		return NULL;
	while (*link != v)
		link = &(*link)->next;
	*link = v->next;
	b->count--;
	return v;
}

static void free_volume(struct vv_erofs_blobs *b, struct volume *v)
{
	/* Until here the node cannot mean another tree. */
	if (v->root)
		vv_view_forget(b->ops.view, v->root, 1);
	vv_erofs_regions_fini(&v->regions);
	vv_budget_release(b->ops.budget, VV_HOLD_TREES, v->reserved);
	free(v);
}

static void end_volume(struct vv_erofs_blobs *b, struct volume *v)
{
	if (!v)
		return;
	if (!v->is_abandoned)
		b->released(b->ctx, v->root);
	free_volume(b, v);
}

static void unpin(struct vv_erofs_blobs *b, struct volume *v)
{
	vv_mutex_lock(&b->lock);
	v->uses--;
	/* Never opened and not abandoned: the kernel is just about to. */
	if (!v->is_abandoned)
		v = NULL;
	else
		v = take_out_unused(b, v);
	vv_mutex_unlock(&b->lock);
	end_volume(b, v);
}

/* ---- requests ---- */

static struct vv_erofs_blobs *blobs_of(struct vv_fuse_ops *ops)
{
	return ops->ctx;
}

static int op_init(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	int err = vv_fuse_op_init(ops, call);

	/* Several reads of one readahead at a time. */
	call->reply.body.init.flags |= call->req.body.init.flags & VV_FUSE_ASYNC_DIO;
	return err;
}

static void fill_attr(struct vv_fuse_attr *out, uint64_t id, uint32_t blocks)
{
	*out = (struct vv_fuse_attr){
		.ino = id,
		.mode = id == ROOT ? VV_S_IFDIR | 0500 : VV_S_IFREG | 0400,
		.nlink = 1,
		.size = (uint64_t)blocks * BLOCK,
		.blksize = BLOCK,
	};
}

/* Of the directory too, which has no blocks. */
static int get_blocks(struct vv_erofs_blobs *b, uint64_t id, uint32_t *blocks)
{
	struct volume *v;

	*blocks = 0;
	if (id == ROOT)
		return VV_OK;
	vv_mutex_lock(&b->lock);
	v = find(b, id);
	if (v)
		*blocks = v->regions.blocks;
	vv_mutex_unlock(&b->lock);
	return v ? VV_OK : VV_ESTALE;
}

/* Names are ids in decimal digits. */
static int op_lookup(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	struct vv_fuse_entry_out *out = &call->reply.body.entry;
	uint64_t id = strtoull(call->req.names[0], NULL, 10);
	uint32_t blocks;

	if (id <= ROOT || get_blocks(blobs_of(ops), id, &blocks) != VV_OK)
		return VV_ENOENT;
	*out = (struct vv_fuse_entry_out){ .nodeid = id };
	fill_attr(&out->attr, id, blocks);
	return VV_OK;
}

static int op_getattr(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	struct vv_fuse_attr_out *out = &call->reply.body.attr;
	uint64_t id = call->req.header.nodeid;
	uint32_t blocks;
	int err = get_blocks(blobs_of(ops), id, &blocks);

	if (err)
		return err;
	*out = (struct vv_fuse_attr_out){ .attr_valid =
						  vv_fuse_seconds(VV_LIFE_FOREVER) };
	fill_attr(&out->attr, id, blocks);
	return VV_OK;
}

static int op_open(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	struct vv_erofs_blobs *b = blobs_of(ops);
	struct volume *v;

	vv_mutex_lock(&b->lock);
	v = find(b, call->req.header.nodeid);
	if (v)
		v->opens++;
	vv_mutex_unlock(&b->lock);
	if (!v)
		return VV_ESTALE;
	call->reply.body.open = (struct vv_fuse_open_out){
		.open_flags = VV_FOPEN_DIRECT_IO | VV_FOPEN_NOFLUSH,
	};
	return VV_OK;
}

static void close_once(struct vv_erofs_blobs *b, uint64_t id)
{
	struct volume *v;

	vv_mutex_lock(&b->lock);
	v = find(b, id);
	if (v) {
		v->opens--;
		v = take_out_unused(b, v);
	}
	vv_mutex_unlock(&b->lock);
	end_volume(b, v);
}

static int op_release(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	close_once(blobs_of(ops), call->req.header.nodeid);
	return VV_OK;
}

static int op_nothing(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	(void)ops;
	(void)call;
	return VV_OK;
}

/* The kernel did not take the reply. */
static void undo(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	if (call->req.header.opcode == VV_FUSE_OPEN)
		close_once(blobs_of(ops), call->req.header.nodeid);
}

/* ---- reading ---- */

static void log_failure(struct vv_fuse_ops *ops, const struct volume *v, uint32_t blob,
			int err)
{
	static struct vv_log_limit limit;
	char path[512] = "?";

	atomic_fetch_add_explicit(ops->errors_of_all, 1, memory_order_relaxed);
	for (uint32_t i = 0; i < v->tree->entry_count; i++) {
		struct vv_entry e;

		if (vv_tree_entry(v->tree, i, &e) != VV_OK || e.blob != blob)
			continue;
		vv_view_describe(ops->view, vv_view_entry_node(v->root, i), path,
				 sizeof path);
		break;
	}
	vv_log_limited(&limit, VV_LOG_ERROR, "cannot read %s: %s", path,
		       vv_err_text(err));
}

/* What a read wants of one blob, and the zeros behind it. */
struct piece {
	uint32_t blob;
	struct vv_id id;
	uint64_t size, at; /* of the blob; where in it */
	size_t len, pad;
};

static int find_piece(const struct volume *v, uint64_t offset, size_t len,
		      struct piece *p)
{
	const struct vv_erofs_region *r;
	uint64_t in_region, blocks, left;
	int err = vv_erofs_regions_find(&v->regions, offset, &p->blob);

	if (err)
		return err;
	r = &v->regions.items[p->blob];
	in_region = offset - (uint64_t)r->block * BLOCK;
	blocks = (r->size + BLOCK - 1) / BLOCK;
	left = vv_min_u64(blocks * BLOCK - in_region, len);
	p->size = r->size;
	p->at = vv_min_u64(in_region, r->size);
	p->len = (size_t)vv_min_u64(r->size - p->at, left);
	p->pad = (size_t)left - p->len;
	return vv_tree_blob(v->tree, p->blob, &p->id);
}

/* All of it from where the frames lie: what EROFS asks for is within one file. */
static int read_in_place(struct vv_fuse_ops *ops, struct vv_fuse_call *call,
			 const struct piece *p)
{
	int err;

	call->read.span_count = 0;
	if (p->len) {
		err = vv_reader_read(ops->reader, &p->id, p->size, p->at, p->len,
				     &call->read);
		if (err)
			return err;
		call->has_read = true;
	}
	call->spans = call->read.spans;
	call->span_count = call->read.span_count;
	if (p->pad) {
		assert(p->pad <= sizeof zeros && call->span_count < VV_SPAN_MAX);
		call->read.spans[call->span_count++] =
			(struct vv_span){ zeros, p->pad };
	}
	return VV_OK;
}

/* The same for a read that goes on in the next blob: copied together. */
static int read_across(struct vv_fuse_ops *ops, struct vv_fuse_call *call,
		       const struct volume *v, struct piece *p, size_t len)
{
	uint64_t offset = call->req.body.read.offset;
	uint8_t *room;
	size_t done = 0;
	int err = vv_fuse_answer_room(ops, call, len, &room);

	if (err)
		return err;
	while (!err && done < len) {
		err = vv_reader_copy(ops->reader, &p->id, p->size, p->at, room + done,
				     p->len);
		memset(room + done + p->len, 0, p->pad);
		done += p->len + p->pad;
		if (!err && done < len)
			err = find_piece(v, offset + done, len - done, p);
	}
	if (!err)
		vv_fuse_answer_bytes(call, room, len);
	return err;
}

static int read_volume(struct vv_fuse_ops *ops, struct vv_fuse_call *call,
		       const struct volume *v)
{
	const struct vv_fuse_read_in *in = &call->req.body.read;
	uint64_t end = (uint64_t)v->regions.blocks * BLOCK;
	struct piece p = { 0 }, first;
	size_t len;
	int err;

	if (in->offset >= end)
		return VV_OK; /* no spans: the end */
	len = (size_t)vv_min_u64(vv_min_size(in->size, VV_FUSE_READ_BYTES),
				 end - in->offset);
	err = find_piece(v, in->offset, len, &p);
	first = p;
	if (!err)
		err = p.len + p.pad == len ? read_in_place(ops, call, &p)
					   : read_across(ops, call, v, &p, len);
	if (err) {
		log_failure(ops, v, p.blob, err);
		return VV_EIO;
	}
	vv_serve_count_blob(ops->serve, v->root, &first.id, first.at, len);
	return VV_OK;
}

static int op_read(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	struct vv_erofs_blobs *b = blobs_of(ops);
	struct volume *v = pin(b, call->req.header.nodeid);
	int err;

	if (!v)
		return VV_ESTALE;
	err = read_volume(ops, call, v);
	unpin(b, v);
	return err;
}

static vv_fuse_op_fn *const blob_table[VV_FUSE_OP_COUNT] = {
	[VV_FUSE_LOOKUP] = op_lookup,
	[VV_FUSE_FORGET] =
		op_nothing, /* nodes live as long as the kernel has them open */
	[VV_FUSE_BATCH_FORGET] = op_nothing,
	[VV_FUSE_GETATTR] = op_getattr,
	[VV_FUSE_INIT] = op_init,
	[VV_FUSE_DESTROY] = op_nothing,
	[VV_FUSE_OPEN] = op_open,
	[VV_FUSE_READ] = op_read,
	[VV_FUSE_RELEASE] = op_release,
};

/* ---- for the host ---- */

int vv_erofs_blobs_add(struct vv_erofs_blobs *b, uint64_t root,
		       const struct vv_tree *tree, struct vv_erofs_regions *regions,
		       uint64_t *id, char path[VV_EROFS_PATH_MAX])
{
	size_t size = vv_erofs_regions_memory(tree) + sizeof(struct volume);
	struct volume *v;
	int err = vv_budget_try_reserve(b->ops.budget, VV_HOLD_TREES, size);

	if (err)
		return err;
	v = calloc(1, sizeof *v);
	if (!v) {
		vv_budget_release(b->ops.budget, VV_HOLD_TREES, size);
		return VV_ENOMEM;
	}
	*v = (struct volume){ .root = root, .tree = tree, .reserved = size };
	v->regions = *regions;
	*regions = (struct vv_erofs_regions){ 0 };
	vv_mutex_lock(&b->lock);
	v->id = *id = ++b->last_id;
	v->next = b->volumes[v->id % BUCKETS];
	b->volumes[v->id % BUCKETS] = v;
	b->count++;
	vv_mutex_unlock(&b->lock);
	snprintf(path, VV_EROFS_PATH_MAX, "/proc/self/fd/%d/%" PRIu64, b->mount, *id);
	return VV_OK;
}

void vv_erofs_blobs_abandon(struct vv_erofs_blobs *b, uint64_t id)
{
	struct volume *v;

	vv_mutex_lock(&b->lock);
	v = find(b, id);
	if (v) {
		v->is_abandoned = true;
		v = take_out_unused(b, v);
	}
	vv_mutex_unlock(&b->lock);
	end_volume(b, v);
}

unsigned vv_erofs_blobs_count(struct vv_erofs_blobs *b)
{
	unsigned count;

	vv_mutex_lock(&b->lock);
	count = b->count;
	vv_mutex_unlock(&b->lock);
	return count;
}

int vv_erofs_blobs_describe(struct vv_erofs_blobs *b, struct vv_buf *json)
{
	uint64_t total = 0;
	char text[128];
	int len;

	for (unsigned op = 0; op < VV_FUSE_OP_COUNT; op++)
		total += atomic_load_explicit(&b->ops.counts[op], memory_order_relaxed);
	len = snprintf(text, sizeof text,
		       ",\"images\":%u,\"blob_requests\":%" PRIu64
		       ",\"blob_reads\":%" PRIu64,
		       vv_erofs_blobs_count(b), total,
		       (uint64_t)atomic_load(&b->ops.counts[VV_FUSE_READ]));
	return vv_buf_append(json, text, (size_t)len);
}

/* INIT was answered; who uses the mount meets what went wrong with it. */
static void on_started(void *ctx, int err)
{
	struct vv_erofs_blobs *b = ctx;

	(void)vv_fuse_session_negotiated(b->session, err);
}

/* When nothing uses the mount any more; free() does not wait for it. */
static void on_ended(void *ctx)
{
	(void)ctx;
}

int vv_erofs_blobs_new(struct vv_erofs_blobs **out, struct vv_serve *serve,
		       enum vv_fuse_transport transport, atomic_uint_least64_t *errors,
		       void (*released)(void *ctx, uint64_t root), void *ctx)
{
	struct vv_erofs_blobs *b = calloc(1, sizeof *b);
	int device, err;

	*out = NULL;
	if (!b)
		return VV_ENOMEM;
	b->serve = serve;
	b->released = released;
	b->ctx = ctx;
	b->last_id = ROOT;
	vv_mutex_init(&b->lock);
	err = vv_fuse_ops_init(&b->ops, serve);
	b->ops.table = blob_table;
	b->ops.undo = undo;
	b->ops.has_handles = true; /* OPEN is answered */
	b->ops.started = on_started;
	b->ops.ctx = b;
	if (errors)
		b->ops.errors_of_all = errors;
	if (!err)
		err = vv_kernel_mount_fuse(&device, &b->mount);
	if (!err) {
		err = vv_fuse_session_new(&b->session, device, &b->ops, on_ended, b);
		if (err)
			close(device);
	} else {
		b->mount = -1;
	}
	if (!err)
		err = vv_fuse_session_start(b->session, transport);
	if (err)
		vv_erofs_blobs_free(b);
	else
		*out = b;
	return err;
}

void vv_erofs_blobs_free(struct vv_erofs_blobs *b)
{
	if (!b)
		return;
	if (b->mount >= 0)
		close(b->mount);
	if (b->session)
		vv_fuse_session_stop(b->session);
	vv_fuse_session_free(b->session);
	for (unsigned i = 0; i < BUCKETS; i++)
		while (b->volumes[i]) {
			struct volume *v = b->volumes[i];

			b->volumes[i] = v->next;
			free_volume(b, v);
		}
	vv_fuse_ops_fini(&b->ops);
	vv_mutex_fini(&b->lock);
	free(b);
}
