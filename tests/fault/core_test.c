/* wrap: malloc */
/*
 * Fails the first, second, third ... allocation of a body until it passes, and
 * looks each time at what the body left behind.
 */
#include "codec/zstd.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/idmap.h"
#include "test.h"

#include <stdbool.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static unsigned countdown; /* 0: none fails */
static unsigned failures;

static bool fails_now(void)
{
	if (countdown == 0 || --countdown != 0)
		return false;
	failures++;
	return true;
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

/* @body returns 0 or VV_ENOMEM, and checks for itself that nothing broke. */
static void fail_each_allocation(int (*body)(void), unsigned at_least)
{
	unsigned nth = 0;
	int err;

	failures = 0;
	do {
		countdown = ++nth;
		err = body();
		countdown = 0;
		CHECK(err == VV_OK || err == VV_ENOMEM);
		CHECK((err == VV_ENOMEM) == (failures == nth));
	} while (err);
	CHECK(failures >= at_least);
}

static int fill_a_buffer(void)
{
	struct vv_buf b;
	size_t len = 0;
	int err = VV_OK;

	vv_buf_init(&b, 1 << 20);
	for (int i = 0; i < 2000 && !err; i++) {
		err = vv_buf_append(&b, "abcdefgh", 8);
		if (!err)
			len += 8;
		CHECK_INT(b.len, len);
		CHECK(len == 0 || memcmp(b.bytes + len - 8, "abcdefgh", 8) == 0);
	}
	vv_buf_fini(&b);
	return err;
}

static void a_buffer_that_cannot_grow_is_as_it_was(void)
{
	fail_each_allocation(fill_a_buffer, 3);
}

static int fill_a_map(void)
{
	struct vv_idmap map;
	uint64_t number;
	int err = VV_OK;

	vv_idmap_init(&map, 10000);
	for (unsigned i = 0; i < 1000 && !err; i++) {
		struct vv_id id = { { (uint8_t)i, (uint8_t)(i >> 8) } };

		err = vv_idmap_put(&map, &id, i);
		CHECK(vv_idmap_get(&map, &id, &number) == !err);
		CHECK_INT(map.count, err ? i : i + 1);
		id.bytes[0] = id.bytes[1] = 0;
		CHECK(map.count == 0 || vv_idmap_get(&map, &id, &number));
	}
	vv_idmap_fini(&map);
	return err;
}

static void a_map_that_cannot_grow_is_as_it_was(void)
{
	fail_each_allocation(fill_a_map, 3);
}

static int make_coders(void)
{
	struct vv_compressor *c = NULL;
	struct vv_decompressor *d = NULL;
	struct vv_cdict *dict = NULL;
	int err;

	err = vv_compressor_new(&c, 3);
	if (!err)
		err = vv_decompressor_new(&d);
	if (!err)
		err = vv_cdict_new(&dict, "reference", 9, 3);
	vv_compressor_free(c);
	vv_decompressor_free(d);
	vv_cdict_free(dict);
	return err;
}

static void a_coder_that_cannot_be_made_leaves_nothing(void)
{
	fail_each_allocation(make_coders, 3);
}

static void decoding_allocates_nothing(void)
{
	static char plain[5000], ref[5000], back[5000], stored[6000];
	struct vv_compressor *c;
	struct vv_decompressor *d;
	size_t len;

	memset(plain, 'x', sizeof plain);
	memset(ref, 'y', sizeof ref);
	CHECK_INT(vv_compressor_new(&c, 3), VV_OK);
	CHECK_INT(vv_decompressor_new(&d), VV_OK);
	CHECK_INT(vv_compressor_run(c, stored, sizeof stored, &len, plain, sizeof plain,
				    ref, sizeof ref),
		  VV_OK);
	countdown = 1;
	failures = 0;
	CHECK_INT(vv_decompressor_run(d, back, sizeof back, stored, len, ref,
				      sizeof ref),
		  VV_OK);
	countdown = 0;
	CHECK_INT(failures, 0);
	CHECK(memcmp(plain, back, sizeof plain) == 0);
	vv_compressor_free(c);
	vv_decompressor_free(d);
}

int main(void)
{
	RUN(a_buffer_that_cannot_grow_is_as_it_was);
	RUN(a_map_that_cannot_grow_is_as_it_was);
	RUN(a_coder_that_cannot_be_made_leaves_nothing);
	RUN(decoding_allocates_nothing);
	return test_report();
}
