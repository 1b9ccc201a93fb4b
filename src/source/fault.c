#include "source/fault.h"

#include "core/err.h"
#include "os/thread.h"
#include "source/source.h"

#include <stdlib.h>
#include <string.h>

#define NAME "fault"

struct fault {
	struct vv_mutex lock;
	struct vv_source_fault set;
	unsigned count, hits; /* protected by lock */
};

static bool matches(const struct vv_source_fault *set,
		    const struct vv_source_event *event)
{
	if (set->ops && !(set->ops & 1u << event->op))
		return false;
	return !set->prefix ||
	       strncmp(event->key, set->prefix, strlen(set->prefix)) == 0;
}

static bool is_hit(const struct vv_source_fault *set, unsigned count)
{
	if (set->nth == 0)
		return false;
	return set->repeats ? count % set->nth == 0 : count == set->nth;
}

static int count_event(struct fault *f, const struct vv_source_event *event)
{
	int err = VV_OK;

	if (!matches(&f->set, event))
		return VV_OK;
	vv_mutex_lock(&f->lock);
	if (is_hit(&f->set, ++f->count)) {
		f->hits++;
		err = f->set.err;
	}
	vv_mutex_unlock(&f->lock);
	return err;
}

static int before(void *ctx, const struct vv_source_event *event)
{
	struct fault *f = ctx;

	return f->set.takes_effect ? VV_OK : count_event(f, event);
}

static int after(void *ctx, const struct vv_source_event *event)
{
	struct fault *f = ctx;
	int err = f->set.takes_effect ? count_event(f, event) : VV_OK;

	return err ? err : event->result;
}

static void fault_free(void *ctx)
{
	struct fault *f = ctx;

	vv_mutex_fini(&f->lock);
	free(f);
}

int vv_source_fault_new(struct vv_source **out, struct vv_source *next,
			const struct vv_source_fault *fault)
{
	struct fault *f = calloc(1, sizeof *f);
	struct vv_source_hooks hooks = {
		.name = NAME,
		.ctx = f,
		.before = before,
		.after = after,
		.free = fault_free,
	};
	int err;

	*out = NULL;
	if (!f)
		return VV_ENOMEM;
	vv_mutex_init(&f->lock);
	if (fault)
		f->set = *fault;
	err = vv_source_hook_new(out, next, &hooks);
	if (err)
		fault_free(f);
	return err;
}

void vv_source_fault_set(struct vv_source *src, const struct vv_source_fault *fault)
{
	struct fault *f = vv_source_hook_ctx(src, NAME);

	vv_mutex_lock(&f->lock);
	f->set = *fault;
	f->count = f->hits = 0;
	vv_mutex_unlock(&f->lock);
}

unsigned vv_source_fault_count(struct vv_source *src)
{
	struct fault *f = vv_source_hook_ctx(src, NAME);
	unsigned count;

	vv_mutex_lock(&f->lock);
	count = f->count;
	vv_mutex_unlock(&f->lock);
	return count;
}

unsigned vv_source_fault_hits(struct vv_source *src)
{
	struct fault *f = vv_source_hook_ctx(src, NAME);
	unsigned hits;

	vv_mutex_lock(&f->lock);
	hits = f->hits;
	vv_mutex_unlock(&f->lock);
	return hits;
}
