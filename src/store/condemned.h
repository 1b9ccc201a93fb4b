/*
 * condemned.h - the records that say "this object may be removed soon".
 *
 * Ownership: list/fini.
 * Threads: one a list.
 */
#ifndef VV_STORE_CONDEMNED_H
#define VV_STORE_CONDEMNED_H

#include "core/idmap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_store;

struct vv_condemned_item {
	struct vv_id id;
	int64_t time_ns; /* INT64_MAX: the record is damaged, so as if it were of now */
	bool is_damaged; /* the object is: it is not pardoned while it is needed */
};

struct vv_condemned {
	struct vv_condemned_item *items; /* owned */
	size_t count, cap;
	struct vv_idmap index; /* id -> index of its item */
};

/* All records.  VV_ENEWER: one is of a newer version (logged). */
int vv_condemned_list(struct vv_condemned *out, struct vv_store *store);
void vv_condemned_fini(struct vv_condemned *c); /* a zeroed one is fine */

/* What a record says. */
struct vv_condemned_why {
	const char *kind; /* "pack" or "tree" */
	const char *why;
	bool is_damaged;
};

/* Takes the place of a record that is there. */
int vv_condemned_put(struct vv_store *store, const struct vv_id *id, int64_t time_ns,
		     const struct vv_condemned_why *why);

#endif
