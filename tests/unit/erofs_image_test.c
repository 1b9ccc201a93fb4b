/*
 * The images are read back here by the rules of the format as the kernel applies them:
 * directories by binary search over blocks, then within one.
 */
#include "format/erofs_image.h"

#include "core/arith.h"
#include "core/err.h"
#include "format/erofs_layout.h"
#include "format/erofs_regions.h"
#include "format/tree.h"
#include "format/tree_builder.h"
#include "test.h"

/* ---- making ---- */

struct made {
	struct vv_tree_builder *b;
	struct vv_buf tree_bytes;
	struct vv_tree tree;
	uint8_t *image;
	size_t size;
	struct vv_erofs_regions regions;
};

static void begin(struct made *m)
{
	*m = (struct made){ 0 };
	CHECK_INT(vv_tree_builder_new(&m->b, VV_TREE_DUP_ERROR), VV_OK);
}

static void add(struct made *m, const char *path, struct vv_tree_meta meta)
{
	CHECK_INT(vv_tree_builder_add(m->b, path, &meta), VV_OK);
}

static struct vv_tree_meta file_of(uint64_t size, uint8_t blob)
{
	struct vv_tree_meta meta = { .mode = VV_S_IFREG | 0644, .size = size };

	if (size)
		memset(meta.blob.bytes, blob, sizeof meta.blob.bytes);
	return meta;
}

static void finish_tree(struct made *m)
{
	struct vv_id id;

	vv_buf_init(&m->tree_bytes, SIZE_MAX);
	CHECK_INT(vv_tree_builder_finish(m->b, &m->tree_bytes, &id), VV_OK);
	vv_tree_builder_free(m->b);
	CHECK_INT(vv_tree_init(&m->tree, &id, m->tree_bytes.bytes, m->tree_bytes.len,
			       NULL),
		  VV_OK);
}

static void finish(struct made *m)
{
	struct vv_erofs_image *img;

	finish_tree(m);
	CHECK_INT(vv_erofs_image_new(&img, &m->tree), VV_OK);
	m->size = vv_erofs_image_size(img);
	m->image = calloc(1, m->size);
	CHECK(m->image != NULL);
	CHECK_INT(vv_erofs_image_write(img, m->image), VV_OK);
	vv_erofs_image_take_regions(img, &m->regions);
	vv_erofs_image_free(img);
}

/* A tree that no image can show. */
static int refusal(struct made *m)
{
	struct vv_erofs_image *img;
	int err;

	finish_tree(m);
	err = vv_erofs_image_new(&img, &m->tree);
	if (!err) {
		m->image = calloc(1, vv_erofs_image_size(img));
		err = vv_erofs_image_write(img, m->image);
	}
	vv_erofs_image_free(img);
	return err;
}

static void end(struct made *m)
{
	vv_tree_fini(&m->tree);
	vv_buf_fini(&m->tree_bytes);
	vv_erofs_regions_fini(&m->regions);
	free(m->image);
}

/* ---- reading ---- */

static const uint8_t *at(const struct made *m, uint64_t pos, uint64_t len)
{
	CHECK(vv_range_fits(pos, len, m->size));
	return m->image + pos;
}

static const uint8_t *super(const struct made *m)
{
	return at(m, VV_ERO_SB, VV_ERO_SB_SIZE);
}

static const uint8_t *inode(const struct made *m, uint64_t nid)
{
	return at(m, nid * VV_ERO_SLOT, VV_ERO_INO_BYTES);
}

static unsigned layout_of(const uint8_t *ino)
{
	CHECK_INT(vv_get_le16(ino + VV_ERO_INO_FORMAT) & 1, VV_ERO_FORMAT_EXTENDED);
	return vv_get_le16(ino + VV_ERO_INO_FORMAT) >> 1;
}

static uint64_t xattr_room(const uint8_t *ino)
{
	unsigned units = vv_get_le16(ino + VV_ERO_INO_XATTRS);

	return units ? VV_ERO_XA_HEADER + (units - 1) * 4 : 0;
}

static uint64_t body_at(const struct made *m, const uint8_t *ino)
{
	return (uint64_t)(ino - m->image) + VV_ERO_INO_BYTES + xattr_room(ino);
}

