#include "format/tree_builder.h"

#include "core/err.h"
#include "format/tree.h"
#include "lib/sample_images.h"
#include "test.h"

static const struct vv_tree_meta dir = { .mode = VV_S_IFDIR | 0700, .mtime_sec = 5 };
static const struct vv_tree_meta file = { .mode = VV_S_IFREG | 0644 };
static const struct vv_tree_meta file2 = { .mode = VV_S_IFREG | 0600 };

static struct vv_tree_builder *new_builder(enum vv_tree_dup dup)
{
	struct vv_tree_builder *b;

	CHECK_INT(vv_tree_builder_new(&b, dup), VV_OK);
	return b;
}

static int add(struct vv_tree_builder *b, const char *path,
	       const struct vv_tree_meta *meta)
{
	return vv_tree_builder_add(b, path, meta);
}

/* Finishes and frees @b.  What a builder makes passes the verifier, always. */
static struct vv_id finish(struct vv_tree_builder *b, struct vv_buf *out,
			   struct vv_tree *tree)
{
	struct vv_id id;
	char why[200];

	vv_buf_init(out, SIZE_MAX);
	CHECK_INT(vv_tree_builder_finish(b, out, &id), VV_OK);
	vv_tree_builder_free(b);
	CHECK_INT(vv_tree_init(tree, &id, out->bytes, out->len, NULL), VV_OK);
	if (vv_tree_verify(tree, why, sizeof why))
		test_die(__FILE__, __LINE__, why);
	return id;
}

static struct vv_id id_of(struct vv_tree_builder *b)
{
	struct vv_tree tree;
	struct vv_buf out;
	struct vv_id id = finish(b, &out, &tree);

	vv_tree_fini(&tree);
	vv_buf_fini(&out);
	return id;
}

static struct vv_entry entry(const struct vv_tree *tree, const char *path)
{
	struct vv_entry e;
	uint32_t index;

	CHECK_INT(vv_tree_walk(tree, path, &index), VV_OK);
	CHECK_INT(vv_tree_entry(tree, index, &e), VV_OK);
	return e;
}

static void an_empty_builder_makes_an_empty_root(void)
{
	struct vv_tree_builder *b = new_builder(VV_TREE_DUP_ERROR);
	struct vv_tree tree;
	struct vv_buf out;

	CHECK_INT(vv_tree_builder_count(b), 1);
	finish(b, &out, &tree);
	CHECK_INT(tree.entry_count, 1);
	CHECK_INT(entry(&tree, "").mode, VV_S_IFDIR | 0755);
	vv_tree_fini(&tree);
	vv_buf_fini(&out);
}

static void missing_parents_are_made_and_described_later(void)
{
	struct vv_tree_builder *b = new_builder(VV_TREE_DUP_ERROR), *other;
	struct vv_tree tree;
	struct vv_buf out;
	struct vv_id id, same;

	CHECK_INT(add(b, "a/b/c", &file), VV_OK);
	CHECK_INT(vv_tree_builder_count(b), 4);
	CHECK_INT(add(b, "a/b", &dir), VV_OK);
	CHECK_INT(add(b, "a/b", &dir), VV_EEXIST);
	CHECK_INT(add(b, "", &dir), VV_OK);
	CHECK_INT(add(b, "", &dir), VV_EEXIST);
	id = finish(b, &out, &tree);
	CHECK_INT(entry(&tree, "").mtime_sec, 5);
	CHECK_INT(entry(&tree, "a").mode, VV_S_IFDIR | 0755);
	CHECK_INT(entry(&tree, "a").mtime_sec, 0);
	CHECK_INT(entry(&tree, "a/b").mode, VV_S_IFDIR | 0700);
	vv_tree_fini(&tree);
	vv_buf_fini(&out);

	other = new_builder(VV_TREE_DUP_REPLACE);
	CHECK_INT(add(other, "", &dir), VV_OK);
	CHECK_INT(add(other, "a/b", &dir), VV_OK);
	CHECK_INT(add(other, "a/b/c", &file), VV_OK);
	same = id_of(other);
	CHECK(vv_id_equal(&id, &same));
}

