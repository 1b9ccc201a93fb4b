#include "os/map.h"

#include "core/arith.h"
#include "core/err.h"
#include "os/sim/sim_private.h"

#include <stdlib.h>
#include <string.h>

/* A map of the simulated disk is a copy, so it never faults. */
static const atomic_uint no_faults;

static int copy_range(struct vv_map *out, const struct vv_sim_inode *inode,
		      uint64_t off, uint64_t len)
{
	size_t size;
	void *copy;

	if (inode->is_dir)
		return VV_EISDIR;
	if (!vv_range_fits(off, len, inode->size))
		return VV_EINVAL;
	size = (size_t)(len ? len : inode->size - off);
	if (size == 0)
		return VV_OK;
	copy = malloc(size);
	if (!copy)
		return VV_ENOMEM;
	memcpy(copy, inode->bytes + off, size);
	*out = (struct vv_map){
		.bytes = copy, .size = size, .faults = &no_faults, .private = copy
	};
	return VV_OK;
}

int vv_map_open(struct vv_map *out, const char *path, uint64_t off, uint64_t len)
{
	struct vv_sim *sim = vv_sim_lock();
	uint32_t inode;
	int err = sim->is_off ? VV_EIO : vv_sim_disk_find(&sim->disk, path, &inode);

	*out = (struct vv_map){ 0 };
	if (!err)
		err = copy_range(out, &sim->disk.inodes[inode], off, len);
	vv_sim_unlock();
	return err;
}

void vv_map_close(struct vv_map *map)
{
	free(map->private);
	*map = (struct vv_map){ 0 };
}

size_t vv_map_resident_bytes(void)
{
	return 0;
}

void vv_map_drop(const struct vv_map *map)
{
	(void)map;
}
