/*
 * The public API over stores and host directories in temporary directories: what paths
 * lead to, what nodes keep, what moves, what is refused.
 */
#include "codec/hash.h"
#include "core/err.h"
#include "core/id.h"
#include "format/tree.h"
#include "lib/temp_dir.h"
#include "lib/teststore.h"
#include "os/system.h"
#include "os/thread.h"
#include "store/store.h"
#include "test.h"
#include "varve/varve.h"

#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PATIENCE_MS = 10000
};

static struct test_store ts;
static struct vv_fs *fs;

/* ---- stores to look at ---- */

static struct vv_id publish_file(const char *ref, const char *path, const char *content)
{
	struct test_file file = { path, content, strlen(content) };

	return test_publish(&ts, ref, &file, 1, NULL);
}

static void add(struct vv_tree_builder *b, const char *path, uint32_t mode,
		const char *target)
{
	struct vv_tree_meta meta = { .mode = mode, .target = target, .uid = 7 };

	CHECK_INT(vv_tree_builder_add(b, path, &meta), VV_OK);
}

/* Directories and symlinks, every way round; files are empty. */
static void publish_links(const char *ref)
{
	struct vv_tree_builder *b;
	struct vv_id tree;

	CHECK_INT(vv_tree_builder_new(&b, VV_TREE_DUP_ERROR), VV_OK);
	add(b, "usr/include/a.h", VV_S_IFREG | 0644, NULL);
	add(b, "usr/lib/b.so", VV_S_IFREG | 0755, NULL);
	add(b, "usr/include/near.h", VV_S_IFLNK | 0777, "a.h");
	add(b, "usr/include/up.so", VV_S_IFLNK | 0777, "../lib/b.so");
	add(b, "include", VV_S_IFLNK | 0777, "/usr/include");
	add(b, "chain", VV_S_IFLNK | 0777, "include/near.h");
	add(b, "out", VV_S_IFLNK | 0777, "../../../../usr/lib");
	add(b, "slash", VV_S_IFLNK | 0777, "usr/lib/");
	add(b, "tofile", VV_S_IFLNK | 0777, "usr/lib/b.so/");
	add(b, "loop", VV_S_IFLNK | 0777, "loop");
	add(b, "ping", VV_S_IFLNK | 0777, "pong");
	add(b, "pong", VV_S_IFLNK | 0777, "ping");
	add(b, "dangling", VV_S_IFLNK | 0777, "nowhere");
	tree = test_tree_put(&ts, b);
	test_ref_put(&ts, ref, &tree);
}

static void open_fs(const struct vv_fs_layer *layers, size_t count, int follow)
{
	struct vv_fs_options opts = {
		.struct_size = sizeof opts,
		.layers = layers,
		.layer_count = count,
		.memory_bytes = 16 << 20,
		.follow = follow,
	};

	CHECK_INT(vv_fs_open(&fs, ts.path, &opts), VV_FS_OK);
}

static void end(void)
{
	vv_fs_close(fs);
	fs = NULL;
	test_store_drop(&ts);
}

static struct vv_fs_node *open_node(const char *path)
{
	struct vv_fs_node *node;

	CHECK_INT(vv_fs_node_open(&node, vv_fs_root(fs), path, 0), VV_FS_OK);
	return node;
}

static bool reads_as(struct vv_fs_node *node, const char *content)
{
	char buf[256];
	size_t got;

	CHECK_INT(vv_fs_node_read(node, buf, sizeof buf, 0, &got), VV_FS_OK);
	return got == strlen(content) && memcmp(buf, content, got) == 0;
}

static bool holds(const char *path, const char *content)
{
	struct vv_fs_node *node = open_node(path);
	bool same = reads_as(node, content);

	vv_fs_node_close(node);
	return same;
}

static int stat_from(struct vv_fs_node *at, const char *path, unsigned flags)
{
	struct vv_fs_attr attr;

	return vv_fs_stat(at, path, flags, &attr);
}

/* ---- refs ---- */

static void refs_are_listed_by_name(void)
{
	const char *names[] = { "clang", "gcc/12", "gcc/13" };
	const struct vv_fs_ref *ref;
	struct vv_fs_refs *refs;
	char hex[VV_ID_HEX_BYTES];
	struct vv_id trees[3];

	test_store_make(&ts);
	for (int i = 2; i >= 0; i--)
		trees[i] = publish_file(names[i], "x", names[i]);
	CHECK_INT(vv_fs_refs_open(&refs, ts.path), VV_FS_OK);
	for (int i = 0; i < 3; i++) {
		CHECK_INT(vv_fs_refs_next(refs, &ref), 1);
		CHECK_STR(ref->name, names[i]);
		CHECK_STR(ref->tree, vv_id_to_hex(&trees[i], hex));
	}
	CHECK_INT(vv_fs_refs_next(refs, &ref), 0);
	CHECK(ref == NULL);
	CHECK_INT(vv_fs_refs_next(refs, &ref), 0);
	vv_fs_refs_close(refs);
	vv_fs_refs_close(NULL);
	CHECK_INT(vv_fs_refs_open(&refs, "/nonexistent/store"), VV_FS_ENOENT);
	CHECK(refs == NULL);
	end();
}

