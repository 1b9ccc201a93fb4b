#include "format/record.h"

#include "codec/hash.h"
#include "core/err.h"
#include "test.h"

#include <inttypes.h>

static struct vv_record rec;

/* @body and the sum that belongs to it. */
static int parse(const char *body)
{
	static char text[8192];
	int len = snprintf(text, sizeof text, "%ssum %016" PRIx64 "\n", body,
			   vv_checksum64(body, strlen(body)));

	CHECK(len > 0 && (size_t)len < sizeof text);
	return vv_record_parse(&rec, "ref", text, (size_t)len);
}

static void what_is_written_is_read_back(void)
{
	struct vv_id id = { { 1, 2, 3 } }, got;
	struct vv_buf out;
	int64_t number;
	char text[100];

	vv_buf_init(&out, 1 << 20);
	CHECK_INT(vv_record_begin(&out, "ref"), VV_OK);
	CHECK_INT(vv_record_add_text(&out, "name", "gcc/12.2 and a space"), VV_OK);
	CHECK_INT(vv_record_add_text(&out, "empty", ""), VV_OK);
	CHECK_INT(vv_record_add_id(&out, "tree", &id), VV_OK);
	CHECK_INT(vv_record_add_number(&out, "least", INT64_MIN), VV_OK);
	CHECK_INT(vv_record_add_number(&out, "most", INT64_MAX), VV_OK);
	CHECK_INT(vv_record_end(&out), VV_OK);
	CHECK_INT(vv_record_parse(&rec, "ref", (char *)out.bytes, out.len), VV_OK);
	CHECK_INT(vv_record_text(&rec, "name", text, sizeof text), VV_OK);
	CHECK_STR(text, "gcc/12.2 and a space");
	CHECK_INT(vv_record_text(&rec, "empty", text, sizeof text), VV_OK);
	CHECK_STR(text, "");
	CHECK_INT(vv_record_id(&rec, "tree", &got), VV_OK);
	CHECK(vv_id_equal(&got, &id));
	CHECK_INT(vv_record_number(&rec, "least", &number), VV_OK);
	CHECK(number == INT64_MIN);
	CHECK_INT(vv_record_number(&rec, "most", &number), VV_OK);
	CHECK(number == INT64_MAX);
	vv_buf_fini(&out);
}

static void the_text_is_the_one_of_the_specification(void)
{
	static const char body[] = "varve store 1\ncreated 5\n";
	char expected[100];
	struct vv_buf out;

	snprintf(expected, sizeof expected, "%ssum %016" PRIx64 "\n", body,
		 vv_checksum64(body, strlen(body)));
	vv_buf_init(&out, 1 << 20);
	CHECK_INT(vv_record_begin(&out, "store"), VV_OK);
	CHECK_INT(vv_record_add_number(&out, "created", 5), VV_OK);
	CHECK_INT(vv_record_end(&out), VV_OK);
	CHECK(out.len == strlen(expected) && !memcmp(out.bytes, expected, out.len));
	vv_buf_fini(&out);
}

static void lines_with_one_key_come_in_their_order(void)
{
	const char *key, *value;
	size_t pos = 0, key_len, len;

	CHECK_INT(parse("varve ref 1\npack a\ntree x\npack b\n"), VV_OK);
	CHECK_INT(vv_record_next(&rec, "pack", &pos, &key, &key_len, &value, &len), 1);
	CHECK(len == 1 && *value == 'a' && key_len == 4 && !memcmp(key, "pack", 4));
	CHECK_INT(vv_record_next(&rec, "pack", &pos, NULL, NULL, &value, &len), 1);
	CHECK(len == 1 && *value == 'b');
	CHECK_INT(vv_record_next(&rec, "pack", &pos, NULL, NULL, &value, &len), 0);
	CHECK_INT(vv_record_next(&rec, "pack", &pos, NULL, NULL, &value, &len), 0);
	pos = 0;
	for (int i = 0; i < 3; i++)
		CHECK_INT(vv_record_next(&rec, NULL, &pos, NULL, NULL, &value, &len),
			  1);
	CHECK_INT(vv_record_next(&rec, NULL, &pos, NULL, NULL, &value, &len), 0);
}

static void a_missing_or_wrong_value_is_corrupt(void)
{
	static const char *const wrong[] = { "",    "-",   "+1",
					     "01",  "-0",  "1 ",
					     " 1",  "1x",  "9223372036854775808",
					     "0x1", "1e3", "-9223372036854775809" };
	char body[200], text[4];
	struct vv_id id;
	int64_t number = 9;

	CHECK_INT(parse("varve ref 1\nname abcd\n"), VV_OK);
	CHECK_INT(vv_record_text(&rec, "tree", text, sizeof text), VV_ECORRUPT);
	CHECK_INT(vv_record_text(&rec, "name", text, sizeof text), VV_ECORRUPT);
	CHECK_STR(text, "");
	CHECK_INT(vv_record_id(&rec, "name", &id), VV_ECORRUPT);
	CHECK_INT(vv_record_id(&rec, "tree", &id), VV_ECORRUPT);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		snprintf(body, sizeof body, "varve ref 1\nn %s\n", wrong[i]);
		CHECK_INT(parse(body), VV_OK);
		CHECK_INT(vv_record_number(&rec, "n", &number), VV_ECORRUPT);
		CHECK_INT(number, 0);
	}
}

