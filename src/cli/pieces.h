/*
 * pieces.h - what several verbs do on their way: find REF:PATH, print a difference.
 *
 * Threads: the main thread, but vv_print_difference() on one thread at a time.
 */
#ifndef VV_CLI_PIECES_H
#define VV_CLI_PIECES_H

#include "format/tree.h"

#include <stdbool.h>

struct vv_difference;
struct vv_open_tree;
struct vv_store;

/* An entry of a ref, and its tree, which is held open. */
struct vv_found {
	struct vv_open_tree *open; /* counted */
	const struct vv_tree *tree;
	struct vv_entry entry;
};

/* @path "" is the root.  0, or an exit status after a message. */
int vv_find(struct vv_found *out, struct vv_store *store, const char *ref,
	    const char *path);
void vv_found_drop(struct vv_found *found); /* a zeroed one is fine */

/* "M path (content, mode)", or as JSON. */
void vv_print_difference(const struct vv_difference *d, bool json);

#endif
