#include "input/gunzip.h"

#include "core/err.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

enum {
	PLAIN_BYTES = 256 * 1024,
	GZIP_ONLY = 16, /* in the window bits of zlib: its header, and its checks */
};

enum state {
	IN_MEMBER,
	BETWEEN, /* a member is over, and another may follow */
	PADDING,
};

struct vv_gunzip {
	z_stream z;
	enum state state;
	uint8_t plain[PLAIN_BYTES];
};

bool vv_gunzip_knows(const uint8_t *bytes, size_t len)
{
	return len >= 3 && bytes[0] == 0x1f && bytes[1] == 0x8b &&
	       bytes[2] == Z_DEFLATED;
}

int vv_gunzip_new(struct vv_gunzip **out)
{
	struct vv_gunzip *g = calloc(1, sizeof *g);

	*out = NULL;
	if (!g)
		return VV_ENOMEM;
	if (inflateInit2(&g->z, MAX_WBITS + GZIP_ONLY) != Z_OK) {
		free(g);
		return VV_ENOMEM;
	}
	*out = g;
	return VV_OK;
}

void vv_gunzip_free(struct vv_gunzip *g)
{
	if (!g)
		return;
	inflateEnd(&g->z);
	free(g);
}

void vv_gunzip_feed(struct vv_gunzip *g, const void *bytes, size_t len)
{
	assert(!g->z.avail_in && len <= UINT_MAX);
	g->z.next_in = (z_const Bytef *)bytes;
	g->z.avail_in = (uInt)len;
}

/* Between members: another one, or padding, which is dropped. */
static void look_behind(struct vv_gunzip *g)
{
	if (g->state == BETWEEN && g->z.avail_in) {
		g->state = *g->z.next_in == 0x1f ? IN_MEMBER : PADDING;
		inflateReset(&g->z);
	}
	if (g->state == PADDING)
		g->z.avail_in = 0;
}

int vv_gunzip_next(struct vv_gunzip *g, const void **bytes, size_t *len,
		   const char **why)
{
	*bytes = g->plain;
	*len = 0;
	*why = NULL;
	while (!*len) {
		int status;

		look_behind(g);
		if (g->state != IN_MEMBER)
			return VV_OK;
		g->z.next_out = g->plain;
		g->z.avail_out = PLAIN_BYTES;
		status = inflate(&g->z, Z_NO_FLUSH);
		*len = PLAIN_BYTES - g->z.avail_out;
		if (status == Z_BUF_ERROR) /* all is told of what was fed */
			return VV_OK;
		if (status == Z_MEM_ERROR)
			return VV_ENOMEM;
		if (status != Z_OK && status != Z_STREAM_END) {
			*why = g->z.msg ? g->z.msg : "wrong data";
			return VV_ECORRUPT;
		}
		if (status == Z_STREAM_END)
			g->state = BETWEEN;
	}
	return VV_OK;
}

bool vv_gunzip_is_whole(const struct vv_gunzip *g)
{
	return g->state != IN_MEMBER;
}
