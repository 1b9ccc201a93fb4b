/*
 * hostdir.h - directory trees of the host: read by pack, views and verify, written by
 * extract.
 *
 * All names are relative to an open directory handle, so that a tree that is being
 * changed, or a symlink planted in it, cannot lead outside.  Symlinks are never
 * followed, wherever they stand: as the last part they are a thing of their own, and
 * before it they are VV_ELOOP.  Mount points are crossed.
 *
 * Paths: parts joined by one `/`, of any length in total, each part of at most 255
 *	bytes; "" is the handle itself.  A leading `/` or a part `..` is VV_EXDEV, and a
 *	part `.` or an empty one VV_EINVAL.  Names are single parts and may hold any byte
 *	but `/` and NUL.
 * Ownership: opener closes; NULL is a no-op.
 * Threads: a handle may be used by many threads.
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

/* Follows symlinks: the user named it. */
int vv_hostdir_open(struct vv_hostdir **out, const char *path);
int vv_hostdir_open_at(struct vv_hostdir **out, struct vv_hostdir *dir,
		       const char *path);
void vv_hostdir_close(struct vv_hostdir *dir);

/*
 * Call @entry for each name but `.` and `..`, in no order, with the type bits of its
 * mode (0 if it vanished meanwhile).  A value other than 0 from @entry ends the listing
 * and is returned.
 */
int vv_hostdir_list(struct vv_hostdir *dir,
		    int (*entry)(void *ctx, const char *name, uint32_t type_bits,
				 uint64_t ino),
		    void *ctx);

int vv_hostdir_stat(struct vv_hostdir *dir, const char *path, struct vv_hoststat *out);

/* *@len bytes without a NUL.  VV_ERANGE unless @cap is larger than the target. */
int vv_hostdir_readlink(struct vv_hostdir *dir, const char *path, char *buf, size_t cap,
			size_t *len);

/* NUL-ended names, one after the other.  @cap 0 asks for the length; VV_ERANGE. */
int vv_hostdir_xattr_list(struct vv_hostdir *dir, const char *path, char *buf,
			  size_t cap, size_t *len);
/* The same for a value.  VV_ENODATA: there is none of that name. */
int vv_hostdir_xattr_get(struct vv_hostdir *dir, const char *path, const char *name,
			 void *buf, size_t cap, size_t *len);

/* For reading; regular files only: VV_EISDIR, VV_ELOOP (a symlink), VV_EINVAL. */
int vv_hostfile_open(struct vv_hostfile **out, struct vv_hostdir *dir,
		     const char *path);
void vv_hostfile_close(struct vv_hostfile *file);

/* Read up to @len bytes at @off; *@got < @len only at the end of the file. */
int vv_hostfile_read(struct vv_hostfile *file, void *buf, size_t len, uint64_t off,
		     size_t *got);
int vv_hostfile_stat(struct vv_hostfile *file, struct vv_hoststat *out);

/*
 * The next stretch that may hold data at or after @off: from *@data >= @off to *@end.
 * VV_ENXIO: only a hole follows, or the end of the file.
 */
int vv_hostfile_next_data(struct vv_hostfile *file, uint64_t off, uint64_t *data,
			  uint64_t *end);

/*
 * Writing, for extract.  @name is a single part directly in @dir, VV_EINVAL otherwise.
 * Names are taken exclusively (VV_EEXIST); nothing is overwritten or followed.  New
 * things are for the owner only until vv_hostdir_set_meta().
 */
int vv_hostdir_make_dir(struct vv_hostdir *dir, const char *name);
/* False: no file of this system can have that name, whoever makes it. */
bool vv_hostdir_can_name(const char *name);
int vv_hostdir_make_symlink(struct vv_hostdir *dir, const char *name,
			    const char *target);
/* A device, fifo or socket, as the type bits of @mode say. */
int vv_hostdir_make_node(struct vv_hostdir *dir, const char *name, uint32_t mode,
			 uint32_t rdev_major, uint32_t rdev_minor);
/* One more name for @existing, a path beneath @root; a symlink is linked itself. */
int vv_hostdir_make_link(struct vv_hostdir *dir, const char *name,
			 struct vv_hostdir *root, const char *existing);

int vv_hostfile_create(struct vv_hostfile **out, struct vv_hostdir *dir,
		       const char *name);
/* All of @len bytes at @off; sparse where skipped. */
int vv_hostfile_write(struct vv_hostfile *file, const void *bytes, size_t len,
		      uint64_t off);
int vv_hostfile_truncate(struct vv_hostfile *file, uint64_t size);

/*
 * Owner, permission bits, times of modification and access, in the order in which they
 * do not undo each other; of a symlink its own.  @name "" is @dir itself.
 *
 * An owner that we may not set is an error if @owner.  If not it stays, and then the
 * set-id bits are left out: they would lend our rights instead of the owner's.
 */
int vv_hostdir_set_meta(struct vv_hostdir *dir, const char *name,
			const struct vv_hoststat *meta, bool owner);

/*
 * @name "" is @dir itself.  User attributes need write permission, so they come before
 * vv_hostdir_set_meta(); `security.capability` is cleared by a change of owner, so it
 * comes after.
 */
int vv_hostdir_xattr_set(struct vv_hostdir *dir, const char *name, const char *xattr,
			 const void *value, size_t len);

#endif
