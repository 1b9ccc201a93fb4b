/*
 * gate.h - a source whose every operation first passes a gate: a test's scheduler that
 * may hold it as long as it likes.
 *
 * With it a publisher is stopped before each of its steps while gc runs in between,
 * and one fetch is held for a second while the others must go on.
 *
 * Ownership: takes `next`, on success only; the context is borrowed.
 * Threads: the gate is called on the thread of each operation, many at once.
 */
#ifndef VV_SOURCE_GATE_H
#define VV_SOURCE_GATE_H

#include "source/hook.h"

/* VV_OK opens; an error is the operation's result instead, and it is not done. */
typedef int (*vv_source_gate_fn)(void *ctx, const struct vv_source_event *event);

int vv_source_gate_new(struct vv_source **out, struct vv_source *next,
		       vv_source_gate_fn gate, void *ctx);

#endif
