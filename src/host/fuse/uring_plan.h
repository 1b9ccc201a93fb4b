/*
 * uring_plan.h - can requests come over io_uring here, and with how much memory?
 *
 * The kernel must offer it, and it wants a queue for each core that could ever be there.
 * What the entries of all queues may hold together is a quarter of the budget; from that
 * follow how many a queue may have and how large a payload is.  What does not fit is left to
 * the classic transport, with a reason that a user understands and what to do about it.
 *
 * Ownership: plain values.  Threads: no state.
 */
#ifndef VV_HOST_FUSE_URING_PLAN_H
#define VV_HOST_FUSE_URING_PLAN_H

#include <stddef.h>

enum {
	VV_FUSE_URING_SHARE = 4,      /* of the budget: a quarter */
	VV_FUSE_URING_DEPTH_MIN = 2,  /* one may be held, another goes on */
	VV_FUSE_URING_DEPTH_MAX = 64, /* as many as classic workers */
	/* A whole READ; or half of one, which still holds any extended attribute. */
	VV_FUSE_URING_PAYLOAD_MAX = 128 << 10,
	VV_FUSE_URING_PAYLOAD_MIN = 64 << 10,
};

/* What it is decided from. */
struct vv_fuse_uring_facts {
	char enabled;	    /* the kernel's switch: 'Y', 'N', or 0: there is none */
	unsigned cores;	    /* possible ones; 0: nobody knows */
	size_t limit;	    /* bytes of the budget */
	size_t entry_bytes; /* of one entry besides its payload */
};

struct vv_fuse_uring_plan {
	unsigned queues;
	unsigned depth;	      /* entries of a queue, at most */
	size_t payload_bytes; /* of one entry */
	/*
	 * Requests that nobody waits for, readahead, at one time: fewer than a queue has
	 * entries, so that a slow store leaves some for those who wait.
	 */
	unsigned background;
	/* After an error why, and what would help ("": nothing): for `varve stats`. */
	char reason[128], hint[96];
};

/* The kernel's part of @out; the rest is as it was. */
void vv_fuse_uring_ask_system(struct vv_fuse_uring_facts *out);

/* VV_EOPNOTSUPP: the kernel does not offer it.  VV_ENOMEM: it does not fit. */
int vv_fuse_uring_plan_make(struct vv_fuse_uring_plan *out,
			    const struct vv_fuse_uring_facts *facts);

/* How many numbers are in a list such as "0-3,8"; 0 if it is none. */
unsigned vv_fuse_count_cores(const char *list);

#endif
