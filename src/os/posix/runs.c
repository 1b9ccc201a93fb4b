#include "os/runs.h"

#include "os/system.h"
#include "os/thread.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
	PAGE = 4096,
	CHUNK_PAGES = 256,
	CHUNK = CHUNK_PAGES * PAGE, /* bytes; chunks are aligned to it */
	REGION_CHUNKS = 64,
	RUN_PAGES_MAX = 64, /* a larger run is a mapping of its own */
	BUCKETS = 4096,
};

/*
 * (R1) run_pages is 0 exactly if used is 0, and then the chunk is in `unused`.
 * (R2) A chunk with runs and room for more is in the list of its size; a full one in none.
 */
struct chunk {
	uint8_t *base;
	struct chunk *next, *before; /* in the list it is in */
	struct chunk *next_in_bucket;
	uint64_t taken[CHUNK_PAGES / 64]; /* a bit for each run */
	unsigned run_pages, used;
};

/* All of it protected by lock. */
static struct vv_once once = VV_ONCE_INIT;
static struct vv_mutex lock;
static struct chunk *with_room[RUN_PAGES_MAX + 1], *unused;
static struct chunk *buckets[BUCKETS];

static void start(void)
{
	vv_mutex_init(&lock);
}

/* ---- chunks ---- */

static struct chunk **bucket_of(const void *address)
{
	return &buckets[(uintptr_t)address / CHUNK % BUCKETS];
}

static struct chunk *find_chunk(const void *address)
{
	uintptr_t base = (uintptr_t)address & ~(uintptr_t)(CHUNK - 1);
	struct chunk *c = *bucket_of(address);

	while (c && (uintptr_t)c->base != base)
		c = c->next_in_bucket;
	return c;
}

static void link_chunk(struct chunk **list, struct chunk *c)
{
	c->before = NULL;
	c->next = *list;
	if (c->next)
		c->next->before = c;
	*list = c;
}

static void unlink_chunk(struct chunk **list, struct chunk *c)
{
	if (c->before)
		c->before->next = c->next;
	else
		*list = c->next;
	if (c->next)
		c->next->before = c->before;
}

static bool is_full(const struct chunk *c)
{
	return c->used == CHUNK_PAGES / c->run_pages;
}

/*
 * Addresses for one more region.  Huge pages are refused: one would take 2 MiB for the
 * first page of a run.
 */
static uint8_t *map_region(void)
{
	const size_t size = (size_t)REGION_CHUNKS * CHUNK;
	uint8_t *start_at = mmap(NULL, size + CHUNK, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t lead;

	if (start_at == MAP_FAILED)
		return NULL;
	lead = (size_t)(-(uintptr_t)start_at & (CHUNK - 1));
	if (lead > 0)
		munmap(start_at, lead);
	munmap(start_at + lead + size, CHUNK - lead);
	madvise(start_at + lead, size, MADV_NOHUGEPAGE);
	return start_at + lead;
}

static void add_region(void)
{
	struct chunk *chunks = calloc(REGION_CHUNKS, sizeof *chunks);
	uint8_t *base = chunks ? map_region() : NULL;

	if (!base) {
		free(chunks);
		return;
	}
	for (size_t i = REGION_CHUNKS; i-- > 0;) {
		struct chunk *c = &chunks[i];

		c->base = base + i * CHUNK;
		c->next_in_bucket = *bucket_of(c->base);
		*bucket_of(c->base) = c;
		link_chunk(&unused, c);
	}
}

/* A chunk with room for a run of @pages, or NULL. */
static struct chunk *chunk_for(unsigned pages)
{
	struct chunk *c = with_room[pages];

	if (c)
		return c;
	if (!unused)
		add_region();
	c = unused;
	if (c) {
		unlink_chunk(&unused, c);
		c->run_pages = pages;
		link_chunk(&with_room[pages], c);
	}
	return c;
}

/* ---- runs ---- */

static unsigned take_slot(struct chunk *c)
{
	unsigned slot = 0;

	while (c->taken[slot / 64] >> slot % 64 & 1)
		slot++;
	assert(slot < CHUNK_PAGES / c->run_pages);
	c->taken[slot / 64] |= UINT64_C(1) << slot % 64;
	c->used++;
	if (is_full(c))
		unlink_chunk(&with_room[c->run_pages], c);
	return slot;
}

static void give_slot(struct chunk *c, unsigned slot)
{
	assert(c->taken[slot / 64] >> slot % 64 & 1);
	if (is_full(c))
		link_chunk(&with_room[c->run_pages], c);
	c->taken[slot / 64] &= ~(UINT64_C(1) << slot % 64);
	if (--c->used > 0)
		return;
	unlink_chunk(&with_room[c->run_pages], c); /* (R1) */
	c->run_pages = 0;
	link_chunk(&unused, c);
}

static size_t pages_of(size_t size)
{
	return size / PAGE + (size % PAGE != 0);
}

void *vv_run_new(size_t size)
{
	size_t pages = pages_of(size);
	struct chunk *c;
	void *run = NULL;

	if (pages == 0 || pages > RUN_PAGES_MAX)
		return vv_pages_new(size);
	vv_once_run(&once, start);
	vv_mutex_lock(&lock);
	c = chunk_for((unsigned)pages);
	if (c)
		run = c->base + take_slot(c) * pages * PAGE;
	vv_mutex_unlock(&lock);
	return run ? run : vv_pages_new(size);
}

void vv_run_free(void *run, size_t size)
{
	size_t pages = pages_of(size);
	struct chunk *c;

	if (!run)
		return;
	if (pages > RUN_PAGES_MAX) {
		vv_pages_free(run, size);
		return;
	}
	vv_mutex_lock(&lock);
	c = find_chunk(run); /* NULL: it is a mapping of its own */
	vv_mutex_unlock(&lock);
	if (!c) {
		vv_pages_free(run, size);
		return;
	}
	/* Before the address is anybody's: the memory must not be counted by two. */
	madvise(run, pages * PAGE, MADV_DONTNEED);
	vv_mutex_lock(&lock);
	give_slot(c, (unsigned)((size_t)((uint8_t *)run - c->base) / (pages * PAGE)));
	vv_mutex_unlock(&lock);
}
