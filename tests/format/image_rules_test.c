/*
 * Images that break one rule of docs/format.md, section 5, and images that were
 * damaged: cut, or with a flipped bit.  Trees and pack indexes alike.
 */
#include "format/image.h"

#include "codec/hash.h"
#include "core/arith.h"
#include "core/err.h"
#include "format/pack.h"
#include "format/tree.h"
#include "lib/sample_images.h"
#include "test.h"

static struct vv_buf trees, packs;

static void copy(struct vv_buf *out, const struct vv_buf *from)
{
	vv_buf_init(out, 1 << 24);
	CHECK_INT(vv_buf_append(out, from->bytes, from->len), VV_OK);
}

static uint8_t *trailer(const struct vv_buf *image)
{
	return image->bytes + image->len - VV_IMAGE_TRAILER;
}

static void sum_trailer(const struct vv_buf *image)
{
	vv_put_le64(trailer(image) + 56, vv_checksum64(trailer(image), 56));
}

static int open_tree(const struct vv_buf *image)
{
	struct vv_tree tree;
	int err = vv_tree_init(&tree, NULL, image->bytes, image->len, NULL);

	vv_tree_fini(&tree);
	return err;
}

/* The field of @size bytes at @offset becomes @n, under good checksums. */
static int open_with(size_t offset, size_t size, uint64_t n)
{
	struct vv_buf image;
	int err;

	copy(&image, &trees);
	if (size == 8)
		vv_put_le64(trailer(&image) + offset, n);
	else
		vv_put_le32(trailer(&image) + offset, (uint32_t)n);
	sum_trailer(&image);
	err = open_tree(&image);
	vv_buf_fini(&image);
	return err;
}

static void trailer_fields_are_checked(void)
{
	uint64_t body = vv_get_le64(trailer(&trees) + 24);
	uint32_t pages = vv_get_le32(trailer(&trees) + 32);

	CHECK_INT(open_with(24, 8, body), VV_OK); /* the tool works */
	CHECK_INT(open_with(0, 8, 0), VV_ECORRUPT);
	CHECK_INT(open_with(8, 4, 0), VV_ECORRUPT);
	CHECK_INT(open_with(8, 4, 2), VV_ENEWER);
	CHECK_INT(open_with(12, 4, VV_IMAGE_PACK_INDEX), VV_ECORRUPT);
	CHECK_INT(open_with(12, 4, 0), VV_ECORRUPT);
	CHECK_INT(open_with(16, 8, trees.len + 1), VV_ECORRUPT);
	CHECK_INT(open_with(16, 8, UINT64_MAX), VV_ECORRUPT);
	CHECK_INT(open_with(24, 8, 0), VV_ECORRUPT);
	CHECK_INT(open_with(24, 8, (uint64_t)pages * 4096 + 1), VV_ECORRUPT);
	CHECK_INT(open_with(24, 8, UINT64_MAX), VV_ECORRUPT);
	CHECK_INT(open_with(24, 8, (uint64_t)(pages - 1) * 4096), VV_ECORRUPT);
	CHECK_INT(open_with(32, 4, 0), VV_ECORRUPT);
	CHECK_INT(open_with(32, 4, pages + 1), VV_ECORRUPT);
	CHECK_INT(open_with(32, 4, UINT32_MAX), VV_ECORRUPT);
	CHECK_INT(open_with(36, 4, 1), VV_ECORRUPT);
	CHECK_INT(open_with(40, 8, 0), VV_ECORRUPT);
	CHECK_INT(open_with(48, 8, 1), VV_ECORRUPT);
}

/* A size that says how much to map must not be believed before it is checked. */
static void more_pages_than_allowed_are_refused_by_the_trailer_alone(void)
{
	uint8_t bytes[VV_IMAGE_TRAILER];
	uint64_t size, pages = (1 << 28) + 1;

	memcpy(bytes, trailer(&trees), sizeof bytes);
	for (int i = 0; i < 2; i++, pages--) {
		vv_put_le64(bytes + 16, pages * 4104 + 64);
		vv_put_le64(bytes + 24, pages * 4096);
		vv_put_le32(bytes + 32, (uint32_t)pages);
		vv_put_le64(bytes + 56, vv_checksum64(bytes, 56));
		CHECK_INT(vv_image_size(bytes, VV_IMAGE_TREE, &size),
			  i == 0 ? VV_ECORRUPT : VV_OK);
		CHECK_INT(size, i == 0 ? 0 : pages * 4104 + 64);
	}
}

