/*
 * intent.h - announcements that keep objects from being removed: intents of publishers,
 * leases of mounts.
 *
 * An announcement is one record under a random key, replaced as a whole when its list of
 * objects grows or its time is renewed.  gc honours it while its owner may live: on the
 * owner's host and boot, while the process exists; elsewhere, for VV_ANNOUNCE_LIFE_NS
 * after it was last renewed.  So owners flush at least every VV_ANNOUNCE_RENEW_NS.
 *
 * Once gc has taken an owner for dead, the owner must not come back to life: what it
 * relied on may be gone.  So a record that someone removed is never written again
 * (VV_ESTALE from then on).
 *
 * Ownership: open/close; close removes the record.
 * Threads: locked inside.
 */
#ifndef VV_STORE_INTENT_H
#define VV_STORE_INTENT_H

#include "core/id.h"
#include "format/record.h"
#include "os/system.h"

#include <stdbool.h>
#include <stdint.h>

#define VV_ANNOUNCE_LIFE_NS (INT64_C(24) * 3600 * 1000000000)
#define VV_ANNOUNCE_RENEW_NS (INT64_C(3600) * 1000000000)

struct vv_store;
struct vv_announce;

enum vv_announce_kind {
	VV_ANNOUNCE_INTENT,
	VV_ANNOUNCE_LEASE,
	VV_ANNOUNCE_GC, /* an intent that names nothing: a gc is at work */
};

/*
 * Writes the (empty) record, so that what is listed from here on is safe; a lease, which
 * lists nothing, is written at the first flush.  @mount: leases only.  VV_EROFS,
 * VV_EACCES: cannot write.
 */
int vv_announce_open(struct vv_announce **out, struct vv_store *store,
		     enum vv_announce_kind kind, const char *mount);
void vv_announce_close(struct vv_announce *a);		  /* NULL is a no-op */
const char *vv_announce_key(const struct vv_announce *a); /* borrowed until close */

/*
 * A set of ids: adding one twice is adding it once.  Cheap; nothing is promised until
 * flush returned 0.
 */
int vv_announce_pack(struct vv_announce *a, const struct vv_id *id);
int vv_announce_tree(struct vv_announce *a, const struct vv_id *id);
int vv_announce_forget_tree(struct vv_announce *a, const struct vv_id *id);

/* Writes if something changed or renewal is due.  VV_ESTALE: see above. */
int vv_announce_flush(struct vv_announce *a);
/* VV_ESTALE if the record was removed by someone.  Renews it if that is due. */
int vv_announce_check(struct vv_announce *a);

/* ---- reading those of others ---- */

struct vv_announced {
	const char *key; /* borrowed, as the record's text */
	const struct vv_record *record;
	char host[VV_SYSTEM_NAME_BYTES];
	int64_t pid, renewed_ns;
	bool is_stale; /* its owner is proved or taken to be dead */
	bool is_gc;
};

/*
 * Calls @each for all intents, or all leases.  A value other than 0 ends it and is
 * returned.  One that cannot be read is logged and is an error, because what it protects
 * is not known; one that goes meanwhile is passed over.
 */
int vv_announced_list(struct vv_store *store, enum vv_announce_kind kind,
		      int (*each)(void *ctx, const struct vv_announced *a), void *ctx);

#endif
