#include "core/buf.h"

#include "core/arith.h"
#include "core/err.h"

#include <stdlib.h>
#include <string.h>

enum {
	FIRST_CAP = 256
};

void vv_buf_init(struct vv_buf *b, size_t max_bytes)
{
	*b = (struct vv_buf){ .max_bytes = max_bytes };
}

void vv_buf_fini(struct vv_buf *b)
{
	free(b->bytes);
	vv_buf_init(b, b->max_bytes);
}

/* At least @need, which the limit allows: twice the old size where it does too. */
static size_t next_cap(const struct vv_buf *b, size_t need)
{
	size_t doubled;

	if (!vv_mul_size(b->cap, 2, &doubled))
		doubled = need;
	return vv_min_size(vv_max_size(vv_max_size(doubled, need), FIRST_CAP),
			   b->max_bytes);
}

int vv_buf_reserve(struct vv_buf *b, size_t len)
{
	size_t need, cap;
	uint8_t *bytes;

	if (len > b->max_bytes - b->len)
		return VV_EOVERFLOW;
	need = b->len + len;
	if (need <= b->cap)
		return VV_OK;
	cap = next_cap(b, need);
	bytes = realloc(b->bytes, cap);
	if (!bytes)
		return VV_ENOMEM;
	b->bytes = bytes;
	b->cap = cap;
	return VV_OK;
}

int vv_buf_append(struct vv_buf *b, const void *bytes, size_t len)
{
	int err = vv_buf_reserve(b, len);

	if (err || len == 0)
		return err;
	memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
	return VV_OK;
}

int vv_buf_append_zeros(struct vv_buf *b, size_t len)
{
	int err = vv_buf_reserve(b, len);

	if (err || len == 0)
		return err;
	memset(b->bytes + b->len, 0, len);
	b->len += len;
	return VV_OK;
}

void vv_buf_clear(struct vv_buf *b)
{
	b->len = 0;
}

uint8_t *vv_buf_take(struct vv_buf *b, size_t *len)
{
	uint8_t *bytes;

	*len = b->len;
	if (b->len == 0) {
		vv_buf_fini(b);
		return NULL;
	}
	bytes = b->bytes;
	vv_buf_init(b, b->max_bytes);
	return bytes;
}
