/*
 * sharing.h - what each two refs of a store need together, and which refs are a family.
 *
 * Two refs share the stored bytes that both need: frames, the references of those, and the
 * tree if it is the same.  How alike they are is that in parts of what the smaller one
 * needs.  Families are found by single linkage: the two refs, or groups of refs, that have
 * the most alike members come together, until all are one; so the order in which they end
 * up puts neighbours side by side.
 *
 * Ownership: get/fini.
 * Threads: one caller.
 * Memory: that of usage.h, and 8 bytes for each pair of refs.
 */
#ifndef VV_STORE_SHARING_H
#define VV_STORE_SHARING_H

#include "store/usage.h"

struct vv_sharing {
	struct vv_usage usage; /* owned, and so the rest */
	uint64_t *bytes;       /* a row for each ref */
	size_t *order;	       /* all refs, families together */
};

enum {
	VV_SHARING_REFS_MAX = 8192 /* 512 MiB of pairs */
};

/* As vv_usage_get(); VV_EFBIG: too many refs. */
int vv_sharing_get(struct vv_store *store, struct vv_sharing *out);
void vv_sharing_fini(struct vv_sharing *s); /* a zeroed one is fine */

/* Stored bytes that both need; for a ref and itself, what it needs. */
uint64_t vv_sharing_bytes(const struct vv_sharing *s, size_t a, size_t b);
/* 0 to 1, in parts of what the smaller one needs. */
double vv_sharing_likeness(const struct vv_sharing *s, size_t a, size_t b);

#endif
