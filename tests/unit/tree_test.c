#include "format/tree.h"

#include "core/err.h"
#include "format/tree_builder.h"
#include "lib/sample_images.h"
#include "test.h"

static struct vv_buf image;
static struct vv_tree tree;

static uint32_t at(const char *path)
{
	uint32_t index;

	CHECK_INT(vv_tree_walk(&tree, path, &index), VV_OK);
	return index;
}

static struct vv_entry entry(const char *path)
{
	struct vv_entry e;

	CHECK_INT(vv_tree_entry(&tree, at(path), &e), VV_OK);
	return e;
}

static int walk_error(const char *path)
{
	uint32_t index;

	return vv_tree_walk(&tree, path, &index);
}

static void paths_lead_to_entries_and_missing_ones_say_so(void)
{
	uint32_t index;

	CHECK_INT(at(""), VV_TREE_ROOT);
	CHECK(at("bin/gcc") != at("bin/empty"));
	CHECK_INT(walk_error("bin/g++"), VV_ENOENT);
	CHECK_INT(walk_error("sbin/gcc"), VV_ENOENT);
	CHECK_INT(walk_error("bin/gcc/x"), VV_ENOTDIR);
	CHECK_INT(walk_error("lib/x"), VV_ENOTDIR);
	CHECK_INT(walk_error("bin/.."), VV_ENOENT);
	CHECK_INT(walk_error("bin//gcc"), VV_EINVAL);
	CHECK_INT(walk_error("/bin"), VV_EINVAL);
	CHECK_INT(walk_error("bin/"), VV_EINVAL);
	CHECK_INT(vv_tree_lookup(&tree, at("bin/gcc"), "x", 1, &index), VV_ENOTDIR);
	CHECK_INT(vv_tree_lookup(&tree, tree.entry_count, "x", 1, &index), VV_EINVAL);
	CHECK_INT(vv_tree_lookup(&tree, at("bin"), "", 0, &index), VV_ENOENT);
}

static void entries_of_every_type_tell_what_they_are(void)
{
	struct vv_entry e = entry("include/stdio.h");
	struct vv_id id, expected = sample_id(2000);

	CHECK_INT(e.mode, VV_S_IFREG | 0644);
	CHECK_INT(e.size, 2000);
	CHECK_INT(e.mtime_sec, 1660000000);
	CHECK_INT(e.mtime_nsec, 123456789);
	CHECK_INT(e.nlink, 1);
	CHECK_INT(vv_tree_blob(&tree, e.blob, &id), VV_OK);
	CHECK(vv_id_equal(&id, &expected));
	CHECK_INT(entry("include/copy_of_stdio.h").blob, e.blob);
	CHECK_INT(entry("bin/empty").blob, UINT32_MAX);
	CHECK_INT(vv_tree_blob(&tree, UINT32_MAX, &id), VV_EINVAL);
	e = entry("dev/null");
	CHECK(e.mode == (VV_S_IFCHR | 0666) && e.rdev_major == 1 && e.rdev_minor == 3);
	e = entry("dev/sda");
	CHECK(e.mode == (VV_S_IFBLK | 0600) && e.rdev_major == 8 && e.rdev_minor == 0);
	CHECK_INT(entry("dev/fifo").mode, VV_S_IFIFO | 0600);
	CHECK_INT(entry("dev/sock").mode, VV_S_IFSOCK | 0600);
	e = entry("lib64");
	CHECK(e.mode == (VV_S_IFDIR | 0750) && e.uid == 5 && e.gid == 6);
	CHECK(e.child_count == 0 && e.nlink == 2 && e.size == 0);
	CHECK_INT(vv_tree_entry(&tree, tree.entry_count, &e), VV_EINVAL);
}

static void directories_know_their_parent_and_their_subdirectories(void)
{
	CHECK_INT(entry("").nlink, 2 + 4); /* bin dev include lib64 */
	CHECK_INT(entry("include").nlink, 3);
	CHECK_INT(entry("include/sys").parent, at("include"));
	CHECK_INT(entry("include").parent, VV_TREE_ROOT);
	CHECK_INT(entry("").parent, VV_TREE_ROOT);
}

static void hard_links_share_one_first_entry(void)
{
	struct vv_entry first = entry("a-gcc");

	CHECK_INT(first.first, first.index);
	CHECK_INT(first.nlink, 3);
	CHECK_INT(entry("bin/gcc").first, first.index);
	CHECK_INT(entry("bin/cc").first, first.index);
	CHECK_INT(entry("bin/cc").index, at("bin/cc"));
	CHECK_INT(entry("bin/cc").size, 1000);
	CHECK_INT(entry("bin/cc").blob, first.blob);
	CHECK_INT(entry("bin/cc").nlink, 3);
	CHECK_INT(entry("dev/zfifo").first, at("dev/fifo"));
}

static void symlinks_tell_their_target(void)
{
	struct vv_entry link = entry("include/link"), file = entry("bin/gcc");
	const char *target;
	size_t len;

	CHECK_INT(vv_tree_target(&tree, &link, &target, &len), VV_OK);
	CHECK(len == 7 && memcmp(target, "stdio.h", 7) == 0);
	CHECK_INT(link.size, 7);
	CHECK_INT(vv_tree_target(&tree, &file, &target, &len), VV_EINVAL);
}

