#include "host/prefetch.h"

#include "cache/budget.h"
#include "cache/lanes.h"
#include "core/err.h"
#include "core/log.h"
#include "host/plan.h"
#include "host/replay.h"
#include "os/thread.h"
#include "store/profiles.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * A layer of which something was read:
 *
 *	LOAD	its profile is to be read.  What is read meanwhile is noted in `early`.
 *	READY	triggers are known; `due` says which runs are to be replayed
 *	OVER	no run is left: the profile is freed
 *
 * A layer that shows another tree is set to LOAD again, wherever it is.
 */
enum stage {
	LOAD,
	READY,
	OVER,
};

enum {
	EARLY_MAX = 32,	   /* files read before the profile is there */
	LAYERS_MAX = 4096, /* more than that are not watched */
	MEMORY_FACTOR = 8, /* of a record's bytes: what it becomes, with its plan */
};

struct run {
	size_t begin; /* use */
	struct vv_plan_read trigger;
	bool is_possible; /* it has a trigger */
	bool is_due, is_over;
};

struct layer {
	struct vv_watched *watched; /* borrowed */
	enum stage stage;
	bool is_loaded; /* triggers are known */
	struct vv_plan_read
		early[EARLY_MAX]; /* before there is a plan to tell them to */
	unsigned early_count;
	struct vv_profile profile;
	size_t reserved; /* bytes of the budget, for it and its plans */
	struct run runs[VV_PROFILE_RUNS_MAX];
	unsigned run_count;
};

struct vv_prefetch {
	struct vv_prefetch_options opts;
	struct vv_thread thread;
	bool is_started;

	struct vv_mutex lock;
	struct vv_cond changed;
	/* protected by lock: */
	bool stop;
	struct layer **layers; /* owned, and what it points to */
	size_t layer_count, layer_cap;
	struct vv_plan *plan; /* of the run that is being replayed; NULL */
	struct layer *plan_layer;
	struct vv_prefetch_stats stats;

	struct vv_replay replay; /* of that run, by its threads alone */
};

/* ---- one run ---- */

/* Pages that readers asked for before we came to them; under the lock. */
static uint64_t late_bytes(const struct vv_plan *plan)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < vv_plan_count(plan); i++) {
		const struct vv_plan_step *step = vv_plan_step(plan, i);

		for (unsigned n = 0; n < VV_PLAN_PAGES; n++)
			pages += (step->pages & step->have & ~step->pushed) >> n & 1;
	}
	return pages * VV_PROFILE_PAGE;
}

/* Under the lock, with a pause. */
static void replay(struct vv_prefetch *p, struct layer *layer, struct run *run)
{
	struct vv_plan plan;
	int err;

	vv_mutex_unlock(&p->lock);
	err = vv_plan_init(&plan, p->opts.view, layer->watched->path, &layer->profile,
			   run->begin, p->opts.bytes);
	vv_mutex_lock(&p->lock);
	atomic_store(&p->replay.is_cut, err != VV_OK);
	p->replay.plan = &plan;
	p->plan = &plan;
	p->plan_layer = layer;
	for (unsigned i = 0; i < layer->early_count; i++)
		(void)vv_plan_saw(&plan, &layer->early[i]);
	layer->early_count = 0;
	vv_mutex_unlock(&p->lock);
	if (!err)
		vv_replay_run(&p->replay, layer->watched->path);
	vv_mutex_lock(&p->lock);
	p->plan = NULL;
	p->plan_layer = NULL;
	p->stats.runs++;
	p->stats.bytes_late += late_bytes(&plan);
	p->stats.runs_cut += p->stop || atomic_load(&p->replay.is_cut);
	atomic_fetch_add(&layer->watched->replays, 1);
	vv_mutex_unlock(&p->lock);
	vv_plan_fini(&plan);
	vv_mutex_lock(&p->lock);
}

/* ---- layers ---- */

static void unload(struct vv_prefetch *p, struct layer *layer)
{
	vv_profile_fini(&layer->profile);
	if (layer->reserved)
		vv_budget_release(p->opts.budget, VV_HOLD_PROFILES, layer->reserved);
	layer->reserved = 0;
	layer->run_count = 0;
}

