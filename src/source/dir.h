/*
 * dir.h - a source in a directory: key = path beneath it.
 *
 * Objects are written to a name of their own that begins with a dot, synced, and given their key by an
 * exclusive link (VV_PUT_NEW) or a rename (VV_PUT_REPLACE); then the directory is synced, and so is every parent
 * that had to be made.  A crash leaves at most dot files, which vv_source_dir_sweep() removes.
 *
 * Threads: any.  Open pack files are kept for reading, at most max_open of them.
 */
#ifndef VV_SOURCE_DIR_H
#define VV_SOURCE_DIR_H

#include <stdint.h>

struct vv_source;

/* @path must be an existing directory.  @max_open 0 = 64. */
int vv_source_dir_new(struct vv_source **out, const char *path, unsigned max_open);

/* Remove what crashed writers left: dot files not written to for @older_ns.  Only for a `dir` source. */
int vv_source_dir_sweep(struct vv_source *src, uint64_t older_ns);

#endif
