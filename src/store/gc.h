/*
 * gc.h - remove what nothing can reach, in two phases, without locks.
 *
 * Mark: what refs, intents and leases lead to is live (store/mark.h).
 * Condemn: an object that is not live gets a `condemned/` record with the time.
 * Delete: a later run (or the same one if grace is 0) marks again; what was condemned at
 * least grace ago and is still not live goes; what is live again loses its record.  A
 * pack that was condemned because it is damaged (verify.h) keeps its record while it is
 * needed, so that who packs its content again stores it anew.
 *
 * A ref, announcement or live tree that cannot be read stops removal: nothing is proved
 * then.  Why all this is safe beside publishers and mounts stands in gc.c.
 *
 * Threads: one caller.
 */
#ifndef VV_STORE_GC_H
#define VV_STORE_GC_H

#include "core/id.h"

#include <stdbool.h>
#include <stdint.h>

struct vv_store;

enum vv_gc_verdict {
	VV_GC_CONDEMN,
	VV_GC_WAIT, /* condemned, and grace is not over */
	VV_GC_DELETE,
	VV_GC_PARDON, /* condemned, but in use again */
	VV_GC_KEEP, /* an announcement that is honoured; a damaged pack that is needed */
};

struct vv_gc_item {
	const char *kind; /* "pack", "tree", "intent", "lease", "record", "profile" */
	const char *key;
	enum vv_gc_verdict verdict;
	const char *why; /* one line */
	uint64_t bytes;
};

struct vv_gc_options {
	bool dry_run;	  /* changes nothing; reports what would be done */
	int64_t grace_ns; /* how long a condemned object stays */
	/* May be NULL.  The item and its strings live for the call. */
	void (*report)(void *ctx, const struct vv_gc_item *item);
	void *ctx;
};

struct vv_gc_stats {
	uint64_t live_objects, live_bytes; /* packs and trees */
	uint64_t condemned, deleted, deleted_bytes, waiting, pardoned;
};

/*
 * VV_EBUSY: another gc is at work.  VV_ECORRUPT, VV_ENEWER, VV_EIO, ...: something that
 * is in use could not be read (logged).  After an error @out says what was done.
 */
int vv_gc(struct vv_store *store, const struct vv_gc_options *opts,
	  struct vv_gc_stats *out);

/*
 * For a publisher that makes a condemned tree anew, whose name cannot be another: takes
 * the record away.  Its intent must name the tree and have been flushed: then no gc that
 * begins later deletes it, and none is at work while this one is (G6 in gc.c).
 * VV_EBUSY: another gc is at work (not logged); try again when it is done.
 */
int vv_gc_pardon(struct vv_store *store, const struct vv_id *id);

#endif
