#include "core/fold.h"

#include "test.h"

static int cmp(const char *a, const char *b)
{
	int ab = vv_fold_cmp(a, strlen(a), b, strlen(b));
	int ba = vv_fold_cmp(b, strlen(b), a, strlen(a));

	CHECK_INT(ab, -ba);
	if (ab == 0)
		CHECK(vv_fold_hash(a, strlen(a)) == vv_fold_hash(b, strlen(b)));
	else
		CHECK(vv_fold_hash(a, strlen(a)) != vv_fold_hash(b, strlen(b)));
	return ab;
}

static void case_is_not_seen(void)
{
	CHECK_INT(cmp("Windows.H", "wINDOWS.h"), 0);
	CHECK_INT(cmp("", ""), 0);
	CHECK_INT(cmp("Gr\xc3\xbcn", "GR\xc3\x9cN"), 0);   /* u umlaut */
	CHECK_INT(cmp("\xd0\xb6", "\xd0\x96"), 0);	   /* Cyrillic zhe */
	CHECK_INT(cmp("\xc3\xbf", "\xc5\xb8"), 0);	   /* y diaeresis */
	CHECK_INT(cmp("\xef\xbd\x81", "\xef\xbc\xa1"), 0); /* full-width a */
	CHECK_INT(cmp("\xe1\xbe\x80", "\xe1\xbe\x88"), 0); /* title case */
}

static void the_order_is_that_of_the_upper_case_units(void)
{
	CHECK(cmp("a", "B") < 0);
	CHECK(cmp("_", "a") > 0); /* because A comes before _ */
	CHECK(cmp("ab", "ABC") < 0);
	CHECK(cmp("", "a") < 0);
	CHECK(cmp("\xef\xbf\xbd", "\xf0\x9f\x98\x80") > 0); /* U+FFFD after d83d */
}

static void some_characters_keep_their_case_as_on_windows(void)
{
	CHECK(cmp("\xc4\xb1", "I") != 0);			 /* dotless i */
	CHECK(cmp("\xc5\xbf", "S") != 0);			 /* long s */
	CHECK(cmp("\xc3\x9f", "SS") != 0);			 /* sharp s */
	CHECK(cmp("\xcf\x82", "\xce\xa3") != 0);		 /* final sigma */
	CHECK(cmp("\xe2\x84\xaa", "k") != 0);			 /* Kelvin sign */
	CHECK(cmp("\xf0\x90\x90\xa8", "\xf0\x90\x90\x80") != 0); /* beyond the BMP */
	CHECK(cmp("e\xcc\x81", "\xc3\xa9") != 0);		 /* no normalisation */
}

static void bytes_that_are_not_utf8_have_a_place(void)
{
	CHECK_INT(cmp("a\xff", "A\xff"), 0);
	CHECK(cmp("\xfe", "\xff") < 0);
	CHECK(cmp("\xff", "\xed\x9f\xbf") > 0); /* above U+D7FF */
	CHECK(cmp("\xff", "\xee\x80\x80") < 0); /* below U+E000 */
	/* A cut sequence is its bytes one by one: 0xdcc3, then x. */
	CHECK_INT(cmp("\xc3x", "\xc3X"), 0);
	CHECK(cmp("\xc3", "\xc3\xa9") > 0);
}

static void surrogates_are_units_like_others(void)
{
	/* A pair, and the character that it stands for, have the same units. */
	CHECK_INT(cmp("\xed\xa0\xbd\xed\xb8\x80", "\xf0\x9f\x98\x80"), 0);
	CHECK(cmp("\xed\xa0\xbd", "\xf0\x9f\x98\x80") < 0);
	/* A stray byte and the surrogate chosen for it; ties are for the caller. */
	CHECK_INT(cmp("\xff", "\xed\xb3\xbf"), 0);
}

static void the_table_is_a_projection(void)
{
	unsigned changed = 0;

	for (unsigned unit = 0; unit <= 0xffff; unit++) {
		uint16_t up = vv_upcase((uint16_t)unit);

		CHECK_INT(vv_upcase(up), up);
		CHECK((up < 0x80) == (unit < 0x80));
		if (unit >= 0xd800 && unit <= 0xdfff)
			CHECK_INT(up, unit);
		changed += up != unit;
	}
	CHECK_INT(changed, 973);
}

int main(void)
{
	RUN(case_is_not_seen);
	RUN(the_order_is_that_of_the_upper_case_units);
	RUN(some_characters_keep_their_case_as_on_windows);
	RUN(bytes_that_are_not_utf8_have_a_place);
	RUN(surrogates_are_units_like_others);
	RUN(the_table_is_a_projection);
	return test_report();
}
