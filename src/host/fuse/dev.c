#include "host/fuse/dev.h"

#include "cache/budget.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/log.h"
#include "host/fuse/ops.h"
#include "os/system.h"
#include "os/thread.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

/* From linux/fuse.h: give this device a queue of its own in the session of another. */
#define DEV_IOC_CLONE _IOR(229, 0, uint32_t)

/* Wakes a worker out of read(); its handler does nothing. */
#define WAKE_SIGNAL (SIGRTMIN + 1)

/* What one worker works in, besides its stack. */
struct memory {
	_Alignas(4096) uint8_t request[VV_FUSE_MIN_READ_BUFFER];
	uint8_t scratch[VV_FUSE_SCRATCH_BYTES];
	struct iovec pieces[1 + VV_SPAN_MAX];
	struct vv_fuse_call call;
};

enum {
	STACK_BYTES = 256 << 10,
	STACK_USED = 64 << 10, /* what is touched of it with a source that speaks TLS */
	WORKER_BYTES = sizeof(struct memory) + STACK_USED,
	BUDGET_SHARE = 4, /* workers hold at most a quarter of the budget */
	WORKERS_MIN = 4,  /* ... but may always be so many */
	WAKE_EVERY_MS = 5,
};

enum state {
	FREE,
	RUNNING,
	ENDED
};

struct worker {
	struct vv_fuse_dev *dev; /* borrowed */
	struct vv_thread thread;
	enum state state; /* protected by dev->lock */
	bool has_self;	  /* protected by dev->lock */
	pthread_t self;
	int device; /* own queue, or dev->device */
	struct memory *memory;
};

struct vv_fuse_dev {
	int device;		 /* owned */
	struct vv_fuse_ops *ops; /* borrowed */
	void (*ended)(void *ctx);
	void *ctx;
	unsigned max;

	atomic_uint waiting, max_waiting;
	atomic_bool stopping, has_ended;

	struct vv_mutex lock;
	struct vv_cond changed;
	unsigned running, peak; /* protected by lock */
	struct worker workers[VV_FUSE_WORKERS_MAX];
};

static bool start_worker(struct vv_fuse_dev *dev);

/* ---- the place in read() ---- */

/* Before the work: this worker does not wait any more; if none does, start one (D2). */
static void leave_waiting(struct vv_fuse_dev *dev)
{
	if (atomic_fetch_sub(&dev->waiting, 1) == 1)
		(void)start_worker(dev);
}

/* After the work: false if enough wait already (D3). */
static bool join_waiting(struct vv_fuse_dev *dev)
{
	unsigned n = atomic_load(&dev->waiting);

	do
		if (n >= atomic_load(&dev->max_waiting))
			return false;
	while (!atomic_compare_exchange_weak(&dev->waiting, &n, n + 1));
	return true;
}

/* ---- requests and replies ---- */

static void session_ended(struct vv_fuse_dev *dev)
{
	if (!atomic_exchange(&dev->has_ended, true))
		dev->ended(dev->ctx);
}

/* The next request: its bytes, or 0 when this worker is to end. */
static size_t next_request(struct worker *w)
{
	struct vv_fuse_dev *dev = w->dev;

	while (!atomic_load(&dev->stopping)) {
		ssize_t got =
			read(w->device, w->memory->request, sizeof w->memory->request);

		if (got > 0)
			return (size_t)got;
		/* ENOENT: who asked was interrupted before we could take the request. */
		if (got < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN))
			continue;
		if (got < 0 && errno != ENODEV)
			vv_log(VV_LOG_ERROR, "cannot read from /dev/fuse: %s",
			       strerror(errno));
		session_ended(dev);
		break;
	}
	return 0;
}

/* True if the kernel took the reply. */
static bool send_reply(struct worker *w, struct vv_fuse_call *call)
{
	struct iovec *pieces = w->memory->pieces;

	pieces[0] = (struct iovec){ &call->reply, call->head_size };
	for (unsigned i = 0; i < call->span_count; i++)
		pieces[i + 1] = (struct iovec){ (void *)call->spans[i].bytes,
						call->spans[i].size };
	if (writev(w->device, pieces, (int)(call->span_count + 1)) >= 0)
		return true;
	/* ENOENT: who asked is gone.  ENODEV: so is the mount. */
	if (errno != ENOENT && errno != ENODEV)
		vv_log(VV_LOG_ERROR, "the kernel refuses a reply to %s: %s",
		       vv_fuse_op_name(call->req.header.opcode), strerror(errno));
	return false;
}

