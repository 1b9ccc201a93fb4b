#include "store/helpers.h"

#include "core/err.h"
#include "os/system.h"
#include "test.h"

struct job {
	struct vv_help_job job; /* first: cast back */
	atomic_int begun, ended;
	atomic_bool may_end;
};

static void work(struct vv_help_job *arg)
{
	struct job *job = (struct job *)arg;

	atomic_store(&job->begun, 1);
	while (!atomic_load(&job->may_end) && !atomic_load(&arg->is_over))
		vv_sleep_ms(1);
	atomic_store(&job->ended, 1);
}

static void job_init(struct job *job)
{
	*job = (struct job){ .job.work = work };
}

static void wait_until_begun(struct job *job)
{
	while (!atomic_load(&job->begun))
		vv_sleep_ms(1);
}

static void nobody_helps_where_there_are_none(void)
{
	struct vv_helpers *h;
	struct job job;

	CHECK_INT(vv_helpers_new(&h, 0), VV_OK);
	CHECK(!h);
	job_init(&job);
	CHECK(!vv_helpers_offer(h, &job.job));
	vv_helpers_free(h);
}

static void who_takes_a_job_back_waits_until_it_is_let_go(void)
{
	struct vv_helpers *h;
	struct job job;

	CHECK_INT(vv_helpers_new(&h, 1), VV_OK);
	for (int i = 0; i < 100; i++) {
		job_init(&job);
		CHECK(vv_helpers_offer(h, &job.job));
		if (i % 2)
			wait_until_begun(&job);
		vv_helpers_take_back(h, &job.job);
		/* Begun and ended, or neither. */
		CHECK_INT(atomic_load(&job.begun), atomic_load(&job.ended));
		CHECK(i % 2 == 0 || atomic_load(&job.ended));
	}
	vv_helpers_free(h);
}

static void a_busy_helper_takes_no_second_job(void)
{
	struct vv_helpers *h;
	struct job first, second;

	CHECK_INT(vv_helpers_new(&h, 1), VV_OK);
	job_init(&first);
	job_init(&second);
	CHECK(vv_helpers_offer(h, &first.job));
	wait_until_begun(&first);
	CHECK(!vv_helpers_offer(h, &second.job));
	vv_helpers_take_back(h, &first.job);
	CHECK_INT(atomic_load(&second.begun), 0);
	CHECK(vv_helpers_offer(h, &second.job));
	vv_helpers_take_back(h, &second.job);
	vv_helpers_free(h);
}

int main(void)
{
	RUN(nobody_helps_where_there_are_none);
	RUN(who_takes_a_job_back_waits_until_it_is_let_go);
	RUN(a_busy_helper_takes_no_second_job);
	return test_report();
}