static void the_order_of_adding_does_not_matter(void)
{
	struct vv_tree_builder *up = new_builder(VV_TREE_DUP_ERROR);
	struct vv_tree_builder *down = new_builder(VV_TREE_DUP_ERROR);
	struct vv_id a, b;
	char path[100];

	for (int i = 0; i < 500; i++) {
		snprintf(path, sizeof path, "d%d/e%d/f%d", i % 7, i % 31, i);
		CHECK_INT(add(up, path, i % 2 ? &file : &file2), VV_OK);
	}
	CHECK_INT(add(up, "d3", &dir), VV_OK);
	CHECK_INT(add(down, "d3", &dir), VV_OK);
	for (int i = 499; i >= 0; i--) {
		snprintf(path, sizeof path, "d%d/e%d/f%d", i % 7, i % 31, i);
		CHECK_INT(add(down, path, i % 2 ? &file : &file2), VV_OK);
	}
	a = id_of(up);
	b = id_of(down);
	CHECK(vv_id_equal(&a, &b));
}

static void bad_paths_are_refused_and_leave_nothing_behind(void)
{
	static const char *const bad[] = { "/a", "a/",	  "a//b",   ".",
					   "..", "a/./b", "a/../b", "a/.." };
	struct vv_tree_builder *b = new_builder(VV_TREE_DUP_REPLACE);
	static char name[VV_NAME_MAX + 2], deep[2 * VV_DEPTH_MAX + 2];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_INT(add(b, bad[i], &file), VV_EINVAL);
	memset(name, 'n', VV_NAME_MAX + 1);
	CHECK_INT(add(b, name, &file), VV_ENAMETOOLONG);
	for (size_t i = 0; i <= VV_DEPTH_MAX; i++)
		memcpy(deep + 2 * i, "d/", 2);
	deep[2 * VV_DEPTH_MAX + 1] = '\0';
	CHECK_INT(add(b, deep, &file), VV_ENAMETOOLONG);
	CHECK_INT(vv_tree_builder_count(b), 1);
	name[VV_NAME_MAX] = '\0';
	CHECK_INT(add(b, name, &file), VV_OK);
	vv_tree_builder_free(b);
}

static void the_deepest_tree_is_a_tree(void)
{
	struct vv_tree_builder *b = new_builder(VV_TREE_DUP_REPLACE);
	static char deep[2 * VV_DEPTH_MAX + 2];
	struct vv_tree tree;
	struct vv_buf out;
	uint32_t index;

	for (size_t i = 0; i < VV_DEPTH_MAX; i++)
		memcpy(deep + 2 * i, "d/", 2);
	deep[2 * VV_DEPTH_MAX - 1] = '\0';
	CHECK_INT(add(b, deep, &file), VV_OK);
	finish(b, &out, &tree);
	CHECK_INT(entry(&tree, deep).index, VV_DEPTH_MAX);
	memcpy(deep + 2 * VV_DEPTH_MAX - 1, "/d", 3);
	CHECK_INT(vv_tree_walk(&tree, deep, &index), VV_ELOOP);
	vv_tree_fini(&tree);
	vv_buf_fini(&out);
}

static void only_a_directory_has_entries(void)
{
	struct vv_tree_builder *b = new_builder(VV_TREE_DUP_REPLACE);
	struct vv_tree_meta link = { .mode = VV_S_IFLNK | 0777, .target = "d" };

	CHECK_INT(add(b, "f", &file), VV_OK);
	CHECK_INT(add(b, "d/x", &file), VV_OK);
	CHECK_INT(add(b, "l", &link), VV_OK);
	CHECK_INT(add(b, "f/x", &file), VV_ENOTDIR);
	CHECK_INT(add(b, "l/x", &file), VV_ENOTDIR);
	CHECK_INT(add(b, "d/x/y/z", &file), VV_ENOTDIR);
	CHECK_INT(vv_tree_builder_link(b, "f/x", "d/x"), VV_ENOTDIR);
	CHECK_INT(add(b, "", &file), VV_EINVAL);
	CHECK_INT(vv_tree_builder_link(b, "", "f"), VV_EINVAL);
	CHECK_INT(vv_tree_builder_count(b), 5);
	vv_tree_builder_free(b);
}