/* Block @n of what a plain or inline inode holds. */
static const uint8_t *block_of(const struct made *m, const uint8_t *ino, uint64_t n,
			       size_t *len)
{
	uint64_t size = vv_get_le64(ino + VV_ERO_INO_SIZE), body = body_at(m, ino);
	bool is_last = (n + 1) * VV_ERO_BLOCK >= size;

	*len = is_last ? size - n * VV_ERO_BLOCK : VV_ERO_BLOCK;
	if (is_last && layout_of(ino) == VV_ERO_LAYOUT_INLINE) {
		CHECK_INT(body / VV_ERO_BLOCK, (body + *len - 1) / VV_ERO_BLOCK);
		return at(m, body, *len);
	}
	return at(m, (vv_get_le32(ino + VV_ERO_INO_WHERE) + n) << VV_ERO_BLOCK_BITS,
		  *len);
}

static unsigned entries_in(const uint8_t *block)
{
	return vv_get_le16(block + VV_ERO_ENT_NAME) / VV_ERO_ENT_BYTES;
}

static const char *name_at(const uint8_t *block, size_t size, unsigned i, size_t *len)
{
	const uint8_t *ent = block + (size_t)i * VV_ERO_ENT_BYTES;
	size_t from = vv_get_le16(ent + VV_ERO_ENT_NAME), to = size;

	if (i + 1 < entries_in(block))
		to = vv_get_le16(ent + VV_ERO_ENT_BYTES + VV_ERO_ENT_NAME);
	CHECK(from < to && to <= size);
	*len = strnlen((const char *)block + from, to - from);
	return (const char *)block + from;
}

static int compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, vv_min_size(a_len, b_len));

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

/* The nid of @name in a block; 0: not there. */
static uint64_t find_in_block(const uint8_t *block, size_t size, const char *name,
			      size_t name_len, unsigned *type)
{
	int low = 0, high = (int)entries_in(block) - 1;

	while (low <= high) {
		int mid = (low + high) / 2, order;
		size_t len;
		const char *have = name_at(block, size, (unsigned)mid, &len);
		const uint8_t *ent = block + (size_t)mid * VV_ERO_ENT_BYTES;

		order = compare(name, name_len, have, len);
		if (order == 0) {
			*type = ent[VV_ERO_ENT_TYPE];
			return vv_get_le64(ent + VV_ERO_ENT_NID);
		}
		if (order < 0)
			high = mid - 1;
		else
			low = mid + 1;
	}
	return 0;
}

static uint64_t find_in_dir(const struct made *m, const uint8_t *ino, const char *name,
			    size_t name_len, unsigned *type)
{
	uint64_t size = vv_get_le64(ino + VV_ERO_INO_SIZE), low = 0,
		 high = (size + VV_ERO_BLOCK - 1) / VV_ERO_BLOCK;
	const uint8_t *last;
	size_t last_len;

	while (high - low > 1) { /* the last block that begins at or before it */
		uint64_t mid = low + (high - low) / 2;
		size_t len, first_len;
		const uint8_t *block = block_of(m, ino, mid, &len);
		const char *first = name_at(block, len, 0, &first_len);

		if (compare(name, name_len, first, first_len) < 0)
			high = mid;
		else
			low = mid;
	}
	last = block_of(m, ino, low, &last_len);
	return find_in_block(last, last_len, name, name_len, type);
}

/* NULL: no such path. */
static const uint8_t *find(const struct made *m, const char *path)
{
	const uint8_t *ino = inode(m, vv_get_le16(super(m) + VV_ERO_SB_ROOT));
	unsigned type;

	while (*path) {
		size_t len = strcspn(path, "/");
		uint64_t nid = find_in_dir(m, ino, path, len, &type);

		if (!nid)
			return NULL;
		ino = inode(m, nid);
		path += len + (path[len] == '/');
	}
	return ino;
}

static uint32_t mode_of(const uint8_t *ino)
{
	return vv_get_le16(ino + VV_ERO_INO_MODE);
}

static uint64_t nid_of(const struct made *m, const uint8_t *ino)
{
	return (uint64_t)(ino - m->image) / VV_ERO_SLOT;
}

/* Where the bytes of a file begin in the virtual file. */
static uint64_t data_at(const struct made *m, const uint8_t *ino)
{
	uint64_t pos = (body_at(m, ino) + 7) & ~UINT64_C(7);
	const uint8_t *idx = at(m, pos, VV_ERO_IDX_BYTES);
	uint32_t form = vv_get_le32(ino + VV_ERO_INO_WHERE);

	CHECK_INT(layout_of(ino), VV_ERO_LAYOUT_CHUNKS);
	CHECK_INT(form & ~UINT32_C(0x1f), VV_ERO_CHUNK_INDEXES);
	CHECK(UINT64_C(1) << (VV_ERO_BLOCK_BITS + (form & 0x1f)) >=
	      vv_get_le64(ino + VV_ERO_INO_SIZE)); /* one chunk */
	CHECK_INT(vv_get_le16(idx + VV_ERO_IDX_DEVICE), 1);
	return (uint64_t)vv_get_le32(idx + VV_ERO_IDX_BLOCK) << VV_ERO_BLOCK_BITS;
}

