/*
 * Images that break one rule of docs/format.md, section 6, each by itself.
 *
 * A rule that a query relies on must be refused by opening or by the query; the
 * others by vv_tree_verify() at the latest.  In every case all queries are run on all
 * entries, so that sanitizers see what a hostile tree can make them do.
 */
#include "format/tree.h"

#include "core/arith.h"
#include "core/err.h"
#include "format/tree_layout.h"
#include "lib/sample_images.h"
#include "test.h"

static struct vv_buf good;  /* the sample */
static struct vv_tree tree; /* over it */
static struct vv_buf edit;  /* the body of a copy, to be broken */

static uint32_t at(const char *path)
{
	uint32_t index;

	CHECK_INT(vv_tree_walk(&tree, path, &index), VV_OK);
	return index;
}

static void begin(void)
{
	vv_buf_init(&edit, 1 << 24);
	CHECK_INT(vv_buf_append(&edit, good.bytes, good.len), VV_OK);
	image_cut(&edit);
}

static uint8_t *entry(const char *path)
{
	return edit.bytes + tree.entries + at(path) * VV_ENT_ROW;
}

static uint8_t *attr_of(const char *path)
{
	uint32_t attr = vv_get_le32(entry(path) + VV_ENT_ATTR) & ~VV_TRE_LINK;

	return edit.bytes + tree.attrs + attr * VV_ATR_ROW;
}

static uint8_t *fold_of(const char *dir)
{
	return edit.bytes + tree.fold + vv_get_le32(entry(dir) + VV_ENT_DATA) * 4;
}

static uint8_t *name_of(const char *path)
{
	return edit.bytes + tree.names + vv_get_le32(entry(path) + VV_ENT_NAME);
}

static uint8_t *list_of(const char *path)
{
	return edit.bytes + tree.extras + vv_get_le64(attr_of(path) + VV_ATR_EXTRAS) -
	       1;
}

/* ---- looking at what was broken ---- */

static int query_extras(const struct vv_tree *t, const struct vv_entry *e)
{
	uint64_t pos = 0, before = 0;
	struct vv_extra x;
	int found;

	vv_tree_xattr(t, e, "user.two", 8, &x);
	while ((found = vv_tree_extra_next(t, e, &pos, &x)) == 1) {
		CHECK(pos > before);
		before = pos;
	}
	return found;
}

/* The first error of any query on @index. */
static int query(const struct vv_tree *t, uint32_t index)
{
	const char *name, *target;
	struct vv_entry e;
	struct vv_id id;
	uint32_t found;
	size_t len;
	int err = vv_tree_entry(t, index, &e);
	int name_err = vv_tree_name(t, index, &name, &len);

	vv_tree_lookup(t, index, "stdio.h", 7, &found);
	vv_tree_lookup_folded(t, index, "LINK", 4, &found);
	if (err)
		return err;
	err = query_extras(t, &e);
	if (e.blob != UINT32_MAX)
		CHECK_INT(vv_tree_blob(t, e.blob, &id), VV_OK);
	for (uint32_t i = 0; i < e.child_count; i++) {
		int fold_err = vv_tree_folded_child(t, &e, i, &found);

		CHECK(fold_err || found - e.child_first < e.child_count);
		err = err ? err : fold_err;
	}
	if ((e.mode & VV_S_IFMT) == VV_S_IFLNK && !err)
		err = vv_tree_target(t, &e, &target, &len);
	return err ? err : name_err;
}

static int query_all(const struct vv_tree *t)
{
	int err = VV_OK;

	for (uint32_t i = 0; i < t->entry_count; i++) {
		int one = query(t, i);

		err = err ? err : one;
	}
	return err;
}

enum stage {
	OPENING,
	QUERY,
	VERIFY
};

