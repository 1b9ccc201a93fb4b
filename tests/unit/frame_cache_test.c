#include "cache/frame_cache.h"

#include "cache/budget.h"
#include "core/err.h"
#include "os/system.h"
#include "os/thread.h"
#include "test.h"

#include <stdatomic.h>
#include <stdbool.h>

enum {
	LIMIT = VV_BUDGET_MIN,
	FRAME = 64 * 1024,
	FRAMES_THAT_FIT = LIMIT / FRAME, /* fewer: headers and tables count too */
	ID_COUNT = 4096,
};

static struct vv_budget *budget;
static struct vv_frame_cache *cache;
static atomic_size_t live_bytes, most_bytes; /* of pages */
static atomic_uint fetches[ID_COUNT], running[ID_COUNT];

/* ---- pages that are counted ---- */

static void *count_alloc(size_t size)
{
	size_t now = atomic_fetch_add(&live_bytes, size) + size;
	size_t most = atomic_load(&most_bytes);

	while (now > most && !atomic_compare_exchange_weak(&most_bytes, &most, now))
		;
	CHECK(now <= LIMIT); /* at each moment */
	return malloc(size);
}

static void count_free(void *pages, size_t size)
{
	free(pages);
	atomic_fetch_sub(&live_bytes, size);
}

static const struct vv_page_ops counted = { count_alloc, count_free };

static void begin(void)
{
	for (int i = 0; i < ID_COUNT; i++)
		atomic_store(&fetches[i], 0);
	CHECK_INT(vv_budget_new(&budget, LIMIT), VV_OK);
	CHECK_INT(vv_frame_cache_new(&cache, budget, &counted), VV_OK);
}

static void end(void)
{
	vv_frame_cache_free(cache);
	vv_budget_free(budget); /* asserts that all was released */
	CHECK_INT(atomic_load(&live_bytes), 0);
}

/* ---- frames that say who they are ---- */

static struct vv_id id_of(unsigned n)
{
	struct vv_id id = { { 0 } };

	/* Spread like a hash, and with the number in plain sight. */
	for (int i = 0; i < 8; i++)
		id.bytes[i] = (uint8_t)(n * 2654435761u >> 3 * i);
	id.bytes[16] = (uint8_t)n;
	id.bytes[17] = (uint8_t)(n >> 8);
	return id;
}

static unsigned number_of(const struct vv_id *id)
{
	return id->bytes[16] | (unsigned)id->bytes[17] << 8;
}

static int fetch(void *ctx, const struct vv_id *id, uint8_t *plain, size_t size)
{
	unsigned n = number_of(id);

	(void)ctx;
	CHECK_INT(atomic_fetch_add(&running[n], 1), 0); /* one at a time */
	atomic_fetch_add(&fetches[n], 1);
	memset(plain, (int)(n % 251), size);
	atomic_fetch_sub(&running[n], 1);
	return VV_OK;
}

static int fetch_fails(void *ctx, const struct vv_id *id, uint8_t *plain, size_t size)
{
	(void)plain;
	(void)size;
	atomic_fetch_add(&fetches[number_of(id)], 1);
	return *(const int *)ctx;
}

static int pin(unsigned n, size_t size, struct vv_pin *out)
{
	struct vv_id id = id_of(n);

	return vv_frame_cache_pin(cache, &id, size, fetch, NULL, out);
}

/* As a reader does it, in short. */
static void touch(unsigned n, size_t size)
{
	size_t cost = vv_frame_cache_cost(size);
	struct vv_pin p;

	CHECK_INT(vv_frame_cache_admit(cache, cost), VV_OK);
	CHECK_INT(pin(n, size, &p), VV_OK);
	CHECK_INT(p.bytes[0], n % 251);
	CHECK_INT(p.bytes[p.size - 1], n % 251);
	vv_frame_cache_unpin(cache, &p);
	vv_frame_cache_leave(cache, cost);
}

static struct vv_frame_cache_stats stats(void)
{
	struct vv_frame_cache_stats s;

	vv_frame_cache_get_stats(cache, &s);
	return s;
}

/* ---- one thread ---- */

