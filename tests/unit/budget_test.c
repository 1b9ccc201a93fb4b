#include "cache/budget.h"

#include "core/err.h"
#include "os/thread.h"
#include "test.h"

#include <stdatomic.h>
#include <stdbool.h>

enum {
	LIMIT = VV_BUDGET_MIN,
	MIB = 1 << 20,
	THREADS = 8,
};

static struct vv_budget *b;

static void begin(void)
{
	CHECK_INT(vv_budget_new(&b, LIMIT), VV_OK);
}

static struct vv_budget_stats stats(void)
{
	struct vv_budget_stats s;

	vv_budget_get_stats(b, &s);
	return s;
}

static void a_budget_too_small_to_read_with_is_refused(void)
{
	CHECK_INT(vv_budget_new(&b, VV_BUDGET_MIN - 1), VV_EINVAL);
	CHECK(!b);
}

static void what_is_reserved_is_counted_for_its_holder(void)
{
	begin();
	CHECK_INT(vv_budget_reserve(b, VV_HOLD_FRAMES, 100), VV_OK);
	CHECK_INT(vv_budget_reserve(b, VV_HOLD_NODES, 50), VV_OK);
	CHECK_INT(stats().used, 150);
	CHECK_INT(stats().by_holder[VV_HOLD_NODES], 50);
	vv_budget_release(b, VV_HOLD_FRAMES, 100);
	CHECK_INT(stats().used, 50);
	CHECK_INT(stats().peak, 150);
	vv_budget_release(b, VV_HOLD_NODES, 50);
	vv_budget_free(b);
}

static void every_holder_has_a_name(void)
{
	for (int i = 0; i < VV_HOLDER_COUNT; i++)
		CHECK(vv_holder_name((enum vv_holder)i)[0]);
}

static void what_can_never_fit_fails_at_once(void)
{
	begin();
	CHECK_INT(vv_budget_reserve(b, VV_HOLD_UPPER, (size_t)LIMIT + 1), VV_ENOMEM);
	CHECK_INT(vv_budget_reserve(b, VV_HOLD_UPPER, SIZE_MAX), VV_ENOMEM);
	CHECK_INT(vv_budget_reserve(b, VV_HOLD_UPPER, LIMIT), VV_OK);
	CHECK_INT(vv_budget_try_reserve(b, VV_HOLD_UPPER, 1), VV_ENOMEM);
	vv_budget_release(b, VV_HOLD_UPPER, LIMIT);
	vv_budget_free(b);
}

static size_t held;

static size_t give(void *ctx, size_t bytes)
{
	size_t n = bytes < held ? bytes : held;

	(void)ctx;
	held -= n;
	vv_budget_release(b, VV_HOLD_FRAMES, n);
	return n;
}

static void the_reclaimer_is_asked_for_just_what_is_missing(void)
{
	begin();
	held = 10 * MIB;
	CHECK_INT(vv_budget_reserve(b, VV_HOLD_FRAMES, held), VV_OK);
	vv_budget_set_reclaimer(b, give, NULL);
	CHECK_INT(vv_budget_take_free(b, VV_HOLD_NODES, 7 * MIB), VV_ENOMEM);
	CHECK_INT(held, 10 * MIB);
	CHECK_INT(vv_budget_try_reserve(b, VV_HOLD_NODES, 7 * MIB), VV_OK);
	CHECK_INT(held, 9 * MIB);
	CHECK_INT(stats().peak, LIMIT);
	CHECK_INT(vv_budget_try_reserve(b, VV_HOLD_NODES, 10 * MIB), VV_ENOMEM);
	CHECK_INT(stats().waits, 0);
	give(NULL, held);
	vv_budget_release(b, VV_HOLD_NODES, 7 * MIB);
	vv_budget_free(b);
}

static atomic_bool may_give;
static atomic_uint refusals;

static size_t give_if_allowed(void *ctx, size_t bytes)
{
	if (atomic_load(&may_give))
		return give(ctx, bytes);
	atomic_fetch_add(&refusals, 1);
	return 0;
}

static void reserve_one(void *arg)
{
	(void)arg;
	CHECK_INT(vv_budget_reserve(b, VV_HOLD_NODES, MIB), VV_OK);
}

static void wait_for_a_waiter(void)
{
	while (stats().waits == 0)
		;
}

static void a_nudge_makes_waiters_ask_the_reclaimer_again(void)
{
	struct vv_thread t;

	begin();
	held = LIMIT;
	CHECK_INT(vv_budget_reserve(b, VV_HOLD_FRAMES, held), VV_OK);
	vv_budget_set_reclaimer(b, give_if_allowed, NULL);
	CHECK_INT(vv_thread_create(&t, "waiter", reserve_one, NULL, 0), VV_OK);
	wait_for_a_waiter();
	CHECK(atomic_load(&refusals) > 0);
	atomic_store(&may_give, true);
	vv_budget_nudge(b);
	vv_thread_join(&t);
	CHECK_INT(held, LIMIT - MIB);
	give(NULL, held);
	vv_budget_release(b, VV_HOLD_NODES, MIB);
	vv_budget_free(b);
}

static void a_release_wakes_who_waits_for_it(void)
{
	struct vv_thread t;

	begin();
	CHECK_INT(vv_budget_reserve(b, VV_HOLD_UPPER, LIMIT), VV_OK);
	CHECK_INT(vv_thread_create(&t, "waiter", reserve_one, NULL, 0), VV_OK);
	wait_for_a_waiter();
	vv_budget_release(b, VV_HOLD_UPPER, LIMIT);
	vv_thread_join(&t);
	CHECK_INT(stats().used, MIB);
	vv_budget_release(b, VV_HOLD_NODES, MIB);
	vv_budget_free(b);
}

static void churn(void *arg)
{
	size_t size = *(const size_t *)arg;

	for (int i = 0; i < 5000; i++) {
		CHECK_INT(vv_budget_reserve(b, VV_HOLD_UPPER, size), VV_OK);
		vv_budget_release(b, VV_HOLD_UPPER, size);
	}
}

static void many_threads_never_overshoot_and_all_get_through(void)
{
	struct vv_thread threads[THREADS];
	size_t sizes[THREADS];

	begin();
	for (size_t i = 0; i < THREADS; i++) {
		sizes[i] = (i + 1) * 2 * MIB - 1;
		CHECK_INT(vv_thread_create(&threads[i], "churn", churn, &sizes[i], 0),
			  VV_OK);
	}
	for (size_t i = 0; i < THREADS; i++)
		vv_thread_join(&threads[i]);
	CHECK_INT(stats().used, 0);
	CHECK(stats().peak <= LIMIT);
	vv_budget_free(b);
}

int main(void)
{
	RUN(a_budget_too_small_to_read_with_is_refused);
	RUN(what_is_reserved_is_counted_for_its_holder);
	RUN(every_holder_has_a_name);
	RUN(what_can_never_fit_fails_at_once);
	RUN(the_reclaimer_is_asked_for_just_what_is_missing);
	RUN(a_nudge_makes_waiters_ask_the_reclaimer_again);
	RUN(a_release_wakes_who_waits_for_it);
	RUN(many_threads_never_overshoot_and_all_get_through);
	return test_report();
}
