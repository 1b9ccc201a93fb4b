/*
 * blobs.h - the files that EROFS images take their data from: one for each mounted tree, in
 * a FUSE mount that is attached nowhere.
 *
 * Answers, for the kernel: what are the bytes of this file?  All blobs of a tree lie in it
 * one behind the other (format/erofs_regions.h), and a READ becomes reads of blobs.  EROFS
 * reads directly, so pages are cached once, for the files that programs see.
 *
 * A file is there from vv_erofs_blobs_add() until the kernel closes it, which is when the
 * last user of the EROFS mount is gone, however it was taken away.  So long its tree is
 * held.  That is told by @released, on a thread of the session.
 *
 * Ownership: new/free.
 * Threads: any, but new, free.
 */
#ifndef VV_HOST_EROFS_BLOBS_H
#define VV_HOST_EROFS_BLOBS_H

#include "host/fuse/session.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct vv_buf;
struct vv_erofs_blobs;
struct vv_erofs_regions;
struct vv_serve;
struct vv_tree;

enum {
	VV_EROFS_PATH_MAX = 64 /* bytes of a path in /proc */
};

/* @errors counts reads that fail; may be NULL.  VV_EPERM, VV_ENODEV: no FUSE, or not for us. */
int vv_erofs_blobs_new(struct vv_erofs_blobs **out, struct vv_serve *serve,
		       enum vv_fuse_transport transport, atomic_uint_least64_t *errors,
		       void (*released)(void *ctx, uint64_t root), void *ctx);
void vv_erofs_blobs_free(struct vv_erofs_blobs *b); /* NULL is a no-op */

/*
 * A file for the tree at @root, of which the caller has one lookup more than it needs:
 * (0: a tree of no view) that becomes the file's, as do @regions, on success only.  *@path: where the kernel, asked
 * by a thread of this process, finds it.
 */
int vv_erofs_blobs_add(struct vv_erofs_blobs *b, uint64_t root,
		       const struct vv_tree *tree, struct vv_erofs_regions *regions,
		       uint64_t *id, char path[VV_EROFS_PATH_MAX]);
/* The kernel was not made to open it, or will close it: it goes when it is closed, untold. */
void vv_erofs_blobs_abandon(struct vv_erofs_blobs *b, uint64_t id);

unsigned vv_erofs_blobs_count(struct vv_erofs_blobs *b);
/* Append `,"images":3,"blob_requests":12,"blob_reads":10` */
int vv_erofs_blobs_describe(struct vv_erofs_blobs *b, struct vv_buf *json);

#endif
