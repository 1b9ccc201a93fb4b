/* wrap: malloc */
/*
 * Each allocation of a publisher fails in turn: it says so and leaves the store as it
 * was.
 */
#include "core/err.h"
#include "lib/memory_input.h"
#include "lib/teststore.h"
#include "source/source.h"
#include "store/publish.h"
#include "store/store.h"
#include "test.h"

#include <stdatomic.h>
#include <stdbool.h>

enum {
	SIZE = 150 * 1000,
};

/* ---- the allocator ---- */

static atomic_uint allocations;
static atomic_uint fail_at; /* 0 = never */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool fails(void)
{
	return atomic_fetch_add(&allocations, 1) + 1 == atomic_load(&fail_at);
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

static void fail_nth(unsigned nth)
{
	atomic_store(&allocations, 0);
	atomic_store(&fail_at, nth);
}

/* ---- what is published ---- */

static uint8_t old_bytes[SIZE], new_bytes[SIZE];

static const struct memory_entry old_tree[] = {
	{ .path = "cc", .content = old_bytes, .size = SIZE },
	{ .path = "a.h", .content = old_bytes, .size = 3000 },
};
static const struct memory_entry new_tree[] = {
	{ .path = "cc", .content = new_bytes, .size = SIZE },
	{ .path = "a.h", .content = old_bytes, .size = 3000 },
	{ .path = "c.h", .hardlink = "a.h" },
	{ .path = "l", .mode = VV_S_IFLNK | 0777, .target = "cc" },
	{ .path = "b.h", .content = new_bytes + SIZE - 3000, .size = 3000 },
};

static struct test_store ts;
static unsigned counted; /* allocations of the last publish_failing() */

static int publish(const char *ref, const struct memory_entry *entries, size_t count)
{
	struct vv_publish_options opts = { .level = 1, .jobs = 1 };
	struct vv_input *in = memory_input_new(entries, count);
	struct vv_id tree;
	int err = vv_publish(ts.store, ref, in, &opts, NULL, &tree);

	vv_input_free(in);
	return err;
}

static int publish_failing(unsigned nth)
{
	struct vv_publish_options opts = { .level = 1, .jobs = 1 };
	struct vv_input *in = memory_input_new(new_tree, 5);
	struct vv_id tree;
	int err;

	fail_nth(nth);
	err = vv_publish(ts.store, "new", in, &opts, NULL, &tree);
	counted = atomic_load(&allocations);
	fail_nth(0);
	vv_input_free(in);
	return err;
}

static int count_key(void *ctx, const char *key, const struct vv_object_info *info)
{
	(void)key;
	(void)info;
	++*(unsigned *)ctx;
	return 0;
}

static unsigned count_allocations(void)
{
	unsigned count;

	test_store_make(&ts);
	CHECK_INT(publish("keep", old_tree, 2), VV_OK);
	CHECK_INT(publish_failing(0), VV_OK);
	count = counted;
	test_store_drop(&ts);
	return count;
}

/* VV_OK: it could do without, as it can without a pack whose index it cannot load. */
static int fail_one(unsigned nth)
{
	unsigned intents = 0;
	int err;

	test_store_make(&ts);
	CHECK_INT(publish("keep", old_tree, 2), VV_OK);
	err = publish_failing(nth);
	CHECK(err == VV_OK || err == VV_ENOMEM);
	CHECK_INT(vv_source_list(ts.source, "intents/", count_key, &intents), VV_OK);
	CHECK(intents == 0 || err == VV_OK); /* it may be its removal that failed */
	expect_published(ts.store, "keep", old_tree, 2);
	CHECK_INT(publish("new", new_tree, 5), VV_OK);
	expect_published(ts.store, "new", new_tree, 5);
	test_store_drop(&ts);
	return err;
}

static void a_publisher_without_memory_says_so_and_harms_nothing(void)
{
	unsigned count = count_allocations(), failed = 0;

	for (unsigned nth = 1; nth <= count; nth++)
		failed += fail_one(nth) != VV_OK;
	printf("# %u allocations, %u told\n", count, failed);
	CHECK(failed > 50);
}

int main(void)
{
	test_fill(old_bytes, SIZE, 1);
	memcpy(new_bytes, old_bytes, SIZE);
	for (size_t i = 70000; i < SIZE; i += 5000)
		new_bytes[i] ^= 1;
	RUN(a_publisher_without_memory_says_so_and_harms_nothing);
	return test_report();
}
