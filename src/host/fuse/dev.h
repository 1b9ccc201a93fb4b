/*
 * dev.h - the classic transport: threads that read requests from /dev/fuse and write replies.
 *
 * With FUSE over io_uring (uring.h) only FORGET, INTERRUPT and notifications pass here.
 *
 * A fetch may take a second; a lookup in a mapped tree takes a microsecond.  So that the one
 * never delays the other, there is always a thread left that takes the next request:
 *
 *  (D1) While the session lives, at least one worker waits in read(), or is on its way there,
 *	 unless VV_FUSE_WORKERS_MAX run or the budget or the system grants no more.
 *  (D2) A worker that took the last waiting place starts another before it does its work.
 *  (D3) A worker that would be one too many of those that wait ends instead.
 *
 * So a quiet mount keeps a few threads, and a burst adds what it needs for as long as it
 * lasts.  `waiting` is the one number behind all three; it is changed only by the worker
 * that comes or goes, and by the starter on behalf of the started.
 *
 * Replies leave by one writev(): the header, then the cached frames from where they lie.
 *
 * Ownership: new/free; takes the device.
 * Threads: start, stop and free by the maker; send and describe on any.
 */
#ifndef VV_HOST_FUSE_DEV_H
#define VV_HOST_FUSE_DEV_H

#include <stddef.h>

struct vv_buf;
struct vv_fuse_dev;
struct vv_fuse_ops;

/* More workers than the kernel's background requests (init.c), so that some are left. */
enum {
	VV_FUSE_WORKERS_MAX = 64
};

/* Of those that wait: two for each processor, within these bounds. */
enum {
	VV_FUSE_IDLE_MIN = 4,
	VV_FUSE_IDLE_MAX = 16
};

/* @ended is called once, on a worker, when the kernel closed the session. */
int vv_fuse_dev_new(struct vv_fuse_dev **out, int device, struct vv_fuse_ops *ops,
		    void (*ended)(void *ctx), void *ctx);
int vv_fuse_dev_start(struct vv_fuse_dev *dev);

/* From now on few requests come this way: keep no more than @waiting workers for them. */
void vv_fuse_dev_keep(struct vv_fuse_dev *dev, unsigned waiting);

/* Requests under way are finished, no other is taken; all workers have ended on return. */
void vv_fuse_dev_stop(struct vv_fuse_dev *dev);

/* Of a stopped one; closes the device.  NULL is a no-op. */
void vv_fuse_dev_free(struct vv_fuse_dev *dev);

/*
 * Send a notification.  May block as long as the kernel needs a lock that one of its own
 * lookups holds, so never from a worker.  VV_ENOENT: the kernel does not know the name or
 * node; VV_ENODEV: the session is over; VV_ENOMEM: not now, say it again.
 */
int vv_fuse_dev_notify(struct vv_fuse_dev *dev, const void *bytes, size_t size);

/* Append `,"workers":3,...` */
int vv_fuse_dev_describe(struct vv_fuse_dev *dev, struct vv_buf *json);

#endif
