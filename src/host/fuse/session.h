/*
 * session.h - the kernel's side of one FUSE mount: over which transport requests come.
 *
 * Requests come over io_uring (uring.h) where the kernel offers it and the budget has room
 * for its queues, else through /dev/fuse (dev.h).  FORGET, INTERRUPT, notifications and what
 * comes before the queues are ready go through /dev/fuse in any case.  What answers them, and
 * how, is the same (ops.h).  Nobody but the administrator switches the kernel's enable_uring;
 * the statistics say what was chosen, why, and what would change it.
 *
 * A process may have several sessions; they share nothing but what their ops share.
 *
 * Ownership: new/free; takes the device, borrows ops.
 * Threads: start, stop and free by the maker; negotiated as ops.started; describe on any.
 */
#ifndef VV_HOST_FUSE_SESSION_H
#define VV_HOST_FUSE_SESSION_H

struct vv_buf;
struct vv_fuse_dev;
struct vv_fuse_ops;
struct vv_fuse_session;

enum vv_fuse_transport {
	VV_FUSE_TRANSPORT_AUTO, /* io_uring if it can be */
	VV_FUSE_TRANSPORT_IO_URING,
	VV_FUSE_TRANSPORT_DEV,
	VV_FUSE_TRANSPORT_COVERED, /* as DEV, because trees are mounted over it */
};

/* @ended is called, on a thread of the session, when the kernel closed it or it failed. */
int vv_fuse_session_new(struct vv_fuse_session **out, int device,
			struct vv_fuse_ops *ops, void (*ended)(void *ctx), void *ctx);

/* Errors are told in the log.  VV_EOPNOTSUPP: VV_FUSE_TRANSPORT_IO_URING cannot be. */
int vv_fuse_session_start(struct vv_fuse_session *s, enum vv_fuse_transport transport);

/* From ops.started with what it was told; returns what the mount's maker is to be told. */
int vv_fuse_session_negotiated(struct vv_fuse_session *s, int err);

/* Requests under way are finished, no other is taken. */
void vv_fuse_session_stop(struct vv_fuse_session *s);
/* Of a stopped one; closes the device.  NULL is a no-op. */
void vv_fuse_session_free(struct vv_fuse_session *s);

/* Where notifications go; until free. */
struct vv_fuse_dev *vv_fuse_session_dev(struct vv_fuse_session *s);

/* Append `,"transport":"io_uring",...` */
int vv_fuse_session_describe(struct vv_fuse_session *s, struct vv_buf *json);

#endif
