/*
 * change.h - swap the layers of a view and find out what a kernel must forget.
 *
 *	prepare	the new snapshot and the paths that differ; everything that can fail
 *	swap	under the view's lock, together with a copy of all names that a kernel
 *		may remember and that the change may touch
 *	compare	without the lock: what does each of these names mean now?
 *	settle	names that mean something else become notices, no longer tracked
 *
 *  (C1)	A name answered before the swap is in the copy (it was tracked before),
 *	one answered after it comes from the new layers: no answer escapes.
 *  (C2)	A directory at, above or beneath a changed layer has a notice for its
 *	listing and attributes.
 *  (C3)	When in doubt (a layer cannot be asked, or a host directory now has a
 *	say) there is a notice: a needless one costs a lookup, a missing one shows the
 *	past for ever.
 */
#ifndef VV_VFS_CHANGE_H
#define VV_VFS_CHANGE_H

#include "vfs/view.h"

/* vv_view_set_layers() without its check of the arguments. */
int vv_change_layers(struct vv_view *view, const struct vv_layer *layers, size_t count,
		     struct vv_notices *out);

#endif
