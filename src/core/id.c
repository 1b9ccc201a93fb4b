#include "core/id.h"

#include "core/err.h"

#include <string.h>

int vv_id_cmp(const struct vv_id *a, const struct vv_id *b)
{
	return memcmp(a->bytes, b->bytes, VV_ID_BYTES);
}

bool vv_id_equal(const struct vv_id *a, const struct vv_id *b)
{
	return vv_id_cmp(a, b) == 0;
}

bool vv_id_is_zero(const struct vv_id *id)
{
	static const struct vv_id zero;

	return vv_id_equal(id, &zero);
}

char *vv_id_to_hex(const struct vv_id *id, char hex[VV_ID_HEX_BYTES])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < VV_ID_BYTES; i++) {
		hex[2 * i] = digits[id->bytes[i] >> 4];
		hex[2 * i + 1] = digits[id->bytes[i] & 15];
	}
	hex[2 * VV_ID_BYTES] = '\0';
	return hex;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int vv_id_from_hex(struct vv_id *out, const char *hex, size_t len)
{
	struct vv_id id;

	memset(out, 0, sizeof *out);
	if (len != 2 * VV_ID_BYTES)
		return VV_EINVAL;
	for (size_t i = 0; i < VV_ID_BYTES; i++) {
		int high = digit_value(hex[2 * i]);
		int low = digit_value(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return VV_EINVAL;
		id.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*out = id;
	return VV_OK;
}
