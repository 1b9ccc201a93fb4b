/*
 * The transport over io_uring without a kernel: the rings and the operations below are
 * stand-ins, so that the test decides what is asked on which core, what is held and what is
 * refused.
 */
#include "cache/budget.h"
#include "core/buf.h"
#include "core/err.h"
#include "host/fuse/ops.h"
#include "host/fuse/ring.h"
#include "host/fuse/uring.h"
#include "host/fuse/uring_plan.h"
#include "os/thread.h"
#include "test.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	QUEUES = 2,
	RINGS = 256,
	QUICK = 1, /* nodes */
	SLOW = 2,
	LARGE = 3,
	SILENT = 4,
};

/* ---- the kernel's side ---- */

struct request {
	struct vv_fuse_in_header header;
	unsigned queue;
	bool is_taken, is_done;
	struct vv_fuse_out_header reply;
	uint8_t data[4096];
	size_t data_size;
};

struct vv_fuse_ring {
	struct vv_fuse_ring_options opts;
	bool is_listed; /* the kernel may fill it */
	unsigned listed_at;
	struct request *request; /* what is in it */
	uint64_t commits;
};

static struct vv_mutex lock;
static struct vv_cond changed;
/* protected by lock: */
static struct vv_fuse_ring *rings[RINGS];
static unsigned ring_count, listed_count;
static int open_result, register_result, commit_result;
static unsigned refused_queue;
static bool is_session_over;
static struct request *asked[RINGS];
static unsigned asked_count;

static atomic_int gate, held, undelivered;
static atomic_bool has_failed;

int vv_fuse_ring_open(struct vv_fuse_ring **out,
		      const struct vv_fuse_ring_options *opts)
{
	int err;

	*out = NULL;
	vv_mutex_lock(&lock);
	err = open_result;
	if (!err) {
		*out = calloc(1, sizeof **out);
		(*out)->opts = *opts;
		rings[ring_count++] = *out;
	}
	vv_mutex_unlock(&lock);
	return err;
}

void vv_fuse_ring_close(struct vv_fuse_ring *ring)
{
	vv_mutex_lock(&lock);
	for (unsigned i = 0; i < ring_count; i++)
		if (rings[i] == ring)
			rings[i] = rings[--ring_count];
	vv_mutex_unlock(&lock);
	free(ring);
}

int vv_fuse_ring_register(struct vv_fuse_ring *ring)
{
	int err;

	vv_mutex_lock(&lock);
	err = ring->opts.queue == refused_queue ? register_result : VV_OK;
	ring->is_listed = !err;
	ring->listed_at = ++listed_count;
	vv_mutex_unlock(&lock);
	return err;
}

static void take_reply(struct vv_fuse_ring *ring)
{
	struct request *r = ring->request;

	memcpy(&r->reply, ring->opts.header->in_out, sizeof r->reply);
	r->data_size = ring->opts.header->entry.payload_sz;
	CHECK(r->data_size <= ring->opts.payload_bytes);
	memcpy(r->data, ring->opts.payload,
	       r->data_size < sizeof r->data ? r->data_size : sizeof r->data);
	r->is_done = true;
	ring->request = NULL;
}

/* The reply leaves; the last that was committed is the next to be filled. */
static void submit(struct vv_fuse_ring *ring)
{
	vv_mutex_lock(&lock);
	if (ring->commits && ring->request) {
		CHECK_INT(ring->commits, ring->request->header.unique);
		if (!commit_result) {
			take_reply(ring);
			ring->is_listed = true;
			ring->listed_at = ++listed_count;
		}
		vv_cond_broadcast(&changed);
	}
	ring->commits = 0;
	vv_mutex_unlock(&lock);
}

void vv_fuse_ring_commit(struct vv_fuse_ring *ring, uint64_t commit_id)
{
	ring->commits = commit_id;
}

static bool is_readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1;
}

/* The request that is this ring's to serve; under the lock. */
static struct request *next_for(struct vv_fuse_ring *ring)
{
	for (unsigned i = 0; i < ring_count; i++)
		if (rings[i]->opts.queue == ring->opts.queue && rings[i]->is_listed &&
		    rings[i]->listed_at > ring->listed_at)
			return NULL;
	for (unsigned i = 0; ring->is_listed && i < asked_count; i++)
		if (!asked[i]->is_taken && asked[i]->queue == ring->opts.queue)
			return asked[i];
	return NULL;
}

static void fill(struct vv_fuse_ring *ring, struct request *r)
{
	struct vv_fuse_uring_header *header = ring->opts.header;

	r->is_taken = true;
	ring->request = r;
	ring->is_listed = false;
	memset(header, 0, sizeof *header);
	memcpy(header->in_out, &r->header, sizeof r->header);
	header->entry.commit_id = r->header.unique;
	header->entry.payload_sz = r->header.len - (uint32_t)sizeof r->header;
	memset(ring->opts.payload, 'n', header->entry.payload_sz);
	vv_cond_broadcast(&changed);
}