/* Ends the edit: who refuses it, and how? */
static void refused(enum stage stage, int expected)
{
	struct vv_tree bad;
	char why[200];
	int err;

	image_remake(&edit, VV_IMAGE_TREE);
	err = vv_tree_init(&bad, NULL, edit.bytes, edit.len, NULL);
	if (stage == OPENING) {
		CHECK_INT(err, expected);
	} else {
		CHECK_INT(err, VV_OK);
		CHECK_INT(vv_image_verify(&bad.image), VV_OK);
		err = query_all(&bad);
		CHECK_INT(err, stage == QUERY ? expected : VV_OK);
		CHECK_INT(vv_tree_verify(&bad, why, sizeof why), expected);
		CHECK(why[0] != '\0');
	}
	vv_tree_fini(&bad);
	vv_buf_fini(&edit);
}

#define REFUSED(stage, change) \
	do { \
		begin(); \
		change; \
		refused(stage, VV_ECORRUPT); \
	} while (0)

static void put32(uint8_t *p, uint32_t n)
{
	vv_put_le32(p, n);
}

static void put64(uint8_t *p, uint64_t n)
{
	vv_put_le64(p, n);
}

static void add32(uint8_t *p, uint32_t n)
{
	vv_put_le32(p, vv_get_le32(p) + n);
}

static void add64(uint8_t *p, uint64_t n)
{
	vv_put_le64(p, vv_get_le64(p) + n);
}

static void swap(uint8_t *a, uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t keep = a[i];

		a[i] = b[i];
		b[i] = keep;
	}
}

/* Puts @len zero bytes into the body at @offset; sections from @first on move. */
static void insert(uint64_t offset, size_t len, int first)
{
	static const int fields[] = { VV_TRE_ENTRIES, VV_TRE_FOLD,  VV_TRE_ATTRS,
				      VV_TRE_BLOBS,   VV_TRE_NAMES, VV_TRE_TARGETS,
				      VV_TRE_EXTRAS };

	CHECK_INT(vv_buf_append_zeros(&edit, len), VV_OK);
	memmove(edit.bytes + offset + len, edit.bytes + offset,
		edit.len - offset - len);
	memset(edit.bytes + offset, 0, len);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (fields[i] >= first)
			add64(edit.bytes + fields[i], len);
	}
}

/* ---- the rules ---- */

static void the_unbroken_sample_is_good(void)
{
	char why[200];

	CHECK_INT(query_all(&tree), VV_OK);
	CHECK_INT(vv_tree_verify(&tree, why, sizeof why), VV_OK);
}

static void header_magic_version_flags_and_reserved_are_checked(void)
{
	for (int i = 0; i < 8; i++)
		REFUSED(OPENING, edit.bytes[i] ^= 0x20);
	REFUSED(OPENING, put32(edit.bytes + VV_TRE_VERSION, 0));
	begin();
	put32(edit.bytes + VV_TRE_VERSION, 2);
	refused(OPENING, VV_ENEWER);
	for (int bit = 0; bit < 32; bit++) {
		REFUSED(OPENING, put32(edit.bytes + VV_TRE_FLAGS, 1u << bit));
		REFUSED(OPENING, put32(edit.bytes + VV_TRE_RESERVED, 1u << bit));
	}
}

static void header_counts_decide_where_sections_lie(void)
{
	static const int counts[] = { VV_TRE_ENTRY_COUNT, VV_TRE_ATTR_COUNT,
				      VV_TRE_BLOB_COUNT };
	static const uint32_t changes[] = { 1,		2,	    1000,
					    0x7fffffff, 0x80000000, 0xffffffff };

	for (size_t i = 0; i < 3; i++) {
		REFUSED(OPENING, put32(edit.bytes + counts[i], 0));
		for (size_t k = 0; k < sizeof changes / sizeof *changes; k++)
			REFUSED(OPENING, add32(edit.bytes + counts[i], changes[k]));
	}
}

static void header_offsets_and_sizes_have_one_right_value(void)
{
	static const int fields[] = { VV_TRE_ENTRIES, VV_TRE_FOLD,
				      VV_TRE_ATTRS,   VV_TRE_BLOBS,
				      VV_TRE_NAMES,   VV_TRE_NAMES_SIZE,
				      VV_TRE_TARGETS, VV_TRE_TARGETS_SIZE,
				      VV_TRE_EXTRAS,  VV_TRE_EXTRAS_SIZE };

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		REFUSED(OPENING, put64(edit.bytes + fields[i], 0));
		REFUSED(OPENING, add64(edit.bytes + fields[i], 8));
		REFUSED(OPENING, add64(edit.bytes + fields[i], (uint64_t)-8));
		REFUSED(OPENING, put64(edit.bytes + fields[i], 1ull << 32));
		REFUSED(OPENING, put64(edit.bytes + fields[i], UINT64_MAX - 7));
	}
}

