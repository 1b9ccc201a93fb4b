/*
 * runs.h - anonymous memory in runs of whole pages, for very many of them.
 *
 * A mapping for each run would meet the system's limit of mappings (Linux: 65,530) at a
 * few GiB of small frames.  So runs are cut from large regions of addresses that stay
 * mapped: a run that is freed gives its memory back to the system at once, and keeps
 * nothing but its address for the next run of that size.
 *
 * Regions are cut in chunks of 1 MiB, each for runs of one size; a chunk without runs
 * serves any size.  So what fragments is addresses, not memory: at worst the sum over
 * all sizes of the most that was ever in use of each, and a page table entry for it.
 *
 * Ownership: who takes a run frees it, with the same size.  Regions are never unmapped.
 * Threads: any; one short lock, never held across a system call that frees.
 */
#ifndef VV_OS_RUNS_H
#define VV_OS_RUNS_H

#include <stddef.h>

void *vv_run_new(size_t size);		  /* zeroed; NULL: no memory */
void vv_run_free(void *run, size_t size); /* NULL is a no-op; @size as asked for */

#endif
