#include "format/image.h"

#include "codec/hash.h"
#include "core/arith.h"
#include "core/err.h"

#include <stdlib.h>
#include <string.h>

enum {
	PAGES_MAX = 1 << 28,
	SUM_BYTES = 8,
	IMAGE_VERSION = 1,

	/* the trailer */
	AT_VERSION = 8,
	AT_KIND = 12,
	AT_IMAGE_SIZE = 16,
	AT_BODY_SIZE = 24,
	AT_PAGE_COUNT = 32,
	AT_RESERVED32 = 36,
	AT_SUMS_CHECKSUM = 40,
	AT_RESERVED64 = 48,
	AT_TRAILER_CHECKSUM = 56,
};

static const char magic[8] = { 'V', 'A', 'R', 'V', 'E', 'I', 'M', 'G' };

/* Cannot overflow: page_count has 32 bits. */
static uint64_t image_size(uint32_t page_count)
{
	return (uint64_t)page_count * (VV_IMAGE_PAGE + SUM_BYTES) + VV_IMAGE_TRAILER;
}

/* The checksum comes first: a flipped bit in the version must not read as "newer". */
static int check_identity(const uint8_t *trailer, enum vv_image_kind kind)
{
	if (memcmp(trailer, magic, sizeof magic) != 0)
		return VV_ECORRUPT;
	if (vv_get_le64(trailer + AT_TRAILER_CHECKSUM) !=
	    vv_checksum64(trailer, AT_TRAILER_CHECKSUM))
		return VV_ECORRUPT;
	if (vv_get_le32(trailer + AT_VERSION) > IMAGE_VERSION)
		return VV_ENEWER;
	if (vv_get_le32(trailer + AT_VERSION) != IMAGE_VERSION ||
	    vv_get_le32(trailer + AT_KIND) != (uint32_t)kind)
		return VV_ECORRUPT;
	return VV_OK;
}

int vv_image_size(const uint8_t *trailer, enum vv_image_kind kind, uint64_t *out)
{
	uint32_t page_count = vv_get_le32(trailer + AT_PAGE_COUNT);
	uint64_t body_size = vv_get_le64(trailer + AT_BODY_SIZE);
	int err;

	*out = 0;
	err = check_identity(trailer, kind);
	if (err)
		return err;
	if (page_count == 0 || page_count > PAGES_MAX ||
	    vv_get_le64(trailer + AT_IMAGE_SIZE) != image_size(page_count) ||
	    body_size > (uint64_t)page_count * VV_IMAGE_PAGE ||
	    body_size <= (uint64_t)(page_count - 1) * VV_IMAGE_PAGE ||
	    vv_get_le32(trailer + AT_RESERVED32) != 0 ||
	    vv_get_le64(trailer + AT_RESERVED64) != 0)
		return VV_ECORRUPT;
	*out = image_size(page_count);
	return VV_OK;
}

/* Bytes of a page that was lost read as zeros, so a bad sum may be the disk's doing. */
static int bad_sum(const struct vv_image *img)
{
	return vv_image_faults(img) ? VV_EIO : VV_ECORRUPT;
}

int vv_image_init(struct vv_image *img, const uint8_t *bytes, size_t size,
		  enum vv_image_kind kind, const atomic_uint *faults)
{
	const uint8_t *trailer;
	uint64_t expected;
	int err;

	*img = (struct vv_image){ .faults = faults };
	if (size < VV_IMAGE_TRAILER)
		return VV_ECORRUPT;
	trailer = bytes + size - VV_IMAGE_TRAILER;
	err = vv_image_size(trailer, kind, &expected);
	if (err || expected != size)
		return err == VV_ENEWER ? err : bad_sum(img);
	img->page_count = vv_get_le32(trailer + AT_PAGE_COUNT);
	img->body_size = vv_get_le64(trailer + AT_BODY_SIZE);
	img->sums = bytes + (size_t)img->page_count * VV_IMAGE_PAGE;
	if (vv_checksum64(img->sums, (size_t)img->page_count * SUM_BYTES) !=
	    vv_get_le64(trailer + AT_SUMS_CHECKSUM))
		return bad_sum(img);
	img->checked = calloc(img->page_count / 8 + 1, 1);
	if (!img->checked)
		return VV_ENOMEM;
	img->body = bytes;
	return VV_OK;
}

void vv_image_fini(struct vv_image *img)
{
	free((void *)img->checked);
	*img = (struct vv_image){ 0 };
}

unsigned vv_image_faults(const struct vv_image *img)
{
	return img->faults ? atomic_load_explicit(img->faults, memory_order_acquire)
			   : 0;
}

/*
 * Relaxed is enough: the bit publishes no memory.  A thread that misses it checks
 * the page again, which is work but not wrong.
 */