static void a_section_longer_than_needed_is_refused(void)
{
	REFUSED(OPENING, insert(tree.fold, 8, VV_TRE_FOLD));
	REFUSED(OPENING, insert(tree.names, 8, VV_TRE_NAMES));
	REFUSED(OPENING, insert(edit.len, 8, VV_TRE_EXTRAS + 1));
}

static void header_totals_are_counted(void)
{
	REFUSED(VERIFY, add64(edit.bytes + VV_TRE_FILE_COUNT, 1));
	REFUSED(VERIFY, add64(edit.bytes + VV_TRE_FILE_BYTES, 1));
	REFUSED(OPENING, put64(edit.bytes + VV_TRE_FILE_COUNT, UINT64_MAX));
}

static void names_are_in_their_section_and_end_where_the_next_begins(void)
{
	REFUSED(QUERY, put32(entry("bin/gcc") + VV_ENT_NAME, UINT32_MAX));
	REFUSED(QUERY,
		put32(entry("bin/gcc") + VV_ENT_NAME, (uint32_t)tree.names_size + 1));
	REFUSED(QUERY, put32(entry("bin/gcc") + VV_ENT_NAME, 0));
	REFUSED(QUERY, add32(entry("") + VV_ENT_NAME, 1));
}

static void names_begin_at_the_begin_of_their_section(void)
{
	begin();
	/* Room for a name that nobody has, which 8 bytes keep aligned. */
	insert(tree.names, 8, VV_TRE_TARGETS);
	add64(edit.bytes + VV_TRE_NAMES_SIZE, 8);
	for (uint32_t i = 0; i < tree.entry_count; i++)
		add32(edit.bytes + tree.entries + i * VV_ENT_ROW + VV_ENT_NAME, 8);
	refused(VERIFY, VV_ECORRUPT);
}

static void names_are_names(void)
{
	REFUSED(QUERY, name_of("bin/gcc")[1] = '/');
	REFUSED(QUERY, name_of("bin/gcc")[2] = '\0');
	REFUSED(QUERY, memcpy(name_of("bin/cc"), "..", 2));
	/* One byte of "cc" and the rest for "empty": an entry called ".". */
	REFUSED(QUERY, {
		add32(entry("bin/empty") + VV_ENT_NAME, (uint32_t)-1);
		name_of("bin/cc")[0] = '.';
	});
	/* Nothing for "cc". */
	REFUSED(QUERY, add32(entry("bin/empty") + VV_ENT_NAME, (uint32_t)-2));
}

static void a_name_longer_than_any_name_is_refused(void)
{
	begin();
	insert(tree.names + vv_get_le32(entry("bin/empty") + VV_ENT_NAME), 768,
	       VV_TRE_TARGETS);
	add64(edit.bytes + VV_TRE_NAMES_SIZE, 768);
	memset(name_of("bin/empty"), 'c', 768);
	for (uint32_t i = at("bin/empty"); i < tree.entry_count; i++)
		add32(edit.bytes + tree.entries + i * VV_ENT_ROW + VV_ENT_NAME, 768);
	refused(QUERY, VV_ECORRUPT);
}

static void names_are_sorted_and_different(void)
{
	REFUSED(VERIFY, name_of("bin/cc")[0] = 'z');
	REFUSED(VERIFY, memcpy(name_of("include/stdio.h"), "sys/", 3));
	/* "fifo" and "null" become equal. */
	REFUSED(VERIFY, memcpy(name_of("dev/fifo"), "null", 4));
}

