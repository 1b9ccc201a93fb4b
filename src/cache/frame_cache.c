#include "cache/frame_cache.h"

#include "cache/budget.h"
#include "cache/evict.h"
#include "core/arith.h"
#include "core/err.h"
#include "os/thread.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * States of an entry, and who makes each transition:
 *
 *	(none)   --begin_fetch()--> FETCHING   in the table, in no queue; one thread, the
 *					       fetcher, writes its bytes
 *	FETCHING --settle()-------> RESIDENT   in the table and in a queue; bytes immutable
 *	FETCHING --settle()-------> FAILED     in neither; its joiners hold it
 *	FAILED   --last joiner----> (freed)
 *	RESIDENT --take_victim()--> (freed)    only while its pins are 0
 *
 * Invariants, true whenever the lock is free:
 *
 * (C1) The table has at most one entry for an id.  So a frame has one fetch at a time.
 * (C2) `used` counts the cost of every entry from before its pages exist until after
 *	they are gone; charged = max(floor, used) is what we hold of the budget for
 *	entries.  The excess over the floor goes back as soon as it arises.
 * (C3) Pins grow only under the lock, in RESIDENT or at settle().  They fall without
 *	it.  So an entry found unpinned under the lock stays unpinned until we let go.
 * (C4) Whoever waits for room counts itself in `hungry` before it looks for a victim;
 *	an unpin looks at `hungry` after it let go of its pin.  So one of them sees the
 *	other, and no wake-up is lost.
 * (C5) What is pinned or being fetched has been admitted, and admissions are at most
 *	the floor.  So whoever waits for room under an admission waits only for pages
 *	that are on their way out: everything else can be evicted.
 * (C6) Joins cannot go round in a circle: an entry whose fetcher joins another's fetch
 *	names that in `joins_on`, and the chain is walked before joining.
 *
 * Locks: `gate` guards admissions alone; `lock` the rest; the budget's lock is taken
 * inside `lock`, never the other way round: the budget calls us without its own.
 */
enum state {
	FETCHING,
	RESIDENT,
	FAILED,
};

enum {
	PAGE = 4096,
	HEAP_OVERHEAD = 16,   /* bytes that malloc adds to an entry, about */
	BUCKET_SHARE = 32768, /* bytes of budget for each bucket and each ghost */
	BUCKETS_MIN = 512,
	BUCKETS_MAX = 1 << 20,
	SETTLED_CONDS = 16, /* joiners of different frames rarely wake each other */
};

struct entry {
	struct vv_evict_node node; /* first: cast from what evict.h hands back */
	struct vv_id id;
	struct entry *next;		  /* in its bucket */
	uint8_t *bytes;			  /* owned pages; NULL until there is room */
	size_t size;			  /* plain bytes */
	struct entry *joins_on;		  /* (C6); NULL */
	struct vv_frame_account *account; /* borrowed; NULL */
	unsigned joiners;
	bool is_ahead; /* fetched ahead, and nobody wanted it yet */
	enum state state;
	int err; /* FAILED */
};

struct vv_frame_cache {
	struct vv_budget *budget; /* borrowed */
	struct vv_page_ops pages;
	size_t floor,
		fixed; /* bytes of the budget: for entries, for tables; immutable */

	struct vv_mutex gate;
	struct vv_cond gate_open;
	size_t admitted;		 /* bytes, at most floor; protected by gate */
	uint64_t next_ticket, next_turn; /* protected by gate */

	struct vv_mutex lock;
	struct vv_cond room;
	struct vv_cond settled[SETTLED_CONDS];
	struct entry **buckets; /* owned; this and all below: protected by lock */
	size_t bucket_mask;
	struct vv_evict evict;
	size_t used, charged; /* bytes (C2) */
	struct vv_frame_cache_stats stats;

	atomic_uint hungry;   /* (C4) */
	atomic_size_t pinned; /* bytes, for statistics */
};

/* ---- sizes ---- */

static size_t pages_of(size_t size)
{
	return (size + PAGE - 1) / PAGE * PAGE;
}

size_t vv_frame_cache_cost(size_t size)
{
	assert(size <= SIZE_MAX / 2);
	return pages_of(size) + sizeof(struct entry) + HEAP_OVERHEAD;
}

