/*
 * crew.h - a number of threads that do pieces of one large job.
 *
 * The caller hands out items and waits when the crew is behind, so what is queued is
 * bounded; while it waits it is called back again and again, to show progress.
 *
 * Ownership: new/free.  Items are the user's: what is given is worked on exactly once.
 * Threads: one caller; `work` runs on many threads at once, each with a number of its
 *	own, so that it can have buffers of its own.
 */
#ifndef VV_STORE_CREW_H
#define VV_STORE_CREW_H

struct vv_crew;

enum {
	VV_CREW_MAX = 64
};

struct vv_crew_options {
	unsigned jobs; /* threads; 0 = processors; VV_CREW_MAX at most */
	void (*work)(void *ctx, unsigned worker, void *item);
	void (*tick)(void *ctx); /* on the caller's thread; may be NULL */
	void *ctx;
};

/* How many threads that will be. */
unsigned vv_crew_size(unsigned jobs);

/* VV_ENOMEM, VV_EAGAIN: not even one thread could be had. */
int vv_crew_new(struct vv_crew **out, const struct vv_crew_options *opts);
void vv_crew_give(struct vv_crew *crew, void *item); /* may wait */
void vv_crew_wait(struct vv_crew *crew);	     /* until all is done */
void vv_crew_free(struct vv_crew *crew); /* NULL is a no-op; waits like wait */

#endif
