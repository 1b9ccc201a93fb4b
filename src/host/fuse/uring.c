#include "host/fuse/uring.h"

#include "cache/budget.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/log.h"
#include "fuse/uring.h"
#include "host/fuse/ops.h"
#include "host/fuse/ring.h"
#include "host/fuse/uring_plan.h"
#include "os/system.h"
#include "os/thread.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

/* What a thread works in, besides its stack; the payload buffer is also its scratch. */
struct memory {
	_Alignas(4096) struct vv_fuse_uring_header header;
	struct vv_fuse_call call;
	uint8_t request[VV_FUSE_MIN_READ_BUFFER];
	_Alignas(4096) uint8_t payload[];
};

enum {
	STACK_BYTES = 256 << 10,
	STACK_USED = 64 << 10, /* what is touched of it with a source that speaks TLS */
	/* Of the payload buffer: names come here, short answers leave from here. */
	PAYLOAD_KEPT = VV_FUSE_MIN_READ_BUFFER,
	ENTRY_BYTES = sizeof(struct memory) + STACK_USED + PAYLOAD_KEPT,
};
_Static_assert((int)VV_FUSE_URING_PAYLOAD_MIN >= (int)VV_FUSE_SCRATCH_BYTES, "scratch");
_Static_assert((int)VV_FUSE_URING_PAYLOAD_MIN >= (int)VV_FUSE_STATS_MAX,
	       "an attribute");
_Static_assert((int)VV_FUSE_URING_PAYLOAD_MAX == (int)VV_FUSE_READ_BYTES, "one READ");

struct queue {
	atomic_uint waiting;
	unsigned core;
	unsigned depth; /* entries; protected by the lock */
};

struct entry {
	struct entry *next;	 /* owned */
	struct vv_fuse_uring *u; /* borrowed */
	struct queue *queue;	 /* borrowed */
	struct vv_thread thread;
	bool is_first;		   /* of its queue */
	struct memory *memory;	   /* owned; as all below used by the thread only */
	struct vv_fuse_ring *ring; /* owned */
	bool has_payload;	   /* all of it, drawn on the budget */
};

enum phase {
	OPENING,     /* rings are made */
	REGISTERING, /* and given to the kernel */
	STOPPING
};

struct vv_fuse_uring {
	int device; /* borrowed, as ops and plan */
	struct vv_fuse_ops *ops;
	const struct vv_fuse_uring_plan *plan;
	void (*failed)(void *ctx);
	void *ctx;
	int stop;	      /* owned; an event for all rings */
	struct queue *queues; /* owned; plan->queues of them */

	struct vv_mutex lock;
	struct vv_cond changed;
	/* protected by lock: */
	enum phase phase;
	unsigned pending; /* entries that have not done the step of the phase */
	int err;	  /* the first of the phase */
	struct entry *entries;
	unsigned entry_count;
};

static bool start_entry(struct vv_fuse_uring *u, struct queue *queue);

size_t vv_fuse_uring_entry_bytes(void)
{
	return ENTRY_BYTES;
}

/* ---- memory ---- */

static size_t rest_bytes(const struct entry *e)
{
	return e->u->plan->payload_bytes - PAYLOAD_KEPT;
}

/* Waits for room like every reader; a thread holds nothing else of the budget here. */
static int need_payload(struct entry *e)
{
	int err;

	if (e->has_payload)
		return VV_OK;
	err = vv_budget_reserve(e->u->ops->budget, VV_HOLD_TRANSPORT, rest_bytes(e));
	e->has_payload = !err;
	return err;
}

/* Of an entry that the kernel has: what it writes there is at the beginning, which stays. */
static int drop_payload(struct entry *e)
{
	if (!e->has_payload)
		return VV_OK;
	(void)madvise(e->memory->payload + PAYLOAD_KEPT, rest_bytes(e), MADV_DONTNEED);
	vv_budget_release(e->u->ops->budget, VV_HOLD_TRANSPORT, rest_bytes(e));
	e->has_payload = false;
	return VV_OK;
}

