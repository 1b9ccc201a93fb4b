#include "host/replay.h"

#include "cache/lanes.h"
#include "core/arith.h"
#include "core/err.h"
#include "store/reader.h"

#include <stdbool.h>

enum {
	GAP_MAX = 3,	/* pages between two that are wanted, pushed along with them */
	AHEAD_MIN = 16, /* steps between a reader and us */
	STACK_BYTES = 128 << 10,
};

/* ---- pages ---- */

/* Bits that are wanted and not there, widened over small gaps; under the lock. */
static uint16_t missing(const struct vv_plan_step *step)
{
	uint16_t need = step->pages & (uint16_t)~step->have;
	unsigned last = VV_PLAN_PAGES;

	for (unsigned i = 0; i < VV_PLAN_PAGES; i++) {
		if (!(need >> i & 1))
			continue;
		if (last < i && i - last - 1 <= GAP_MAX)
			for (unsigned g = last + 1; g < i; g++)
				need |= (uint16_t)(1u << g);
		last = i;
	}
	return need;
}

static unsigned run_end(uint16_t bits, unsigned at)
{
	while (at < VV_PLAN_PAGES && bits >> at & 1)
		at++;
	return at;
}

/* One stretch of pages of the window in the buffer. */
static int push_stretch(struct vv_replay *r, const struct vv_plan_file *file,
			uint64_t base, unsigned first, unsigned end, uint64_t *pushed)
{
	uint64_t off = base + first * (uint64_t)VV_PROFILE_PAGE;
	uint64_t stop = vv_min_u64(base + end * (uint64_t)VV_PROFILE_PAGE, file->size);
	int err = r->host.push(r->host.ctx, file->node, off,
			       r->buffer + VV_PREFETCH_HEAD + (off - base),
			       (size_t)(stop - off));

	*pushed += err ? 0 : stop - off;
	return err;
}

static int push_window(struct vv_replay *r, const struct vv_plan_file *file,
		       uint64_t base, uint16_t bits, uint64_t *pushed)
{
	int err = VV_OK;

	for (unsigned i = 0; !err && i < VV_PLAN_PAGES; i++) {
		unsigned end = run_end(bits, i);

		if (end > i)
			err = push_stretch(r, file, base, i, end, pushed);
		i = end;
	}
	return err;
}

static unsigned lowest(uint16_t bits)
{
	unsigned n = 0;

	while (!(bits >> n & 1))
		n++;
	return n;
}

static unsigned highest(uint16_t bits)
{
	unsigned n = VV_PLAN_PAGES - 1;

	while (!(bits >> n & 1))
		n--;
	return n;
}

/* What the window's pages span, into its place in the buffer. */
static int fetch_window(struct vv_replay *r, const struct vv_plan_file *file,
			uint64_t base, uint16_t bits)
{
	uint64_t off = base + lowest(bits) * (uint64_t)VV_PROFILE_PAGE;
	uint64_t end = vv_min_u64(
		base + (highest(bits) + 1) * (uint64_t)VV_PROFILE_PAGE, file->size);

	return vv_reader_copy_ahead(r->reader, &file->blob, file->size, off,
				    r->buffer + VV_PREFETCH_HEAD + (off - base),
				    (size_t)(end - off));
}

static void settle_window(struct vv_replay *r, struct vv_plan_step *step, uint16_t bits,
			  int err, uint64_t pushed)
{
	vv_mutex_lock(r->lock);
	if (!err) {
		step->have |= bits;
		step->pushed |= bits;
	}
	r->stats->bytes_pushed += pushed;
	if (err == VV_ENOENT)
		r->stats->bytes_unknown += VV_PLAN_WINDOW;
	vv_mutex_unlock(r->lock);
}

/*
 * The pages that are wanted, read by the kernel itself.  They count as given before it asks
 * us for them, so that this is not taken for a reader who is as far as we are.
 * VV_ENOSYS: it cannot.
 */
static int pull_window(struct vv_replay *r, const struct vv_plan_file *file,
		       struct vv_plan_step *step, uint16_t bits, uint64_t *pulled)
{
	uint64_t base = step->window * VV_PLAN_WINDOW;
	char path[VV_PLAN_PATH];
	int err = VV_OK;

	vv_plan_path(r->plan, file->use, path);
	vv_mutex_lock(r->lock);
	step->have |= bits;
	vv_mutex_unlock(r->lock);
	for (unsigned i = 0; !err && i < VV_PLAN_PAGES; i++) {
		unsigned end = run_end(bits, i);
		size_t len = (end - i) * (size_t)VV_PROFILE_PAGE;

		if (end > i)
			err = r->host.pull(r->host.ctx, path,
					   base + i * (uint64_t)VV_PROFILE_PAGE, len);
		*pulled += end > i && !err ? len : 0;
		i = end;
	}
	if (!err)
		return VV_OK;
	vv_mutex_lock(r->lock);
	step->have &= (uint16_t)~bits;
	vv_mutex_unlock(r->lock);
	return err;
}

