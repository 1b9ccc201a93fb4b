/*
 * descent.h - all entries at and below a place in a tree, each with its path.
 *
 * A directory comes before what is in it, and is left after it: who makes directories
 * sets their times then.  Depth first with a stack of its own.
 *
 * A tree that was not verified may show one entry at many paths.  More steps than the
 * tree has entries are therefore refused (VV_ECORRUPT), and so is a path beyond the
 * depth of the format: a hostile tree costs no more than a good one of its size.
 *
 * Ownership: init/fini; borrows the tree.
 * Threads: one.
 */
#ifndef VV_STORE_DESCENT_H
#define VV_STORE_DESCENT_H

#include "core/buf.h"
#include "format/tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_descent_level;

enum vv_descent_step {
	VV_DESCENT_END,
	VV_DESCENT_ENTRY,
	VV_DESCENT_LEAVE, /* everything in the directory `entry` was told */
};

struct vv_descent {
	const struct vv_tree *tree;
	struct vv_entry entry; /* the current one */
	struct vv_buf path;
	struct vv_descent_level *levels; /* owned; open directories */
	size_t depth, cap;
	uint64_t steps;
	bool is_started, is_entering;
};

/* @top is told first, with the path "". */
void vv_descent_init(struct vv_descent *d, const struct vv_tree *tree, uint32_t top);
void vv_descent_fini(struct vv_descent *d); /* a zeroed one is fine */

/* An enum vv_descent_step, or an error. */
int vv_descent_next(struct vv_descent *d);
/* Do not enter the directory that was told last; it is not left either. */
void vv_descent_skip(struct vv_descent *d);

/* From the top, without a leading `/`; until the next step. */
const char *vv_descent_path(const struct vv_descent *d);

#endif
