#include "core/buf.h"

#include "core/err.h"
#include "test.h"

static void appended_bytes_are_kept_in_order(void)
{
	struct vv_buf b;

	vv_buf_init(&b, 1 << 20);
	for (int i = 0; i < 1000; i++)
		CHECK_INT(vv_buf_append(&b, "abc", 3), VV_OK);
	CHECK_INT(vv_buf_append_zeros(&b, 2), VV_OK);
	CHECK_INT(b.len, 3002);
	for (size_t i = 0; i < 3000; i++)
		CHECK_INT(b.bytes[i], "abc"[i % 3]);
	CHECK(b.bytes[3000] == 0 && b.bytes[3001] == 0);
	vv_buf_fini(&b);
	CHECK(!b.bytes && b.len == 0 && b.cap == 0);
	vv_buf_fini(&b);
}

static void the_limit_is_reached_exactly_and_never_passed(void)
{
	struct vv_buf b;

	vv_buf_init(&b, 1000);
	CHECK_INT(vv_buf_append_zeros(&b, 999), VV_OK);
	CHECK_INT(vv_buf_append(&b, "xy", 2), VV_EOVERFLOW);
	CHECK_INT(b.len, 999);
	CHECK_INT(vv_buf_append(&b, "x", 1), VV_OK);
	CHECK_INT(vv_buf_reserve(&b, 1), VV_EOVERFLOW);
	CHECK_INT(vv_buf_reserve(&b, SIZE_MAX), VV_EOVERFLOW);
	CHECK_INT(vv_buf_append(&b, NULL, 0), VV_OK);
	CHECK(b.cap <= 1000 && b.bytes[999] == 'x');
	vv_buf_fini(&b);
}

static void reserved_room_may_be_filled_by_the_caller(void)
{
	struct vv_buf b;
	const uint8_t *before;

	vv_buf_init(&b, 4096);
	CHECK_INT(vv_buf_reserve(&b, 4096), VV_OK);
	before = b.bytes;
	memset(b.bytes, 7, 4096);
	b.len = 4095;
	CHECK_INT(vv_buf_append(&b, "x", 1), VV_OK);
	CHECK(b.bytes == before && b.bytes[4094] == 7 && b.bytes[4095] == 'x');
	vv_buf_clear(&b);
	CHECK(b.len == 0 && b.bytes == before);
	vv_buf_fini(&b);
}

static void taken_bytes_belong_to_the_caller(void)
{
	struct vv_buf b;
	uint8_t *bytes;
	size_t len = 99;

	vv_buf_init(&b, 100);
	CHECK(!vv_buf_take(&b, &len));
	CHECK_INT(len, 0);
	CHECK_INT(vv_buf_append(&b, "abc", 3), VV_OK);
	bytes = vv_buf_take(&b, &len);
	CHECK(len == 3 && memcmp(bytes, "abc", 3) == 0);
	CHECK(!b.bytes && b.len == 0 && b.max_bytes == 100);
	free(bytes);
	CHECK_INT(vv_buf_append(&b, "d", 1), VV_OK);
	vv_buf_fini(&b);
}

int main(void)
{
	RUN(appended_bytes_are_kept_in_order);
	RUN(the_limit_is_reached_exactly_and_never_passed);
	RUN(reserved_room_may_be_filled_by_the_caller);
	RUN(taken_bytes_belong_to_the_caller);
	return test_report();
}
