#include "host/fuse/fuse_host.h"

#include "core/buf.h"
#include "core/err.h"
#include "core/log.h"
#include "host/erofs/erofs_host.h"
#include "host/fuse/ahead.h"
#include "host/fuse/mount.h"
#include "host/fuse/notify.h"
#include "host/fuse/ops.h"
#include "host/fuse/session.h"
#include "host/serve.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct host {
	struct vv_serve *serve;
	const struct vv_fuse_options *opts;
	char where[PATH_MAX];
	struct vv_fuse_ops ops;
	struct vv_fuse_session *session;
	struct vv_fuse_notifier *notifier;
	struct vv_erofs_host *erofs; /* NULL: trees are shown through FUSE alone */
	struct vv_fuse_ahead ahead;
	int signals, events; /* what the caller's thread waits for */
	atomic_bool has_started, has_ended;
	atomic_int start_err;
	bool is_following;
};

static void wake(struct host *h)
{
	uint64_t one = 1;

	/* Fails only if the counter is full, and then somebody is woken already. */
	(void)!write(h->events, &one, sizeof one);
}

static void on_started(void *ctx, int err)
{
	struct host *h = ctx;

	atomic_store(&h->start_err, vv_fuse_session_negotiated(h->session, err));
	atomic_store(&h->has_started, true);
	wake(h);
}

static void on_ended(void *ctx)
{
	struct host *h = ctx;

	atomic_store(&h->has_ended, true);
	wake(h);
}

static int on_describe(void *ctx, struct vv_buf *json)
{
	struct host *h = ctx;
	char text[64];
	int len = snprintf(text, sizeof text, ",\"notices_sent\":%llu",
			   (unsigned long long)vv_fuse_notifier_sent(h->notifier));
	int err = vv_fuse_session_describe(h->session, json);

	if (!err)
		err = vv_buf_append(json, text, (size_t)len);
	return err || !h->erofs ? err : vv_erofs_host_describe(h->erofs, json);
}

static void on_notices(void *ctx, const struct vv_notices *notices)
{
	struct host *h = ctx;

	vv_fuse_notifier_push(h->notifier, notices);
}

/* INIT was answered: the mount can be used, and refs are followed from here on. */
static int go_live(struct host *h)
{
	struct vv_prefetch_host prefetch;
	int err = atomic_load(&h->start_err);

	if (!err)
		err = vv_serve_start(h->serve, on_notices, h);
	if (err)
		return err;
	h->is_following = true;
	vv_fuse_ahead_init(&h->ahead, vv_fuse_session_dev(h->session), h->where,
			   &prefetch);
	vv_serve_start_prefetch(h->serve, &prefetch);
	if (h->opts->ready)
		h->opts->ready(h->opts->ctx);
	return VV_OK;
}

/* What is open in an EROFS mount needs us, also when the FUSE mount below it is gone. */
static bool is_over(struct host *h)
{
	return atomic_load(&h->has_ended) &&
	       (!h->erofs || vv_erofs_host_is_idle(h->erofs));
}

/* In use or not, the mount point is free afterwards: what stays open ends with us. */
static void leave(struct host *h)
{
	int err;

	vv_serve_stop_prefetch(h->serve);
	err = atomic_load(&h->has_ended) ? VV_OK : vv_fuse_unmount(h->where, false);
	if (err != VV_EBUSY)
		return;
	err = vv_fuse_unmount(h->where, true);
	if (!err)
		vv_log(VV_LOG_WARN,
		       "detached %s; files that are open in it fail from now on",
		       h->where);
}

/* Until the kernel ends the session or a signal asks us to. */
static int wait_for_end(struct host *h)
{
	struct pollfd fds[] = {
		{ .fd = h->events, .events = POLLIN },
		{ .fd = h->signals, .events = POLLIN },
	};
	bool is_live = false;
	uint64_t count;

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return VV_EIO;
		if (fds[0].revents)
			(void)!read(h->events, &count, sizeof count);
		if (is_over(h))
			return is_live ? VV_OK : VV_ENOTCONN;
		if (atomic_load(&h->has_started) && !is_live) {
			int err = go_live(h);

			if (err) {
				leave(h);
				return err;
			}
			is_live = true;
		}
		if (fds[1].revents) {
			leave(h);
			return VV_OK;
		}
	}
}