static int fetch_and_push(struct vv_replay *r, const struct vv_plan_file *file,
			  uint64_t base, uint16_t bits, uint64_t *pushed)
{
	int err = fetch_window(r, file, base, bits);

	return !err && r->host.push ? push_window(r, file, base, bits, pushed) : err;
}

/* VV_ENODEV ends the run; whatever else went wrong, the reader will be told when he asks. */
static int do_window(struct vv_replay *r, struct vv_plan_step *step, bool has_names)
{
	const struct vv_plan_file *file = vv_plan_file(r->plan, step->at);
	uint64_t given = 0;
	uint16_t bits;
	int err = VV_ENOSYS;

	vv_mutex_lock(r->lock);
	bits = missing(step);
	vv_mutex_unlock(r->lock);
	if (!bits || !file->node)
		return VV_OK;
	if (has_names && r->host.pull)
		err = pull_window(r, file, step, bits, &given);
	if (err == VV_ENOSYS)
		err = fetch_and_push(r, file, step->window * VV_PLAN_WINDOW, bits,
				     &given);
	settle_window(r, step, bits, err, given);
	return err == VV_ENODEV ? err : VV_OK;
}

/* ---- names ---- */

static int do_name(struct vv_replay *r, enum vv_profile_kind kind, uint32_t use)
{
	char path[VV_PLAN_PATH];
	int err;

	vv_plan_path(r->plan, use, path);
	err = r->host.name(r->host.ctx, kind, path);
	vv_mutex_lock(r->lock);
	r->stats->names += kind == VV_USE_HIT;
	r->stats->misses += kind == VV_USE_MISS;
	r->stats->lists += kind == VV_USE_LIST;
	vv_mutex_unlock(r->lock);
	return err == VV_ENODEV ? err : VV_OK;
}

/* ---- one run ---- */

static bool goes_on(struct vv_replay *r)
{
	return vv_lanes_wait(r->lanes) && !atomic_load(&r->is_cut);
}

static void cut(struct vv_replay *r)
{
	atomic_store(&r->is_cut, true);
}

static void replay_names(void *arg)
{
	struct vv_replay *r = arg;

	for (size_t i = 0; i < vv_plan_count(r->plan) && goes_on(r); i++) {
		const struct vv_plan_step *step = vv_plan_step(r->plan, i);

		if (step->kind != VV_USE_READ && do_name(r, step->kind, step->at))
			cut(r);
	}
}

/* A file must be known to the kernel before it can be given pages. */
static int do_step(struct vv_replay *r, struct vv_plan_step *step, bool has_names)
{
	const struct vv_plan_file *file = vv_plan_file(r->plan, step->at);
	char path[VV_PLAN_PATH];
	int err = VV_OK;

	if (has_names && file->node && file->use != r->known) {
		vv_plan_path(r->plan, file->use, path);
		err = r->host.name(r->host.ctx, VV_USE_HIT, path);
		r->known = file->use;
	}
	return err == VV_ENODEV ? err : do_window(r, step, has_names);
}

/* Where to go on behind @at: not where a reader is at work already. */
static size_t keep_ahead(struct vv_replay *r, size_t at)
{
	size_t least;

	vv_mutex_lock(r->lock);
	least = r->plan->front ? r->plan->front + AHEAD_MIN : 0;
	vv_mutex_unlock(r->lock);
	return vv_max_size(at, least);
}

/* The second time, what was left to the reader and he did not take. */
static void replay_pages(struct vv_replay *r, bool has_names)
{
	r->known = UINT32_MAX;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; goes_on(r); i++) {
			if (round == 0)
				i = keep_ahead(r, i);
			if (i >= vv_plan_count(r->plan))
				break;
			if (vv_plan_step(r->plan, i)->kind == VV_USE_READ &&
			    do_step(r, vv_plan_step(r->plan, i), has_names))
				cut(r);
		}
	}
}

void vv_replay_run(struct vv_replay *r, const char *layer)
{
	struct vv_thread names;
	bool has_names =
		r->host.name && (!r->host.begin || !r->host.begin(r->host.ctx, layer));
	bool is_split =
		has_names && vv_thread_create(&names, "varve-names", replay_names, r,
					      STACK_BYTES) == VV_OK;

	replay_pages(r, has_names);
	if (is_split)
		vv_thread_join(&names);
	if (has_names && r->host.end)
		r->host.end(r->host.ctx);
}
