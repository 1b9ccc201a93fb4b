/* Notices on their way to the kernel: the test reads the other end of the device. */
#include "cache/budget.h"
#include "core/err.h"
#include "fuse/codec.h"
#include "host/fuse/dev.h"
#include "host/fuse/notify.h"
#include "host/fuse/ops.h"
#include "os/thread.h"
#include "test.h"
#include "vfs/view.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct vv_budget *budget;
static struct vv_fuse_ops ops;
static struct vv_fuse_dev *dev;
static struct vv_fuse_notifier *notifier;
static int kernel;

static void ignore(void *ctx)
{
	(void)ctx;
}

static void open_all(void)
{
	int pair[2];

	CHECK_INT(vv_budget_new(&budget, VV_BUDGET_MIN), VV_OK);
	ops.budget = budget;
	CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	CHECK_INT(vv_fuse_dev_new(&dev, pair[1], &ops, ignore, NULL), VV_OK);
	CHECK_INT(vv_fuse_notifier_new(&notifier, dev), VV_OK);
	kernel = pair[0];
}

static void close_all(void)
{
	vv_fuse_notifier_stop(notifier);
	vv_fuse_notifier_free(notifier);
	vv_fuse_dev_free(dev);
	vv_budget_free(budget);
	close(kernel);
}

static void take(struct vv_fuse_notify *out)
{
	static uint8_t bytes[4096];
	ssize_t got = recv(kernel, bytes, sizeof bytes, 0);

	CHECK(got > 0);
	CHECK_INT(vv_fuse_notify_decode(out, bytes, (size_t)got), VV_OK);
}

static void push(uint64_t node, const char *name)
{
	struct vv_notice item = { .node = node,
				  .name = name,
				  .len = name ? strlen(name) : 0 };
	struct vv_notices notices = { .items = &item, .count = 1 };

	vv_fuse_notifier_push(notifier, &notices);
}

static void notices_arrive_in_order(void)
{
	struct vv_fuse_notify got;

	open_all();
	push(7, "gcc");
	push(7, NULL);
	push(8, "a name with blanks");
	take(&got);
	CHECK_INT(got.code, VV_FUSE_NOTIFY_INVAL_ENTRY);
	CHECK_INT(got.body.inval_entry.parent, 7);
	CHECK_STR(got.name, "gcc");
	take(&got);
	CHECK_INT(got.code, VV_FUSE_NOTIFY_INVAL_ENTRY); /* waits for who lists */
	CHECK_INT(got.body.inval_entry.parent, 7);
	CHECK_STR(got.name, VV_FUSE_NO_NAME);
	take(&got);
	CHECK_INT(got.code, VV_FUSE_NOTIFY_INVAL_INODE);
	CHECK_INT(got.body.inval_inode.ino, 7);
	CHECK_INT(got.body.inval_inode.off, 0); /* not -1: the pages are the listing */
	take(&got);
	CHECK_STR(got.name, "a name with blanks");
	close_all();
}

static atomic_uint pushed;
enum {
	MANY = 3 * VV_FUSE_NOTICES_MAX
};

static void push_many(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < MANY; i++) {
		push(i, "x");
		atomic_store(&pushed, i + 1);
	}
}

static void a_full_queue_makes_the_follower_wait_and_loses_nothing(void)
{
	struct vv_fuse_notify got;
	struct vv_thread follower;

	open_all();
	atomic_store(&pushed, 0);
	CHECK_INT(vv_thread_create(&follower, "follower", push_many, NULL, 0), VV_OK);
	usleep(200000);
	CHECK(atomic_load(&pushed) < MANY); /* nobody reads: it waits */
	for (unsigned i = 0; i < MANY; i++) {
		take(&got);
		CHECK_INT(got.body.inval_entry.parent, i);
	}
	vv_thread_join(&follower);
	CHECK_INT(atomic_load(&pushed), MANY);
	close_all();
}

/* A write that blocks: the kernel does not read.  Stopping frees who waits for room. */
static void stopping_frees_who_waits(void)
{
	struct vv_thread follower;

	open_all();
	CHECK_INT(vv_thread_create(&follower, "follower", push_many, NULL, 0), VV_OK);
	usleep(100000);
	shutdown(kernel, SHUT_RD); /* as an unmount does: the blocked write fails */
	vv_fuse_notifier_stop(notifier);
	vv_thread_join(&follower);
	CHECK_INT(atomic_load(&pushed), MANY);
	vv_fuse_notifier_free(notifier);
	vv_fuse_dev_free(dev);
	vv_budget_free(budget);
	close(kernel);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	RUN(notices_arrive_in_order);
	RUN(a_full_queue_makes_the_follower_wait_and_loses_nothing);
	RUN(stopping_frees_who_waits);
	return test_report();
}
