#include "store/decoders.h"

#include "cache/budget.h"
#include "codec/zstd.h"
#include "core/arith.h"
#include "core/err.h"
#include "os/thread.h"
#include "store/frame_load.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
	BUDGET_PART = 16, /* decoders take at most 1/16 of the budget */
	FOR_EACH_CPU = 2, /* one decodes while the other waits for its bytes */
	COUNT_MIN = 4,
	COUNT_MAX = 64,
};

struct vv_decoders {
	struct vv_budget *budget; /* borrowed */
	struct vv_mutex lock;
	struct vv_cond given;
	unsigned max;				 /* immutable */
	unsigned count, idle_count;		 /* protected by lock */
	struct vv_frame_loader *idle[COUNT_MAX]; /* owned; protected by lock */
};

static size_t cost(void)
{
	return sizeof(struct vv_frame_loader) + VV_FRAME_MAX +
	       vv_decompressor_size_bytes();
}

static void destroy(struct vv_decoders *pool, struct vv_frame_loader *loader)
{
	vv_frame_loader_fini(loader);
	free(loader);
	vv_budget_release(pool->budget, VV_HOLD_DECODERS, cost());
}

/* NULL: the budget or the heap has no room. */
static struct vv_frame_loader *make(struct vv_decoders *pool)
{
	struct vv_frame_loader *loader;

	if (vv_budget_try_reserve(pool->budget, VV_HOLD_DECODERS, cost()))
		return NULL;
	loader = calloc(1, sizeof *loader);
	if (loader && !vv_frame_loader_init(loader))
		return loader;
	if (loader)
		destroy(pool, loader);
	else
		vv_budget_release(pool->budget, VV_HOLD_DECODERS, cost());
	return NULL;
}

static unsigned most(const struct vv_budget *budget)
{
	size_t by_budget = vv_budget_limit(budget) / BUDGET_PART / cost();
	size_t by_cpu = vv_max_size((size_t)FOR_EACH_CPU * vv_cpu_count(), COUNT_MIN);
	size_t n = vv_min_size(vv_min_size(by_budget, by_cpu), COUNT_MAX);

	return (unsigned)vv_max_size(n, 1);
}

int vv_decoders_new(struct vv_decoders **out, struct vv_budget *budget)
{
	struct vv_decoders *pool = calloc(1, sizeof *pool);

	*out = NULL;
	if (!pool)
		return VV_ENOMEM;
	pool->budget = budget;
	pool->max = most(budget);
	pool->idle[0] = make(pool);
	if (!pool->idle[0]) {
		free(pool);
		return VV_ENOMEM;
	}
	pool->count = pool->idle_count = 1;
	vv_mutex_init(&pool->lock);
	vv_cond_init(&pool->given);
	*out = pool;
	return VV_OK;
}

void vv_decoders_free(struct vv_decoders *pool)
{
	if (!pool)
		return;
	assert(pool->idle_count == pool->count);
	while (pool->idle_count > 0)
		destroy(pool, pool->idle[--pool->idle_count]);
	vv_cond_fini(&pool->given);
	vv_mutex_fini(&pool->lock);
	free(pool);
}

/* One more if there may be.  Locked, but not while it is made.  NULL: none now. */
static struct vv_frame_loader *grow(struct vv_decoders *pool)
{
	struct vv_frame_loader *loader;

	if (pool->count == pool->max)
		return NULL;
	pool->count++;
	vv_mutex_unlock(&pool->lock);
	loader = make(pool);
	vv_mutex_lock(&pool->lock);
	if (!loader)
		pool->count--;
	return loader;
}

/*
 * The pool has at least one decoder that somebody holds or that is idle; so who finds
 * none idle and cannot make one waits for somebody who will give one back.
 */
struct vv_frame_loader *vv_decoders_take(struct vv_decoders *pool)
{
	struct vv_frame_loader *loader = NULL;

	vv_mutex_lock(&pool->lock);
	if (pool->idle_count == 0)
		loader = grow(pool);
	while (!loader) {
		if (pool->idle_count > 0)
			loader = pool->idle[--pool->idle_count];
		else
			vv_cond_wait(&pool->given, &pool->lock);
	}
	vv_mutex_unlock(&pool->lock);
	return loader;
}

void vv_decoders_give(struct vv_decoders *pool, struct vv_frame_loader *loader)
{
	vv_mutex_lock(&pool->lock);
	assert(pool->idle_count < pool->count);
	pool->idle[pool->idle_count++] = loader;
	vv_cond_signal(&pool->given);
	vv_mutex_unlock(&pool->lock);
}
