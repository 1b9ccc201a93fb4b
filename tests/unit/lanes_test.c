#include "cache/lanes.h"

#include "os/system.h"
#include "test.h"

static struct vv_lanes lanes;
static atomic_int passed, ended;

static void fetch_ahead(void *arg)
{
	(void)arg;
	if (vv_lanes_wait(&lanes))
		atomic_store(&passed, 1);
	atomic_store(&ended, 1);
}

static void start(struct vv_thread *t)
{
	atomic_store(&passed, 0);
	atomic_store(&ended, 0);
	CHECK_INT(vv_thread_create(t, "ahead", fetch_ahead, NULL, 0), 0);
}

static void wait_until_it_waits(void)
{
	while (atomic_load(&lanes.waiting) == 0)
		vv_sleep_ms(1);
}

static void who_fetches_ahead_takes_a_lane_that_is_free(void)
{
	vv_lanes_init(&lanes, 2);
	CHECK(vv_lanes_wait(&lanes));
	vv_lanes_enter(&lanes);
	CHECK(vv_lanes_wait(&lanes));
	CHECK_INT(atomic_load(&lanes.pauses), 0);
	vv_lanes_leave(&lanes);
	vv_lanes_fini(&lanes);
}

static void who_fetches_ahead_waits_for_readers(void)
{
	struct vv_thread t;

	vv_lanes_init(&lanes, 2);
	for (int i = 0; i < 3; i++)
		vv_lanes_enter(&lanes); /* readers never wait, however many */
	start(&t);
	wait_until_it_waits();
	vv_lanes_leave(&lanes);
	vv_sleep_ms(20);
	CHECK_INT(atomic_load(&ended), 0); /* two are at work still */
	vv_lanes_leave(&lanes);
	vv_thread_join(&t);
	CHECK_INT(atomic_load(&passed), 1);
	CHECK_INT(atomic_load(&lanes.pauses), 1);
	vv_lanes_leave(&lanes);
	vv_lanes_fini(&lanes);
}

static void a_stop_ends_the_wait_and_all_others(void)
{
	struct vv_thread t;

	vv_lanes_init(&lanes, 1);
	vv_lanes_enter(&lanes);
	start(&t);
	wait_until_it_waits();
	vv_lanes_stop(&lanes);
	vv_thread_join(&t);
	CHECK_INT(atomic_load(&passed), 0);
	CHECK(!vv_lanes_wait(&lanes));
	vv_lanes_leave(&lanes);
	CHECK(!vv_lanes_wait(&lanes));
	vv_lanes_start(&lanes);
	CHECK(vv_lanes_wait(&lanes));
	vv_lanes_fini(&lanes);
}

int main(void)
{
	RUN(who_fetches_ahead_takes_a_lane_that_is_free);
	RUN(who_fetches_ahead_waits_for_readers);
	RUN(a_stop_ends_the_wait_and_all_others);
	return test_report();
}
