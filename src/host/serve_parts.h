/*
 * serve_parts.h - struct vv_serve as its own modules see it: serve.c makes it, follow.c
 * looks after refs, lease and layers, serve_stats.c tells about it.
 */
#ifndef VV_HOST_SERVE_PARTS_H
#define VV_HOST_SERVE_PARTS_H

#include "cache/budget.h"
#include "cache/frame_cache.h"
#include "cache/lanes.h"
#include "host/counters.h"
#include "host/lease.h"
#include "host/serve.h"
#include "os/hostdir.h"
#include "os/thread.h"
#include "store/reader.h"
#include "store/store.h"

/* A chosen layer. */
struct vv_serve_choice {
	char *ref, *path;	/* owned; ref NULL: a host directory */
	char *label;		/* owned; of a host directory: its path there */
	struct vv_hostdir *dir; /* owned */
};

struct vv_serve {
	struct vv_store *store; /* owned, as all below */
	bool has_store;		/* false: the maker failed, and the caller keeps it */
	struct vv_budget *budget;
	struct vv_frame_cache *cache;
	struct vv_reader *reader;
	bool has_helpers; /* the reader's were started, or could not be */
	struct vv_lanes lanes;
	struct vv_prefetch *prefetch; /* NULL: off */
	struct vv_view *view;
	struct vv_serve_choice *choices;
	size_t choice_count; /* 0: all refs */
	char *mount_path;
	bool follows;
	struct vv_ref_poll *poll;
	struct vv_ref_list shown; /* refs in order of names */
	struct vv_lease lease;
	struct vv_counters counters;
	bool is_failure_told;
	bool may_retire; /* a kernel may hold nodes of trees that are not shown */

	atomic_uint_least64_t files, bytes, changes;

	void (*notify)(void *ctx, const struct vv_notices *notices);
	void *notify_ctx;
	struct vv_thread follower;
	bool is_following;
	struct vv_mutex stop_lock;
	struct vv_cond stop_cond;
	bool stop; /* protected by stop_lock, as all below */
	struct vv_cond answer_cond;
	uint64_t asked, answered; /* rounds for somebody; numbers of the last ones */
	int answer;
};

/* Show what the store has now, for the first time.  Missing refs are logged. */
int vv_serve_show_first(struct vv_serve *s);

#endif
