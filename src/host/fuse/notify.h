/*
 * notify.h - tells the kernel what to forget, in order, on a thread of its own.
 *
 * The kernel may need the lock of a directory to forget a name in it, and somebody who
 * looks something up there may hold that lock until we answer.  So the thread that writes
 * notifications is no worker and holds no lock of ours; while it waits, workers go on.
 *
 * A notice that is lost would show an old version for ever.  So all the memory that
 * notices take, queued or under way, is there from the start, and a kernel that has none
 * for the moment is told again.
 *
 * Ownership: new/free; borrows the device.
 * Threads: push on any; new, stop and free by the maker.
 */
#ifndef VV_HOST_FUSE_NOTIFY_H
#define VV_HOST_FUSE_NOTIFY_H

#include <stdint.h>

struct vv_buf;
struct vv_fuse_dev;
struct vv_fuse_notifier;
struct vv_notices;

enum {
	VV_FUSE_NOTICES_MAX = 4096,	/* queued at one time */
	VV_FUSE_NOTICE_NAMES = 64 << 10 /* bytes of their names */
};

/* No entry of a directory is called so; see forget_listing() for what it is good for. */
#define VV_FUSE_NO_NAME "."

int vv_fuse_notifier_new(struct vv_fuse_notifier **out, struct vv_fuse_dev *dev);

/* Queue copies.  Waits while the queue is full.  After stop nothing is queued any more. */
void vv_fuse_notifier_push(struct vv_fuse_notifier *n,
			   const struct vv_notices *notices);

/* Ends the thread; what is queued is dropped, since the mount is over. */
void vv_fuse_notifier_stop(struct vv_fuse_notifier *n);
/* Of a stopped one.  NULL is a no-op. */
void vv_fuse_notifier_free(struct vv_fuse_notifier *n);

uint64_t vv_fuse_notifier_sent(struct vv_fuse_notifier *n); /* for the statistics */

#endif
