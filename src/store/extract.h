/*
 * extract.h - write a tree, or a part of it, to a host directory.
 *
 * Nothing is followed and nothing is overwritten: the directory must be empty, all names
 * are made exclusively, and a symlink that the tree itself brings is never walked through.
 *
 * Two passes over the tree.  The first makes directories (for the owner only), symlinks
 * and nodes, while threads write the files.  The second, when all files are there, adds
 * the further names of hard-linked files and gives each directory its owner, mode and
 * times, after everything in it: so no time is disturbed, and directories without write
 * permission can be filled.
 *
 * Ownership: everything is borrowed for the call.
 * Threads: one caller; `jobs` threads write files inside.
 * Memory: beyond the reader's, 16 KiB a thread; 8 bytes an entry of the tree if it has
 *	hard links, and the paths of those.
 */
#ifndef VV_STORE_EXTRACT_H
#define VV_STORE_EXTRACT_H

#include <stdbool.h>
#include <stdint.h>

struct vv_reader;
struct vv_tree;

struct vv_extract_stats {
	uint64_t entries, files, bytes;
	/* Devices, owners' xattrs and the like that we have no right to make; each was logged. */
	uint64_t skipped;
};

struct vv_extract_options {
	unsigned jobs; /* 0 = processors */
	/* An owner that cannot be set is an error.  If not it is left to be ours. */
	bool owners;
	/* Now and then on the caller's thread; a value other than 0 cancels.  A
	   @total_bytes of 0: not known.  May be NULL. */
	int (*progress)(void *ctx, const struct vv_extract_stats *so_far,
			uint64_t total_bytes);
	void *ctx;
};

/*
 * What is at and below @top, into @dir, which is made if it does not exist and must be
 * empty.  If @top is no directory it is put into @dir under its @name, and @dir keeps its
 * own metadata.  VV_ENOTEMPTY.  A failure is logged with the path; what was written
 * until then is left.
 */
int vv_extract(const struct vv_tree *tree, uint32_t top, const char *name,
	       struct vv_reader *reader, const char *dir,
	       const struct vv_extract_options *opts, struct vv_extract_stats *stats);

#endif