/* (C2).  Locked.  Returns the bytes that went back to the budget. */
static size_t give_back(struct vv_frame_cache *cache)
{
	size_t keep = vv_max_size(cache->floor, cache->used);
	size_t excess = cache->charged - keep;

	assert(cache->charged >= keep);
	cache->charged = keep;
	vv_budget_release(cache->budget, VV_HOLD_FRAMES, excess);
	return excess;
}

/* Count @cost more if the floor or the budget has it free.  Locked. */
static bool grow(struct vv_frame_cache *cache, size_t cost)
{
	size_t want = cache->used + cost;

	if (want > cache->charged) {
		if (vv_budget_take_free(cache->budget, VV_HOLD_FRAMES,
					want - cache->charged))
			return false;
		cache->charged = want;
	}
	cache->used = want;
	return true;
}

/* ---- the table ---- */

/* Ids are hashes already. */
static uint64_t hash_of(const struct vv_id *id)
{
	return vv_get_le64(id->bytes);
}

static struct entry **find(struct vv_frame_cache *cache, const struct vv_id *id)
{
	struct entry **at = &cache->buckets[hash_of(id) & cache->bucket_mask];

	while (*at && !vv_id_equal(&(*at)->id, id))
		at = &(*at)->next;
	return at;
}

static void unlink_entry(struct vv_frame_cache *cache, struct entry *e)
{
	struct entry **at = find(cache, &e->id);

	assert(*at == e); /* (C1) */
	*at = e->next;
	e->next = NULL;
}

static struct entry *entry_new(const struct vv_id *id, size_t size)
{
	struct entry *e = calloc(1, sizeof *e);

	if (!e)
		return NULL;
	e->id = *id;
	e->size = size;
	e->state = FETCHING;
	e->node.hash = hash_of(id);
	e->node.bytes = vv_frame_cache_cost(size);
	atomic_init(&e->node.pins, 0);
	return e;
}

/* ---- accounts ---- */

static void add(atomic_uint_least64_t *sum, uint64_t n)
{
	atomic_fetch_add_explicit(sum, n, memory_order_relaxed);
}

static void book_fetched(const struct entry *e)
{
	if (!e->account)
		return;
	add(&e->account->decoded, e->size);
	add(&e->account->resident, e->size);
}

static void book_gone(const struct entry *e)
{
	if (e->account)
		atomic_fetch_sub_explicit(&e->account->resident, e->size,
					  memory_order_relaxed);
}

/* ---- giving memory up ---- */

/* The next frame to go, out of queue and table, still counted in `used`.  Locked. */
static struct entry *take_victim(struct vv_frame_cache *cache)
{
	struct entry *e = (struct entry *)vv_evict_pick(&cache->evict);

	if (!e)
		return NULL;
	assert(e->state == RESIDENT && e->joiners == 0);
	unlink_entry(cache, e);
	cache->stats.evictions++;
	cache->stats.ahead_unwanted += e->is_ahead;
	cache->stats.frames_resident--;
	cache->stats.bytes_resident -= e->size;
	book_gone(e);
	return e;
}

/* Pages first, then the count (C2).  Locked, but not while the pages go. */
static void discard(struct vv_frame_cache *cache, struct entry *e)
{
	size_t cost = e->node.bytes;

	vv_mutex_unlock(&cache->lock);
	if (e->bytes)
		cache->pages.free(e->bytes, pages_of(e->size));
	free(e);
	vv_mutex_lock(&cache->lock);
	cache->used -= cost;
	if (atomic_load(&cache->hungry) > 0)
		vv_cond_broadcast(&cache->room);
}

/* The budget's reclaimer.  Below the floor there is nothing to give. */
static size_t reclaim(void *ctx, size_t bytes)
{
	struct vv_frame_cache *cache = ctx;
	struct entry *victim;
	size_t got = 0;

	vv_mutex_lock(&cache->lock);
	while (got < bytes && cache->charged > cache->floor) {
		victim = take_victim(cache);
		if (!victim)
			break;
		discard(cache, victim);
		got += give_back(cache);
	}
	vv_mutex_unlock(&cache->lock);
	return got;
}

/*
 * Count @e and find it pages, evicting as need be.  A victim of the same size hands its
 * pages on, which saves the system a round.  Locked, with pauses.
 */
