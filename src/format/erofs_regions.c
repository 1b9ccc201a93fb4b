#include "format/erofs_regions.h"

#include "core/arith.h"
#include "core/err.h"
#include "format/erofs_layout.h"
#include "format/tree.h"

#include <stdlib.h>

size_t vv_erofs_regions_memory(const struct vv_tree *tree)
{
	return ((size_t)tree->blob_count + 1) * sizeof(struct vv_erofs_region);
}

/* The tree tells the size of a blob with each of its files. */
static int collect_sizes(struct vv_erofs_regions *r, const struct vv_tree *tree)
{
	for (uint32_t i = 0; i < tree->entry_count; i++) {
		struct vv_entry e;
		int err = vv_tree_entry(tree, i, &e);

		if (err)
			return err;
		if (e.blob == UINT32_MAX)
			continue;
		if (e.size > UINT64_C(1) << VV_ERO_CHUNK_BITS_MAX)
			return VV_EFBIG;
		if (r->items[e.blob].size && r->items[e.blob].size != e.size)
			return VV_ECORRUPT;
		r->items[e.blob].size = e.size;
	}
	return VV_OK;
}

static int place_all(struct vv_erofs_regions *r)
{
	uint64_t block = 0;

	for (uint32_t i = 0; i < r->count; i++) {
		r->items[i].block = (uint32_t)block;
		block += (r->items[i].size + VV_ERO_BLOCK - 1) >> VV_ERO_BLOCK_BITS;
		if (block >= UINT32_MAX) /* which would mean a hole */
			return VV_EFBIG;
	}
	r->blocks = (uint32_t)block;
	return VV_OK;
}

int vv_erofs_regions_init(struct vv_erofs_regions *r, const struct vv_tree *tree)
{
	int err;

	*r = (struct vv_erofs_regions){ .count = tree->blob_count };
	r->items = calloc((size_t)tree->blob_count + 1, sizeof(r->items[0]));
	if (!r->items)
		return VV_ENOMEM;
	err = collect_sizes(r, tree);
	if (!err)
		err = place_all(r);
	if (err)
		vv_erofs_regions_fini(r);
	return err;
}

void vv_erofs_regions_fini(struct vv_erofs_regions *r)
{
	free(r->items);
	*r = (struct vv_erofs_regions){ 0 };
}

int vv_erofs_regions_find(const struct vv_erofs_regions *r, uint64_t offset,
			  uint32_t *blob)
{
	uint64_t block = offset >> VV_ERO_BLOCK_BITS;
	uint32_t low = 0, high = r->count;

	*blob = 0;
	if (block >= r->blocks)
		return VV_ENOENT;
	/* The last that begins at or before it; those without blocks come before it. */
	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (r->items[mid].block <= block)
			low = mid;
		else
			high = mid;
	}
	while (r->items[low].size == 0)
		low--;
	*blob = low;
	return VV_OK;
}
