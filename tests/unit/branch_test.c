#include "codec/branch.h"

#include "test.h"

#include <string.h>

enum {
	LEN = 64 * 1024
};

static uint8_t plain[LEN], bytes[LEN];

static uint64_t random_next(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

/* As much of it are opcodes and ends of distances as no code has. */
static void fill(uint64_t seed)
{
	static const uint8_t often[] = { 0xe8, 0xe9, 0x00, 0xff };

	for (size_t i = 0; i < LEN; i++) {
		uint64_t r = random_next(&seed);

		plain[i] = r & 1 ? often[r >> 1 & 3] : (uint8_t)(r >> 3);
	}
}

/* The same walk, byte by byte, as docs/format.md has it. */
static void encode_slowly(uint8_t *b, uint32_t len)
{
	for (uint32_t at = 0; at + 5 <= len;) {
		if (b[at] != 0xe8 && b[at] != 0xe9) {
			at++;
			continue;
		}
		if (b[at + 4] == 0x00 || b[at + 4] == 0xff) {
			uint32_t n = (uint32_t)b[at + 1] | (uint32_t)b[at + 2] << 8 |
				     (uint32_t)b[at + 3] << 16 |
				     (uint32_t)b[at + 4] << 24;

			n += at + 5;
			b[at + 1] = (uint8_t)n;
			b[at + 2] = (uint8_t)(n >> 8);
			b[at + 3] = (uint8_t)(n >> 16);
			b[at + 4] = n >> 24 & 1 ? 0xff : 0x00;
		}
		at += 5;
	}
}

/* The vector of docs/format.md, section 7. */
static void the_vector_of_the_format(void)
{
	static const uint8_t before[] = {
		0x55, 0xe8, 0x10, 0x00, 0x00, 0x00, 0xe9, 0xf0, 0xff, 0xff,
		0xff, 0xe8, 0x01, 0x02, 0x03, 0x04, 0xe9, 0xf9, 0xff, 0xff,
		0x00, 0xe8, 0x00, 0x00, 0x00, 0xff, 0xe8, 0x05, 0x00, 0x00,
	};
	static const uint8_t after[] = {
		0x55, 0xe8, 0x16, 0x00, 0x00, 0x00, 0xe9, 0xfb, 0xff, 0xff,
		0xff, 0xe8, 0x01, 0x02, 0x03, 0x04, 0xe9, 0x0e, 0x00, 0x00,
		0xff, 0xe8, 0x1a, 0x00, 0x00, 0xff, 0xe8, 0x05, 0x00, 0x00,
	};

	memcpy(bytes, before, sizeof before);
	CHECK_INT(vv_branch_encode(bytes, sizeof before), 4);
	CHECK(memcmp(bytes, after, sizeof after) == 0);
	vv_branch_decode(bytes, sizeof before);
	CHECK(memcmp(bytes, before, sizeof before) == 0);
}

static void any_bytes_come_back(void)
{
	for (uint64_t seed = 0; seed < 20; seed++) {
		fill(seed);
		memcpy(bytes, plain, LEN);
		CHECK(vv_branch_encode(bytes, LEN) > 100);
		CHECK(memcmp(bytes, plain, LEN) != 0);
		vv_branch_decode(bytes, LEN);
		CHECK(memcmp(bytes, plain, LEN) == 0);
		/* The filter is a bijection, so this holds as well. */
		vv_branch_decode(bytes, LEN);
		vv_branch_encode(bytes, LEN);
		CHECK(memcmp(bytes, plain, LEN) == 0);
	}
}

static void eight_bytes_at_a_time_find_the_same_as_one(void)
{
	fill(7);
	for (size_t from = 0; from < 16; from++)
		for (size_t len = 0; len < 600; len++) {
			uint8_t slow[600];

			memcpy(bytes, plain + from, len);
			memcpy(slow, plain + from, len);
			vv_branch_encode(bytes, len);
			encode_slowly(slow, (uint32_t)len);
			CHECK(memcmp(bytes, slow, len) == 0);
		}
}

static void calls_of_one_function_look_alike(void)
{
	uint8_t two[200] = { 0 };

	two[10] = two[110] = 0xe8;
	two[11] = 135; /* both to 150 */
	two[111] = 35;
	CHECK_INT(vv_branch_encode(two, sizeof two), 2);
	CHECK(memcmp(two + 10, two + 110, 5) == 0 && two[11] == 150);
}

static void text_stays_as_it_is(void)
{
	memset(bytes, 'e', LEN);
	CHECK_INT(vv_branch_encode(bytes, LEN), 0);
	CHECK(bytes[0] == 'e' && memcmp(bytes, bytes + 1, LEN - 1) == 0);
}

int main(void)
{
	RUN(the_vector_of_the_format);
	RUN(any_bytes_come_back);
	RUN(eight_bytes_at_a_time_find_the_same_as_one);
	RUN(calls_of_one_function_look_alike);
	RUN(text_stays_as_it_is);
	return test_report();
}
