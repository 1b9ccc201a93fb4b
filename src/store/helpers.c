#include "store/helpers.h"

#include "core/err.h"
#include "os/thread.h"

#include <stdlib.h>

enum {
	HELPERS_MAX = 7
};

struct vv_helpers {
	struct vv_mutex lock;
	struct vv_cond offered, done;
	/* protected by lock: */
	struct vv_help_job *first; /* not begun */
	unsigned idle, queued;
	bool stop;
	unsigned count;
	struct vv_thread threads[HELPERS_MAX];
};

/* Under the lock. */
static struct vv_help_job *take_first(struct vv_helpers *h)
{
	struct vv_help_job *job = h->first;

	h->first = job->next;
	h->queued--;
	job->is_begun = true;
	return job;
}

static void help(void *arg)
{
	struct vv_helpers *h = arg;

	vv_mutex_lock(&h->lock);
	while (!h->stop) {
		struct vv_help_job *job;

		if (!h->first) {
			vv_cond_wait(&h->offered, &h->lock);
			continue;
		}
		job = take_first(h);
		h->idle--;
		vv_mutex_unlock(&h->lock);
		job->work(job);
		vv_mutex_lock(&h->lock);
		h->idle++;
		job->is_begun = false;
		vv_cond_broadcast(&h->done);
	}
	vv_mutex_unlock(&h->lock);
}

int vv_helpers_new(struct vv_helpers **out, unsigned count)
{
	struct vv_helpers *h;

	*out = NULL;
	if (count == 0)
		return VV_OK;
	h = calloc(1, sizeof *h);
	if (!h)
		return VV_ENOMEM;
	vv_mutex_init(&h->lock);
	vv_cond_init(&h->offered);
	vv_cond_init(&h->done);
	for (; h->count < count && h->count < HELPERS_MAX; h->count++) {
		int err = vv_thread_create(&h->threads[h->count], "varve-help", help, h,
					   0);

		if (err) {
			vv_helpers_free(h);
			return err;
		}
	}
	vv_mutex_lock(&h->lock);
	h->idle += h->count; /* one that had no job yet has changed nothing */
	vv_mutex_unlock(&h->lock);
	*out = h;
	return VV_OK;
}

void vv_helpers_free(struct vv_helpers *h)
{
	if (!h)
		return;
	vv_mutex_lock(&h->lock);
	h->stop = true;
	vv_cond_broadcast(&h->offered);
	vv_mutex_unlock(&h->lock);
	for (unsigned i = 0; i < h->count; i++)
		vv_thread_join(&h->threads[i]);
	vv_cond_fini(&h->done);
	vv_cond_fini(&h->offered);
	vv_mutex_fini(&h->lock);
	free(h);
}

bool vv_helpers_offer(struct vv_helpers *h, struct vv_help_job *job)
{
	bool is_taken;

	if (!h)
		return false;
	atomic_init(&job->is_over, false);
	job->is_begun = false;
	vv_mutex_lock(&h->lock);
	is_taken = h->queued < h->idle;
	if (is_taken) {
		job->next = h->first;
		h->first = job;
		h->queued++;
		vv_cond_signal(&h->offered);
	}
	vv_mutex_unlock(&h->lock);
	return is_taken;
}

void vv_helpers_take_back(struct vv_helpers *h, struct vv_help_job *job)
{
	atomic_store(&job->is_over, true);
	vv_mutex_lock(&h->lock);
	for (struct vv_help_job **at = &h->first; *at; at = &(*at)->next)
		if (*at == job) {
			*at = job->next;
			h->queued--;
			break;
		}
	while (job->is_begun)
		vv_cond_wait(&h->done, &h->lock);
	vv_mutex_unlock(&h->lock);
}
