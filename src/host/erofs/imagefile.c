#include "host/erofs/imagefile.h"

#include "cache/budget.h"
#include "core/err.h"
#include "format/erofs_image.h"
#include "format/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static int os_error(int number)
{
	switch (number) {
	case ENOSPC: return VV_ENOSPC;
	case EDQUOT: return VV_EDQUOT;
	case EROFS: return VV_EROFS;
	case EACCES: return VV_EACCES;
	case ENOENT: return VV_ENOENT;
	case ENOMEM: return VV_ENOMEM;
	}
	return VV_EIO;
}

/* Unlike that of any other mount, also of a process that was killed over it. */
static int create(char path[PATH_MAX], const char *dir)
{
	static atomic_uint serial;
	int fd;

	for (int tries = 0; tries < 100; tries++) {
		unsigned n = atomic_fetch_add(&serial, 1);

		if (snprintf(path, PATH_MAX, "%s/varve-%ld-%u.erofs", dir,
			     (long)getpid(), n) >= PATH_MAX)
			return VV_ENAMETOOLONG;
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd >= 0 ? fd : os_error(errno);
	}
	return VV_EEXIST;
}

/* Straight into the pages of the file, which are there: no memory of ours. */
static int fill(int fd, const struct vv_erofs_image *img)
{
	size_t size = vv_erofs_image_size(img);
	int failed = posix_fallocate(fd, 0, (off_t)size), err;
	uint8_t *map;

	if (failed)
		return os_error(failed);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return os_error(errno);
	err = vv_erofs_image_write(img, map);
	munmap(map, size);
	return err;
}

static int make(struct vv_erofs_imagefile *out, const char *dir,
		const struct vv_tree *tree)
{
	struct vv_erofs_image *img;
	int fd, err = vv_erofs_image_new(&img, tree);

	if (err)
		return err;
	fd = create(out->path, dir);
	if (fd < 0) {
		err = fd;
		out->path[0] = '\0';
	} else {
		err = fill(fd, img);
		close(fd);
	}
	if (!err)
		vv_erofs_image_take_regions(img, &out->regions);
	vv_erofs_image_free(img);
	return err;
}

int vv_erofs_imagefile_make(struct vv_erofs_imagefile *out, const char *dir,
			    const struct vv_tree *tree, struct vv_budget *budget)
{
	size_t size = vv_erofs_image_memory(tree);
	int err = vv_budget_reserve(budget, VV_HOLD_TREES, size);

	out->path[0] = '\0';
	out->regions = (struct vv_erofs_regions){ 0 };
	if (err)
		return err;
	err = make(out, dir, tree);
	vv_budget_release(budget, VV_HOLD_TREES, size);
	if (err)
		vv_erofs_imagefile_fini(out);
	return err;
}

void vv_erofs_imagefile_fini(struct vv_erofs_imagefile *f)
{
	if (f->path[0])
		unlink(f->path);
	f->path[0] = '\0';
	vv_erofs_regions_fini(&f->regions);
}