/* ---- bytes and attributes ---- */

/* `big` in the ref `t`; @content is filled. */
static struct vv_fs_node *open_big(uint8_t *content, size_t size)
{
	struct test_file file = { "big", content, size };

	CHECK(content != NULL);
	test_fill(content, size, size);
	test_store_make(&ts);
	test_publish(&ts, "t", &file, 1, NULL);
	open_fs(NULL, 0, VV_FS_FOLLOW_REFS);
	return open_node("t/big");
}

static void a_file_is_read_at_any_offset(void)
{
	enum {
		SIZE = 300000
	};
	uint8_t *content = malloc(SIZE), *buf = malloc(SIZE);
	struct vv_fs_node *node = open_big(content, SIZE);
	size_t got;

	CHECK(buf != NULL);
	CHECK_INT(vv_fs_node_read(node, buf, SIZE, 0, &got), VV_FS_OK);
	CHECK(got == SIZE && memcmp(buf, content, SIZE) == 0);
	CHECK_INT(vv_fs_node_read(node, buf, 70000, 65000, &got), VV_FS_OK);
	CHECK(got == 70000 && memcmp(buf, content + 65000, 70000) == 0);
	CHECK_INT(vv_fs_node_read(node, buf, 100, SIZE - 1, &got), VV_FS_OK);
	CHECK(got == 1 && buf[0] == content[SIZE - 1]);
	CHECK_INT(vv_fs_node_read(node, buf, 100, SIZE, &got), VV_FS_OK);
	CHECK_INT(got, 0);
	CHECK_INT(vv_fs_node_read(node, buf, 100, UINT64_MAX, &got), VV_FS_OK);
	CHECK_INT(got, 0);
	CHECK_INT(vv_fs_node_read(node, buf, 0, 5, &got), VV_FS_OK);
	CHECK_INT(got, 0);
	vv_fs_node_close(node);
	end();
	free(buf);
	free(content);
}

static void what_is_no_file_has_no_bytes(void)
{
	struct vv_fs_node *dir, *link;
	uint8_t id[VV_FS_ID_BYTES];
	char buf[8];
	size_t got;

	test_store_make(&ts);
	publish_links("t");
	open_fs(NULL, 0, VV_FS_FOLLOW_REFS);
	dir = open_node("t/usr");
	link = open_node("t/chain");
	CHECK_INT(vv_fs_node_read(dir, buf, 8, 0, &got), VV_FS_EISDIR);
	CHECK_INT(vv_fs_node_read(link, buf, 8, 0, &got), VV_FS_EINVAL);
	CHECK_INT(vv_fs_node_read(vv_fs_root(fs), buf, 8, 0, &got), VV_FS_EISDIR);
	CHECK_INT(vv_fs_node_content_id(dir, id), VV_FS_EISDIR);
	CHECK_INT(vv_fs_node_readlink(dir, buf, 8, &got), VV_FS_EINVAL);
	vv_fs_node_close(link);
	vv_fs_node_close(dir);
	end();
}

static void attributes_are_those_of_the_tree(void)
{
	struct vv_fs_attr attr, again;
	struct vv_fs_node *node;

	test_store_make(&ts);
	publish_file("t", "dir/x", "12345");
	publish_links("links");
	open_fs(NULL, 0, VV_FS_FOLLOW_REFS);
	node = open_node("t/dir/x");
	CHECK_INT(vv_fs_node_stat(node, &attr), VV_FS_OK);
	CHECK_INT(attr.mode, VV_FS_IFREG | 0644);
	CHECK_INT(attr.size, 5);
	CHECK_INT(attr.mtime_sec, 1600000000);
	CHECK_INT(attr.mtime_nsec, 123456789);
	CHECK_INT(attr.nlink, 1);
	CHECK_INT(vv_fs_stat(vv_fs_root(fs), "/t//dir/./x", 0, &again), VV_FS_OK);
	CHECK(memcmp(&attr, &again, sizeof attr) == 0);
	vv_fs_node_close(node);
	CHECK_INT(vv_fs_stat(vv_fs_root(fs), "links/chain", 0, &attr), VV_FS_OK);
	CHECK_INT(attr.mode, VV_FS_IFLNK | 0777);
	CHECK_INT(attr.uid, 7);
	CHECK_INT(attr.size, strlen("include/near.h"));
	CHECK_INT(vv_fs_stat(vv_fs_root(fs), "", 0, &attr), VV_FS_OK);
	CHECK_INT(attr.mode & VV_FS_IFMT, VV_FS_IFDIR);
	end();
}

