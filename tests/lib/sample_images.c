#include "lib/sample_images.h"

#include "codec/hash.h"
#include "core/arith.h"
#include "core/err.h"
#include "format/pack_builder.h"
#include "format/tree.h"
#include "format/tree_builder.h"
#include "test.h"

struct vv_id sample_id(unsigned n)
{
	uint8_t bytes[4];
	struct vv_id id;

	vv_put_le32(bytes, n);
	vv_hash_id(&id, bytes, sizeof bytes);
	return id;
}

void image_cut(struct vv_buf *image)
{
	CHECK(image->len >= VV_IMAGE_TRAILER);
	image->len = vv_get_le64(image->bytes + image->len - VV_IMAGE_TRAILER + 24);
}

void image_remake(struct vv_buf *image, enum vv_image_kind kind)
{
	struct vv_id id;

	CHECK_INT(vv_image_finish(image, kind, &id), VV_OK);
}

/* ---- a tree ---- */

static void add(struct vv_tree_builder *b, const char *path, struct vv_tree_meta meta)
{
	CHECK_INT(vv_tree_builder_add(b, path, &meta), VV_OK);
}

static void add_file(struct vv_tree_builder *b, const char *path, uint64_t size)
{
	add(b, path,
	    (struct vv_tree_meta){ .mode = VV_S_IFREG | 0644,
				   .mtime_sec = 1660000000,
				   .mtime_nsec = 123456789,
				   .size = size,
				   .blob = sample_id((unsigned)size) });
}

static void add_special(struct vv_tree_builder *b)
{
	add(b, "dev", (struct vv_tree_meta){ .mode = VV_S_IFDIR | 0711 });
	add(b, "dev/null",
	    (struct vv_tree_meta){
		    .mode = VV_S_IFCHR | 0666, .rdev_major = 1, .rdev_minor = 3 });
	add(b, "dev/sda",
	    (struct vv_tree_meta){ .mode = VV_S_IFBLK | 0600, .rdev_major = 8 });
	add(b, "dev/fifo", (struct vv_tree_meta){ .mode = VV_S_IFIFO | 0600 });
	add(b, "dev/sock", (struct vv_tree_meta){ .mode = VV_S_IFSOCK | 0600 });
	CHECK_INT(vv_tree_builder_link(b, "dev/zfifo", "dev/fifo"), VV_OK);
}

static void add_with_extras(struct vv_tree_builder *b)
{
	static const uint8_t times[24] = { 1, 2, 3 }, attrs[4] = { 0x20 };
	struct vv_extra many[] = {
		{ VV_EXTRA_WIN_ATTRS, NULL, 0, attrs, 4 },
		{ VV_EXTRA_XATTR, "user.two", 8, (const uint8_t *)"22", 2 },
		{ VV_EXTRA_WIN_TIMES, NULL, 0, times, 24 },
		{ VV_EXTRA_XATTR, "user.one", 8, (const uint8_t *)"", 0 },
	};

	add(b, "bin/with-xattr",
	    (struct vv_tree_meta){
		    .mode = VV_S_IFREG | 0755, .extras = &many[1], .extra_count = 1 });
	add(b, "bin/with-many",
	    (struct vv_tree_meta){
		    .mode = VV_S_IFREG | 0755, .extras = many, .extra_count = 4 });
	add(b, "bin/with-many-too",
	    (struct vv_tree_meta){
		    .mode = VV_S_IFREG | 0555, .extras = many, .extra_count = 4 });
}

