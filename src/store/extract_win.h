/*
 * extract_win.h - what a tree keeps for Windows, back to where extract writes.
 *
 * On other systems there is no place for it, and nothing is said: bytes, names, modes and
 * times are there.
 *
 * Threads: any.
 */
#ifndef VV_STORE_EXTRACT_WIN_H
#define VV_STORE_EXTRACT_WIN_H

struct vv_entry;
struct vv_hostdir;
struct vv_tree;

/*
 * Attributes, access list and times of @e to @name ("" = @dir itself), when its content is
 * there.  VV_EPERM: all but the access list, which we may not set.
 */
int vv_extract_win_meta(const struct vv_tree *tree, const struct vv_entry *e,
			struct vv_hostdir *dir, const char *name);

/* The symlink @e as the kind of link it was.  VV_EOPNOTSUPP: any symlink will do. */
int vv_extract_win_link(const struct vv_tree *tree, const struct vv_entry *e,
			struct vv_hostdir *dir, const char *name, const char *target);

#endif
