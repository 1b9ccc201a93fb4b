/*
 * resolve.h - from a path to a node of the view, as a kernel would walk it.
 *
 * The nodes on the way are held until the walk ends, because `..` leads back to them.
 * Memory: nothing for paths of up to 32 directories without symlinks; 24 KiB at most.
 *
 * Threads: any.
 */
#ifndef VV_HOST_DIRECT_RESOLVE_H
#define VV_HOST_DIRECT_RESOLVE_H

#include "vfs/view.h"

/* What a path leads to. */
struct vv_resolved {
	struct vv_attr attr;
	bool is_start; /* where it began: no lookup was counted */
};

/*
 * @flags and errors as in varve/varve.h.  On success the caller forgets out->attr.node
 * once, unless it is the start.
 */
int vv_resolve(struct vv_resolved *out, struct vv_view *view, uint64_t start,
	       const char *path, unsigned flags);

#endif
