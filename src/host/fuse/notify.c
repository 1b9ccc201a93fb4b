#include "host/fuse/notify.h"

#include "core/buf.h"
#include "core/err.h"
#include "core/log.h"
#include "fuse/codec.h"
#include "host/fuse/dev.h"
#include "os/thread.h"
#include "vfs/view.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct item {
	uint64_t node;
	char *name; /* owned; NULL: the node itself */
	size_t len;
};

struct vv_fuse_notifier {
	struct vv_fuse_dev *dev; /* borrowed */
	struct vv_thread thread;
	struct vv_mutex lock;
	struct vv_cond changed;
	/* protected by lock: */
	struct item queue[VV_FUSE_NOTICES_MAX];
	unsigned first, count;
	bool stopping;
	uint64_t sent;
};

/* What the kernel does not know it need not forget; dev.c tells what else goes wrong. */
static void send(struct vv_fuse_notifier *n, struct vv_buf *message,
		 const struct vv_fuse_notify *notify)
{
	int err;

	vv_buf_clear(message);
	err = vv_fuse_notify_encode(message, notify);
	if (err)
		vv_log(VV_LOG_ERROR, "cannot announce a change of %s: %s",
		       notify->name ? notify->name : "a directory", vv_err_text(err));
	else
		(void)vv_fuse_dev_notify(n->dev, message->bytes, message->len);
}

static void forget_name(struct vv_fuse_notifier *n, struct vv_buf *message,
			uint64_t dir, const char *name, size_t len)
{
	struct vv_fuse_notify notify = {
		.code = VV_FUSE_NOTIFY_INVAL_ENTRY,
		.body.inval_entry.parent = dir,
		.name = name,
		.name_len = len,
	};

	send(n, message, &notify);
}

/*
 * To forget pages the kernel takes no lock of the directory, so somebody who is being
 * given the old listing could cache it right after.  To forget a name it takes that
 * lock, which a reader holds until it has put away what we answered: so a name that
 * nothing can have makes it wait for all who began before.
 */
static void forget_listing(struct vv_fuse_notifier *n, struct vv_buf *message,
			   uint64_t dir)
{
	/* From byte 0 on: the cached pages of a directory are its listing. */
	struct vv_fuse_notify notify = {
		.code = VV_FUSE_NOTIFY_INVAL_INODE,
		.body.inval_inode.ino = dir,
	};

	forget_name(n, message, dir, VV_FUSE_NO_NAME, sizeof VV_FUSE_NO_NAME - 1);
	send(n, message, &notify);
}

/* Waits for an item and takes it; false when stopping. */
static bool take(struct vv_fuse_notifier *n, struct item *out)
{
	bool taken = false;

	vv_mutex_lock(&n->lock);
	while (n->count == 0 && !n->stopping)
		vv_cond_wait(&n->changed, &n->lock);
	if (!n->stopping) {
		*out = n->queue[n->first];
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
	struct vv_buf message;
	struct item item;

	vv_buf_init(&message, 4096);
	while (take(n, &item)) {
		if (item.name)
			forget_name(n, &message, item.node, item.name, item.len);
		else
			forget_listing(n, &message, item.node);
		free(item.name);
	}
	vv_buf_fini(&message);
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
	err = vv_thread_create(&n->thread, "varve-notify", notifier_main, n, 0);
	if (err) {
		vv_cond_fini(&n->changed);
		vv_mutex_fini(&n->lock);
		free(n);
		return err;
	}
	*out = n;
	return VV_OK;
}

/* Under the lock. */
static void push_one(struct vv_fuse_notifier *n, const struct vv_notice *notice)
{
	struct item item = { .node = notice->node, .len = notice->len };

	while (n->count == VV_FUSE_NOTICES_MAX && !n->stopping)
		vv_cond_wait(&n->changed, &n->lock);
	if (n->stopping)
		return;
	if (notice->name) {
		item.name = malloc(notice->len + 1);
		if (!item.name) {
			vv_log(VV_LOG_ERROR, "no memory to announce a change of %s",
			       notice->name);
			return;
		}
		memcpy(item.name, notice->name, notice->len);
		item.name[notice->len] = 0;
	}
	n->queue[(n->first + n->count++) % VV_FUSE_NOTICES_MAX] = item;
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
	if (!n)
		return;
	for (; n->count > 0; n->count--)
		free(n->queue[(n->first + n->count - 1) % VV_FUSE_NOTICES_MAX].name);
	vv_cond_fini(&n->changed);
	vv_mutex_fini(&n->lock);
	free(n);
}

uint64_t vv_fuse_notifier_sent(struct vv_fuse_notifier *n)
{
	uint64_t sent;

	vv_mutex_lock(&n->lock);
	sent = n->sent;
	vv_mutex_unlock(&n->lock);
	return sent;
}
