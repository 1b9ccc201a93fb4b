#include "format/profile.h"

#include "codec/hash.h"
#include "core/err.h"
#include "format/record.h"
#include "test.h"

#include <inttypes.h>
#include <stdbool.h>

static struct vv_profile profile;

static size_t add(enum vv_profile_kind kind, const char *path)
{
	size_t index;

	CHECK_INT(vv_profile_add_path(&profile, kind, path, &index), VV_OK);
	return index;
}

/* The lines behind the head that each profile has. */
static int parse(const char *uses)
{
	static char text[1 << 16];
	char hex[VV_ID_HEX_BYTES];
	struct vv_id tree = { { 7 } };
	int len = snprintf(text, sizeof text,
			   "varve profile 1\nname gcc\ntree %s\nrecorded 5\n%s",
			   vv_id_to_hex(&tree, hex), uses);

	CHECK(len > 0 && (size_t)len + 30 < sizeof text);
	len += snprintf(text + len, sizeof text - (size_t)len, "sum %016" PRIx64 "\n",
			vv_checksum64(text, (size_t)len));
	return vv_profile_parse(&profile, "gcc", text, (size_t)len);
}

static bool is_refused(const char *uses)
{
	int err = parse(uses);

	if (!err)
		vv_profile_fini(&profile);
	return err == VV_ECORRUPT;
}

static bool is_use(size_t i, enum vv_profile_kind kind, const char *path,
		   uint64_t first, uint64_t count)
{
	const struct vv_profile_use *use = vv_profile_get(&profile, i);

	return use->kind == kind && strcmp(vv_profile_path(&profile, use), path) == 0 &&
	       use->first == first && use->count == count;
}

static void what_is_written_is_read_back(void)
{
	struct vv_buf out;
	size_t hit;

	vv_profile_init(&profile);
	profile.tree = (struct vv_id){ { 1, 2 } };
	profile.recorded_ns = -3;
	CHECK_INT(vv_profile_add_run(&profile, "cc -c {}/a b.c"), VV_OK);
	add(VV_USE_HIT, "usr");
	hit = add(VV_USE_HIT, "usr/a %\n\x7f\xff");
	add(VV_USE_MISS, "usr/no");
	add(VV_USE_LIST, "");
	CHECK_INT(vv_profile_add_pages(&profile, hit, 7, 2), VV_OK);
	CHECK_INT(vv_profile_add_run(&profile, ""), VV_OK);
	CHECK_INT(vv_profile_add_pages(&profile, hit, 0, 1), VV_OK);
	vv_buf_init(&out, VV_RECORD_MAX);
	CHECK_INT(vv_profile_write(&profile, "gcc", &out), VV_OK);
	vv_profile_fini(&profile);

	CHECK_INT(vv_profile_parse(&profile, "gcc", (char *)out.bytes, out.len), VV_OK);
	CHECK_INT(profile.tree.bytes[1], 2);
	CHECK_INT(profile.recorded_ns, -3);
	CHECK_INT(profile.run_count, 2);
	CHECK_INT(vv_profile_count(&profile), 8);
	CHECK(is_use(0, VV_USE_RUN, "cc -c {}/a b.c", 0, 0));
	CHECK(is_use(1, VV_USE_HIT, "usr", 0, 0));
	CHECK(is_use(2, VV_USE_HIT, "usr/a %\n\x7f\xff", 0, 0));
	CHECK(is_use(3, VV_USE_MISS, "usr/no", 0, 0));
	CHECK(is_use(4, VV_USE_LIST, "", 0, 0));
	CHECK(is_use(5, VV_USE_READ, "usr/a %\n\x7f\xff", 7, 2));
	CHECK(is_use(6, VV_USE_RUN, "", 0, 0));
	CHECK(is_use(7, VV_USE_READ, "usr/a %\n\x7f\xff", 0, 1));
	vv_profile_fini(&profile);

	CHECK_INT(vv_profile_parse(&profile, "clang", (char *)out.bytes, out.len),
		  VV_ECORRUPT);
	CHECK_INT(vv_profile_parse(&profile, NULL, (char *)out.bytes, out.len), VV_OK);
	vv_profile_fini(&profile);
	vv_buf_fini(&out);
}

static void pages_that_follow_are_one_use(void)
{
	size_t a, b;

	vv_profile_init(&profile);
	CHECK_INT(vv_profile_add_run(&profile, "x"), VV_OK);
	a = add(VV_USE_HIT, "a");
	b = add(VV_USE_HIT, "b");
	for (uint64_t page = 10; page < 14; page++)
		CHECK_INT(vv_profile_add_pages(&profile, a, page, 1), VV_OK);
	CHECK(is_use(3, VV_USE_READ, "a", 10, 4));
	CHECK_INT(vv_profile_add_pages(&profile, b, 14, 1), VV_OK);
	CHECK_INT(vv_profile_add_pages(&profile, a, 15, 1), VV_OK);
	CHECK_INT(vv_profile_count(&profile), 6);
	vv_profile_fini(&profile);
}

