/*
 * listing.h - the names of a dynamic directory, in order, with positions that last.
 *
 * Answers: which names follow this position?  A listing is made for one snapshot; its
 * directory keeps it for the next reader.  Positions grow with the names and have gaps:
 * a listing made after the layers changed inherits the position of each name that
 * stays, and puts new names between their neighbours.  So a reader that stopped in the
 * old listing goes on behind the same name. (Where a gap is used up, or nothing was
 * kept, names are numbered from scratch.)
 *
 * Ownership: counted.  Threads: immutable once made.
 */
#ifndef VV_VFS_LISTING_H
#define VV_VFS_LISTING_H

#include "vfs/merge.h"

struct vv_listed {
	uint64_t pos; /* after this name */
	uint64_t ino;
	size_t name;   /* offset in names */
	uint32_t mode; /* type bits; 0: could not be told */
	uint16_t len;
	bool is_unclear; /* while it is made: more than one layer may have a say */
};

struct vv_listing {
	atomic_uint refs;
	uint64_t seq;		 /* of the snapshot */
	struct vv_listed *items; /* owned, sorted by name */
	size_t count, cap;
	char *names; /* owned; each NUL-ended */
	size_t names_len, names_cap;
	size_t charged; /* bytes of the budget */
};

/* @before (may be NULL) lends its positions. */
int vv_listing_new(struct vv_listing **out, struct vv_view *view,
		   const struct vv_snapshot *s, const struct vv_dir *dir,
		   const struct vv_listing *before);
void vv_listing_ref(struct vv_listing *l);
void vv_listing_unref(struct vv_listing *l, struct vv_view *view); /* NULL is a no-op */

/* Index of the first name behind @pos; count if there is none. */
size_t vv_listing_find(const struct vv_listing *l, uint64_t pos);

#endif
