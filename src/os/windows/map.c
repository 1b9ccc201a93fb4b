/*
 * Mapping, and the handler of pages that cannot be read.
 *
 * Windows raises an exception at the load.  The handler must find the map of an address
 * while other threads open and close maps, without a lock (the thread it interrupts may
 * hold it) and without memory that can go away: so maps are registered in slots, slots
 * come in blocks, and blocks are linked once and never freed.
 *
 * Part of a view cannot be replaced, so the first lost page turns the whole view into
 * zeros, which is safe: who used the bytes asks for the count.
 *
 * (S1) A slot's range is written by one thread at a time, under registry_lock.
 * (S2) Its sequence number is odd while the range changes.
 * (S3) A live map's slot does not change.  So a slot that the handler sees changing
 *	cannot be the one it looks for, and it goes on without waiting.
 * (S4) state goes from LIVE to MENDING by one thread, and from there to ZEROS or LOST.
 *	Until then, other threads that touch the view fault too, and wait in their
 *	handlers.
 */
#include "os/map.h"

#include "core/err.h"
#include "os/thread.h"
#include "os/windows/open.h"
#include "os/windows/winerror.h"

#include <stdbool.h>
#include <stdlib.h>

#include <windows.h>

_Static_assert(ATOMIC_POINTER_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2,
	       "the handler uses these");

enum {
	SLOTS_PER_BLOCK = 128
};

enum state {
	LIVE,
	MENDING,
	ZEROS, /* the view is gone, memory of zeros is in its place */
	LOST   /* somebody else got the addresses: nothing can be done */
};

struct slot {
	atomic_uint sequence;	/* (S2) */
	atomic_uintptr_t start; /* of the view; 0 = free */
	atomic_size_t size;	/* in whole pages */
	atomic_uint faults;
	atomic_int state;	/* (S4) */
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
static size_t page_size, view_granularity;

/* ---- in the handler ---- */

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
	struct block *block = atomic_load_explicit(&newest_block, memory_order_acquire);

	for (; block; block = block->next) {
		for (size_t i = 0; i < SLOTS_PER_BLOCK; i++) {
			struct slot *slot = &block->slots[i];

			if (slot_range(slot, start, size) && address >= *start &&
			    address - *start < *size)
				return slot;
		}
	}
	return NULL;
}

/* The fault is counted before the zeros can be seen, so whoever read them finds it. */
static bool put_zeros(struct slot *slot, uintptr_t start, size_t size)
{
	bool is_there;

	atomic_fetch_add_explicit(&slot->faults, 1, memory_order_acq_rel);
	is_there = UnmapViewOfFile((void *)start) &&
		   VirtualAlloc((void *)start, size, MEM_RESERVE | MEM_COMMIT,
				PAGE_READONLY);
	atomic_store(&slot->state, is_there ? ZEROS : LOST);
	return is_there;
}

static bool mend(uintptr_t address)
{
	uintptr_t start;
	size_t size;
	struct slot *slot = find_slot(address, &start, &size);
	int live = LIVE;

	if (!slot)
		return false;
	if (atomic_compare_exchange_strong(&slot->state, &live, MENDING))
		return put_zeros(slot, start, size);
	while (atomic_load(&slot->state) == MENDING)
		Sleep(0);
	return atomic_load(&slot->state) == ZEROS;
}

/*
 * An access violation within a live map is the fault of a thread that came while
 * another was mending.  Wine reports a page that cannot be read as one, too.
 */
static LONG CALLBACK on_exception(EXCEPTION_POINTERS *what)
{
	const EXCEPTION_RECORD *record = what->ExceptionRecord;

	if (record->ExceptionCode != EXCEPTION_IN_PAGE_ERROR &&
	    record->ExceptionCode != EXCEPTION_ACCESS_VIOLATION)
		return EXCEPTION_CONTINUE_SEARCH;
	/* Parameter 0 is what was tried, 0 = a read; we never write to a map. */
	if (record->NumberParameters < 2 || record->ExceptionInformation[0] != 0)
		return EXCEPTION_CONTINUE_SEARCH;
	return mend(record->ExceptionInformation[1]) ? EXCEPTION_CONTINUE_EXECUTION
						     : EXCEPTION_CONTINUE_SEARCH;
}

/* ---- registry ---- */

static void start_registry(void)
{
	SYSTEM_INFO info;

	GetSystemInfo(&info);
	page_size = info.dwPageSize;
	view_granularity = info.dwAllocationGranularity;
	vv_mutex_init(&registry_lock);
	AddVectoredExceptionHandler(1, on_exception);
}

static int add_block(void)
{
	struct block *block = calloc(1, sizeof *block);

	if (!block)
		return VV_ENOMEM;
	for (size_t i = 0; i < SLOTS_PER_BLOCK; i++) {
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
		atomic_store_explicit(&(*out)->state, LIVE, memory_order_relaxed);
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
static int check_range(uint64_t size, uint64_t off, uint64_t *len)
{
	if (off > size || *len > size - off)
		return VV_EINVAL;
	if (*len == 0)
		*len = size - off;
	return *len > SIZE_MAX - view_granularity ? VV_EFBIG : VV_OK;
}

static int map_view(void **out, HANDLE file, uint64_t off, size_t len)
{
	HANDLE section = CreateFileMappingW(file, NULL, PAGE_READONLY, 0, 0, NULL);
	int err = VV_OK;

	if (!section)
		return vv_err_last();
	*out = MapViewOfFile(section, FILE_MAP_READ, (DWORD)(off >> 32),
			     (DWORD)(off & 0xffffffff), len);
	if (!*out)
		err = vv_err_last();
	CloseHandle(section);
	return err;
}

/* @lead: bytes between the start of the view and the first byte asked for. */
static int map_range(struct vv_map *out, HANDLE file, uint64_t off, size_t len)
{
	size_t lead = (size_t)(off % view_granularity);
	size_t whole = (lead + len + page_size - 1) & ~(page_size - 1);
	struct slot *slot;
	void *start;
	int err = map_view(&start, file, off - lead, lead + len);

	if (err)
		return err;
	err = take_slot(&slot, start, whole);
	if (err) {
		UnmapViewOfFile(start);
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
	uint64_t size;
	HANDLE file;
	int err;

	*out = (struct vv_map){ 0 };
	vv_once_run(&registry_once, start_registry);
	err = vv_open_regular(&file, path, 0, &size);
	if (err)
		return err;
	err = check_range(size, off, &len);
	if (!err && len > 0)
		err = map_range(out, file, off, (size_t)len);
	CloseHandle(file);
	return err;
}

void vv_map_close(struct vv_map *map)
{
	struct slot *slot = map->private;

	if (slot) {
		void *start = (void *)atomic_load_explicit(&slot->start,
							   memory_order_relaxed);
		bool is_view = atomic_load(&slot->state) == LIVE;

		/* First out of the registry: the addresses may soon be someone else's. */
		give_slot(slot);
		if (is_view)
			UnmapViewOfFile(start);
		else
			VirtualFree(start, 0, MEM_RELEASE);
	}
	*map = (struct vv_map){ 0 };
}

/* Unlocking what is not locked takes it out of the working set. */
void vv_map_drop(const struct vv_map *map)
{
	const struct slot *slot = map->private;

	if (slot)
		VirtualUnlock((void *)atomic_load_explicit(&slot->start,
							   memory_order_relaxed),
			      atomic_load_explicit(&slot->size, memory_order_relaxed));
}

/* The working set has no count of the pages that belong to files. */
size_t vv_map_resident_bytes(void)
{
	return 0;
}
