#include "format/image.h"

#include "core/arith.h"
#include "core/err.h"
#include "os/thread.h"
#include "test.h"

/* Bytes that are nowhere equal to their neighbours, and no page is like another. */
static void make_image(struct vv_buf *image, size_t body_size)
{
	struct vv_id id;

	vv_buf_init(image, 1 << 24);
	CHECK_INT(vv_buf_append_zeros(image, body_size), VV_OK);
	for (size_t i = 0; i < body_size; i++)
		image->bytes[i] = (uint8_t)(i * 7 + i / VV_IMAGE_PAGE + 1);
	CHECK_INT(vv_image_finish(image, VV_IMAGE_TREE, &id), VV_OK);
	CHECK(!vv_id_is_zero(&id));
}

static void image_size_follows_from_the_body(void)
{
	static const size_t bodies[] = { 1, 4095, 4096, 4097, 3 * 4096 };

	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		size_t pages = (bodies[i] + 4095) / 4096;
		struct vv_buf image;
		uint64_t size;

		make_image(&image, bodies[i]);
		CHECK_INT(image.len, pages * 4104 + 64);
		CHECK_INT(vv_image_size(image.bytes + image.len - 64, VV_IMAGE_TREE,
					&size),
			  VV_OK);
		CHECK_INT(size, image.len);
		vv_buf_fini(&image);
	}
}

static void an_empty_body_is_no_image(void)
{
	struct vv_buf image;
	struct vv_id id;

	vv_buf_init(&image, 1 << 20);
	CHECK_INT(vv_image_finish(&image, VV_IMAGE_TREE, &id), VV_EINVAL);
	vv_buf_fini(&image);
}

static void ranges_are_given_across_pages_and_never_beyond_the_body(void)
{
	struct vv_buf bytes;
	struct vv_image img;
	const uint8_t *p;

	make_image(&bytes, 10000);
	CHECK_INT(vv_image_init(&img, bytes.bytes, bytes.len, VV_IMAGE_TREE, NULL),
		  VV_OK);
	CHECK_INT(vv_image_get(&img, 4090, 4200, &p), VV_OK);
	CHECK(p == bytes.bytes + 4090);
	CHECK_INT(vv_image_get(&img, 0, 10000, &p), VV_OK);
	CHECK_INT(vv_image_get(&img, 10000, 0, &p), VV_OK);
	CHECK_INT(vv_image_get(&img, 9999, 2, &p), VV_ECORRUPT);
	CHECK(p == NULL);
	CHECK_INT(vv_image_get(&img, 10001, 0, &p), VV_ECORRUPT);
	CHECK_INT(vv_image_get(&img, 1, UINT64_MAX, &p), VV_ECORRUPT);
	CHECK_INT(vv_image_get(&img, UINT64_MAX, 1, &p), VV_ECORRUPT);
	vv_image_fini(&img);
	vv_buf_fini(&bytes);
}

static void only_what_is_asked_for_is_checked(void)
{
	struct vv_buf bytes;
	struct vv_image img;
	const uint8_t *p;

	make_image(&bytes, 3 * 4096);
	bytes.bytes[2 * 4096 + 5] ^= 1;
	CHECK_INT(vv_image_init(&img, bytes.bytes, bytes.len, VV_IMAGE_TREE, NULL),
		  VV_OK);
	CHECK_INT(vv_image_get(&img, 0, 2 * 4096, &p), VV_OK);
	CHECK_INT(vv_image_get(&img, 4096, 4097, &p), VV_ECORRUPT);
	CHECK_INT(vv_image_verify(&img), VV_ECORRUPT);
	bytes.bytes[2 * 4096 + 5] ^= 1;
	CHECK_INT(vv_image_get(&img, 4096, 4097, &p), VV_OK);
	CHECK_INT(vv_image_verify(&img), VV_OK);
	vv_image_fini(&img);
	vv_buf_fini(&bytes);
}