static void a_frame_is_fetched_once_and_then_found(void)
{
	begin();
	touch(1, FRAME);
	touch(1, FRAME);
	touch(2, 100);
	CHECK_INT(atomic_load(&fetches[1]), 1);
	CHECK_INT(stats().hits, 1);
	CHECK_INT(stats().misses, 2);
	CHECK_INT(stats().frames_resident, 2);
	CHECK_INT(stats().bytes_resident, FRAME + 100);
	CHECK_INT(stats().bytes_pinned, 0);
	end();
}

static void a_failed_fetch_leaves_nothing_and_is_tried_again(void)
{
	struct vv_id id = id_of(5);
	int err = VV_ECORRUPT;
	struct vv_pin p;

	begin();
	CHECK_INT(vv_frame_cache_pin(cache, &id, FRAME, fetch_fails, &err, &p),
		  VV_ECORRUPT);
	CHECK(!p.bytes && !p.entry);
	CHECK_INT(atomic_load(&live_bytes), 0);
	CHECK_INT(stats().failures, 1);
	touch(5, FRAME);
	CHECK_INT(atomic_load(&fetches[5]), 2);
	end();
}

static void one_id_with_two_sizes_is_corrupt(void)
{
	struct vv_pin p;

	begin();
	touch(1, 1000);
	CHECK_INT(pin(1, 1001, &p), VV_ECORRUPT);
	end();
}

static void a_zeroed_pin_may_be_given_back(void)
{
	struct vv_pin p = { 0 };

	begin();
	vv_frame_cache_unpin(cache, &p);
	end();
}

static void what_is_pinned_neither_moves_nor_goes(void)
{
	const uint8_t *bytes;
	struct vv_pin p, again;

	begin();
	CHECK_INT(pin(1, FRAME, &p), VV_OK);
	bytes = p.bytes;
	for (unsigned n = 10; n < 10 + 4 * FRAMES_THAT_FIT; n++)
		touch(n, FRAME);
	CHECK(stats().evictions > 0);
	for (size_t i = 0; i < FRAME; i++)
		CHECK_INT(bytes[i], 1);
	CHECK_INT(pin(1, FRAME, &again), VV_OK);
	CHECK(again.bytes == bytes);
	CHECK_INT(atomic_load(&fetches[1]), 1);
	vv_frame_cache_unpin(cache, &again);
	vv_frame_cache_unpin(cache, &p);
	end();
}

static void sizes_of_all_kinds_share_the_budget(void)
{
	struct vv_budget_stats s;

	begin();
	for (unsigned n = 0; n < 2000; n++)
		touch(n, 1 + n * 7919 % (256 * 1024));
	vv_budget_get_stats(budget, &s);
	CHECK(s.peak <= LIMIT);
	CHECK(stats().bytes_resident > LIMIT / 2); /* and it is used */
	end();
}

static void others_get_memory_back_but_the_floor(void)
{
	size_t third = LIMIT / 3;

	begin();
	for (unsigned n = 0; n < 2 * FRAMES_THAT_FIT; n++)
		touch(n, FRAME);
	CHECK_INT(vv_budget_reserve(budget, VV_HOLD_UPPER, third), VV_OK);
	CHECK_INT(vv_budget_reserve(budget, VV_HOLD_UPPER, third), VV_OK);
	CHECK_INT(vv_budget_try_reserve(budget, VV_HOLD_UPPER, third), VV_ENOMEM);
	CHECK(atomic_load(&live_bytes) <= LIMIT - 2 * third);
	for (unsigned n = 0; n < 2 * FRAMES_THAT_FIT; n++)
		touch(n, FRAME); /* reading goes on */
	vv_budget_release(budget, VV_HOLD_UPPER, 2 * third);
	end();
}

/* ---- eviction ---- */

static unsigned resident_of(unsigned first, unsigned count)
{
	unsigned missing = 0;

	for (unsigned n = first; n < first + count; n++) {
		unsigned before = atomic_load(&fetches[n]);

		touch(n, FRAME);
		missing += atomic_load(&fetches[n]) != before;
	}
	return count - missing;
}

static void the_hot_set_survives_a_scan_of_ten_times_the_cache(void)
{
	enum {
		HOT = FRAMES_THAT_FIT / 2,
		SCAN = 10 * FRAMES_THAT_FIT
	};

	begin();
	for (int round = 0; round < 4; round++) {
		for (unsigned n = 0; n < HOT; n++)
			touch(n, FRAME);
	}
	for (unsigned n = 0; n < SCAN; n++)
		touch(1000 + n, FRAME);
	CHECK_INT(resident_of(0, HOT), HOT);
	end();
}

