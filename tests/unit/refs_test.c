#include "store/store.h"

#include "core/err.h"
#include "lib/teststore.h"
#include "os/system.h"
#include "source/dir.h"
#include "source/fault.h"
#include "source/hook.h"
#include "source/source.h"
#include "test.h"

#include <stdbool.h>

static struct test_store ts;
static const struct vv_id tree_a = { { 0xa } }, tree_b = { { 0xb } };

static int put(const char *name, const struct vv_id *tree)
{
	struct vv_ref ref = { .tree = *tree, .files = 3, .bytes = 1000 };

	snprintf(ref.name, sizeof ref.name, "%s", name);
	return vv_ref_put(ts.store, &ref);
}

/* ---- stores ---- */

static void a_store_is_made_once_and_found_again(void)
{
	struct vv_source *src;
	struct vv_store *store;

	test_store_make(&ts);
	CHECK_INT(vv_store_init(ts.source), VV_EEXIST);
	CHECK_INT(vv_source_remove(ts.source, "varve"), VV_OK);
	CHECK_INT(vv_source_dir_new(&src, ts.path, 0), VV_OK);
	CHECK_INT(vv_store_open(&store, src), VV_ENOENT);
	CHECK(!store);
	CHECK_INT(vv_source_put(src, "varve", "varve store 2\n", 14, VV_PUT_NEW),
		  VV_OK);
	CHECK(vv_store_open(&store, src) < 0);
	vv_source_free(src);
	test_store_drop(&ts);
}

/* ---- refs ---- */

static void a_ref_says_what_was_put(void)
{
	struct vv_ref ref;

	test_store_make(&ts);
	CHECK_INT(put("GCC/12.2", &tree_a), VV_OK);
	CHECK_INT(vv_ref_get(ts.store, "GCC/12.2", &ref), VV_OK);
	CHECK_STR(ref.name, "GCC/12.2");
	CHECK(vv_id_equal(&ref.tree, &tree_a));
	CHECK_INT(ref.files, 3);
	CHECK_INT(ref.bytes, 1000);
	CHECK(vv_time_ns() - ref.published_ns < INT64_C(60000000000));
	CHECK_INT(put("GCC/12.2", &tree_b), VV_OK);
	CHECK_INT(vv_ref_get(ts.store, "GCC/12.2", &ref), VV_OK);
	CHECK(vv_id_equal(&ref.tree, &tree_b));
	test_store_drop(&ts);
}

static void what_is_not_there_or_no_name_is_told(void)
{
	struct vv_ref ref;

	test_store_make(&ts);
	CHECK_INT(vv_ref_get(ts.store, "gcc", &ref), VV_ENOENT);
	CHECK_INT(vv_ref_get(ts.store, "a//b", &ref), VV_EINVAL);
	CHECK_INT(vv_ref_get(ts.store, "a:b", &ref), VV_EINVAL);
	CHECK_INT(put("..", &tree_a), VV_EINVAL);
	CHECK_INT(vv_ref_remove(ts.store, "gcc"), VV_ENOENT);
	test_store_drop(&ts);
}

static void no_ref_is_a_directory_of_another(void)
{
	test_store_make(&ts);
	CHECK_INT(put("gcc/12", &tree_a), VV_OK);
	CHECK_INT(put("gcc", &tree_a), VV_EEXIST);
	CHECK_INT(put("gcc/12/x", &tree_a), VV_EEXIST);
	CHECK_INT(put("gcc/12/x/y", &tree_a), VV_EEXIST);
	CHECK_INT(put("gcc/13", &tree_a), VV_OK);
	CHECK_INT(put("gcc/1", &tree_a), VV_OK);
	CHECK_INT(vv_ref_remove(ts.store, "gcc/12"), VV_OK);
	CHECK_INT(vv_ref_remove(ts.store, "gcc/13"), VV_OK);
	CHECK_INT(vv_ref_remove(ts.store, "gcc/1"), VV_OK);
	CHECK_INT(put("gcc", &tree_a), VV_OK);
	test_store_drop(&ts);
}

/*
 * In a directory a name is a file or a directory.  An object store has no such scruple:
 * here it seems to hold refs beneath the name as soon as that was put.
 */
static int show_rival(void *ctx, const struct vv_source_event *event)
{
	bool *is_put = ctx;

	if (event->op == VV_SOURCE_PUT_COMMIT && event->result == VV_OK)
		*is_put = true;
	if (event->op == VV_SOURCE_LIST && *is_put &&
	    strcmp(event->key, "refs/gcc/") == 0)
		return VV_EEXIST;
	return event->result;
}

