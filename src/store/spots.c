#include "store/spots.h"

#include "core/err.h"

#include <stdbool.h>
#include <stdlib.h>

void vv_spots_fini(struct vv_spots *s)
{
	free(s->items);
	*s = (struct vv_spots){ 0 };
}

static int add(struct vv_spots *s, uint32_t number, uint32_t index, uint64_t offset)
{
	if (s->count == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		struct vv_spot *more = realloc(s->items, cap * sizeof *more);

		if (!more)
			return VV_ENOMEM;
		s->items = more;
		s->cap = cap;
	}
	s->items[s->count++] = (struct vv_spot){
		.offset = offset,
		.pack = number,
		.index = index,
	};
	return VV_OK;
}

/* Of the first extent that is not a hole. */
static uint64_t blob_offset(const struct vv_pack *pack, const struct vv_blob *blob)
{
	struct vv_extent extent;
	struct vv_frame frame;

	for (uint32_t i = 0; i < blob->extent_count; i++) {
		if (vv_pack_extent(pack, blob, i, &extent))
			return 0;
		if (extent.frame == VV_NONE)
			continue;
		return vv_pack_frame(pack, extent.frame, &frame) ? 0 : frame.offset;
	}
	return 0;
}

int vv_spots_add_blob(struct vv_spots *s, uint32_t number, const struct vv_pack *pack,
		      uint32_t index)
{
	struct vv_blob blob;
	bool is_bad = vv_pack_blob(pack, index, &blob) != VV_OK;

	return add(s, number, index, is_bad ? 0 : blob_offset(pack, &blob));
}

int vv_spots_add_blobs(struct vv_spots *s, uint32_t number, const struct vv_pack *pack)
{
	int err = VV_OK;

	for (uint32_t i = 0; !err && i < pack->blob_count; i++)
		err = vv_spots_add_blob(s, number, pack, i);
	return err;
}

int vv_spots_add_frames(struct vv_spots *s, uint32_t number, const struct vv_pack *pack)
{
	struct vv_frame frame;
	int err = VV_OK;

	for (uint32_t i = 0; !err && i < pack->frame_count; i++) {
		bool is_bad = vv_pack_frame(pack, i, &frame) != VV_OK;

		if (is_bad || frame.offset != 0)
			err = add(s, number, i, is_bad ? 0 : frame.offset);
	}
	return err;
}

static int cmp(const void *a, const void *b)
{
	const struct vv_spot *x = a, *y = b;

	if (x->pack != y->pack)
		return x->pack < y->pack ? -1 : 1;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

void vv_spots_sort(struct vv_spots *s)
{
	if (s->count > 0)
		qsort(s->items, s->count, sizeof *s->items, cmp);
}
