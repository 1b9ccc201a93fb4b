/*
 * trees.h - small trees in memory, told in words, for tests of views.
 *
 * A tree is a text with one entry a line:
 *
 *	d path			directory
 *	o path			opaque directory (user.overlay.opaque = y)
 *	f path content		file; its blob id is the hash of the content
 *	l path target		symlink
 *	h path existing		further hard link
 *	w path			whiteout
 *
 * A shelf holds trees by id and opens them for layers; it counts, and can be told to
 * fail or to be slow.
 */
#ifndef VV_TEST_TREES_H
#define VV_TEST_TREES_H

#include "format/tree.h"
#include "vfs/view.h"

#include <stdatomic.h>

enum {
	SHELF_MAX = 64
};

struct shelf_tree {
	struct vv_tree tree;
	uint8_t *bytes; /* owned */
	atomic_int open;
	atomic_uint faults;
};

struct shelf {
	struct shelf_tree *trees[SHELF_MAX]; /* owned */
	unsigned count;
	atomic_int opens, closes; /* in all */
	atomic_int fail;	  /* answer of open() unless 0 */
	atomic_uint delay_ms;	  /* of open() */
};

/* The tree of @text, put on the shelf unless it is there. */
struct shelf_tree *shelf_add(struct shelf *shelf, const char *text);
void shelf_fini(struct shelf *shelf); /* no tree may be open */

/* A layer with that tree; @label is the path. */
struct vv_layer shelf_layer(struct shelf *shelf, const char *path, const char *text);

/* What a file of the text `f x content` has. */
struct vv_id content_id(const char *content);

#endif
