#include "source/hook.h"

#include "core/err.h"
#include "os/map.h"
#include "os/system.h"
#include "source/source.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct hook_source {
	struct vv_source base;
	struct vv_source_ops ops; /* with the name that the hooks want */
	struct vv_source_hooks hooks;
};

struct hook_put {
	struct vv_put base;
	struct vv_put *next; /* owned */
};

const char *vv_source_op_name(enum vv_source_op op)
{
	static const char *const names[VV_SOURCE_OP_COUNT] = {
		[VV_SOURCE_GET] = "get",
		[VV_SOURCE_STAT] = "stat",
		[VV_SOURCE_PUT_BEGIN] = "put_begin",
		[VV_SOURCE_PUT_WRITE] = "put_write",
		[VV_SOURCE_PUT_COMMIT] = "put_commit",
		[VV_SOURCE_REMOVE] = "remove",
		[VV_SOURCE_LIST] = "list",
		[VV_SOURCE_SETTLE] = "settle",
		[VV_SOURCE_MAP] = "map",
	};

	assert(op < VV_SOURCE_OP_COUNT);
	return names[op];
}

static const struct vv_source_hooks *hooks_of(struct vv_source *src)
{
	return &((struct hook_source *)src)->hooks;
}

/* On success @event->elapsed_ns holds the start, until finish(). */
static int start(struct vv_source *src, struct vv_source_event *event)
{
	const struct vv_source_hooks *hooks = hooks_of(src);
	int err = hooks->before ? hooks->before(hooks->ctx, event) : VV_OK;

	event->elapsed_ns = vv_clock_ns();
	return err;
}

static int finish(struct vv_source *src, struct vv_source_event *event, int result,
		  uint64_t bytes)
{
	const struct vv_source_hooks *hooks = hooks_of(src);

	event->elapsed_ns = vv_clock_ns() - event->elapsed_ns;
	event->result = result;
	event->bytes = bytes;
	return hooks->after ? hooks->after(hooks->ctx, event) : result;
}

static int hook_get(struct vv_source *src, const char *key, void *buf, size_t len,
		    uint64_t off, size_t *got)
{
	struct vv_source_event event = { .op = VV_SOURCE_GET, .key = key };
	int err = start(src, &event);

	if (err)
		return err;
	err = vv_source_get(src->next, key, buf, len, off, got);
	err = finish(src, &event, err, *got);
	if (err)
		*got = 0;
	return err;
}

static int hook_stat(struct vv_source *src, const char *key, struct vv_object_info *out)
{
	struct vv_source_event event = { .op = VV_SOURCE_STAT, .key = key };
	int err = start(src, &event);

	if (err)
		return err;
	err = vv_source_stat(src->next, key, out);
	return finish(src, &event, err, 0);
}

static int hook_put_begin(struct vv_source *src, struct vv_put **out)
{
	struct vv_source_event event = { .op = VV_SOURCE_PUT_BEGIN, .key = "" };
	struct hook_put *put = calloc(1, sizeof *put);
	int err;

	if (!put)
		return VV_ENOMEM;
	put->base.src = src;
	err = start(src, &event);
	if (!err) {
		err = vv_source_put_begin(src->next, &put->next);
		err = finish(src, &event, err, 0);
	}
	if (err) {
		vv_source_put_abort(put->next);
		free(put);
		return err;
	}
	*out = &put->base;
	return VV_OK;
}

static int hook_put_write(struct vv_put *base, const void *bytes, size_t len)
{
	struct vv_source_event event = { .op = VV_SOURCE_PUT_WRITE, .key = "" };
	struct hook_put *put = (struct hook_put *)base;
	int err = start(base->src, &event);

	if (err)
		return err;
	err = vv_source_put_write(put->next, bytes, len);
	return finish(base->src, &event, err, err ? 0 : len);
}

static int hook_put_commit(struct vv_put *base, const char *key, enum vv_put_mode mode)
{
	struct vv_source_event event = { .op = VV_SOURCE_PUT_COMMIT, .key = key };
	struct hook_put *put = (struct hook_put *)base;
	int err = start(base->src, &event);

	if (err) {
		vv_source_put_abort(put->next);
	} else {
		err = vv_source_put_commit(put->next, key, mode);
		err = finish(base->src, &event, err, 0);
	}
	free(put);
	return err;
}

static void hook_put_abort(struct vv_put *base)
{
	struct hook_put *put = (struct hook_put *)base;

	vv_source_put_abort(put->next);
	free(put);
}

static int hook_remove(struct vv_source *src, const char *key)
{
	struct vv_source_event event = { .op = VV_SOURCE_REMOVE, .key = key };
	int err = start(src, &event);

	if (err)
		return err;
	err = vv_source_remove(src->next, key);
	return finish(src, &event, err, 0);
}

static int hook_list(struct vv_source *src, const char *prefix,
		     vv_source_object_fn object, void *ctx)
{
	struct vv_source_event event = { .op = VV_SOURCE_LIST, .key = prefix };
	int result = start(src, &event);

	if (result)
		return result;
	result = vv_source_list(src->next, prefix, object, ctx);
	return finish(src, &event, result, 0);
}

static int hook_settle(struct vv_source *src, const char *prefix)
{
	struct vv_source_event event = { .op = VV_SOURCE_SETTLE, .key = prefix };
	int err = start(src, &event);

	if (err)
		return err;
	err = vv_source_settle(src->next, prefix);
	return finish(src, &event, err, 0);
}

static int hook_map(struct vv_source *src, const char *key, uint64_t off, uint64_t len,
		    struct vv_map *out)
{
	struct vv_source_event event = { .op = VV_SOURCE_MAP, .key = key };
	int err = start(src, &event);

	if (err)
		return err;
	err = vv_source_map(src->next, key, off, len, out);
	err = finish(src, &event, err, out->size);
	if (err)
		vv_map_close(out);
	return err;
}

static void hook_free(struct vv_source *src)
{
	struct hook_source *h = (struct hook_source *)src;

	if (h->hooks.free)
		h->hooks.free(h->hooks.ctx);
	free(h);
}

static const struct vv_source_ops hook_ops = {
	.get = hook_get,
	.stat = hook_stat,
	.put_begin = hook_put_begin,
	.put_write = hook_put_write,
	.put_commit = hook_put_commit,
	.put_abort = hook_put_abort,
	.remove = hook_remove,
	.list = hook_list,
	.settle = hook_settle,
	.map = hook_map,
	.free = hook_free,
};

int vv_source_hook_new(struct vv_source **out, struct vv_source *next,
		       const struct vv_source_hooks *hooks)
{
	struct hook_source *h = calloc(1, sizeof *h);

	*out = NULL;
	if (!h)
		return VV_ENOMEM;
	h->ops = hook_ops;
	h->ops.name = hooks->name;
	h->hooks = *hooks;
	h->base.ops = &h->ops;
	h->base.next = next;
	*out = &h->base;
	return VV_OK;
}

void *vv_source_hook_ctx(struct vv_source *src, const char *name)
{
	assert(src->ops->free == hook_free && strcmp(src->ops->name, name) == 0);
	(void)name;
	return hooks_of(src)->ctx;
}
