/*
 * Mapping, and the SIGBUS handler.
 *
 * The handler must find the map of an address while other threads open and close
 * maps, without a lock (the thread it interrupts may hold it) and without memory that
 * can go away.  So maps are registered in slots, slots come in blocks, and blocks are
 * linked once and never freed.
 *
 * (S1) A slot's range is written by one thread at a time, under registry_lock.
 * (S2) Its sequence number is odd while the range changes.
 * (S3) A live map's slot does not change.  So a slot that the handler sees changing
 *	cannot be the one it looks for, and it goes on without waiting.
 */
#include "os/map.h"

#include "core/err.h"
#include "os/posix/errno.h"
#include "os/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(ATOMIC_POINTER_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2,
	       "the handler uses these");

enum {
	SLOTS_PER_BLOCK = 128,
	WHOLE_BYTES = 1 << 20,
};

struct slot {
	atomic_uint sequence;	/* (S2) */
	atomic_uintptr_t start; /* page-aligned; 0 = free */
	atomic_size_t size;	/* in whole pages */
	atomic_uint faults;
	struct slot *next_free; /* protected by registry_lock */
};

struct block {
	struct block *next; /* older; set before the block is seen */
	struct slot slots[SLOTS_PER_BLOCK];
};

static struct vv_once registry_once = VV_ONCE_INIT;
static struct vv_mutex registry_lock;
static _Atomic(struct block *) newest_block;
static struct slot *free_slots; /* protected by registry_lock */
static struct sigaction earlier_action;
static size_t page_size;
static int statm; /* /proc/self/statm, or -1 */

/* ---- in the signal handler ---- */

static bool slot_range(const struct slot *slot, uintptr_t *start, size_t *size)
{
	unsigned before = atomic_load_explicit(&slot->sequence, memory_order_acquire);

	*start = atomic_load_explicit(&slot->start, memory_order_relaxed);
	*size = atomic_load_explicit(&slot->size, memory_order_relaxed);
	atomic_thread_fence(memory_order_acquire);
	return before % 2 == 0 &&
	       before == atomic_load_explicit(&slot->sequence, memory_order_relaxed);
}

static struct slot *find_slot(uintptr_t address, uintptr_t *start, size_t *size)
{
	struct block *block;
	size_t i;

	block = atomic_load_explicit(&newest_block, memory_order_acquire);
	for (; block; block = block->next) {
		for (i = 0; i < SLOTS_PER_BLOCK; i++) {
			struct slot *slot = &block->slots[i];

			if (slot_range(slot, start, size) && address >= *start &&
			    address - *start < *size)
				return slot;
		}
	}
	return NULL;
}

static bool put_zeros(uintptr_t start, size_t size)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;

	return mmap((void *)start, size, PROT_READ, flags, -1, 0) != MAP_FAILED;
}

/*
 * The fault is counted before the zeros can be seen, so whoever read them on any
 * thread finds the count grown.  Each lost page splits a mapping and their number is
 * limited; past the limit the whole map becomes one mapping of zeros, which is safe
 * for the same reason.
 */
static bool mend(uintptr_t address)
{
	uintptr_t start;
	size_t size;
	struct slot *slot = find_slot(address, &start, &size);

	if (!slot)
		return false;
	atomic_fetch_add_explicit(&slot->faults, 1, memory_order_acq_rel);
	return put_zeros(address & ~(uintptr_t)(page_size - 1), page_size) ||
	       put_zeros(start, size);
}

static void pass_on(int number, siginfo_t *info, void *context)
{
	if (earlier_action.sa_flags & SA_SIGINFO) {
		earlier_action.sa_sigaction(number, info, context);
		return;
	}
	if (earlier_action.sa_handler != SIG_DFL &&
	    earlier_action.sa_handler != SIG_IGN) {
		earlier_action.sa_handler(number);
		return;
	}
	if (earlier_action.sa_handler == SIG_IGN && info->si_code <= 0)
		return;
	/*
	 * The default action.  A load that faulted faults again on return, with the
	 * right address in the core file; a signal that was sent must be sent again.
	 */
	signal(number, SIG_DFL);
	if (info->si_code <= 0)
		raise(number);
}

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	int saved_errno = errno;

	/* si_code <= 0: sent by a process, si_addr means nothing. */
	if (info->si_code <= 0 || !mend((uintptr_t)info->si_addr))
		pass_on(number, info, context);
	errno = saved_errno;
}

/* ---- registry ---- */

static void start_registry(void)
{
	/* ONSTACK: an earlier handler may need the other stack when we pass on. */
	struct sigaction action = {
		.sa_sigaction = on_sigbus,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};

	vv_mutex_init(&registry_lock);
	page_size = (size_t)sysconf(_SC_PAGESIZE);
	statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, NULL, &earlier_action); /* before ours can run and use it */
	sigaction(SIGBUS, &action, NULL);
}

static int add_block(void)
{
	struct block *block = calloc(1, sizeof *block);
	size_t i;

	if (!block)
		return VV_ENOMEM;
	for (i = 0; i < SLOTS_PER_BLOCK; i++) {
		block->slots[i].next_free = free_slots;
		free_slots = &block->slots[i];
	}
	block->next = atomic_load_explicit(&newest_block, memory_order_relaxed);
	atomic_store_explicit(&newest_block, block, memory_order_release);
	return VV_OK;
}

