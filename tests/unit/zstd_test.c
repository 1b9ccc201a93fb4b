#include "codec/zstd.h"

#include "core/err.h"
#include "test.h"

#include <stdint.h>

enum {
	PLAIN = 64 * 1024,
	BIG = 256 * 1024,
	STORED = 2 * BIG
};

static uint8_t plain[BIG], ref[BIG], back[BIG + 8], stored[STORED];
static struct vv_compressor *comp;
static struct vv_decompressor *decomp;

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Words from a small vocabulary: compresses like text. */
static void fill_text(uint8_t *bytes, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)("the quick brown fox\n"[next_random(&seed) % 20]);
}

static void fill_noise(uint8_t *bytes, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(next_random(&seed) >> 8);
}

static size_t compress(const void *src, size_t len, const void *with, size_t with_len)
{
	size_t out_len;

	CHECK_INT(vv_compressor_run(comp, stored, sizeof stored, &out_len, src, len,
				    with, with_len),
		  VV_OK);
	CHECK(out_len <= vv_compress_bound(len));
	return out_len;
}

static int decompress(size_t stored_len, size_t len, const void *with, size_t with_len)
{
	int err;

	memset(back, 0xee, sizeof back);
	err = vv_decompressor_run(decomp, back, len, stored, stored_len, with,
				  with_len);
	for (size_t i = 0; i < 8; i++)
		CHECK_INT(back[len + i], 0xee);
	return err;
}

static void what_goes_in_comes_out(void)
{
	static const size_t sizes[] = { 0, 1, 2, 100, 4095, PLAIN, BIG };

	fill_text(plain, sizeof plain, 1);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		size_t len = compress(plain, sizes[i], NULL, 0);

		CHECK_INT(decompress(len, sizes[i], NULL, 0), VV_OK);
		CHECK(memcmp(plain, back, sizes[i]) == 0);
	}
}

static void a_reference_makes_the_frame_small_and_is_needed_again(void)
{
	size_t len;

	fill_noise(ref, BIG, 3);
	memcpy(plain, ref, BIG);
	plain[1000] ^= 1;
	plain[BIG - 1000] ^= 1;
	len = compress(plain, BIG, ref, BIG);
	CHECK(len < 1000);
	CHECK_INT(decompress(len, BIG, ref, BIG), VV_OK);
	CHECK(memcmp(plain, back, BIG) == 0);
	CHECK_INT(decompress(len, BIG, NULL, 0), VV_ECORRUPT);
	CHECK_INT(decompress(len, BIG, ref, 10), VV_ECORRUPT);
}

static void a_reference_is_used_for_one_frame_only(void)
{
	size_t len;

	fill_noise(ref, PLAIN, 4);
	memcpy(plain, ref, PLAIN);
	CHECK(compress(plain, PLAIN, ref, PLAIN) < 200);
	len = compress(plain, PLAIN, NULL, 0);
	CHECK(len > PLAIN);
	CHECK_INT(decompress(len, PLAIN, NULL, 0), VV_OK);
}

/* The bytes of a formatted dictionary begin so; a file may, too. */
static void a_reference_that_looks_like_a_dictionary_is_plain_bytes(void)
{
	static const uint8_t dictionary_magic[] = {
		0x37, 0xa4, 0x30, 0xec, 1, 0, 0, 0
	};
	struct vv_cdict *dict;
	size_t len;

	fill_noise(ref, PLAIN, 5);
	memcpy(ref, dictionary_magic, sizeof dictionary_magic);
	memcpy(plain, ref, PLAIN);
	len = compress(plain, PLAIN, ref, PLAIN);
	CHECK(len < 200);
	CHECK_INT(decompress(len, PLAIN, ref, PLAIN), VV_OK);
	CHECK(memcmp(ref, back, PLAIN) == 0);

	CHECK_INT(vv_cdict_new(&dict, ref, PLAIN, 12), VV_OK);
	CHECK_INT(vv_compressor_run_cdict(comp, stored, sizeof stored, &len, plain,
					  PLAIN, dict),
		  VV_OK);
	CHECK(len < 200);
	CHECK_INT(decompress(len, PLAIN, ref, PLAIN), VV_OK);
	CHECK(memcmp(ref, back, PLAIN) == 0);
	vv_cdict_free(dict);
}

