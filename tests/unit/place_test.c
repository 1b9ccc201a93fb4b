#include "input/place.h"

#include "core/err.h"
#include "test.h"

static const char *placed(const struct vv_input_options *opts, const char *raw)
{
	static char out[VV_PLACE_PATH_MAX];
	struct vv_place place;
	const char *path;
	int answer;

	CHECK_INT(vv_place_init(&place, opts), VV_OK);
	answer = vv_place_path(&place, raw, &path);
	CHECK((answer == VV_PLACE_KEPT) == (path != NULL));
	switch (answer) {
	case VV_PLACE_EXCLUDED: strcpy(out, "(excluded)"); break;
	case VV_PLACE_STRIPPED: strcpy(out, "(stripped)"); break;
	case VV_PLACE_KEPT: strcpy(out, path); break;
	default: snprintf(out, sizeof out, "(%s)", vv_err_name(answer));
	}
	vv_place_fini(&place);
	return out;
}

static void names_are_cleaned(void)
{
	CHECK_STR(placed(NULL, "a/b"), "a/b");
	CHECK_STR(placed(NULL, "/a//b/"), "a/b");
	CHECK_STR(placed(NULL, "././a/./b/."), "a/b");
	CHECK_STR(placed(NULL, ""), "");
	CHECK_STR(placed(NULL, "./"), "");
	CHECK_STR(placed(NULL, "..."), "...");
	CHECK_STR(placed(NULL, "a..b/..c"), "a..b/..c");
}

static void nothing_leads_out_of_the_tree(void)
{
	CHECK_STR(placed(NULL, ".."), "(EINVAL)");
	CHECK_STR(placed(NULL, "../etc/passwd"), "(EINVAL)");
	CHECK_STR(placed(NULL, "a/../b"), "(EINVAL)");
	CHECK_STR(placed(NULL, "/../../x"), "(EINVAL)");
	CHECK_STR(placed(NULL, "a/.."), "(EINVAL)");
}

static void too_long_and_too_deep_names_are_refused(void)
{
	static char name[VV_PLACE_PATH_MAX + 10];

	memset(name, 'x', 765);
	CHECK_STR(placed(NULL, name), name);
	memset(name, 'x', 766);
	CHECK_STR(placed(NULL, name), "(EINVAL)");
	for (size_t i = 0; i < 2 * 4096; i += 2)
		memcpy(name + i, "d/", 3);
	CHECK(placed(NULL, name)[0] == 'd');
	strcat(name, "d");
	CHECK_STR(placed(NULL, name), "(ENAMETOOLONG)");
	for (size_t i = 0; i + 1 < sizeof name; i++)
		name[i] = i % 100 == 99 ? '/' : 'x';
	CHECK_STR(placed(NULL, name), "(ENAMETOOLONG)");
}

static void components_are_stripped_as_tar_does(void)
{
	struct vv_input_options opts = { .strip_components = 1 };

	CHECK_STR(placed(&opts, "gcc-12/bin/cc"), "bin/cc");
	CHECK_STR(placed(&opts, "gcc-12/"), "(stripped)");
	CHECK_STR(placed(&opts, ""), "(stripped)");
	opts.strip_components = 2;
	CHECK_STR(placed(&opts, "gcc-12/bin/cc"), "cc");
}

static void a_prefix_goes_in_front(void)
{
	struct vv_input_options opts = { .prefix = "/opt//gcc/" };

	CHECK_STR(placed(&opts, "bin"), "opt/gcc/bin");
	CHECK_STR(placed(&opts, ""), "opt/gcc");
	opts.strip_components = 1;
	CHECK_STR(placed(&opts, "x/bin"), "opt/gcc/bin");
}

static void a_prefix_that_leads_out_is_refused(void)
{
	struct vv_input_options opts = { .prefix = "../x" };
	struct vv_place place;

	CHECK_INT(vv_place_init(&place, &opts), VV_EINVAL);
	vv_place_fini(&place);
}

