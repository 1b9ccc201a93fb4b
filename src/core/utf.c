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
