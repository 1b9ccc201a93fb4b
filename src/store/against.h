/*
 * against.h - is this host directory what the tree says?
 *
 * Compared are names, types, modes, owners, sizes, times, targets, device numbers, the
 * xattrs that packing keeps, which names are one file, and the bytes of files by the
 * hash that is the blob's id.  Not compared are the sizes and link counts of
 * directories.  Sockets of the host are passed over, as packing does.  Of a directory
 * that one side lacks only itself is told.
 *
 * Ownership: everything is borrowed for the call.
 * Threads: one caller; `jobs` threads read files inside.
 * Memory: 1 MiB a thread; a byte an entry of the tree, and about 50 for each hard-linked
 *	file.
 */
#ifndef VV_STORE_AGAINST_H
#define VV_STORE_AGAINST_H

#include "store/diff.h"

#include <stdint.h>

struct vv_against_options {
	unsigned jobs; /* 0 = processors */
	/* From any thread, one at a time; `-`: in the tree only, `+`: in the directory only. */
	vv_difference_fn *tell;
	/* Now and then on the caller's thread; a value other than 0 cancels.  May be NULL. */
	int (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

struct vv_against_stats {
	uint64_t entries;		   /* of the tree that were looked for */
	uint64_t bytes;			   /* of the host that were hashed */
	uint64_t added, removed, modified; /* 0 all three: it is */
};

/*
 * All differences are told.  An error is only what kept us from comparing (logged with
 * the path), or VV_ECANCELED.
 */
int vv_against(const struct vv_tree *tree, const char *dir,
	       const struct vv_against_options *opts, struct vv_against_stats *stats);

#endif