static void padding_of_the_last_page_is_zero(void)
{
	struct vv_buf image;
	struct vv_tree tree;
	uint64_t body = vv_get_le64(trailer(&trees) + 24);
	uint32_t pages = vv_get_le32(trailer(&trees) + 32);
	uint8_t *sums;

	CHECK(body % 4096 != 0);
	copy(&image, &trees);
	image.bytes[body] = 1;
	sums = image.bytes + pages * 4096;
	vv_put_le64(sums + (pages - 1) * 8,
		    vv_checksum64(image.bytes + (pages - 1) * 4096, 4096));
	vv_put_le64(trailer(&image) + 40, vv_checksum64(sums, pages * 8));
	sum_trailer(&image);
	CHECK_INT(vv_tree_init(&tree, NULL, image.bytes, image.len, NULL), VV_OK);
	CHECK_INT(vv_tree_verify(&tree, NULL, 0), VV_ECORRUPT);
	vv_tree_fini(&tree);
	vv_buf_fini(&image);
}

/* In memory of the exact size, so that sanitizers see a read behind the end. */
static int open_cut(const struct vv_buf *image, size_t len, bool is_tree)
{
	uint8_t *bytes = malloc(len + !len);
	struct vv_tree tree;
	struct vv_pack pack;
	int err;

	CHECK(bytes != NULL);
	memcpy(bytes, image->bytes, len);
	err = is_tree ? vv_tree_init(&tree, NULL, bytes, len, NULL)
		      : vv_pack_init(&pack, NULL, bytes, len, NULL);
	free(bytes);
	return err;
}

static void an_image_cut_anywhere_is_refused(void)
{
	for (size_t len = 0; len < trees.len; len += len < 200 ? 1 : 64)
		CHECK_INT(open_cut(&trees, len, true), VV_ECORRUPT);
	for (size_t len = 0; len < packs.len; len += len < 200 ? 1 : 64)
		CHECK_INT(open_cut(&packs, len, false), VV_ECORRUPT);
	CHECK_INT(open_cut(&trees, trees.len - 1, true), VV_ECORRUPT);
}

static void an_image_with_something_before_it_is_refused(void)
{
	struct vv_buf image;

	vv_buf_init(&image, 1 << 24);
	CHECK_INT(vv_buf_append_zeros(&image, 4096), VV_OK);
	CHECK_INT(vv_buf_append(&image, trees.bytes, trees.len), VV_OK);
	CHECK_INT(open_tree(&image), VV_ECORRUPT);
	vv_buf_fini(&image);
}

static int verify(const struct vv_buf *image, bool is_tree)
{
	struct vv_tree tree;
	struct vv_pack pack;
	char why[100];
	int err;

	if (is_tree) {
		err = vv_tree_init(&tree, NULL, image->bytes, image->len, NULL);
		if (!err)
			err = vv_tree_verify(&tree, why, sizeof why);
		vv_tree_fini(&tree);
	} else {
		err = vv_pack_init(&pack, NULL, image->bytes, image->len, NULL);
		if (!err)
			err = vv_pack_verify(&pack, why, sizeof why);
		vv_pack_fini(&pack);
	}
	return err;
}

static void a_flipped_bit_is_noticed(const struct vv_buf *good, bool is_tree)
{
	struct vv_buf image;

	copy(&image, good);
	CHECK_INT(verify(&image, is_tree), VV_OK);
	for (size_t i = 0; i < image.len * 8; i++) {
		image.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		CHECK_INT(verify(&image, is_tree), VV_ECORRUPT);
		image.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	vv_buf_fini(&image);
}

static void a_flipped_bit_anywhere_in_a_tree_is_noticed(void)
{
	a_flipped_bit_is_noticed(&trees, true);
}

static void a_flipped_bit_anywhere_in_a_pack_index_is_noticed(void)
{
	a_flipped_bit_is_noticed(&packs, false);
}

int main(void)
{
	struct vv_id id;

	sample_tree(&trees, &id);
	sample_pack(&packs, &id);
	RUN(trailer_fields_are_checked);
	RUN(more_pages_than_allowed_are_refused_by_the_trailer_alone);
	RUN(padding_of_the_last_page_is_zero);
	RUN(an_image_cut_anywhere_is_refused);
	RUN(an_image_with_something_before_it_is_refused);
	RUN(a_flipped_bit_anywhere_in_a_tree_is_noticed);
	RUN(a_flipped_bit_anywhere_in_a_pack_index_is_noticed);
	vv_buf_fini(&trees);
	vv_buf_fini(&packs);
	return test_report();
}