static void serve(struct worker *w, size_t size)
{
	struct vv_fuse_call *call = &w->memory->call;
	bool delivered = true;

	vv_fuse_ops_run(w->dev->ops, call, w->memory->request, size);
	if (call->head_size)
		delivered = send_reply(w, call);
	vv_fuse_ops_done(w->dev->ops, call, delivered);
}

/* ---- workers ---- */

/* A queue of its own spares workers one lock in the kernel; without it all share one. */
static int clone_device(int device)
{
	uint32_t session = (uint32_t)device;
	int own = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (own >= 0 && ioctl(own, DEV_IOC_CLONE, &session) == 0)
		return own;
	if (own >= 0)
		close(own);
	return device;
}

static void release_worker(struct worker *w)
{
	if (w->device != w->dev->device)
		close(w->device);
	vv_pages_free(w->memory, sizeof *w->memory);
	vv_budget_release(w->dev->ops->budget, VV_HOLD_TRANSPORT, WORKER_BYTES);
}

static void worker_main(void *arg)
{
	struct worker *w = arg;
	struct vv_fuse_dev *dev = w->dev;
	size_t size;

	vv_mutex_lock(&dev->lock);
	w->self = pthread_self();
	w->has_self = true;
	vv_mutex_unlock(&dev->lock);

	while ((size = next_request(w)) > 0) {
		leave_waiting(dev);
		serve(w, size);
		if (!join_waiting(dev))
			break;
	}
	if (size == 0)
		atomic_fetch_sub(&dev->waiting, 1);
	release_worker(w);

	vv_mutex_lock(&dev->lock);
	w->state = ENDED;
	dev->running--;
	vv_cond_signal(&dev->changed);
	vv_mutex_unlock(&dev->lock);
}

/* A slot without a thread; under the lock.  NULL: all are in use. */
static struct worker *free_slot(struct vv_fuse_dev *dev)
{
	for (unsigned i = 0; i < dev->max; i++) {
		struct worker *w = &dev->workers[i];

		if (w->state == RUNNING)
			continue;
		if (w->state == ENDED)
			vv_thread_join(&w->thread);
		*w = (struct worker){ .dev = dev, .state = FREE };
		return w;
	}
	return NULL;
}

/* Under the lock. */
static int create_worker(struct vv_fuse_dev *dev, struct worker *w)
{
	int err = vv_budget_try_reserve(dev->ops->budget, VV_HOLD_TRANSPORT,
					WORKER_BYTES);

	if (err)
		return err;
	w->device = dev->device;
	w->memory = vv_pages_new(sizeof *w->memory);
	if (!w->memory) {
		vv_budget_release(dev->ops->budget, VV_HOLD_TRANSPORT, WORKER_BYTES);
		return VV_ENOMEM;
	}
	w->memory->call.scratch = w->memory->scratch;
	w->device = clone_device(dev->device);
	err = vv_thread_create(&w->thread, "varve-fuse", worker_main, w, STACK_BYTES);
	if (err)
		release_worker(w);
	return err;
}

/* If it cannot be, who works now takes the next request when done: slower, never stuck. */
static bool start_worker(struct vv_fuse_dev *dev)
{
	bool started = false;
	struct worker *w;

	vv_mutex_lock(&dev->lock);
	w = atomic_load(&dev->stopping) || atomic_load(&dev->has_ended)
		    ? NULL
		    : free_slot(dev);
	if (w) {
		/* Before it runs: it may leave as soon as it exists. */
		atomic_fetch_add(&dev->waiting, 1);
		started = create_worker(dev, w) == VV_OK;
		if (!started)
			atomic_fetch_sub(&dev->waiting, 1);
	}
	if (started) {
		w->state = RUNNING;
		dev->running++;
		dev->peak = dev->running > dev->peak ? dev->running : dev->peak;
	}
	vv_mutex_unlock(&dev->lock);
	return started;
}

