/*
 * open_files.h - files kept open for reading, so that a frame costs one read and not
 * an open, a read and a close.
 *
 * For files that never change, because a file that was replaced or removed stays
 * readable here.  It answers "which open file has this path?" with a linear search
 * from the most recently used one: the set is small and reads come in runs.
 *
 * Ownership: init/fini in the caller's storage.  ref/unref around each use.
 * Threads: any; locked inside, never across an open or a close.
 */
#ifndef VV_SOURCE_OPEN_FILES_H
#define VV_SOURCE_OPEN_FILES_H

#include "os/thread.h"

#include <stddef.h>

struct vv_file;
struct vv_open_file;

struct vv_open_files {
	struct vv_mutex lock;
	struct vv_open_file *newest; /* owned; protected by lock */
	struct vv_open_file *oldest;
	unsigned count;
	unsigned max; /* immutable; those in use when pushed out come on top */
};

void vv_open_files_init(struct vv_open_files *set, unsigned max);
void vv_open_files_fini(struct vv_open_files *set); /* none may be in use */

int vv_open_files_ref(struct vv_open_files *set, const char *path,
		      struct vv_open_file **out);
void vv_open_files_unref(struct vv_open_files *set, struct vv_open_file *file);
struct vv_file *vv_open_file_get(struct vv_open_file *file); /* borrowed until unref */

/* The path has no file any more, or another: close it as soon as it is not in use. */
void vv_open_files_forget(struct vv_open_files *set, const char *path);

#endif
