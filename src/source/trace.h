/*
 * trace.h - what is asked of a source, how often, and how long it takes.
 *
 * Ownership: takes `next`, on success only.
 * Threads: any; locked inside, not while the listener is called.
 */
#ifndef VV_SOURCE_TRACE_H
#define VV_SOURCE_TRACE_H

#include "source/hook.h"

#include <stdint.h>

struct vv_source_stats {
	uint64_t count;
	uint64_t
		errors; /* "no such object" and "already exists" are answers, not errors */
	uint64_t bytes; /* read, written or mapped */
	uint64_t total_ns;
	uint64_t max_ns;
};

/* Called after each operation, on its thread. */
typedef void (*vv_source_trace_fn)(void *ctx, const struct vv_source_event *event);

/* @listener may be NULL. */
int vv_source_trace_new(struct vv_source **out, struct vv_source *next,
			vv_source_trace_fn listener, void *ctx);

/* All as they are at one moment, by enum vv_source_op. */
void vv_source_trace_get(struct vv_source *src,
			 struct vv_source_stats out[VV_SOURCE_OP_COUNT]);

#endif
