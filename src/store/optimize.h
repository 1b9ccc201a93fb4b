/*
 * optimize.h - write packs anew so that the store gets smaller, while others read it.
 *
 * What is written anew: packs that carry garbage, small ones that fit together, and, if a
 * level is asked for, those that were not written anew at that level yet.  Their blobs go
 * through the line (line.h) like those of a publisher, in the order of survey.h, into packs
 * with a note (format/pack.h); so bases are chosen afresh, and the rules of references hold
 * as always.  Trees and refs are not touched.
 *
 *  1. An intent names the trees of all refs.
 *  2. A survey says what they need and where it is; packs to write anew are chosen.
 *  3. Frames in these that other packs need (a base, a slice of another's blob) are
 *     written, then the blobs.  The intent names each new pack before it is committed.
 *  4. The intent goes; the first half of a gc condemns what nothing needs any more: of two
 *     packs with the same content gc keeps the one of the higher generation.
 *
 * Old packs are never touched: readers find what they need there until a gc deletes them
 * after its grace, and by id in the new ones after that.  Whatever ends it early leaves
 * packs that are good and packs that are good: what was written counts at the next run, and
 * there is no journal.
 *
 * Ownership: borrows the store.
 * Threads: one caller; workers inside.
 * Memory: that of a publisher, of survey.h, and 64 MiB to read with.
 */
#ifndef VV_STORE_OPTIMIZE_H
#define VV_STORE_OPTIMIZE_H

#include <stdbool.h>
#include <stdint.h>

struct vv_store;

struct vv_optimize_stats {
	unsigned packs;		/* in the store, before */
	unsigned packs_old;	/* of them are written anew */
	uint64_t old_bytes;	/* of those */
	uint64_t garbage_bytes; /* in those: no ref needs it there */
	uint64_t blobs, bytes;	/* their content, plain */
	unsigned packs_new;
	uint64_t new_bytes; /* stored */
	bool is_condemned;  /* what is not needed now: step 4 was done */
};

struct vv_optimize_options {
	/*
	 * Of compression, 1-19: also what was not written anew at it yet.  0: only what has
	 * garbage or is small, at the default or what was spent on it before.
	 */
	int level;
	unsigned jobs;	      /* 0 = processors */
	uint64_t small_bytes; /* smaller packs are put together; 0 = 16 MiB */
	bool dry_run;	      /* choose only */
	/*
	 * Called now and then on the caller's thread with plain bytes; a value other than
	 * 0 cancels (VV_ECANCELED).
	 */
	int (*progress)(void *ctx, const struct vv_optimize_stats *so_far,
			uint64_t done, uint64_t total);
	void *ctx;
};

/*
 * VV_ECORRUPT: a ref or something that it needs is damaged (logged); nothing was written.
 * VV_ESTALE: gc took this process for dead; run again.
 */
int vv_optimize(struct vv_store *store, const struct vv_optimize_options *opts,
		struct vv_optimize_stats *out);

#endif
