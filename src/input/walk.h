/*
 * walk.h - the names of a host directory tree, in an order that depends on nothing but
 * the names.
 *
 * Depth first with a stack of its own: each level holds the names of one directory,
 * sorted, files before directories, so that the small files of a directory are told in
 * a row and come to share frames. Nothing is held open between steps but the top
 * directory; all names are looked up beneath it, symlinks never followed.
 *
 * Ownership: init/fini; borrows the top directory.  Threads: one.
 */
#ifndef VV_INPUT_WALK_H
#define VV_INPUT_WALK_H

#include "core/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct vv_hostdir;
struct vv_walk_level;

struct vv_walk {
	struct vv_hostdir *top; /* borrowed */
	char *path;		/* owned; of the current entry beneath top, "" = top */
	struct vv_walk_level *levels; /* owned; the stack */
	size_t depth, cap;
	bool started;
};

int vv_walk_init(struct vv_walk *walk, struct vv_hostdir *top); /* VV_ENOMEM */
void vv_walk_fini(struct vv_walk *walk); /* a zeroed one is fine */

/*
 * Moves walk->path to the next entry, first to top itself: true, or false at the end.
 */
bool vv_walk_next(struct vv_walk *walk);
/*
 * What is in the directory walk->path comes next. An error leaves walk->path at what
 * could not be read.
 */
int vv_walk_enter(struct vv_walk *walk);

#endif