static void patterns_exclude_parts_or_leading_paths(void)
{
	const char *const patterns[] = { "*.pyc", "share/doc", "man?" };
	struct vv_input_options opts = { .exclude = patterns, .exclude_count = 3 };

	CHECK_STR(placed(&opts, "lib/a.pyc"), "(excluded)");
	CHECK_STR(placed(&opts, "lib.pyc/a"), "(excluded)");
	CHECK_STR(placed(&opts, "share/doc"), "(excluded)");
	CHECK_STR(placed(&opts, "share/doc/gcc/README"), "(excluded)");
	CHECK_STR(placed(&opts, "share/docs"), "share/docs");
	CHECK_STR(placed(&opts, "usr/share/doc"), "usr/share/doc");
	CHECK_STR(placed(&opts, "x/man3/y"), "(excluded)");
	CHECK_STR(placed(&opts, "x/man/y"), "x/man/y");
	opts.strip_components = 1; /* patterns see the path before it is stripped */
	CHECK_STR(placed(&opts, "share/doc/x"), "(excluded)");
	CHECK_STR(placed(&opts, "a/share/doc"), "share/doc");
}

static void a_pattern_may_begin_with_a_slash(void)
{
	const char *const patterns[] = { "/top" };
	struct vv_input_options opts = { .exclude = patterns, .exclude_count = 1 };

	CHECK_STR(placed(&opts, "top/file"), "(excluded)");
	CHECK_STR(placed(&opts, "./top"), "(excluded)");
	CHECK_STR(placed(&opts, "usr/top"), "usr/top"); /* a whole path, not a part */
}

static int end_of(const struct vv_input_options *opts, const char *first,
		  const char *second)
{
	struct vv_place place;
	const char *path;
	int err;

	CHECK_INT(vv_place_init(&place, opts), VV_OK);
	vv_place_path(&place, first, &path);
	vv_place_path(&place, second, &path);
	err = vv_place_end(&place, "input");
	vv_place_fini(&place);
	return err;
}

static void options_that_leave_nothing_are_refused(void)
{
	const char *const patterns[] = { "*.o" };
	struct vv_input_options opts = { .exclude = patterns, .exclude_count = 1 };

	CHECK_INT(end_of(&opts, "a.o", "b.o"), VV_EINVAL);
	CHECK_INT(end_of(&opts, "a.o", "b.c"), VV_OK);
	CHECK_INT(end_of(&opts, "", "."), VV_OK); /* an empty directory */
	opts.strip_components = 2;
	CHECK_INT(end_of(&opts, "gcc/bin", "gcc"), VV_EINVAL);
	CHECK_INT(end_of(&opts, "gcc/bin", "gcc/bin/cc"), VV_OK);
}

static void globs_match_as_fnmatch_does(void)
{
	static const struct {
		const char *pattern, *text;
		bool want;
	} cases[] = {
		{ "", "", true },	    { "", "a", false },
		{ "*", "", true },	    { "a*b*c", "a/x/b/y/c", true },
		{ "a*b*c", "abcb", false }, { "?", "", false },
		{ "[a-c]x", "bx", true },   { "[!a-c]x", "bx", false },
		{ "[^a-c]x", "dx", true },  { "[]]", "]", true },
		{ "[a-]", "-", true },	    { "[", "[", true },
		{ "[ab", "[ab", true },	    { "\\*", "*", true },
		{ "\\*", "x", false },	    { "*[", "x[", true },
		{ "a\\", "a\\", true },	    { "*.so*", "libc.so.6", true },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK_INT(vv_glob_match(cases[i].pattern, cases[i].text),
			  cases[i].want);
}

/* Exponential in naive matchers: this test would not end. */
static void many_stars_take_no_time(void)
{
	char pattern[201], text[20001];

	for (size_t i = 0; i < 200; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[200] = '\0';
	pattern[199] = 'b';
	memset(text, 'a', 20000);
	text[20000] = '\0';
	CHECK(!vv_glob_match(pattern, text));
}

int main(void)
{
	RUN(names_are_cleaned);
	RUN(nothing_leads_out_of_the_tree);
	RUN(too_long_and_too_deep_names_are_refused);
	RUN(components_are_stripped_as_tar_does);
	RUN(a_prefix_goes_in_front);
	RUN(a_prefix_that_leads_out_is_refused);
	RUN(patterns_exclude_parts_or_leading_paths);
	RUN(a_pattern_may_begin_with_a_slash);
	RUN(options_that_leave_nothing_are_refused);
	RUN(globs_match_as_fnmatch_does);
	RUN(many_stars_take_no_time);
	return test_report();
}