static int open_events(struct host *h)
{
	sigset_t asked_to_end;

	sigemptyset(&asked_to_end);
	sigaddset(&asked_to_end, SIGTERM);
	sigaddset(&asked_to_end, SIGINT);
	sigaddset(&asked_to_end, SIGHUP);
	/* Whoever read our stderr, or listened at a store's socket, may go; we stay. */
	(void)signal(SIGPIPE, SIG_IGN);
	/* Before any thread of ours exists: they inherit it. */
	if (sigprocmask(SIG_BLOCK, &asked_to_end, NULL) != 0)
		return VV_EINVAL;
	h->signals = signalfd(-1, &asked_to_end, SFD_CLOEXEC | SFD_NONBLOCK);
	h->events = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return h->signals < 0 || h->events < 0 ? VV_EMFILE : VV_OK;
}

static void on_idle(void *ctx)
{
	wake(ctx);
}

/* Before the first request: it may be the one that touches a tree. */
static int start_erofs(struct host *h)
{
	struct vv_erofs_options opts = {
		.path = h->where,
		.cache_dir = h->opts->cache_dir,
		.transport = h->opts->transport,
		.allow_suid = h->opts->allow_suid,
		.allow_dev = h->opts->allow_dev,
		.errors = &h->ops.errors,
		.notify = on_notices,
		.idle = on_idle,
		.ctx = h,
	};
	int err;

	/* Who asks for io_uring without asking for EROFS wants all of the mount over it. */
	if (h->opts->erofs == VV_FUSE_EROFS_NEVER ||
	    (h->opts->erofs == VV_FUSE_EROFS_IF_POSSIBLE &&
	     h->opts->transport == VV_FUSE_TRANSPORT_IO_URING))
		return VV_OK;
	err = vv_erofs_host_new(&h->erofs, h->serve, &opts);
	if (!err)
		h->ops.cover = vv_erofs_host_cover(h->erofs);
	if (h->opts->erofs == VV_FUSE_EROFS_IF_POSSIBLE)
		return VV_OK;
	if (err)
		vv_log(VV_LOG_ERROR,
		       "the erofs host cannot be used: %s (it takes root, Linux 6.12 or "
		       "later, and a cache directory on a disk)",
		       vv_err_text(err));
	return err;
}

/*
 * Who mounts over a tree looks up its path in this very session meanwhile, on the core whose
 * queue entry it holds.  The kernel leaves a request that found no entry free until one of
 * that queue is committed, so over io_uring that lookup could wait for its own caller.
 */
static enum vv_fuse_transport transport_of(const struct host *h)
{
	return h->erofs ? VV_FUSE_TRANSPORT_COVERED : h->opts->transport;
}

static int start(struct host *h)
{
	int device;
	int err = vv_fuse_mount(h->opts, h->where, &device);

	if (err)
		return err;
	err = vv_fuse_session_new(&h->session, device, &h->ops, on_ended, h);
	if (err)
		close(device);
	if (!err)
		err = vv_fuse_notifier_new(&h->notifier,
					   vv_fuse_session_dev(h->session));
	if (err)
		vv_log(VV_LOG_ERROR, "cannot serve %s: %s", h->where, vv_err_text(err));
	else
		err = start_erofs(h);
	if (!err)
		err = vv_fuse_session_start(h->session, transport_of(h));
	if (err)
		leave(h);
	return err;
}

/* The notifier first: the follower may wait for room in its queue. */
static void stop(struct host *h)
{
	vv_serve_stop_prefetch(h->serve);
	if (h->notifier)
		vv_fuse_notifier_stop(h->notifier);
	if (h->is_following)
		vv_serve_stop(h->serve);
	if (h->session)
		vv_fuse_session_stop(h->session);
	vv_erofs_host_free(h->erofs);
	vv_fuse_notifier_free(h->notifier);
	vv_fuse_session_free(h->session);
}

int vv_fuse_host_run(struct vv_serve *serve, const struct vv_fuse_options *opts)
{
	struct host h = { .serve = serve, .opts = opts, .signals = -1, .events = -1 };
	int err;

	/* Memory that threads free must not stay in an arena of each. */
	(void)mallopt(M_ARENA_MAX, 2);
	err = vv_fuse_ops_init(&h.ops, serve);
	if (err)
		return err;
	h.ops.started = on_started;
	h.ops.describe = on_describe;
	h.ops.ctx = &h;
	h.ops.recorder = opts->recorder;
	err = open_events(&h);
	if (!err)
		err = start(&h);
	if (!err)
		err = wait_for_end(&h);
	stop(&h);
	if (h.signals >= 0)
		close(h.signals);
	if (h.events >= 0)
		close(h.events);
	vv_fuse_ops_fini(&h.ops);
	return err;
}
