/*
 * plan.h - one run of a profile, made ready to be replayed in a view.
 *
 * Answers: what is to be fetched next, and has somebody fetched it meanwhile?  Names come as
 * they were recorded.  Pages are gathered into windows of 64 KiB, each at the place where its
 * first page was used: a frame holds pages of one window or a few, so what is decoded once is
 * given out once, and in few pieces.
 *
 * What the view does not have, or has as something else, is left out.
 *
 * Ownership: init/fini; borrows profile and view, and holds a lookup of each file, so that the
 *	node goes on meaning this file.
 * Threads: one, or under the caller's lock.
 */
#ifndef VV_HOST_PLAN_H
#define VV_HOST_PLAN_H

#include "core/buf.h"
#include "core/id.h"
#include "format/profile.h"
#include "format/slots.h"

#include <stdbool.h>
#include <stdint.h>

struct vv_view;

enum {
	VV_PLAN_WINDOW = 64 * 1024, /* bytes */
	VV_PLAN_PAGES = VV_PLAN_WINDOW / VV_PROFILE_PAGE,
};

struct vv_plan_file {
	uint32_t use; /* its hit */
	uint64_t node;
	struct vv_id blob;
	uint64_t size;
};

/* What a reader was given. */
struct vv_plan_read {
	uint64_t node; /* 0: not known, since the kernel has a file of its own; then: */
	struct vv_id blob; /* what it reads, the file of a plan that has these bytes */
	uint64_t off, len; /* bytes */
};

struct vv_plan_step {
	enum vv_profile_kind kind;
	uint32_t at;	 /* READ: number of the file; else of the use */
	uint64_t window; /* READ */
	uint16_t pages;	 /* READ: of the window, the lowest bit is the first */
	uint16_t have;	 /* those that a kernel has been given */
	uint16_t pushed; /* those of them that we gave it */
};

struct vv_plan {
	struct vv_view *view;		  /* borrowed */
	const struct vv_profile *profile; /* borrowed */
	char *layer;			  /* owned: where its paths begin in the view */
	struct vv_buf files, steps;	  /* of the above */
	struct vv_slots by_use, by_node, by_blob, by_window;
	size_t front; /* the step behind the last one of which a reader asked */
};

/*
 * The run that begins with use @begin, as far as the next one.  Of files no more than @bytes
 * are planned.  VV_ENOMEM; fini is fine then.
 */
int vv_plan_init(struct vv_plan *plan, struct vv_view *view, const char *layer,
		 const struct vv_profile *profile, size_t begin, uint64_t bytes);
void vv_plan_fini(struct vv_plan *plan); /* a zeroed one is fine */

size_t vv_plan_count(const struct vv_plan *plan);
struct vv_plan_step *vv_plan_step(const struct vv_plan *plan, size_t i);
const struct vv_plan_file *vv_plan_file(const struct vv_plan *plan, uint32_t number);

/* A kernel was given these bytes.  Returns how many of them it had been pushed. */
uint64_t vv_plan_saw(struct vv_plan *plan, const struct vv_plan_read *read);

/* `<layer>/<path>`; @out holds VV_PLAN_PATH bytes. */
enum {
	VV_PLAN_PATH = 1024 + VV_PROFILE_PATH_MAX + 2
};
void vv_plan_path(const struct vv_plan *plan, uint32_t use, char *out);

/* The file that the run reads first, as it would be read.  False: none, or it is not there. */
bool vv_plan_trigger(struct vv_plan_read *out, struct vv_view *view, const char *layer,
		     const struct vv_profile *profile, size_t begin);
/* Is it the file of that trigger? */
bool vv_plan_is_trigger(const struct vv_plan_read *trigger,
			const struct vv_plan_read *read);

#endif
