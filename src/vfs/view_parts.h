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
 * Memory of the budget, which a view in a test does not have.  Waits: call it without
 * locks.
 */
int vv_view_reserve(struct vv_view *view, enum vv_holder holder, size_t bytes);
void vv_view_release(struct vv_view *view, enum vv_holder holder, size_t bytes);

#endif