static void attributes_exist(void)
{
	REFUSED(QUERY, put32(entry("bin/gcc") + VV_ENT_ATTR, tree.attr_count));
	REFUSED(QUERY, put32(entry("dev/sda") + VV_ENT_ATTR, 0x7fffffff));
	REFUSED(QUERY, put32(entry("") + VV_ENT_ATTR, tree.attr_count));
}

static void attributes_obey_their_rules(void)
{
	REFUSED(QUERY, put32(attr_of("dev/sda") + VV_ATR_MODE, 0644));
	REFUSED(QUERY, put32(attr_of("dev/sda") + VV_ATR_MODE, 0170644));
	REFUSED(QUERY, put32(attr_of("dev/sda") + VV_ATR_MODE, 0260644));
	REFUSED(QUERY, put32(attr_of("dev/sda") + VV_ATR_MTIME_NSEC, 1000000000));
	REFUSED(QUERY, put64(attr_of("dev/sda") + VV_ATR_RESERVED, 1));
	REFUSED(QUERY, put64(attr_of("dev/sda") + VV_ATR_EXTRAS, tree.extras_size + 1));
	REFUSED(QUERY, put64(attr_of("dev/sda") + VV_ATR_EXTRAS, UINT64_MAX));
	REFUSED(QUERY, put64(attr_of("dev/sda") + VV_ATR_EXTRAS, 2));
}

static void attributes_are_in_order_of_first_use_and_once(void)
{
	uint8_t keep[VV_ATR_ROW];

	REFUSED(VERIFY, put32(entry("dev/sda") + VV_ENT_ATTR,
			      vv_get_le32(entry("dev/null") + VV_ENT_ATTR)));
	/* The same metadata under swapped numbers. */
	begin();
	memcpy(keep, attr_of("dev/sda"), sizeof keep);
	memcpy(attr_of("dev/sda"), attr_of("dev/fifo"), sizeof keep);
	memcpy(attr_of("dev/fifo"), keep, sizeof keep);
	swap(entry("dev/sda") + VV_ENT_ATTR, entry("dev/fifo") + VV_ENT_ATTR, 4);
	put32(entry("dev/zfifo") + VV_ENT_ATTR,
	      vv_get_le32(entry("dev/fifo") + VV_ENT_ATTR) | VV_TRE_LINK);
	refused(VERIFY, VV_ECORRUPT);
	/* Two numbers, one metadata. */
	REFUSED(VERIFY, memcpy(attr_of("dev/sda"), attr_of("dev/null"), VV_ATR_ROW));
}

static void attributes_that_nothing_uses_are_refused(void)
{
	begin();
	insert(tree.blobs, VV_ATR_ROW, VV_TRE_BLOBS);
	add32(edit.bytes + VV_TRE_ATTR_COUNT, 1);
	refused(VERIFY, VV_ECORRUPT);
}

static void the_root_is_a_directory_and_its_own_parent(void)
{
	REFUSED(QUERY, put32(attr_of("") + VV_ATR_MODE, VV_S_IFREG | 0755));
	REFUSED(QUERY, put32(entry("") + VV_ENT_SIZE, 1));
	REFUSED(QUERY, put32(entry("") + VV_ENT_ATTR, VV_TRE_LINK));
	REFUSED(QUERY, put32(attr_of("") + VV_ATR_MODE, VV_S_IFSOCK | 0755));
}

static void children_come_after_their_directory(void)
{
	REFUSED(QUERY, put32(entry("include") + VV_ENT_DATA, at("include")));
	REFUSED(QUERY, put32(entry("include") + VV_ENT_DATA, 0));
	REFUSED(QUERY, put32(entry("include/sys") + VV_ENT_DATA, at("include")));
	REFUSED(QUERY, put32(entry("include") + VV_ENT_DATA, UINT32_MAX));
	REFUSED(QUERY, put32(entry("include") + VV_ENT_AUX, UINT32_MAX));
	REFUSED(QUERY, put32(entry("include") + VV_ENT_AUX, tree.entry_count));
	REFUSED(QUERY, put32(entry("lib64") + VV_ENT_DATA, tree.entry_count - 1));
}

