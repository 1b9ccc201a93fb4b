/*
 * arith.h - arithmetic that cannot overflow, and numbers as they lie on disk.
 *
 * Every size that comes from a disk, a peer or a user passes through the
 * checked functions before it is used.  They return true when the result fits
 * and leave *@out untouched when it does not, so that they read as a condition:
 *
 *	if (!vv_add_u64(offset, len, &end) || end > file_size)
 *		return VV_ECORRUPT;
 *
 * Disk and wire are little-endian at any alignment: the vv_get_ and vv_put_
 * functions are the only way in and out.  Compilers turn them into one move.
 *
 * Threads: pure functions.
 */
#ifndef VV_CORE_ARITH_H
#define VV_CORE_ARITH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool vv_add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
	if (a > UINT64_MAX - b)
		return false;
	*out = a + b;
	return true;
}

static inline bool vv_mul_u64(uint64_t a, uint64_t b, uint64_t *out)
{
	if (b != 0 && a > UINT64_MAX / b)
		return false;
	*out = a * b;
	return true;
}

static inline bool vv_add_size(size_t a, size_t b, size_t *out)
{
	if (a > SIZE_MAX - b)
		return false;
	*out = a + b;
	return true;
}

static inline bool vv_mul_size(size_t a, size_t b, size_t *out)
{
	if (b != 0 && a > SIZE_MAX / b)
		return false;
	*out = a * b;
	return true;
}

/* Is [@offset, @offset + @len) inside something of @size bytes? */
static inline bool vv_range_fits(uint64_t offset, uint64_t len, uint64_t size)
{
	return offset <= size && len <= size - offset;
}

/* The next multiple of @align, a power of two, at or above @n. */
static inline bool vv_align_up_u64(uint64_t n, uint64_t align, uint64_t *out)
{
	if (n > UINT64_MAX - (align - 1))
		return false;
	*out = (n + (align - 1)) & ~(align - 1);
	return true;
}

static inline bool vv_align_up_size(size_t n, size_t align, size_t *out)
{
	if (n > SIZE_MAX - (align - 1))
		return false;
	*out = (n + (align - 1)) & ~(align - 1);
	return true;
}

static inline uint64_t vv_align_down_u64(uint64_t n, uint64_t align)
{
	return n & ~(align - 1);
}

static inline bool vv_is_pow2(uint64_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static inline uint64_t vv_min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t vv_max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline size_t vv_min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t vv_max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

static inline uint16_t vv_get_le16(const void *p)
{
	const uint8_t *b = p;

	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t vv_get_le24(const void *p)
{
	const uint8_t *b = p;

	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16;
}

static inline uint32_t vv_get_le32(const void *p)
{
	const uint8_t *b = p;

	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
	       (uint32_t)b[3] << 24;
}

static inline uint64_t vv_get_le64(const void *p)
{
	const uint8_t *b = p;

	return (uint64_t)vv_get_le32(b) | (uint64_t)vv_get_le32(b + 4) << 32;
}

static inline void vv_put_le16(void *p, uint16_t n)
{
	uint8_t *b = p;

	b[0] = (uint8_t)n;
	b[1] = (uint8_t)(n >> 8);
}

/* The low 24 bits. */
static inline void vv_put_le24(void *p, uint32_t n)
{
	uint8_t *b = p;

	b[0] = (uint8_t)n;
	b[1] = (uint8_t)(n >> 8);
	b[2] = (uint8_t)(n >> 16);
}

static inline void vv_put_le32(void *p, uint32_t n)
{
	uint8_t *b = p;

	b[0] = (uint8_t)n;
	b[1] = (uint8_t)(n >> 8);
	b[2] = (uint8_t)(n >> 16);
	b[3] = (uint8_t)(n >> 24);
}

static inline void vv_put_le64(void *p, uint64_t n)
{
	uint8_t *b = p;

	vv_put_le32(b, (uint32_t)n);
	vv_put_le32(b + 4, (uint32_t)(n >> 32));
}

#endif