static void a_content_id_is_the_hash_of_the_bytes(void)
{
	uint8_t got[VV_FS_ID_BYTES];
	struct vv_fs_node *node;
	struct vv_id want;

	test_store_make(&ts);
	publish_file("t", "x", "content");
	publish_links("links");
	open_fs(NULL, 0, VV_FS_FOLLOW_REFS);
	vv_hash_id(&want, "content", 7);
	node = open_node("t/x");
	CHECK_INT(vv_fs_node_content_id(node, got), VV_FS_OK);
	CHECK(memcmp(got, want.bytes, sizeof got) == 0);
	vv_fs_node_close(node);
	vv_hash_id(&want, NULL, 0);
	node = open_node("links/usr/include/a.h");
	CHECK_INT(vv_fs_node_content_id(node, got), VV_FS_OK);
	CHECK(memcmp(got, want.bytes, sizeof got) == 0);
	vv_fs_node_close(node);
	end();
}

static void extended_attributes_are_given_and_listed(void)
{
	struct vv_extra extra = { .type = VV_EXTRA_XATTR,
				  .name = "user.a",
				  .name_len = 6,
				  .value = (const uint8_t *)"b",
				  .value_len = 1 };
	struct vv_tree_meta meta = { .mode = VV_S_IFREG | 0644,
				     .extras = &extra,
				     .extra_count = 1 };
	struct vv_tree_builder *b;
	struct vv_fs_node *node;
	struct vv_id tree;
	char buf[32];
	size_t len;

	test_store_make(&ts);
	CHECK_INT(vv_tree_builder_new(&b, VV_TREE_DUP_ERROR), VV_OK);
	CHECK_INT(vv_tree_builder_add(b, "x", &meta), VV_OK);
	tree = test_tree_put(&ts, b);
	test_ref_put(&ts, "t", &tree);
	open_fs(NULL, 0, VV_FS_FOLLOW_REFS);
	node = open_node("t/x");
	CHECK_INT(vv_fs_node_xattr_list(node, NULL, 0, &len), VV_FS_OK);
	CHECK_INT(len, 7);
	CHECK_INT(vv_fs_node_xattr_list(node, buf, sizeof buf, &len), VV_FS_OK);
	CHECK(len == 7 && memcmp(buf, "user.a", 7) == 0);
	CHECK_INT(vv_fs_node_xattr_list(node, buf, 3, &len), VV_FS_ERANGE);
	CHECK_INT(len, 0);
	CHECK_INT(vv_fs_node_xattr_get(node, "user.a", buf, sizeof buf, &len),
		  VV_FS_OK);
	CHECK(len == 1 && buf[0] == 'b');
	CHECK_INT(vv_fs_node_xattr_get(node, "user.b", buf, sizeof buf, &len),
		  VV_FS_ENODATA);
	vv_fs_node_close(node);
	end();
}

/* ---- paths ---- */

/* From the ref's own top: what it leads to, and what mount-like programs are told. */
static void check_path(const char *path, unsigned flags, int want, uint32_t mode)
{
	struct vv_fs_node *top = open_node("t");
	struct vv_fs_attr attr;
	int err = vv_fs_stat(top, path, flags, &attr);

	if (err != want || attr.mode != mode)
		fprintf(stderr, "path '%s', flags %u\n", path, flags);
	CHECK_INT(err, want);
	CHECK_INT(attr.mode, mode);
	vv_fs_node_close(top);
}

static void symlinks_are_followed_only_as_asked(void)
{
	const uint32_t link = VV_FS_IFLNK | 0777, dir = VV_FS_IFDIR | 0755;
	const uint32_t header = VV_FS_IFREG | 0644, lib = VV_FS_IFREG | 0755;

	test_store_make(&ts);
	publish_links("t");
	open_fs(NULL, 0, VV_FS_FOLLOW_REFS);
	check_path("usr/include/near.h", 0, VV_FS_OK, link);
	check_path("usr/include/near.h", VV_FS_FOLLOW_MIDDLE, VV_FS_OK, link);
	check_path("usr/include/near.h", VV_FS_FOLLOW_LAST, VV_FS_OK, header);
	check_path("include/a.h", 0, VV_FS_ELOOP, 0);
	check_path("include/a.h", VV_FS_FOLLOW_LAST, VV_FS_ELOOP, 0);
	check_path("include/a.h", VV_FS_FOLLOW_MIDDLE, VV_FS_OK, header);
	check_path("include/near.h", VV_FS_FOLLOW_MIDDLE, VV_FS_OK, link);
	check_path("chain", VV_FS_FOLLOW, VV_FS_OK, header);
	check_path("include/up.so", VV_FS_FOLLOW, VV_FS_OK, lib);
	check_path("include/", VV_FS_FOLLOW, VV_FS_OK, dir);
	check_path("include/", 0, VV_FS_ELOOP, 0);
	check_path("slash", VV_FS_FOLLOW, VV_FS_OK, dir);
	check_path("slash/b.so", VV_FS_FOLLOW, VV_FS_OK, lib);
	check_path("tofile", VV_FS_FOLLOW, VV_FS_ENOTDIR, 0);
	check_path("dangling", 0, VV_FS_OK, link);
	check_path("dangling", VV_FS_FOLLOW, VV_FS_ENOENT, 0);
	check_path("loop", VV_FS_FOLLOW, VV_FS_ELOOP, 0);
	check_path("ping/x", VV_FS_FOLLOW, VV_FS_ELOOP, 0);
	check_path("usr", 4, VV_FS_EINVAL, 0);
	end();
}