static void bad_lines_are_refused(void)
{
	static const char *const bad[] = {
		"varve ref 1\nnospace\n",
		"varve ref 1\n\n",
		"varve ref 1\n x\n",
		"varve ref 1\nUpper x\n",
		"varve ref 1\nno_underscore x\n",
		"varve ref 1\nabcdefghijklmnopqrstuvwxyz0123456 33-bytes-of-key\n",
		"varve ref 1\nname x",
		"varve ref 0\n",
		"varve ref 01\n",
		"varve ref 1x\n",
		"varve ref \n",
		"varve ref\n",
		"varve  1\n",
		"Varve ref 1\n",
		"varv ref 1\n",
		"\n",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_INT(parse(bad[i]), VV_ECORRUPT);
	CHECK_INT(parse("varve ref 1\nabcdefghijklmnopqrstuvwxyz-12345 32\n"), VV_OK);
}

static void values_have_their_limit(void)
{
	char body[6000], value[VV_RECORD_VALUE_MAX + 2];
	struct vv_buf out;

	memset(value, 'v', sizeof value);
	value[VV_RECORD_VALUE_MAX] = '\0';
	snprintf(body, sizeof body, "varve ref 1\nk %s\n", value);
	CHECK_INT(parse(body), VV_OK);
	snprintf(body, sizeof body, "varve ref 1\nk %sx\n", value);
	CHECK_INT(parse(body), VV_ECORRUPT);
	vv_buf_init(&out, 1 << 20);
	CHECK_INT(vv_record_begin(&out, "ref"), VV_OK);
	CHECK_INT(vv_record_add_text(&out, "k", value), VV_OK);
	value[VV_RECORD_VALUE_MAX] = 'x';
	value[VV_RECORD_VALUE_MAX + 1] = '\0';
	CHECK_INT(vv_record_add_text(&out, "k", value), VV_EINVAL);
	CHECK_INT(vv_record_add_text(&out, "K", "x"), VV_EINVAL);
	CHECK_INT(vv_record_add_text(&out, "", "x"), VV_EINVAL);
	CHECK_INT(vv_record_add_text(&out, "k", "two\nlines"), VV_EINVAL);
	CHECK_INT(vv_record_begin(&out, "ref"), VV_EINVAL);
	vv_buf_fini(&out);
}

static void a_record_has_its_limit(void)
{
	char value[VV_RECORD_VALUE_MAX + 1];
	struct vv_buf out;
	int err = VV_OK;

	memset(value, 'v', sizeof value);
	value[VV_RECORD_VALUE_MAX] = '\0';
	vv_buf_init(&out, SIZE_MAX);
	CHECK_INT(vv_record_begin(&out, "ref"), VV_OK);
	while (!err)
		err = vv_record_add_text(&out, "k", value);
	CHECK_INT(err, VV_EFBIG);
	CHECK_INT(vv_record_end(&out), VV_OK);
	CHECK(out.len <= VV_RECORD_MAX);
	CHECK_INT(vv_record_parse(&rec, "ref", (char *)out.bytes, out.len), VV_OK);
	CHECK_INT(vv_buf_append_zeros(&out, VV_RECORD_MAX), VV_OK);
	CHECK_INT(vv_record_parse(&rec, "ref", (char *)out.bytes, out.len),
		  VV_ECORRUPT);
	vv_buf_fini(&out);
}

static void newer_records_are_told_from_damaged_ones(void)
{
	CHECK_INT(parse("varve ref 2\n"), VV_ENEWER);
	CHECK_INT(parse("varve ref 10\nname x\n"), VV_ENEWER);
	CHECK_INT(parse("varve ref 1\nneeds-colour blue\n"), VV_ENEWER);
	CHECK_INT(parse("varve ref 1\ncolour blue\n"), VV_OK);
	CHECK_INT(parse("varve lease 1\n"), VV_EINVAL);
	CHECK_INT(parse("varve refs 1\n"), VV_EINVAL);
	CHECK_INT(parse("varve re 1\n"), VV_EINVAL);
}

static void every_flipped_bit_and_every_cut_is_noticed(void)
{
	struct vv_buf out;

	vv_buf_init(&out, 1 << 20);
	CHECK_INT(vv_record_begin(&out, "ref"), VV_OK);
	CHECK_INT(vv_record_add_text(&out, "name", "gcc"), VV_OK);
	CHECK_INT(vv_record_end(&out), VV_OK);
	for (size_t i = 0; i < out.len * 8; i++) {
		out.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		CHECK_INT(vv_record_parse(&rec, "ref", (char *)out.bytes, out.len),
			  VV_ECORRUPT);
		out.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t len = 0; len < out.len; len++)
		CHECK_INT(vv_record_parse(&rec, "ref", (char *)out.bytes, len),
			  VV_ECORRUPT);
	CHECK_INT(vv_record_parse(&rec, "ref", (char *)out.bytes, out.len), VV_OK);
	vv_buf_fini(&out);
}

int main(void)
{
	RUN(what_is_written_is_read_back);
	RUN(the_text_is_the_one_of_the_specification);
	RUN(lines_with_one_key_come_in_their_order);
	RUN(a_missing_or_wrong_value_is_corrupt);
	RUN(bad_lines_are_refused);
	RUN(values_have_their_limit);
	RUN(a_record_has_its_limit);
	RUN(newer_records_are_told_from_damaged_ones);
	RUN(every_flipped_bit_and_every_cut_is_noticed);
	return test_report();
}