/* ---- tests ---- */

static void an_empty_tree_is_a_root_with_two_dots(void)
{
	struct made m;
	const uint8_t *root;
	unsigned type;

	begin(&m);
	add(&m, "", (struct vv_tree_meta){ .mode = VV_S_IFDIR | 0700, .uid = 7 });
	finish(&m);
	CHECK_INT(m.size, VV_ERO_BLOCK);
	CHECK_INT(vv_get_le32(super(&m)), VV_ERO_MAGIC);
	root = find(&m, "");
	CHECK_INT(mode_of(root), VV_S_IFDIR | 0700);
	CHECK_INT(vv_get_le32(root + VV_ERO_INO_UID), 7);
	CHECK_INT(find_in_dir(&m, root, ".", 1, &type), nid_of(&m, root));
	CHECK_INT(find_in_dir(&m, root, "..", 2, &type), nid_of(&m, root));
	CHECK(find(&m, "a") == NULL);
	end(&m);
}

static void every_kind_of_entry_keeps_its_attributes(void)
{
	struct made m;
	const uint8_t *ino;
	struct vv_tree_meta file = file_of(5, 1), device = { .mode = VV_S_IFCHR | 0600,
							     .rdev_major = 0x123,
							     .rdev_minor = 0x45678 };

	file.mode = VV_S_IFREG | 06755;
	file.uid = 100000;
	file.gid = 200000;
	file.mtime_sec = -5;
	file.mtime_nsec = 123456789;
	begin(&m);
	add(&m, "d/file", file);
	add(&m, "d/empty", file_of(0, 0));
	add(&m, "device", device);
	add(&m, "fifo", (struct vv_tree_meta){ .mode = VV_S_IFIFO | 0644 });
	add(&m, "socket", (struct vv_tree_meta){ .mode = VV_S_IFSOCK | 0644 });
	add(&m, "link",
	    (struct vv_tree_meta){ .mode = VV_S_IFLNK | 0777, .target = "d/file" });
	finish(&m);

	ino = find(&m, "d/file");
	CHECK_INT(mode_of(ino), file.mode);
	CHECK_INT(vv_get_le32(ino + VV_ERO_INO_UID), 100000);
	CHECK_INT(vv_get_le32(ino + VV_ERO_INO_GID), 200000);
	CHECK_INT((int64_t)vv_get_le64(ino + VV_ERO_INO_MTIME), -5);
	CHECK_INT(vv_get_le32(ino + VV_ERO_INO_MTIME_NSEC), 123456789);
	CHECK_INT(vv_get_le64(ino + VV_ERO_INO_SIZE), 5);
	CHECK_INT(vv_get_le32(ino + VV_ERO_INO_NLINK), 1);
	CHECK_INT(vv_get_le64(find(&m, "d/empty") + VV_ERO_INO_SIZE), 0);
	CHECK_INT(vv_get_le32(find(&m, "device") + VV_ERO_INO_WHERE),
		  0x78 | 0x123 << 8 | 0x45600 << 12);
	CHECK_INT(mode_of(find(&m, "fifo")), VV_S_IFIFO | 0644);
	CHECK_INT(mode_of(find(&m, "socket")), VV_S_IFSOCK | 0644);
	ino = find(&m, "link");
	CHECK_INT(vv_get_le64(ino + VV_ERO_INO_SIZE), 6);
	CHECK_INT(layout_of(ino), VV_ERO_LAYOUT_INLINE);
	CHECK(memcmp(at(&m, body_at(&m, ino), 6), "d/file", 6) == 0);
	CHECK_INT(vv_get_le32(find(&m, "d") + VV_ERO_INO_NLINK), 2);
	CHECK_INT(vv_get_le32(find(&m, "") + VV_ERO_INO_NLINK), 3);
	CHECK_INT(vv_get_le64(super(&m) + VV_ERO_SB_INODES), 8);
	end(&m);
}

