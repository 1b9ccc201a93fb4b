/*
 * ahead.h - what the prefetcher asks of a FUSE mount: know this name, take these pages.
 *
 * Names are looked up as a program would, so that the kernel remembers.  That goes through a
 * private copy of the mount (open_tree), for two reasons: whatever is mounted over ours is not
 * in the way, and an unmount does not fail because we are in the mount.  The copy keeps the
 * session alive, though.  So before each name we look whether the mount is still where it was
 * put, and if not, VV_ENODEV ends the run, the copy is closed, and the session is over.
 *
 * Who may not copy a mount (that takes root) does without names: pages then reach only files
 * that the kernel has come to know by itself.
 *
 * During a run the kernel is told to read less ahead by itself (in sysfs, where we may): what
 * will be wanted is known better, and what it reads around each page that is touched would
 * have to be decoded too.
 *
 * Pages are pushed by FUSE_NOTIFY_STORE.  It may wait for a page that a request of the kernel
 * holds, so it comes from no worker.
 *
 * Where the layer is a mount of its own on ours (host/erofs), that one is copied instead, and
 * pages are read ahead in its files: the kernel then asks for them as for a reader.
 *
 * Ownership: init/fini; borrows the device and the path.
 * Threads: those of the prefetcher.
 */
#ifndef VV_HOST_FUSE_AHEAD_H
#define VV_HOST_FUSE_AHEAD_H

#include "host/prefetch.h"

#include <limits.h>

struct vv_fuse_dev;

struct vv_fuse_ahead {
	struct vv_fuse_dev *dev;
	const char *where; /* the mount point */
	uint64_t mount_id; /* of what we mounted there; 0 = not known */
	int changes;	   /* of mounts, during a run; -1 */
	int copy;	   /* of the mount, during a run; -1 */
	size_t layer_len; /* of the layer's path, if what is copied is its mount; else 0 */
	uint64_t layer_id;    /* of that mount */
	char layer[PATH_MAX]; /* where that is */
	int file;	      /* the last one that was pulled from; -1 */
	char file_path[PATH_MAX];
	unsigned readahead_kb; /* as it was before the run; 0 = not changed */
};

/* *@host is what the prefetcher is to be started with. */
void vv_fuse_ahead_init(struct vv_fuse_ahead *ahead, struct vv_fuse_dev *dev,
			const char *where, struct vv_prefetch_host *host);

#endif
