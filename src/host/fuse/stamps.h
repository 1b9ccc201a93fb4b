/*
 * stamps.h - did this host file change since the kernel last cached it?
 *
 * The kernel drops a file's pages at open unless told to keep them.  A host file may be kept
 * when size and times are as at its last open, because every page in the cache was read
 * after that.  A fixed table remembers the last opens; a file that it forgot is read anew,
 * which is never wrong.  A file that changed just now is not remembered: a second change
 * within the granularity of its clock would not be seen.
 *
 * Ownership: new/free.  Threads: any; locked inside.
 */
#ifndef VV_HOST_FUSE_STAMPS_H
#define VV_HOST_FUSE_STAMPS_H

#include <stdbool.h>
#include <stdint.h>

struct vv_attr;
struct vv_fuse_stamps;

int vv_fuse_stamps_new(struct vv_fuse_stamps **out);	 /* about 64 KiB */
void vv_fuse_stamps_free(struct vv_fuse_stamps *stamps); /* NULL is a no-op */

/* True if the pages of the node may be kept.  Remembers it as it is at @now_ns since 1970. */
bool vv_fuse_stamps_match(struct vv_fuse_stamps *stamps, const struct vv_attr *attr,
			  int64_t now_ns);

#endif
