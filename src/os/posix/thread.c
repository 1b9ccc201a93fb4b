#include "os/thread.h"

#include "core/err.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * The storage is only ever touched through these three casts, never as bytes.
 * A zeroed pthread_once_t must be PTHREAD_ONCE_INIT; the tests run one.
 */
_Static_assert(sizeof(pthread_mutex_t) <= sizeof(struct vv_mutex), "storage");
_Static_assert(sizeof(pthread_cond_t) <= sizeof(struct vv_cond), "storage");
_Static_assert(sizeof(pthread_once_t) <= sizeof(struct vv_once), "storage");
_Static_assert(sizeof(pthread_t) <= sizeof(uint64_t), "handle");
_Static_assert(PTHREAD_ONCE_INIT == 0, "a zeroed vv_once has not run");

static pthread_mutex_t *mutex_of(struct vv_mutex *m)
{
	return (pthread_mutex_t *)(void *)m->storage;
}

static pthread_cond_t *cond_of(struct vv_cond *c)
{
	return (pthread_cond_t *)(void *)c->storage;
}

static pthread_once_t *once_of(struct vv_once *o)
{
	return (pthread_once_t *)(void *)o->storage;
}

/*
 * A lock that does not lock must not be passed over in a release build either:
 * what follows would corrupt what the lock protects.
 */
static void must(int posix_error)
{
	assert(posix_error == 0);
	if (posix_error != 0)
		abort();
}

void vv_mutex_init(struct vv_mutex *m)
{
	must(pthread_mutex_init(mutex_of(m), NULL));
}

void vv_mutex_fini(struct vv_mutex *m)
{
	must(pthread_mutex_destroy(mutex_of(m)));
}

void vv_mutex_lock(struct vv_mutex *m)
{
	must(pthread_mutex_lock(mutex_of(m)));
}

void vv_mutex_unlock(struct vv_mutex *m)
{
	must(pthread_mutex_unlock(mutex_of(m)));
}

void vv_cond_init(struct vv_cond *c)
{
	pthread_condattr_t attr;

	must(pthread_condattr_init(&attr));
	must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
	must(pthread_cond_init(cond_of(c), &attr));
	must(pthread_condattr_destroy(&attr));
}

void vv_cond_fini(struct vv_cond *c)
{
	must(pthread_cond_destroy(cond_of(c)));
}

void vv_cond_wait(struct vv_cond *c, struct vv_mutex *m)
{
	must(pthread_cond_wait(cond_of(c), mutex_of(m)));
}

void vv_cond_signal(struct vv_cond *c)
{
	must(pthread_cond_signal(cond_of(c)));
}

void vv_cond_broadcast(struct vv_cond *c)
{
	must(pthread_cond_broadcast(cond_of(c)));
}

int vv_cond_timedwait(struct vv_cond *c, struct vv_mutex *m, uint32_t wait_ms)
{
	struct timespec until;
	int posix_error;

	must(clock_gettime(CLOCK_MONOTONIC, &until));
	until.tv_sec += wait_ms / 1000;
	until.tv_nsec += (int32_t)(wait_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	posix_error = pthread_cond_timedwait(cond_of(c), mutex_of(m), &until);
	if (posix_error == ETIMEDOUT)
		return VV_ETIMEDOUT;
	must(posix_error);
	return VV_OK;
}

void vv_once_run(struct vv_once *o, void (*fn)(void))
{
	must(pthread_once(once_of(o), fn));
}

static void *thread_main(void *arg)
{
	struct vv_thread *t = arg;

	/* The name is a courtesy to debuggers; a refusal is not worth a word. */
	(void)pthread_setname_np(pthread_self(), t->name);
	t->fn(t->arg);
	return NULL;
}

/* Whole pages, and not less than the platform wants for itself. */
static size_t allowed_stack(size_t stack_bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t least = (size_t)PTHREAD_STACK_MIN;

	if (stack_bytes == 0)
		stack_bytes = VV_THREAD_STACK_BYTES;
	if (stack_bytes < least)
		stack_bytes = least;
	return (stack_bytes + page - 1) / page * page;
}

int vv_thread_create(struct vv_thread *t, const char *name, vv_thread_fn fn, void *arg,
		     size_t stack_bytes)
{
	pthread_attr_t attr;
	pthread_t handle;
	int posix_error;

	*t = (struct vv_thread){ .fn = fn, .arg = arg };
	strncpy(t->name, name, sizeof t->name - 1);
	if (pthread_attr_init(&attr) != 0)
		return VV_ENOMEM;
	must(pthread_attr_setstacksize(&attr, allowed_stack(stack_bytes)));
	posix_error = pthread_create(&handle, &attr, thread_main, t);
	must(pthread_attr_destroy(&attr));
	if (posix_error != 0)
		return posix_error == ENOMEM ? VV_ENOMEM : VV_EAGAIN;
	memcpy(&t->handle, &handle, sizeof handle);
	return VV_OK;
}

void vv_thread_join(struct vv_thread *t)
{
	pthread_t handle;

	memcpy(&handle, &t->handle, sizeof handle);
	must(pthread_join(handle, NULL));
}

unsigned vv_cpu_count(void)
{
	cpu_set_t set;
	long online;

	/* The affinity mask also holds what a container allows. */
	if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
		return (unsigned)CPU_COUNT(&set);
	online = sysconf(_SC_NPROCESSORS_ONLN);
	return online > 0 ? (unsigned)online : 1;
}
