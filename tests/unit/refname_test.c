#include "core/refname.h"

#include "core/err.h"
#include "test.h"

#include <stdbool.h>

static void check_key(const char *name, const char *want)
{
	char key[VV_REFNAME_BUF_BYTES], back[VV_REFNAME_BUF_BYTES];

	CHECK_INT(vv_refname_check(name, NULL), VV_OK);
	CHECK_INT(vv_refname_encode(key, name), VV_OK);
	CHECK_STR(key, want);
	CHECK_INT(vv_refname_decode(back, key), VV_OK);
	CHECK_STR(back, name);
}

static void check_no_name(const char *name)
{
	char key[VV_REFNAME_BUF_BYTES];
	const char *why = NULL;

	CHECK_INT(vv_refname_check(name, &why), VV_EINVAL);
	CHECK(why && strlen(why) > 5);
	CHECK_INT(vv_refname_encode(key, name), VV_EINVAL);
	CHECK_STR(key, "");
}

static void check_no_key(const char *key)
{
	char name[VV_REFNAME_BUF_BYTES];

	CHECK_INT(vv_refname_decode(name, key), VV_EINVAL);
	CHECK_STR(name, "");
}

/* @count times @c, then @end. */
static char *repeat(char *out, char c, size_t count, const char *end)
{
	memset(out, c, count);
	strcpy(out + count, end);
	return out;
}

static void plain_names_are_their_own_keys(void)
{
	check_key("gcc/12.2.0", "gcc/12.2.0");
	check_key("a", "a");
	check_key("x86_64-linux-gnu/g++/1.", "x86_64-linux-gnu/g++/1.");
	check_key("0/0/0", "0/0/0");
}

static void every_other_byte_is_escaped(void)
{
	check_key("GCC", "%47%43%43");
	check_key("a b%c", "a%20b%25c");
	check_key("\xc3\xa9\xff\x7f", "%C3%A9%FF%7F");
	check_key("a\\b*?\"<>|", "a%5Cb%2A%3F%22%3C%3E%7C");
}

static void a_leading_dot_is_escaped(void)
{
	check_key(".a/.b", "%2Ea/%2Eb");
	check_key("...", "%2E..");
	check_key("a.", "a.");
}

static void what_is_not_a_name_is_refused_with_a_reason(void)
{
	char text[300];

	check_no_name("");
	check_no_name("/");
	check_no_name("/a");
	check_no_name("a/");
	check_no_name("a//b");
	check_no_name(".");
	check_no_name("a/../b");
	check_no_name("a@b");
	check_no_name("a:b");
	check_no_name("a\nb");
	check_no_name("a\x1f");
	check_no_name(repeat(text, 'a', 256, ""));
}

static void long_parts_are_cut_into_pieces(void)
{
	char name[300], key[300];

	check_key(repeat(name, 'a', 200, ""), repeat(key, 'a', 200, ""));
	check_key(repeat(name, 'a', 201, ""), repeat(key, 'a', 200, "%/a"));
	check_key(repeat(name, 'a', 201, "/b"), repeat(key, 'a', 200, "%/a/b"));
	check_key(repeat(name, 'a', 255, ""),
		  repeat(key, 'a', 200,
			 "%/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void a_piece_is_never_cut_inside_an_escape(void)
{
	char name[300], key[300];

	check_key(repeat(name, 'a', 197, "B"), repeat(key, 'a', 197, "%42"));
	check_key(repeat(name, 'a', 198, "B"), repeat(key, 'a', 198, "%/%42"));
	check_key(repeat(name, 'a', 199, "Bc"), repeat(key, 'a', 199, "%/%42c"));
	check_key(repeat(name, 'a', 197, "Bc"), repeat(key, 'a', 197, "%42%/c"));
}

static void a_piece_never_begins_with_a_dot(void)
{
	char name[300], key[300];

	check_key(repeat(name, 'a', 199, ".b"), repeat(key, 'a', 199, ".%/b"));
	check_key(repeat(name, 'a', 200, ".b"), repeat(key, 'a', 200, "%/%2Eb"));
	check_key(repeat(name, 'a', 200, "..b"), repeat(key, 'a', 200, "%/%2E.b"));
}

static void a_key_has_at_most_1000_bytes(void)
{
	char name[1200], key[VV_REFNAME_BUF_BYTES];
	const char *why;

	for (size_t i = 0; i < 1000; i++)
		name[i] = i % 101 == 100 ? '/' : 'a';
	strcpy(name + 1000, "");
	check_key(name, name);
	strcpy(name + 1000, "a");
	check_no_name(name);
	/* 250 bytes that become 754. */
	check_key(repeat(name, '~', 2, ""), "%7E%7E");
	CHECK_INT(vv_refname_encode(key, repeat(name, '~', 250, "")), VV_OK);
	CHECK_INT(strlen(key), 750 + 2 * 3);
	repeat(name, '~', 250, "/");
	repeat(name + 251, '~', 90, "");
	CHECK_INT(vv_refname_check(name, &why), VV_EINVAL);
	CHECK_STR(why, "it is too long");
}

static void other_spellings_of_a_key_are_refused(void)
{
	char key[1300];

	check_no_key("");
	check_no_key("A");
	check_no_key("%4a"); /* lower case */
	check_no_key("%61"); /* needless */
	check_no_key("%");
	check_no_key("%4");
	check_no_key("%/");
	check_no_key("a%/");
	check_no_key("a%/b"); /* cut too early */
	check_no_key("a%");
	check_no_key("%00");
	check_no_key("%2F");
	check_no_key("%40");
	check_no_key(".a");
	check_no_key("%2E");
	check_no_key("a/");
	check_no_key("/a");
	check_no_key("a//b");
	check_no_key("a/%2E%2E");
	check_no_key(repeat(key, 'a', 201, ""));
	check_no_key(repeat(key, 'a', 200, "%"));
	check_no_key(repeat(key, 'a', 200, "%/.b"));
	check_no_key(repeat(key, 'a', 200, "%//b"));
	check_no_key(repeat(key, 'a', 1200, ""));
}

static void every_byte_goes_out_and_comes_back_or_is_refused(void)
{
	char key[VV_REFNAME_BUF_BYTES], back[VV_REFNAME_BUF_BYTES];

	for (unsigned byte = 1; byte < 256; byte++) {
		char name[] = { 'x', (char)byte, 'y', '\0' };
		bool is_refused = byte < 0x20 || byte == '@' || byte == ':';

		CHECK_INT(vv_refname_encode(key, name), is_refused ? VV_EINVAL : VV_OK);
		if (is_refused)
			continue;
		CHECK_INT(vv_refname_decode(back, key), VV_OK);
		CHECK_STR(back, name);
	}
}

int main(void)
{
	RUN(plain_names_are_their_own_keys);
	RUN(every_other_byte_is_escaped);
	RUN(a_leading_dot_is_escaped);
	RUN(what_is_not_a_name_is_refused_with_a_reason);
	RUN(long_parts_are_cut_into_pieces);
	RUN(a_piece_is_never_cut_inside_an_escape);
	RUN(a_piece_never_begins_with_a_dot);
	RUN(a_key_has_at_most_1000_bytes);
	RUN(other_spellings_of_a_key_are_refused);
	RUN(every_byte_goes_out_and_comes_back_or_is_refused);
	return test_report();
}
