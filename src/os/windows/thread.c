#include "os/thread.h"

#include "core/err.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <process.h>
#include <windows.h>

/*
 * The storage is only ever touched through these three casts, never as bytes.
 * INIT_ONCE_STATIC_INIT is zero; the tests run one.
 */
_Static_assert(sizeof(SRWLOCK) <= sizeof(struct vv_mutex), "storage");
_Static_assert(sizeof(CONDITION_VARIABLE) <= sizeof(struct vv_cond), "storage");
_Static_assert(sizeof(INIT_ONCE) <= sizeof(struct vv_once), "storage");
_Static_assert(sizeof(HANDLE) <= sizeof(uint64_t), "handle");

static SRWLOCK *mutex_of(struct vv_mutex *m)
{
	return (SRWLOCK *)(void *)m->storage;
}

static CONDITION_VARIABLE *cond_of(struct vv_cond *c)
{
	return (CONDITION_VARIABLE *)(void *)c->storage;
}

static INIT_ONCE *once_of(struct vv_once *o)
{
	return (INIT_ONCE *)(void *)o->storage;
}

/* A wait that neither ended nor timed out would corrupt what the lock protects. */
static void must(bool holds)
{
	assert(holds);
	if (!holds)
		abort();
}

void vv_mutex_init(struct vv_mutex *m)
{
	InitializeSRWLock(mutex_of(m));
}

void vv_mutex_fini(struct vv_mutex *m)
{
	(void)m; /* holds nothing of the system's */
}

void vv_mutex_lock(struct vv_mutex *m)
{
	AcquireSRWLockExclusive(mutex_of(m));
}

void vv_mutex_unlock(struct vv_mutex *m)
{
	ReleaseSRWLockExclusive(mutex_of(m));
}

void vv_cond_init(struct vv_cond *c)
{
	InitializeConditionVariable(cond_of(c));
}

void vv_cond_fini(struct vv_cond *c)
{
	(void)c;
}

void vv_cond_wait(struct vv_cond *c, struct vv_mutex *m)
{
	must(SleepConditionVariableSRW(cond_of(c), mutex_of(m), INFINITE, 0));
}

void vv_cond_signal(struct vv_cond *c)
{
	WakeConditionVariable(cond_of(c));
}

void vv_cond_broadcast(struct vv_cond *c)
{
	WakeAllConditionVariable(cond_of(c));
}

int vv_cond_timedwait(struct vv_cond *c, struct vv_mutex *m, uint32_t wait_ms)
{
	if (wait_ms == INFINITE)
		wait_ms--; /* 49 days, not for ever */
	if (SleepConditionVariableSRW(cond_of(c), mutex_of(m), wait_ms, 0))
		return VV_OK;
	must(GetLastError() == ERROR_TIMEOUT);
	return VV_ETIMEDOUT;
}

struct once_call {
	void (*fn)(void);
};

static BOOL CALLBACK call_once(INIT_ONCE *once, void *arg, void **ctx)
{
	(void)once;
	(void)ctx;
	((struct once_call *)arg)->fn();
	return TRUE;
}

void vv_once_run(struct vv_once *o, void (*fn)(void))
{
	struct once_call call = { fn };

	must(InitOnceExecuteOnce(once_of(o), call_once, &call, NULL));
}

static unsigned __stdcall thread_main(void *arg)
{
	struct vv_thread *t = arg;

	t->fn(t->arg);
	return 0;
}

/* The name is a courtesy to debuggers, and Windows before 10 has no place for it. */
static void name_thread(HANDLE thread, const char *name)
{
	typedef HRESULT(WINAPI * set_fn)(HANDLE, const wchar_t *);
	FARPROC found =
		GetProcAddress(GetModuleHandleW(L"kernel32"), "SetThreadDescription");
	wchar_t wide[sizeof(((struct vv_thread *)0)->name)] = { 0 };
	set_fn set;

	if (!found)
		return;
	memcpy(&set, &found, sizeof set);
	for (size_t i = 0; name[i] && i < sizeof wide / sizeof wide[0] - 1; i++)
		wide[i] = (unsigned char)name[i];
	set(thread, wide);
}

int vv_thread_create(struct vv_thread *t, const char *name, vv_thread_fn fn, void *arg,
		     size_t stack_bytes)
{
	uintptr_t handle;

	*t = (struct vv_thread){ .fn = fn, .arg = arg };
	strncpy(t->name, name, sizeof t->name - 1);
	if (stack_bytes == 0)
		stack_bytes = VV_THREAD_STACK_BYTES;
	if (stack_bytes > UINT32_MAX)
		return VV_ENOMEM;
	handle = _beginthreadex(NULL, (unsigned)stack_bytes, thread_main, t,
				STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
	if (handle == 0)
		return VV_EAGAIN;
	name_thread((HANDLE)handle, t->name);
	t->handle = handle;
	return VV_OK;
}

void vv_thread_join(struct vv_thread *t)
{
	HANDLE handle = (HANDLE)(uintptr_t)t->handle;

	must(WaitForSingleObject(handle, INFINITE) == WAIT_OBJECT_0);
	CloseHandle(handle);
}

/* The mask also holds what a job object allows; it covers one group of 64. */
unsigned vv_cpu_count(void)
{
	DWORD_PTR ours = 0, all = 0;
	unsigned count = 0;

	if (!GetProcessAffinityMask(GetCurrentProcess(), &ours, &all))
		return 1;
	for (; ours; ours &= ours - 1)
		count++;
	return count ? count : 1;
}