/* 64 small files of one frame, each opened once: that is one use, not 64. */
static void a_scan_of_small_files_does_not_look_like_use(void)
{
	enum {
		HOT = FRAMES_THAT_FIT / 2,
		SCAN = 10 * FRAMES_THAT_FIT
	};

	begin();
	for (int round = 0; round < 4; round++) {
		for (unsigned n = 0; n < HOT; n++)
			touch(n, FRAME);
	}
	for (unsigned n = 0; n < SCAN; n++) {
		for (int file = 0; file < 64; file++)
			touch(1000 + n, FRAME);
	}
	CHECK_INT(resident_of(0, HOT), HOT);
	end();
}

/* What was hot gives way to what is hot now. */
static void a_new_hot_set_takes_over(void)
{
	enum {
		HOT = FRAMES_THAT_FIT * 6 / 10
	};

	begin();
	for (int round = 0; round < 10; round++) {
		for (unsigned n = 0; n < HOT; n++)
			touch(n, FRAME);
	}
	for (int round = 0; round < 10; round++) {
		for (unsigned n = 0; n < HOT; n++)
			touch(1000 + n, FRAME);
	}
	CHECK_INT(resident_of(1000, HOT), HOT);
	end();
}

static void touch_for(struct vv_frame_account *account, unsigned n)
{
	struct vv_asker asker = { .account = account };
	size_t cost = vv_frame_cache_cost(FRAME);
	struct vv_id id = id_of(n);
	struct vv_pin p;

	CHECK_INT(vv_frame_cache_admit(cache, cost), VV_OK);
	CHECK_INT(vv_frame_cache_pin_for(cache, &asker, &id, FRAME, fetch, NULL, &p),
		  VV_OK);
	vv_frame_cache_unpin(cache, &p);
	vv_frame_cache_leave(cache, cost);
}

static void a_frame_is_on_the_account_of_who_fetched_it_until_it_goes(void)
{
	struct vv_frame_account gcc = { 0 }, clang = { 0 };
	struct vv_frame_cache_stats stats;

	begin();
	touch_for(&gcc, 0);
	touch_for(&gcc, 1);
	touch_for(&clang, 1); /* shared: stays with gcc */
	touch_for(&clang, 2);
	touch_for(NULL, 3);
	CHECK_INT(atomic_load(&gcc.resident), 2 * FRAME);
	CHECK_INT(atomic_load(&gcc.hits), 0);
	CHECK_INT(atomic_load(&clang.resident), FRAME);
	CHECK_INT(atomic_load(&clang.decoded), FRAME);
	CHECK_INT(atomic_load(&clang.hits), 1);
	for (unsigned n = 10; n < 10 + 4 * FRAMES_THAT_FIT; n++)
		touch_for(&clang, n);
	vv_frame_cache_get_stats(cache, &stats);
	CHECK_INT(atomic_load(&gcc.resident), 0);
	CHECK_INT(atomic_load(&gcc.decoded), 2 * FRAME);
	CHECK_INT(atomic_load(&clang.resident), stats.bytes_resident);
	end();
	CHECK_INT(atomic_load(&clang.resident), 0);
}

static void a_fetch_that_fails_is_on_no_account(void)
{
	struct vv_frame_account account = { 0 };
	struct vv_asker asker = { .account = &account };
	struct vv_id id = id_of(1);
	struct vv_pin p;
	int err = VV_EIO;

	begin();
	CHECK_INT(vv_frame_cache_pin_for(cache, &asker, &id, FRAME, fetch_fails, &err,
					 &p),
		  VV_EIO);
	CHECK_INT(atomic_load(&account.decoded), 0);
	CHECK_INT(atomic_load(&account.resident), 0);
	end();
}

/* ---- many threads ---- */

/* A fetch that says when it began and ends when it may. */
struct gate {
	struct vv_mutex lock;
	struct vv_cond moved;
	bool is_begun, may_end;
	int err;
};

static void gate_init(struct gate *g, int err)
{
	*g = (struct gate){ .err = err };
	vv_mutex_init(&g->lock);
	vv_cond_init(&g->moved);
}