static void nothing_leads_out_of_where_a_path_begins(void)
{
	const uint32_t dir = VV_FS_IFDIR | 0755, lib = VV_FS_IFREG | 0755;

	test_store_make(&ts);
	publish_links("t");
	publish_file("other", "x", "x");
	open_fs(NULL, 0, VV_FS_FOLLOW_REFS);
	check_path("../other", 0, VV_FS_ENOENT, 0);
	check_path("..", 0, VV_FS_OK, dir);
	check_path("../../usr/lib/b.so", 0, VV_FS_OK, lib);
	check_path("out/b.so", VV_FS_FOLLOW, VV_FS_OK, lib);
	check_path("usr/include/../lib/b.so", 0, VV_FS_OK, lib);
	check_path("/usr/lib/b.so", 0, VV_FS_OK, lib);
	check_path("/", 0, VV_FS_OK, dir);
	check_path(".", 0, VV_FS_OK, dir);
	/* The same link from the root of the view: there is no /usr there. */
	CHECK_INT(stat_from(vv_fs_root(fs), "t/chain", VV_FS_FOLLOW), VV_FS_ENOENT);
	CHECK_INT(stat_from(vv_fs_root(fs), "t/../other/x", 0), VV_FS_OK);
	end();
}

static void a_wrong_path_says_what_is_wrong(void)
{
	char *name = malloc(VV_FS_PATH_MAX + 1);
	struct vv_fs_node *node;

	CHECK(name != NULL);
	test_store_make(&ts);
	publish_links("t");
	open_fs(NULL, 0, VV_FS_FOLLOW_REFS);
	check_path("usr/nothing", 0, VV_FS_ENOENT, 0);
	check_path("nothing/usr", 0, VV_FS_ENOENT, 0);
	check_path("usr/lib/b.so/x", 0, VV_FS_ENOTDIR, 0);
	check_path("usr/lib/b.so/", 0, VV_FS_ENOTDIR, 0);
	check_path("usr/lib/b.so/.", 0, VV_FS_ENOTDIR, 0);
	check_path("usr/lib/b.so/..", 0, VV_FS_ENOTDIR, 0);
	memset(name, 'n', VV_FS_PATH_MAX);
	name[VV_FS_PATH_MAX] = '\0';
	check_path(name, 0, VV_FS_ENAMETOOLONG, 0);
	name[VV_FS_PATH_MAX - 1] = '\0';
	check_path(name, 0, VV_FS_ENAMETOOLONG, 0); /* of one name */
	memset(name, '/', VV_FS_PATH_MAX - 1);
	check_path(name, 0, VV_FS_OK, VV_FS_IFDIR | 0755);
	CHECK_INT(vv_fs_node_open(&node, vv_fs_root(fs), "t/no", 0), VV_FS_ENOENT);
	CHECK(node == NULL);
	node = open_node("t/usr/lib/b.so");
	CHECK_INT(stat_from(node, "", 0), VV_FS_OK);
	CHECK_INT(stat_from(node, "x", 0), VV_FS_ENOTDIR);
	CHECK_INT(stat_from(node, ".", 0), VV_FS_ENOTDIR);
	vv_fs_node_close(node);
	end();
	free(name);
}

static void a_path_may_be_deep(void)
{
	enum {
		DEPTH = 1000
	};
	char path[2 * DEPTH + 8] = "t";

	test_store_make(&ts);
	for (int i = 0; i < DEPTH; i++)
		strcat(path, "/d");
	publish_file("t", path + 2, "deep");
	open_fs(NULL, 0, VV_FS_FOLLOW_REFS);
	CHECK(holds(path, "deep"));
	CHECK_INT(stat_from(vv_fs_root(fs), strcat(path, "/x"), 0), VV_FS_ENOTDIR);
	end();
}

static void a_target_fits_its_buffer_or_is_refused(void)
{
	struct vv_fs_node *node;
	char buf[16];
	size_t len;

	test_store_make(&ts);
	publish_links("t");
	open_fs(NULL, 0, VV_FS_FOLLOW_REFS);
	node = open_node("t/usr/include/near.h");
	CHECK_INT(vv_fs_node_readlink(node, buf, sizeof buf, &len), VV_FS_OK);
	CHECK_INT(len, 3);
	CHECK_STR(buf, "a.h");
	CHECK_INT(vv_fs_node_readlink(node, buf, 4, &len), VV_FS_OK);
	CHECK_INT(vv_fs_node_readlink(node, buf, 3, &len), VV_FS_ERANGE);
	CHECK_STR(buf, "");
	CHECK_INT(vv_fs_node_readlink(node, buf, 0, &len), VV_FS_ERANGE);
	vv_fs_node_close(node);
	end();
}

