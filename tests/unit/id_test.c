#include "core/id.h"

#include "core/err.h"
#include "test.h"

static struct vv_id counting(void)
{
	struct vv_id id;

	for (size_t i = 0; i < sizeof id.bytes; i++)
		id.bytes[i] = (uint8_t)(i * 9);
	return id;
}

static void hex_goes_out_and_comes_back(void)
{
	struct vv_id id = counting(), back;
	char hex[VV_ID_HEX_BYTES];

	CHECK(vv_id_to_hex(&id, hex) == hex);
	CHECK_INT(strlen(hex), 64);
	CHECK(strncmp(hex, "0009121b", 8) == 0);
	CHECK_INT(vv_id_from_hex(&back, hex, 64), VV_OK);
	CHECK(vv_id_equal(&id, &back));
}

static void only_the_one_spelling_is_read(void)
{
	struct vv_id id = counting(), out = id;
	char hex[VV_ID_HEX_BYTES];

	vv_id_to_hex(&id, hex);
	CHECK_INT(vv_id_from_hex(&out, hex, 63), VV_EINVAL);
	CHECK(vv_id_is_zero(&out));
	CHECK_INT(vv_id_from_hex(&out, hex, 65), VV_EINVAL);
	CHECK_INT(vv_id_from_hex(&out, hex, 0), VV_EINVAL);
	out = id;
	hex[7] = 'B';
	CHECK_INT(vv_id_from_hex(&out, hex, 64), VV_EINVAL);
	CHECK(vv_id_is_zero(&out));
	hex[7] = 'g';
	CHECK_INT(vv_id_from_hex(&out, hex, 64), VV_EINVAL);
	hex[7] = '/';
	CHECK_INT(vv_id_from_hex(&out, hex, 64), VV_EINVAL);
}

static void ids_are_ordered_by_their_bytes(void)
{
	struct vv_id a = { { 0 } }, b = { { 0 } };

	CHECK(vv_id_is_zero(&a));
	CHECK_INT(vv_id_cmp(&a, &b), 0);
	b.bytes[31] = 1;
	CHECK(!vv_id_is_zero(&b) && vv_id_cmp(&a, &b) < 0);
	a.bytes[0] = 0x80;
	CHECK(vv_id_cmp(&a, &b) > 0 && !vv_id_equal(&a, &b));
}

int main(void)
{
	RUN(hex_goes_out_and_comes_back);
	RUN(only_the_one_spelling_is_read);
	RUN(ids_are_ordered_by_their_bytes);
	return test_report();
}
