/*
 * merge.h - what a name in a directory of the view means.
 *
 * Answers: which layers contribute to this path, and what is the outcome?
 *
 * A layer at `a/b` is taken as a whole tree whose only directories on the way are `a`
 * and `a/b`.  The view is the union of these trees: of several directories with one
 * path, all contribute; anything else ends the search at its layer.
 *
 *  (M1)	A directory is its path, its sources in order of priority, and its
 *	*cut*: the last layer that contributes anything at or beneath it (NULL: all do).
 *	A file, a whiteout or an opaque directory on the way makes a cut.
 *  (M2)	What a name means is a function of its directory and the snapshot.
 *	Layers that lie at the name or deeper come from the snapshot, and so do ranks;
 *	what the directory's sources hold is fixed with the directory.  The root is the
 *	exception: its sources come from the snapshot too.
 *  (M3)	One tree source and no layer deeper: the answer is a node of that tree,
 *	and everything beneath it is computed.
 *  (M4)	A layer that cannot be asked makes the answer an error unless a layer
 *	before it decided: a name is never answered by what a broken layer might hide.
 *  (M5)	An answer depends on a host directory only if its is_short is set.
 *
 * Threads: pure but for opening trees and reading host directories; no lock is held.
 */
#ifndef VV_VFS_MERGE_H
#define VV_VFS_MERGE_H

#include "vfs/snapshot.h"

enum {
	VV_VIEW_PATH_MAX =
		4095, /* bytes of a layer's path, and of a path of a dynamic node */
};

struct vv_dir_source {
	struct vv_instance *inst; /* held */
	uint32_t entry; /* of a tree; a host source is at the directory's path */
};

/* Immutable, counted. */
struct vv_dir {
	atomic_uint refs;
	struct vv_instance *cut; /* held; may be NULL */
	char *path;		 /* owned; in the view, "" = root */
	size_t path_len;
	bool has_host; /* one of the sources is a host directory */
	size_t count;
	struct vv_dir_source sources[];
};

void vv_dir_ref(struct vv_dir *dir);
void vv_dir_unref(struct vv_dir *dir,
		  struct vv_instance_table *table); /* NULL is a no-op */
bool vv_dir_is_same(const struct vv_dir *a, const struct vv_dir *b);
size_t vv_dir_size_bytes(const struct vv_dir *dir); /* what it holds, for the budget */

enum vv_answer_kind {
	VV_ANSWER_NONE, /* no such name */
	VV_ANSWER_TREE, /* entry of inst */
	VV_ANSWER_FILE, /* of a host directory, not a directory: path, attr, dev */
	VV_ANSWER_DIR,	/* dynamic: dir */
};

struct vv_answer {
	enum vv_answer_kind kind;
	bool is_short;
	struct vv_instance *inst; /* borrowed from directory or snapshot */
	uint32_t entry;
	struct vv_dir *dir; /* owned */
	char *path;	    /* owned */
	struct vv_attr attr;
	uint64_t dev;
};
void vv_answer_fini(struct vv_answer *a, struct vv_instance_table *table);

int vv_merge_root(struct vv_view *view, const struct vv_snapshot *s,
		  struct vv_dir **out);
/*
 * VV_OK also if there is no such name: the kind says so.  After an error *@out is
 * empty.
 */
int vv_merge_child(struct vv_view *view, const struct vv_snapshot *s,
		   const struct vv_dir *dir, const char *name, size_t len,
		   struct vv_answer *out);

/*
 * Attributes of a dynamic directory but for its node: those of the first source, else
 * made up.
 */
int vv_merge_dir_attr(struct vv_view *view, const struct vv_snapshot *s,
		      const struct vv_dir *dir, struct vv_attr *out);

/* Rank below which layers do not contribute to @dir. */
uint32_t vv_merge_limit(const struct vv_snapshot *s, const struct vv_dir *dir);

/* The path of a host source beneath its layer: a part of @path, the path in the view. */
const char *vv_merge_host_path(const struct vv_instance *inst, const char *path);

#endif
