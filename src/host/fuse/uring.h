/*
 * uring.h - the other transport: requests over io_uring, handled on the core that asks.
 *
 * The kernel has a queue for each possible core and puts a request into the queue of the
 * core that its caller runs on.  A queue has entries: an entry is a header, a payload buffer
 * and, here, a thread with a ring of its own (ring.h) that stays on that core, so that a
 * round trip needs no wake-up of another core.
 *
 *  (U1) An entry belongs to one thread, which registers it, answers its requests and commits
 *	 the replies.  The kernel delivers a request on the thread that submitted the entry;
 *	 so a fetch that takes a second holds its own entry and no other.
 *  (U2) While the session lives, at least one entry of each queue is the kernel's to fill, or
 *	 on its way there, unless the queue has plan.depth of them or the budget or the system
 *	 grants no more.  A thread that took the last makes another before it does its work:
 *	 the waiting is handed over first, then come lookup or decoding.
 *	 A request that comes before the other entry is registered waits until one is
 *	 committed: the kernel hands waiting requests to those alone.  So nobody who answers
 *	 may need an answer of the same session.
 *  (U3) No entry is taken from the kernel while the session lives: it might just have put a
 *	 request into it, which nobody would answer.  So what a burst needed remains, but an
 *	 entry that is not asked for a while gives back its payload buffer, most of its memory.
 *  (U4) The kernel fills the entry that was committed last first, so one caller is answered
 *	 by one thread, whose memory is warm, however many there are.
 *  (U5) A reply is copied into the payload buffer, and what it was copied from is given back
 *	 before the commit: no frame stays pinned while an entry waits.
 *
 * A queue begins with one entry.  `waiting` of a queue is the number behind (U2): it is
 * changed only by the thread that comes or goes, and by the starter on behalf of the started.
 *
 * Ownership: new/free; borrows device, ops and plan.
 * Threads: all by the maker; describe on any.
 */
#ifndef VV_HOST_FUSE_URING_TRANSPORT_H
#define VV_HOST_FUSE_URING_TRANSPORT_H

#include <stddef.h>

struct vv_buf;
struct vv_fuse_ops;
struct vv_fuse_uring;
struct vv_fuse_uring_plan;

enum {
	VV_FUSE_URING_KEEP_MS = 500 /* how long an entry that waits keeps its buffer */
};

/* What an entry holds besides its payload: for the plan. */
size_t vv_fuse_uring_entry_bytes(void);

/*
 * An entry for each queue, with its thread and ring; none is the kernel's yet.  Errors of
 * vv_fuse_ring_open(); VV_ENOMEM, VV_EAGAIN.  @failed is called, on a thread of the
 * transport, when requests of a core would not be answered any more.
 */
int vv_fuse_uring_new(struct vv_fuse_uring **out, int device, struct vv_fuse_ops *ops,
		      const struct vv_fuse_uring_plan *plan, void (*failed)(void *ctx),
		      void *ctx);

/*
 * After INIT was answered: register the entries.  When that is done requests come.  After an
 * error the kernel goes on with the classic transport.
 */
int vv_fuse_uring_start(struct vv_fuse_uring *u);

/* Requests under way are finished; all threads have ended and their memory is free. */
void vv_fuse_uring_stop(struct vv_fuse_uring *u);
void vv_fuse_uring_free(
	struct vv_fuse_uring *u); /* of a stopped one; NULL is a no-op */

/* Append `,"queues":2,"depth":64,"entries":3,...` */
int vv_fuse_uring_describe(struct vv_fuse_uring *u, struct vv_buf *json);

#endif