static bool is_checked(const struct vv_image *img, uint32_t page)
{
	return atomic_load_explicit(&img->checked[page / 8], memory_order_relaxed) >>
		       page % 8 &
	       1;
}

static int check_page(const struct vv_image *img, uint32_t page)
{
	const uint8_t *bytes = img->body + (size_t)page * VV_IMAGE_PAGE;

	if (vv_checksum64(bytes, VV_IMAGE_PAGE) !=
	    vv_get_le64(img->sums + (size_t)page * SUM_BYTES))
		return bad_sum(img);
	atomic_fetch_or_explicit(&img->checked[page / 8], (uint8_t)(1u << page % 8),
				 memory_order_relaxed);
	if (img->watch)
		img->watch->touched(img->watch);
	return VV_OK;
}

void vv_image_forget_checks(const struct vv_image *img)
{
	for (uint32_t i = 0; i < img->page_count / 8 + 1; i++)
		atomic_store_explicit(&img->checked[i], 0, memory_order_relaxed);
}

/* Most find it set: then the line stays shared between processors. */
static void note_use(struct vv_image_watch *watch)
{
	if (!atomic_load_explicit(&watch->is_used, memory_order_relaxed))
		atomic_store_explicit(&watch->is_used, true, memory_order_relaxed);
}

int vv_image_get(const struct vv_image *img, uint64_t off, uint64_t len,
		 const uint8_t **out)
{
	/* A page that was good may be zeros now: after a fault nothing is remembered. */
	bool remembers = vv_image_faults(img) == 0;
	uint32_t page, end;

	*out = NULL;
	if (!vv_range_fits(off, len, img->body_size))
		return VV_ECORRUPT;
	if (img->watch)
		note_use(img->watch);
	/* No overflow: body_size is at most 2^40. */
	end = (uint32_t)((off + len + VV_IMAGE_PAGE - 1) / VV_IMAGE_PAGE);
	for (page = (uint32_t)(off / VV_IMAGE_PAGE); page < end; page++) {
		int err = remembers && is_checked(img, page) ? VV_OK
							     : check_page(img, page);

		if (err)
			return err;
	}
	*out = img->body + off;
	return VV_OK;
}

int vv_image_verify(const struct vv_image *img)
{
	uint64_t end = (uint64_t)img->page_count * VV_IMAGE_PAGE;

	for (uint32_t page = 0; page < img->page_count; page++) {
		int err = check_page(img, page);

		if (err)
			return err;
	}
	for (uint64_t i = img->body_size; i < end; i++) {
		if (img->body[i] != 0)
			return VV_ECORRUPT;
	}
	return VV_OK;
}

static void put_trailer(uint8_t *trailer, enum vv_image_kind kind, uint32_t page_count,
			uint64_t body_size)
{
	const uint8_t *sums = trailer - (size_t)page_count * SUM_BYTES;

	memset(trailer, 0, VV_IMAGE_TRAILER);
	memcpy(trailer, magic, sizeof magic);
	vv_put_le32(trailer + AT_VERSION, IMAGE_VERSION);
	vv_put_le32(trailer + AT_KIND, kind);
	vv_put_le64(trailer + AT_IMAGE_SIZE, image_size(page_count));
	vv_put_le64(trailer + AT_BODY_SIZE, body_size);
	vv_put_le32(trailer + AT_PAGE_COUNT, page_count);
	vv_put_le64(trailer + AT_SUMS_CHECKSUM,
		    vv_checksum64(sums, (size_t)page_count * SUM_BYTES));
	vv_put_le64(trailer + AT_TRAILER_CHECKSUM,
		    vv_checksum64(trailer, AT_TRAILER_CHECKSUM));
}

int vv_image_finish(struct vv_buf *body, enum vv_image_kind kind, struct vv_id *id)
{
	uint64_t body_size = body->len;
	uint64_t page_count =
		body_size / VV_IMAGE_PAGE + (body_size % VV_IMAGE_PAGE != 0);
	uint8_t *sums;
	int err;

	*id = (struct vv_id){ 0 };
	if (page_count == 0)
		return VV_EINVAL;
	if (page_count > PAGES_MAX || image_size((uint32_t)page_count) > SIZE_MAX)
		return VV_EFBIG;
	err = vv_buf_append_zeros(body, image_size((uint32_t)page_count) - body_size);
	if (err)
		return err;
	sums = body->bytes + page_count * VV_IMAGE_PAGE;
	for (uint64_t i = 0; i < page_count; i++)
		vv_put_le64(sums + i * SUM_BYTES,
			    vv_checksum64(body->bytes + i * VV_IMAGE_PAGE,
					  VV_IMAGE_PAGE));
	put_trailer(sums + page_count * SUM_BYTES, kind, (uint32_t)page_count,
		    body_size);
	vv_hash_id(id, body->bytes, body->len);
	return VV_OK;
}
