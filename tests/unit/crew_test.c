#include "store/crew.h"

#include "core/err.h"
#include "test.h"

#include <stdatomic.h>
#include <stdbool.h>

enum {
	ITEMS = 5000
};

static atomic_uint done[ITEMS];
static atomic_bool is_busy[VV_CREW_MAX];
static atomic_uint ticks;

static void work(void *ctx, unsigned worker, void *item)
{
	atomic_uint *mark = item;

	(void)ctx;
	CHECK(!atomic_exchange(&is_busy[worker], true));
	atomic_fetch_add(mark, 1);
	atomic_store(&is_busy[worker], false);
}

static void tick(void *ctx)
{
	(void)ctx;
	atomic_fetch_add(&ticks, 1);
}

static void every_item_is_worked_on_once_by_a_worker_with_its_own_number(void)
{
	struct vv_crew_options opts = { .jobs = 7, .work = work, .tick = tick };
	struct vv_crew *crew;

	CHECK_INT(vv_crew_new(&crew, &opts), VV_OK);
	for (int i = 0; i < ITEMS / 2; i++)
		vv_crew_give(crew, &done[i]);
	vv_crew_wait(crew);
	for (int i = 0; i < ITEMS; i++)
		CHECK_INT(atomic_load(&done[i]), i < ITEMS / 2);
	for (int i = ITEMS / 2; i < ITEMS; i++)
		vv_crew_give(crew, &done[i]);
	vv_crew_free(crew);
	for (int i = 0; i < ITEMS; i++)
		CHECK_INT(atomic_load(&done[i]), 1);
	CHECK(atomic_load(&ticks) > 0);
}

static void its_size_is_bounded_and_never_none(void)
{
	CHECK(vv_crew_size(0) >= 1);
	CHECK_INT(vv_crew_size(3), 3);
	CHECK_INT(vv_crew_size(100000), VV_CREW_MAX);
}

int main(void)
{
	RUN(every_item_is_worked_on_once_by_a_worker_with_its_own_number);
	RUN(its_size_is_bounded_and_never_none);
	return test_report();
}
