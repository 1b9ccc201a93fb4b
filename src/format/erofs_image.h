/*
 * erofs_image.h - a tree as the metadata of an EROFS file system, for Linux to mount.
 *
 * Answers: what would the kernel have to be given to show this tree all by itself?  The
 * image holds names, attributes, targets and xattrs; the bytes of files lie in an extra
 * device, the virtual file of erofs_regions.h.  Same tree, same image, byte by byte.
 *
 * It is made in two passes over the tree: vv_erofs_image_new() gives each file its inode
 * and tells the size; vv_erofs_image_write() fills memory of that size.  A tree whose
 * pages change in between (a disk that fails) gives an error, never a write outside.
 *
 * What EROFS cannot express is refused, and the caller shows such a tree in another way:
 * VV_ENAMETOOLONG: a name of more than 255 bytes, or a target of more than 4,095.
 * VV_EFBIG: an image of more than 1 GiB, a file of more than 8 TiB, all files together
 *	more than 16 TiB, more than 128 xattrs at one file.
 * VV_EOPNOTSUPP: an xattr outside of user., trusted., security. and the POSIX ACLs; a
 *	device number of more than 12 + 20 bits.
 *
 * Ownership: new/free; borrows the tree until free.
 * Threads: one.
 */
#ifndef VV_FORMAT_EROFS_IMAGE_H
#define VV_FORMAT_EROFS_IMAGE_H

#include <stddef.h>
#include <stdint.h>

struct vv_tree;
struct vv_erofs_image;
struct vv_erofs_regions;

enum {
	VV_EROFS_IMAGE_MAX = 1 << 30, /* bytes */
	VV_EROFS_TARGET_MAX = 4095,
};

/* Bytes that the two passes allocate at most, regions included, for a budget. */
size_t vv_erofs_image_memory(const struct vv_tree *tree);

/* See above; VV_ECORRUPT, VV_EIO: the tree's own; VV_ENOMEM. */
int vv_erofs_image_new(struct vv_erofs_image **out, const struct vv_tree *tree);
void vv_erofs_image_free(struct vv_erofs_image *img); /* NULL is a no-op */

/* Bytes of the image, whole blocks. */
size_t vv_erofs_image_size(const struct vv_erofs_image *img);

/* Fill @out, which has that size and is all zeros. */
int vv_erofs_image_write(const struct vv_erofs_image *img, uint8_t *out);

/* The map of the extra device becomes the caller's, to fini; after the last write. */
void vv_erofs_image_take_regions(struct vv_erofs_image *img,
				 struct vv_erofs_regions *out);

#endif
