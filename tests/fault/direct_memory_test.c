/* wrap: malloc */
/*
 * Fails each allocation of what a program does with the public API in turn.  What failed
 * must say so, leave nothing behind, and leave what is open as it was.
 */
#include "codec/hash.h"
#include "core/err.h"
#include "lib/teststore.h"
#include "test.h"
#include "varve/varve.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

/* Of this thread's allocations: the follower's are another test's. */
static _Thread_local unsigned countdown; /* 0: none fails */

static bool fails_now(void)
{
	return countdown != 0 && --countdown == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails_now() ? NULL : __real_realloc(old, size);
}

static struct test_store ts;

static int list_refs(void)
{
	const struct vv_fs_ref *ref;
	struct vv_fs_refs *refs;
	int err = vv_fs_refs_open(&refs, ts.path);

	if (err)
		return err;
	err = vv_fs_refs_next(refs, &ref);
	vv_fs_refs_close(refs);
	return err < 0 ? err : VV_FS_OK;
}

static int list_dir(struct vv_fs_node *node)
{
	const struct vv_fs_entry *entry;
	struct vv_fs_dir *dir;
	int err = vv_fs_dir_open(&dir, node);

	if (err)
		return err;
	while ((err = vv_fs_dir_next(dir, &entry)) > 0)
		CHECK(entry->name_len > 0);
	vv_fs_dir_close(dir);
	return err;
}

static int read_file(struct vv_fs *fs)
{
	struct vv_fs_node *node;
	char buf[64];
	size_t got;
	int err = vv_fs_node_open(&node, vv_fs_root(fs), "at/link", VV_FS_FOLLOW);

	if (err)
		return err;
	err = vv_fs_node_read(node, buf, sizeof buf, 0, &got);
	CHECK(err || (got == 7 && memcmp(buf, "content", 7) == 0));
	vv_fs_node_close(node);
	return err;
}

static int use(struct vv_fs *fs)
{
	int err = read_file(fs);

	return err ? err : list_dir(vv_fs_root(fs));
}

static int open_and_use(void)
{
	struct vv_fs_layer layer = { .ref = "t", .path = "at" };
	struct vv_fs_options opts = { .struct_size = sizeof opts,
				      .layers = &layer,
				      .layer_count = 1,
				      .memory_bytes = 16 << 20 };
	struct vv_fs *fs;
	int err = vv_fs_open(&fs, ts.path, &opts);

	if (err)
		return err;
	err = use(fs);
	vv_fs_close(fs);
	return err;
}

static void make_store(void)
{
	struct vv_tree_meta link = { .mode = VV_FS_IFLNK | 0777, .target = "dir/x" };
	struct vv_tree_meta file = { .mode = VV_FS_IFREG | 0644, .size = 7 };
	struct vv_tree_builder *b;
	struct test_pack tp;
	struct vv_id tree;

	test_store_make(&ts);
	test_pack_begin(&tp);
	test_pack_content(&tp, "content", 7, 65536);
	test_pack_commit(&tp, &ts);
	vv_hash_id(&file.blob, "content", 7);
	CHECK_INT(vv_tree_builder_new(&b, VV_TREE_DUP_ERROR), VV_OK);
	CHECK_INT(vv_tree_builder_add(b, "dir/x", &file), VV_OK);
	CHECK_INT(vv_tree_builder_add(b, "link", &link), VV_OK);
	tree = test_tree_put(&ts, b);
	test_ref_put(&ts, "t", &tree);
}

/* Until nothing is left to fail; how often it failed. */
static unsigned fail_each(int (*body)(void))
{
	unsigned failures = 0;
	bool is_over = false;

	for (unsigned nth = 1; !is_over; nth++) {
		int err;

		CHECK(nth < 5000);
		countdown = nth;
		err = body();
		is_over = countdown != 0;
		countdown = 0;
		CHECK(err == VV_FS_OK || err == VV_FS_ENOMEM);
		failures += err == VV_FS_ENOMEM;
		CHECK(!is_over || err == VV_FS_OK);
	}
	return failures;
}

static void no_memory_for_a_list_of_refs_is_told(void)
{
	make_store();
	CHECK(fail_each(list_refs) > 3);
	test_store_drop(&ts);
}

static void no_memory_for_a_view_is_told(void)
{
	make_store();
	CHECK(fail_each(open_and_use) > 20);
	CHECK_INT(open_and_use(), VV_FS_OK);
	test_store_drop(&ts);
}

int main(void)
{
	RUN(no_memory_for_a_list_of_refs_is_told);
	RUN(no_memory_for_a_view_is_told);
	return test_report();
}
