#include "os/runs.h"

#include "os/thread.h"
#include "test.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	PAGE = 4096,
};

static size_t count_mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	size_t lines = 0;
	int c;

	CHECK(f);
	while ((c = getc(f)) != EOF)
		lines += c == '\n';
	fclose(f);
	return lines;
}

/* Of the runs at these addresses, given back or not; not what a sanitizer adds. */
static size_t resident_bytes(void *const *runs, size_t count, size_t size)
{
	unsigned char pages[64];
	size_t resident = 0;

	CHECK(size / PAGE <= sizeof pages);
	for (size_t i = 0; i < count; i++) {
		CHECK_INT(mincore(runs[i], size, pages), 0);
		for (size_t n = 0; n < size / PAGE; n++)
			resident += (pages[n] & 1) * (size_t)PAGE;
	}
	return resident;
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Small frames in a budget of 2 GiB: addresses only, untouched. */
static void two_gibibytes_of_small_runs_take_few_mappings(void)
{
	enum {
		COUNT = (int)(((size_t)2 << 30) / (5 * PAGE)),
		MOST = 1000 /* Linux allows 65,530 */
	};
	static void *runs[COUNT];
	static uint8_t pages[COUNT];
	size_t before = count_mappings();
	uint32_t state = 1;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < COUNT; i++) {
			if (runs[i])
				continue;
			pages[i] = (uint8_t)(1 + next_random(&state) % 9);
			runs[i] = vv_run_new((size_t)pages[i] * PAGE);
			CHECK(runs[i]);
		}
		CHECK(count_mappings() - before < MOST);
		for (int i = 0; i < COUNT; i++) {
			if (round < 2 && next_random(&state) % 2)
				continue;
			vv_run_free(runs[i], (size_t)pages[i] * PAGE);
			runs[i] = NULL;
		}
		CHECK(count_mappings() - before < MOST);
	}
}

static void what_is_freed_goes_back_at_once(void)
{
	enum {
		COUNT = 1000,
		SIZE = 16 * PAGE
	};
	static void *runs[COUNT];

	for (int i = 0; i < COUNT; i++) {
		runs[i] = vv_run_new(SIZE);
		memset(runs[i], 1, SIZE);
	}
	CHECK_INT(resident_bytes(runs, COUNT, SIZE), (size_t)COUNT * SIZE);
	for (int i = 0; i < COUNT; i += 2)
		vv_run_free(runs[i], SIZE);
	CHECK_INT(resident_bytes(runs, COUNT, SIZE), (size_t)COUNT * SIZE / 2);
	for (int i = 1; i < COUNT; i += 2)
		vv_run_free(runs[i], SIZE);
	CHECK_INT(resident_bytes(runs, COUNT, SIZE), 0);
}

static void a_run_is_zeroed_aligned_and_nobody_elses(void)
{
	enum {
		COUNT = 400
	};
	static uint8_t *runs[COUNT];
	static size_t sizes[COUNT];
	uint32_t state = 7;

	for (int step = 0; step < 20000; step++) {
		int i = (int)(next_random(&state) % COUNT);

		if (runs[i]) {
			CHECK_INT(runs[i][0], i % 251);
			CHECK_INT(runs[i][sizes[i] - 1], i % 251);
			vv_run_free(runs[i], sizes[i]);
			runs[i] = NULL;
			continue;
		}
		/* Past the largest run that is cut from a chunk, too. */
		sizes[i] = 1 + next_random(&state) % (70 * PAGE);
		runs[i] = vv_run_new(sizes[i]);
		CHECK(runs[i] && (uintptr_t)runs[i] % PAGE == 0);
		CHECK_INT(runs[i][0], 0);
		CHECK_INT(runs[i][sizes[i] - 1], 0);
		runs[i][0] = runs[i][sizes[i] - 1] = (uint8_t)(i % 251);
	}
	for (int i = 0; i < COUNT; i++)
		vv_run_free(runs[i], sizes[i]);
	vv_run_free(NULL, PAGE);
}

static void churn(void *arg)
{
	uint32_t state = (uint32_t)(uintptr_t)arg;
	uint8_t *runs[16] = { 0 };
	size_t sizes[16] = { 0 };

	for (int step = 0; step < 20000; step++) {
		unsigned i = next_random(&state) % 16;

		if (runs[i])
			CHECK_INT(runs[i][0], (uint8_t)(uintptr_t)arg);
		vv_run_free(runs[i], sizes[i]);
		sizes[i] = PAGE * (1 + next_random(&state) % 8);
		runs[i] = vv_run_new(sizes[i]);
		CHECK(runs[i] && runs[i][0] == 0);
		runs[i][0] = (uint8_t)(uintptr_t)arg;
	}
	for (int i = 0; i < 16; i++)
		vv_run_free(runs[i], sizes[i]);
}

static void threads_do_not_share_runs(void)
{
	struct vv_thread threads[4];

	for (uintptr_t i = 0; i < 4; i++)
		CHECK_INT(vv_thread_create(&threads[i], "churn", churn, (void *)(i + 1),
					   0),
			  0);
	for (int i = 0; i < 4; i++)
		vv_thread_join(&threads[i]);
}

int main(void)
{
	RUN(what_is_freed_goes_back_at_once);
	RUN(two_gibibytes_of_small_runs_take_few_mappings);
	RUN(a_run_is_zeroed_aligned_and_nobody_elses);
	RUN(threads_do_not_share_runs);
	return test_report();
}
