#include "core/arith.h"

#include "test.h"

static void sums_that_do_not_fit_are_refused_and_leave_the_result(void)
{
	uint64_t n = 7;
	size_t s = 7;

	CHECK(vv_add_u64(UINT64_MAX - 1, 1, &n) && n == UINT64_MAX);
	CHECK(!vv_add_u64(UINT64_MAX, 1, &n) && n == UINT64_MAX);
	CHECK(vv_add_size(SIZE_MAX, 0, &s) && s == SIZE_MAX);
	CHECK(!vv_add_size(1, SIZE_MAX, &s) && s == SIZE_MAX);
}

static void products_that_do_not_fit_are_refused(void)
{
	uint64_t n = 7;
	size_t s = 7;

	CHECK(vv_mul_u64(UINT64_MAX, 0, &n) && n == 0);
	CHECK(vv_mul_u64(UINT32_MAX, UINT32_MAX, &n));
	CHECK(n == 0xfffffffe00000001u);
	CHECK(!vv_mul_u64(UINT64_C(1) << 32, UINT64_C(1) << 32, &n));
	CHECK(!vv_mul_u64(3, UINT64_MAX / 3 + 1, &n));
	CHECK(vv_mul_size(3, SIZE_MAX / 3, &s));
	CHECK(!vv_mul_size(SIZE_MAX / 2 + 1, 2, &s));
}

static void ranges_are_compared_without_adding(void)
{
	CHECK(vv_range_fits(0, 0, 0));
	CHECK(vv_range_fits(10, 0, 10));
	CHECK(!vv_range_fits(11, 0, 10));
	CHECK(vv_range_fits(3, 7, 10));
	CHECK(!vv_range_fits(3, 8, 10));
	CHECK(!vv_range_fits(UINT64_MAX, UINT64_MAX, 10));
	CHECK(!vv_range_fits(2, UINT64_MAX, UINT64_MAX));
}

static void alignment_goes_up_to_a_multiple(void)
{
	uint64_t n = 0;
	size_t s = 0;

	CHECK(vv_align_up_u64(0, 8, &n) && n == 0);
	CHECK(vv_align_up_u64(1, 8, &n) && n == 8);
	CHECK(vv_align_up_u64(4096, 4096, &n) && n == 4096);
	CHECK(!vv_align_up_u64(UINT64_MAX - 6, 8, &n));
	CHECK(vv_align_up_u64(UINT64_MAX - 7, 8, &n) && n == UINT64_MAX - 7);
	CHECK(vv_align_up_size(9, 8, &s) && s == 16);
	CHECK(!vv_align_up_size(SIZE_MAX, 2, &s));
	CHECK_INT(vv_align_down_u64(4095, 4096), 0);
	CHECK_INT(vv_align_down_u64(8191, 4096), 4096);
	CHECK(vv_is_pow2(1) && vv_is_pow2(4096) && !vv_is_pow2(0) && !vv_is_pow2(12));
}

static void numbers_lie_little_endian_at_any_alignment(void)
{
	uint8_t b[16] = { 0 };

	vv_put_le64(b + 1, 0xf1e2d3c4b5a69788u);
	CHECK(b[0] == 0 && b[1] == 0x88 && b[2] == 0x97 && b[8] == 0xf1 && b[9] == 0);
	CHECK(vv_get_le64(b + 1) == 0xf1e2d3c4b5a69788u);
	CHECK(vv_get_le32(b + 1) == 0xb5a69788u);
	CHECK(vv_get_le24(b + 1) == 0xa69788u);
	CHECK(vv_get_le16(b + 1) == 0x9788u);
	vv_put_le32(b + 3, 0xffffffffu);
	CHECK(vv_get_le32(b + 3) == 0xffffffffu && b[7] == 0xe2);
	vv_put_le24(b + 4, 0xff654321u);
	CHECK(vv_get_le32(b + 4) == 0xe2654321u);
	vv_put_le16(b, 0x8001);
	CHECK(b[0] == 1 && b[1] == 0x80);
}

int main(void)
{
	RUN(sums_that_do_not_fit_are_refused_and_leave_the_result);
	RUN(products_that_do_not_fit_are_refused);
	RUN(ranges_are_compared_without_adding);
	RUN(alignment_goes_up_to_a_multiple);
	RUN(numbers_lie_little_endian_at_any_alignment);
	return test_report();
}
