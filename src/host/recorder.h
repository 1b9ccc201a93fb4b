/*
 * recorder.h - writes down what a mount is asked, in order of first use, for profiles.
 *
 * A host that is given one tells it each name, listing and range that a kernel asks for.
 * What belongs to a ref that is recorded becomes a use in that ref's profile; the rest is
 * passed over.  What a kernel answers by itself is not seen: so it is a fresh mount with
 * readahead off that is recorded.
 *
 * Ownership: new/free; borrows the view and the names of the refs.
 * Threads: telling on any, locked inside; the rest by the maker.
 */
#ifndef VV_HOST_RECORDER_H
#define VV_HOST_RECORDER_H

#include "format/profile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_recorder;
struct vv_view;

/* Each of @refs is shown at its name; @command is what a profile says of the run.  VV_ENOMEM. */
int vv_recorder_new(struct vv_recorder **out, struct vv_view *view,
		    const char *const *refs, size_t count, const char *command);
void vv_recorder_free(struct vv_recorder *r); /* NULL is a no-op */

/* @name in the directory @parent was looked up and is there, or not. */
void vv_recorder_name(struct vv_recorder *r, uint64_t parent, const char *name,
		      size_t len, bool is_there);
void vv_recorder_list(struct vv_recorder *r, uint64_t dir);
/* Bytes of a file of a tree. */
void vv_recorder_read(struct vv_recorder *r, uint64_t node, uint64_t offset,
		      uint64_t size);

/*
 * The profile of the @nth ref so far: borrowed until free, and only when nobody tells any
 * more.  *@lost: uses that did not fit, or could not be named.
 */
struct vv_profile *vv_recorder_profile(struct vv_recorder *r, size_t nth,
				       uint64_t *lost);

#endif
