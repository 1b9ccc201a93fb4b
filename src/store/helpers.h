/*
 * helpers.h - threads that take a part of a large read off the hands of who asked for it.
 *
 * A read of many frames is decoded one after the other by its reader, while other
 * processors may have nothing to do.  The reader offers a job, begins with the first frame
 * himself, and takes the job back when he is done; a helper that had time meanwhile has
 * begun with the last one.  If none had, nothing is lost: the job was never begun.
 *
 * Ownership: new/free; a job is the reader's storage until it was taken back.
 * Threads: any.
 */
#ifndef VV_STORE_HELPERS_H
#define VV_STORE_HELPERS_H

#include <stdatomic.h>
#include <stdbool.h>

struct vv_helpers;

struct vv_help_job {
	/* On a helper's thread; ends soon after is_over was set. */
	void (*work)(struct vv_help_job *job);
	atomic_bool is_over;
	/* the helpers': */
	struct vv_help_job *next;
	bool is_begun;
};

/* NULL and VV_OK if @count is 0; with NULL all below is a no-op.  VV_ENOMEM, VV_EAGAIN. */
int vv_helpers_new(struct vv_helpers **out, unsigned count);
void vv_helpers_free(struct vv_helpers *h); /* no job is offered */

/* false: all are busy, and @job need not be taken back. */
bool vv_helpers_offer(struct vv_helpers *h, struct vv_help_job *job);
/* Waits for a helper who has begun. */
void vv_helpers_take_back(struct vv_helpers *h, struct vv_help_job *job);

#endif