static void a_second_entry_is_an_error_if_so_wanted(void)
{
	struct vv_tree_builder *b = new_builder(VV_TREE_DUP_ERROR);

	CHECK_INT(add(b, "f", &file), VV_OK);
	CHECK_INT(add(b, "f", &file), VV_EEXIST);
	CHECK_INT(add(b, "f", &dir), VV_EEXIST);
	CHECK_INT(add(b, "d/f", &file), VV_OK);
	CHECK_INT(add(b, "d", &file), VV_EEXIST);
	CHECK_INT(vv_tree_builder_link(b, "d/f", "f"), VV_EEXIST);
	CHECK_INT(vv_tree_builder_link(b, "d", "f"), VV_EEXIST);
	vv_tree_builder_free(b);
}

static void the_later_entry_counts_if_so_wanted(void)
{
	struct vv_tree_builder *b = new_builder(VV_TREE_DUP_REPLACE);
	struct vv_tree tree;
	struct vv_buf out;

	CHECK_INT(add(b, "f", &file), VV_OK);
	CHECK_INT(add(b, "f", &file2), VV_OK);
	CHECK_INT(add(b, "d/x", &file), VV_OK);
	CHECK_INT(add(b, "d", &dir), VV_OK);
	CHECK_INT(add(b, "d", &file), VV_ENOTEMPTY);
	CHECK_INT(vv_tree_builder_link(b, "d", "f"), VV_ENOTEMPTY);
	CHECK_INT(add(b, "empty", &dir), VV_OK);
	CHECK_INT(add(b, "empty", &file), VV_OK);
	CHECK_INT(add(b, "empty/x", &file), VV_ENOTDIR);
	CHECK_INT(add(b, "was-file", &file), VV_OK);
	CHECK_INT(add(b, "was-file", &dir), VV_OK);
	CHECK_INT(add(b, "was-file/x", &file), VV_OK);
	finish(b, &out, &tree);
	CHECK_INT(entry(&tree, "f").mode, VV_S_IFREG | 0600);
	CHECK_INT(entry(&tree, "d").mode, VV_S_IFDIR | 0700);
	CHECK_INT(entry(&tree, "d").child_count, 1);
	CHECK_INT(entry(&tree, "empty").mode, VV_S_IFREG | 0644);
	CHECK_INT(entry(&tree, "was-file").mode, VV_S_IFDIR | 0700);
	CHECK_INT(entry(&tree, "").nlink, 4);
	vv_tree_fini(&tree);
	vv_buf_fini(&out);
}

/* The directory that was used last is remembered; it must not outlive itself. */
static void a_replaced_directory_takes_no_more_entries(void)
{
	struct vv_tree_builder *b = new_builder(VV_TREE_DUP_REPLACE);

	CHECK_INT(add(b, "d", &dir), VV_OK);
	CHECK_INT(vv_tree_builder_link(b, "x", "d/none"), VV_ENOENT);
	CHECK_INT(add(b, "d", &file), VV_OK);
	CHECK_INT(add(b, "d/x", &file), VV_ENOTDIR);
	vv_tree_builder_free(b);
}

static void links_may_come_before_the_file_in_entry_order(void)
{
	struct vv_tree_builder *b = new_builder(VV_TREE_DUP_ERROR);
	struct vv_tree_meta big = file;
	struct vv_tree tree;
	struct vv_buf out;

	big.size = 9;
	big.blob = sample_id(9);
	CHECK_INT(add(b, "z/z", &big), VV_OK);
	CHECK_INT(vv_tree_builder_link(b, "z/a", "z/z"), VV_OK);
	CHECK_INT(vv_tree_builder_link(b, "m", "z/a"), VV_OK);
	CHECK_INT(vv_tree_builder_link(b, "x", "none"), VV_ENOENT);
	CHECK_INT(vv_tree_builder_link(b, "x", "no/ne"), VV_ENOENT);
	CHECK_INT(vv_tree_builder_link(b, "x", "z"), VV_EPERM);
	CHECK_INT(vv_tree_builder_link(b, "x", ""), VV_EPERM);
	finish(b, &out, &tree);
	CHECK_INT(entry(&tree, "m").first, entry(&tree, "m").index);
	CHECK_INT(entry(&tree, "z/a").first, entry(&tree, "m").index);
	CHECK_INT(entry(&tree, "z/z").nlink, 3);
	CHECK_INT(tree.file_count, 3);
	CHECK_INT(tree.file_bytes, 9);
	vv_tree_fini(&tree);
	vv_buf_fini(&out);
}