static void what_no_tree_can_have_is_not_added(void)
{
	static const char *const bad[] = { "/a", "a/", "a//b", ".", "a/..", "a/./b" };
	char path[VV_PROFILE_PATH_MAX + 2];
	size_t index;

	vv_profile_init(&profile);
	CHECK_INT(vv_profile_add_path(&profile, VV_USE_HIT, "a", &index), VV_EINVAL);
	CHECK_INT(vv_profile_add_run(&profile, "x"), VV_OK);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK_INT(vv_profile_add_path(&profile, VV_USE_HIT, bad[i], &index),
			  VV_EINVAL);
	memset(path, 'a', sizeof path);
	for (size_t i = 90; i < sizeof path - 9; i += 90)
		path[i] = '/';
	path[sizeof path - 1] = '\0';
	CHECK_INT(vv_profile_add_path(&profile, VV_USE_HIT, path, &index),
		  VV_ENAMETOOLONG);
	path[sizeof path - 2] = '\0';
	CHECK_INT(vv_profile_add_path(&profile, VV_USE_HIT, path, &index), VV_OK);
	CHECK_INT(vv_profile_add_pages(&profile, index, 0, 0), VV_EINVAL);
	CHECK_INT(vv_profile_add_pages(&profile, index, VV_PROFILE_PAGES_MAX, 1),
		  VV_EINVAL);
	CHECK_INT(vv_profile_add_pages(&profile, 0, 0, 1), VV_EINVAL);
	CHECK_INT(vv_profile_count(&profile), 2);
	vv_profile_fini(&profile);
}

static void runs_are_joined_with_their_files(void)
{
	struct vv_profile more;
	size_t hit;

	vv_profile_init(&profile);
	CHECK_INT(vv_profile_add_run(&profile, "first"), VV_OK);
	add(VV_USE_HIT, "other");
	more = profile;
	vv_profile_init(&profile);
	CHECK_INT(vv_profile_add_run(&profile, "second"), VV_OK);
	hit = add(VV_USE_HIT, "file");
	CHECK_INT(vv_profile_add_pages(&profile, hit, 1, 1), VV_OK);

	CHECK_INT(vv_profile_join(&more, &profile), VV_OK);
	vv_profile_fini(&profile);
	profile = more;
	CHECK_INT(profile.run_count, 2);
	CHECK(is_use(1, VV_USE_HIT, "other", 0, 0));
	CHECK(is_use(2, VV_USE_RUN, "second", 0, 0));
	CHECK(is_use(4, VV_USE_READ, "file", 1, 1));
	CHECK_INT(vv_profile_get(&profile, 4)->hit, 3);

	vv_profile_init(&more);
	for (int i = 0; i < VV_PROFILE_RUNS_MAX - 1; i++)
		CHECK_INT(vv_profile_add_run(&more, "x"), VV_OK);
	CHECK_INT(vv_profile_join(&profile, &more), VV_EFBIG);
	CHECK_INT(vv_profile_add_run(&more, "x"), VV_OK);
	CHECK_INT(vv_profile_add_run(&more, "x"), VV_EFBIG);
	vv_profile_fini(&more);
	vv_profile_fini(&profile);
}

static void a_long_command_is_cut_between_escapes(void)
{
	char text[2 * VV_PROFILE_PATH_MAX];
	struct vv_buf out;

	memset(text, ' ', sizeof text);
	text[sizeof text - 1] = '\0';
	vv_profile_init(&profile);
	CHECK_INT(vv_profile_add_run(&profile, text), VV_OK);
	CHECK_INT(strlen(vv_profile_path(&profile, vv_profile_get(&profile, 0))),
		  VV_PROFILE_PATH_MAX / 3);
	vv_buf_init(&out, VV_RECORD_MAX);
	CHECK_INT(vv_profile_write(&profile, "gcc", &out), VV_OK);
	vv_profile_fini(&profile);
	CHECK_INT(vv_profile_parse(&profile, "gcc", (char *)out.bytes, out.len), VV_OK);
	vv_profile_fini(&profile);
	vv_buf_fini(&out);
}

static void what_breaks_a_rule_is_refused(void)
{
	CHECK(is_refused("use hit a\n"));		/* before a run */
	CHECK(is_refused("use run x\nuse hit /a\n"));	/* no path */
	CHECK(is_refused("use run x\nuse hit a%2F\n")); /* two spellings */
	CHECK(is_refused("use run x\nuse hit a%0\n"));
	CHECK(is_refused("use run x\nuse hit a%0a\n"));
	CHECK(is_refused("use run x\nuse hit a%00\n"));
	CHECK(is_refused("use run x\nuse hit a b\n"));
	CHECK(is_refused("use run x\nuse read 0 0 1\n")); /* of no file */
	CHECK(is_refused("use run x\nuse miss a\nuse read 0 0 1\n"));
	CHECK(is_refused("use run x\nuse hit a\nuse read 1 0 1\n"));
	CHECK(is_refused("use run x\nuse hit a\nuse read 0 0 0\n"));
	CHECK(is_refused("use run x\nuse hit a\nuse read 0 00 1\n"));
	CHECK(is_refused("use run x\nuse hit a\nuse read 0 0 1 \n"));
	CHECK(is_refused("use run x\nuse hit a\nuse read 0 0\n"));
	CHECK(is_refused("use run x\nuse hit a\nuse read 0 1125899906842624 1\n"));
	CHECK(is_refused(
		"use run x\nuse hit a\nuse read 0 99999999999999999999999 1\n"));
	CHECK(is_refused("use run x\nuse hit a\nuse read 0 0 1\nuse read 0 1 1\n"));
}

static void kinds_of_later_versions_are_passed_over(void)
{
	CHECK_INT(parse("use run x\nuse dream of sheep\nuse hit a\nmood good\n"),
		  VV_OK);
	CHECK_INT(vv_profile_count(&profile), 2);
	vv_profile_fini(&profile);
}

int main(void)
{
	RUN(what_is_written_is_read_back);
	RUN(pages_that_follow_are_one_use);
	RUN(what_no_tree_can_have_is_not_added);
	RUN(runs_are_joined_with_their_files);
	RUN(a_long_command_is_cut_between_escapes);
	RUN(what_breaks_a_rule_is_refused);
	RUN(kinds_of_later_versions_are_passed_over);
	return test_report();
}
