/*
 * dir_walk.h - every file beneath a directory, with its path from there as its key.
 *
 * What cannot be a key of a source is left out, with all that is beneath it: names
 * that begin with a dot above all.  So are files that vanish meanwhile.
 *
 * Threads: any.
 */
#ifndef VV_SOURCE_DIR_WALK_H
#define VV_SOURCE_DIR_WALK_H

struct vv_file_info;

enum {
	VV_DIR_WALK_MAX = 1024 * 1024
};

typedef int (*vv_dir_walk_fn)(void *ctx, const char *key,
			      const struct vv_file_info *info);
typedef int (*vv_dir_walk_dir_fn)(void *ctx, const char *path);

/*
 * Calls @file for the files beneath @root/@start, in no order; @start "" = all of
 * @root; and @left (may be NULL) with the path of each directory, @root/@start too,
 * after the names in it were met.  A value other than 0 ends the walk and is returned.  If there is
 * no such directory there are no files.  Symlinks are followed; VV_ELOOP after
 * VV_DIR_WALK_MAX directories, because with symlinks a tree may never end.
 */
int vv_dir_walk(const char *root, const char *start, vv_dir_walk_fn file,
		vv_dir_walk_dir_fn left, void *ctx);

#endif