static void runs_lie_end_to_end_in_breadth_first_order(void)
{
	/* include/sys has one child, the last entry; now it has include's last as well. */
	REFUSED(VERIFY, {
		add32(entry("include/sys") + VV_ENT_DATA, (uint32_t)-1);
		add32(entry("include/sys") + VV_ENT_AUX, 1);
	});
	REFUSED(VERIFY, add32(entry("dev") + VV_ENT_AUX, (uint32_t)-1));
	REFUSED(VERIFY, put64(entry("include/sys") + VV_ENT_DATA, 0));
}

static void parents_are_the_directories_that_list_them(void)
{
	REFUSED(QUERY, put32(entry("include/sys") + VV_ENT_SIZE, at("include/sys")));
	REFUSED(QUERY, put32(entry("include/sys") + VV_ENT_SIZE, UINT32_MAX));
	REFUSED(VERIFY, put32(entry("include/sys") + VV_ENT_SIZE, at("bin")));
	REFUSED(VERIFY, put32(entry("include/sys") + VV_ENT_SIZE, at("bin/gcc")));
}

static void subdirectories_are_counted(void)
{
	REFUSED(VERIFY, add32(entry("include") + VV_ENT_SIZE + 4, 1));
	REFUSED(VERIFY, put32(entry("") + VV_ENT_SIZE + 4, 0));
	REFUSED(QUERY, put32(entry("include") + VV_ENT_SIZE + 4, 7));
	REFUSED(QUERY, put32(entry("lib64") + VV_ENT_SIZE + 4, 1));
}

static void files_name_an_existing_blob_or_are_empty(void)
{
	REFUSED(QUERY, put32(entry("a-gcc") + VV_ENT_DATA, tree.blob_count));
	REFUSED(QUERY, put32(entry("a-gcc") + VV_ENT_DATA, UINT32_MAX));
	REFUSED(QUERY, put64(entry("a-gcc") + VV_ENT_SIZE, 0));
	REFUSED(QUERY, put64(entry("a-gcc") + VV_ENT_SIZE, (1ull << 62) + 1));
	REFUSED(QUERY, put32(entry("bin/empty") + VV_ENT_DATA, 0));
}

static void blobs_are_in_order_of_first_use_and_once(void)
{
	uint8_t *blobs;

	REFUSED(VERIFY, swap(entry("include/Stdio.h") + VV_ENT_DATA,
			     entry("a-gcc") + VV_ENT_DATA, 4));
	begin();
	blobs = edit.bytes + tree.blobs;
	memcpy(blobs, blobs + VV_ID_BYTES, VV_ID_BYTES);
	refused(VERIFY, VV_ECORRUPT);
	begin();
	insert(tree.names, VV_ID_BYTES, VV_TRE_NAMES);
	add32(edit.bytes + VV_TRE_BLOB_COUNT, 1);
	refused(VERIFY, VV_ECORRUPT);
}

static void one_blob_has_one_size(void)
{
	REFUSED(VERIFY, {
		add64(entry("include/copy_of_stdio.h") + VV_ENT_SIZE, 1);
		add64(edit.bytes + VV_TRE_FILE_BYTES, 1);
	});
}

static void links_are_counted(void)
{
	REFUSED(QUERY, put32(entry("bin/empty") + VV_ENT_AUX, 0));
	REFUSED(VERIFY, put32(entry("bin/empty") + VV_ENT_AUX, 2));
	REFUSED(VERIFY, put32(entry("a-gcc") + VV_ENT_AUX, 2));
	REFUSED(VERIFY, put32(entry("lib") + VV_ENT_AUX, 2));
}

static void further_links_name_the_first_entry_of_a_file(void)
{
	REFUSED(QUERY, put32(entry("bin/gcc") + VV_ENT_DATA, at("bin/gcc")));
	REFUSED(QUERY, put32(entry("bin/gcc") + VV_ENT_DATA, at("bin/cc")));
	REFUSED(QUERY, put32(entry("bin/cc") + VV_ENT_DATA, at("bin/gcc")));
	REFUSED(QUERY, put32(entry("bin/gcc") + VV_ENT_DATA, UINT32_MAX));
	REFUSED(QUERY, put32(entry("bin/gcc") + VV_ENT_AUX, 1));
	REFUSED(QUERY, put64(entry("bin/gcc") + VV_ENT_SIZE, 1));
	REFUSED(QUERY, put32(entry("bin/gcc") + VV_ENT_ATTR, VV_TRE_LINK));
}