static void check_digested(const struct vv_cdict *dict, size_t ref_len, size_t skip)
{
	size_t len, plain_len = ref_len - skip;

	memcpy(plain, ref + skip, plain_len);
	CHECK_INT(vv_compressor_run_cdict(comp, stored, sizeof stored, &len, plain,
					  plain_len, dict),
		  VV_OK);
	CHECK(len < 200);
	CHECK_INT(decompress(len, plain_len, ref, ref_len), VV_OK);
	CHECK(memcmp(plain, back, plain_len) == 0);
}

static void a_digested_reference_serves_many_frames(void)
{
	static const size_t ref_sizes[] = { 8192, PLAIN, BIG };

	fill_noise(ref, BIG, 6);
	for (size_t i = 0; i < sizeof ref_sizes / sizeof ref_sizes[0]; i++) {
		for (int level = 1; level <= 22; level += 3) {
			struct vv_cdict *dict;

			CHECK_INT(vv_cdict_new(&dict, ref, ref_sizes[i], level), VV_OK);
			CHECK(vv_cdict_size_bytes(dict) > 0);
			check_digested(dict, ref_sizes[i], 0);
			check_digested(dict, ref_sizes[i], 1000);
			check_digested(dict, ref_sizes[i], ref_sizes[i] - 4096);
			vv_cdict_free(dict);
		}
	}
	memcpy(plain, ref, PLAIN);
	CHECK(compress(plain, PLAIN, NULL, 0) > PLAIN); /* forgotten */
}

static void every_level_keeps_to_the_window(void)
{
	static uint8_t huge[3 * BIG], huge_back[3 * BIG];
	size_t len;

	fill_text(huge, sizeof huge, 8);
	for (int level = VV_COMPRESS_LEVEL_MIN; level <= VV_COMPRESS_LEVEL_MAX;
	     level++) {
		struct vv_compressor *c;

		CHECK_INT(vv_compressor_new(&c, level), VV_OK);
		CHECK_INT(vv_compressor_run(c, stored, sizeof stored, &len, huge,
					    sizeof huge, NULL, 0),
			  VV_OK);
		CHECK_INT(vv_decompressor_run(decomp, huge_back, sizeof huge, stored,
					      len, NULL, 0),
			  VV_OK);
		CHECK(memcmp(huge, huge_back, sizeof huge) == 0);
		CHECK(vv_compressor_size_bytes(c) > 0);
		vv_compressor_free(c);
	}
}

static void a_frame_that_does_not_fit_is_nospc_and_harms_nothing(void)
{
	size_t len = 99;

	fill_noise(plain, PLAIN, 7);
	CHECK_INT(vv_compressor_run(comp, stored, PLAIN - 1, &len, plain, PLAIN, plain,
				    0),
		  VV_ENOSPC);
	CHECK_INT(len, 0);
	len = compress(plain, PLAIN, NULL, 0);
	CHECK_INT(decompress(len, PLAIN, NULL, 0), VV_OK);
}

static void a_frame_of_another_size_is_corrupt(void)
{
	size_t len;

	fill_text(plain, PLAIN, 9);
	len = compress(plain, PLAIN, NULL, 0);
	CHECK_INT(decompress(len, PLAIN - 1, NULL, 0), VV_ECORRUPT);
	CHECK_INT(decompress(len, PLAIN + 1, NULL, 0), VV_ECORRUPT);
	CHECK_INT(decompress(len, 0, NULL, 0), VV_ECORRUPT);
	CHECK_INT(decompress(len, PLAIN, NULL, 0), VV_OK);
}

static void a_cut_or_longer_frame_is_corrupt(void)
{
	size_t len;

	fill_text(plain, 4096, 10);
	len = compress(plain, 4096, NULL, 0);
	for (size_t cut = 0; cut < len; cut++)
		CHECK_INT(decompress(cut, 4096, NULL, 0), VV_ECORRUPT);
	stored[len] = 0;
	CHECK_INT(decompress(len + 1, 4096, NULL, 0), VV_ECORRUPT);
}

