#include "host/fuse/notify.h"

#include "core/arith.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/log.h"
#include "fuse/codec.h"
#include "host/fuse/dev.h"
#include "os/system.h"
#include "os/thread.h"
#include "vfs/view.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	RETRY_MS = 20,
	MESSAGE_BYTES = 4096
};

_Static_assert(MESSAGE_BYTES >= 2 * VV_FUSE_NAME_MAX,
	       "a name, and what goes before it");

struct item {
	uint64_t node;
	size_t len; /* of its name, the next in the ring; 0: the node itself */
};

struct vv_fuse_notifier {
	struct vv_fuse_dev *dev; /* borrowed */
	struct vv_thread thread;
	struct vv_buf message; /* owned, MESSAGE_BYTES of room; the thread's */
	struct vv_mutex lock;
	struct vv_cond changed;
	/* protected by lock: */
	struct item queue[VV_FUSE_NOTICES_MAX];
	unsigned first, count;
	char names[VV_FUSE_NOTICE_NAMES]; /* a ring */
	size_t names_first, names_used;
	bool stopping;
	uint64_t sent;
};

static bool is_stopping(struct vv_fuse_notifier *n)
{
	bool is;

	vv_mutex_lock(&n->lock);
	is = n->stopping;
	vv_mutex_unlock(&n->lock);
	return is;
}

/* What the kernel does not know it need not forget; dev.c tells what else goes wrong. */
static void send(struct vv_fuse_notifier *n, const struct vv_fuse_notify *notify)
{
	int err;

	vv_buf_clear(&n->message);
	err = vv_fuse_notify_encode(&n->message, notify);
	if (err) {
		vv_log(VV_LOG_ERROR, "cannot announce a change of %s: %s",
		       notify->name ? notify->name : "a directory", vv_err_text(err));
		return;
	}
	while (vv_fuse_dev_notify(n->dev, n->message.bytes, n->message.len) ==
		       VV_ENOMEM &&
	       !is_stopping(n))
		vv_sleep_ms(RETRY_MS);
}

static void forget_name(struct vv_fuse_notifier *n, uint64_t dir, const char *name,
			size_t len)
{
	struct vv_fuse_notify notify = {
		.code = VV_FUSE_NOTIFY_INVAL_ENTRY,
		.body.inval_entry.parent = dir,
		.name = name,
		.name_len = len,
	};

	send(n, &notify);
}

/*
 * To forget pages the kernel takes no lock of the directory, so somebody who is being
 * given the old listing could cache it right after.  To forget a name it takes that
 * lock, which a reader holds until it has put away what we answered: so a name that
 * nothing can have makes it wait for all who began before.
 */
static void forget_listing(struct vv_fuse_notifier *n, uint64_t dir)
{
	/* From byte 0 on: the cached pages of a directory are its listing. */
	struct vv_fuse_notify notify = {
		.code = VV_FUSE_NOTIFY_INVAL_INODE,
		.body.inval_inode.ino = dir,
	};

	forget_name(n, dir, VV_FUSE_NO_NAME, sizeof VV_FUSE_NO_NAME - 1);
	send(n, &notify);
}

/* Under the lock, as the next. */
static void put_name(struct vv_fuse_notifier *n, const char *name, size_t len)
{
	size_t at = (n->names_first + n->names_used) % VV_FUSE_NOTICE_NAMES;
	size_t to_end = vv_min_size(len, VV_FUSE_NOTICE_NAMES - at);

	memcpy(n->names + at, name, to_end);
	memcpy(n->names, name + to_end, len - to_end);
	n->names_used += len;
}

static void take_name(struct vv_fuse_notifier *n, char *name, size_t len)
{
	size_t to_end = vv_min_size(len, VV_FUSE_NOTICE_NAMES - n->names_first);

	memcpy(name, n->names + n->names_first, to_end);
	memcpy(name + to_end, n->names, len - to_end);
	name[len] = '\0';
	n->names_first = (n->names_first + len) % VV_FUSE_NOTICE_NAMES;
	n->names_used -= len;
}

