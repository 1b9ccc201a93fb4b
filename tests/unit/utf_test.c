#include "core/utf.h"

#include "test.h"

static uint32_t code;

static size_t decode(const char *s)
{
	return vv_utf_decode(s, strlen(s), &code);
}

static void every_length_is_decoded_at_its_borders(void)
{
	CHECK(decode("\x7f") == 1 && code == 0x7f);
	CHECK(decode("\xc2\x80") == 2 && code == 0x80);
	CHECK(decode("\xdf\xbf") == 2 && code == 0x7ff);
	CHECK(decode("\xe0\xa0\x80") == 3 && code == 0x800);
	CHECK(decode("\xef\xbf\xbf") == 3 && code == 0xffff);
	CHECK(decode("\xf0\x90\x80\x80") == 4 && code == 0x10000);
	CHECK(decode("\xf4\x8f\xbf\xbf") == 4 && code == 0x10ffff);
	CHECK(vv_utf_decode("", 1, &code) == 1 && code == 0);
}

static void only_the_shortest_spelling_is_well_formed(void)
{
	CHECK_INT(decode("\xc0\x80"), 0);
	CHECK_INT(decode("\xc1\xbf"), 0);
	CHECK_INT(decode("\xe0\x9f\xbf"), 0);
	CHECK_INT(decode("\xf0\x8f\xbf\xbf"), 0);
	CHECK_INT(decode("\xf4\x90\x80\x80"), 0);
	CHECK_INT(decode("\xf5\x80\x80\x80"), 0);
	CHECK_INT(code, 0);
}

static void what_is_cut_short_or_stray_is_not_decoded(void)
{
	CHECK_INT(decode(""), 0);
	CHECK_INT(decode("\x80"), 0);
	CHECK_INT(decode("\xff"), 0);
	CHECK_INT(decode("\xc3"), 0);
	CHECK_INT(decode("\xc3x"), 0);
	CHECK_INT(decode("\xe2\x82"), 0);
	CHECK_INT(decode("\xe2\x82x"), 0);
	CHECK_INT(decode("\xf0\x9f\x98"), 0);
	CHECK_INT(vv_utf_decode("\xc3\xa9", 1, &code), 0);
}

static void surrogates_are_decoded_but_are_not_utf8(void)
{
	CHECK(decode("\xed\xa0\x80") == 3 && code == 0xd800);
	CHECK(decode("\xed\xbf\xbf") == 3 && code == 0xdfff);
	CHECK(vv_utf_is_surrogate(0xd800) && vv_utf_is_surrogate(0xdfff));
	CHECK(!vv_utf_is_surrogate(0xd7ff) && !vv_utf_is_surrogate(0xe000));
	CHECK(!vv_utf_is_valid("a\xed\xa0\x80", 4));
	CHECK(!vv_utf_is_valid("a\xff", 2));
	CHECK(vv_utf_is_valid("a\xc3\xa9\xf0\x9f\x98\x80", 7));
	CHECK(vv_utf_is_valid("", 0));
}

static bool comes_back(const uint16_t *units, size_t count)
{
	uint16_t again[8];
	char bytes[32];
	size_t len = vv_utf16_to_utf8(bytes, sizeof bytes, units, count);

	return len <= sizeof bytes &&
	       vv_utf16_from_utf8(again, 8, bytes, len) == count &&
	       memcmp(again, units, count * sizeof *units) == 0;
}

static void every_unit_comes_back_from_wtf8_alone_and_in_pairs(void)
{
	static const uint16_t odd[] = { 0,	0x41,	0x7f,	0x80,	0x7ff,
					0x800,	0xd7ff, 0xd800, 0xdbff, 0xdc00,
					0xdfff, 0xe000, 0xfffe, 0xffff };
	size_t count = sizeof odd / sizeof odd[0];

	for (uint32_t unit = 0; unit <= 0xffff; unit++)
		CHECK(comes_back(&(uint16_t){ (uint16_t)unit }, 1));
	for (size_t i = 0; i < count * count * count; i++) {
		uint16_t three[] = { odd[i % count], odd[i / count % count],
				     odd[i / count / count] };

		CHECK(comes_back(three, 3));
	}
}

static void a_pair_is_four_bytes_and_a_lone_surrogate_three(void)
{
	char out[8];

	CHECK_INT(vv_utf16_to_utf8(out, 8, (uint16_t[]){ 0xd83d, 0xde00 }, 2), 4);
	CHECK(memcmp(out, "\xf0\x9f\x98\x80", 4) == 0);
	CHECK_INT(vv_utf16_to_utf8(out, 8, (uint16_t[]){ 0xde00, 0xd83d }, 2), 6);
	CHECK(memcmp(out, "\xed\xb8\x80\xed\xa0\xbd", 6) == 0);
}

static size_t units_of(const char *s)
{
	return vv_utf16_from_utf8(NULL, 0, s, strlen(s));
}

static void what_is_not_wtf8_has_no_units(void)
{
	CHECK(units_of("a\xff") == SIZE_MAX);
	CHECK(units_of("\xc3") == SIZE_MAX);
	CHECK(units_of("\xed\xa0\xbd\xed\xb8\x80") == SIZE_MAX); /* a second spelling */
	CHECK_INT(units_of("\xed\xb8\x80\xed\xa0\xbd"), 2);
	CHECK_INT(units_of("\xed\xa0\xbd\xf0\x9f\x98\x80"), 3);
	CHECK_INT(units_of(""), 0);
}

static void conversion_stays_within_its_room_and_tells_what_it_needs(void)
{
	uint16_t units[3] = { 0, 0, 0x55aa };
	char bytes[4] = "...";

	CHECK_INT(vv_utf16_from_utf8(units, 2, "abc", 3), 3);
	CHECK_INT(units[2], 0x55aa);
	CHECK_INT(vv_utf16_to_utf8(bytes, 2, (uint16_t[]){ 0x20ac }, 1), 3);
	CHECK(bytes[2] == '.');
}

int main(void)
{
	RUN(every_length_is_decoded_at_its_borders);
	RUN(only_the_shortest_spelling_is_well_formed);
	RUN(what_is_cut_short_or_stray_is_not_decoded);
	RUN(surrogates_are_decoded_but_are_not_utf8);
	RUN(every_unit_comes_back_from_wtf8_alone_and_in_pairs);
	RUN(a_pair_is_four_bytes_and_a_lone_surrogate_three);
	RUN(what_is_not_wtf8_has_no_units);
	RUN(conversion_stays_within_its_room_and_tells_what_it_needs);
	return test_report();
}
