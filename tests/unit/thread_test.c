#include "os/thread.h"

#include "core/err.h"
#include "os/system.h"
#include "test.h"

enum {
	THREADS = 8,
	TICK_MS = 16, /* the clock of Windows moves in such steps */
	ROUNDS = 2000
};

static struct vv_once once = VV_ONCE_INIT;
static unsigned once_count; /* written only inside once */

struct shared {
	struct vv_mutex lock;
	struct vv_cond changed;
	unsigned count; /* protected by lock */
	unsigned turn;	/* protected by lock */
};

static void shared_init(struct shared *s)
{
	*s = (struct shared){ 0 };
	vv_mutex_init(&s->lock);
	vv_cond_init(&s->changed);
}

static void shared_fini(struct shared *s)
{
	vv_cond_fini(&s->changed);
	vv_mutex_fini(&s->lock);
}

static void count_once(void)
{
	once_count++;
}

static void add_rounds(void *arg)
{
	struct shared *s = arg;

	vv_once_run(&once, count_once);
	for (unsigned i = 0; i < ROUNDS; i++) {
		vv_mutex_lock(&s->lock);
		s->count++;
		vv_mutex_unlock(&s->lock);
	}
}

static void a_mutex_excludes_and_once_runs_once(void)
{
	struct vv_thread threads[THREADS];
	struct shared s;

	shared_init(&s);
	for (unsigned i = 0; i < THREADS; i++)
		CHECK_INT(vv_thread_create(&threads[i], "adder", add_rounds, &s, 0),
			  VV_OK);
	for (unsigned i = 0; i < THREADS; i++)
		vv_thread_join(&threads[i]);
	CHECK_INT(s.count, THREADS * ROUNDS);
	CHECK_INT(once_count, 1);
	shared_fini(&s);
}

static void take_odd_turns(void *arg)
{
	struct shared *s = arg;

	vv_mutex_lock(&s->lock);
	while (s->turn < 100) {
		if (s->turn % 2 == 1) {
			s->turn++;
			vv_cond_signal(&s->changed);
		} else {
			vv_cond_wait(&s->changed, &s->lock);
		}
	}
	vv_mutex_unlock(&s->lock);
}

static void a_condition_wakes_who_waits(void)
{
	struct vv_thread other;
	struct shared s;

	shared_init(&s);
	CHECK_INT(vv_thread_create(&other, "a name longer than debuggers show",
				   take_odd_turns, &s, 1),
		  VV_OK);
	vv_mutex_lock(&s.lock);
	while (s.turn < 100) {
		if (s.turn % 2 == 0) {
			s.turn++;
			vv_cond_broadcast(&s.changed);
		} else {
			vv_cond_wait(&s.changed, &s.lock);
		}
	}
	vv_mutex_unlock(&s.lock);
	vv_thread_join(&other);
	shared_fini(&s);
}

static int64_t now_ms(void)
{
	return (int64_t)(vv_clock_ns() / 1000000);
}

static void a_timed_wait_ends_and_holds_the_lock(void)
{
	struct shared s;
	int64_t start = now_ms();
	int err = VV_OK;

	shared_init(&s);
	vv_mutex_lock(&s.lock);
	for (int i = 0; i < 100 && err != VV_ETIMEDOUT; i++)
		err = vv_cond_timedwait(&s.changed, &s.lock, 30);
	CHECK_INT(err, VV_ETIMEDOUT);
	vv_mutex_unlock(&s.lock);
	CHECK(now_ms() - start >= 29 - TICK_MS);
	shared_fini(&s);
}

static void there_is_a_processor(void)
{
	CHECK(vv_cpu_count() >= 1);
}

int main(void)
{
	RUN(a_mutex_excludes_and_once_runs_once);
	RUN(a_condition_wakes_who_waits);
	RUN(a_timed_wait_ends_and_holds_the_lock);
	RUN(there_is_a_processor);
	return test_report();
}
