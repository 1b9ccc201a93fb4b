/*
 * blob_order.h - the blobs of a tree in the order in which they are best stored.
 *
 * Small files share frames with their neighbours in this order, so those that are read
 * together should be neighbours, and those that look alike.  Directory by directory,
 * depth first; within one by extension, then by name.
 *
 * Threads: one.
 */
#ifndef VV_STORE_BLOB_ORDER_H
#define VV_STORE_BLOB_ORDER_H

#include "format/tree.h"

/*
 * Calls @blob for the content of each file, named streams included, at least once; a
 * value other than 0 ends it and is returned.  Errors of tree.h, VV_ENOMEM.
 */
int vv_blob_order(const struct vv_tree *tree,
		  int (*blob)(void *ctx, const struct vv_id *id), void *ctx);

#endif
