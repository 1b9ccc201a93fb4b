#include "store/diff.h"

#include "core/err.h"
#include "format/tree.h"
#include "lib/trees.h"
#include "test.h"

static struct shelf shelf;
static char said[4096];

static int tell(void *ctx, const struct vv_difference *d)
{
	char words[VV_DIFFERS_TEXT];
	size_t len = strlen(said);

	(void)ctx;
	snprintf(said + len, sizeof said - len, "%c %s%s%s\n", d->kind, d->path,
		 d->what ? " " : "", vv_differs_text(words, d->what));
	return VV_OK;
}

static struct vv_diff_stats diff(const char *old, const char *new)
{
	struct vv_diff_stats stats;

	*said = '\0';
	CHECK_INT(vv_diff(&shelf_add(&shelf, old)->tree, &shelf_add(&shelf, new)->tree,
			  tell, NULL, &stats),
		  VV_OK);
	return stats;
}

static void equal_trees_have_no_difference(void)
{
	struct vv_diff_stats stats = diff("f a/b x\nl a/c b\n", "l a/c b\nf a/b x\n");

	CHECK_STR(said, "");
	CHECK_INT(stats.added + stats.removed + stats.modified, 0);
}

static void names_on_one_side_are_told_with_all_that_is_below(void)
{
	struct vv_diff_stats stats;

	stats = diff("f a x\nf d/e/one 1\nf z x\n", "f a x\nf ab x\nf z x\n");
	CHECK_STR(said, "+ ab\n- d\n- d/e\n- d/e/one\n");
	CHECK_INT(stats.added, 1);
	CHECK_INT(stats.removed, 3);
	CHECK_INT(stats.bytes_removed, 1);
}

static void a_name_that_is_a_prefix_of_another_is_not_confused_with_it(void)
{
	diff("f ab x\nf b x\n", "f a x\nf ab x\n");
	CHECK_STR(said, "+ a\n- b\n");
}

static void content_targets_and_types_are_told_apart(void)
{
	diff("f a x\nl b one\nd c\nf c/in x\nf same x\nf longer x\n",
	     "f a y\nl b two\nf c x\nf same x\nf longer xx\n");
	CHECK_STR(said, "M a content\nM b target\nM c type, mode\n- c/in\n"
			"M longer content\n");
}

static void a_directory_that_became_a_file_loses_what_was_in_it(void)
{
	diff("d c\nf c/in x\n", "f c x\n");
	CHECK_STR(said, "M c type, mode\n- c/in\n");
	diff("f c x\n", "d c\nf c/in x\n");
	CHECK_STR(said, "M c type, mode\n+ c/in\n");
}

static void xattrs_are_compared_by_name_and_value(void)
{
	diff("d a\n", "o a\n");
	CHECK_STR(said, "M a xattrs\n");
	diff("o a\n", "d a\n");
	CHECK_STR(said, "M a xattrs\n");
}

static void one_file_under_two_names_is_not_two_equal_files(void)
{
	diff("f a x\nh b a\n", "f a x\nf b x\n");
	CHECK_STR(said, "M b links\n");
	diff("f a x\nf b x\n", "f a x\nh b a\n");
	CHECK_STR(said, "M b links\n");
	diff("f a x\nh b a\nf c x\nh d c\n", "f a x\nf b x\nh c b\nh d a\n");
	CHECK_STR(said, "M b links\nM d links\n");
}

static void a_link_more_elsewhere_is_no_difference_of_the_others(void)
{
	diff("f a x\n", "f a x\nh b a\n");
	CHECK_STR(said, "+ b\n");
}

static int stop(void *ctx, const struct vv_difference *d)
{
	(void)d;
	++*(int *)ctx;
	return VV_ECANCELED;
}

static void the_caller_can_end_it(void)
{
	int count = 0;

	CHECK_INT(vv_diff(&shelf_add(&shelf, "f a x\n")->tree,
			  &shelf_add(&shelf, "f b x\nf c x\n")->tree, stop, &count,
			  NULL),
		  VV_ECANCELED);
	CHECK_INT(count, 1);
}

static void all_words_fit_their_buffer(void)
{
	char words[VV_DIFFERS_TEXT];

	vv_differs_text(words, (1u << VV_DIFFERS_COUNT) - 1);
	CHECK(strstr(words, "type, content") == words && strstr(words, ", links"));
	CHECK(strlen(words) < sizeof words);
}

int main(void)
{
	RUN(equal_trees_have_no_difference);
	RUN(names_on_one_side_are_told_with_all_that_is_below);
	RUN(a_name_that_is_a_prefix_of_another_is_not_confused_with_it);
	RUN(content_targets_and_types_are_told_apart);
	RUN(a_directory_that_became_a_file_loses_what_was_in_it);
	RUN(xattrs_are_compared_by_name_and_value);
	RUN(one_file_under_two_names_is_not_two_equal_files);
	RUN(a_link_more_elsewhere_is_no_difference_of_the_others);
	RUN(the_caller_can_end_it);
	RUN(all_words_fit_their_buffer);
	shelf_fini(&shelf);
	return test_report();
}
