/*
 * erofs_regions.h - the virtual file in which all blobs of a tree lie one behind the
 * other.
 *
 * Answers: where is this blob, and whose byte is at this offset?  Each blob begins at a
 * block of 4 KiB, in order of the tree's table of blobs; what is between its end and the
 * next block is zeros.  The tree alone decides, so an image that was made once fits as
 * long as the tree is the same.  Nobody stores this file: who is asked for a part of it
 * reads the blobs.
 *
 * Ownership: init/fini; nothing of the tree is kept.
 * Threads: immutable after init.
 */
#ifndef VV_FORMAT_EROFS_REGIONS_H
#define VV_FORMAT_EROFS_REGIONS_H

#include <stddef.h>
#include <stdint.h>

struct vv_tree;

struct vv_erofs_region {
	uint64_t size;	/* bytes of the blob; 0: no file has it */
	uint32_t block; /* where it begins */
};

struct vv_erofs_regions {
	struct vv_erofs_region *items; /* owned; one for each blob of the tree */
	uint32_t count;
	uint32_t blocks; /* of the whole */
};

/* Bytes that init allocates, for a budget. */
size_t vv_erofs_regions_memory(const struct vv_tree *tree);

/*
 * VV_EFBIG: beyond what 32 bits of blocks address (16 TiB), or a file of more than
 * 8 TiB.  VV_ECORRUPT, VV_EIO, VV_ENOMEM.
 */
int vv_erofs_regions_init(struct vv_erofs_regions *r, const struct vv_tree *tree);
void vv_erofs_regions_fini(struct vv_erofs_regions *r); /* zeroed is fine */

/* The blob whose region covers @offset, its padding included; VV_ENOENT beyond the end. */
int vv_erofs_regions_find(const struct vv_erofs_regions *r, uint64_t offset,
			  uint32_t *blob);

#endif