static int load(struct vv_prefetch *p, struct layer *layer, struct run *runs,
		unsigned *count)
{
	size_t size;
	int err = vv_profiles_size(p->opts.store, layer->watched->ref, &size);

	*count = 0;
	if (err)
		return err;
	err = vv_budget_try_reserve(p->opts.budget, VV_HOLD_PROFILES,
				    size * MEMORY_FACTOR);
	if (err) {
		vv_log(VV_LOG_WARN,
		       "the profile of %s is too large for this budget: nothing is "
		       "fetched ahead; mount with more --memory",
		       layer->watched->ref);
		return err;
	}
	layer->reserved = size * MEMORY_FACTOR;
	err = vv_profiles_get(p->opts.store, layer->watched->ref, &layer->profile);
	for (size_t i = 0; !err && i < vv_profile_count(&layer->profile); i++) {
		struct run *run = &runs[*count];

		if (vv_profile_get(&layer->profile, i)->kind != VV_USE_RUN)
			continue;
		*run = (struct run){ .begin = i };
		run->is_possible =
			vv_plan_trigger(&run->trigger, p->opts.view,
					layer->watched->path, &layer->profile, i);
		++*count;
	}
	return err;
}

/* Runs whose trigger this is are due. */
static bool trigger(struct layer *layer, const struct vv_plan_read *read)
{
	bool any = false;

	for (unsigned i = 0; i < layer->run_count; i++) {
		struct run *run = &layer->runs[i];

		if (run->is_possible && !run->is_over && !run->is_due &&
		    vv_plan_is_trigger(&run->trigger, read))
			any = run->is_due = true;
	}
	return any;
}

static bool has_due(const struct layer *layer)
{
	for (unsigned i = 0; i < layer->run_count; i++)
		if (layer->runs[i].is_due)
			return true;
	return false;
}

/* Under the lock, with a pause. */
static void load_layer(struct vv_prefetch *p, struct layer *layer)
{
	struct run runs[VV_PROFILE_RUNS_MAX];
	unsigned count;

	layer->stage = READY;
	layer->is_loaded = false;
	unload(p, layer);
	vv_mutex_unlock(&p->lock);
	(void)load(p, layer, runs, &count);
	vv_mutex_lock(&p->lock);
	if (layer->stage == LOAD)
		return; /* another tree meanwhile */
	memcpy(layer->runs, runs, count * sizeof runs[0]);
	layer->run_count = count;
	layer->is_loaded = true;
	for (unsigned i = 0; i < layer->early_count; i++)
		(void)trigger(layer, &layer->early[i]);
}

/* No run is left, or none can be. */
static void end_if_over(struct vv_prefetch *p, struct layer *layer)
{
	for (unsigned i = 0; i < layer->run_count; i++)
		if (layer->runs[i].is_possible && !layer->runs[i].is_over)
			return;
	if (layer->stage != READY)
		return;
	layer->stage = OVER;
	atomic_store(&layer->watched->state, VV_WATCH_NOTHING);
	unload(p, layer);
}

/* A layer that wants something done; under the lock. */
static struct layer *next_layer(struct vv_prefetch *p, struct run **run)
{
	*run = NULL;
	for (size_t i = 0; i < p->layer_count; i++) {
		struct layer *layer = p->layers[i];

		if (layer->stage == LOAD)
			return layer;
		for (unsigned n = 0; layer->stage == READY && n < layer->run_count; n++)
			if (layer->runs[n].is_due) {
				*run = &layer->runs[n];
				return layer;
			}
	}
	return NULL;
}

static void prefetch_main(void *arg)
{
	struct vv_prefetch *p = arg;

	vv_mutex_lock(&p->lock);
	while (!p->stop) {
		struct run *run;
		struct layer *layer = next_layer(p, &run);

		if (!layer) {
			vv_cond_wait(&p->changed, &p->lock);
			continue;
		}
		if (!run) {
			load_layer(p, layer);
		} else {
			run->is_due = false;
			run->is_over = true;
			replay(p, layer, run);
		}
		end_if_over(p, layer);
	}
	vv_mutex_unlock(&p->lock);
}

/* Under the lock.  NULL: no memory, or too many. */
static struct layer *find_layer(struct vv_prefetch *p, struct vv_watched *watched)
{
	struct layer *fresh;

	for (size_t i = 0; i < p->layer_count; i++)
		if (p->layers[i]->watched == watched)
			return p->layers[i];
	if (p->layer_count == LAYERS_MAX)
		return NULL;
	if (p->layer_count == p->layer_cap) {
		size_t cap = p->layer_cap ? 2 * p->layer_cap : 16;
		struct layer **more = realloc(p->layers, cap * sizeof *more);

		if (!more)
			return NULL;
		p->layers = more;
		p->layer_cap = cap;
	}
	fresh = calloc(1, sizeof *fresh);
	if (!fresh)
		return NULL;
	fresh->watched = watched;
	fresh->stage = OVER;
	vv_profile_init(&fresh->profile);
	p->layers[p->layer_count++] = fresh;
	return fresh;
}

