/*
 * thread.h - threads, mutexes, conditions: the one OS seam PURE code may use.
 *
 * Exactly one implementation per build (os/posix or os/windows).  None of the
 * locks is recursive.  Misuse (unlocking what is not locked, freeing what is
 * held) is a programming error and stops the program; so does an operating
 * system that refuses a mutex, which no platform of ours does.  That is why
 * only creating a thread can fail.
 *
 * Ownership: all objects live in the caller's storage and may not move between
 *	init and fini, nor between create and join.
 * Threads: init and fini on one thread while nobody uses the object; the rest
 *	from any thread.
 */
#ifndef VV_OS_THREAD_H
#define VV_OS_THREAD_H

#include <stddef.h>
#include <stdint.h>

/* Big enough for every platform of ours; asserted where it is used. */
struct vv_mutex {
	_Alignas(16) unsigned char storage[64];
};

struct vv_cond {
	_Alignas(16) unsigned char storage[64];
};

struct vv_once {
	_Alignas(16) unsigned char storage[16];
};

/* For static objects; every platform of ours starts from zero, asserted in tests. */
#define VV_ONCE_INIT \
	{ \
		{ \
			0 \
		} \
	}

typedef void (*vv_thread_fn)(void *arg);

struct vv_thread {
	uint64_t handle;
	vv_thread_fn fn;
	void *arg; /* borrowed */
	char name[16];
};

void vv_mutex_init(struct vv_mutex *m);
void vv_mutex_fini(struct vv_mutex *m);
void vv_mutex_lock(struct vv_mutex *m);
void vv_mutex_unlock(struct vv_mutex *m);

/*
 * Waits may end without a signal: always wait in a loop on a condition that @m
 * protects.  The caller holds @m; it is released while waiting and held again
 * on return, also after VV_ETIMEDOUT.
 */
void vv_cond_init(struct vv_cond *c);
void vv_cond_fini(struct vv_cond *c);
void vv_cond_wait(struct vv_cond *c, struct vv_mutex *m);
void vv_cond_signal(struct vv_cond *c);	   /* wakes at least one */
void vv_cond_broadcast(struct vv_cond *c); /* wakes all */

/*
 * The same for at most @wait_ms milliseconds of the monotonic clock, which a
 * change of the date does not move.  Returns 0 or VV_ETIMEDOUT; look at the
 * condition first in both cases.  A loop that must end in time counts for
 * itself: each call waits anew.
 */
int vv_cond_timedwait(struct vv_cond *c, struct vv_mutex *m, uint32_t wait_ms);

/* Calls @fn once per @o in the life of the process; all callers see its effects. */
void vv_once_run(struct vv_once *o, void (*fn)(void));

/*
 * Starts @fn(@arg).  @name is for debuggers and is cut to 15 bytes.  Threads
 * are many and shallow here, so a stack of 0 means VV_THREAD_STACK_BYTES, not
 * the 8 MiB of the platform.  VV_EAGAIN or VV_ENOMEM: none was started.  Every
 * started thread is joined.
 */
enum {
	VV_THREAD_STACK_BYTES = 256 * 1024
};
int vv_thread_create(struct vv_thread *t, const char *name, vv_thread_fn fn, void *arg,
		     size_t stack_bytes);
void vv_thread_join(struct vv_thread *t);

unsigned vv_cpu_count(void); /* processors this process may use; at least 1 */

#endif
