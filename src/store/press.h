/*
 * press.h - the threads that hash and compress frames for a publisher.
 *
 * A job goes through two stages, hash and squeeze, each queued by the caller, who looks at
 * the result of the first to prepare the second.  The press knows nothing of packs in the
 * making: it is given everything it needs with the job, so what comes out depends on the
 * job alone and not on threads or time.
 *
 * Squeezing with candidates for a reference: all are tried at the fastest level, and the
 * best is taken if it saves VV_PRESS_GAIN_PERCENT against none; else the frame stays a base,
 * worth more as a reference for others.  A base with many branches is tried with the
 * filter for them (codec/branch.h) in the same way.
 *
 * Ownership: new/free; jobs are the caller's, and the press's between queueing and wait.
 * Threads: one caller; workers inside.
 */
#ifndef VV_STORE_PRESS_H
#define VV_STORE_PRESS_H

#include "core/id.h"
#include "format/pack.h"
#include "store/similar.h"

#include <stddef.h>
#include <stdint.h>

enum {
	VV_PRESS_GAIN_PERCENT = 30, /* 15: 0.5 % larger packs, for want of bases */
};

struct vv_source;
struct vv_press;

/* A frame that may serve as reference. */
struct vv_press_ref {
	struct vv_frame frame;
	struct vv_id pack;     /* that holds it, if stored is NULL */
	const uint8_t *stored; /* borrowed: its stored bytes in memory */
};

struct vv_press_job {
	uint8_t *plain; /* in; owned by the caller, VV_FRAME_MAX at most */
	uint32_t plain_size;

	/* Out of hash: */
	struct vv_id id;
	uint64_t checksum;
	struct vv_sketch sketch;

	/* In to squeeze: */
	struct vv_press_ref refs[VV_SIMILAR_PICKS];
	unsigned ref_count;

	/* Out of squeeze: */
	uint8_t *stored; /* the caller's to free */
	uint32_t stored_size;
	enum vv_frame_codec codec;
	enum vv_frame_filter filter;
	unsigned chosen; /* index in refs, or ref_count: none */
	int err;

	/* The press's own. */
	struct vv_press_job *next;
	unsigned stage;
};

int vv_press_new(struct vv_press **out, struct vv_source *src, int level,
		 unsigned jobs);
/* Jobs in flight are finished first.  NULL is a no-op. */
void vv_press_free(struct vv_press *press);

void vv_press_hash(struct vv_press *press, struct vv_press_job *job);
void vv_press_squeeze(struct vv_press *press, struct vv_press_job *job);
/* Until the stage that was queued is done; 0 or what failed (VV_ENOMEM). */
int vv_press_wait(struct vv_press *press, struct vv_press_job *job);

#endif
