/*
 * A hostile tree: the EROFS image of it is made or refused, and never written outside of
 * the memory that was told to be enough.
 *
 * The first byte says what the others are: 0 an image of a tree, else its body (checksums
 * are made for it, so that the rules behind them are reached).
 */
#include "core/buf.h"
#include "core/err.h"
#include "format/erofs_image.h"
#include "format/erofs_regions.h"
#include "format/tree.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void look_up(const struct vv_erofs_regions *r)
{
	uint64_t end = (uint64_t)r->blocks * 4096;
	uint32_t blob;

	for (uint64_t at = 0; at < end && at < 1000 * 4096; at += 4096) {
		must(vv_erofs_regions_find(r, at, &blob) == VV_OK);
		must(blob < r->count && r->items[blob].size > 0);
		must((uint64_t)r->items[blob].block * 4096 <= at);
	}
	must(vv_erofs_regions_find(r, end, &blob) == VV_ENOENT);
}

/* In memory of exactly that size, so that a sanitizer sees what lies beyond. */
static void write_image(struct vv_erofs_image *img)
{
	size_t size = vv_erofs_image_size(img);
	uint8_t *out;

	must(size > 0 && size <= VV_EROFS_IMAGE_MAX && size % 4096 == 0);
	if (size > 64 << 20)
		return;
	out = calloc(1, size);
	if (out)
		(void)vv_erofs_image_write(img, out);
	free(out);
}

static void run_image(const uint8_t *bytes, size_t size)
{
	struct vv_erofs_regions regions = { 0 };
	struct vv_erofs_image *img;
	struct vv_tree t;

	if (vv_tree_init(&t, NULL, bytes, size, NULL) != VV_OK)
		return;
	if (vv_erofs_image_new(&img, &t) == VV_OK) {
		write_image(img);
		vv_erofs_image_take_regions(img, &regions);
		look_up(&regions);
		vv_erofs_regions_fini(&regions);
	}
	vv_erofs_image_free(img);
	vv_tree_fini(&t);
}

static void run_body(const uint8_t *bytes, size_t size)
{
	struct vv_buf image;
	struct vv_id id;

	vv_buf_init(&image, SIZE_MAX);
	if (vv_buf_append(&image, bytes, size) == VV_OK &&
	    vv_image_finish(&image, VV_IMAGE_TREE, &id) == VV_OK)
		run_image(image.bytes, image.len);
	vv_buf_fini(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size < 1)
		return 0;
	if (bytes[0] == 0)
		run_image(bytes + 1, size - 1);
	else
		run_body(bytes + 1, size - 1);
	return 0;
}
