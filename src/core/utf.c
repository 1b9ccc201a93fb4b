#include "core/utf.h"

static bool is_tail(const unsigned char *b, size_t count)
{
	for (size_t i = 1; i <= count; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return false;
	}
	return true;
}

size_t vv_utf_decode(const char *s, size_t len, uint32_t *code)
{
	const unsigned char *b = (const unsigned char *)s;
	uint32_t c;

	*code = 0;
	if (len == 0)
		return 0;
	if (b[0] < 0x80) {
		*code = b[0];
		return 1;
	}
	/* c0 and c1 could only begin a longer spelling of ASCII. */
	if (b[0] >= 0xc2 && b[0] <= 0xdf && len >= 2 && is_tail(b, 1)) {
		*code = (b[0] & 0x1fu) << 6 | (b[1] & 0x3fu);
		return 2;
	}
	if (b[0] >= 0xe0 && b[0] <= 0xef && len >= 3 && is_tail(b, 2)) {
		c = (b[0] & 0x0fu) << 12 | (b[1] & 0x3fu) << 6 | (b[2] & 0x3fu);
		if (c < 0x800)
			return 0;
		*code = c;
		return 3;
	}
	if (b[0] >= 0xf0 && b[0] <= 0xf4 && len >= 4 && is_tail(b, 3)) {
		c = (b[0] & 0x07u) << 18 | (b[1] & 0x3fu) << 12 | (b[2] & 0x3fu) << 6 |
		    (b[3] & 0x3fu);
		if (c < 0x10000 || c > 0x10ffff)
			return 0;
		*code = c;
		return 4;
	}
	return 0;
}

bool vv_utf_is_valid(const char *s, size_t len)
{
	while (len != 0) {
		uint32_t code;
		size_t n = vv_utf_decode(s, len, &code);

		if (n == 0 || vv_utf_is_surrogate(code))
			return false;
		s += n;
		len -= n;
	}
	return true;
}

struct units {
	uint16_t *out;
	size_t count, cap;
};

static void put_unit(struct units *to, uint32_t unit)
{
	if (to->count < to->cap)
		to->out[to->count] = (uint16_t)unit;
	to->count++;
}

static bool is_high(uint32_t code)
{
	return code >= 0xd800 && code <= 0xdbff;
}

static bool is_low(uint32_t code)
{
	return code >= 0xdc00 && code <= 0xdfff;
}

size_t vv_utf16_from_utf8(uint16_t *out, size_t cap, const char *s, size_t len)
{
	struct units to = { .out = out, .cap = cap };
	bool after_high = false; /* a lone one: four bytes would be a whole pair */

	while (len != 0) {
		uint32_t code;
		size_t n = vv_utf_decode(s, len, &code);

		if (n == 0 || (after_high && is_low(code)))
			return SIZE_MAX;
		after_high = is_high(code);
		if (code >= 0x10000) {
			put_unit(&to, 0xd800 + ((code - 0x10000) >> 10));
			put_unit(&to, 0xdc00 + ((code - 0x10000) & 0x3ff));
		} else {
			put_unit(&to, code);
		}
		s += n;
		len -= n;
	}
	return to.count;
}

/* Up to four bytes to @to; returns their number. */
static size_t encode(unsigned char to[4], uint32_t code)
{
	static const unsigned char head[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1;) {
		to[i] = (unsigned char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	to[0] = (unsigned char)(head[n > 1 ? n : 0] | code);
	return n;
}

size_t vv_utf16_to_utf8(char *out, size_t cap, const uint16_t *units, size_t count)
{
	size_t len = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t code = units[i];
		unsigned char bytes[4];
		size_t n;

		if (is_high(code) && i + 1 < count && is_low(units[i + 1]))
			code = 0x10000 + ((code & 0x3ff) << 10) + (units[++i] & 0x3ffu);
		n = encode(bytes, code);
		for (size_t b = 0; b < n; b++, len++) {
			if (len < cap)
				out[len] = (char)bytes[b];
		}
	}
	return len;
}
