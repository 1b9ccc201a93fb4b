/*
 * verify.h - does the store hold what its refs promise, and is all of it intact?
 *
 * A whole store: every ref record and profile; every tree by its id and the rules of the format; of
 * every pack the index by the same, every stored frame by checksum and id, and every blob
 * by the hash of its content; and for each ref, that every blob of its tree is there with
 * the right size.  One ref: the same for what it needs, and for nothing else; of frames
 * that are stored more than once, one good copy is enough then.
 *
 * All problems are found, not only the first.  A damaged blob is told together with a
 * file that it hurts, at the end, when the trees are looked through for names.
 *
 * What is found is reported, and some of it also logged where it is met (core/log.h).
 *
 * Ownership: everything is borrowed for the call.
 * Threads: one caller; `jobs` threads inside.
 * Memory: 64 MiB, 1 MiB a thread, 16 bytes for each blob and frame of a pack (of a tree,
 *	for one ref), about 1 KiB a ref and 200 bytes for each damaged blob.
 */
#ifndef VV_STORE_VERIFY_H
#define VV_STORE_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_store;

struct vv_problem {
	const char *kind;   /* "ref", "profile", "tree", "pack", "frame", "blob" */
	const char *object; /* its name or id */
	const char *pack; /* id of the pack that holds it; NULL = none, or not known */
	const char *why;
	const char *hurts; /* a ref, or a file as ref:path; NULL = not known */
	uint64_t more;	   /* so many other refs, or files, as well */
};

struct vv_verify_options {
	unsigned jobs; /* 0 = processors */
	/*
	 * Condemn packs that are damaged (vv_verify_store only): who packs their content
	 * again stores it anew, and gc removes them once no ref needs them.
	 */
	bool condemn;
	/* From any thread, one at a time.  The problem lives for the call. */
	void (*report)(void *ctx, const struct vv_problem *problem);
	/*
	 * Now and then on the caller's thread, in plain bytes; a value other than 0
	 * cancels.  May be NULL.
	 */
	int (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

struct vv_verify_stats {
	uint64_t refs, trees, packs, frames, blobs;
	uint64_t bytes;	    /* plain bytes and images that were hashed */
	uint64_t problems;  /* 0: all is well */
	uint64_t condemned; /* packs */
};

/*
 * VV_OK means that everything was looked at, not that all was well.  VV_ECANCELED,
 * VV_ENOMEM, or what kept us from listing the store.
 */
int vv_verify_store(struct vv_store *store, const struct vv_verify_options *opts,
		    struct vv_verify_stats *stats);
/* VV_ENOENT: there is no such ref. */
int vv_verify_ref(struct vv_store *store, const char *ref,
		  const struct vv_verify_options *opts, struct vv_verify_stats *stats);

#endif