/* ---- directories ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void a_directory_is_listed_whole_and_in_order(void)
{
	enum {
		FILES = 1000
	};
	static char names[FILES][VV_ID_HEX_BYTES];
	static struct test_file files[FILES];
	const struct vv_fs_entry *entry;
	struct vv_fs_node *node;
	struct vv_fs_dir *dir;

	for (int i = 0; i < FILES; i++) {
		snprintf(names[i], sizeof names[i], "%s%04d",
			 i % 3 ? "a-longer-name-than-others-" : "a-", i);
		files[i] = (struct test_file){ names[i], "x", 1 };
	}
	qsort(names, FILES, sizeof names[0], compare_names);
	test_store_make(&ts);
	test_publish(&ts, "t", files, FILES, NULL);
	open_fs(NULL, 0, VV_FS_FOLLOW_REFS);
	node = open_node("t");
	CHECK_INT(vv_fs_dir_open(&dir, node), VV_FS_OK);
	vv_fs_node_close(node); /* the listing keeps it */
	for (int i = 0; i < FILES; i++) {
		CHECK_INT(vv_fs_dir_next(dir, &entry), 1);
		CHECK_STR(entry->name, names[i]);
		CHECK_INT(entry->name_len, strlen(names[i]));
		CHECK_INT(entry->type, VV_FS_IFREG);
		CHECK(entry->ino != 0);
	}
	CHECK_INT(vv_fs_dir_next(dir, &entry), 0);
	CHECK_INT(vv_fs_dir_next(dir, &entry), 0);
	CHECK(entry == NULL);
	vv_fs_dir_close(dir);
	end();
}

static void only_directories_are_listed(void)
{
	struct vv_fs_node *node;
	struct vv_fs_dir *dir;

	test_store_make(&ts);
	publish_file("t", "x", "x");
	open_fs(NULL, 0, VV_FS_FOLLOW_REFS);
	node = open_node("t/x");
	CHECK_INT(vv_fs_dir_open(&dir, node), VV_FS_ENOTDIR);
	CHECK(dir == NULL);
	vv_fs_node_close(node);
	end();
}

/* ---- layers ---- */

static void layers_show_where_they_were_put(void)
{
	char *host = temp_dir_new(), *note = temp_path(host, "note");
	struct vv_fs_layer layers[] = { { .ref = "a", .path = "/sdk//v1/" },
					{ .ref = "b", .path = "sdk/v1" },
					{ .ref = "b" },
					{ .dir = host } };
	uint8_t id[VV_FS_ID_BYTES];
	struct vv_fs_node *node;
	struct vv_fs_dir *dir;
	const struct vv_fs_entry *entry;

	temp_file(note, "hello", 5);
	test_store_make(&ts);
	publish_file("a", "x", "from a");
	publish_file("b", "x", "from b");
	open_fs(layers, 4, VV_FS_FOLLOW_REFS);
	CHECK(holds("sdk/v1/x", "from a") && holds("b/x", "from b"));
	CHECK_INT(stat_from(vv_fs_root(fs), "a", 0), VV_FS_ENOENT);
	CHECK(holds("note", "hello"));
	node = open_node("note");
	CHECK_INT(vv_fs_node_content_id(node, id), VV_FS_ENODATA);
	CHECK(unlink(note) == 0);
	vv_fs_node_close(node);
	CHECK_INT(vv_fs_dir_open(&dir, vv_fs_root(fs)), VV_FS_OK);
	CHECK(vv_fs_dir_next(dir, &entry) == 1 && strcmp(entry->name, "b") == 0);
	CHECK(vv_fs_dir_next(dir, &entry) == 1 && strcmp(entry->name, "sdk") == 0);
	CHECK_INT(vv_fs_dir_next(dir, &entry), 0);
	vv_fs_dir_close(dir);
	end();
	free(note);
	temp_dir_free(host);
}

static void a_symlink_of_a_host_directory_stays_in_the_view(void)
{
	char *host = temp_dir_new(), *link = temp_path(host, "passwd");
	struct vv_fs_layer layer = { .dir = host, .path = "h" };

	CHECK(symlink("/etc/passwd", link) == 0);
	test_store_make(&ts);
	open_fs(&layer, 1, VV_FS_FOLLOW_REFS);
	CHECK_INT(stat_from(vv_fs_root(fs), "h/passwd", 0), VV_FS_OK);
	CHECK_INT(stat_from(vv_fs_root(fs), "h/passwd", VV_FS_FOLLOW), VV_FS_ENOENT);
	end();
	free(link);
	temp_dir_free(host);
}

static int try_open(const struct vv_fs_options *opts)
{
	int err = vv_fs_open(&fs, ts.path, opts);

	CHECK(err && fs == NULL);
	return err;
}