/* Waits for an item and takes it, and its name; false when stopping. */
static bool take(struct vv_fuse_notifier *n, struct item *out,
		 char name[VV_FUSE_NAME_MAX + 1])
{
	bool taken = false;

	vv_mutex_lock(&n->lock);
	while (n->count == 0 && !n->stopping)
		vv_cond_wait(&n->changed, &n->lock);
	if (!n->stopping) {
		*out = n->queue[n->first];
		take_name(n, name, out->len);
		n->first = (n->first + 1) % VV_FUSE_NOTICES_MAX;
		n->count--;
		n->sent++;
		taken = true;
		vv_cond_broadcast(&n->changed);
	}
	vv_mutex_unlock(&n->lock);
	return taken;
}

static void notifier_main(void *arg)
{
	struct vv_fuse_notifier *n = arg;
	char name[VV_FUSE_NAME_MAX + 1];
	struct item item;

	while (take(n, &item, name)) {
		if (item.len)
			forget_name(n, item.node, name, item.len);
		else
			forget_listing(n, item.node);
	}
}

static void release(struct vv_fuse_notifier *n)
{
	vv_buf_fini(&n->message);
	vv_cond_fini(&n->changed);
	vv_mutex_fini(&n->lock);
	free(n);
}

int vv_fuse_notifier_new(struct vv_fuse_notifier **out, struct vv_fuse_dev *dev)
{
	struct vv_fuse_notifier *n = calloc(1, sizeof *n);
	int err;

	*out = NULL;
	if (!n)
		return VV_ENOMEM;
	n->dev = dev;
	vv_mutex_init(&n->lock);
	vv_cond_init(&n->changed);
	vv_buf_init(&n->message, MESSAGE_BYTES);
	err = vv_buf_reserve(&n->message, MESSAGE_BYTES);
	if (!err)
		err = vv_thread_create(&n->thread, "varve-notify", notifier_main, n, 0);
	if (err) {
		release(n);
		return err;
	}
	*out = n;
	return VV_OK;
}

static bool is_full(const struct vv_fuse_notifier *n, size_t len)
{
	return n->count == VV_FUSE_NOTICES_MAX ||
	       len > VV_FUSE_NOTICE_NAMES - n->names_used;
}

/* Under the lock.  No kernel has a longer name than the protocol allows. */
static void push_one(struct vv_fuse_notifier *n, const struct vv_notice *notice)
{
	size_t len = notice->name ? notice->len : 0;

	if (len > VV_FUSE_NAME_MAX)
		return;
	while (is_full(n, len) && !n->stopping)
		vv_cond_wait(&n->changed, &n->lock);
	if (n->stopping)
		return;
	n->queue[(n->first + n->count++) % VV_FUSE_NOTICES_MAX] =
		(struct item){ .node = notice->node, .len = len };
	if (len)
		put_name(n, notice->name, len);
	vv_cond_broadcast(&n->changed);
}

void vv_fuse_notifier_push(struct vv_fuse_notifier *n, const struct vv_notices *notices)
{
	vv_mutex_lock(&n->lock);
	for (size_t i = 0; i < notices->count; i++)
		push_one(n, &notices->items[i]);
	vv_mutex_unlock(&n->lock);
}

void vv_fuse_notifier_stop(struct vv_fuse_notifier *n)
{
	vv_mutex_lock(&n->lock);
	n->stopping = true;
	vv_cond_broadcast(&n->changed);
	vv_mutex_unlock(&n->lock);
	vv_thread_join(&n->thread);
}

void vv_fuse_notifier_free(struct vv_fuse_notifier *n)
{
	if (n)
		release(n);
}

uint64_t vv_fuse_notifier_sent(struct vv_fuse_notifier *n)
{
	uint64_t sent;

	vv_mutex_lock(&n->lock);
	sent = n->sent;
	vv_mutex_unlock(&n->lock);
	return sent;
}