static int make_memory(struct entry *e)
{
	struct vv_budget *budget = e->u->ops->budget;
	int err = vv_budget_try_reserve(budget, VV_HOLD_TRANSPORT, ENTRY_BYTES);

	if (err)
		return err;
	e->memory = vv_pages_new(sizeof *e->memory + e->u->plan->payload_bytes);
	if (!e->memory) {
		vv_budget_release(budget, VV_HOLD_TRANSPORT, ENTRY_BYTES);
		return VV_ENOMEM;
	}
	e->memory->call.scratch = e->memory->payload;
	return VV_OK;
}

static void free_memory(struct entry *e)
{
	(void)drop_payload(e);
	vv_pages_free(e->memory, sizeof *e->memory + e->u->plan->payload_bytes);
	vv_budget_release(e->u->ops->budget, VV_HOLD_TRANSPORT, ENTRY_BYTES);
	e->memory = NULL;
}

/* ---- one request ---- */

static void put_error(struct entry *e, int err)
{
	struct memory *m = e->memory;
	struct vv_fuse_in_header in;
	struct vv_fuse_out_header out = { .len = sizeof out, .error = err };

	memcpy(&in, m->header.in_out, sizeof in);
	out.unique = in.unique;
	memcpy(m->header.in_out, &out, sizeof out);
	m->header.entry.payload_sz = 0;
}

/* The answer as the kernel wants it.  VV_EOVERFLOW: it is larger than anybody may ask for. */
static int put_reply(struct entry *e)
{
	struct memory *m = e->memory;
	const struct vv_fuse_call *call = &m->call;
	size_t head = sizeof call->reply.header, body = call->head_size - head;
	uint8_t *at = m->payload + body;

	if (call->reply.header.len - head > e->u->plan->payload_bytes)
		return VV_EOVERFLOW;
	/* An answer that was made in the scratch lies where it belongs, unless it has a body. */
	for (unsigned i = 0; i < call->span_count; i++) {
		if (at != call->spans[i].bytes)
			memmove(at, call->spans[i].bytes, call->spans[i].size);
		at += call->spans[i].size;
	}
	memcpy(m->payload, &call->reply.body, body);
	memcpy(m->header.in_out, &call->reply.header, head);
	m->header.entry.payload_sz = (uint32_t)(at - m->payload);
	return VV_OK;
}

/* Operations that may answer with more than is kept of the payload buffer. */
static bool may_be_long(uint32_t opcode)
{
	return opcode == VV_FUSE_READ || opcode == VV_FUSE_READDIR ||
	       opcode == VV_FUSE_READDIRPLUS || opcode == VV_FUSE_GETXATTR ||
	       opcode == VV_FUSE_LISTXATTR;
}

static int answer(struct entry *e)
{
	struct memory *m = e->memory;
	struct vv_fuse_in_header in;
	size_t size;
	int err = VV_OK;

	memcpy(&in, m->header.in_out, sizeof in);
	if (may_be_long(in.opcode))
		err = need_payload(e);
	if (err)
		return err;
	/* What cannot be put together cannot be decoded either, and is answered so. */
	(void)vv_fuse_uring_gather(m->request, sizeof m->request, &size, &m->header,
				   m->payload, e->u->plan->payload_bytes);
	vv_fuse_ops_run(e->u->ops, &m->call, m->request, size);
	err = m->call.head_size ? put_reply(e) : VV_EIO;
	vv_fuse_ops_done(e->u->ops, &m->call, !err);
	return err;
}

/* Before the work: this entry waits no more; if none does, make one (U2). */
static void leave_waiting(struct entry *e)
{
	if (atomic_fetch_sub(&e->queue->waiting, 1) == 1)
		(void)start_entry(e->u, e->queue);
}

static void serve(struct entry *e)
{
	uint64_t commit_id = e->memory->header.entry.commit_id;
	int err;

	leave_waiting(e);
	err = answer(e);
	if (err)
		put_error(e, err);
	atomic_fetch_add(&e->queue->waiting, 1);
	vv_fuse_ring_commit(e->ring, commit_id);
}

/* ---- the threads ---- */

