/*
 * usage.h - what each ref costs: which stored bytes it needs, and which only it needs.
 *
 * A ref needs its tree, the frames of its blobs and the references of those.  Bytes that
 * two refs need are shared; the others are freed when the ref is removed and gc has run.
 *
 * Which refs need what together is kept as sets: the frames that the same refs need are
 * one set, and a store of hundreds of versions has far fewer sets than frames.
 *
 * Ownership: get/fini.
 * Threads: one caller.
 * Memory: 4 bytes for each frame of the store, 24 for each set.
 */
#ifndef VV_STORE_USAGE_H
#define VV_STORE_USAGE_H

#include "store/store.h"

#include <stddef.h>
#include <stdint.h>

struct vv_ref_usage {
	uint64_t raw_bytes; /* of its files, each hard-linked one once */
	uint64_t tree_bytes;
	uint64_t needed_bytes; /* stored: own and shared, with the tree */
	uint64_t own_bytes;    /* that no other ref needs */
	uint64_t shared_bytes;
	uint64_t
		lost_blobs; /* that the store does not have; `varve verify` says more */
	int err;	    /* its tree cannot be read: the figures are 0 */
};

/* The frames that `ref` and the refs of the set `parent` need, and no others. */
struct vv_usage_set {
	uint32_t parent; /* a smaller number; 0 = nobody else */
	uint32_t ref;	 /* above every ref of the parent */
	uint32_t next;	 /* used while counting */
	uint64_t bytes;	 /* stored */
};

struct vv_usage {
	struct vv_ref_list refs;    /* owned; sorted by name */
	struct vv_ref_usage *items; /* owned; one for each ref */
	size_t bad_refs;	    /* that cannot be read and are left out */
	struct vv_usage_set *sets;  /* owned; number 0 is the set of no ref */
	size_t set_count;
	uint64_t raw_bytes;	/* of all refs */
	uint64_t store_bytes;	/* of all objects */
	uint64_t needed_bytes;	/* stored; that any ref needs */
	uint64_t garbage_bytes; /* frames and trees that no ref needs */
};

/* Errors of single refs are in `items`.  VV_ENOMEM, VV_EIO. */
int vv_usage_get(struct vv_store *store, struct vv_usage *out);
void vv_usage_fini(struct vv_usage *usage); /* a zeroed one is fine */

#endif