/* Else the test above says nothing about the cost. */
static void a_page_is_checked_once(void)
{
	struct vv_buf bytes;
	struct vv_image img;
	const uint8_t *p;

	make_image(&bytes, 4096);
	CHECK_INT(vv_image_init(&img, bytes.bytes, bytes.len, VV_IMAGE_TREE, NULL),
		  VV_OK);
	CHECK_INT(vv_image_get(&img, 0, 1, &p), VV_OK);
	bytes.bytes[5] ^= 1;
	CHECK_INT(vv_image_get(&img, 0, 1, &p), VV_OK);
	CHECK_INT(vv_image_verify(&img), VV_ECORRUPT);
	vv_image_fini(&img);
	vv_buf_fini(&bytes);
}

/* The way a mapping tells of a disk that fails: zeros, and a number that grows. */
static void a_lost_page_is_an_io_error_and_not_corruption(void)
{
	atomic_uint faults = 0;
	struct vv_buf bytes;
	struct vv_image img;
	const uint8_t *p;

	make_image(&bytes, 2 * 4096);
	CHECK_INT(vv_image_init(&img, bytes.bytes, bytes.len, VV_IMAGE_TREE, &faults),
		  VV_OK);
	memset(bytes.bytes + 4096, 0, 4096);
	CHECK_INT(vv_image_get(&img, 4096, 1, &p), VV_ECORRUPT);
	atomic_fetch_add(&faults, 1);
	CHECK_INT(vv_image_get(&img, 4096, 1, &p), VV_EIO);
	CHECK_INT(vv_image_get(&img, 0, 1, &p), VV_OK);
	CHECK_INT(vv_image_faults(&img), 1);
	CHECK_INT(vv_image_verify(&img), VV_EIO);
	vv_image_fini(&img);
	memset(bytes.bytes + bytes.len - 64, 0, 64);
	CHECK_INT(vv_image_init(&img, bytes.bytes, bytes.len, VV_IMAGE_TREE, &faults),
		  VV_EIO);
	vv_buf_fini(&bytes);
}

static void touch_all_pages(void *arg)
{
	const struct vv_image *img = arg;

	for (uint64_t off = 0; off < img->body_size; off += 100) {
		const uint8_t *p;

		CHECK_INT(vv_image_get(img, off, 1, &p), VV_OK);
		CHECK_INT(*p, (uint8_t)(off * 7 + off / VV_IMAGE_PAGE + 1));
	}
}

static void many_threads_may_touch_a_page_first(void)
{
	struct vv_thread threads[4];
	struct vv_buf bytes;
	struct vv_image img;

	make_image(&bytes, 500 * 4096);
	CHECK_INT(vv_image_init(&img, bytes.bytes, bytes.len, VV_IMAGE_TREE, NULL),
		  VV_OK);
	for (int i = 0; i < 4; i++)
		CHECK_INT(vv_thread_create(&threads[i], "touch", touch_all_pages, &img,
					   0),
			  VV_OK);
	for (int i = 0; i < 4; i++)
		vv_thread_join(&threads[i]);
	for (uint32_t page = 0; page < img.page_count; page++)
		CHECK(img.checked[page / 8] >> page % 8 & 1);
	vv_image_fini(&img);
	vv_buf_fini(&bytes);
}

static void the_other_kind_is_refused(void)
{
	struct vv_buf bytes;
	struct vv_image img;

	make_image(&bytes, 100);
	CHECK_INT(vv_image_init(&img, bytes.bytes, bytes.len, VV_IMAGE_PACK_INDEX,
				NULL),
		  VV_ECORRUPT);
	vv_image_fini(&img);
	vv_image_fini(&img);
	vv_buf_fini(&bytes);
}

int main(void)
{
	RUN(image_size_follows_from_the_body);
	RUN(an_empty_body_is_no_image);
	RUN(ranges_are_given_across_pages_and_never_beyond_the_body);
	RUN(only_what_is_asked_for_is_checked);
	RUN(a_page_is_checked_once);
	RUN(a_lost_page_is_an_io_error_and_not_corruption);
	RUN(many_threads_may_touch_a_page_first);
	RUN(the_other_kind_is_refused);
	return test_report();
}