static int fetch_gated(void *ctx, const struct vv_id *id, uint8_t *plain, size_t size)
{
	struct gate *g = ctx;

	vv_mutex_lock(&g->lock);
	g->is_begun = true;
	vv_cond_broadcast(&g->moved);
	while (!g->may_end)
		vv_cond_wait(&g->moved, &g->lock);
	vv_mutex_unlock(&g->lock);
	return g->err ? g->err : fetch(NULL, id, plain, size);
}

static void gate_wait_begun(struct gate *g)
{
	vv_mutex_lock(&g->lock);
	while (!g->is_begun)
		vv_cond_wait(&g->moved, &g->lock);
	vv_mutex_unlock(&g->lock);
}

static void gate_let_end(struct gate *g)
{
	vv_mutex_lock(&g->lock);
	g->may_end = true;
	vv_cond_broadcast(&g->moved);
	vv_mutex_unlock(&g->lock);
}

struct job {
	struct gate *gate;
	unsigned n;
	int err;
	struct vv_pin pin;
};

static void pin_gated(void *arg)
{
	struct job *job = arg;
	struct vv_id id = id_of(job->n);

	job->err = vv_frame_cache_pin(cache, &id, FRAME, fetch_gated, job->gate,
				      &job->pin);
}

static void one_slow_fetch_delays_only_who_wants_that_frame(void)
{
	struct vv_thread slow;
	struct gate gate;
	struct job job = { .gate = &gate, .n = 1 };
	uint64_t start;

	begin();
	gate_init(&gate, VV_OK);
	touch(2, FRAME);
	CHECK_INT(vv_thread_create(&slow, "slow", pin_gated, &job, 0), VV_OK);
	gate_wait_begun(&gate);
	start = vv_clock_ns();
	for (unsigned n = 10; n < 10 + 2 * FRAMES_THAT_FIT; n++) {
		touch(2, FRAME); /* hits */
		touch(n, FRAME); /* other frames, and evictions */
	}
	/* By events: it is still being fetched.  By time: nobody waited for it. */
	CHECK_INT(atomic_load(&fetches[1]), 0);
	CHECK(!job.pin.entry);
	CHECK(vv_clock_ns() - start < UINT64_C(10000000000));
	gate_let_end(&gate);
	vv_thread_join(&slow);
	CHECK_INT(job.err, VV_OK);
	vv_frame_cache_unpin(cache, &job.pin);
	end();
}

enum {
	JOINERS = 6
};

static void run_joiners(struct gate *gate, struct job jobs[JOINERS])
{
	struct vv_thread threads[JOINERS];

	for (int i = 0; i < JOINERS; i++) {
		jobs[i] = (struct job){ .gate = gate, .n = 3 };
		CHECK_INT(vv_thread_create(&threads[i], "joiner", pin_gated, &jobs[i],
					   0),
			  VV_OK);
	}
	while (stats().joins < JOINERS - 1)
		vv_sleep_ms(1);
	gate_let_end(gate);
	for (int i = 0; i < JOINERS; i++)
		vv_thread_join(&threads[i]);
}

static void all_who_want_a_frame_get_one_fetch(void)
{
	struct job jobs[JOINERS];
	const uint8_t *bytes;
	struct gate gate;

	begin();
	gate_init(&gate, VV_OK);
	run_joiners(&gate, jobs);
	CHECK_INT(atomic_load(&fetches[3]), 1);
	CHECK_INT(stats().misses, 1);
	bytes = jobs[0].pin.bytes;
	for (int i = 0; i < JOINERS; i++) {
		CHECK_INT(jobs[i].err, VV_OK);
		CHECK(jobs[i].pin.bytes == bytes);
		vv_frame_cache_unpin(cache, &jobs[i].pin);
	}
	CHECK_INT(stats().bytes_pinned, 0);
	end();
}

static void all_who_wait_get_the_error_and_a_later_try_may_succeed(void)
{
	struct job jobs[JOINERS];
	struct gate gate;

	begin();
	gate_init(&gate, VV_EIO);
	run_joiners(&gate, jobs);
	for (int i = 0; i < JOINERS; i++)
		CHECK_INT(jobs[i].err, VV_EIO);
	CHECK_INT(stats().failures, 1);
	CHECK_INT(atomic_load(&live_bytes), 0);
	touch(3, FRAME);
	end();
}

/* Frames 1 and 2 name each other as references. */
struct circle {
	struct gate *gates; /* of frames 1 and 2 */
	int err[3];	    /* of the reference of 1 and 2 */
};

