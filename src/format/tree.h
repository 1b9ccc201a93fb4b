/*
 * tree.h - one immutable directory tree, used in place (docs/format.md, section 6).
 *
 * Answers: what is called so in this directory, and what is it?  Nothing is allocated for a file.
 *
 * Ownership: bytes borrowed from the caller (a mapping) until vv_tree_fini().  Names, targets and extras
 *	returned point into them.
 * Threads: immutable after init; all queries from any thread.
 * Errors: VV_ECORRUPT for bytes that break a rule of the format, VV_EIO for bytes that
 *	cannot be read, VV_EINVAL for an index of the caller's beyond the table.  Queries
 *	check what they use, so a hostile tree gives errors or strange listings, never reads
 *	outside and never endless loops.
 */
#ifndef VV_FORMAT_TREE_H
#define VV_FORMAT_TREE_H

#include "core/id.h"
#include "format/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VV_TREE_ROOT = 0,
	VV_NAME_MAX = 765, /* bytes: 255 UTF-16 units as WTF-8 */
	VV_TARGET_MAX = 65535,
	VV_DEPTH_MAX = 4096,
	VV_XATTR_MAX = 65536,
	VV_EXTRA_VALUE_MAX = 1 << 20,
};

/* File type bits as Linux encodes them; PURE code has no sys/stat.h. */
enum {
	VV_S_IFMT = 0170000,
	VV_S_IFSOCK = 0140000,
	VV_S_IFLNK = 0120000,
	VV_S_IFREG = 0100000,
	VV_S_IFBLK = 0060000,
	VV_S_IFDIR = 0040000,
	VV_S_IFCHR = 0020000,
	VV_S_IFIFO = 0010000,
};

enum vv_extra_type {
	VV_EXTRA_END,
	VV_EXTRA_XATTR,
	VV_EXTRA_WIN_TIMES,
	VV_EXTRA_WIN_ATTRS,
	VV_EXTRA_SECURITY,
	VV_EXTRA_EA,
	VV_EXTRA_STREAM,
	VV_EXTRA_REPARSE,
};

struct vv_tree {
	struct vv_image image; /* owned */
	struct vv_id id;       /* as the opener named it */
	uint32_t entry_count, attr_count, blob_count;
	uint64_t entries, fold, attrs, blobs, names, names_size, targets, targets_size,
		extras, extras_size;
	uint64_t file_count, file_bytes;
};

/*
 * Metadata of one entry by value.  For a further hard link: those of the file, with
 * @first its first entry.
 */
struct vv_entry {
	uint32_t index; /* the entry asked for */
	uint32_t first; /* the first entry of its file, = index unless hard-linked */
	uint32_t mode, uid, gid;
	uint32_t nlink; /* directories: 2 + sub-directories */
	int64_t mtime_sec;
	uint32_t mtime_nsec;
	uint32_t rdev_major, rdev_minor;
	uint64_t size;	      /* bytes; directories: 0 */
	uint32_t blob;	      /* index for vv_tree_blob(), or UINT32_MAX */
	uint32_t child_first; /* directories, as the next two */
	uint32_t child_count;
	uint32_t parent;
	uint64_t target; /* symlinks: internal, for vv_tree_target() */
	uint64_t extras; /* internal, for vv_tree_extra_next(); 0 = none */
};

/* @bytes is the whole image.  @id may be NULL (unknown).  Checks header and section bounds. */
int vv_tree_init(struct vv_tree *tree, const struct vv_id *id, const uint8_t *bytes,
		 size_t size, const atomic_uint *faults);
void vv_tree_fini(struct vv_tree *tree); /* a zeroed tree is fine */

int vv_tree_entry(const struct vv_tree *tree, uint32_t index, struct vv_entry *out);
int vv_tree_name(const struct vv_tree *tree, uint32_t index, const char **name,
		 size_t *len); /* not NUL-ended */

/*
 * Find @name among the children of directory @dir.  VV_ENOENT, VV_ENOTDIR.  A binary
 * search in the mapped entries: it allocates nothing and locks nothing.
 */
int vv_tree_lookup(const struct vv_tree *tree, uint32_t dir, const char *name,
		   size_t len, uint32_t *out);
/*
 * The same by folded name: an exact match if there is one, else the first in folded
 * order of those that fold alike.
 */
int vv_tree_lookup_folded(const struct vv_tree *tree, uint32_t dir, const char *name,
			  size_t len, uint32_t *out);
/* The @nth child in folded order. */
int vv_tree_folded_child(const struct vv_tree *tree, const struct vv_entry *dir,
			 uint32_t nth, uint32_t *out);

/*
 * A whole path `a/b/c` ("" = root), symlinks not followed.  VV_ENOENT, VV_ENOTDIR,
 * VV_ELOOP beyond VV_DEPTH_MAX, VV_EINVAL: a `/` at an end, or two in a row.
 */
int vv_tree_walk(const struct vv_tree *tree, const char *path, uint32_t *out);

int vv_tree_blob(const struct vv_tree *tree, uint32_t blob, struct vv_id *out);
int vv_tree_target(const struct vv_tree *tree, const struct vv_entry *link,
		   const char **target, size_t *len);

struct vv_extra {
	enum vv_extra_type type;
	const char *name;
	size_t name_len;
	const uint8_t *value;
	size_t value_len;
};

/*
 * Iterate: *@pos starts at 0.  1 = item, 0 = end, < 0 = error.  Sorted by type, then
 * name; items of types that this version does not know are passed over.
 */
int vv_tree_extra_next(const struct vv_tree *tree, const struct vv_entry *entry,
		       uint64_t *pos, struct vv_extra *out);
/* One xattr by name; VV_ENODATA. */
int vv_tree_xattr(const struct vv_tree *tree, const struct vv_entry *entry,
		  const char *name, size_t len, struct vv_extra *out);

/*
 * Calls @blob for the content of each named stream of @entry: those ids stand in no table
 * (docs/format.md, section 6.3).  A value other than 0 ends it and is returned.
 */
int vv_tree_streams(const struct vv_tree *tree, const struct vv_entry *entry,
		    int (*blob)(void *ctx, const struct vv_id *id), void *ctx);

/*
 * Check every rule of section 6, canonical order included.  @why gets one line for
 * people: what is wrong, with which entry; "" if all is well.  It may be NULL if
 * @why_size is 0.  O(n log n) time, about 16 bytes of memory an entry at most.
 */
int vv_tree_verify(const struct vv_tree *tree, char *why, size_t why_size);

#endif
