#include "store/holders.h"

#include "core/err.h"
#include "store/store.h"

#include <stdlib.h>

/* The id in a row of a pack's table, if it counts. */
typedef int row_fn(const struct vv_pack *pack, uint32_t row, struct vv_id *id);

static int blob_row(const struct vv_pack *pack, uint32_t row, struct vv_id *id)
{
	struct vv_blob blob;
	int err = vv_pack_blob(pack, row, &blob);

	*id = blob.id;
	return err;
}

static int frame_row(const struct vv_pack *pack, uint32_t row, struct vv_id *id)
{
	struct vv_frame frame;
	int err = vv_pack_frame(pack, row, &frame);

	*id = frame.id;
	return !err && frame.offset == 0 ? VV_ENOENT : err;
}

struct table {
	const struct vv_pack_set *set;
	row_fn *row;
	uint32_t (*rows)(const struct vv_pack *pack);
};

static uint32_t blob_rows(const struct vv_pack *pack)
{
	return pack->blob_count;
}

static uint32_t frame_rows(const struct vv_pack *pack)
{
	return pack->frame_count;
}

void vv_holders_init(struct vv_holders *h)
{
	*h = (struct vv_holders){ 0 };
	vv_idmap_init(&h->numbers, SIZE_MAX / 64);
}

void vv_holders_fini(struct vv_holders *h)
{
	vv_idmap_fini(&h->numbers);
	free(h->first);
	free(h->items);
	*h = (struct vv_holders){ 0 };
}

int vv_holders_want(struct vv_holders *h, const struct vv_id *id, bool *is_new)
{
	bool is_known = vv_idmap_get(&h->numbers, id, NULL);

	if (is_new)
		*is_new = !is_known;
	return is_known ? VV_OK : vv_idmap_put(&h->numbers, id, h->numbers.count);
}

/* Calls @hit for every row of every pack whose id is wanted; returns how often. */
static size_t scan(struct vv_holders *h, const struct table *t,
		   void (*hit)(struct vv_holders *h, size_t number,
			       struct vv_holder at))
{
	size_t hits = 0;

	for (uint32_t p = 0; p < vv_pack_set_count(t->set); p++) {
		const struct vv_pack *pack = vv_pack_set_get(t->set, p);
		uint32_t rows = pack ? t->rows(pack) : 0;

		for (uint32_t row = 0; row < rows; row++) {
			struct vv_id id;
			uint64_t number;

			if (t->row(pack, row, &id) != VV_OK ||
			    !vv_idmap_get(&h->numbers, &id, &number))
				continue;
			hit(h, (size_t)number, (struct vv_holder){ p, row });
			hits++;
		}
	}
	return hits;
}

static void count_hit(struct vv_holders *h, size_t number, struct vv_holder at)
{
	(void)at;
	h->first[number]++;
}

/* Filled from the end backwards: first[number] walks down to where it belongs. */
static void put_hit(struct vv_holders *h, size_t number, struct vv_holder at)
{
	h->items[--h->first[number]] = at;
}

static int cmp_holder(const void *a, const void *b)
{
	const struct vv_holder *x = a, *y = b;

	if (x->pack != y->pack)
		return x->pack < y->pack ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

static int find(struct vv_holders *h, const struct table *t)
{
	size_t count = vv_holders_count(h), total = 0;

	h->first = calloc(count + 1, sizeof *h->first);
	if (!h->first)
		return VV_ENOMEM;
	scan(h, t, count_hit);
	for (size_t i = 0; i < count; i++) {
		total += h->first[i];
		h->first[i] = total; /* the end, until put_hit() has walked it down */
	}
	h->first[count] = total;
	h->items = calloc(total ? total : 1, sizeof *h->items);
	if (!h->items)
		return VV_ENOMEM;
	if (scan(h, t, put_hit) != total)
		return VV_EIO; /* a page was lost since it was counted: the rest is no proof */
	for (size_t i = 0; i < count; i++)
		qsort(h->items + h->first[i], h->first[i + 1] - h->first[i],
		      sizeof *h->items, cmp_holder);
	return VV_OK;
}

int vv_holders_find_blobs(struct vv_holders *h, const struct vv_pack_set *set)
{
	struct table t = { .set = set, .row = blob_row, .rows = blob_rows };

	return find(h, &t);
}

int vv_holders_find_frames(struct vv_holders *h, const struct vv_pack_set *set)
{
	struct table t = { .set = set, .row = frame_row, .rows = frame_rows };

	return find(h, &t);
}