static void make_room(struct vv_frame_cache *cache, struct entry *e)
{
	atomic_fetch_add(&cache->hungry, 1); /* (C4) */
	while (!grow(cache, e->node.bytes)) {
		struct entry *victim = take_victim(cache);

		if (!victim) {
			vv_cond_wait(&cache->room, &cache->lock); /* (C5) */
		} else if (pages_of(victim->size) == pages_of(e->size)) {
			e->bytes = victim->bytes;
			free(victim);
			break; /* its cost is ours now */
		} else {
			discard(cache, victim);
		}
	}
	atomic_fetch_sub(&cache->hungry, 1);
	give_back(cache);
}

/* ---- fetching ---- */

static struct vv_cond *settled_of(struct vv_frame_cache *cache, const struct entry *e)
{
	return &cache->settled[e->node.hash >> 32 & (SETTLED_CONDS - 1)];
}

/* The fetcher pins for itself and for everyone who joined.  Locked. */
static void settle(struct vv_frame_cache *cache, struct entry *e, int err)
{
	if (err) {
		unlink_entry(cache, e);
		e->state = FAILED;
		e->err = err;
		cache->stats.failures++;
	} else {
		e->state = RESIDENT;
		atomic_store(&e->node.pins, 1 + e->joiners); /* (C3) */
		atomic_fetch_add(&cache->pinned, e->size);
		vv_evict_add(&cache->evict, &e->node);
		cache->stats.frames_resident++;
		cache->stats.bytes_resident += e->size;
		book_fetched(e);
	}
	if (e->joiners > 0)
		vv_cond_broadcast(settled_of(cache, e));
}

/* Who reads the error last, the fetcher or a joiner, lets the entry go.  Locked. */
static void drop_failed(struct vv_frame_cache *cache, struct entry *e)
{
	if (e->joiners == 0)
		discard(cache, e);
	give_back(cache);
}

/* @e is new and in the table.  Locked on entry and exit. */
static int run_fetch(struct vv_frame_cache *cache, struct entry *e,
		     vv_frame_fetch_fn *fetch, void *ctx)
{
	int err = VV_OK;

	make_room(cache, e);
	vv_mutex_unlock(&cache->lock);
	if (!e->bytes)
		e->bytes = cache->pages.alloc(pages_of(e->size));
	if (!e->bytes)
		err = VV_ENOMEM;
	if (!err)
		err = fetch(ctx, &e->id, e->bytes, e->size);
	assert(err <= 0);
	vv_mutex_lock(&cache->lock);
	settle(cache, e, err);
	if (err)
		drop_failed(cache, e);
	return err;
}

/* (C6).  Locked. */
static bool makes_circle(const struct entry *from, const struct entry *target)
{
	for (; target; target = target->joins_on) {
		if (target == from)
			return true;
	}
	return false;
}

/* Wait for another's fetch of @e.  @from: what we are fetching meanwhile, or NULL.  Locked. */
static int join(struct vv_frame_cache *cache, struct entry *from, struct entry *e)
{
	int err;

	if (from && makes_circle(from, e))
		return VV_EDEADLK;
	cache->stats.joins++;
	e->joiners++;
	if (from)
		from->joins_on = e;
	while (e->state == FETCHING)
		vv_cond_wait(settled_of(cache, e), &cache->lock);
	if (from)
		from->joins_on = NULL;
	e->joiners--;
	err = e->state == FAILED ? e->err : VV_OK;
	if (err)
		drop_failed(cache, e);
	return err;
}

/* ---- pinning ---- */

/* Somebody asks for a frame that is here, or on its way.  Locked. */
static void want(struct vv_frame_cache *cache, struct entry *e)
{
	cache->stats.ahead_wanted += e->is_ahead;
	e->is_ahead = false;
}

static void count_ahead(struct vv_frame_cache *cache, struct entry *e)
{
	e->is_ahead = true;
	cache->stats.ahead++;
	cache->stats.ahead_bytes += e->size;
}

static void hit(struct vv_frame_cache *cache, const struct vv_asker *asker,
		struct entry *e)
{
	struct vv_frame_account *account = asker->account;

	if (!asker->is_ahead)
		vv_evict_use(&cache->evict, &e->node);
	if (atomic_fetch_add(&e->node.pins, 1) == 0) /* (C3) */
		atomic_fetch_add_explicit(&cache->pinned, e->size,
					  memory_order_relaxed);
	cache->stats.hits++;
	if (account)
		add(&account->hits, 1);
}

