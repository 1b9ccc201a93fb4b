/*
 * hostdir.h - directory trees of the host: read by pack, views and verify, written by extract.
 *
 * All names are relative to an open directory handle, so that a tree that is being changed or a
 * symlink planted in it cannot lead outside.  Symlinks are never followed.
 *
 * Ownership: opener closes.  Threads: a handle may be used by many threads.
 */
#ifndef VV_OS_HOSTDIR_H
#define VV_OS_HOSTDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_hostdir;  /* an open directory */
struct vv_hostfile; /* an open regular file */

struct vv_hoststat {
	uint32_t mode; /* Linux encoding, type bits included */
	uint32_t uid, gid;
	uint64_t size;
	uint64_t dev, ino; /* identity on the host */
	uint32_t rdev_major, rdev_minor;
	uint32_t nlink;
	int64_t mtime_sec, ctime_sec, atime_sec;
	uint32_t mtime_nsec, ctime_nsec, atime_nsec;
	uint64_t blocks; /* of 512 bytes */
};

int vv_hostdir_open(struct vv_hostdir **out,
		    const char *path); /* follows symlinks: the user named it */
int vv_hostdir_open_at(struct vv_hostdir **out, struct vv_hostdir *dir,
		       const char *path); /* `a/b` beneath, "" = itself */
void vv_hostdir_close(struct vv_hostdir *dir);
int vv_hostdir_list(struct vv_hostdir *dir,
		    int (*entry)(void *ctx, const char *name, uint32_t type_bits,
				 uint64_t ino),
		    void *ctx);

/* @path is relative, beneath @dir ("" = @dir itself); VV_EXDEV if it would leave it. */
int vv_hostdir_stat(struct vv_hostdir *dir, const char *path, struct vv_hoststat *out);
int vv_hostdir_readlink(struct vv_hostdir *dir, const char *path, char *buf, size_t cap,
			size_t *len);
int vv_hostdir_xattr_list(struct vv_hostdir *dir, const char *path, char *buf,
			  size_t cap, size_t *len); /* NUL-ended names; cap 0 asks */
int vv_hostdir_xattr_get(struct vv_hostdir *dir, const char *path, const char *name,
			 void *buf, size_t cap, size_t *len);
int vv_hostfile_open(struct vv_hostfile **out, struct vv_hostdir *dir,
		     const char *path); /* reading; regular files only */
int vv_hostfile_read(struct vv_hostfile *file, void *buf, size_t len, uint64_t off,
		     size_t *got);
int vv_hostfile_stat(struct vv_hostfile *file, struct vv_hoststat *out);
/* The next stretch that may hold data at or after @off: *@data >= @off and its *@end; VV_ENXIO: only a hole follows. */
int vv_hostfile_next_data(struct vv_hostfile *file, uint64_t off, uint64_t *data,
			  uint64_t *end);
void vv_hostfile_close(struct vv_hostfile *file);

/* Writing, for extract.  Names are taken exclusively (VV_EEXIST), nothing is overwritten or followed. */
int vv_hostdir_make_dir(struct vv_hostdir *dir, const char *name);
int vv_hostdir_make_symlink(struct vv_hostdir *dir, const char *name,
			    const char *target);
int vv_hostdir_make_node(struct vv_hostdir *dir, const char *name, uint32_t mode,
			 uint32_t rdev_major, uint32_t rdev_minor);
int vv_hostdir_make_link(struct vv_hostdir *dir, const char *name,
			 struct vv_hostdir *root, const char *existing);
int vv_hostfile_create(struct vv_hostfile **out, struct vv_hostdir *dir,
		       const char *name);
int vv_hostfile_write(struct vv_hostfile *file, const void *bytes, size_t len,
		      uint64_t off); /* sparse where skipped */
int vv_hostfile_truncate(struct vv_hostfile *file, uint64_t size);
/* Owner (skipped without privilege when @owner is false), permission bits, times; of a symlink: itself. */
int vv_hostdir_set_meta(struct vv_hostdir *dir, const char *name,
			const struct vv_hoststat *meta, bool owner);
int vv_hostdir_xattr_set(struct vv_hostdir *dir, const char *name, const char *xattr,
			 const void *value, size_t len);

#endif
