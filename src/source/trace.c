#include "source/trace.h"

#include "core/arith.h"
#include "core/err.h"
#include "os/thread.h"
#include "source/source.h"

#include <stdlib.h>
#include <string.h>

#define NAME "trace"

struct trace {
	vv_source_trace_fn listener;
	void *ctx; /* borrowed */
	struct vv_mutex lock;
	struct vv_source_stats stats[VV_SOURCE_OP_COUNT]; /* protected by lock */
};

static bool is_error(int result)
{
	return result < 0 && result != VV_ENOENT && result != VV_EEXIST;
}

static int after(void *ctx, const struct vv_source_event *event)
{
	struct trace *t = ctx;
	struct vv_source_stats *stats = &t->stats[event->op];

	vv_mutex_lock(&t->lock);
	stats->count++;
	stats->errors += is_error(event->result);
	stats->bytes += event->bytes;
	stats->total_ns += event->elapsed_ns;
	stats->max_ns = vv_max_u64(stats->max_ns, event->elapsed_ns);
	vv_mutex_unlock(&t->lock);
	if (t->listener)
		t->listener(t->ctx, event);
	return event->result;
}

static void trace_free(void *ctx)
{
	struct trace *t = ctx;

	vv_mutex_fini(&t->lock);
	free(t);
}

int vv_source_trace_new(struct vv_source **out, struct vv_source *next,
			vv_source_trace_fn listener, void *ctx)
{
	struct trace *t = calloc(1, sizeof *t);
	struct vv_source_hooks hooks = {
		.name = NAME,
		.ctx = t,
		.after = after,
		.free = trace_free,
	};
	int err;

	*out = NULL;
	if (!t)
		return VV_ENOMEM;
	vv_mutex_init(&t->lock);
	t->listener = listener;
	t->ctx = ctx;
	err = vv_source_hook_new(out, next, &hooks);
	if (err)
		trace_free(t);
	return err;
}

void vv_source_trace_get(struct vv_source *src,
			 struct vv_source_stats out[VV_SOURCE_OP_COUNT])
{
	struct trace *t = vv_source_hook_ctx(src, NAME);

	vv_mutex_lock(&t->lock);
	memcpy(out, t->stats, sizeof t->stats);
	vv_mutex_unlock(&t->lock);
}