static void on_wake(int signal)
{
	(void)signal;
}

static unsigned clamp(size_t n, unsigned min, unsigned max)
{
	return n < min ? min : n > max ? max : (unsigned)n;
}

static unsigned allowed_workers(struct vv_budget *budget)
{
	struct vv_budget_stats stats;

	vv_budget_get_stats(budget, &stats);
	return clamp(stats.limit / BUDGET_SHARE / WORKER_BYTES, WORKERS_MIN,
		     VV_FUSE_WORKERS_MAX);
}

int vv_fuse_dev_new(struct vv_fuse_dev **out, int device, struct vv_fuse_ops *ops,
		    void (*ended)(void *ctx), void *ctx)
{
	/* Without SA_RESTART: read() must return. */
	struct sigaction wake = { .sa_handler = on_wake };
	struct vv_fuse_dev *dev = calloc(1, sizeof *dev);

	*out = NULL;
	if (!dev)
		return VV_ENOMEM;
	sigaction(WAKE_SIGNAL, &wake, NULL);
	dev->device = device;
	dev->ops = ops;
	dev->ended = ended;
	dev->ctx = ctx;
	dev->max = allowed_workers(ops->budget);
	atomic_init(&dev->max_waiting, clamp(2 * (size_t)vv_cpu_count(),
					     VV_FUSE_IDLE_MIN, VV_FUSE_IDLE_MAX));
	vv_mutex_init(&dev->lock);
	vv_cond_init(&dev->changed);
	*out = dev;
	return VV_OK;
}

int vv_fuse_dev_start(struct vv_fuse_dev *dev)
{
	return start_worker(dev) ? VV_OK : VV_ENOMEM;
}

void vv_fuse_dev_keep(struct vv_fuse_dev *dev, unsigned waiting)
{
	atomic_store(&dev->max_waiting, waiting);
}

void vv_fuse_dev_stop(struct vv_fuse_dev *dev)
{
	atomic_store(&dev->stopping, true);
	vv_mutex_lock(&dev->lock);
	while (dev->running > 0) {
		/* Again and again: a signal just before read() is lost. */
		for (unsigned i = 0; i < dev->max; i++)
			if (dev->workers[i].state == RUNNING &&
			    dev->workers[i].has_self)
				pthread_kill(dev->workers[i].self, WAKE_SIGNAL);
		(void)vv_cond_timedwait(&dev->changed, &dev->lock, WAKE_EVERY_MS);
	}
	vv_mutex_unlock(&dev->lock);
	for (unsigned i = 0; i < dev->max; i++) {
		if (dev->workers[i].state == ENDED)
			vv_thread_join(&dev->workers[i].thread);
		dev->workers[i].state = FREE;
	}
}

void vv_fuse_dev_free(struct vv_fuse_dev *dev)
{
	if (!dev)
		return;
	assert(dev->running == 0);
	close(dev->device);
	vv_cond_fini(&dev->changed);
	vv_mutex_fini(&dev->lock);
	free(dev);
}

int vv_fuse_dev_notify(struct vv_fuse_dev *dev, const void *bytes, size_t size)
{
	if (write(dev->device, bytes, size) >= 0)
		return VV_OK;
	switch (errno) {
	case ENOENT:
	case ENOTDIR: return VV_ENOENT;
	case ENODEV: return VV_ENODEV;
	case ENOMEM: return VV_ENOMEM;
	}
	vv_log(VV_LOG_WARN, "the kernel refuses a notification: %s", strerror(errno));
	return VV_EIO;
}

int vv_fuse_dev_describe(struct vv_fuse_dev *dev, struct vv_buf *json)
{
	char text[128];
	int len;

	vv_mutex_lock(&dev->lock);
	len = snprintf(text, sizeof text,
		       ",\"workers\":%u,\"workers_peak\":%u,\"workers_max\":%u",
		       dev->running, dev->peak, dev->max);
	vv_mutex_unlock(&dev->lock);
	return vv_buf_append(json, text, (size_t)len);
}