static void directories_are_not_linked(void)
{
	REFUSED(QUERY, {
		put32(entry("bin/gcc") + VV_ENT_DATA, at("bin"));
		put32(entry("bin/gcc") + VV_ENT_ATTR,
		      vv_get_le32(entry("bin") + VV_ENT_ATTR) | VV_TRE_LINK);
	});
}

static void symlinks_have_their_target_in_entry_order(void)
{
	REFUSED(QUERY, put64(entry("lib") + VV_ENT_SIZE, 0));
	REFUSED(QUERY, put64(entry("lib") + VV_ENT_SIZE, VV_TARGET_MAX + 1));
	REFUSED(QUERY, put64(entry("lib") + VV_ENT_SIZE, UINT64_MAX));
	REFUSED(QUERY, put64(entry("lib") + VV_ENT_SIZE, tree.targets_size + 1));
	REFUSED(QUERY, put32(entry("lib") + VV_ENT_DATA, (uint32_t)tree.targets_size));
	REFUSED(QUERY, edit.bytes[tree.targets] = '\0');
	REFUSED(VERIFY, add64(entry("lib") + VV_ENT_SIZE, 1));
	REFUSED(VERIFY, add32(entry("include/link") + VV_ENT_DATA, (uint32_t)-1));
	REFUSED(VERIFY, add64(entry("include/link") + VV_ENT_SIZE, (uint64_t)-1));
}

static void what_has_no_data_says_none(void)
{
	REFUSED(QUERY, put32(entry("dev/null") + VV_ENT_DATA, 1));
	REFUSED(QUERY, put32(entry("dev/sda") + VV_ENT_DATA, 1));
	REFUSED(QUERY, put32(entry("dev/fifo") + VV_ENT_DATA, 1));
	REFUSED(QUERY, put64(entry("dev/fifo") + VV_ENT_SIZE, 1));
	REFUSED(QUERY, put64(entry("dev/sock") + VV_ENT_SIZE, 1));
	REFUSED(QUERY, put32(entry("dev/sock") + VV_ENT_AUX, 0));
}

static void folded_order_is_a_sorted_permutation_of_the_children(void)
{
	REFUSED(VERIFY, put32(edit.bytes + tree.fold, 1));
	REFUSED(QUERY, put32(fold_of("include"), 0));
	REFUSED(QUERY, put32(fold_of("include"), UINT32_MAX));
	REFUSED(QUERY, put32(fold_of("include"), at("include/sys/types.h")));
	REFUSED(VERIFY, swap(fold_of("include"), fold_of("include") + 4, 4));
	REFUSED(VERIFY, memcpy(fold_of("include"), fold_of("include") + 4, 4));
	/* The two that fold alike, in the wrong order. */
	REFUSED(VERIFY, swap(fold_of("include") + 8, fold_of("include") + 12, 4));
}

static void extras_are_inside_and_obey_their_rules(void)
{
	uint64_t last = tree.extras_size - 8;

	REFUSED(QUERY,
		put32(list_of("bin/with-xattr") + VV_XTR_VALUE_SIZE, VV_XATTR_MAX + 1));
	REFUSED(QUERY,
		put32(list_of("bin/with-xattr") + VV_XTR_VALUE_SIZE, UINT32_MAX));
	REFUSED(QUERY, vv_put_le16(list_of("bin/with-xattr") + VV_XTR_NAME_SIZE, 0));
	REFUSED(QUERY, vv_put_le16(list_of("bin/with-xattr") + VV_XTR_NAME_SIZE, 256));
	REFUSED(QUERY, list_of("bin/with-xattr")[VV_XTR_HEAD] = '\0');
	/* Lists end with an end, all zero. */
	REFUSED(QUERY, edit.bytes[tree.extras + last + VV_XTR_NAME_SIZE] = 1);
	REFUSED(QUERY, edit.bytes[tree.extras + last + VV_XTR_VALUE_SIZE] = 1);
	REFUSED(QUERY, edit.bytes[tree.extras + last] = 1);
	REFUSED(QUERY, edit.bytes[tree.extras + last] = 99);
	/* Windows times of another size. */
	REFUSED(QUERY, vv_put_le16(list_of("bin/with-xattr"), VV_EXTRA_WIN_TIMES));
}

