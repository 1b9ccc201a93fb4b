/* What `varve stats` prints: what the kernel asked, and how we are doing. */
#include "core/buf.h"
#include "core/err.h"
#include "host/fuse/ops.h"
#include "host/serve.h"

#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 2, 3))) static int put(struct vv_buf *json,
						     const char *format, ...)
{
	char text[128];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof text)
		return VV_EOVERFLOW;
	return vv_buf_append(json, text, (size_t)len);
}

static unsigned long long read_count(atomic_uint_least64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Operations that were never asked for are left out. */
static int put_requests(struct vv_fuse_ops *ops, struct vv_buf *json)
{
	unsigned long long total = read_count(&ops->counts_unknown);
	int err;

	for (unsigned op = 0; op < VV_FUSE_OP_COUNT; op++)
		total += read_count(&ops->counts[op]);
	err = put(json, "{\"requests\":{\"total\":%llu", total);
	for (unsigned op = 0; !err && op < VV_FUSE_OP_COUNT; op++) {
		unsigned long long n = read_count(&ops->counts[op]);

		if (n)
			err = put(json, ",\"%s\":%llu", vv_fuse_op_name(op), n);
	}
	return err ? err : put(json, "},");
}

int vv_fuse_stats(struct vv_fuse_ops *ops, struct vv_buf *json)
{
	int err = put_requests(ops, json);

	if (!err)
		err = put(
			json,
			"\"host\":{\"name\":\"fuse\",\"protocol\":\"%d.%u\",\"read_errors\":%llu",
			VV_FUSE_MAJOR, atomic_load(&ops->minor),
			read_count(&ops->errors));
	if (!err && ops->describe)
		err = ops->describe(ops->ctx, json);
	if (!err)
		err = put(json, "},");
	if (!err)
		err = vv_serve_stats(ops->serve, json,
				     VV_FUSE_STATS_MAX - json->len - 1);
	return err ? err : put(json, "}");
}
