/*
 * view_parts.h - struct vv_view as its own modules see it.
 *
 *	snapshot -> instance -> tree		immutable, counted; found by layers' paths
 *	table of dynamic nodes -> dir -> instances
 *
 * Threads: `lock` guards the current snapshot and the nodes; it is held for a few table
 *	operations, never during I/O, a callback or a wait for the budget.  A query on a
 *	tree node takes no lock at all.  `set_lock` admits one change of layers at a
 *	time.  Order: set_lock, lock, the instance table's lock.
 */
#ifndef VV_VFS_VIEW_PARTS_H
#define VV_VFS_VIEW_PARTS_H

#include "cache/budget.h"
#include "vfs/merge.h"
#include "vfs/nodes.h"

struct vv_view {
	struct vv_view_options opts;
	struct vv_instance_table instances;
	struct vv_mutex set_lock;
	struct vv_mutex lock;
	struct vv_snapshot *current; /* protected by lock; counted */
	struct vv_node_table nodes;  /* protected by lock */
};

/*
 * Nodes and listings are held for as long as a kernel or an open directory likes.  Frames
 * and workers always keep half of the budget, so whoever waited for a share beyond this
 * might wait for ever.
 */
enum {
	VV_VIEW_EIGHTHS = 3
};

/*
 * Memory of the budget, which a view in a test does not have.  Waits: call it without
 * locks.  VV_ENOMEM: nodes and listings hold their share already.
 */
int vv_view_reserve(struct vv_view *view, enum vv_holder holder, size_t bytes);
void vv_view_release(struct vv_view *view, enum vv_holder holder, size_t bytes);

#endif
