/*
 * serve.h - everything a mount is made of except the front end: store, budget, cache, reader, view, lease, and the
 * thread that follows refs.
 *
 * Answers, for each host (`fuse`, later `erofs`, `winfsp`, `projfs`): what do I show, and who tells me when it changes?
 *
 * The follower looks at the store's refs every VV_FOLLOW_MS; when one was added, moved or removed it writes the lease (new
 * trees before they show), swaps the view's layers and hands the notices to the host on its own thread, holding no lock.
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

enum { VV_FOLLOW_MS = 300 };

struct vv_store;
struct vv_reader;
struct vv_serve;

/* One LAYER of the command line. */
struct vv_serve_layer {
	const char *ref;	/* a ref name, or a directory of refs is not allowed; NULL = host directory */
	const char *dir;	/* host directory */
	const char *path;	/* where in the view, "" = root */
};

struct vv_serve_options {
	struct vv_store *store;		/* taken on success */
	const struct vv_serve_layer *layers;	/* none: every ref of the store at /<ref> */
	size_t layer_count;
	size_t memory_bytes;		/* the budget; 0 = 256 MiB */
	const char *mount_path;		/* for the lease */
	bool follow;			/* false: show what is there now */
};

int vv_serve_new(struct vv_serve **out, const struct vv_serve_options *opts);
void vv_serve_free(struct vv_serve *s);

/* Start following (a thread); @notify may be called from it at any time until stop returns. */
int vv_serve_start(struct vv_serve *s, void (*notify)(void *ctx, const struct vv_notices *notices), void *ctx);
void vv_serve_stop(struct vv_serve *s);

struct vv_view *vv_serve_view(struct vv_serve *s);
struct vv_reader *vv_serve_reader(struct vv_serve *s);
struct vv_budget *vv_serve_budget(struct vv_serve *s);

/* Totals for statfs: bytes and files of what is shown, bytes stored. */
struct vv_serve_totals {
	uint64_t files, bytes;
	uint64_t stored_bytes;
};
void vv_serve_get_totals(struct vv_serve *s, struct vv_serve_totals *out);

/* Count a read of @bytes of @node against its layer (per-ref statistics); lock-free. */
void vv_serve_count_read(struct vv_serve *s, uint64_t node, uint64_t bytes);

/*
 * Append the members of the JSON object of `varve stats` that do not depend on the host: "budget", "cache", "reader",
 * "refs".  The host adds "requests" and "host".  At most @max bytes: refs that do not fit are counted, not listed.
 */
int vv_serve_stats(struct vv_serve *s, struct vv_buf *json, size_t max);

#endif
