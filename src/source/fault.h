/*
 * fault.h - a source that fails when it is told to: every reader and writer is tested
 * by failing its first operation, its second, its third.
 *
 * Ownership: takes `next`, on success only.
 * Threads: operations: any.  Setting a fault: while no call is in flight.
 */
#ifndef VV_SOURCE_FAULT_H
#define VV_SOURCE_FAULT_H

#include "source/hook.h"

#include <stdbool.h>
#include <stdint.h>

/* All zero: never fails, counts everything. */
struct vv_source_fault {
	int err;	    /* what the operation returns */
	unsigned nth;	    /* fails the nth operation that matches, 1 = the first */
	bool repeats;	    /* and every nth after that */
	bool takes_effect;  /* it is done, and then fails: an answer lost on the way */
	uint32_t ops;	    /* which match: bits 1u << enum vv_source_op; 0 = all */
	const char *prefix; /* of keys that match; NULL = all; borrowed while set */
};

/* @fault NULL = none yet. */
int vv_source_fault_new(struct vv_source **out, struct vv_source *next,
			const struct vv_source_fault *fault);

/* Another fault, counted from here. */
void vv_source_fault_set(struct vv_source *src, const struct vv_source_fault *fault);

unsigned vv_source_fault_count(struct vv_source *src); /* operations that matched */
unsigned vv_source_fault_hits(struct vv_source *src);  /* of these, failed by us */

#endif