/* Put an entry for @id into the table, unless one came meanwhile.  Locked, with a pause. */
static int begin_fetch(struct vv_frame_cache *cache, const struct vv_id *id,
		       size_t size, struct entry **out, bool *is_mine)
{
	struct entry *fresh, **at;

	vv_mutex_unlock(&cache->lock);
	fresh = entry_new(id, size);
	vv_mutex_lock(&cache->lock);
	at = find(cache, id);
	*is_mine = fresh && !*at;
	if (*is_mine) {
		*at = fresh;
		cache->stats.misses++;
	} else {
		free(fresh);
	}
	*out = *at;
	return *at ? VV_OK : VV_ENOMEM;
}

/* Locked on entry and exit.  On success *@out is pinned. */
static int pin(struct vv_frame_cache *cache, const struct vv_asker *asker,
	       const struct vv_id *id, size_t size, vv_frame_fetch_fn *fetch, void *ctx,
	       struct entry **out)
{
	struct entry *e = *find(cache, id);
	bool is_mine = false;
	int err = VV_OK;

	if (!e)
		err = begin_fetch(cache, id, size, &e, &is_mine);
	if (err)
		return err;
	*out = e;
	if (is_mine)
		e->account = asker->account;
	if (is_mine && asker->is_ahead)
		count_ahead(cache, e);
	if (is_mine)
		return run_fetch(cache, e, fetch, ctx);
	if (e->size != size)
		return VV_ECORRUPT;
	if (!asker->is_ahead)
		want(cache, e);
	if (e->state == FETCHING)
		return join(cache, asker->from ? *find(cache, asker->from) : NULL, e);
	hit(cache, asker, e);
	return VV_OK;
}

int vv_frame_cache_pin_for(struct vv_frame_cache *cache, const struct vv_asker *asker,
			   const struct vv_id *id, size_t size,
			   vv_frame_fetch_fn *fetch, void *ctx, struct vv_pin *out)
{
	struct entry *e = NULL;
	int err;

	assert(size > 0);
	*out = (struct vv_pin){ 0 };
	vv_mutex_lock(&cache->lock);
	err = pin(cache, asker, id, size, fetch, ctx, &e);
	vv_mutex_unlock(&cache->lock);
	if (err)
		return err;
	*out = (struct vv_pin){ .bytes = e->bytes, .size = e->size, .entry = e };
	return VV_OK;
}

bool vv_frame_cache_has(struct vv_frame_cache *cache, const struct vv_id *id)
{
	bool has;

	vv_mutex_lock(&cache->lock);
	has = *find(cache, id) != NULL;
	vv_mutex_unlock(&cache->lock);
	return has;
}

int vv_frame_cache_pin(struct vv_frame_cache *cache, const struct vv_id *id,
		       size_t size, vv_frame_fetch_fn *fetch, void *ctx,
		       struct vv_pin *out)
{
	static const struct vv_asker nobody;

	return vv_frame_cache_pin_for(cache, &nobody, id, size, fetch, ctx, out);
}

/* No lock unless somebody is short of memory: (C3), (C4).  @e may go once we let go. */
void vv_frame_cache_unpin(struct vv_frame_cache *cache, struct vv_pin *pin)
{
	struct entry *e = pin->entry;
	size_t size = pin->size;
	unsigned before;

	*pin = (struct vv_pin){ 0 };
	if (!e)
		return;
	before = atomic_fetch_sub(&e->node.pins, 1);
	assert(before > 0);
	if (before > 1)
		return;
	atomic_fetch_sub_explicit(&cache->pinned, size, memory_order_relaxed);
	if (atomic_load(&cache->hungry) > 0) {
		vv_mutex_lock(&cache->lock);
		vv_cond_broadcast(&cache->room);
		vv_mutex_unlock(&cache->lock);
	}
	vv_budget_nudge(cache->budget);
}

/* ---- admission ---- */