void sample_tree(struct vv_buf *out, struct vv_id *id)
{
	struct vv_tree_builder *b;

	vv_buf_init(out, 1 << 24);
	CHECK_INT(vv_tree_builder_new(&b, VV_TREE_DUP_ERROR), VV_OK);
	add_file(b, "bin/gcc", 1000);
	add_file(b, "bin/empty", 0);
	CHECK_INT(vv_tree_builder_link(b, "bin/cc", "bin/gcc"), VV_OK);
	CHECK_INT(vv_tree_builder_link(b, "a-gcc", "bin/gcc"), VV_OK);
	add_file(b, "include/stdio.h", 2000);
	add_file(b, "include/Stdio.h", 3000);
	add_file(b, "include/copy_of_stdio.h", 2000);
	add_file(b, "include/\xff\xfe", 7);
	add_file(b, "include/sys/types.h", 4000);
	add(b, "lib",
	    (struct vv_tree_meta){ .mode = VV_S_IFLNK | 0777, .target = "lib64" });
	add(b, "lib64",
	    (struct vv_tree_meta){ .mode = VV_S_IFDIR | 0750, .uid = 5, .gid = 6 });
	add(b, "include/link",
	    (struct vv_tree_meta){ .mode = VV_S_IFLNK | 0777, .target = "stdio.h" });
	add_special(b);
	add_with_extras(b);
	CHECK_INT(vv_tree_builder_finish(b, out, id), VV_OK);
	vv_tree_builder_free(b);
}

/* ---- a pack ---- */

static uint32_t add_frame(struct vv_pack_builder *b, struct vv_frame frame)
{
	uint32_t number;

	CHECK_INT(vv_pack_builder_frame(b, &frame, &number), VV_OK);
	return number;
}

static void add_frames(struct vv_pack_builder *b, uint32_t n[4])
{
	n[0] = add_frame(b, (struct vv_frame){ .id = sample_id(1),
					       .offset = 16,
					       .stored_size = 20000,
					       .plain_size = 65536,
					       .checksum = 11,
					       .codec = VV_CODEC_ZSTD,
					       .filter = VV_FILTER_BRANCH,
					       .reference = VV_NONE });
	CHECK_INT(vv_pack_builder_sketch(b, n[0],
					 (const uint32_t[]){ 1, 70000, 0xffffff }, 3),
		  VV_OK);
	n[1] = add_frame(b, (struct vv_frame){ .id = sample_id(2),
					       .offset = 20016,
					       .stored_size = 100,
					       .plain_size = 65536,
					       .codec = VV_CODEC_ZSTD,
					       .reference = n[0] });
	n[2] = add_frame(b, (struct vv_frame){ .id = sample_id(3),
					       .offset = 30000,
					       .stored_size = 70000,
					       .plain_size = 70000,
					       .reference = VV_NONE });
	CHECK_INT(vv_pack_builder_sketch(b, n[2], (const uint32_t[]){ 0, 1 }, 2),
		  VV_OK);
	n[3] = add_frame(b, (struct vv_frame){ .id = sample_id(4),
					       .plain_size = 5000,
					       .reference = VV_NONE });
	for (unsigned i = 5; i < 60; i++)
		add_frame(b, (struct vv_frame){ .id = sample_id(i),
						.plain_size = i,
						.reference = VV_NONE });
}

static void add_blob(struct vv_pack_builder *b, unsigned id, uint64_t size,
		     const struct vv_blob_part *parts, uint32_t count)
{
	struct vv_id blob = sample_id(id);

	CHECK_INT(vv_pack_builder_blob(b, &blob, size, parts, count), VV_OK);
}

void sample_pack(struct vv_buf *out, struct vv_id *id)
{
	struct vv_pack_builder *b;
	uint32_t n[4];

	vv_buf_init(out, 1 << 24);
	CHECK_INT(vv_pack_builder_new(&b), VV_OK);
	add_frames(b, n);
	add_blob(b, 101, 400000,
		 (const struct vv_blob_part[]){ { 0, n[0], 0 },
						{ 65536, VV_NONE, 0 },
						{ 300000, n[1], 10 },
						{ 365000, n[1], 0 } },
		 4);
	add_blob(b, 102, 70000, (const struct vv_blob_part[]){ { 0, n[2], 0 } }, 1);
	add_blob(b, 103, 1, (const struct vv_blob_part[]){ { 0, n[3], 4999 } }, 1);
	add_blob(b, 104, 1000, (const struct vv_blob_part[]){ { 0, n[3], 0 } }, 1);
	add_blob(b, 105, 1 << 30, (const struct vv_blob_part[]){ { 0, VV_NONE, 0 } },
		 1);
	CHECK_INT(vv_pack_builder_finish(b, SAMPLE_FRAMES_END, out, id), VV_OK);
	vv_pack_builder_free(b);
}
