#include "host/fuse/session.h"

#include "cache/budget.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/log.h"
#include "host/fuse/dev.h"
#include "host/fuse/ops.h"
#include "host/fuse/uring.h"
#include "host/fuse/uring_plan.h"
#include "os/thread.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* Classic workers beside io_uring: one takes a FORGET, another is there. */
	DEV_WAITING = 2,
};

struct vv_fuse_session {
	int device;		 /* dev's */
	struct vv_fuse_ops *ops; /* borrowed */
	enum vv_fuse_transport transport;
	void (*ended)(void *ctx);
	void *ctx;
	struct vv_fuse_dev *dev;     /* owned */
	struct vv_fuse_uring *uring; /* owned; NULL: not tried */
	atomic_bool is_uring;	     /* requests come over it */
	struct vv_mutex lock;
	struct vv_fuse_uring_plan plan; /* its reason and hint protected by lock */
};

/* ---- the choice ---- */

static void set_reason(struct vv_fuse_session *s, const char *reason, const char *hint)
{
	vv_mutex_lock(&s->lock);
	snprintf(s->plan.reason, sizeof s->plan.reason, "%s", reason);
	snprintf(s->plan.hint, sizeof s->plan.hint, "%s", hint);
	vv_mutex_unlock(&s->lock);
}

static void set_failure(struct vv_fuse_session *s, const char *what, int err)
{
	char reason[sizeof s->plan.reason];

	snprintf(reason, sizeof reason, "%s: %s", what, vv_err_text(err));
	set_reason(s, reason, "");
}

static int refuse(struct vv_fuse_session *s)
{
	if (s->transport != VV_FUSE_TRANSPORT_IO_URING)
		return VV_OK;
	vv_log(VV_LOG_ERROR, "requests cannot come over io_uring: %s%s%s%s",
	       s->plan.reason, s->plan.hint[0] ? " (" : "", s->plan.hint,
	       s->plan.hint[0] ? ")" : "");
	return VV_EOPNOTSUPP;
}

/* Everything but the kernel's consent, which comes with INIT. */
static int prepare_uring(struct vv_fuse_session *s)
{
	struct vv_fuse_uring_facts facts = {
		.limit = vv_budget_limit(s->ops->budget),
		.entry_bytes = vv_fuse_uring_entry_bytes(),
	};
	int err;

	if (s->transport == VV_FUSE_TRANSPORT_DEV) {
		set_reason(s, "asked for", "");
		return VV_OK;
	}
	if (s->transport == VV_FUSE_TRANSPORT_COVERED) {
		set_reason(s, "trees are mounted over it", "");
		return VV_OK;
	}
	vv_fuse_uring_ask_system(&facts);
	err = vv_fuse_uring_plan_make(&s->plan, &facts);
	if (err)
		return refuse(s);
	err = vv_fuse_uring_new(&s->uring, s->device, s->ops, &s->plan, s->ended,
				s->ctx);
	if (err) {
		set_failure(s, "io_uring cannot be used here", err);
		return refuse(s);
	}
	s->ops->uring = &s->plan;
	return VV_OK;
}

int vv_fuse_session_start(struct vv_fuse_session *s, enum vv_fuse_transport transport)
{
	int err;

	s->transport = transport;
	err = prepare_uring(s);
	if (err)
		return err;
	err = vv_fuse_dev_start(s->dev);
	if (err)
		vv_log(VV_LOG_ERROR, "cannot answer requests: %s", vv_err_text(err));
	return err;
}

int vv_fuse_session_negotiated(struct vv_fuse_session *s, int err)
{
	if (err || !s->uring)
		return err;
	if (!atomic_load(&s->ops->is_uring)) {
		set_reason(s, "the kernel did not offer it", "");
	} else {
		err = vv_fuse_uring_start(s->uring);
		if (!err) {
			atomic_store(&s->is_uring, true);
			vv_fuse_dev_keep(s->dev, DEV_WAITING);
			return VV_OK;
		}
		set_failure(s, "the kernel refused a queue", err);
	}
	vv_fuse_uring_stop(s->uring);
	return refuse(s);
}

/* ---- the rest ---- */

int vv_fuse_session_new(struct vv_fuse_session **out, int device,
			struct vv_fuse_ops *ops, void (*ended)(void *ctx), void *ctx)
{
	struct vv_fuse_session *s = calloc(1, sizeof *s);
	int err;

	*out = NULL;
	if (!s)
		return VV_ENOMEM;
	s->device = device;
	s->ops = ops;
	s->ended = ended;
	s->ctx = ctx;
	err = vv_fuse_dev_new(&s->dev, device, ops, ended, ctx);
	if (err) {
		free(s);
		return err;
	}
	vv_mutex_init(&s->lock);
	*out = s;
	return VV_OK;
}

/* Entries first: they use the device that the workers end with. */
void vv_fuse_session_stop(struct vv_fuse_session *s)
{
	if (s->uring)
		vv_fuse_uring_stop(s->uring);
	vv_fuse_dev_stop(s->dev);
}

void vv_fuse_session_free(struct vv_fuse_session *s)
{
	if (!s)
		return;
	s->ops->uring = NULL;
	vv_fuse_uring_free(s->uring);
	vv_fuse_dev_free(s->dev);
	vv_mutex_fini(&s->lock);
	free(s);
}

struct vv_fuse_dev *vv_fuse_session_dev(struct vv_fuse_session *s)
{
	return s->dev;
}

/* Both are our own words: nothing in them needs escaping. */
static int put_reason(struct vv_fuse_session *s, struct vv_buf *json)
{
	char text[320];
	int len;

	vv_mutex_lock(&s->lock);
	len = snprintf(text, sizeof text, ",\"transport_reason\":\"%s\"%s%s%s",
		       s->plan.reason, s->plan.hint[0] ? ",\"transport_hint\":\"" : "",
		       s->plan.hint, s->plan.hint[0] ? "\"" : "");
	vv_mutex_unlock(&s->lock);
	return vv_buf_append(json, text, (size_t)len);
}

int vv_fuse_session_describe(struct vv_fuse_session *s, struct vv_buf *json)
{
	bool is_uring = atomic_load(&s->is_uring);
	const char *name =
		is_uring ? ",\"transport\":\"io_uring\"" : ",\"transport\":\"dev\"";
	int err = vv_buf_append(json, name, strlen(name));

	if (!err)
		err = is_uring ? vv_fuse_uring_describe(s->uring, json)
			       : put_reason(s, json);
	return err ? err : vv_fuse_dev_describe(s->dev, json);
}