static void extras_are_sorted_padded_once_and_in_order(void)
{
	uint8_t *list;

	/* user.one and user.two change names: 8 bytes each, behind the item's head. */
	begin();
	list = list_of("bin/with-many");
	swap(list + VV_XTR_HEAD, list + 16 + VV_XTR_HEAD, 8);
	refused(VERIFY, VV_ECORRUPT);
	begin();
	memcpy(list_of("bin/with-many") + VV_XTR_HEAD, "user.two", 8);
	refused(VERIFY, VV_ECORRUPT);
	/* "user.two" and 2 bytes of value leave 6 of padding. */
	REFUSED(VERIFY, list_of("bin/with-xattr")[VV_XTR_HEAD + 10] = 1);
	/* An empty list, and one that begins inside another. */
	REFUSED(VERIFY,
		put64(attr_of("dev/sda") + VV_ATR_EXTRAS, tree.extras_size - 7));
	REFUSED(VERIFY, add64(attr_of("bin/with-many") + VV_ATR_EXTRAS, 16));
	/* Nothing uses the second list any more. */
	REFUSED(VERIFY, put64(attr_of("bin/with-xattr") + VV_ATR_EXTRAS, 0));
}

static void a_list_of_extras_is_there_once(void)
{
	size_t size;

	begin();
	/* The list of with-xattr again, at the end, for one that comes later. */
	size = 8 + 16 + 8;
	CHECK_INT(vv_buf_reserve(&edit, size), VV_OK);
	CHECK_INT(vv_buf_append(&edit, list_of("bin/with-xattr"), size), VV_OK);
	put64(attr_of("dev/sock") + VV_ATR_EXTRAS, tree.extras_size + 1);
	add64(edit.bytes + VV_TRE_EXTRAS_SIZE, size);
	refused(VERIFY, VV_ECORRUPT);
}

static void an_unknown_type_of_extras_is_passed_over(void)
{
	struct vv_tree newer;
	struct vv_entry e;
	struct vv_extra x;
	uint64_t pos = 0;

	begin();
	vv_put_le16(list_of("bin/with-xattr"), 99);
	image_remake(&edit, VV_IMAGE_TREE);
	CHECK_INT(vv_tree_init(&newer, NULL, edit.bytes, edit.len, NULL), VV_OK);
	CHECK_INT(vv_tree_verify(&newer, NULL, 0), VV_OK);
	CHECK_INT(vv_tree_entry(&newer, at("bin/with-xattr"), &e), VV_OK);
	CHECK_INT(vv_tree_extra_next(&newer, &e, &pos, &x), 0);
	vv_tree_fini(&newer);
	vv_buf_fini(&edit);
}

static void padding_between_sections_is_zero(void)
{
	unsigned tried = 0;

	if (tree.fold + tree.entry_count * 4 < tree.attrs) {
		REFUSED(VERIFY, edit.bytes[tree.attrs - 1] = 1);
		tried++;
	}
	if (tree.names + tree.names_size < tree.targets) {
		REFUSED(VERIFY, edit.bytes[tree.targets - 1] = 1);
		tried++;
	}
	if (tree.targets + tree.targets_size < tree.extras) {
		REFUSED(VERIFY, edit.bytes[tree.extras - 1] = 1);
		tried++;
	}
	CHECK(tried >= 2); /* of the sample, by luck of its sizes */
}