static void hard_links_are_one_inode(void)
{
	struct made m;

	begin(&m);
	add(&m, "b/file", file_of(10, 1));
	CHECK_INT(vv_tree_builder_link(m.b, "a", "b/file"), VV_OK);
	add(&m, "same", file_of(10, 1)); /* the same content is not the same file */
	finish(&m);
	CHECK(find(&m, "a") == find(&m, "b/file"));
	CHECK(find(&m, "a") != find(&m, "same"));
	CHECK_INT(vv_get_le32(find(&m, "a") + VV_ERO_INO_NLINK), 2);
	CHECK_INT(data_at(&m, find(&m, "a")), data_at(&m, find(&m, "same")));
	end(&m);
}

static void names_around_the_dots_are_found(void)
{
	static const char *const names[] = { "!",   "-",   ".!", ".-",	 ".a",
					     "..a", "...", "a",	 "\xff", "+x" };
	struct made m;
	unsigned type = 0;

	begin(&m);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		add(&m, names[i], file_of(0, 0));
	finish(&m);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		CHECK(find(&m, names[i]) != NULL);
	CHECK(find_in_dir(&m, find(&m, ""), "..", 2, &type) != 0);
	CHECK_INT(type, VV_ERO_TYPE_DIR);
	CHECK(find(&m, ".b") == NULL);
	end(&m);
}

static void each_of_20000_names_is_found_and_no_other(void)
{
	struct made m;
	char path[32];

	begin(&m);
	for (int i = 0; i < 20000; i++) {
		snprintf(path, sizeof path, "d/file-%d", i);
		add(&m, path, file_of(1, 1));
	}
	finish(&m);
	CHECK(vv_get_le64(find(&m, "d") + VV_ERO_INO_SIZE) > 100 * VV_ERO_BLOCK);
	for (int i = 0; i < 20000; i++) {
		snprintf(path, sizeof path, "d/file-%d", i);
		CHECK(find(&m, path) != NULL);
		snprintf(path, sizeof path, "d/file-%dx", i);
		CHECK(find(&m, path) == NULL);
	}
	end(&m);
}

/* Whatever a directory's size is: what is inline never crosses a block. */
static void directories_of_all_sizes_around_a_block_are_whole(void)
{
	for (unsigned count = 15; count < 32; count++) {
		for (size_t last = 1; last <= 255; last += 23) {
			char path[300];
			struct made m;

			begin(&m);
			for (unsigned i = 0; i < count; i++) {
				memset(path, 'n', sizeof path);
				memcpy(path, "d/", 2);
				path[2] = (char)('A' + i);
				path[2 + (i + 1 == count ? last : 250)] = '\0';
				add(&m, path, file_of(0, 0));
			}
			finish(&m);
			CHECK(find(&m, path) != NULL);
			path[2] = 'A';
			CHECK(find(&m, path) != NULL || last != 250);
			end(&m);
		}
	}
}

static void long_names_and_targets_have_the_limits_of_linux(void)
{
	char name[257], target[4097];
	struct made m;

	memset(name, 'n', sizeof name);
	memset(target, 't', sizeof target);
	name[255] = target[4095] = '\0';
	begin(&m);
	add(&m, name,
	    (struct vv_tree_meta){ .mode = VV_S_IFLNK | 0777, .target = target });
	finish(&m);
	CHECK_INT(vv_get_le64(find(&m, name) + VV_ERO_INO_SIZE), 4095);
	CHECK_INT(layout_of(find(&m, name)), VV_ERO_LAYOUT_PLAIN);
	end(&m);

	name[255] = 'n';
	name[256] = '\0';
	begin(&m);
	add(&m, name, file_of(0, 0));
	CHECK_INT(refusal(&m), VV_ENAMETOOLONG);
	end(&m);

	target[4095] = 't';
	target[4096] = '\0';
	begin(&m);
	add(&m, "link",
	    (struct vv_tree_meta){ .mode = VV_S_IFLNK | 0777, .target = target });
	CHECK_INT(refusal(&m), VV_ENAMETOOLONG);
	end(&m);
}

static void device_numbers_beyond_linux_are_refused(void)
{
	struct vv_tree_meta device = { .mode = VV_S_IFBLK, .rdev_major = 4096 };
	struct made m;

	begin(&m);
	add(&m, "device", device);
	CHECK_INT(refusal(&m), VV_EOPNOTSUPP);
	end(&m);
}

