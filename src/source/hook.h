/*
 * hook.h - a source that asks before each operation of another source and hears of
 * it afterwards.  Fault, trace and gate are made of it.
 *
 * Ownership: the wrapper owns `next` on success, and takes the hooks' context too if
 *	they have a free().
 * Threads: the hooks run on whatever thread calls the source, at once.
 */
#ifndef VV_SOURCE_HOOK_H
#define VV_SOURCE_HOOK_H

#include <stdint.h>

struct vv_source;

/* Aborting a put is none of them: nothing can fail in it and nothing becomes visible. */
enum vv_source_op {
	VV_SOURCE_GET,
	VV_SOURCE_STAT,
	VV_SOURCE_PUT_BEGIN,
	VV_SOURCE_PUT_WRITE,
	VV_SOURCE_PUT_COMMIT,
	VV_SOURCE_REMOVE,
	VV_SOURCE_LIST,
	VV_SOURCE_SETTLE,
	VV_SOURCE_MAP,
	VV_SOURCE_OP_COUNT
};

const char *vv_source_op_name(enum vv_source_op op); /* "get", "put_begin", ... */

/* One operation.  Borrowed for the call of a hook. */
struct vv_source_event {
	enum vv_source_op op;
	const char *key; /* or prefix; "" where there is none: put_begin, put_write */
	int result;	 /* afterwards */
	uint64_t bytes;	 /* afterwards: read, written or mapped */
	uint64_t elapsed_ns; /* afterwards */
};

struct vv_source_hooks {
	const char *name; /* of the source */
	void *ctx;

	/* VV_OK lets the operation through; an error is its result instead.  May be NULL. */
	int (*before)(void *ctx, const struct vv_source_event *event);

	/*
	 * Returns the result that the caller sees: event->result, or an error in place of
	 * success.  Not called when `before` failed.  May be NULL.
	 */
	int (*after)(void *ctx, const struct vv_source_event *event);

	void (*free)(void *ctx); /* may be NULL */
};

int vv_source_hook_new(struct vv_source **out, struct vv_source *next,
		       const struct vv_source_hooks *hooks);

/* The context of a source made with hooks of that name; an assert otherwise. */
void *vv_source_hook_ctx(struct vv_source *src, const char *name);

#endif