static void replacing_one_name_leaves_the_file_to_the_others(void)
{
	struct vv_tree_builder *b = new_builder(VV_TREE_DUP_REPLACE);
	struct vv_tree tree;
	struct vv_buf out;

	CHECK_INT(add(b, "a", &file), VV_OK);
	CHECK_INT(vv_tree_builder_link(b, "b", "a"), VV_OK);
	CHECK_INT(vv_tree_builder_link(b, "a", "a"), VV_OK);
	CHECK_INT(add(b, "a", &file2), VV_OK);
	finish(b, &out, &tree);
	CHECK_INT(entry(&tree, "a").mode, VV_S_IFREG | 0600);
	CHECK_INT(entry(&tree, "b").mode, VV_S_IFREG | 0644);
	CHECK_INT(entry(&tree, "b").nlink, 1);
	vv_tree_fini(&tree);
	vv_buf_fini(&out);
}

/* What was replaced leaves no trace: not an attribute, not a blob, not a list. */
static void what_was_replaced_is_not_in_the_image(void)
{
	struct vv_extra x = { VV_EXTRA_XATTR, "user.a", 6, (const uint8_t *)"1", 1 };
	struct vv_tree_meta old = { .mode = VV_S_IFREG | 0123,
				    .size = 77,
				    .blob = sample_id(77),
				    .extras = &x,
				    .extra_count = 1 };
	struct vv_tree_builder *b = new_builder(VV_TREE_DUP_REPLACE);
	struct vv_tree_builder *clean = new_builder(VV_TREE_DUP_REPLACE);
	struct vv_id first, second;

	CHECK_INT(add(b, "f", &old), VV_OK);
	CHECK_INT(add(b, "f", &file), VV_OK);
	CHECK_INT(add(clean, "f", &file), VV_OK);
	first = id_of(b);
	second = id_of(clean);
	CHECK(vv_id_equal(&first, &second));
}

static void metadata_that_breaks_a_rule_is_refused(void)
{
	static char target[VV_TARGET_MAX + 2];
	struct vv_tree_builder *b = new_builder(VV_TREE_DUP_REPLACE);
	struct vv_tree_meta none = { .mode = 0644 }, bits = { .mode = 0300644 };
	struct vv_tree_meta nsec = { .mode = VV_S_IFREG, .mtime_nsec = 1000000000 };
	struct vv_tree_meta no_blob = { .mode = VV_S_IFREG, .size = 1 };
	struct vv_tree_meta huge = { .mode = VV_S_IFREG,
				     .size = (1ull << 62) + 1,
				     .blob = sample_id(1) };
	struct vv_tree_meta link = { .mode = VV_S_IFLNK | 0777 };
	struct vv_tree_meta one = { .mode = VV_S_IFREG,
				    .size = 5,
				    .blob = sample_id(5) };

	CHECK_INT(add(b, "x", &none), VV_EINVAL);
	CHECK_INT(add(b, "x", &bits), VV_EINVAL);
	CHECK_INT(add(b, "x", &nsec), VV_EINVAL);
	CHECK_INT(add(b, "x", &no_blob), VV_EINVAL);
	CHECK_INT(add(b, "x", &huge), VV_EFBIG);
	CHECK_INT(add(b, "x", &link), VV_EINVAL);
	link.target = "";
	CHECK_INT(add(b, "x", &link), VV_EINVAL);
	memset(target, 't', VV_TARGET_MAX + 1);
	link.target = target;
	CHECK_INT(add(b, "x", &link), VV_ENAMETOOLONG);
	target[VV_TARGET_MAX] = '\0';
	CHECK_INT(add(b, "x", &link), VV_OK);
	CHECK_INT(add(b, "y", &one), VV_OK);
	one.size = 6;
	CHECK_INT(add(b, "z", &one), VV_EINVAL);
	CHECK_INT(vv_tree_builder_count(b), 3);
	vv_tree_builder_free(b);
}