static void a_writer_that_loses_a_race_for_a_name_is_told(void)
{
	bool is_put = false;
	struct vv_source_hooks hooks = {
		.name = "rival",
		.ctx = &is_put,
		.after = show_rival,
	};
	struct vv_ref ref = { .name = "gcc" };
	struct vv_source *src, *racing;
	struct vv_store *store;

	test_store_make(&ts);
	CHECK_INT(vv_source_dir_new(&src, ts.path, 0), VV_OK);
	CHECK_INT(vv_source_hook_new(&racing, src, &hooks), VV_OK);
	CHECK_INT(vv_store_open(&store, racing), VV_OK);
	CHECK_INT(vv_ref_put(store, &ref), VV_EEXIST);
	CHECK(is_put);
	CHECK_INT(vv_ref_get(store, "gcc", &ref), VV_OK);
	vv_store_close(store);
	test_store_drop(&ts);
}

static void a_list_is_sorted_and_leaves_bad_ones_out(void)
{
	struct vv_ref_list list;
	size_t bad;

	test_store_make(&ts);
	CHECK_INT(put("b", &tree_a), VV_OK);
	CHECK_INT(put("a/2", &tree_a), VV_OK);
	CHECK_INT(put("a-1", &tree_b), VV_OK);
	CHECK_INT(vv_source_put(ts.source, "refs/bad", "junk\n", 5, VV_PUT_NEW), VV_OK);
	CHECK_INT(vv_source_put(ts.source, "refs/README", "hi\n", 3, VV_PUT_NEW),
		  VV_OK);
	CHECK_INT(vv_ref_list_get(ts.store, &list, &bad), VV_OK);
	CHECK_INT(list.count, 3);
	CHECK_INT(bad, 1); /* README is the key of no ref and is ignored */
	CHECK_STR(list.items[0].name, "a-1");
	CHECK_STR(list.items[1].name, "a/2");
	CHECK_STR(list.items[2].name, "b");
	vv_ref_list_fini(&list);
	test_store_drop(&ts);
}

static void a_record_under_another_name_is_bad(void)
{
	struct vv_ref_list list;
	char *text;
	size_t len, bad;

	test_store_make(&ts);
	CHECK_INT(put("a", &tree_a), VV_OK);
	CHECK_INT(vv_source_get_whole(ts.source, "refs/a", 4096, &text, &len), VV_OK);
	CHECK_INT(vv_source_put(ts.source, "refs/b", text, len, VV_PUT_NEW), VV_OK);
	free(text);
	CHECK_INT(vv_ref_list_get(ts.store, &list, &bad), VV_OK);
	CHECK_INT(list.count, 1);
	CHECK_INT(bad, 1);
	vv_ref_list_fini(&list);
	test_store_drop(&ts);
}

/* ---- following ---- */

static bool has_changed(struct vv_ref_poll *poll)
{
	bool changed;

	CHECK_INT(vv_ref_poll_run(poll, &changed), VV_OK);
	return changed;
}

static void a_poll_sees_refs_come_move_and_go(void)
{
	struct vv_ref_poll *poll;
	struct vv_ref_list list;
	size_t bad;

	test_store_make(&ts);
	CHECK_INT(put("a", &tree_a), VV_OK);
	CHECK_INT(vv_ref_poll_new(&poll, ts.store), VV_OK);
	CHECK(has_changed(poll));
	CHECK(!has_changed(poll));
	CHECK_INT(put("b", &tree_a), VV_OK);
	CHECK(has_changed(poll));
	CHECK_INT(put("a", &tree_b), VV_OK);
	CHECK(has_changed(poll));
	CHECK(!has_changed(poll));
	CHECK_INT(vv_ref_remove(ts.store, "b"), VV_OK);
	CHECK(has_changed(poll));
	CHECK_INT(vv_ref_poll_list(poll, &list, &bad), VV_OK);
	CHECK_INT(list.count, 1);
	CHECK(vv_id_equal(&list.items[0].tree, &tree_b));
	vv_ref_list_fini(&list);
	vv_ref_poll_free(poll);
	test_store_drop(&ts);
}

/* A store of our own on the same directory, whose source can be told to fail. */
static struct vv_store *open_faulty(struct vv_source **fault)
{
	struct vv_source *dir;
	struct vv_store *store;

	CHECK_INT(vv_source_dir_new(&dir, ts.path, 0), VV_OK);
	CHECK_INT(vv_source_fault_new(fault, dir, NULL), VV_OK);
	CHECK_INT(vv_store_open(&store, *fault), VV_OK);
	return store;
}

static void check_polled(struct vv_ref_poll *poll, const struct vv_id *tree)
{
	struct vv_ref_list list;
	size_t bad;

	CHECK_INT(vv_ref_poll_list(poll, &list, &bad), VV_OK);
	CHECK_INT(list.count, 1);
	CHECK_INT(bad, 0);
	CHECK(vv_id_equal(&list.items[0].tree, tree));
	vv_ref_list_fini(&list);
}