static int fetch_circle(void *ctx, const struct vv_id *id, uint8_t *plain, size_t size)
{
	struct circle *c = ctx;
	unsigned n = number_of(id), other = 3 - n;
	struct vv_id other_id = id_of(other);
	struct vv_pin ref;

	vv_mutex_lock(&c->gates[n - 1].lock);
	c->gates[n - 1].is_begun = true;
	vv_cond_broadcast(&c->gates[n - 1].moved);
	vv_mutex_unlock(&c->gates[n - 1].lock);
	gate_wait_begun(&c->gates[other - 1]);
	c->err[n] = vv_frame_cache_pin_for(cache, &(struct vv_asker){ .from = id },
					   &other_id, size, fetch_circle, c, &ref);
	vv_frame_cache_unpin(cache, &ref);
	memset(plain, (int)n, size);
	return VV_OK;
}

static void pin_circle_2(void *arg)
{
	struct vv_id id = id_of(2);
	struct vv_pin p;

	CHECK_INT(vv_frame_cache_pin(cache, &id, FRAME, fetch_circle, arg, &p), VV_OK);
	vv_frame_cache_unpin(cache, &p);
}

static void references_in_a_circle_are_refused_and_do_not_hang(void)
{
	struct gate gates[2];
	struct circle c = { .gates = gates };
	struct vv_id id = id_of(1);
	struct vv_thread other;
	struct vv_pin p;

	begin();
	gate_init(&gates[0], VV_OK);
	gate_init(&gates[1], VV_OK);
	CHECK_INT(vv_thread_create(&other, "other", pin_circle_2, &c, 0), VV_OK);
	CHECK_INT(vv_frame_cache_pin(cache, &id, FRAME, fetch_circle, &c, &p), VV_OK);
	vv_thread_join(&other);
	CHECK((c.err[1] == VV_EDEADLK) != (c.err[2] == VV_EDEADLK));
	vv_frame_cache_unpin(cache, &p);
	end();
}

static void reserve_half(void *arg)
{
	(void)arg;
	CHECK_INT(vv_budget_reserve(budget, VV_HOLD_UPPER, LIMIT / 2), VV_OK);
}

static void who_waits_for_memory_gets_what_is_unpinned(void)
{
	enum {
		PINNED = FRAMES_THAT_FIT * 3 / 4
	};
	struct vv_pin pins[PINNED];
	struct vv_budget_stats s;
	struct vv_thread other;

	begin();
	for (unsigned n = 0; n < PINNED; n++)
		CHECK_INT(pin(n, FRAME, &pins[n]), VV_OK);
	CHECK_INT(vv_thread_create(&other, "other", reserve_half, NULL, 0), VV_OK);
	do {
		vv_budget_get_stats(budget, &s);
	} while (s.waits == 0);
	for (unsigned n = 0; n < PINNED; n++)
		vv_frame_cache_unpin(cache, &pins[n]);
	vv_thread_join(&other);
	vv_budget_release(budget, VV_HOLD_UPPER, LIMIT / 2);
	end();
}

/* ---- admission ---- */

static void what_can_never_be_admitted_is_refused(void)
{
	begin();
	CHECK_INT(vv_frame_cache_admit(cache, LIMIT / VV_CACHE_FLOOR_PART + 1),
		  VV_ENOMEM);
	CHECK_INT(vv_frame_cache_admit(cache, LIMIT / VV_CACHE_FLOOR_PART), VV_OK);
	vv_frame_cache_leave(cache, LIMIT / VV_CACHE_FLOOR_PART);
	end();
}

struct walker {
	uint32_t state;
	unsigned failures;
};

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static size_t size_of(unsigned n)
{
	return 1 + n * 7919u % (128 * 1024);
}

/* Every ninth fetch fails; every fourth frame has a reference. */
static int fetch_walk(void *ctx, const struct vv_id *id, uint8_t *plain, size_t size)
{
	struct walker *w = ctx;
	unsigned n = number_of(id);
	struct vv_pin ref = { 0 };
	int err = VV_OK;

	if (n % 4 == 1) {
		struct vv_id ref_id = id_of(n - 1);

		err = vv_frame_cache_pin_for(cache, &(struct vv_asker){ .from = id },
					     &ref_id, size_of(n - 1), fetch_walk, w,
					     &ref);
	}
	if (!err && next_random(&w->state) % 9 == 0)
		err = VV_EIO;
	if (!err)
		err = fetch(NULL, id, plain, size);
	vv_frame_cache_unpin(cache, &ref);
	return err;
}