int vv_fuse_ring_wait(struct vv_fuse_ring *ring, unsigned wait_ms)
{
	int result = VV_OK;
	struct request *r = NULL;
	unsigned waited_ms = 0;

	submit(ring);
	vv_mutex_lock(&lock);
	while (!r && !result) {
		if (is_readable(ring->opts.stop))
			result = VV_ECANCELED;
		else if (is_session_over)
			result = VV_ENODEV;
		else if (ring->request)
			result = VV_EIO; /* its commit was refused */
		else if (!(r = next_for(ring)) && wait_ms && waited_ms++ >= wait_ms)
			result = VV_ETIMEDOUT;
		else if (!r)
			(void)vv_cond_timedwait(&changed, &lock, 1);
	}
	if (ring->request && result == VV_EIO) {
		ring->request = NULL;
		commit_result = VV_OK;
	}
	if (r)
		fill(ring, r);
	vv_mutex_unlock(&lock);
	return result;
}

/* ---- the operations ---- */

static uint8_t content[256 << 10];

void vv_fuse_ops_run(struct vv_fuse_ops *ops, struct vv_fuse_call *call,
		     const void *bytes, size_t size)
{
	struct vv_fuse_in_header in;

	(void)ops;
	memcpy(&in, bytes, sizeof in);
	CHECK_INT(in.len, size);
	for (size_t i = sizeof in; i < size; i++)
		CHECK_INT(((const uint8_t *)bytes)[i], 'n');
	atomic_fetch_add(&held, 1);
	while (in.nodeid == SLOW && atomic_load(&gate) == 0)
		usleep(1000);
	call->own_span =
		(struct vv_span){ content, in.nodeid == LARGE ? sizeof content : 100 };
	call->spans = &call->own_span;
	call->span_count = 1;
	call->reply.header = (struct vv_fuse_out_header){
		.len = (uint32_t)(sizeof(struct vv_fuse_out_header) +
				  call->own_span.size),
		.unique = in.unique,
	};
	call->head_size = in.nodeid == SILENT ? 0 : sizeof(struct vv_fuse_out_header);
}

void vv_fuse_ops_done(struct vv_fuse_ops *ops, struct vv_fuse_call *call,
		      bool delivered)
{
	(void)ops, (void)call;
	atomic_fetch_sub(&held, 1);
	atomic_fetch_add(&undelivered, !delivered);
}

/* ---- a session ---- */

static struct vv_budget *budget;
static struct vv_fuse_ops ops;
static struct vv_fuse_uring_plan plan;
static struct vv_fuse_uring *uring;

static void on_failed(void *ctx)
{
	(void)ctx;
	atomic_store(&has_failed, true);
}

static void set_up(unsigned depth)
{
	CHECK_INT(vv_budget_new(&budget, 64 << 20), VV_OK);
	ops = (struct vv_fuse_ops){ .budget = budget };
	plan = (struct vv_fuse_uring_plan){ .queues = QUEUES,
					    .depth = depth,
					    .payload_bytes =
						    VV_FUSE_URING_PAYLOAD_MAX };
	open_result = register_result = commit_result = VV_OK;
	refused_queue = 0;
	is_session_over = false;
	asked_count = 0;
	atomic_store(&gate, 0);
	atomic_store(&undelivered, 0);
	atomic_store(&has_failed, false);
	memset(content, 'c', sizeof content);
}

static void start(unsigned depth)
{
	set_up(depth);
	CHECK_INT(vv_fuse_uring_new(&uring, -1, &ops, &plan, on_failed, NULL), VV_OK);
	CHECK_INT(vv_fuse_uring_start(uring), VV_OK);
}

static size_t transport_bytes(void)
{
	struct vv_budget_stats stats;

	vv_budget_get_stats(budget, &stats);
	return stats.by_holder[VV_HOLD_TRANSPORT];
}

static void tear_down(void)
{
	CHECK_INT(ring_count, 0);
	CHECK_INT(atomic_load(&held), 0);
	CHECK_INT(transport_bytes(), 0);
	vv_budget_free(budget);
	for (unsigned i = 0; i < asked_count; i++)
		free(asked[i]);
}

static void stop(void)
{
	vv_fuse_uring_stop(uring);
	vv_fuse_uring_free(uring);
	tear_down();
}

static struct request *ask(unsigned queue, uint32_t opcode, uint64_t node)
{
	struct request *r = calloc(1, sizeof *r);

	vv_mutex_lock(&lock);
	r->queue = queue;
	r->header = (struct vv_fuse_in_header){ .len = sizeof r->header + 10,
						.opcode = opcode,
						.unique = 100 + asked_count,
						.nodeid = node };
	asked[asked_count++] = r;
	vv_cond_broadcast(&changed);
	vv_mutex_unlock(&lock);
	return r;
}

