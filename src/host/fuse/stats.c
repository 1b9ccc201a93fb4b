/* What `varve stats` prints: what the kernel asked, and how we are doing. */
#include "core/buf.h"
#include "host/fuse/ops.h"
#include "host/serve.h"

#include <stdio.h>
#include <string.h>

static int put_text(struct vv_buf *json, const char *text)
{
	return vv_buf_append(json, text, strlen(text));
}

static int put_member(struct vv_buf *json, const char *lead, const char *name,
		      uint64_t n)
{
	char text[96];
	int len = snprintf(text, sizeof text, "%s\"%s\":%llu", lead, name,
			   (unsigned long long)n);

	return vv_buf_append(json, text, (size_t)len);
}

static uint64_t read_count(atomic_uint_least64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Operations that were never asked for are left out. */
static int put_requests(struct vv_fuse_ops *ops, struct vv_buf *json)
{
	uint64_t total = read_count(&ops->counts_unknown);
	int err;

	for (unsigned op = 0; op < VV_FUSE_OP_COUNT; op++)
		total += read_count(&ops->counts[op]);
	err = put_member(json, "\"requests\":{", "total", total);
	for (unsigned op = 0; !err && op < VV_FUSE_OP_COUNT; op++) {
		uint64_t n = read_count(&ops->counts[op]);

		if (n)
			err = put_member(json, ",", vv_fuse_op_name(op), n);
	}
	return err ? err : put_text(json, "}");
}

static int put_host(struct vv_fuse_ops *ops, struct vv_buf *json)
{
	char text[64];
	int err;

	(void)snprintf(text, sizeof text,
		       "\"host\":{\"name\":\"%s\",\"protocol\":\"%d.%u\"",
		       ops->cover ? "erofs" : "fuse", VV_FUSE_MAJOR,
		       atomic_load(&ops->minor));
	err = put_text(json, text);
	if (!err)
		err = put_member(json, ",", "read_errors", read_count(&ops->errors));
	if (!err && ops->describe)
		err = ops->describe(ops->ctx, json);
	return err ? err : put_text(json, "}");
}

int vv_fuse_stats(struct vv_fuse_ops *ops, struct vv_buf *json)
{
	int err = put_text(json, "{");

	if (!err)
		err = put_requests(ops, json);
	if (!err)
		err = put_text(json, ",");
	if (!err)
		err = put_host(ops, json);
	if (!err)
		err = put_text(json, ",");
	if (!err)
		err = vv_serve_stats(ops->serve, json,
				     VV_FUSE_STATS_MAX - json->len - 1);
	return err ? err : put_text(json, "}");
}
