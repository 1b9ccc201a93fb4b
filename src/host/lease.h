/*
 * lease.h - tells the store which trees a mount needs, so that gc leaves them alone.
 *
 * A tree is named in the lease before it is shown and until no kernel holds a node of
 * it.  A store that cannot be written has no lease: that is said once, and the mount
 * goes on, since whoever may not write there cannot be asked to.
 *
 * Ownership: init/fini; borrows the store.  Threads: one at a time.
 */
#ifndef VV_HOST_LEASE_H
#define VV_HOST_LEASE_H

#include "core/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_announce;
struct vv_store;

struct vv_lease {
	struct vv_store *store;
	const char *mount;	    /* borrowed; for people */
	struct vv_announce *record; /* owned; NULL: there is none */
	uint64_t failed_ns;	    /* when the last write failed; 0: it did not */
	struct vv_id *trees;	    /* owned; sorted; in the record */
	size_t count;
};

/* Trees in no order, some perhaps twice. */
struct vv_tree_set {
	struct vv_id *ids; /* owned */
	size_t count, cap;
};
int vv_tree_set_add(struct vv_tree_set *set, const struct vv_id *id);
void vv_tree_set_fini(struct vv_tree_set *set);

void vv_lease_init(struct vv_lease *lease, struct vv_store *store, const char *mount);
void vv_lease_fini(struct vv_lease *lease); /* takes it back; zeroed is fine */

/*
 * Name these trees beside those already named.  What fails is logged, not returned.
 * Sorts @set.
 */
void vv_lease_add(struct vv_lease *lease, struct vv_tree_set *set);
/* Name these trees only.  Sorts @set. */
void vv_lease_keep(struct vv_lease *lease, struct vv_tree_set *set);
void vv_lease_renew(struct vv_lease *lease); /* if that is due, or failed a while ago */
/* Write it anew if somebody removed it. */
void vv_lease_check(struct vv_lease *lease);

#endif