static void files_lie_in_blocks_of_their_own_however_big(void)
{
	uint64_t huge = (UINT64_C(5) << 30) + 1;
	uint64_t offset, size;
	uint32_t blob;
	struct made m;

	begin(&m);
	add(&m, "huge", file_of(huge, 1));
	add(&m, "one", file_of(1, 2));
	add(&m, "block", file_of(4096, 3));
	add(&m, "more", file_of(4097, 4));
	finish(&m);
	CHECK_INT(m.regions.count, 4);
	CHECK_INT(m.regions.blocks, (5 << 18) + 1 + 1 + 1 + 2);
	CHECK_INT(vv_get_le32(at(&m, VV_ERO_DEV, VV_ERO_DEV_SIZE) + VV_ERO_DEV_BLOCKS),
		  m.regions.blocks);
	for (const char *const *name =
		     (const char *const[]){ "huge", "one", "block", "more", NULL };
	     *name; name++) {
		offset = data_at(&m, find(&m, *name));
		size = vv_get_le64(find(&m, *name) + VV_ERO_INO_SIZE);
		CHECK_INT(vv_erofs_regions_find(&m.regions, offset, &blob), VV_OK);
		CHECK_INT(m.regions.items[blob].size, size);
		CHECK_INT((uint64_t)m.regions.items[blob].block * 4096, offset);
		CHECK_INT(vv_erofs_regions_find(&m.regions, offset + size - 1, &blob),
			  VV_OK);
		CHECK_INT(m.regions.items[blob].size, size);
	}
	offset = (uint64_t)m.regions.blocks * 4096;
	CHECK_INT(vv_erofs_regions_find(&m.regions, offset - 1, &blob), VV_OK);
	CHECK_INT(vv_erofs_regions_find(&m.regions, offset, &blob), VV_ENOENT);
	end(&m);
}

static void a_file_beyond_8_tib_is_refused(void)
{
	struct made m;

	begin(&m);
	add(&m, "huge", file_of((UINT64_C(1) << 43) + 1, 1));
	CHECK_INT(refusal(&m), VV_EFBIG);
	end(&m);
	begin(&m);
	add(&m, "a", file_of(UINT64_C(1) << 43, 1));
	add(&m, "b", file_of(UINT64_C(1) << 43, 2));
	CHECK_INT(refusal(&m), VV_EFBIG); /* 16 TiB together */
	end(&m);
}

/* The value of the xattr with this prefix and rest of a name; NULL: it is not there. */
static const uint8_t *xattr(const struct made *m, const uint8_t *ino, unsigned prefix,
			    const char *rest, size_t *len)
{
	uint64_t head = body_at(m, ino) - xattr_room(ino);
	uint64_t area =
		(uint64_t)vv_get_le32(super(m) + VV_ERO_SB_XATTRS) * VV_ERO_BLOCK;
	unsigned count = xattr_room(ino) ? at(m, head, 12)[VV_ERO_XA_COUNT] : 0;

	for (unsigned i = 0; i < count; i++) {
		uint64_t pos = head + VV_ERO_XA_HEADER + i * 4;
		const uint8_t *item = at(m, area + 4 * vv_get_le32(at(m, pos, 4)), 4);
		size_t name_len = item[VV_ERO_XI_NAME_SIZE];

		*len = vv_get_le16(item + VV_ERO_XI_VALUE_SIZE);
		item = at(m, (uint64_t)(item - m->image), 4 + name_len + *len);
		if (item[VV_ERO_XI_PREFIX] == prefix && name_len == strlen(rest) &&
		    memcmp(item + VV_ERO_XI_BYTES, rest, name_len) == 0)
			return item + VV_ERO_XI_BYTES + name_len;
	}
	return NULL;
}

static struct vv_extra extra(const char *name, const char *value)
{
	return (struct vv_extra){ VV_EXTRA_XATTR, name, strlen(name),
				  (const uint8_t *)value, strlen(value) };
}