/* As long as that core is there and is ours; else wherever the system likes. */
static void stay_on_core(const struct entry *e)
{
	size_t size = CPU_ALLOC_SIZE(e->u->plan->queues);
	cpu_set_t *set = CPU_ALLOC(e->u->plan->queues);

	if (!set)
		return;
	CPU_ZERO_S(size, set);
	CPU_SET_S(e->queue->core, size, set);
	(void)pthread_setaffinity_np(pthread_self(), size, set);
	CPU_FREE(set);
}

static int open_ring(struct entry *e)
{
	struct vv_fuse_ring_options opts = {
		.device = e->u->device,
		.stop = e->u->stop,
		.queue = e->queue->core,
		.header = &e->memory->header,
		.payload = e->memory->payload,
		.payload_bytes = e->u->plan->payload_bytes,
	};

	return vv_fuse_ring_open(&e->ring, &opts);
}

/* This entry has done the step of the phase; under the lock. */
static void step_done(struct vv_fuse_uring *u, int err)
{
	if (!u->err)
		u->err = err;
	u->pending--;
	vv_cond_broadcast(&u->changed);
}

/* The first entries wait for each other, and for INIT. */
static int open_first(struct entry *e)
{
	struct vv_fuse_uring *u = e->u;
	int err = open_ring(e);
	bool go_on;

	vv_mutex_lock(&u->lock);
	step_done(u, err);
	while (u->phase == OPENING)
		vv_cond_wait(&u->changed, &u->lock);
	go_on = u->phase == REGISTERING;
	vv_mutex_unlock(&u->lock);
	if (!go_on)
		return VV_ECANCELED;
	err = vv_fuse_ring_register(e->ring);
	vv_mutex_lock(&u->lock);
	step_done(u, err);
	vv_mutex_unlock(&u->lock);
	return err;
}

static int open_another(struct entry *e)
{
	static struct vv_log_limit limit;
	int err = open_ring(e);

	if (!err)
		err = vv_fuse_ring_register(e->ring);
	if (err && err != VV_ENODEV)
		vv_log_limited(&limit, VV_LOG_WARN,
			       "core %u gets no further queue entry: %s",
			       e->queue->core, vv_err_text(err));
	return err;
}

/* The kernel lost the entry: it may have it again, or who asks on this core would hang. */
static int recover(struct entry *e, int err)
{
	vv_log(VV_LOG_ERROR, "the kernel refuses a reply on core %u: %s",
	       e->queue->core, vv_err_text(err));
	err = vv_fuse_ring_register(e->ring);
	if (!err || err == VV_ENODEV)
		return err;
	vv_log(VV_LOG_ERROR, "the queue of core %u is lost, so the mount ends: %s",
	       e->queue->core, vv_err_text(err));
	e->u->failed(e->u->ctx);
	return err;
}

static void entry_main(void *arg)
{
	struct entry *e = arg;
	int err;

	stay_on_core(e);
	err = e->is_first ? open_first(e) : open_another(e);
	while (!err) {
		err = vv_fuse_ring_wait(e->ring,
					e->has_payload ? VV_FUSE_URING_KEEP_MS : 0);
		if (!err)
			serve(e);
		else if (err == VV_ETIMEDOUT)
			err = drop_payload(e);
		else if (err != VV_ECANCELED && err != VV_ENODEV)
			err = recover(e, err);
	}
	atomic_fetch_sub(&e->queue->waiting, 1);
	vv_fuse_ring_close(e->ring);
	free_memory(e);
}

/* Under the lock. */
static int create_entry(struct vv_fuse_uring *u, struct queue *queue)
{
	struct entry *e = calloc(1, sizeof *e);
	int err;

	if (!e)
		return VV_ENOMEM;
	e->u = u;
	e->queue = queue;
	e->is_first = u->phase == OPENING;
	err = make_memory(e);
	if (err) {
		free(e);
		return err;
	}
	/* Before it runs: it may be there as soon as it exists. */
	atomic_fetch_add(&queue->waiting, 1);
	err = vv_thread_create(&e->thread, "varve-uring", entry_main, e, STACK_BYTES);
	if (err) {
		atomic_fetch_sub(&queue->waiting, 1);
		free_memory(e);
		free(e);
		return err;
	}
	e->next = u->entries;
	u->entries = e;
	u->entry_count++;
	queue->depth++;
	return VV_OK;
}

