/*
 * view.h - what a mount shows: layers at paths, merged where they overlap.
 *
 * Answers, for a host: which node has this name, what are its attributes, what is in
 * this directory, whose bytes are these?
 *
 * A layer is a tree or a host directory at a path in the view (by default: every ref at
 * /<ref>).  Directories on the way to a layer that no layer holds are synthetic.  Where
 * several layers have a directory they are merged: the first layer wins; a file hides
 * what is below; in a directory with more than one source a whiteout (character device
 * 0/0) hides its name, and an opaque directory (xattr {trusted,user}.overlay.opaque =
 * y) hides what is below it.  merge.h has the exact rules.
 *
 * Nodes.  Where only one tree can contribute, a node id is computed from (instance of
 * the tree, entry) and nothing is allocated; an instance counts the lookups that the
 * kernel holds and outlives its layer until they are forgotten.  All other nodes
 * (synthetic, merged, host directory) are *dynamic*: small, counted, in a table.  A
 * node never changes its meaning: when a layer moves, names lead to new nodes, and who
 * holds an old node (an open file, a running compiler's directory) keeps the old tree.
 * Only the listings of the root and of directories with layers beneath them do change.
 *
 * Changing layers (vv_view_set_layers) swaps a snapshot and returns notices: the names
 * and directories that a kernel must forget.  For that, the names that were answered in
 * dynamic directories, positive or negative, are tracked; the number is bounded
 * (nodes.h), and a name beyond the bound gets a short life instead.
 *
 * Ownership: new/free.
 * Threads: any; a query on tree nodes takes no lock.
 */
#ifndef VV_VFS_VIEW_H
#define VV_VFS_VIEW_H

#include "core/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_budget;
struct vv_tree;
struct vv_view;

#define VV_NODE_ROOT UINT64_C(1)

/* ---- layers ---- */

/*
 * How the view reads a host directory: os/hostdir.h behind pointers, since vfs is PURE.
 * Paths are relative, "" = @dir itself; nothing beneath @dir leads outside it, and no
 * symlink is followed.
 */
struct vv_hostdir;
struct vv_hostfile;
struct vv_attr;
struct vv_host_ops {
	/*
	 * Mode to times of @out, and out->ino as the host has it.  VV_ENOENT,
	 * VV_ENOTDIR.
	 */
	int (*stat)(struct vv_hostdir *dir, const char *path, struct vv_attr *out,
		    uint64_t *dev);
	int (*list)(struct vv_hostdir *dir, const char *path,
		    int (*entry)(void *ctx, const char *name, uint32_t type_bits,
				 uint64_t ino),
		    void *ctx);
	int (*readlink)(struct vv_hostdir *dir, const char *path, char *buf, size_t cap,
			size_t *len);
	int (*xattr_list)(struct vv_hostdir *dir, const char *path, char *buf,
			  size_t cap, size_t *len);
	int (*xattr_get)(struct vv_hostdir *dir, const char *path, const char *name,
			 void *buf, size_t cap, size_t *len);
	int (*open)(struct vv_hostfile **out, struct vv_hostdir *dir, const char *path);
	int (*read)(struct vv_hostfile *file, void *buf, size_t len, uint64_t off,
		    size_t *got);
	void (*close)(struct vv_hostfile *file);
};

/*
 * A layer of the view as its maker describes it.  A tree is opened at first touch:
 * open() gives one that stays valid until close().  If it fails, the names that the
 * tree may hold answer its error, and the next lookup tries again.  A layer with the
 * path, label and tree of one in the view before is that one: its nodes go on.
 */
struct vv_layer {
	const char *path;  /* in the view, `a/b`, "" = the root; copied */
	const char *label; /* ref name or host path, for messages; copied */
	int tag; /* the maker's number, not negative: see vv_view_layer_tag() */

	/* a tree: */
	struct vv_id tree_id;
	int (*open)(void *ctx, const struct vv_id *id, const struct vv_tree **tree,
		    void **handle);
	void (*close)(void *ctx, void *handle);
	void *ctx;	      /* borrowed for the view's life */
	int64_t published_ns; /* since 1970; of synthetic directories above it */

	/* or a host directory: */
	struct vv_hostdir *dir; /* borrowed for the view's life; NULL for a tree */
};

struct vv_view_options {
	const struct vv_host_ops *host_ops; /* NULL: no host directories */
	struct vv_budget *budget;	    /* of nodes and listings; NULL: none */
	uint32_t default_uid, default_gid;  /* of synthetic directories */
};

/* What a kernel must forget. */
struct vv_notice {
	uint64_t node;	  /* a directory */
	const char *name; /* in it; NULL: the directory's attributes and listing */
	size_t len;
};
struct vv_notices {
	struct vv_notice *items; /* owned */
	size_t count;
	char *names; /* owned; what the items' names point into */
};
void vv_notices_fini(struct vv_notices *n); /* zeroed is fine */

/* A view without layers: an empty root. */
int vv_view_new(struct vv_view **out, const struct vv_view_options *opts);
/* NULL is a no-op.  Closes all trees, also those of which nodes were never forgotten. */
void vv_view_free(struct vv_view *view);

/*
 * Replace all layers.  Order is priority.  The notices must be sent after this
 * returned: what was answered from the old layers is then covered too, since a kernel
 * takes a notice about a directory to heart after the lookups in it that are under way.
 * Send them from a thread that no lookup waits for.  On error the old layers stay:
 * VV_EINVAL, VV_ENAMETOOLONG (a path), VV_EMFILE (more than 65,536 trees, retired ones
 * included).
 */