static void xattrs_are_there_by_prefix_and_shared(void)
{
	const struct vv_extra extras[] = {
		extra("user.comment", "hello"),
		extra("security.capability", "cap"),
		extra("trusted.overlay.opaque", "y"),
		extra("system.posix_acl_access", "acl"),
		{ .type = VV_EXTRA_WIN_ATTRS,
		  .value = (const uint8_t *)"1234",
		  .value_len = 4 },
	};
	struct vv_tree_meta meta = file_of(3, 1);
	const uint8_t *ino, *value;
	struct made m;
	size_t len;

	meta.extras = extras;
	meta.extra_count = 5;
	begin(&m);
	add(&m, "a", meta);
	meta.mtime_sec = 9; /* other attributes, the same list */
	add(&m, "b", meta);
	add(&m, "none", file_of(3, 1));
	finish(&m);
	ino = find(&m, "a");
	value = xattr(&m, ino, VV_ERO_PREFIX_USER, "comment", &len);
	CHECK(value && len == 5 && memcmp(value, "hello", 5) == 0);
	CHECK(value == xattr(&m, find(&m, "b"), VV_ERO_PREFIX_USER, "comment", &len));
	CHECK(xattr(&m, ino, VV_ERO_PREFIX_SECURITY, "capability", &len) && len == 3);
	CHECK(xattr(&m, ino, VV_ERO_PREFIX_TRUSTED, "overlay.opaque", &len));
	CHECK(xattr(&m, ino, VV_ERO_PREFIX_ACL_ACCESS, "", &len) && len == 3);
	CHECK(xattr(&m, ino, VV_ERO_PREFIX_USER, "other", &len) == NULL);
	CHECK_INT(xattr_room(find(&m, "none")), 0);
	CHECK_INT(data_at(&m, ino), 0); /* the chunk is found behind them */
	end(&m);
}

static void an_xattr_that_linux_cannot_show_is_refused(void)
{
	struct vv_extra other = extra("system.nfs4_acl", "x"),
			bare = extra("user.", "x");
	struct vv_tree_meta meta = file_of(0, 0);
	struct made m;

	meta.extra_count = 1;
	meta.extras = &other;
	begin(&m);
	add(&m, "a", meta);
	CHECK_INT(refusal(&m), VV_EOPNOTSUPP);
	end(&m);
	meta.extras = &bare;
	begin(&m);
	add(&m, "a", meta);
	CHECK_INT(refusal(&m), VV_EOPNOTSUPP);
	end(&m);
}

static void the_same_tree_makes_the_same_image(void)
{
	struct made a, b;

	begin(&a);
	add(&a, "x/one", file_of(1, 1));
	add(&a, "y", file_of(2, 2));
	finish(&a);
	begin(&b);
	add(&b, "y", file_of(2, 2));
	add(&b, "x/one", file_of(1, 1));
	finish(&b);
	CHECK(a.size == b.size && memcmp(a.image, b.image, a.size) == 0);
	end(&a);
	end(&b);
}

/* CRC-32C of "123456789" is E3069283; the superblock's has another end: no inversion. */
static void the_checksum_covers_the_rest_of_the_first_block(void)
{
	struct made m;
	uint32_t crc = UINT32_MAX, want;

	begin(&m);
	add(&m, "x", file_of(1, 1));
	finish(&m);
	want = vv_get_le32(super(&m) + VV_ERO_SB_CHECKSUM);
	vv_put_le32(m.image + VV_ERO_SB + VV_ERO_SB_CHECKSUM, 0);
	for (size_t i = VV_ERO_SB; i < VV_ERO_BLOCK; i++) {
		crc ^= m.image[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82F63B78) : 0);
	}
	CHECK_INT(want, crc);
	end(&m);
}

static void memory_is_told_before_it_is_used(void)
{
	struct made m;

	begin(&m);
	add(&m, "a", file_of(1, 1));
	finish(&m);
	CHECK(vv_erofs_image_memory(&m.tree) >=
	      vv_erofs_regions_memory(&m.tree) + 2 * sizeof(uint32_t));
	CHECK(vv_erofs_image_memory(&m.tree) < 4096);
	end(&m);
}

int main(void)
{
	RUN(an_empty_tree_is_a_root_with_two_dots);
	RUN(every_kind_of_entry_keeps_its_attributes);
	RUN(hard_links_are_one_inode);
	RUN(names_around_the_dots_are_found);
	RUN(each_of_20000_names_is_found_and_no_other);
	RUN(directories_of_all_sizes_around_a_block_are_whole);
	RUN(long_names_and_targets_have_the_limits_of_linux);
	RUN(device_numbers_beyond_linux_are_refused);
	RUN(files_lie_in_blocks_of_their_own_however_big);
	RUN(a_file_beyond_8_tib_is_refused);
	RUN(xattrs_are_there_by_prefix_and_shared);
	RUN(an_xattr_that_linux_cannot_show_is_refused);
	RUN(the_same_tree_makes_the_same_image);
	RUN(the_checksum_covers_the_rest_of_the_first_block);
	RUN(memory_is_told_before_it_is_used);
	return test_report();
}
