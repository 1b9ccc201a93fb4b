/*
 * erofs_host.h - trees shown by the kernel's own EROFS: only their data is asked of us.
 *
 * Answers, beside a FUSE mount of a view: how does a tree at a path of its own come to be an
 * EROFS mount there?  At first touch (gates.h) its image is made (format/erofs_image.h), as
 * a file without a name, mounted with the tree's blobs (blobs.h) as extra device, and put
 * over the root that FUSE shows.  Whatever goes wrong, FUSE goes on showing that tree.
 *
 * An image is made each time: that takes about 2 ms for 6,000 files, as long as checking a
 * kept one would, and there is none to trust or to clear away.
 *
 * When a ref moves, the notice that makes the kernel forget its name takes the mount away
 * with it, in every name space; who has something open in it keeps the old tree.
 *
 * Ownership: new/free; borrows serve.
 * Threads: any, but new, free.
 */
#ifndef VV_HOST_EROFS_EROFS_HOST_H
#define VV_HOST_EROFS_EROFS_HOST_H

#include "host/fuse/session.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct vv_buf;
struct vv_erofs_host;
struct vv_fuse_cover;
struct vv_notices;
struct vv_serve;
struct vv_serve_layer;

struct vv_erofs_options {
	const char *path; /* of the FUSE mount, canonical; borrowed */
	const char
		*cache_dir; /* where images are files for a moment; NULL: the default */
	enum vv_fuse_transport transport; /* of the requests for data */
	bool allow_suid, allow_dev;
	atomic_uint_least64_t *errors; /* counts reads that fail; may be NULL */
	/* Tell the kernel of the FUSE mount; on any thread. */
	void (*notify)(void *ctx, const struct vv_notices *notices);
	/* The last image is in use no more; on any thread. */
	void (*idle)(void *ctx);
	void *ctx;
};

/*
 * NULL: trees of such a view can be mounted over; else why not, for people.  All must be
 * trees with paths of their own: not the root, none inside another.
 */
const char *vv_erofs_host_refuses(const struct vv_serve_layer *layers, size_t count);

/*
 * Tries with an empty tree whether the kernel can do it.  VV_EPERM: takes root.
 * VV_EOPNOTSUPP: the kernel cannot (before 6.12, or without EROFS).  VV_EIO, VV_EROFS: there
 * is no directory for images.
 */
int vv_erofs_host_new(struct vv_erofs_host **out, struct vv_serve *serve,
		      const struct vv_erofs_options *opts);
/* Images that are still in use fail from now on.  NULL is a no-op. */
void vv_erofs_host_free(struct vv_erofs_host *h);

struct vv_fuse_cover *vv_erofs_host_cover(struct vv_erofs_host *h);
bool vv_erofs_host_is_idle(struct vv_erofs_host *h);
int vv_erofs_host_describe(struct vv_erofs_host *h, struct vv_buf *json);

#endif
