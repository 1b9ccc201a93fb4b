/*
 * intent.h - announcements that keep objects from being removed: intents of publishers, leases of mounts.
 *
 * An announcement is one record under a random key, replaced as a whole when its list of objects grows or its time is
 * renewed.  gc honours it while its owner may live: on the owner's host and boot, while the process exists; elsewhere, for
 * VV_ANNOUNCE_LIFE_NS after it was last renewed.  So owners renew every VV_ANNOUNCE_RENEW_NS.
 *
 * Ownership: open/close; close removes the record.  Threads: locked inside.
 */
#ifndef VV_STORE_INTENT_H
#define VV_STORE_INTENT_H

#include "core/id.h"

#include <stdbool.h>
#include <stdint.h>

#define VV_ANNOUNCE_LIFE_NS (INT64_C(24) * 3600 * 1000000000)
#define VV_ANNOUNCE_RENEW_NS (INT64_C(3600) * 1000000000)

struct vv_store;
struct vv_announce;

enum vv_announce_kind { VV_ANNOUNCE_INTENT, VV_ANNOUNCE_LEASE };

/* Writes the (empty) record.  @mount: leases only.  VV_EROFS, VV_EACCES: the store cannot be written. */
int vv_announce_open(struct vv_announce **out, struct vv_store *store, enum vv_announce_kind kind, const char *mount);
void vv_announce_close(struct vv_announce *a);	/* NULL is a no-op */

/* Adding is cheap; nothing is promised until flush returned 0. */
int vv_announce_pack(struct vv_announce *a, const struct vv_id *id);
int vv_announce_tree(struct vv_announce *a, const struct vv_id *id);
int vv_announce_forget_tree(struct vv_announce *a, const struct vv_id *id);
int vv_announce_flush(struct vv_announce *a);	/* writes if something changed or renewal is due */
int vv_announce_check(struct vv_announce *a);	/* VV_ESTALE if the record was removed by someone */

#endif
