#include "store/crew.h"

#include "core/err.h"
#include "os/thread.h"

#include <stdbool.h>
#include <stdlib.h>

enum {
	QUEUE = 4 * VV_CREW_MAX,
	TICK_MS = 100,
	STACK_BYTES = 512 * 1024, /* paths and messages lie on it */
};

struct worker {
	struct vv_crew *crew;
	struct vv_thread thread;
	unsigned number;
};

struct vv_crew {
	struct vv_crew_options opts;
	struct vv_mutex lock;
	struct vv_cond given, done;
	void *queue[QUEUE];    /* protected by lock, as is all below */
	size_t first, waiting; /* a ring */
	size_t running;
	bool is_ending;
	unsigned count;
	struct worker workers[VV_CREW_MAX];
};

unsigned vv_crew_size(unsigned jobs)
{
	if (jobs == 0)
		jobs = vv_cpu_count();
	return jobs < VV_CREW_MAX ? jobs : VV_CREW_MAX;
}

static void work(void *arg)
{
	struct worker *w = arg;
	struct vv_crew *crew = w->crew;

	vv_mutex_lock(&crew->lock);
	for (;;) {
		void *item;

		while (crew->waiting == 0 && !crew->is_ending)
			vv_cond_wait(&crew->given, &crew->lock);
		if (crew->waiting == 0)
			break;
		item = crew->queue[crew->first];
		crew->first = (crew->first + 1) % QUEUE;
		crew->waiting--;
		crew->running++;
		vv_mutex_unlock(&crew->lock);
		crew->opts.work(crew->opts.ctx, w->number, item);
		vv_mutex_lock(&crew->lock);
		crew->running--;
		vv_cond_signal(&crew->done); /* only the caller waits for it */
	}
	vv_mutex_unlock(&crew->lock);
}

/* Fewer threads than wanted are a slower crew; none are an error. */
static int start(struct vv_crew *crew)
{
	unsigned wanted = vv_crew_size(crew->opts.jobs);
	int err = VV_OK;

	while (!err && crew->count < wanted) {
		struct worker *w = &crew->workers[crew->count];

		*w = (struct worker){ .crew = crew, .number = crew->count };
		err = vv_thread_create(&w->thread, "vv-crew", work, w, STACK_BYTES);
		if (!err)
			crew->count++;
	}
	return crew->count > 0 ? VV_OK : err;
}

int vv_crew_new(struct vv_crew **out, const struct vv_crew_options *opts)
{
	struct vv_crew *crew = calloc(1, sizeof *crew);
	int err;

	*out = NULL;
	if (!crew)
		return VV_ENOMEM;
	crew->opts = *opts;
	vv_mutex_init(&crew->lock);
	vv_cond_init(&crew->given);
	vv_cond_init(&crew->done);
	err = start(crew);
	if (err)
		vv_crew_free(crew);
	else
		*out = crew;
	return err;
}

/* Locked, but not during the tick. */
static void wait_a_while(struct vv_crew *crew)
{
	vv_cond_timedwait(&crew->done, &crew->lock, TICK_MS);
	if (!crew->opts.tick)
		return;
	vv_mutex_unlock(&crew->lock);
	crew->opts.tick(crew->opts.ctx);
	vv_mutex_lock(&crew->lock);
}

/* A few items for each thread: enough to keep them busy, little to wait for. */
static bool is_full(const struct vv_crew *crew)
{
	return crew->waiting >= 4 * (size_t)crew->count;
}

void vv_crew_give(struct vv_crew *crew, void *item)
{
	vv_mutex_lock(&crew->lock);
	while (is_full(crew))
		wait_a_while(crew);
	crew->queue[(crew->first + crew->waiting) % QUEUE] = item;
	crew->waiting++;
	vv_cond_signal(&crew->given);
	vv_mutex_unlock(&crew->lock);
}

void vv_crew_wait(struct vv_crew *crew)
{
	vv_mutex_lock(&crew->lock);
	while (crew->waiting + crew->running > 0)
		wait_a_while(crew);
	vv_mutex_unlock(&crew->lock);
}

void vv_crew_free(struct vv_crew *crew)
{
	if (!crew)
		return;
	vv_crew_wait(crew);
	vv_mutex_lock(&crew->lock);
	crew->is_ending = true;
	vv_cond_broadcast(&crew->given);
	vv_mutex_unlock(&crew->lock);
	for (unsigned i = 0; i < crew->count; i++)
		vv_thread_join(&crew->workers[i].thread);
	vv_cond_fini(&crew->done);
	vv_cond_fini(&crew->given);
	vv_mutex_fini(&crew->lock);
	free(crew);
}
