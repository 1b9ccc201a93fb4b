/*
 * hostdir_private.h - the handles of os/hostdir.h, for the files that implement it.
 */
#ifndef VV_OS_WINDOWS_HOSTDIR_PRIVATE_H
#define VV_OS_WINDOWS_HOSTDIR_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

struct vv_hostdir {
	void *handle;
};

struct vv_hostfile {
	void *handle;
	uint64_t size;	   /* of a file that we write: where it ends now */
	bool is_program;   /* by its name: see mode_of() in hostdir.c */
	bool is_sparse;	   /* we asked for it */
	bool knows_ranges; /* the file system can say where data is */
};

/* Takes @handle, also on error. */
int vv_hostfile_new(struct vv_hostfile **out, void *handle, const char *path);

#endif