static void only_one_plain_frame_is_taken(void)
{
	static const uint8_t empty_frame[] = {
		0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0
	};
	static const uint8_t skippable[] = { 0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0 };
	/* Window of 1 MiB; content size unknown; one empty last block. */
	static const uint8_t wide[] = { 0x28, 0xb5, 0x2f, 0xfd, 0, 0x50, 1, 0, 0 };
	static const uint8_t narrow[] = { 0x28, 0xb5, 0x2f, 0xfd, 0, 0x48, 1, 0, 0 };
	static const uint8_t named[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x21, 7, 0, 1, 0, 0 };

	memcpy(stored, empty_frame, sizeof empty_frame);
	memcpy(stored + sizeof empty_frame, empty_frame, sizeof empty_frame);
	CHECK_INT(decompress(sizeof empty_frame, 0, NULL, 0), VV_OK);
	CHECK_INT(decompress(2 * sizeof empty_frame, 0, NULL, 0), VV_ECORRUPT);
	memcpy(stored, skippable, sizeof skippable);
	CHECK_INT(decompress(sizeof skippable, 0, NULL, 0), VV_ECORRUPT);
	memcpy(stored, wide, sizeof wide);
	CHECK_INT(decompress(sizeof wide, 0, NULL, 0), VV_ECORRUPT);
	memcpy(stored, narrow, sizeof narrow);
	CHECK_INT(decompress(sizeof narrow, 0, NULL, 0), VV_OK);
	memcpy(stored, named, sizeof named);
	CHECK_INT(decompress(sizeof named, 0, NULL, 0), VV_ECORRUPT);
}

/* Not every flipped bit can be noticed here; the checksum above us does that. */
static void damage_never_writes_outside(void)
{
	uint32_t seed = 11;
	size_t len;

	fill_text(plain, PLAIN, 12);
	fill_text(ref, PLAIN, 12);
	len = compress(plain, PLAIN, ref, 1000);
	for (int i = 0; i < 2000; i++) {
		size_t at = next_random(&seed) % len;
		uint8_t was = stored[at];

		stored[at] ^= (uint8_t)(1u << next_random(&seed) % 8);
		decompress(len, PLAIN, ref, 1000);
		stored[at] = was;
	}
	CHECK_INT(decompress(len, PLAIN, ref, 1000), VV_OK);
}

static void unknown_levels_are_refused(void)
{
	struct vv_compressor *c;
	struct vv_cdict *dict;

	CHECK_INT(vv_compressor_new(&c, 0), VV_EINVAL);
	CHECK(!c);
	CHECK_INT(vv_compressor_new(&c, 23), VV_EINVAL);
	CHECK_INT(vv_cdict_new(&dict, "x", 1, 0), VV_EINVAL);
	CHECK(!dict);
	CHECK(vv_compress_bound(SIZE_MAX) == SIZE_MAX);
	vv_compressor_free(NULL);
	vv_decompressor_free(NULL);
	vv_cdict_free(NULL);
}

int main(void)
{
	CHECK_INT(vv_compressor_new(&comp, VV_COMPRESS_LEVEL_DEFAULT), VV_OK);
	CHECK_INT(vv_decompressor_new(&decomp), VV_OK);
	CHECK(vv_decompressor_size_bytes() < 200 * 1024);
	RUN(what_goes_in_comes_out);
	RUN(a_reference_makes_the_frame_small_and_is_needed_again);
	RUN(a_reference_is_used_for_one_frame_only);
	RUN(a_reference_that_looks_like_a_dictionary_is_plain_bytes);
	RUN(a_digested_reference_serves_many_frames);
	RUN(every_level_keeps_to_the_window);
	RUN(a_frame_that_does_not_fit_is_nospc_and_harms_nothing);
	RUN(a_frame_of_another_size_is_corrupt);
	RUN(a_cut_or_longer_frame_is_corrupt);
	RUN(only_one_plain_frame_is_taken);
	RUN(damage_never_writes_outside);
	RUN(unknown_levels_are_refused);
	vv_compressor_free(comp);
	vv_decompressor_free(decomp);
	return test_report();
}
