/*
 * counters.h - how much was read from each layer that a mount ever showed, and what it
 * holds of the frame cache.
 *
 * A counter belongs to a ref (or host directory) at a path, not to the tree it leads
 * to: it goes on when the ref moves.  Its number is the layer's tag in the view, so
 * that counting a read takes no lock and no search.  A frame that several layers share
 * is on the account of the one whose read fetched it (cache/frame_cache.h).
 *
 * Ownership: init/fini.  Threads: locked inside; counting is lock-free.
 */
#ifndef VV_HOST_COUNTERS_H
#define VV_HOST_COUNTERS_H

#include "cache/frame_cache.h"
#include "core/buf.h"
#include "core/id.h"
#include "host/prefetch.h"
#include "os/thread.h"

#include <stdatomic.h>
#include <stdbool.h>

enum {
	VV_COUNTERS_CHUNK = 1024,
	VV_COUNTERS_CHUNKS = 64, /* layers beyond 64 Ki share the last counter */
};

struct vv_counter {
	char *label, *path; /* owned; immutable once in the table */
	bool is_ref;	    /* else a host directory */
	bool is_shown;	    /* protected by the lock, as all below */
	struct vv_id tree;
	atomic_uint_least64_t reads, bytes;
	struct vv_frame_account frames;
	struct vv_watched watched; /* for the prefetcher; its own */
};

struct vv_counters {
	struct vv_mutex lock;
	_Atomic(struct vv_counter *) chunks[VV_COUNTERS_CHUNKS]; /* owned */
	atomic_uint count;
	unsigned
		*by_label; /* owned; numbers sorted by label, path; protected by lock */
	size_t by_label_cap;
};

void vv_counters_init(struct vv_counters *c);
void vv_counters_fini(struct vv_counters *c);

/* The number of a layer, made if it is new.  VV_ENOMEM. */
int vv_counters_find(struct vv_counters *c, const char *label, const char *path,
		     bool is_ref, int *number);
/*
 * From now on only these are shown: first hide all, then show each with its tree (NULL:
 * a host directory).
 */
void vv_counters_hide_all(struct vv_counters *c);
void vv_counters_show(struct vv_counters *c, int number, const struct vv_id *tree);

/* It will show @tree soon.  If that is another one, its reads are news to the prefetcher. */
void vv_counters_expect(struct vv_counters *c, int number, const struct vv_id *tree);

void vv_counters_add(struct vv_counters *c, int number, uint64_t bytes);
/* Good until fini. */
struct vv_frame_account *vv_counters_account(struct vv_counters *c, int number);
/* Until fini.  NULL: a host directory. */
struct vv_watched *vv_counters_watched(struct vv_counters *c, int number);

/*
 * Append `"refs":[...],"refs_omitted":n`: what is shown, first those that were read, each
 * by label, as many as fit in @max bytes.  VV_EOVERFLOW if not even the frame does.
 */
int vv_counters_json(struct vv_counters *c, struct vv_buf *json, size_t max);

#endif
