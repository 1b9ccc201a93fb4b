/*
 * tree_layout.h - where the fields of a tree lie (docs/format.md, section 6), and the
 * rules and reads that the files of the tree share.
 *
 * Private to tree.c, tree_find.c, tree_extra.c and tree_verify.c, which read trees, and
 * tree_builder.c and tree_emit.c, which write them.
 */
#ifndef VV_FORMAT_TREE_LAYOUT_H
#define VV_FORMAT_TREE_LAYOUT_H

#include "core/arith.h"
#include "format/tree.h"

#include <stdint.h>

#define VV_TRE_MAGIC "VARVETRE"
#define VV_TRE_LINK UINT32_C(0x80000000) /* in an entry's attr: a further hard link */
#define VV_TRE_COUNT_MAX INT32_MAX	 /* entries */
#define VV_TRE_FILE_MAX (UINT64_C(1) << 62)

enum {
	VV_TRE_VERSION_NOW = 1,
	VV_TRE_MODE_BITS = 0177777, /* all that a mode may have */

	VV_TRE_VERSION = 8,
	VV_TRE_FLAGS = 12,
	VV_TRE_ENTRY_COUNT = 16,
	VV_TRE_ATTR_COUNT = 20,
	VV_TRE_BLOB_COUNT = 24,
	VV_TRE_RESERVED = 28,
	VV_TRE_ENTRIES = 32,
	VV_TRE_FOLD = 40,
	VV_TRE_ATTRS = 48,
	VV_TRE_BLOBS = 56,
	VV_TRE_NAMES = 64,
	VV_TRE_NAMES_SIZE = 72,
	VV_TRE_TARGETS = 80,
	VV_TRE_TARGETS_SIZE = 88,
	VV_TRE_EXTRAS = 96,
	VV_TRE_EXTRAS_SIZE = 104,
	VV_TRE_FILE_COUNT = 112,
	VV_TRE_FILE_BYTES = 120,
	VV_TRE_HEADER_SIZE = 128,

	VV_ENT_NAME = 0,
	VV_ENT_ATTR = 4,
	VV_ENT_DATA = 8,
	VV_ENT_AUX = 12,
	VV_ENT_SIZE = 16,
	VV_ENT_ROW = 24,

	VV_ATR_MODE = 0,
	VV_ATR_UID = 4,
	VV_ATR_GID = 8,
	VV_ATR_MTIME_NSEC = 12,
	VV_ATR_MTIME_SEC = 16,
	VV_ATR_EXTRAS = 24,
	VV_ATR_RESERVED = 32,
	VV_ATR_ROW = 40,

	VV_XTR_TYPE = 0,
	VV_XTR_NAME_SIZE = 2,
	VV_XTR_VALUE_SIZE = 4,
	VV_XTR_HEAD = 8,
	VV_XTR_NAME_MAX = 65535,
};

/* Where the sections begin, which the counts and sizes decide alone. */
struct vv_tree_places {
	uint64_t entries, fold, attrs, blobs, names, targets, extras, end;
};

/*
 * VV_EOVERFLOW: the sizes are beyond all bounds.  (The counts have 32 bits, so only
 * the three sizes can be.)
 */
int vv_tree_places(struct vv_tree_places *out, uint32_t entry_count,
		   uint32_t attr_count, uint32_t blob_count, uint64_t names_size,
		   uint64_t targets_size, uint64_t extras_size);

/* Row @attr of the attributes, checked to be there but not looked at. */
int vv_tree_attr_get(const struct vv_tree *t, uint32_t attr, const uint8_t **out);

/*
 * The name's bytes, in bounds but not looked at: what a search compares with.  @index
 * exists.
 */
int vv_tree_name_get(const struct vv_tree *t, uint32_t index, const char **name,
		     size_t *len);

/*
 * The item at @at of the extras section, of any type: 1, 0 = end of the list, < 0 =
 * error.  *@next > @at is where the one behind it begins.
 */
int vv_tree_extra_get(const struct vv_tree *t, uint64_t at, uint64_t *next,
		      struct vv_extra *out);

/*
 * The rules for one item of extras by itself, for readers and writers alike.  Types
 * that this version does not know obey none.
 */
int vv_tree_extra_check(const struct vv_extra *x); /* VV_EINVAL */

/* Unsigned bytes; a prefix sorts first. */
int vv_tree_name_compare(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