static void what_makes_no_sense_is_refused(void)
{
	struct later {
		struct vv_fs_options opts;
		int wish;
	} later = { .opts = { .struct_size = sizeof later } };
	struct vv_fs_layer layer = { .ref = "none" };
	struct vv_fs_options opts = { .struct_size = sizeof opts,
				      .layers = &layer,
				      .layer_count = 1 };

	test_store_make(&ts);
	CHECK_INT(try_open(&opts), VV_FS_ENOENT);
	layer.path = "a/../b";
	CHECK_INT(try_open(&opts), VV_FS_EINVAL);
	layer = (struct vv_fs_layer){ .ref = "a:b" };
	CHECK_INT(try_open(&opts), VV_FS_EINVAL);
	layer = (struct vv_fs_layer){ .ref = "a", .dir = "/" };
	CHECK_INT(try_open(&opts), VV_FS_EINVAL);
	layer = (struct vv_fs_layer){ .path = "a" };
	CHECK_INT(try_open(&opts), VV_FS_EINVAL);
	layer = (struct vv_fs_layer){ .dir = "/nonexistent/dir" };
	CHECK_INT(try_open(&opts), VV_FS_ENOENT);
	opts = (struct vv_fs_options){ .struct_size = sizeof opts,
				       .memory_bytes = 1000 };
	CHECK_INT(try_open(&opts), VV_FS_EINVAL);
	opts = (struct vv_fs_options){ .struct_size = sizeof opts, .follow = 7 };
	CHECK_INT(try_open(&opts), VV_FS_EINVAL);
	opts = (struct vv_fs_options){ 0 };
	CHECK_INT(try_open(&opts), VV_FS_EINVAL);
	later.wish = 1;
	CHECK_INT(try_open(&later.opts), VV_FS_E2BIG);
	later.wish = 0; /* a default of later is what we do anyway */
	CHECK_INT(vv_fs_open(&fs, ts.path, &later.opts), VV_FS_OK);
	vv_fs_close(fs);
	CHECK_INT(vv_fs_open(&fs, "/nonexistent", NULL), VV_FS_ENOENT);
	CHECK_INT(vv_fs_open(&fs, "/dev/null", NULL), VV_FS_ENOENT);
	CHECK_INT(vv_fs_open(&fs, "/", NULL), VV_FS_ENOENT);
	end();
}

/* ---- life ---- */

static void things_may_be_closed_in_any_order(void)
{
	struct vv_fs_node *file, *same;
	const struct vv_fs_entry *entry;
	struct vv_fs_dir *dir;

	test_store_make(&ts);
	publish_file("t", "x", "content");
	open_fs(NULL, 0, VV_FS_FOLLOW_REFS);
	file = open_node("t/x");
	CHECK_INT(vv_fs_node_open(&same, file, "", 0), VV_FS_OK);
	CHECK_INT(vv_fs_dir_open(&dir, vv_fs_root(fs)), VV_FS_OK);
	vv_fs_close(fs);
	vv_fs_node_close(file);
	CHECK(reads_as(same, "content"));
	CHECK_INT(vv_fs_dir_next(dir, &entry), 1);
	CHECK_STR(entry->name, "t");
	vv_fs_node_close(same);
	vv_fs_dir_close(dir);
	vv_fs_close(NULL);
	vv_fs_node_close(NULL);
	vv_fs_dir_close(NULL);
	fs = NULL;
	end();
}

static void the_budget_gets_back_what_nodes_took(void)
{
	struct vv_fs_node *nodes[100];
	struct vv_fs_usage before, during, after;

	test_store_make(&ts);
	publish_file("t", "x", "content");
	open_fs(NULL, 0, VV_FS_FOLLOW_ON_DEMAND);
	CHECK(holds("t/x", "content"));
	vv_fs_get_usage(fs, &before);
	CHECK_INT(before.memory_limit, 16 << 20);
	for (int i = 0; i < 100; i++)
		nodes[i] = open_node("t/x");
	vv_fs_get_usage(fs, &during);
	CHECK(during.memory_used >= before.memory_used + 100 * 16);
	for (int i = 0; i < 100; i++)
		vv_fs_node_close(nodes[i]);
	vv_fs_get_usage(fs, &after);
	CHECK_INT(after.memory_used, before.memory_used);
	end();
}

static void a_file_larger_than_the_budget_is_read_within_it(void)
{
	enum {
		SIZE = 24 << 20
	};
	uint8_t *content = malloc(SIZE), *buf = malloc(SIZE);
	struct vv_fs_node *node = open_big(content, SIZE);
	struct vv_fs_usage usage;
	size_t got;

	CHECK(buf != NULL);
	CHECK_INT(vv_fs_node_read(node, buf, SIZE, 0, &got), VV_FS_OK);
	CHECK(got == SIZE && memcmp(buf, content, SIZE) == 0);
	vv_fs_get_usage(fs, &usage);
	CHECK(usage.memory_peak > 0 && usage.memory_peak <= usage.memory_limit);
	vv_fs_node_close(node);
	end();
	free(buf);
	free(content);
}

/* ---- refs that move ---- */

static void a_node_keeps_its_tree_and_a_path_does_not(void)
{
	struct vv_fs_node *top;
	struct vv_fs_attr attr;
	uint64_t changes;

	test_store_make(&ts);
	publish_file("t", "x", "old");
	open_fs(NULL, 0, VV_FS_FOLLOW_ON_DEMAND);
	top = open_node("t");
	changes = vv_fs_changes(fs);
	publish_file("t", "x", "newer");
	CHECK(holds("t/x", "old"));
	CHECK_INT(vv_fs_refresh(fs), VV_FS_OK);
	CHECK(vv_fs_changes(fs) != changes);
	CHECK(holds("t/x", "newer"));
	CHECK_INT(vv_fs_stat(top, "x", 0, &attr), VV_FS_OK);
	CHECK_INT(attr.size, 3);
	vv_fs_node_close(top);
	CHECK_INT(vv_ref_remove(ts.store, "t"), VV_OK);
	CHECK_INT(vv_fs_refresh(fs), VV_FS_OK);
	CHECK_INT(stat_from(vv_fs_root(fs), "t", 0), VV_FS_ENOENT);
	end();
}