static void a_poll_keeps_what_it_saw_while_the_source_fails(void)
{
	static const struct vv_source_fault none;
	const struct vv_source_fault fault = {
		.err = VV_EIO, .nth = 1, .repeats = true, .ops = 1u << VV_SOURCE_GET
	};
	struct vv_source *source;
	struct vv_ref_poll *poll;
	struct vv_store *store;

	test_store_make(&ts);
	CHECK_INT(put("gcc", &tree_a), VV_OK);
	store = open_faulty(&source);
	CHECK_INT(vv_ref_poll_new(&poll, store), VV_OK);
	CHECK(has_changed(poll));
	CHECK_INT(put("gcc", &tree_b), VV_OK);
	vv_source_fault_set(source, &fault);
	CHECK(!has_changed(poll));
	CHECK(vv_source_fault_hits(source) > 0);
	check_polled(poll, &tree_a);
	vv_source_fault_set(source, &none);
	CHECK(has_changed(poll)); /* just put, so looked at again at once */
	check_polled(poll, &tree_b);
	vv_ref_poll_free(poll);
	vv_store_close(store);
	test_store_drop(&ts);
}

/* Or a mount would drop all it shows, and gc all it finds, because a disk was away. */
static void a_store_that_went_away_is_no_store_without_refs(void)
{
	struct vv_ref_list list;
	size_t bad;

	test_store_make(&ts);
	CHECK_INT(vv_ref_list_get(ts.store, &list, &bad), VV_OK);
	CHECK_INT(list.count, 0);
	vv_ref_list_fini(&list);
	CHECK_INT(vv_store_present(ts.store), VV_OK);
	CHECK_INT(vv_source_remove(ts.source, "varve"), VV_OK);
	CHECK_INT(vv_store_present(ts.store), VV_ENOTCONN);
	CHECK_INT(vv_ref_list_get(ts.store, &list, &bad), VV_ENOTCONN);
	CHECK_INT(list.count, 0);
	test_store_drop(&ts);
}

static void a_ref_that_turns_bad_is_a_change_and_told_once(void)
{
	struct vv_ref_poll *poll;
	struct vv_ref_list list;
	size_t bad;

	test_store_make(&ts);
	CHECK_INT(put("a", &tree_a), VV_OK);
	CHECK_INT(vv_ref_poll_new(&poll, ts.store), VV_OK);
	CHECK(has_changed(poll));
	CHECK_INT(vv_source_put(ts.source, "refs/a", "junk\n", 5, VV_PUT_REPLACE),
		  VV_OK);
	CHECK(has_changed(poll));
	CHECK_INT(vv_ref_poll_list(poll, &list, &bad), VV_OK);
	CHECK_INT(list.count, 0);
	CHECK_INT(bad, 1);
	CHECK(!has_changed(poll));
	vv_ref_list_fini(&list);
	vv_ref_poll_free(poll);
	test_store_drop(&ts);
}

/* ---- trees ---- */

static void a_tree_is_mapped_once_and_counted(void)
{
	struct vv_open_tree *one, *two;
	struct test_file file = { "dir/file", "abc", 3 };
	struct vv_id tree, missing = { { 1 } };
	uint32_t entry;

	test_store_make(&ts);
	tree = test_publish(&ts, "a", &file, 1, NULL);
	CHECK_INT(vv_store_tree_open(ts.store, &tree, &one), VV_OK);
	CHECK_INT(vv_store_tree_open(ts.store, &tree, &two), VV_OK);
	CHECK(one == two);
	CHECK_INT(vv_tree_walk(vv_open_tree_get(one), "dir/file", &entry), VV_OK);
	vv_open_tree_unref(one);
	CHECK_INT(vv_tree_walk(vv_open_tree_get(two), "dir/file", &entry), VV_OK);
	vv_open_tree_unref(two);
	vv_open_tree_unref(NULL);
	CHECK_INT(vv_store_tree_open(ts.store, &missing, &one), VV_ENOENT);
	CHECK(!one);
	test_store_drop(&ts);
}

int main(void)
{
	RUN(a_store_is_made_once_and_found_again);
	RUN(a_ref_says_what_was_put);
	RUN(what_is_not_there_or_no_name_is_told);
	RUN(no_ref_is_a_directory_of_another);
	RUN(a_writer_that_loses_a_race_for_a_name_is_told);
	RUN(a_list_is_sorted_and_leaves_bad_ones_out);
	RUN(a_record_under_another_name_is_bad);
	RUN(a_poll_sees_refs_come_move_and_go);
	RUN(a_poll_keeps_what_it_saw_while_the_source_fails);
	RUN(a_store_that_went_away_is_no_store_without_refs);
	RUN(a_ref_that_turns_bad_is_a_change_and_told_once);
	RUN(a_tree_is_mapped_once_and_counted);
	return test_report();
}