static void a_tree_deeper_than_allowed_is_refused(void)
{
	enum {
		COUNT = VV_DEPTH_MAX + 2
	};
	struct vv_tree_places p;
	uint8_t *h;

	/* One directory in another, each called "d"; one set of attributes. */
	CHECK_INT(vv_tree_places(&p, COUNT, 1, 0, COUNT - 1, 0, 0), VV_OK);
	vv_buf_init(&edit, 1 << 24);
	CHECK_INT(vv_buf_append_zeros(&edit, p.end), VV_OK);
	h = edit.bytes;
	memcpy(h, VV_TRE_MAGIC, 8);
	put32(h + VV_TRE_VERSION, 1);
	put32(h + VV_TRE_ENTRY_COUNT, COUNT);
	put32(h + VV_TRE_ATTR_COUNT, 1);
	put64(h + VV_TRE_ENTRIES, p.entries);
	put64(h + VV_TRE_FOLD, p.fold);
	put64(h + VV_TRE_ATTRS, p.attrs);
	put64(h + VV_TRE_BLOBS, p.blobs);
	put64(h + VV_TRE_NAMES, p.names);
	put64(h + VV_TRE_NAMES_SIZE, COUNT - 1);
	put64(h + VV_TRE_TARGETS, p.targets);
	put64(h + VV_TRE_EXTRAS, p.extras);
	put32(h + p.attrs + VV_ATR_MODE, VV_S_IFDIR | 0755);
	memset(h + p.names, 'd', COUNT - 1);
	for (uint32_t i = 0; i < COUNT; i++) {
		uint8_t *row = h + p.entries + i * VV_ENT_ROW;
		uint32_t children = i + 1 < COUNT;

		put32(row + VV_ENT_NAME, i ? i - 1 : 0);
		put32(row + VV_ENT_DATA, children ? i + 1 : 0);
		put32(row + VV_ENT_AUX, children);
		put64(row + VV_ENT_SIZE, (uint64_t)children << 32 | (i ? i - 1 : 0));
		put32(h + p.fold + i * 4, i);
	}
	refused(VERIFY, VV_ECORRUPT);
}

int main(void)
{
	struct vv_id id;

	sample_tree(&good, &id);
	CHECK_INT(vv_tree_init(&tree, &id, good.bytes, good.len, NULL), VV_OK);
	RUN(the_unbroken_sample_is_good);
	RUN(header_magic_version_flags_and_reserved_are_checked);
	RUN(header_counts_decide_where_sections_lie);
	RUN(header_offsets_and_sizes_have_one_right_value);
	RUN(a_section_longer_than_needed_is_refused);
	RUN(header_totals_are_counted);
	RUN(names_are_in_their_section_and_end_where_the_next_begins);
	RUN(names_begin_at_the_begin_of_their_section);
	RUN(names_are_names);
	RUN(a_name_longer_than_any_name_is_refused);
	RUN(names_are_sorted_and_different);
	RUN(attributes_exist);
	RUN(attributes_obey_their_rules);
	RUN(attributes_are_in_order_of_first_use_and_once);
	RUN(attributes_that_nothing_uses_are_refused);
	RUN(the_root_is_a_directory_and_its_own_parent);
	RUN(children_come_after_their_directory);
	RUN(runs_lie_end_to_end_in_breadth_first_order);
	RUN(parents_are_the_directories_that_list_them);
	RUN(subdirectories_are_counted);
	RUN(files_name_an_existing_blob_or_are_empty);
	RUN(blobs_are_in_order_of_first_use_and_once);
	RUN(one_blob_has_one_size);
	RUN(links_are_counted);
	RUN(further_links_name_the_first_entry_of_a_file);
	RUN(directories_are_not_linked);
	RUN(symlinks_have_their_target_in_entry_order);
	RUN(what_has_no_data_says_none);
	RUN(folded_order_is_a_sorted_permutation_of_the_children);
	RUN(extras_are_inside_and_obey_their_rules);
	RUN(extras_are_sorted_padded_once_and_in_order);
	RUN(a_list_of_extras_is_there_once);
	RUN(an_unknown_type_of_extras_is_passed_over);
	RUN(padding_between_sections_is_zero);
	RUN(a_tree_deeper_than_allowed_is_refused);
	vv_tree_fini(&tree);
	vv_buf_fini(&good);
	return test_report();
}