static void a_moved_ref_is_followed_without_being_asked(void)
{
	test_store_make(&ts);
	publish_file("t", "x", "old");
	open_fs(NULL, 0, VV_FS_FOLLOW_REFS);
	publish_file("t", "x", "newer");
	for (unsigned ms = 0; holds("t/x", "old"); ms++) {
		CHECK(ms < PATIENCE_MS);
		vv_sleep_ms(1);
	}
	CHECK(holds("t/x", "newer"));
	end();
}

static void a_store_that_went_away_is_told_and_what_is_shown_stays(void)
{
	char moved[1024];

	test_store_make(&ts);
	publish_file("t", "x", "content");
	open_fs(NULL, 0, VV_FS_FOLLOW_ON_DEMAND);
	CHECK(holds("t/x", "content"));
	snprintf(moved, sizeof moved, "%s.moved", ts.path);
	CHECK(rename(ts.path, moved) == 0);
	CHECK(vv_fs_refresh(fs) < 0);
	CHECK(holds("t/x", "content"));
	CHECK(rename(moved, ts.path) == 0);
	CHECK_INT(vv_fs_refresh(fs), VV_FS_OK);
	end();
}

/* ---- damage ---- */

static char told[1024];

static void listen_to(void *ctx, int level, const char *line)
{
	CHECK(ctx == &ts && level >= 0 && level <= 3);
	if (strstr(line, "cannot read"))
		snprintf(told, sizeof told, "%s", line);
}

static void damage_is_an_error_with_a_name_and_never_wrong_bytes(void)
{
	uint8_t content[5000];
	struct test_file file = { "x", content, sizeof content };
	struct vv_fs_node *node;
	struct vv_id pack, frame;
	char buf[8];
	size_t got;

	test_fill(content, sizeof content, 5);
	vv_hash_id(&frame, content, sizeof content);
	test_store_make(&ts);
	test_publish(&ts, "t", &file, 1, &pack);
	publish_file("good", "x", "good");
	test_pack_damage(&ts, &pack, &frame);
	vv_fs_set_log(listen_to, &ts);
	open_fs(NULL, 0, VV_FS_FOLLOW_ON_DEMAND);
	node = open_node("t/x");
	CHECK_INT(vv_fs_node_read(node, buf, sizeof buf, 0, &got), VV_FS_ECORRUPT);
	CHECK_INT(got, 0);
	CHECK(strstr(told, "/t/x") != NULL);
	CHECK_STR(vv_fs_err_name(VV_FS_ECORRUPT), "ECORRUPT");
	CHECK(holds("good/x", "good"));
	vv_fs_node_close(node);
	end();
	vv_fs_set_log(NULL, NULL);
}

/* ---- threads ---- */

enum {
	READERS = 4,
	MOVES = 20,
	CONTENT = 100000
};

static atomic_bool is_over;
static atomic_uint rounds[READERS];

/* Both files of one version are of the same kind: a node holds them together. */
static void read_version(struct vv_fs_node *top, uint8_t *a, uint8_t *b)
{
	const struct vv_fs_entry *entry;
	struct vv_fs_node *one, *two;
	struct vv_fs_dir *dir;
	size_t got_a, got_b;

	CHECK_INT(vv_fs_node_open(&one, top, "one", 0), VV_FS_OK);
	CHECK_INT(vv_fs_node_open(&two, top, "sub/../two", 0), VV_FS_OK);
	CHECK_INT(vv_fs_node_read(one, a, CONTENT, 0, &got_a), VV_FS_OK);
	CHECK_INT(vv_fs_node_read(two, b, CONTENT, 0, &got_b), VV_FS_OK);
	CHECK(got_a == CONTENT && got_b == CONTENT && memcmp(a, b, CONTENT) == 0);
	CHECK_INT(vv_fs_dir_open(&dir, top), VV_FS_OK);
	CHECK(vv_fs_dir_next(dir, &entry) == 1 && strcmp(entry->name, "one") == 0);
	vv_fs_dir_close(dir);
	vv_fs_node_close(one);
	vv_fs_node_close(two);
}

static void reader(void *arg)
{
	atomic_uint *count = arg;
	uint8_t *room = malloc(2 * CONTENT);

	CHECK(room != NULL);
	while (!atomic_load(&is_over)) {
		struct vv_fs_node *top = open_node("gcc/12");

		read_version(top, room, room + CONTENT);
		vv_fs_node_close(top);
		CHECK_INT(stat_from(vv_fs_root(fs), "gcc/none", 0), VV_FS_ENOENT);
		atomic_fetch_add(count, 1);
	}
	free(room);
}