int vv_frame_cache_admit(struct vv_frame_cache *cache, size_t cost)
{
	uint64_t ticket;

	if (cost > cache->floor)
		return VV_ENOMEM;
	vv_mutex_lock(&cache->gate);
	ticket = cache->next_ticket++;
	while (ticket != cache->next_turn || cost > cache->floor - cache->admitted)
		vv_cond_wait(&cache->gate_open, &cache->gate);
	cache->next_turn++;
	cache->admitted += cost;
	if (cache->next_turn != cache->next_ticket)
		vv_cond_broadcast(&cache->gate_open);
	vv_mutex_unlock(&cache->gate);
	return VV_OK;
}

void vv_frame_cache_leave(struct vv_frame_cache *cache, size_t cost)
{
	vv_mutex_lock(&cache->gate);
	assert(cost <= cache->admitted);
	cache->admitted -= cost;
	if (cache->next_turn != cache->next_ticket)
		vv_cond_broadcast(&cache->gate_open);
	vv_mutex_unlock(&cache->gate);
}

/* ---- life ---- */

static size_t bucket_count(size_t limit)
{
	size_t n = BUCKETS_MIN;

	while (n < limit / BUCKET_SHARE && n < BUCKETS_MAX)
		n *= 2;
	return n;
}

static int make_tables(struct vv_frame_cache *cache, size_t buckets)
{
	cache->buckets = calloc(buckets, sizeof(struct entry *));
	if (!cache->buckets)
		return VV_ENOMEM;
	cache->bucket_mask = buckets - 1;
	return vv_evict_init(&cache->evict, buckets);
}

static void init_locks(struct vv_frame_cache *cache)
{
	vv_mutex_init(&cache->gate);
	vv_mutex_init(&cache->lock);
	vv_cond_init(&cache->gate_open);
	vv_cond_init(&cache->room);
	for (int i = 0; i < SETTLED_CONDS; i++)
		vv_cond_init(&cache->settled[i]);
	atomic_init(&cache->hungry, 0);
	atomic_init(&cache->pinned, 0);
}

int vv_frame_cache_new(struct vv_frame_cache **out, struct vv_budget *budget,
		       const struct vv_page_ops *pages)
{
	struct vv_frame_cache *cache = calloc(1, sizeof *cache);
	size_t buckets = bucket_count(vv_budget_limit(budget));
	int err;

	*out = NULL;
	if (!cache)
		return VV_ENOMEM;
	cache->budget = budget;
	cache->pages = *pages;
	cache->fixed = buckets * (sizeof(struct entry *) + sizeof(uint64_t));
	cache->floor = vv_min_size(vv_budget_limit(budget) / VV_CACHE_FLOOR_PART,
				   VV_CACHE_FLOOR_MAX);
	err = vv_budget_try_reserve(budget, VV_HOLD_FRAMES,
				    cache->floor + cache->fixed);
	if (err) {
		free(cache);
		return err;
	}
	cache->charged = cache->floor;
	init_locks(cache);
	err = make_tables(cache, buckets);
	if (err) {
		vv_frame_cache_free(cache);
		return err;
	}
	vv_budget_set_reclaimer(budget, reclaim, cache);
	*out = cache;
	return VV_OK;
}

static void discard_all(struct vv_frame_cache *cache)
{
	struct entry *victim;

	vv_mutex_lock(&cache->lock);
	while ((victim = take_victim(cache)))
		discard(cache, victim);
	give_back(cache);
	vv_mutex_unlock(&cache->lock);
}

void vv_frame_cache_free(struct vv_frame_cache *cache)
{
	if (!cache)
		return;
	vv_budget_set_reclaimer(cache->budget, NULL, NULL);
	discard_all(cache);
	assert(cache->used == 0 && cache->admitted == 0);
	vv_budget_release(cache->budget, VV_HOLD_FRAMES, cache->floor + cache->fixed);
	vv_evict_fini(&cache->evict);
	free(cache->buckets);
	for (int i = 0; i < SETTLED_CONDS; i++)
		vv_cond_fini(&cache->settled[i]);
	vv_cond_fini(&cache->room);
	vv_cond_fini(&cache->gate_open);
	vv_mutex_fini(&cache->lock);
	vv_mutex_fini(&cache->gate);
	free(cache);
}

void vv_frame_cache_get_stats(struct vv_frame_cache *cache,
			      struct vv_frame_cache_stats *out)
{
	vv_mutex_lock(&cache->lock);
	*out = cache->stats;
	vv_mutex_unlock(&cache->lock);
	out->bytes_pinned = atomic_load(&cache->pinned);
}
