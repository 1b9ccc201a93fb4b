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

int main(void)
{
	RUN(every_length_is_decoded_at_its_borders);
	RUN(only_the_shortest_spelling_is_well_formed);
	RUN(what_is_cut_short_or_stray_is_not_decoded);
	RUN(surrogates_are_decoded_but_are_not_utf8);
	return test_report();
}