static void publish_version(unsigned seed)
{
	static uint8_t content[CONTENT];
	struct test_file files[] = { { "one", content, CONTENT },
				     { "sub/x", "", 0 },
				     { "two", content, CONTENT } };
	struct vv_tree_builder *b;
	struct test_pack tp;
	struct vv_id tree;

	test_fill(content, CONTENT, seed);
	test_pack_begin(&tp);
	test_pack_content(&tp, content, CONTENT, 65536);
	test_pack_commit(&tp, &ts);
	CHECK_INT(vv_tree_builder_new(&b, VV_TREE_DUP_ERROR), VV_OK);
	for (int i = 0; i < 3; i++) {
		struct vv_tree_meta meta = { .mode = VV_S_IFREG | 0644,
					     .size = files[i].size };

		if (meta.size)
			vv_hash_id(&meta.blob, content, CONTENT);
		CHECK_INT(vv_tree_builder_add(b, files[i].path, &meta), VV_OK);
	}
	tree = test_tree_put(&ts, b);
	test_ref_put(&ts, "gcc/12", &tree);
}

static void wait_for_rounds(void)
{
	for (int i = 0; i < READERS; i++) {
		unsigned before = atomic_load(&rounds[i]);

		for (unsigned ms = 0; atomic_load(&rounds[i]) == before; ms++) {
			CHECK(ms < PATIENCE_MS);
			vv_sleep_ms(1);
		}
	}
}

static void threads_read_whole_versions_while_a_ref_moves(void)
{
	struct vv_thread threads[READERS];
	struct vv_fs_usage usage;

	test_store_make(&ts);
	publish_version(0);
	open_fs(NULL, 0, VV_FS_FOLLOW_REFS);
	for (int i = 0; i < READERS; i++)
		CHECK_INT(vv_thread_create(&threads[i], "reader", reader, &rounds[i],
					   0),
			  VV_OK);
	for (unsigned i = 1; i <= MOVES; i++) {
		publish_version(i);
		CHECK_INT(vv_fs_refresh(fs), VV_FS_OK);
		wait_for_rounds();
	}
	atomic_store(&is_over, true);
	for (int i = 0; i < READERS; i++)
		vv_thread_join(&threads[i]);
	CHECK(vv_fs_changes(fs) >= MOVES);
	vv_fs_get_usage(fs, &usage);
	CHECK(usage.memory_peak <= usage.memory_limit);
	end();
}

static atomic_uint host_reads;

static void host_reader(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		CHECK(reads_as(arg, "hello"));
		atomic_fetch_add(&host_reads, 1);
	}
}

static void threads_share_a_node_of_a_host_file(void)
{
	char *host = temp_dir_new(), *note = temp_path(host, "note");
	struct vv_fs_layer layer = { .dir = host };
	struct vv_thread threads[READERS];
	struct vv_fs_node *node;

	temp_file(note, "hello", 5);
	test_store_make(&ts);
	open_fs(&layer, 1, VV_FS_FOLLOW_REFS);
	node = open_node("note");
	for (int i = 0; i < READERS; i++)
		CHECK_INT(vv_thread_create(&threads[i], "reader", host_reader, node, 0),
			  VV_OK);
	for (int i = 0; i < READERS; i++)
		vv_thread_join(&threads[i]);
	CHECK_INT(atomic_load(&host_reads), READERS * 1000);
	vv_fs_node_close(node);
	end();
	free(note);
	temp_dir_free(host);
}

int main(void)
{
	CHECK_INT(vv_fs_api_version(), VARVE_API_VERSION);
	RUN(refs_are_listed_by_name);
	RUN(a_file_is_read_at_any_offset);
	RUN(what_is_no_file_has_no_bytes);
	RUN(attributes_are_those_of_the_tree);
	RUN(a_content_id_is_the_hash_of_the_bytes);
	RUN(extended_attributes_are_given_and_listed);
	RUN(symlinks_are_followed_only_as_asked);
	RUN(nothing_leads_out_of_where_a_path_begins);
	RUN(a_wrong_path_says_what_is_wrong);
	RUN(a_path_may_be_deep);
	RUN(a_target_fits_its_buffer_or_is_refused);
	RUN(a_directory_is_listed_whole_and_in_order);
	RUN(only_directories_are_listed);
	RUN(layers_show_where_they_were_put);
	RUN(a_symlink_of_a_host_directory_stays_in_the_view);
	RUN(what_makes_no_sense_is_refused);
	RUN(things_may_be_closed_in_any_order);
	RUN(the_budget_gets_back_what_nodes_took);
	RUN(a_file_larger_than_the_budget_is_read_within_it);
	RUN(a_node_keeps_its_tree_and_a_path_does_not);
	RUN(a_moved_ref_is_followed_without_being_asked);
	RUN(a_store_that_went_away_is_told_and_what_is_shown_stays);
	RUN(damage_is_an_error_with_a_name_and_never_wrong_bytes);
	RUN(threads_read_whole_versions_while_a_ref_moves);
	RUN(threads_share_a_node_of_a_host_file);
	return test_report();
}