static void extras_that_break_a_rule_are_refused(void)
{
	static uint8_t value[VV_XATTR_MAX + 1];
	static char name[256];
	const struct vv_extra bad[] = {
		{ VV_EXTRA_END, NULL, 0, value, 0 },
		{ 8, NULL, 0, value, 4 },
		{ VV_EXTRA_XATTR, "", 0, value, 1 },
		{ VV_EXTRA_XATTR, name, 256, value, 1 },
		{ VV_EXTRA_XATTR, "a\0b", 3, value, 1 },
		{ VV_EXTRA_XATTR, "a", 1, value, VV_XATTR_MAX + 1 },
		{ VV_EXTRA_WIN_TIMES, NULL, 0, value, 23 },
		{ VV_EXTRA_WIN_TIMES, "n", 1, value, 24 },
		{ VV_EXTRA_WIN_ATTRS, NULL, 0, value, 5 },
		{ VV_EXTRA_SECURITY, NULL, 0, value, 0 },
		{ VV_EXTRA_EA, "e", 1, value, 0 },
		{ VV_EXTRA_STREAM, "s", 1, value, 39 },
		{ VV_EXTRA_REPARSE, NULL, 0, value, 3 },
	};
	struct vv_tree_builder *b = new_builder(VV_TREE_DUP_REPLACE);
	struct vv_tree_meta meta = file;
	struct vv_extra twice[2];

	memset(name, 'n', sizeof name);
	meta.extra_count = 1;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		meta.extras = &bad[i];
		CHECK_INT(add(b, "x", &meta), VV_EINVAL);
	}
	twice[0] = twice[1] = (struct vv_extra){ VV_EXTRA_XATTR, "a", 1, value, 1 };
	meta.extras = twice;
	meta.extra_count = 2;
	CHECK_INT(add(b, "x", &meta), VV_EINVAL);
	twice[0] = (struct vv_extra){ VV_EXTRA_XATTR, name, 255, value, VV_XATTR_MAX };
	CHECK_INT(add(b, "x", &meta), VV_OK);
	id_of(b);
}

static void a_large_directory_of_look_alikes_keeps_its_folded_order(void)
{
	struct vv_tree_builder *b = new_builder(VV_TREE_DUP_ERROR);
	struct vv_tree tree;
	struct vv_buf out;
	uint32_t index;
	char name[20];

	for (unsigned i = 0; i < 4096; i++) {
		for (int bit = 0; bit < 12; bit++)
			name[bit] = (char)((i >> bit & 1 ? 'A' : 'a') + bit);
		name[12] = '\0';
		CHECK_INT(add(b, name, &file), VV_OK);
	}
	finish(b, &out, &tree);
	/* All fold alike: the first in byte order answers for names that none has. */
	CHECK_INT(vv_tree_lookup_folded(&tree, VV_TREE_ROOT, "abcdefghijkl", 12,
					&index),
		  VV_OK);
	CHECK_INT(index, 4096);
	CHECK_INT(vv_tree_lookup_folded(&tree, VV_TREE_ROOT, "abcdefghijkx", 12,
					&index),
		  VV_ENOENT);
	vv_tree_fini(&tree);
	vv_buf_fini(&out);
}

int main(void)
{
	RUN(an_empty_builder_makes_an_empty_root);
	RUN(missing_parents_are_made_and_described_later);
	RUN(the_order_of_adding_does_not_matter);
	RUN(bad_paths_are_refused_and_leave_nothing_behind);
	RUN(the_deepest_tree_is_a_tree);
	RUN(only_a_directory_has_entries);
	RUN(a_second_entry_is_an_error_if_so_wanted);
	RUN(the_later_entry_counts_if_so_wanted);
	RUN(a_replaced_directory_takes_no_more_entries);
	RUN(links_may_come_before_the_file_in_entry_order);
	RUN(replacing_one_name_leaves_the_file_to_the_others);
	RUN(what_was_replaced_is_not_in_the_image);
	RUN(metadata_that_breaks_a_rule_is_refused);
	RUN(extras_that_break_a_rule_are_refused);
	RUN(a_large_directory_of_look_alikes_keeps_its_folded_order);
	return test_report();
}