static void set_range(struct slot *slot, uintptr_t start, size_t size)
{
	unsigned n = atomic_load_explicit(&slot->sequence, memory_order_relaxed);

	atomic_store_explicit(&slot->sequence, n + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&slot->start, start, memory_order_relaxed);
	atomic_store_explicit(&slot->size, size, memory_order_relaxed);
	atomic_store_explicit(&slot->sequence, n + 2, memory_order_release);
}

static int take_slot(struct slot **out, void *start, size_t size)
{
	int err = VV_OK;

	*out = NULL;
	vv_mutex_lock(&registry_lock);
	if (!free_slots)
		err = add_block();
	if (!err) {
		*out = free_slots;
		free_slots = (*out)->next_free;
		atomic_store_explicit(&(*out)->faults, 0, memory_order_relaxed);
		set_range(*out, (uintptr_t)start, size);
	}
	vv_mutex_unlock(&registry_lock);
	return err;
}

static void give_slot(struct slot *slot)
{
	vv_mutex_lock(&registry_lock);
	set_range(slot, 0, 0);
	slot->next_free = free_slots;
	free_slots = slot;
	vv_mutex_unlock(&registry_lock);
}

/* ---- maps ---- */

/* Sets *@len to the bytes to map; 0 only for the empty end of a file. */
static int check_range(int fd, uint64_t off, uint64_t *len)
{
	struct stat st;
	uint64_t size;

	if (fstat(fd, &st) != 0)
		return vv_err_from_errno(errno);
	if (S_ISDIR(st.st_mode))
		return VV_EISDIR;
	if (!S_ISREG(st.st_mode))
		return VV_EINVAL;
	size = (uint64_t)st.st_size;
	if (off > size || *len > size - off)
		return VV_EINVAL;
	if (*len == 0)
		*len = size - off;
	return *len > SIZE_MAX - page_size ? VV_EFBIG : VV_OK;
}

/*
 * What is small is read as a whole and at once.  After that a page that is missing is
 * read alone: around it a kernel would read as much as suits a scan of a large file,
 * several MiB with some disks, and in a memory cgroup throw out for it what we just used.
 */
static void advise(void *start, size_t size)
{
	if (size <= WHOLE_BYTES)
		madvise(start, size, MADV_WILLNEED);
	madvise(start, size, MADV_RANDOM);
}

/* @lead: bytes between the start of the first page and the first byte asked for. */
static int map_range(struct vv_map *out, int fd, uint64_t off, size_t len)
{
	size_t lead = (size_t)(off % page_size);
	size_t whole = (lead + len + page_size - 1) & ~(page_size - 1);
	struct slot *slot;
	void *start;
	int err;

	start = mmap(NULL, whole, PROT_READ, MAP_SHARED, fd, (off_t)(off - lead));
	if (start == MAP_FAILED)
		return vv_err_from_errno(errno);
	advise(start, whole);
	err = take_slot(&slot, start, whole);
	if (err) {
		munmap(start, whole);
		return err;
	}
	*out = (struct vv_map){
		.bytes = (const uint8_t *)start + lead,
		.size = len,
		.faults = &slot->faults,
		.private = slot,
	};
	return VV_OK;
}

int vv_map_open(struct vv_map *out, const char *path, uint64_t off, uint64_t len)
{
	int err;
	int fd;

	*out = (struct vv_map){ 0 };
	vv_once_run(&registry_once, start_registry);
	do {
		fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return vv_err_from_errno(errno);
	err = check_range(fd, off, &len);
	if (!err && len > 0)
		err = map_range(out, fd, off, (size_t)len);
	close(fd);
	return err;
}

void vv_map_close(struct vv_map *map)
{
	struct slot *slot = map->private;

	if (slot) {
		uintptr_t start =
			atomic_load_explicit(&slot->start, memory_order_relaxed);
		size_t size = atomic_load_explicit(&slot->size, memory_order_relaxed);

		/* First out of the registry: the addresses may soon be someone else's. */
		give_slot(slot);
		munmap((void *)start, size);
	}
	*map = (struct vv_map){ 0 };
}

void vv_map_drop(const struct vv_map *map)
{
	const struct slot *slot = map->private;

	if (slot)
		madvise((void *)atomic_load_explicit(&slot->start,
						     memory_order_relaxed),
			atomic_load_explicit(&slot->size, memory_order_relaxed),
			MADV_DONTNEED);
}

/* In pages: all, resident, resident and shared with a file, ...  Kept open: it is asked often. */
size_t vv_map_resident_bytes(void)
{
	char text[128];
	unsigned long long all, resident, shared;
	ssize_t n;

	vv_once_run(&registry_once, start_registry);
	if (statm < 0)
		return 0;
	n = pread(statm, text, sizeof text - 1, 0);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	if (sscanf(text, "%llu %llu %llu", &all, &resident, &shared) != 3)
		return 0;
	return (size_t)shared * page_size;
}
