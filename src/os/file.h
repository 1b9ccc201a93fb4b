/*
 * file.h - the file operations that a store in a directory needs, and no more.
 *
 * One implementation a build: os/posix, os/windows, and os/sim (in memory, forgets
 * on a simulated power cut what was not synced; tests link it instead).  Paths are
 * UTF-8 with '/', absolute or from the working directory.  What the user named may
 * contain symlinks, and they are followed: these are the user's own directories.
 * Trees of strangers are read through os/hostdir.h.
 *
 * Durable means: there after a power cut.  Content is durable after
 * vv_file_sync(), a name after vv_dir_sync() of the directory it lies in, and
 * neither implies the other.
 *
 * Ownership: an open file belongs to its opener; close with vv_file_close().
 * Threads: one file may be read by many threads; everything else one thread an
 *	object.  Operations on paths: any.
 * Errors: negative enum vv_err.  NOENT, EXIST, NOTDIR, ISDIR, NOTEMPTY, NOSPC,
 *	ACCES and ROFS are told apart on every platform.
 */
#ifndef VV_OS_FILE_H
#define VV_OS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_file;

struct vv_file_info {
	uint64_t size;	   /* bytes */
	uint64_t identity; /* of the file behind the name: of device and inode number */
	int64_t mtime_ns;  /* since 1970, of the last change of content */
	bool is_dir;
};

/* For reading.  VV_EISDIR; VV_EINVAL for what is no regular file. */
int vv_file_open(struct vv_file **out, const char *path);

/*
 * The same for packs, whose reader keeps what it needs of them decoded: where a system
 * can leave them out of its own cache, it does.
 */
int vv_file_open_direct(struct vv_file **out, const char *path);

/* For writing, read-only to whoever opens it later.  VV_EEXIST if the name is taken. */
int vv_file_create(struct vv_file **out, const char *path);

void vv_file_close(struct vv_file *file); /* NULL is a no-op; does not sync */

/* Read up to @len bytes at @off; *@got < @len only at the end of the file. */
int vv_file_read(struct vv_file *file, void *buf, size_t len, uint64_t off,
		 size_t *got);

/* Append all of @len bytes.  After an error the file may hold a part of them. */
int vv_file_write(struct vv_file *file, const void *bytes, size_t len);

/*
 * Content and size are durable when it returns 0.  After an error they are not,
 * and a second call that returns 0 proves nothing: systems forget the failed
 * pages.  Throw the file away.
 */
int vv_file_sync(struct vv_file *file);

int vv_file_size(struct vv_file *file, uint64_t *out);

int vv_file_stat(const char *path, struct vv_file_info *out);

/* Rename, taking the place of the file @to at once: no one sees @to missing. */
int vv_file_replace(const char *from, const char *to);

/*
 * Give the file @from the name @to; VV_EEXIST if that is taken, by anything.  @from
 * stays as a second name, except where files cannot have two: then it is gone.
 */
int vv_file_link_new(const char *from, const char *to);

/* A file; VV_ENOENT if it is not there.  VV_EBUSY: on Windows, somebody has it mapped. */
int vv_file_remove(const char *path);

int vv_dir_make(const char *path);   /* VV_EEXIST if taken; the parent must exist */
int vv_dir_remove(const char *path); /* VV_ENOTEMPTY unless empty */
int vv_dir_sync(const char *path);   /* names made or removed in it are durable */

/*
 * Call @entry for each name in @path but `.` and `..`, in no order.  A value other
 * than 0 from @entry ends the listing and is returned.  Names made or removed
 * meanwhile, also by @entry, may be missed or seen.
 */
int vv_dir_list(const char *path, int (*entry)(void *ctx, const char *name), void *ctx);

#endif
