#include "core/name.h"

#include "core/err.h"
#include "test.h"

static int check(const char *name)
{
	return vv_name_check(name, strlen(name));
}

static void ordinary_names_pass(void)
{
	CHECK_INT(check("a"), VV_OK);
	CHECK_INT(check("stdio.h"), VV_OK);
	CHECK_INT(check("..."), VV_OK);
	CHECK_INT(check(".x"), VV_OK);
	CHECK_INT(check(" "), VV_OK);
	CHECK_INT(check("a\\b:c"), VV_OK);
	CHECK_INT(check("\xff\xfe"), VV_OK);
}

static void what_means_something_else_is_no_name(void)
{
	CHECK_INT(check(""), VV_EINVAL);
	CHECK_INT(check("."), VV_EINVAL);
	CHECK_INT(check(".."), VV_EINVAL);
	CHECK_INT(check("a/b"), VV_EINVAL);
	CHECK_INT(check("/"), VV_EINVAL);
	CHECK_INT(vv_name_check("a\0b", 3), VV_EINVAL);
}

static void the_longest_name_has_765_bytes(void)
{
	char name[VV_NAME_BYTES_MAX + 1];

	memset(name, 'x', sizeof name);
	CHECK_INT(vv_name_check(name, 765), VV_OK);
	CHECK_INT(vv_name_check(name, 766), VV_ENAMETOOLONG);
}

static void names_need_not_be_utf8_but_we_can_tell(void)
{
	CHECK(vv_name_is_utf8("gr\xc3\xbc\xc3\x9f", 6));
	CHECK(!vv_name_is_utf8("gr\xfc\xdf", 4));
	CHECK(!vv_name_is_utf8("\xed\xa0\x80", 3));
}

static const char *cleaned(const char *path)
{
	static char room[64];

	snprintf(room, sizeof room, "%s", path);
	return vv_name_clean_path(room) ? room : "refused";
}

static void a_path_is_cleaned_or_refused(void)
{
	CHECK_STR(cleaned("/a//b/"), "a/b");
	CHECK_STR(cleaned("a"), "a");
	CHECK_STR(cleaned("///"), "");
	CHECK_STR(cleaned(""), "");
	CHECK_STR(cleaned("a/./b"), "refused");
	CHECK_STR(cleaned("../b"), "refused");
}

int main(void)
{
	RUN(ordinary_names_pass);
	RUN(what_means_something_else_is_no_name);
	RUN(the_longest_name_has_765_bytes);
	RUN(names_need_not_be_utf8_but_we_can_tell);
	RUN(a_path_is_cleaned_or_refused);
	return test_report();
}