static void children_are_listed_in_byte_order_and_in_folded_order(void)
{
	static const char *const bytes[] = { "Stdio.h", "copy_of_stdio.h",
					     "link",	"stdio.h",
					     "sys",	"\xff\xfe" };
	static const char *const folded[] = { "copy_of_stdio.h", "link", "Stdio.h",
					      "stdio.h",	 "sys",	 "\xff\xfe" };
	struct vv_entry dir = entry("include");

	CHECK_INT(dir.child_count, 6);
	for (uint32_t i = 0; i < 6; i++) {
		const char *name;
		uint32_t child;
		size_t len;

		CHECK_INT(vv_tree_name(&tree, dir.child_first + i, &name, &len), VV_OK);
		CHECK(len == strlen(bytes[i]) && memcmp(name, bytes[i], len) == 0);
		CHECK_INT(vv_tree_folded_child(&tree, &dir, i, &child), VV_OK);
		CHECK_INT(vv_tree_name(&tree, child, &name, &len), VV_OK);
		CHECK(len == strlen(folded[i]) && memcmp(name, folded[i], len) == 0);
	}
	CHECK_INT(vv_tree_folded_child(&tree, &dir, 6, &(uint32_t){ 0 }), VV_EINVAL);
}

static uint32_t folded(const char *dir, const char *name)
{
	uint32_t index;
	int err = vv_tree_lookup_folded(&tree, at(dir), name, strlen(name), &index);

	return err == VV_OK ? index : err == VV_ENOENT ? 0 : UINT32_MAX;
}

static void a_folded_lookup_prefers_the_exact_name(void)
{
	CHECK_INT(folded("include", "stdio.h"), at("include/stdio.h"));
	CHECK_INT(folded("include", "Stdio.h"), at("include/Stdio.h"));
	CHECK_INT(folded("include", "STDIO.H"), at("include/Stdio.h"));
	CHECK_INT(folded("include", "SYS"), at("include/sys"));
	CHECK_INT(folded("include", "STDIO"), 0);
	CHECK_INT(folded("include", "\xff\xfe"), at("include/\xff\xfe"));
	CHECK_INT(folded("include", "\xff"), 0);
	CHECK_INT(folded("lib64", "x"), 0);
	CHECK_INT(folded("bin/gcc", "x"), UINT32_MAX); /* VV_ENOTDIR */
}

static void extras_come_sorted_and_xattrs_by_name(void)
{
	struct vv_entry e = entry("bin/with-many"), none = entry("bin/gcc");
	static const int types[] = { VV_EXTRA_XATTR, VV_EXTRA_XATTR, VV_EXTRA_WIN_TIMES,
				     VV_EXTRA_WIN_ATTRS };
	struct vv_extra x;
	uint64_t pos = 0;

	for (size_t i = 0; i < 4; i++) {
		CHECK_INT(vv_tree_extra_next(&tree, &e, &pos, &x), 1);
		CHECK_INT(x.type, types[i]);
	}
	CHECK_INT(vv_tree_extra_next(&tree, &e, &pos, &x), 0);
	CHECK_INT(vv_tree_extra_next(&tree, &e, &pos, &x), 0);
	CHECK_INT(vv_tree_xattr(&tree, &e, "user.two", 8, &x), VV_OK);
	CHECK(x.value_len == 2 && memcmp(x.value, "22", 2) == 0);
	CHECK_INT(vv_tree_xattr(&tree, &e, "user.one", 8, &x), VV_OK);
	CHECK_INT(x.value_len, 0);
	CHECK_INT(vv_tree_xattr(&tree, &e, "user.tw", 7, &x), VV_ENODATA);
	CHECK_INT(vv_tree_xattr(&tree, &none, "user.two", 8, &x), VV_ENODATA);
	CHECK_INT(entry("bin/with-many-too").extras, e.extras);
	CHECK(entry("bin/with-xattr").extras != e.extras);
}

static void totals_count_every_name_but_every_byte_once(void)
{
	/* bin/empty, three names of gcc, three with extras, five under include */
	CHECK_INT(tree.file_count, 1 + 3 + 3 + 5);
	CHECK_INT(tree.file_bytes, 1000 + 2000 + 3000 + 2000 + 7 + 4000);
}

int main(void)
{
	struct vv_id id;
	char why[200];

	sample_tree(&image, &id);
	CHECK_INT(vv_tree_init(&tree, &id, image.bytes, image.len, NULL), VV_OK);
	CHECK(vv_id_equal(&tree.id, &id));
	CHECK_INT(vv_tree_verify(&tree, why, sizeof why), VV_OK);
	CHECK_STR(why, "");
	RUN(paths_lead_to_entries_and_missing_ones_say_so);
	RUN(entries_of_every_type_tell_what_they_are);
	RUN(directories_know_their_parent_and_their_subdirectories);
	RUN(hard_links_share_one_first_entry);
	RUN(symlinks_tell_their_target);
	RUN(children_are_listed_in_byte_order_and_in_folded_order);
	RUN(a_folded_lookup_prefers_the_exact_name);
	RUN(extras_come_sorted_and_xattrs_by_name);
	RUN(totals_count_every_name_but_every_byte_once);
	vv_tree_fini(&tree);
	vv_tree_fini(&tree);
	vv_buf_fini(&image);
	return test_report();
}
