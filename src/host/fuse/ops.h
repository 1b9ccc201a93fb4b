/*
 * ops.h - FUSE requests answered from a view: bytes in, a reply out, no I/O with the kernel.
 *
 * A transport gives the bytes of one request to vv_fuse_ops_run(), sends what lies in the
 * call, and tells vv_fuse_ops_done() whether the kernel took it: a name whose reply was not
 * taken is not held by the kernel, so its lookup is undone.
 *
 * What makes warm work free is decided here by reply flags:
 * - Trees never change, so names, attributes and failed names are given for ever; whoever
 *   moves a ref sends notices (notify.h).
 * - Without host directories in the view there is nothing to open: OPEN, OPENDIR and FLUSH
 *   are answered ENOSYS once and the kernel never asks again.
 * - With them the kernel must ask, since it asks for all files or none.  Pages are kept
 *   across opens for files of trees, and for host files that did not change since.
 *
 * LSEEK for holes is ENOSYS: the kernel then treats a file as all data, which POSIX allows.
 * ACCESS is ENOSYS, because `default_permissions` makes it the kernel's.  STATX is ENOSYS:
 * it could only add the birth time that trees do not keep.  INTERRUPT is ENOSYS: what is
 * being fetched is worth finishing, and every source has a deadline of its own.
 *
 * Ownership: init/fini; borrows serve.  A call belongs to one worker.
 * Threads: run and done on any, one call each; the rest before and after.
 */
#ifndef VV_HOST_FUSE_OPS_H
#define VV_HOST_FUSE_OPS_H

#include "fuse/codec.h"
#include "store/reader.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_budget;
struct vv_buf;
struct vv_fuse_cover;
struct vv_fuse_stamps;
struct vv_fuse_uring_plan;
struct vv_recorder;
struct vv_serve;
struct vv_view;

enum {
	VV_FUSE_READ_PAGES = 32, /* of 4 KiB in one READ: what the kernel reads ahead */
	VV_FUSE_READ_BYTES = VV_FUSE_READ_PAGES * 4096,
	VV_FUSE_SCRATCH_BYTES = 32 << 10, /* glibc lists directories with this much */
	VV_FUSE_STATS_MAX = 64 << 10,	  /* Linux's limit for the value of an xattr */
};

/* The pseudo attribute of the root that `varve stats` reads; it is in no listing. */
#define VV_FUSE_STATS_XATTR "varve.stats"

/* One request and its answer; about 13 KiB and reused for each request of a worker. */
struct vv_fuse_call {
	struct vv_fuse_request req;
	struct vv_fuse_reply reply;
	size_t head_size;	     /* bytes of reply to send; 0 = nothing at all */
	const struct vv_span *spans; /* then these; reply.header.len covers them */
	unsigned span_count;

	struct vv_span own_span; /* when the answer is one piece of our own memory */
	struct vv_read read;	 /* pinned frames, sent from where they lie */
	bool has_read;
	uint8_t *scratch; /* VV_FUSE_SCRATCH_BYTES of the worker */
	uint8_t *extra;	  /* pages for this answer only; drawn on the budget */
	size_t extra_size;
};

struct vv_fuse_ops;
/*
 * An operation fills call->reply.body and answers VV_OK, or an error.  What is not fixed it
 * leaves as spans; vv_fuse_answer_bytes() for memory of our own.
 */
typedef int vv_fuse_op_fn(struct vv_fuse_ops *ops, struct vv_fuse_call *call);

struct vv_fuse_ops {
	/* What answers: those of a view, unless a session of its own puts others here. */
	vv_fuse_op_fn *const *table; /* VV_FUSE_OP_COUNT */
	void (*undo)(struct vv_fuse_ops *ops, struct vv_fuse_call *call);
	struct vv_fuse_cover *cover; /* borrowed; NULL: nothing is mounted over trees */

	struct vv_serve *serve; /* all borrowed from it: */
	struct vv_view *view;
	struct vv_reader *reader;
	struct vv_budget *budget;
	bool has_handles; /* the view has host directories: OPEN is answered */
	struct vv_fuse_stamps *stamps; /* owned; NULL unless has_handles */
	struct vv_recorder
		*recorder; /* borrowed; NULL: nobody writes down what is asked */

	/* Called once when INIT was answered (0) or cannot be (why). */
	void (*started)(void *ctx, int err);
	/* The transport's part of "host" in the statistics: `,"workers":4`. */
	int (*describe)(void *ctx, struct vv_buf *json);
	void *ctx;

	/* Borrowed; NULL: requests are not wanted over io_uring. */
	const struct vv_fuse_uring_plan *uring;

	atomic_uint minor;    /* negotiated; 0 before INIT */
	atomic_bool is_uring; /* negotiated */
	atomic_uint_least64_t counts[VV_FUSE_OP_COUNT];
	atomic_uint_least64_t counts_unknown;
	atomic_uint_least64_t
		errors; /* reads that failed, of all sessions of a mount: */
	atomic_uint_least64_t *errors_of_all; /* borrowed; its own, or another's */
};

int vv_fuse_ops_init(struct vv_fuse_ops *ops, struct vv_serve *serve);
void vv_fuse_ops_fini(struct vv_fuse_ops *ops);

/* Answer the request in @bytes, which stay as they are until done. */
void vv_fuse_ops_run(struct vv_fuse_ops *ops, struct vv_fuse_call *call,
		     const void *bytes, size_t size);

/* Give back what the answer held.  @delivered: the kernel took it. */
void vv_fuse_ops_done(struct vv_fuse_ops *ops, struct vv_fuse_call *call,
		      bool delivered);

/* ---- between the files of this module ---- */

vv_fuse_op_fn vv_fuse_op_init;
vv_fuse_op_fn vv_fuse_op_open, vv_fuse_op_read, vv_fuse_op_release;
vv_fuse_op_fn vv_fuse_op_opendir, vv_fuse_op_readdir, vv_fuse_op_releasedir;
vv_fuse_op_fn vv_fuse_op_getxattr, vv_fuse_op_listxattr;

struct vv_attr;
void vv_fuse_fill_attr(struct vv_fuse_attr *out, const struct vv_attr *attr);
void vv_fuse_fill_entry(struct vv_fuse_entry_out *out, const struct vv_attr *attr);
uint64_t vv_fuse_seconds(int life); /* an enum vv_life as a timeout */

void vv_fuse_answer_bytes(struct vv_fuse_call *call, const void *bytes, size_t size);
/* Memory for an answer of @size bytes, until done: scratch, or pages from the budget. */
int vv_fuse_answer_room(struct vv_fuse_ops *ops, struct vv_fuse_call *call, size_t size,
			uint8_t **out);

/* What OPEN and OPENDIR gave; 0 is a no-op. */
void vv_fuse_close(uint64_t fh);
void vv_fuse_closedir(uint64_t fh);
/* Forget the names that the listing in @call gave to a kernel which did not take it. */
void vv_fuse_listing_undo(struct vv_fuse_ops *ops, struct vv_fuse_call *call);

/* Tell the recorder what was asked and how it ended. */
void vv_fuse_observe(struct vv_fuse_ops *ops, const struct vv_fuse_call *call, int err);

/* The JSON of `varve stats`; at most VV_FUSE_STATS_MAX bytes. */
int vv_fuse_stats(struct vv_fuse_ops *ops, struct vv_buf *json);

#endif
