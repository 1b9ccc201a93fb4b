#include "codec/branch.h"

#include "core/arith.h"

enum {
	BRANCH_BYTES = 5, /* opcode and distance */
};

/*
 * Where the next byte 0xe8 or 0xe9 is, from @at on, or @len.  Eight bytes at a time: they
 * become zero where they match, and the lowest set bit of the test for a zero byte (Mycroft)
 * is never wrong.
 */
static size_t next_branch(const uint8_t *bytes, size_t at, size_t len)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);

	for (; len - at >= 8; at += 8) {
		uint64_t n = (vv_get_le64(bytes + at) & ones * 0xfe) ^ ones * 0xe8;
		uint64_t zero = (n - ones) & ~n & ones * 0x80;

		/* The lowest bit, 2^(8k+7), as 2^8k moves byte 7-k of the factor to the top. */
		if (zero)
			return at + (((zero & (0 - zero)) >> 7) *
					     UINT64_C(0x0001020304050607) >>
				     56);
	}
	while (at < len && (bytes[at] & 0xfe) != 0xe8)
		at++;
	return at;
}

static uint32_t extend(uint32_t n)
{
	n &= UINT32_C(0x1ffffff);
	return n & UINT32_C(0x1000000) ? n | UINT32_C(0xfe000000) : n;
}

/* @sign is 1 or, to go back, -1 modulo 2^32. */
static size_t convert(uint8_t *bytes, size_t len, uint32_t sign)
{
	size_t count = 0;

	for (size_t at = 0;; at += BRANCH_BYTES) {
		uint8_t *distance;

		at = next_branch(bytes, at, len);
		if (len - at < BRANCH_BYTES)
			return count;
		distance = bytes + at + 1;
		if (distance[3] != 0x00 && distance[3] != 0xff)
			continue;
		vv_put_le32(distance, extend(vv_get_le32(distance) +
					     sign * (uint32_t)(at + BRANCH_BYTES)));
		count++;
	}
}

size_t vv_branch_encode(uint8_t *bytes, size_t len)
{
	return convert(bytes, len, 1);
}

void vv_branch_decode(uint8_t *bytes, size_t len)
{
	convert(bytes, len, UINT32_MAX);
}