/* ---- what readers tell ---- */

static void note_early(struct layer *layer, const struct vv_plan_read *r)
{
	if (layer->early_count < EARLY_MAX)
		layer->early[layer->early_count++] = *r;
}

/* Under the lock.  True: there is something to do. */
static bool saw(struct vv_prefetch *p, struct vv_watched *watched,
		const struct vv_plan_read *r)
{
	struct layer *layer = find_layer(p, watched);
	int new = VV_WATCH_NEW;
	bool is_new, is_due;

	if (!layer) {
		atomic_store(&watched->state, VV_WATCH_NOTHING);
		return false;
	}
	is_new = atomic_compare_exchange_strong(&watched->state, &new, VV_WATCH_READS);
	if (is_new) {
		layer->stage = LOAD;
		layer->is_loaded = false;
		layer->early_count = 0;
	}
	is_due = trigger(layer, r);
	if (p->plan && p->plan_layer == layer)
		p->stats.bytes_again += vv_plan_saw(p->plan, r);
	else if (!layer->is_loaded || has_due(layer))
		note_early(layer, r);
	return is_new || is_due;
}

void vv_prefetch_saw(struct vv_prefetch *p, struct vv_watched *layer,
		     const struct vv_plan_read *read)
{
	if (atomic_load_explicit(&layer->state, memory_order_relaxed) ==
	    VV_WATCH_NOTHING)
		return;
	vv_mutex_lock(&p->lock);
	if (saw(p, layer, read))
		vv_cond_signal(&p->changed);
	vv_mutex_unlock(&p->lock);
}

/* ---- life ---- */

int vv_prefetch_new(struct vv_prefetch **out, const struct vv_prefetch_options *opts)
{
	struct vv_prefetch *p = calloc(1, sizeof *p);

	*out = NULL;
	if (!p)
		return VV_ENOMEM;
	p->opts = *opts;
	p->replay.reader = opts->reader;
	p->replay.lanes = opts->lanes;
	p->replay.lock = &p->lock;
	p->replay.stats = &p->stats;
	vv_mutex_init(&p->lock);
	vv_cond_init(&p->changed);
	*out = p;
	return VV_OK;
}

void vv_prefetch_free(struct vv_prefetch *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->layer_count; i++) {
		unload(p, p->layers[i]);
		free(p->layers[i]);
	}
	free(p->layers);
	vv_cond_fini(&p->changed);
	vv_mutex_fini(&p->lock);
	free(p);
}

int vv_prefetch_start(struct vv_prefetch *p, const struct vv_prefetch_host *host)
{
	int err = vv_budget_try_reserve(p->opts.budget, VV_HOLD_TRANSPORT,
					VV_REPLAY_BUFFER);

	if (err)
		return err;
	p->replay.buffer = malloc(VV_REPLAY_BUFFER);
	p->replay.host = *host;
	p->stop = false;
	vv_lanes_start(p->opts.lanes);
	err = p->replay.buffer
		      ? vv_thread_create(&p->thread, "varve-ahead", prefetch_main, p, 0)
		      : VV_ENOMEM;
	p->is_started = !err;
	if (err) {
		free(p->replay.buffer);
		vv_budget_release(p->opts.budget, VV_HOLD_TRANSPORT, VV_REPLAY_BUFFER);
	}
	return err;
}

void vv_prefetch_stop(struct vv_prefetch *p)
{
	if (!p->is_started)
		return;
	vv_lanes_stop(p->opts.lanes);
	vv_mutex_lock(&p->lock);
	p->stop = true;
	vv_cond_signal(&p->changed);
	vv_mutex_unlock(&p->lock);
	vv_thread_join(&p->thread);
	p->is_started = false;
	free(p->replay.buffer);
	p->replay.buffer = NULL;
	vv_budget_release(p->opts.budget, VV_HOLD_TRANSPORT, VV_REPLAY_BUFFER);
}

void vv_prefetch_get_stats(struct vv_prefetch *p, struct vv_prefetch_stats *out)
{
	vv_mutex_lock(&p->lock);
	*out = p->stats;
	vv_mutex_unlock(&p->lock);
}
