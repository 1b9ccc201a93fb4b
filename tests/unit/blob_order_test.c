#include "store/blob_order.h"

#include "codec/hash.h"
#include "core/buf.h"
#include "core/err.h"
#include "format/tree_builder.h"
#include "test.h"

static struct vv_tree_builder *builder;
static struct vv_buf image;
static struct vv_tree tree;

static struct vv_id id_of(const char *content)
{
	struct vv_id id;

	vv_hash_id(&id, content, strlen(content));
	return id;
}

/* The content of a file is its path, so that ids tell files. */
static void file(const char *path)
{
	struct vv_tree_meta meta = { .mode = VV_S_IFREG | 0644, .size = strlen(path) };

	meta.blob = id_of(path);
	CHECK_INT(vv_tree_builder_add(builder, path, &meta), VV_OK);
}

static void directory(const char *path)
{
	struct vv_tree_meta meta = { .mode = VV_S_IFDIR | 0755 };

	CHECK_INT(vv_tree_builder_add(builder, path, &meta), VV_OK);
}

static void begin(void)
{
	vv_buf_init(&image, SIZE_MAX);
	CHECK_INT(vv_tree_builder_new(&builder, VV_TREE_DUP_REPLACE), VV_OK);
	directory("");
}

static void finish(void)
{
	struct vv_id id;

	CHECK_INT(vv_tree_builder_finish(builder, &image, &id), VV_OK);
	vv_tree_builder_free(builder);
	CHECK_INT(vv_tree_init(&tree, &id, image.bytes, image.len, NULL), VV_OK);
}

static void drop(void)
{
	vv_tree_fini(&tree);
	vv_buf_fini(&image);
}

struct expected {
	const char *const *paths;
	size_t count, at;
};

static int meet(void *ctx, const struct vv_id *id)
{
	struct expected *e = ctx;
	struct vv_id want;

	CHECK(e->at < e->count);
	want = id_of(e->paths[e->at++]);
	CHECK(vv_id_equal(id, &want));
	return VV_OK;
}

static void directories_come_depth_first_and_files_by_extension(void)
{
	static const char *const paths[] = {
		".hidden", "Makefile", "z.",	"b.c",	   "a.h",
		"d/x",	   "d/a.h",    "d/z.h", "d/e/1.h", "f/0",
	};
	struct expected e = { paths, sizeof paths / sizeof *paths, 0 };

	begin();
	directory("f");
	file("f/0");
	directory("d");
	file("d/z.h");
	directory("d/e");
	file("d/e/1.h");
	file("d/a.h");
	file("d/x");
	file("a.h");
	file("b.c");
	file("z.");
	file("Makefile");
	file(".hidden");
	finish();
	CHECK_INT(vv_blob_order(&tree, meet, &e), VV_OK);
	CHECK_INT(e.at, e.count);
	drop();
}

static int give_up(void *ctx, const struct vv_id *id)
{
	(void)id;
	return --*(int *)ctx ? VV_OK : VV_ECANCELED;
}

static void what_ends_it_is_returned(void)
{
	int left = 2;

	begin();
	file("1");
	file("2");
	file("3");
	finish();
	CHECK_INT(vv_blob_order(&tree, give_up, &left), VV_ECANCELED);
	CHECK_INT(left, 0);
	drop();
}

/* Links, empty files and what is no file have no content of their own. */
static void only_content_counts_and_streams_do(void)
{
	static const char *const paths[] = { "a", "stream of a", "b" };
	struct expected e = { paths, 3, 0 };
	struct vv_tree_meta empty = { .mode = VV_S_IFREG | 0644 };
	struct vv_tree_meta link = { .mode = VV_S_IFLNK | 0777, .target = "a" };
	struct vv_id stream = id_of("stream of a");
	uint8_t value[8 + VV_ID_BYTES] = { 11 };
	struct vv_extra extra = {
		.type = VV_EXTRA_STREAM,
		.name = "s",
		.name_len = 1,
		.value = value,
		.value_len = sizeof value,
	};
	struct vv_tree_meta with = { .mode = VV_S_IFREG | 0644,
				     .size = 1,
				     .blob = id_of("a"),
				     .extras = &extra,
				     .extra_count = 1 };

	memcpy(value + 8, stream.bytes, VV_ID_BYTES);
	begin();
	CHECK_INT(vv_tree_builder_add(builder, "a", &with), VV_OK);
	CHECK_INT(vv_tree_builder_link(builder, "a2", "a"), VV_OK);
	CHECK_INT(vv_tree_builder_add(builder, "empty", &empty), VV_OK);
	CHECK_INT(vv_tree_builder_add(builder, "link", &link), VV_OK);
	directory("none");
	file("b");
	finish();
	CHECK_INT(vv_blob_order(&tree, meet, &e), VV_OK);
	CHECK_INT(e.at, e.count);
	drop();
}

int main(void)
{
	RUN(directories_come_depth_first_and_files_by_extension);
	RUN(what_ends_it_is_returned);
	RUN(only_content_counts_and_streams_do);
	return test_report();
}
