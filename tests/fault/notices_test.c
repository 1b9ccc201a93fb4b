/* wrap: malloc */
/*
 * No notice is lost for lack of memory: once the notifier is there, no allocation
 * succeeds any more, and everything that is pushed arrives.
 */
#include "cache/budget.h"
#include "core/err.h"
#include "fuse/codec.h"
#include "host/fuse/dev.h"
#include "host/fuse/notify.h"
#include "host/fuse/ops.h"
#include "os/thread.h"
#include "test.h"
#include "vfs/view.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	NEVER = 0,
	ALWAYS = -1,
	MANY = 2 * VV_FUSE_NOTICES_MAX,
};

static atomic_int countdown; /* NEVER, ALWAYS, or the allocation that fails */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool fails_now(void)
{
	int left = atomic_load(&countdown);

	return left == ALWAYS || (left > 0 && atomic_fetch_sub(&countdown, 1) == 1);
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails_now() ? NULL : __real_realloc(old, size);
}

static struct vv_budget *budget;
static struct vv_fuse_ops ops;
static struct vv_fuse_dev *dev;
static struct vv_fuse_notifier *notifier;
static int kernel;

static void ignore(void *ctx)
{
	(void)ctx;
}

static void open_device(void)
{
	int pair[2];

	CHECK_INT(vv_budget_new(&budget, VV_BUDGET_MIN), VV_OK);
	ops.budget = budget;
	CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	CHECK_INT(vv_fuse_dev_new(&dev, pair[1], &ops, ignore, NULL), VV_OK);
	kernel = pair[0];
}

static void close_device(void)
{
	vv_fuse_dev_free(dev);
	vv_budget_free(budget);
	close(kernel);
}

/* Names of all lengths, so that they end everywhere in the ring. */
static size_t name_of(unsigned n, char name[VV_FUSE_NAME_MAX + 1])
{
	size_t len = 1 + n * 7 % 765;

	memset(name, 'a' + (int)(n % 26), len);
	name[len] = '\0';
	return len;
}

static void push_all(void *arg)
{
	char name[VV_FUSE_NAME_MAX + 1];

	(void)arg;
	for (unsigned n = 0; n < MANY; n++) {
		struct vv_notice item = {
			.node = n,
			.name = name,
			.len = name_of(n, name),
		};
		struct vv_notices notices = { .items = &item, .count = 1 };

		vv_fuse_notifier_push(notifier, &notices);
	}
}

static void everything_arrives_without_another_allocation(void)
{
	char bytes[4096], name[VV_FUSE_NAME_MAX + 1];
	struct vv_fuse_notify got;
	struct vv_thread follower;

	open_device();
	CHECK_INT(vv_fuse_notifier_new(&notifier, dev), VV_OK);
	CHECK_INT(vv_thread_create(&follower, "follower", push_all, NULL, 0), VV_OK);
	atomic_store(&countdown, ALWAYS);
	for (unsigned n = 0; n < MANY; n++) {
		ssize_t size = recv(kernel, bytes, sizeof bytes, 0);

		CHECK(size > 0);
		CHECK_INT(vv_fuse_notify_decode(&got, bytes, (size_t)size), VV_OK);
		CHECK_INT(got.code, VV_FUSE_NOTIFY_INVAL_ENTRY);
		CHECK_INT(got.body.inval_entry.parent, n);
		CHECK_INT(got.name_len, name_of(n, name));
		CHECK(memcmp(got.name, name, got.name_len) == 0);
	}
	atomic_store(&countdown, NEVER);
	vv_thread_join(&follower);
	CHECK_INT(vv_fuse_notifier_sent(notifier), MANY);
	vv_fuse_notifier_stop(notifier);
	vv_fuse_notifier_free(notifier);
	close_device();
}

static void a_notifier_that_cannot_have_its_memory_is_not_made(void)
{
	int err = VV_ENOMEM;

	open_device();
	for (int n = 1; err; n++) {
		atomic_store(&countdown, n);
		err = vv_fuse_notifier_new(&notifier, dev);
		CHECK(err == VV_OK || (err == VV_ENOMEM && !notifier));
		CHECK(n < 16);
	}
	atomic_store(&countdown, NEVER);
	vv_fuse_notifier_stop(notifier);
	vv_fuse_notifier_free(notifier);
	close_device();
}

int main(void)
{
	RUN(everything_arrives_without_another_allocation);
	RUN(a_notifier_that_cannot_have_its_memory_is_not_made);
	return test_report();
}
