/*
 * file.h - the file operations that a store in a directory needs, and no more.
 *
 * One implementation a build: os/posix, os/windows, and os/sim (in memory, forgets on a
 * simulated power cut what was not synced; tests link it instead).  Paths are UTF-8 with '/'.
 *
 * Ownership: an open file belongs to its opener; close with vv_file_close().
 * Threads: a struct vv_file may be read by many threads; everything else one thread per object.
 * Errors: negative enum vv_err.  NOENT, EXIST, NOTDIR, ISDIR, NOTEMPTY, NOSPC, ACCES, ROFS are told apart.
 */
#ifndef VV_OS_FILE_H
#define VV_OS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_file;

struct vv_file_info {
	uint64_t size;	   /* bytes */
	int64_t mtime_ns;  /* since 1970, of the last change of content */
	uint64_t identity; /* changes when the name gets another file (inode number) */
	bool is_dir;
};

int vv_file_open(struct vv_file **out,
		 const char *path); /* for reading; refuses directories */
int vv_file_create(struct vv_file **out,
		   const char *path); /* for writing; VV_EEXIST if the name is taken */
void vv_file_close(struct vv_file *file); /* NULL is a no-op; does not sync */

/* Read up to @len bytes at @off; *@got < @len only at the end of the file. */
int vv_file_read(struct vv_file *file, void *buf, size_t len, uint64_t off,
		 size_t *got);
int vv_file_write(struct vv_file *file, const void *bytes,
		  size_t len); /* appends; all or an error */
int vv_file_sync(
	struct vv_file *file); /* content and size are durable when it returns 0 */
int vv_file_size(struct vv_file *file, uint64_t *out);

int vv_file_stat(const char *path, struct vv_file_info *out); /* follows symlinks */
int vv_file_replace(const char *from,
		    const char *to); /* rename, taking the place of @to */
int vv_file_link_new(
	const char *from,
	const char *to); /* give @from the name @to too; VV_EEXIST if taken */
int vv_file_remove(const char *path); /* a file; VV_ENOENT if it is not there */

int vv_dir_make(const char *path);   /* VV_EEXIST if taken; the parent must exist */
int vv_dir_remove(const char *path); /* VV_ENOTEMPTY unless empty */
int vv_dir_sync(const char *path);   /* names made or removed in it are durable */

/*
 * Call @entry for each name in @path but `.` and `..`, in no order.  A value other than 0 from
 * @entry ends the listing and is returned.
 */
int vv_dir_list(const char *path, int (*entry)(void *ctx, const char *name), void *ctx);

#endif
