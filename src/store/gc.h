/*
 * gc.h - remove what nothing can reach, in two phases, without locks.
 *
 * Mark: packs and trees are listed first, then intents, then leases, then refs are read; so an object that a publisher made
 * or reused is seen under its intent or under its ref.  Live = reachable from refs, intents and leases: tree -> blobs -> frames ->
 * reference frames -> packs.
 * Condemn: an object that is not live gets a `condemned/` record with the time.
 * Delete: a later run (or the same one if grace is 0) marks again; what was condemned at least grace ago and is still not live
 * goes; what is live again loses its record.
 * A ref or tree that cannot be read stops removal: nothing is proved then.
 *
 * Threads: one caller.
 */
#ifndef VV_STORE_GC_H
#define VV_STORE_GC_H

#include "core/id.h"

#include <stdbool.h>
#include <stdint.h>

struct vv_store;

enum vv_gc_verdict { VV_GC_CONDEMN, VV_GC_WAIT, VV_GC_DELETE, VV_GC_PARDON, VV_GC_KEEP };

struct vv_gc_item {
	const char *kind;	/* "pack", "tree", "intent", "lease", "record", "unfinished" */
	const char *key;
	enum vv_gc_verdict verdict;
	const char *why;	/* one line */
	uint64_t bytes;
};

struct vv_gc_options {
	bool dry_run;		/* changes nothing; reports what would be done */
	int64_t grace_ns;	/* how long a condemned object stays; default of the command: 1 hour */
	void (*report)(void *ctx, const struct vv_gc_item *item);
	void *ctx;
};

struct vv_gc_stats {
	uint64_t live_objects, live_bytes;
	uint64_t condemned, deleted, deleted_bytes, waiting, pardoned;
};

int vv_gc(struct vv_store *store, const struct vv_gc_options *opts, struct vv_gc_stats *out);

#endif