int vv_view_set_layers(struct vv_view *view, const struct vv_layer *layers,
		       size_t count, struct vv_notices *out);
bool vv_view_has_host_layers(struct vv_view *view);

/* ---- queries ---- */

enum vv_life {
	VV_LIFE_FOREVER, /* until a notice says otherwise */
	VV_LIFE_SHORT,	 /* 1 s: the host can change it behind our back */
	VV_LIFE_NONE,	 /* ask again each time */
};

/*
 * Inode numbers are unique in the view and stable while path and tree stay (also across
 * mounts), for people and compilers; the names of a hard link share one.  Dynamic
 * directories have nlink 1, "not known", because then `find` looks for itself.
 */
struct vv_attr {
	uint64_t node;	     /* for the protocol */
	uint64_t generation; /* differs when a node id is used again */
	uint64_t ino;
	uint32_t mode, uid, gid, nlink;
	uint32_t rdev_major, rdev_minor;
	uint64_t size, blocks; /* bytes; 512 bytes */
	int64_t mtime_sec, ctime_sec, atime_sec;
	uint32_t mtime_nsec, ctime_nsec, atime_nsec;
	enum vv_life entry_life, attr_life;
};

/*
 * On success the node counts one lookup more, until forgotten; a node may be used while
 * it has one.  VV_ENOENT: *@negative_life says how long that holds.  Any other error is
 * not to be remembered.  VV_ESTALE, here and below: no such node, or a file of a host
 * directory that was replaced there.
 */
int vv_view_lookup(struct vv_view *view, uint64_t parent, const char *name, size_t len,
		   struct vv_attr *out, enum vv_life *negative_life);
void vv_view_forget(struct vv_view *view, uint64_t node, uint64_t count);
int vv_view_getattr(struct vv_view *view, uint64_t node, struct vv_attr *out);
int vv_view_readlink(struct vv_view *view, uint64_t node, char *buf, size_t cap,
		     size_t *len);
/* A cap of 0 asks for the size; VV_ERANGE if it is too small.  VV_ENODATA. */
int vv_view_xattr_get(struct vv_view *view, uint64_t node, const char *name, void *buf,
		      size_t cap, size_t *len);
int vv_view_xattr_list(struct vv_view *view, uint64_t node, char *buf, size_t cap,
		       size_t *len);

/* Whose bytes a regular file's are.  Valid while the node is held. */
struct vv_content {
	bool is_host;	   /* open a handle; else: */
	struct vv_id blob; /* if size > 0 */
	uint64_t size;
};
int vv_view_content(struct vv_view *view, uint64_t node, struct vv_content *out);

/* An open file of a host directory; VV_EINVAL for a file of a tree. */
struct vv_view_file;
int vv_view_open(struct vv_view *view, uint64_t node, struct vv_view_file **out);
int vv_view_file_read(struct vv_view_file *file, void *buf, size_t len, uint64_t off,
		      size_t *got);
void vv_view_file_close(struct vv_view_file *file);

/*
 * List @dir from position @pos (0 = start).  @entry gets `.` and `..` first, then names
 * in the order of their bytes.  A value other than 0 stops (the buffer is full); that
 * entry is not consumed.  @next is the position after the entry.  @attr always has ino
 * and the type bits of mode.  With @plus it is complete as after a lookup, and
 * *counted* (the callee forgets it if it stops at this entry), except for `.`, `..` and
 * what is not at hand cheaply (the root of a tree that is not open yet): there
 * attr->node is 0.
 *
 * A directory with a host source is listed when it is opened.  All others need no
 * state: opendir gives NULL, and nobody needs to call it.  (Without a handle, a
 * directory with a host source is listed anew at position 0.)  Positions outlive a
 * change of layers: the listing goes on behind the name it had reached.
 */
typedef int vv_view_entry(void *ctx, const char *name, size_t len, uint64_t next,
			  const struct vv_attr *attr);
struct vv_dir_handle;
int vv_view_opendir(struct vv_view *view, uint64_t dir, struct vv_dir_handle **out);
void vv_view_closedir(struct vv_dir_handle *handle); /* NULL is a no-op */
int vv_view_readdir(struct vv_view *view, uint64_t dir, struct vv_dir_handle *handle,
		    uint64_t pos, bool plus, vv_view_entry *entry, void *ctx);

/* The node's path, `/a/b`, for messages: best effort, and slow.  Returns its length. */
size_t vv_view_describe(struct vv_view *view, uint64_t node, char *buf, size_t cap);
/* The tag of the node's layer, also of one no longer shown; -1: none, or several. */
int vv_view_layer_tag(struct vv_view *view, uint64_t node);

/*
 * ---- whole trees, for hosts that show one by other means ----
 *
 * Is @node the root of a tree which alone is shown there and below?  Its path is what
 * vv_view_describe() tells.
 */
bool vv_view_is_tree_root(uint64_t node);
/* One lookup more of a node that has one.  VV_ESTALE. */
int vv_view_hold(struct vv_view *view, uint64_t node);
/* The tree of such a root, valid while the node is held. */
int vv_view_tree(struct vv_view *view, uint64_t root, const struct vv_tree **out);
/* The node of an entry of that tree, to be described; no lookup is counted. */
uint64_t vv_view_entry_node(uint64_t root, uint32_t entry);

/*
 * For the lease: trees that are still in use although no layer shows them any more.
 * @pos starts at 0; 1 = item, 0 = end.
 */
int vv_view_retired_next(struct vv_view *view, size_t *pos, struct vv_id *tree_id);

#endif