/* Up to five seconds. */
static bool is_answered(struct request *r)
{
	bool done;

	vv_mutex_lock(&lock);
	for (int i = 0; i < 5000 && !r->is_done; i++)
		(void)vv_cond_timedwait(&changed, &lock, 1);
	done = r->is_done;
	vv_mutex_unlock(&lock);
	return done;
}

static unsigned rings_now(void)
{
	unsigned n;

	vv_mutex_lock(&lock);
	n = ring_count;
	vv_mutex_unlock(&lock);
	return n;
}

/* ---- what must hold ---- */

static void a_request_is_answered_out_of_the_payload_buffer(void)
{
	struct request *r;

	start(8);
	for (unsigned queue = 0; queue < QUEUES; queue++) {
		r = ask(queue, VV_FUSE_READ, QUICK);
		CHECK(is_answered(r));
		CHECK_INT(r->reply.error, 0);
		CHECK_INT(r->reply.unique, r->header.unique);
		CHECK_INT(r->data_size, 100);
		CHECK(memcmp(r->data, content, 100) == 0);
	}
	CHECK_INT(atomic_load(&held), 0); /* while the entries wait */
	stop();
}

static void one_caller_keeps_two_entries_however_much_it_asks(void)
{
	start(8);
	for (int i = 0; i < 50; i++)
		CHECK(is_answered(ask(1, VV_FUSE_LOOKUP, QUICK)));
	CHECK(rings_now() <= QUEUES + 1);
	stop();
}

static void held_fetches_delay_nobody_else_on_their_core(void)
{
	struct request *slow[40];

	start(64);
	for (int i = 0; i < 40; i++)
		slow[i] = ask(0, VV_FUSE_READ, SLOW);
	/* All of them are held, and these come through. */
	CHECK(is_answered(ask(0, VV_FUSE_LOOKUP, QUICK)));
	CHECK(is_answered(ask(1, VV_FUSE_LOOKUP, QUICK)));
	CHECK_INT(atomic_load(&held), 40);
	atomic_store(&gate, 1);
	for (int i = 0; i < 40; i++)
		CHECK(is_answered(slow[i]));
	stop();
}

static void what_a_burst_needed_is_given_back_but_for_the_entries(void)
{
	size_t rest = VV_FUSE_URING_PAYLOAD_MAX - VV_FUSE_MIN_READ_BUFFER, kept;
	struct request *slow[20];

	start(64);
	CHECK_INT(transport_bytes(), QUEUES * vv_fuse_uring_entry_bytes());
	for (int i = 0; i < 20; i++)
		slow[i] = ask(0, VV_FUSE_READ, SLOW);
	while (atomic_load(&held) < 20)
		usleep(1000);
	CHECK(transport_bytes() >= 20 * (vv_fuse_uring_entry_bytes() + rest));
	atomic_store(&gate, 1);
	for (int i = 0; i < 20; i++)
		CHECK(is_answered(slow[i]));
	kept = rings_now() * vv_fuse_uring_entry_bytes();
	for (int i = 0; i < 10000 && transport_bytes() > kept; i++)
		usleep(1000);
	CHECK_INT(transport_bytes(), kept);
	CHECK(is_answered(ask(0, VV_FUSE_READ, QUICK)));
	stop();
}

static void names_take_no_payload_buffer(void)
{
	start(64);
	CHECK(is_answered(ask(0, VV_FUSE_LOOKUP, QUICK)));
	CHECK_INT(transport_bytes() % vv_fuse_uring_entry_bytes(), 0);
	stop();
}

static void a_queue_gets_no_more_entries_than_the_plan_says(void)
{
	struct request *slow[20];

	start(4);
	for (int i = 0; i < 20; i++)
		slow[i] = ask(0, VV_FUSE_READ, SLOW);
	usleep(50000);
	CHECK_INT(rings_now(), 4 + QUEUES - 1);
	CHECK_INT(atomic_load(&held), 4);
	atomic_store(&gate, 1);
	for (int i = 0; i < 20; i++)
		CHECK(is_answered(slow[i]));
	stop();
}

static void an_answer_that_does_not_fit_is_an_error_and_not_delivered(void)
{
	struct request *r;

	start(4);
	r = ask(0, VV_FUSE_READ, LARGE);
	CHECK(is_answered(r));
	CHECK_INT(r->reply.error, VV_EOVERFLOW);
	CHECK_INT(r->reply.unique, r->header.unique);
	CHECK_INT(r->data_size, 0);
	CHECK_INT(atomic_load(&undelivered), 1);
	r = ask(0, VV_FUSE_READ, SILENT); /* the kernel waits for every one */
	CHECK(is_answered(r));
	CHECK_INT(r->reply.error, VV_EIO);
	stop();
}

