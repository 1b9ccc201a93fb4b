#include "input/inode_set.h"

#include "core/err.h"

#include <stdlib.h>
#include <string.h>

void vv_inode_set_fini(struct vv_inode_set *set)
{
	for (size_t i = 0; i < set->cap; i++)
		free(set->slots[i].path);
	free(set->slots);
	*set = (struct vv_inode_set){ 0 };
}

/* The slot of the inode, or the free one where it belongs. */
static struct vv_inode *find(const struct vv_inode_set *set, uint64_t dev, uint64_t ino)
{
	uint64_t hash = (ino ^ dev << 32 ^ dev >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	size_t at = (size_t)(hash >> 32) & (set->cap - 1);

	while (set->slots[at].path &&
	       (set->slots[at].dev != dev || set->slots[at].ino != ino))
		at = (at + 1) & (set->cap - 1);
	return &set->slots[at];
}

static int grow(struct vv_inode_set *set)
{
	struct vv_inode_set more = { .cap = set->cap ? set->cap * 2 : 64 };

	more.slots = calloc(more.cap, sizeof *more.slots);
	if (!more.slots)
		return VV_ENOMEM;
	for (size_t i = 0; i < set->cap; i++) {
		const struct vv_inode *old = &set->slots[i];

		if (old->path)
			*find(&more, old->dev, old->ino) = *old;
	}
	more.count = set->count;
	free(set->slots);
	*set = more;
	return VV_OK;
}

int vv_inode_set_meet(struct vv_inode_set *set, uint64_t dev, uint64_t ino,
		      const char *path, const char **first)
{
	struct vv_inode *slot;
	size_t size = strlen(path) + 1;

	*first = NULL;
	if (set->count * 2 >= set->cap && grow(set) != VV_OK)
		return VV_ENOMEM;
	slot = find(set, dev, ino);
	if (slot->path) {
		*first = slot->path;
		return VV_OK;
	}
	slot->path = malloc(size);
	if (!slot->path)
		return VV_ENOMEM;
	memcpy(slot->path, path, size);
	slot->dev = dev;
	slot->ino = ino;
	set->count++;
	return VV_OK;
}
