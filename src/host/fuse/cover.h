/*
 * cover.h - something else may be mounted over the root of a tree.
 *
 * Answers: is this request one that should have met the other mount?  Whoever makes such
 * mounts (host/erofs) does so when a tree is first touched, while the toucher waits: its
 * path walk has already passed the point where it would have crossed.  So it is told that
 * what it holds is stale; the kernel then walks the path again and crosses.
 *
 * Ownership: part of the struct of whoever makes it.  Threads: any.
 */
#ifndef VV_HOST_FUSE_COVER_H
#define VV_HOST_FUSE_COVER_H

#include <stdbool.h>
#include <stdint.h>

struct vv_attr;
struct vv_fuse_entry_out;
struct vv_fuse_request;

struct vv_fuse_cover {
	/* The LOOKUP @req found a root, as @attr says; may shorten the lifetimes. */
	void (*found)(struct vv_fuse_cover *cover, const struct vv_fuse_request *req,
		      const struct vv_attr *attr, struct vv_fuse_entry_out *entry);
	/* May @pid have an operation on it?  VV_ESTALE: not before it looked again. */
	int (*enter)(struct vv_fuse_cover *cover, uint64_t root, uint32_t pid);
	/* False: attributes of it are to be asked for again each time. */
	bool (*is_settled)(struct vv_fuse_cover *cover, uint64_t root);
};

/* enter() for those operations that a path walk begins with. */
int vv_fuse_cover_enter(struct vv_fuse_cover *cover, const struct vv_fuse_request *req);

#endif
