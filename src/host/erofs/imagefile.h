/*
 * imagefile.h - the image of a tree as a file, since the kernel mounts nothing else.
 *
 * It has a name just as long as it takes to mount it.  The kernel reads it from the page
 * cache of its file system; memory file systems cannot be mounted from.
 *
 * Ownership: the caller's storage.  Threads: any.
 */
#ifndef VV_HOST_EROFS_IMAGEFILE_H
#define VV_HOST_EROFS_IMAGEFILE_H

#include "format/erofs_regions.h"

#include <limits.h>

struct vv_budget;
struct vv_tree;

struct vv_erofs_imagefile {
	char path[PATH_MAX];
	struct vv_erofs_regions regions; /* owned, until taken */
};

/* Errors of format/erofs_image.h; VV_ENOSPC, VV_EIO. */
int vv_erofs_imagefile_make(struct vv_erofs_imagefile *out, const char *dir,
			    const struct vv_tree *tree, struct vv_budget *budget);
/* Its name goes; a mount of it stays. */
void vv_erofs_imagefile_fini(struct vv_erofs_imagefile *f);

#endif
