#include "codec/hash.h"

#include "core/err.h"
#include "test.h"

static void check_id(const void *bytes, size_t len, const char *want)
{
	char hex[VV_ID_HEX_BYTES];
	struct vv_id id;

	vv_hash_id(&id, bytes, len);
	CHECK_STR(vv_id_to_hex(&id, hex), want);
}

/* Computed with Python's hashlib.blake2b(digest_size=32), another implementation. */
static void ids_are_blake2b_with_32_bytes_and_no_key(void)
{
	check_id(NULL, 0,
		 "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
	check_id("abc", 3,
		 "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

static void a_stream_has_the_id_of_the_whole(void)
{
	static uint8_t bytes[10000];
	struct vv_hasher h, fork;
	struct vv_id whole, streamed;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	vv_hash_id(&whole, bytes, sizeof bytes);
	vv_hasher_init(&h);
	vv_hasher_add(&h, NULL, 0);
	for (size_t at = 0; at < sizeof bytes; at += 625)
		vv_hasher_add(&h, bytes + at, 625);
	fork = h;
	vv_hasher_done(&h, &streamed);
	CHECK(vv_id_equal(&whole, &streamed));
	vv_hasher_add(&fork, "x", 1);
	vv_hasher_done(&fork, &streamed);
	CHECK(!vv_id_equal(&whole, &streamed));
}

/* The values of the specification of XXH3 with seed 0. */
static void checksums_are_xxh3_64(void)
{
	CHECK(vv_checksum64(NULL, 0) == 0x2d06800538d394c2u);
	CHECK(vv_checksum64("abc", 3) == 0x78af5f94892f3950u);
	CHECK(vv_checksum64("abd", 3) != vv_checksum64("abc", 3));
}

int main(void)
{
	RUN(ids_are_blake2b_with_32_bytes_and_no_key);
	RUN(a_stream_has_the_id_of_the_whole);
	RUN(checksums_are_xxh3_64);
	return test_report();
}