/* If it cannot be, who asks next on this core waits for one that works now: slower, never stuck. */
static bool start_entry(struct vv_fuse_uring *u, struct queue *queue)
{
	bool started = false;

	vv_mutex_lock(&u->lock);
	if (u->phase == REGISTERING && queue->depth < u->plan->depth)
		started = create_entry(u, queue) == VV_OK;
	vv_mutex_unlock(&u->lock);
	return started;
}

/* ---- life ---- */

static int wait_for_all(struct vv_fuse_uring *u)
{
	int err;

	vv_mutex_lock(&u->lock);
	while (u->pending > 0)
		vv_cond_wait(&u->changed, &u->lock);
	err = u->err;
	vv_mutex_unlock(&u->lock);
	return err;
}

static int start_first(struct vv_fuse_uring *u)
{
	int err = VV_OK;

	vv_mutex_lock(&u->lock);
	for (unsigned i = 0; !err && i < u->plan->queues; i++) {
		u->queues[i].core = i;
		err = create_entry(u, &u->queues[i]);
		u->pending += !err;
	}
	vv_mutex_unlock(&u->lock);
	return err ? err : wait_for_all(u);
}

int vv_fuse_uring_new(struct vv_fuse_uring **out, int device, struct vv_fuse_ops *ops,
		      const struct vv_fuse_uring_plan *plan, void (*failed)(void *ctx),
		      void *ctx)
{
	struct vv_fuse_uring *u = calloc(1, sizeof *u);
	int err = VV_ENOMEM;

	*out = NULL;
	if (!u)
		return VV_ENOMEM;
	u->device = device;
	u->ops = ops;
	u->plan = plan;
	u->failed = failed;
	u->ctx = ctx;
	vv_mutex_init(&u->lock);
	vv_cond_init(&u->changed);
	u->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	u->queues = calloc(plan->queues, sizeof u->queues[0]);
	if (u->queues)
		err = u->stop < 0 ? VV_EMFILE : start_first(u);
	if (err) {
		vv_fuse_uring_stop(u);
		vv_fuse_uring_free(u);
		return err;
	}
	*out = u;
	return VV_OK;
}

int vv_fuse_uring_start(struct vv_fuse_uring *u)
{
	vv_mutex_lock(&u->lock);
	u->phase = REGISTERING;
	u->pending = u->entry_count;
	vv_cond_broadcast(&u->changed);
	vv_mutex_unlock(&u->lock);
	return wait_for_all(u);
}

void vv_fuse_uring_stop(struct vv_fuse_uring *u)
{
	const uint64_t one = 1;

	vv_mutex_lock(&u->lock);
	u->phase = STOPPING;
	vv_cond_broadcast(&u->changed);
	vv_mutex_unlock(&u->lock);
	/* Nobody reads it: it stays readable for the rings that look later. */
	(void)!write(u->stop, &one, sizeof one);
	while (u->entries) {
		struct entry *e = u->entries;

		u->entries = e->next;
		vv_thread_join(&e->thread);
		free(e);
	}
}

void vv_fuse_uring_free(struct vv_fuse_uring *u)
{
	if (!u)
		return;
	assert(!u->entries);
	if (u->stop >= 0)
		close(u->stop);
	free(u->queues);
	vv_cond_fini(&u->changed);
	vv_mutex_fini(&u->lock);
	free(u);
}

int vv_fuse_uring_describe(struct vv_fuse_uring *u, struct vv_buf *json)
{
	char text[128];
	unsigned entries;
	int len;

	vv_mutex_lock(&u->lock);
	entries = u->entry_count;
	vv_mutex_unlock(&u->lock);
	len = snprintf(
		text, sizeof text,
		",\"queues\":%u,\"depth\":%u,\"entries\":%u,\"payload_bytes\":%zu",
		u->plan->queues, u->plan->depth, entries, u->plan->payload_bytes);
	return vv_buf_append(json, text, (size_t)len);
}
