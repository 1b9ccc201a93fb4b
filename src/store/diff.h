/*
 * diff.h - what was added, removed and modified between two trees; also the words for a
 * tree and a host directory (store/against.h).
 *
 * Both trees are walked side by side in the order of their names.  Nothing is read but
 * the trees: contents are equal exactly if their blob ids are.
 *
 * Ownership: everything is borrowed for the call.
 * Threads: one caller.
 */
#ifndef VV_STORE_DIFF_H
#define VV_STORE_DIFF_H

#include <stddef.h>
#include <stdint.h>

struct vv_tree;
struct vv_entry;

enum vv_difference_kind {
	VV_ADDED = '+',
	VV_REMOVED = '-',
	VV_MODIFIED = 'M',
};

/* What differs of a modified entry; several may. */
enum {
	VV_DIFFERS_TYPE = 1 << 0,
	VV_DIFFERS_CONTENT = 1 << 1, /* size or bytes of a file */
	VV_DIFFERS_TARGET = 1 << 2,  /* of a symlink */
	VV_DIFFERS_DEVICE = 1 << 3,  /* major and minor number */
	VV_DIFFERS_MODE = 1 << 4,    /* permission bits */
	VV_DIFFERS_OWNER = 1 << 5,
	VV_DIFFERS_MTIME = 1 << 6,
	VV_DIFFERS_XATTRS = 1 << 7,
	VV_DIFFERS_WINDOWS = 1 << 8, /* extras that Windows gave it */
	VV_DIFFERS_LINKS = 1 << 9,   /* which names are one file */
	VV_DIFFERS_COUNT = 10,
	VV_DIFFERS_TEXT = 96, /* bytes of the longest text */
};

struct vv_difference {
	enum vv_difference_kind kind;
	const char *path; /* "" = the root; borrowed for the call */
	unsigned what;	  /* of a modified entry, else 0 */
};

/* A value other than 0 ends the walk and is returned. */
typedef int vv_difference_fn(void *ctx, const struct vv_difference *difference);

/* "content, mode"; @buf holds VV_DIFFERS_TEXT bytes and is returned. */
const char *vv_differs_text(char *buf, unsigned what);

struct vv_diff_stats {
	uint64_t added, removed, modified; /* entries */
	uint64_t bytes_added, bytes_removed,
		bytes_modified; /* of files, as they are now */
};

/*
 * From @old to @new.  What is below an added or removed directory is told too, each
 * entry by itself.  @stats may be NULL.  VV_ECORRUPT, VV_EIO, VV_ENOMEM.
 */
int vv_diff(const struct vv_tree *old, const struct vv_tree *new,
	    vv_difference_fn *tell, void *ctx, struct vv_diff_stats *stats);

#endif
