/*
 * input.h - where the entries of a tree come from: a host directory or an archive, one
 * after the other.
 *
 * Ownership: new/free; the strings of the options are borrowed until free; strings and
 *	buffers handed out live until the next call.
 * Threads: one.
 * Hostile archives: names are cleaned (leading `/` and `./` go, `..` is refused), so that
 *	nothing leads out of the tree; symlink targets are kept as they are, since they
 *	are data.  Bounds: VV_INPUT_ENTRIES_MAX entries, VV_INPUT_BYTES_MAX bytes in all.
 */
#ifndef VV_INPUT_INPUT_H
#define VV_INPUT_INPUT_H

#include "format/tree.h"
#include "format/tree_builder.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VV_INPUT_ENTRIES_MAX (UINT64_C(1) << 27)
#define VV_INPUT_BYTES_MAX (UINT64_C(1) << 44)

struct vv_input_entry {
	const char *path;	    /* `a/b/c`, "" = the root */
	struct vv_tree_meta meta;   /* blob not set; size as far as known beforehand */
	const char *const *streams; /* names of streams beside the content */
	size_t stream_count;
	/* Not NULL: a further name of this path, which came before. */
	const char *hardlink;
};

struct vv_input_options {
	/* With `/` against the path and its parents, else against each part of it. */
	const char *const *exclude;
	size_t exclude_count;
	unsigned strip_components;
	const char *prefix; /* put below this directory of the tree; NULL = none */
	/* Walk a directory once ahead, so that progress knows the total. */
	bool counts_first;
	/* Of a directory on Windows, also: creation, access and change; access lists. */
	bool keeps_times, keeps_security;
};

struct vv_input {
	const struct vv_input_ops *ops;
};

struct vv_input_ops {
	const char *name; /* `dir`, `archive` */
	/*
	 * 1 = entry, 0 = end, < 0 = error (logged). Directories come before what is in
	 * them when the input has them.
	 */
	int (*next)(struct vv_input *in, struct vv_input_entry *out);
	/*
	 * Content of the last entry, a regular file, in order: *@got 0 = end. A hole is
	 * told by *@hole > 0 zeros and *@got 0.
	 */
	int (*read)(struct vv_input *in, void *buf, size_t cap, size_t *got,
		    uint64_t *hole);
	/*
	 * From here on read() gives the @nth stream of the last entry.  Only called for
	 * entries that have streams; NULL where none has.
	 */
	int (*stream)(struct vv_input *in, size_t nth);
	/*
	 * How far we are, in bytes of the input, and where it ends; 0 = not known
	 * (directories).
	 */
	void (*progress)(struct vv_input *in, uint64_t *done, uint64_t *total);
	void (*free)(struct vv_input *in);
};

int vv_input_dir_new(struct vv_input **out, const char *path,
		     const struct vv_input_options *opts);
/*
 * tar (plain, gz, bz2, xz, zst), zip, 7z, deb (its data). VV_EINVAL: not an archive
 * that we know.
 */
int vv_input_archive_new(struct vv_input **out, const char *path,
			 const struct vv_input_options *opts);
/* Either, by what @path is. */
int vv_input_open(struct vv_input **out, const char *path,
		  const struct vv_input_options *opts);
void vv_input_free(struct vv_input *in); /* NULL is a no-op */

/*
 * Does an xattr of a host or an archive become part of the tree?  Labels of the host's
 * security policy (SELinux, IMA, EVM) do not travel; all others do.
 */
bool vv_input_keeps_xattr(const char *name);

#endif