static void where_rings_are_forbidden_nothing_is_held(void)
{
	set_up(4);
	open_result = VV_EPERM;
	CHECK_INT(vv_fuse_uring_new(&uring, -1, &ops, &plan, on_failed, NULL),
		  VV_EPERM);
	CHECK(!uring);
	tear_down();
}

static void a_budget_that_is_used_up_makes_no_queues(void)
{
	size_t all;

	set_up(4);
	all = vv_budget_limit(budget) - vv_fuse_uring_entry_bytes();
	CHECK_INT(vv_budget_reserve(budget, VV_HOLD_FRAMES, all), VV_OK);
	CHECK_INT(vv_fuse_uring_new(&uring, -1, &ops, &plan, on_failed, NULL),
		  VV_ENOMEM);
	vv_budget_release(budget, VV_HOLD_FRAMES, all);
	tear_down();
}

static void queues_that_are_never_registered_can_be_stopped(void)
{
	set_up(4);
	CHECK_INT(vv_fuse_uring_new(&uring, -1, &ops, &plan, on_failed, NULL), VV_OK);
	CHECK_INT(rings_now(), QUEUES);
	stop();
}

static void a_refused_queue_is_told_to_the_starter(void)
{
	set_up(4);
	register_result = VV_EINVAL;
	refused_queue = 1;
	CHECK_INT(vv_fuse_uring_new(&uring, -1, &ops, &plan, on_failed, NULL), VV_OK);
	CHECK_INT(vv_fuse_uring_start(uring), VV_EINVAL);
	CHECK(!atomic_load(&has_failed));
	stop();
}

static void an_entry_that_the_kernel_lost_is_registered_again(void)
{
	start(1);
	vv_mutex_lock(&lock);
	commit_result = VV_EIO;
	vv_mutex_unlock(&lock);
	ask(0, VV_FUSE_LOOKUP, QUICK);
	CHECK(is_answered(ask(0, VV_FUSE_LOOKUP, QUICK)));
	CHECK(!atomic_load(&has_failed));
	stop();
}

static void a_queue_that_is_lost_ends_the_session(void)
{
	start(1);
	vv_mutex_lock(&lock);
	commit_result = register_result = VV_EIO;
	vv_mutex_unlock(&lock);
	ask(0, VV_FUSE_LOOKUP, QUICK);
	for (int i = 0; i < 5000 && !atomic_load(&has_failed); i++)
		usleep(1000);
	CHECK(atomic_load(&has_failed));
	stop();
}

static void the_end_of_the_session_ends_the_threads(void)
{
	start(8);
	CHECK(is_answered(ask(0, VV_FUSE_LOOKUP, QUICK)));
	vv_mutex_lock(&lock);
	is_session_over = true;
	vv_mutex_unlock(&lock);
	for (int i = 0; i < 5000 && rings_now() > 0; i++)
		usleep(1000);
	CHECK_INT(rings_now(), 0);
	stop();
}

static void open_the_gate(void *arg)
{
	(void)arg;
	usleep(30000);
	atomic_store(&gate, 1);
}

static void stop_waits_for_what_is_under_way(void)
{
	struct vv_thread opener;
	struct request *slow;

	start(8);
	slow = ask(0, VV_FUSE_READ, SLOW);
	while (atomic_load(&held) == 0)
		usleep(1000);
	CHECK_INT(vv_thread_create(&opener, "opener", open_the_gate, NULL, 0), VV_OK);
	vv_fuse_uring_stop(uring);
	CHECK_INT(atomic_load(&gate), 1);
	CHECK(slow->is_done);
	vv_fuse_uring_free(uring);
	vv_thread_join(&opener);
	tear_down();
}

int main(void)
{
	vv_mutex_init(&lock);
	vv_cond_init(&changed);
	RUN(a_request_is_answered_out_of_the_payload_buffer);
	RUN(one_caller_keeps_two_entries_however_much_it_asks);
	RUN(held_fetches_delay_nobody_else_on_their_core);
	RUN(what_a_burst_needed_is_given_back_but_for_the_entries);
	RUN(names_take_no_payload_buffer);
	RUN(a_queue_gets_no_more_entries_than_the_plan_says);
	RUN(an_answer_that_does_not_fit_is_an_error_and_not_delivered);
	RUN(where_rings_are_forbidden_nothing_is_held);
	RUN(a_budget_that_is_used_up_makes_no_queues);
	RUN(queues_that_are_never_registered_can_be_stopped);
	RUN(a_refused_queue_is_told_to_the_starter);
	RUN(an_entry_that_the_kernel_lost_is_registered_again);
	RUN(a_queue_that_is_lost_ends_the_session);
	RUN(the_end_of_the_session_ends_the_threads);
	RUN(stop_waits_for_what_is_under_way);
	return test_report();
}
