/*
 * serve.h - everything a mount is made of except the front end: store, budget, cache,
 * reader, view, lease, and the thread that follows refs.
 *
 * Answers, for each host (`fuse`, later `erofs`, `winfsp`, `projfs`): what do I show,
 * and who tells me when it changes?
 *
 * The follower looks at the store's refs every VV_FOLLOW_MS.  When one was added, moved
 * or removed it writes the lease (new trees before they show), swaps the view's layers,
 * hands the notices to the host on its own thread, holding no lock, and takes trees out
 * of the lease that no kernel holds any more.  A store that cannot be asked, or a ref
 * that cannot be read, is logged once, and what was shown stays.
 *
 * Ownership: new/free.  Threads: one maker; the host's threads use view and reader.
 */
#ifndef VV_HOST_SERVE_H
#define VV_HOST_SERVE_H

#include "core/buf.h"
#include "vfs/view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VV_FOLLOW_MS = 300
};

struct vv_lanes;
struct vv_store;
struct vv_reader;
struct vv_serve;

/* One LAYER of the command line. */
struct vv_serve_layer {
	const char *ref;  /* not a directory of refs; NULL = host directory */
	const char *dir;  /* host directory */
	const char *path; /* where in the view, "" = root */
};

struct vv_serve_options {
	struct vv_store *store; /* taken on success */
	const struct vv_serve_layer
		*layers; /* none: every ref of the store at /<ref> */
	size_t layer_count;
	size_t memory_bytes;	 /* the budget; 0 = 256 MiB */
	const char *mount_path;	 /* for the lease */
	bool follow;		 /* false: show what is there now */
	bool prefetch_off;	 /* nothing is fetched before it is asked for */
	uint64_t prefetch_bytes; /* of one replay, plain; 0 = half of the budget */
	uint32_t uid, gid;	 /* owner of synthetic directories */
};

/*
 * VV_ENOENT: a chosen ref does not exist; VV_ENOENT, VV_ENOTDIR, ...: a host directory
 * cannot be opened.  Both are logged by name.  A chosen ref that goes away later takes
 * its path with it until it comes back.
 */
int vv_serve_new(struct vv_serve **out, const struct vv_serve_options *opts);
void vv_serve_free(
	struct vv_serve
		*s); /* NULL is a no-op; stopped, and no view operation is under way */

/*
 * Start the thread that follows refs and renews the lease; @notify may be called from
 * it at any time until stop returns.  VV_EAGAIN, VV_ENOMEM.  Stopping what was not
 * started is a no-op.
 */
int vv_serve_start(struct vv_serve *s,
		   void (*notify)(void *ctx, const struct vv_notices *notices),
		   void *ctx);
void vv_serve_stop(struct vv_serve *s);

/*
 * While started: a round of the follower, now, also without `follow`; returns when it is
 * done.  What was published before the call shows then.  An error: what was shown stays;
 * VV_EAGAIN: the refs moved all the while.  Any thread.
 */
int vv_serve_refresh(struct vv_serve *s);
/* How many times other layers were shown: another number, another view.  Any thread. */
uint64_t vv_serve_changes(struct vv_serve *s);

struct vv_view *vv_serve_view(struct vv_serve *s);
struct vv_reader *vv_serve_reader(struct vv_serve *s);
struct vv_budget *vv_serve_budget(struct vv_serve *s);
struct vv_store *vv_serve_store(struct vv_serve *s);
struct vv_lanes *vv_serve_lanes(struct vv_serve *s);

/* Totals for statfs, of the refs that are shown. */
struct vv_serve_totals {
	uint64_t files, bytes;
};
void vv_serve_get_totals(struct vv_serve *s, struct vv_serve_totals *out);

struct vv_frame_account;

/* On whose account @node's bytes are read: its layer's.  NULL: nobody's. */
struct vv_frame_account *vv_serve_account(struct vv_serve *s, uint64_t node);

/*
 * A reader was given @bytes at @off of @node: counted against its layer (per-ref statistics),
 * and told to the prefetcher.  Lock-free, but for a layer with a profile that is not replayed
 * yet.
 */
void vv_serve_count_read(struct vv_serve *s, uint64_t node, uint64_t off,
			 uint64_t bytes);
/* The same of a file of the tree with the root @root, of which only its @blob is known. */
void vv_serve_count_blob(struct vv_serve *s, uint64_t root, const struct vv_id *blob,
			 uint64_t off, uint64_t bytes);

/*
 * Start the threads that work beside readers: helpers with large reads, and the prefetcher.
 * They inherit the caller's signal mask.
 *
 * Replay profiles from now on, through @host, which is copied; stop before the host stops
 * answering the kernel.  Nothing if prefetching is off; a failure is logged and means the same.
 */
struct vv_prefetch_host;
void vv_serve_start_prefetch(struct vv_serve *s, const struct vv_prefetch_host *host);
void vv_serve_stop_prefetch(struct vv_serve *s);

/*
 * Append the members of the JSON object of `varve stats` that do not depend on the
 * host: "budget", "cache", "reader", "prefetch", "refs".  The host adds "requests" and "host".  At
 * most @max bytes: refs that do not fit are counted, not listed.
 */
int vv_serve_stats(struct vv_serve *s, struct vv_buf *json, size_t max);

#endif