static void walk_once(struct walker *w, unsigned count)
{
	struct vv_pin pins[8];
	unsigned n[8], got = 0;
	size_t cost = vv_frame_cache_cost(size_of(0)) + vv_frame_cache_cost(128 * 1024);

	for (unsigned i = 0; i < count; i++) {
		n[i] = next_random(&w->state) % 500;
		cost += vv_frame_cache_cost(size_of(n[i]));
	}
	CHECK_INT(vv_frame_cache_admit(cache, cost), VV_OK);
	while (got < count) {
		struct vv_id id = id_of(n[got]);
		int err = vv_frame_cache_pin(cache, &id, size_of(n[got]), fetch_walk, w,
					     &pins[got]);

		if (err) {
			CHECK_INT(err, VV_EIO);
			w->failures++;
			break;
		}
		CHECK_INT(pins[got].bytes[pins[got].size - 1], n[got] % 251);
		got++;
	}
	while (got > 0)
		vv_frame_cache_unpin(cache, &pins[--got]);
	vv_frame_cache_leave(cache, cost);
}

static void walk(void *arg)
{
	struct walker *w = arg;

	for (int i = 0; i < 3000; i++)
		walk_once(w, 1 + next_random(&w->state) % 8);
}

/* Somebody else takes and returns memory all the while. */
static void take_and_return(void *arg)
{
	atomic_bool *stop = arg;

	while (!atomic_load(stop)) {
		size_t size = (size_t)8 << 20;

		CHECK_INT(vv_budget_reserve(budget, VV_HOLD_UPPER, size), VV_OK);
		vv_budget_release(budget, VV_HOLD_UPPER, size);
	}
}

static void many_threads_in_a_tiny_budget_never_overshoot_nor_hang(void)
{
	enum {
		THREADS = 12
	};
	struct vv_thread threads[THREADS], other;
	struct walker walkers[THREADS];
	struct vv_budget_stats s;
	atomic_bool stop = false;
	unsigned failures = 0;

	begin();
	CHECK_INT(vv_thread_create(&other, "other", take_and_return, &stop, 0), VV_OK);
	for (unsigned i = 0; i < THREADS; i++) {
		walkers[i] = (struct walker){ .state = i + 1 };
		CHECK_INT(vv_thread_create(&threads[i], "walker", walk, &walkers[i], 0),
			  VV_OK);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		vv_thread_join(&threads[i]);
		failures += walkers[i].failures;
	}
	atomic_store(&stop, true);
	vv_thread_join(&other);
	CHECK(failures > 0 && stats().failures > 0 && stats().evictions > 0);
	CHECK_INT(stats().bytes_pinned, 0);
	vv_budget_get_stats(budget, &s);
	CHECK(s.peak <= LIMIT && atomic_load(&most_bytes) <= LIMIT);
	end();
}

int main(void)
{
	RUN(a_frame_is_on_the_account_of_who_fetched_it_until_it_goes);
	RUN(a_fetch_that_fails_is_on_no_account);
	RUN(a_frame_is_fetched_once_and_then_found);
	RUN(a_failed_fetch_leaves_nothing_and_is_tried_again);
	RUN(one_id_with_two_sizes_is_corrupt);
	RUN(a_zeroed_pin_may_be_given_back);
	RUN(what_is_pinned_neither_moves_nor_goes);
	RUN(sizes_of_all_kinds_share_the_budget);
	RUN(others_get_memory_back_but_the_floor);
	RUN(the_hot_set_survives_a_scan_of_ten_times_the_cache);
	RUN(a_scan_of_small_files_does_not_look_like_use);
	RUN(a_new_hot_set_takes_over);
	RUN(one_slow_fetch_delays_only_who_wants_that_frame);
	RUN(all_who_want_a_frame_get_one_fetch);
	RUN(all_who_wait_get_the_error_and_a_later_try_may_succeed);
	RUN(references_in_a_circle_are_refused_and_do_not_hang);
	RUN(who_waits_for_memory_gets_what_is_unpinned);
	RUN(what_can_never_be_admitted_is_refused);
	RUN(many_threads_in_a_tiny_budget_never_overshoot_nor_hang);
	return test_report();
}
