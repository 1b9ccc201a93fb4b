#include "cache/budget.h"

#include "core/err.h"
#include "os/thread.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/*
 * Invariants, true whenever the lock is free:
 *
 * (B1) used <= limit.
 * (B2) used is the sum of by_holder.
 * (B3) Who sleeps has counted itself in `asking` before it last asked the reclaimer,
 *	and no change came since.  So a release or nudge after that question finds
 *	asking > 0, counts a change, and wakes it.
 */
struct vv_budget {
	struct vv_mutex lock;
	struct vv_cond room;
	size_t limit;			   /* bytes; immutable */
	size_t used, peak;		   /* protected by lock, as all below */
	size_t by_holder[VV_HOLDER_COUNT]; /* bytes */
	uint64_t waits, changes;
	atomic_uint asking; /* in the slow path; written under the lock */
	size_t (*reclaim)(void *ctx, size_t bytes);
	void *reclaim_ctx; /* borrowed */
};

static const char *const names[VV_HOLDER_COUNT] = {
	[VV_HOLD_FRAMES] = "frames",	   [VV_HOLD_DECODERS] = "decoders",
	[VV_HOLD_TRANSPORT] = "transport", [VV_HOLD_NODES] = "nodes",
	[VV_HOLD_LISTINGS] = "listings",   [VV_HOLD_TREES] = "trees",
	[VV_HOLD_UPPER] = "upper",	   [VV_HOLD_PACKER] = "packer",
	[VV_HOLD_PROFILES] = "profiles",
};

const char *vv_holder_name(enum vv_holder holder)
{
	assert((unsigned)holder < VV_HOLDER_COUNT);
	return names[holder];
}

int vv_budget_new(struct vv_budget **out, size_t limit_bytes)
{
	struct vv_budget *b;

	*out = NULL;
	if (limit_bytes < VV_BUDGET_MIN)
		return VV_EINVAL;
	b = calloc(1, sizeof *b);
	if (!b)
		return VV_ENOMEM;
	vv_mutex_init(&b->lock);
	vv_cond_init(&b->room);
	atomic_init(&b->asking, 0);
	b->limit = limit_bytes;
	*out = b;
	return VV_OK;
}

void vv_budget_free(struct vv_budget *b)
{
	if (!b)
		return;
	assert(b->used == 0);
	vv_cond_fini(&b->room);
	vv_mutex_fini(&b->lock);
	free(b);
}

size_t vv_budget_limit(const struct vv_budget *b)
{
	return b->limit;
}

void vv_budget_set_reclaimer(struct vv_budget *b,
			     size_t (*reclaim)(void *ctx, size_t bytes), void *ctx)
{
	vv_mutex_lock(&b->lock);
	b->reclaim = reclaim;
	b->reclaim_ctx = ctx;
	vv_mutex_unlock(&b->lock);
}

/* Locked. */
static bool take(struct vv_budget *b, enum vv_holder holder, size_t bytes)
{
	if (bytes > b->limit - b->used) /* (B1): no underflow */
		return false;
	b->used += bytes;
	b->by_holder[holder] += bytes;
	if (b->used > b->peak)
		b->peak = b->used;
	return true;
}

/* Locked, but not while the reclaimer works.  Returns what it gave up. */
static size_t ask_reclaimer(struct vv_budget *b, size_t bytes)
{
	size_t (*reclaim)(void *, size_t) = b->reclaim;
	void *ctx = b->reclaim_ctx;
	size_t got;

	if (!reclaim)
		return 0;
	vv_mutex_unlock(&b->lock);
	got = reclaim(ctx, bytes);
	vv_mutex_lock(&b->lock);
	return got;
}

/* Locked.  Sleeping is decided on what was seen before the reclaimer was asked (B3). */
static int take_slowly(struct vv_budget *b, enum vv_holder holder, size_t bytes,
		       bool may_wait)
{
	bool has_waited = false;
	int err = VV_OK;

	atomic_fetch_add(&b->asking, 1);
	while (!take(b, holder, bytes)) {
		uint64_t seen = b->changes;
		size_t got = ask_reclaimer(b, bytes - (b->limit - b->used));

		if (take(b, holder, bytes))
			break;
		if (!may_wait) {
			err = VV_ENOMEM;
			break;
		}
		if (got > 0 || b->changes != seen)
			continue;
		b->waits += !has_waited;
		has_waited = true;
		vv_cond_wait(&b->room, &b->lock);
	}
	atomic_fetch_sub(&b->asking, 1);
	return err;
}

static int reserve(struct vv_budget *b, enum vv_holder holder, size_t bytes,
		   bool may_wait)
{
	int err = VV_OK;

	assert((unsigned)holder < VV_HOLDER_COUNT);
	if (bytes > b->limit)
		return VV_ENOMEM;
	vv_mutex_lock(&b->lock);
	if (!take(b, holder, bytes))
		err = take_slowly(b, holder, bytes, may_wait);
	vv_mutex_unlock(&b->lock);
	return err;
}

int vv_budget_reserve(struct vv_budget *b, enum vv_holder holder, size_t bytes)
{
	return reserve(b, holder, bytes, true);
}

int vv_budget_try_reserve(struct vv_budget *b, enum vv_holder holder, size_t bytes)
{
	return reserve(b, holder, bytes, false);
}

int vv_budget_take_free(struct vv_budget *b, enum vv_holder holder, size_t bytes)
{
	bool is_taken;

	assert((unsigned)holder < VV_HOLDER_COUNT);
	vv_mutex_lock(&b->lock);
	is_taken = take(b, holder, bytes);
	vv_mutex_unlock(&b->lock);
	return is_taken ? VV_OK : VV_ENOMEM;
}

/* Locked. */
static void wake(struct vv_budget *b)
{
	b->changes++;
	if (atomic_load(&b->asking) > 0)
		vv_cond_broadcast(&b->room);
}

void vv_budget_release(struct vv_budget *b, enum vv_holder holder, size_t bytes)
{
	if (bytes == 0)
		return;
	vv_mutex_lock(&b->lock);
	assert((unsigned)holder < VV_HOLDER_COUNT);
	assert(bytes <= b->by_holder[holder] && bytes <= b->used); /* (B2) */
	b->by_holder[holder] -= bytes;
	b->used -= bytes;
	wake(b);
	vv_mutex_unlock(&b->lock);
}

void vv_budget_nudge(struct vv_budget *b)
{
	if (atomic_load(&b->asking) == 0)
		return;
	vv_mutex_lock(&b->lock);
	wake(b);
	vv_mutex_unlock(&b->lock);
}

void vv_budget_get_stats(struct vv_budget *b, struct vv_budget_stats *out)
{
	*out = (struct vv_budget_stats){ .limit = b->limit };
	vv_mutex_lock(&b->lock);
	out->used = b->used;
	out->peak = b->peak;
	out->waits = b->waits;
	for (int i = 0; i < VV_HOLDER_COUNT; i++)
		out->by_holder[i] = b->by_holder[i];
	vv_mutex_unlock(&b->lock);
}
