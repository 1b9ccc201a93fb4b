/*
 * inode_set.h - which path had this inode first: how hard links of a host directory are
 * found.
 *
 * Ownership: init/fini; keeps copies of the paths.  Threads: one.
 * Memory: 32 bytes and the path for each file with more than one link.
 */
#ifndef VV_INPUT_INODE_SET_H
#define VV_INPUT_INODE_SET_H

#include <stddef.h>
#include <stdint.h>

struct vv_inode {
	uint64_t dev, ino;
	char *path; /* owned; NULL = free slot */
};

struct vv_inode_set {
	struct vv_inode *slots; /* owned */
	size_t count, cap;	/* cap: a power of two, or 0 */
};

void vv_inode_set_fini(struct vv_inode_set *set); /* a zeroed set is fine */
/*
 * *@first = the path it had first (until fini), or NULL: this is the first, @path is
 * remembered. VV_ENOMEM.
 */
int vv_inode_set_meet(struct vv_inode_set *set, uint64_t dev, uint64_t ino,
		      const char *path, const char **first);

#endif
