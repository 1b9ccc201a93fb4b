/*
 * parts.h - the host in process as its own modules see it: fs.c makes views, node.c opens
 * nodes, resolve.c finds them, dir.c lists, refs.c tells what a store has.
 *
 * It is a host as the others are: requests, here calls, become view operations, and there
 * is no policy.  It plays both sides, though: what a kernel does for the FUSE host
 * (resolving paths, counting lookups and forgetting them, handles) is done here.
 *
 *  (D1)	A node holds one lookup of its view node, and one reference to its view.
 *  (D2)	The root node is part of the view and has no references of its own: who
 *	refers to it refers to the view.
 *  (D3)	Nothing remembers names: each path is looked up in the view as it is now, so
 *	the view's notices have nobody to go to.
 *
 * Threads: counters are atomic; there is no lock.
 */
#ifndef VV_HOST_DIRECT_PARTS_H
#define VV_HOST_DIRECT_PARTS_H

#include "host/serve.h"
#include "vfs/view.h"

#include <stdatomic.h>
#include <varve/varve.h>

struct vv_store;

struct vv_fs_node {
	struct vv_fs *fs;
	uint64_t id; /* of the view */
	atomic_uint refs;
	/* Owned; of a host file, from the first read on. */
	_Atomic(struct vv_view_file *) file;
};

struct vv_fs {
	struct vv_serve *serve; /* owned */
	struct vv_view *view;	/* borrowed from it, as are all below */
	struct vv_reader *reader;
	struct vv_budget *budget;
	atomic_uint refs;
	struct vv_fs_node root;
};

void vv_direct_unref(struct vv_fs *fs);
void vv_direct_node_ref(struct vv_fs_node *node);

/* The store in the directory @path.  What is wrong with it is logged. */
int vv_direct_store_open(struct vv_store **out, const char *path);

#endif
