/*
 * prefetch.h - replays profiles: what a command read when it was recorded is fetched while
 * it runs again, before it asks.
 *
 * A run of a ref's profile has a trigger, the file that it read first.  When a reader reads
 * that file, the run is replayed, once for each tree that the ref leads to:
 *
 *	pages	read through the reader, so that their frames are in the cache, and given
 *		to the kernel, which then does not ask for them;
 *	names	looked up through the mount, so that the kernel knows names and misses, and
 *		has the files that pages are to be given to.
 *
 * Rules:
 *  (F1)	One run at a time; one thread for its pages, one for its names.
 *  (F2)	Before each piece of work it waits for a lane (cache/lanes.h): a reader who waits
 *	goes first.
 *  (F3)	No more than the limit is fetched in one run, in plain bytes.
 *  (F4)	It holds no frame, no admission and no lock while it waits for the kernel, whose
 *	locks may be held by requests that wait for us.
 *  (F5)	Stopping waits for the piece under way and for nothing else.  A host that finds
 *	its mount gone answers VV_ENODEV, which ends the run.
 *
 * Ownership: new/free; borrows store, view, reader, budget and lanes.
 * Threads: saw and json on any; the rest by the maker.
 * Memory: a profile and its plan are reserved in the budget; if there is no room, nothing is
 *	replayed.
 */
#ifndef VV_HOST_PREFETCH_H
#define VV_HOST_PREFETCH_H

#include "format/profile.h"
#include "host/plan.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct vv_budget;
struct vv_buf;
struct vv_lanes;
struct vv_prefetch;
struct vv_reader;
struct vv_store;
struct vv_view;

/* What a host can do for us; the pointers may be NULL. */
struct vv_prefetch_host {
	/*
	 * Look up a path of the view (HIT, MISS) or list it (LIST) as a program would, so that
	 * the kernel remembers.  VV_ENODEV: the mount is gone.  Other errors mean nothing.
	 */
	int (*name)(void *ctx, enum vv_profile_kind kind, const char *path);
	/*
	 * Have the kernel read a part of the file at @path of the view by itself: where it
	 * has files of its own for what the view shows.  VV_ENOSYS: it has not, here; then
	 * bytes are pushed.
	 */
	int (*pull)(void *ctx, const char *path, uint64_t off, size_t len);
	/*
	 * Give the kernel bytes of a node.  There are VV_PREFETCH_HEAD bytes of room before
	 * @bytes, to be written over.  VV_ENOENT: it does not know the node; VV_ENODEV.
	 */
	int (*push)(void *ctx, uint64_t node, uint64_t off, uint8_t *bytes, size_t len);
	/*
	 * Around a run of the layer at @layer in the view: what `name` and `pull` need.  An
	 * error: both are left out.
	 */
	int (*begin)(void *ctx, const char *layer);
	void (*end)(void *ctx);
	void *ctx;
};

enum {
	VV_PREFETCH_HEAD = 64
};

struct vv_prefetch_options {
	struct vv_store *store; /* of the profiles */
	struct vv_view *view;
	struct vv_reader *reader;
	struct vv_budget *budget;
	struct vv_lanes *lanes;
	uint64_t bytes; /* limit of one run */
};

int vv_prefetch_new(struct vv_prefetch **out, const struct vv_prefetch_options *opts);
void vv_prefetch_free(struct vv_prefetch *p); /* stopped; NULL is a no-op */

/* VV_EAGAIN, VV_ENOMEM.  @host is copied. */
int vv_prefetch_start(struct vv_prefetch *p, const struct vv_prefetch_host *host);
void vv_prefetch_stop(struct vv_prefetch *p); /* what was not started: a no-op */

/*
 * What a layer's reads mean to us, kept by whoever counts them.  Zero at first; set it to
 * zero again when the layer shows another tree.
 */
enum vv_watch {
	VV_WATCH_NEW,	  /* nothing of it was read yet */
	VV_WATCH_READS,	  /* tell us of each read */
	VV_WATCH_NOTHING, /* no profile, or all runs were replayed */
};
struct vv_watched {
	const char *ref, *path; /* its path in the view; both live as long as we */
	atomic_int state;	/* enum vv_watch */
	atomic_uint replays;	/* runs that were replayed, for the statistics */
};

/* A reader read from the layer.  Cheap, and what is costly happens elsewhere. */
void vv_prefetch_saw(struct vv_prefetch *p, struct vv_watched *layer,
		     const struct vv_plan_read *read);

struct vv_prefetch_stats {
	uint64_t runs, runs_cut; /* replayed; ended by the limit, a stop or an error */
	uint64_t names, misses, lists;
	uint64_t bytes_pushed;
	uint64_t bytes_late;	/* a reader had asked for them before we came */
	uint64_t bytes_unknown; /* fetched, but the kernel did not know the file */
	uint64_t bytes_again;	/* pushed, and asked for all the same */
};
void vv_prefetch_get_stats(struct vv_prefetch *p, struct vv_prefetch_stats *out);

#endif
