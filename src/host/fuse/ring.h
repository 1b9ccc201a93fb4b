/*
 * ring.h - one io_uring with one entry of a FUSE queue: register it, wait for a request,
 * commit the reply.
 *
 * The kernel delivers a request by work that runs on the thread which submitted the entry,
 * when that thread waits here.  So the thread that opens a ring is the only one to use it.
 *
 * A program without liburing has the same functions; open answers VV_ENOSYS.
 *
 * Ownership: open/close; borrows device and buffers, which stay until close.
 * Threads: one, from open to close; it is woken through the stop event.
 */
#ifndef VV_HOST_FUSE_RING_H
#define VV_HOST_FUSE_RING_H

#include <stddef.h>
#include <stdint.h>

struct vv_fuse_ring;
struct vv_fuse_uring_header;

struct vv_fuse_ring_options {
	int device;	/* /dev/fuse of a mount */
	int stop;	/* an eventfd; readable: wait returns VV_ECANCELED */
	unsigned queue; /* the number of a possible core */
	struct vv_fuse_uring_header *header;
	void *payload;
	size_t payload_bytes;
};

/* VV_EPERM, VV_ENOSYS (io_uring is forbidden or missing here), VV_ENOMEM, VV_EMFILE. */
int vv_fuse_ring_open(struct vv_fuse_ring **out,
		      const struct vv_fuse_ring_options *opts);
/* Takes the entry from the kernel, and with it a request that nobody waited for. */
void vv_fuse_ring_close(struct vv_fuse_ring *ring); /* NULL is a no-op */

/*
 * Give the entry to the kernel, after INIT was answered.  An error: the kernel refuses it,
 * and does so for the whole mount if it was not ready for requests yet.
 */
int vv_fuse_ring_register(struct vv_fuse_ring *ring);

/* The reply in header and payload is to leave with the next wait. */
void vv_fuse_ring_commit(struct vv_fuse_ring *ring, uint64_t commit_id);

/*
 * VV_OK: a request is in header and payload.  VV_ETIMEDOUT: none came in @wait_ms, 0 = for
 * ever; the reply has left.  VV_ECANCELED: stop.  VV_ENODEV: the session is over.  Another
 * error: the kernel has the entry no more; it may be registered anew.
 */
int vv_fuse_ring_wait(struct vv_fuse_ring *ring, unsigned wait_ms);

#endif
