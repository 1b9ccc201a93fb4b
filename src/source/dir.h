/*
 * dir.h - a source in a directory: key = path beneath it.
 *
 * An object is written to a file of its own at the top, `.tmp-<random>`, and synced.
 * Then it gets its key by an exclusive link (VV_PUT_NEW) or a rename
 * (VV_PUT_REPLACE), and every directory from there to the top is synced: all of
 * them, because another writer may have made one and not yet synced it.  A crash
 * leaves at most dot files, which vv_source_dir_sweep() removes.
 *
 * Directories are made when a key needs them.  Only refs may have any name, so only
 * beneath `refs/` are empty directories removed again; a put that loses its directory
 * to that makes it anew.
 *
 * Threads: any, and any number of processes.
 */
#ifndef VV_SOURCE_DIR_H
#define VV_SOURCE_DIR_H

#include <stdint.h>

struct vv_source;

/*
 * @path must be an existing directory; if it is relative the working directory must
 * stay.  At most @max_open pack files (0 = 64) are kept open, and those being read.
 */
int vv_source_dir_new(struct vv_source **out, const char *path, unsigned max_open);

/*
 * Remove what crashed writers left: `.tmp-` files not written to for @older_ns.  A
 * writer that is only that slow fails at commit and loses nothing else.  @src may wrap
 * a dir source; VV_ENOSYS if there is none at the bottom.
 */
int vv_source_dir_sweep(struct vv_source *src, uint64_t older_ns);

#endif
