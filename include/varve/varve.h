/*
 * varve.h - reads toolchains out of a Varve store, in process: no mount, no FUSE, no root.
 *
 *	struct vv_fs *fs = NULL;
 *	struct vv_fs_node *node = NULL;
 *	char text[4096];
 *	size_t got = 0;
 *	int err = vv_fs_open(&fs, "/srv/toolchains", NULL);
 *
 *	if (!err)
 *		err = vv_fs_node_open(&node, vv_fs_root(fs), "gcc-12/usr/include/stdio.h",
 *				      VV_FS_FOLLOW);
 *	if (!err)
 *		err = vv_fs_node_read(node, text, sizeof text, 0, &got);
 *	if (err)
 *		fprintf(stderr, "%s\n", vv_fs_err_text(err));
 *	vv_fs_node_close(node);
 *	vv_fs_close(fs);
 *
 * A *store* holds trees of files under names, its *refs*.  A *view* (struct vv_fs) shows
 * refs and host directories at paths, merged where they overlap, as `varve mount` does; by
 * default every ref at /<ref>.  Refs may move while it is open: a path leads to the new
 * tree, and a node that is open keeps the old one, with everything beneath it.
 *
 * Names.  Every symbol of Varve begins with vv_; what is public begins with vv_fs_, its
 * constants with VV_FS_.
 *
 * Errors.  A function that can fail returns 0 or a negative VV_FS_E..., minus the Linux
 * errno; values never change, and later versions may return more of them.  vv_fs_err_text()
 * tells any.  Iterators return 1 for an item, 0 at the end, or an error.  After an error,
 * what `out` points to is NULL or zero, and nothing is held.  A function whose errors are
 * not listed can return VV_FS_ENOMEM, and VV_FS_EIO or VV_FS_ECORRUPT where the store is
 * damaged or cannot be reached: never wrong bytes.
 *
 * Ownership.  open/close belong together; close takes NULL.  A node keeps its view alive,
 * a directory its node: they may be closed in any order.  Strings are NUL-ended; what is
 * given to a function is copied or used during the call only.
 *
 * Threads.  Any thread may call any function at any time, also with the same view and the
 * same node, except: an iterator (refs, directory) belongs to one thread at a time, and
 * nothing is used during or after its close.  No lock is held during I/O.
 *
 * Memory.  Each view has one hard budget, for everything that it holds in proportion to
 * its work.  Readers wait for each other rather than exceed it.
 *
 * Process.  A view runs one thread.  Stores are mapped; so that a disk error is an error
 * code, the library handles SIGBUS in its own maps and passes every other one on to the
 * handler that was set before.  A child after fork() may use nothing that its parent
 * opened.  The library is silent unless vv_fs_set_log() is called.
 *
 * Versions.  Functions are added, never changed.  Structures that the caller provides have
 * a size or reserved room; those that the library gives may grow at their end.
 */
#ifndef VARVE_VARVE_H
#define VARVE_VARVE_H

#include <stddef.h>
#include <stdint.h>

#define VARVE_API_VERSION 1

#if defined(__GNUC__) && !defined(_WIN32)
#define VV_FS_API __attribute__((visibility("default")))
#else
#define VV_FS_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct vv_fs;	   /* a view of a store */
struct vv_fs_node; /* a file, directory or symlink of it, held open */
struct vv_fs_dir;  /* a directory being listed */
struct vv_fs_refs; /* the refs of a store being listed */

/* The VARVE_API_VERSION that the library was built with: at least the program's. */
VV_FS_API unsigned vv_fs_api_version(void);

/* ---- errors ---- */

enum vv_fs_err {
	VV_FS_OK = 0,
	VV_FS_EPERM = -1,
	VV_FS_ENOENT = -2,
	VV_FS_EIO = -5,
	VV_FS_E2BIG = -7, /* the program wants what only a newer library can */
	VV_FS_EAGAIN = -11,
	VV_FS_ENOMEM = -12, /* of the system, or of the budget */
	VV_FS_EACCES = -13,
	VV_FS_ENOTDIR = -20,
	VV_FS_EISDIR = -21,
	VV_FS_EINVAL = -22,
	VV_FS_EMFILE = -24,
	VV_FS_ERANGE = -34, /* does not fit the buffer */
	VV_FS_ENAMETOOLONG = -36,
	VV_FS_ELOOP = -40, /* a symlink that is not to be followed, or too many */
	VV_FS_ENODATA = -61,
	VV_FS_ECORRUPT = -74,  /* stored data is not what its name says */
	VV_FS_ENEWER = -92,    /* the store was written by a newer varve */
	VV_FS_ENOTCONN = -107, /* the store is not there any more */
	VV_FS_ESTALE = -116    /* a file of a host directory was replaced there */
};

/* For people: static, without a full stop, never NULL. */
VV_FS_API const char *vv_fs_err_text(int err);
/* For logs and scripts: "ENOENT", "OK"; "E?" if unknown. */
VV_FS_API const char *vv_fs_err_name(int err);

/*
 * What an error code cannot say: which object of the store, which ref.  One line, without
 * a newline, on the thread where it happened.  Level: 0 error, 1 warning, 2 information,
 * 3 debugging.  For the whole process, since damage may be met by any view: call it before
 * the first view is opened or after the last one was closed.  NULL: silent, the default.
 */
typedef void vv_fs_log_fn(void *ctx, int level, const char *line);
VV_FS_API void vv_fs_set_log(vv_fs_log_fn *log, void *ctx);

/* ---- refs of a store ---- */

struct vv_fs_ref {
	const char *name; /* `gcc/12.2.0` */
	const char *tree; /* 64 hexadecimal digits: the same content, the same tree */
	int64_t published_ns;  /* since 1970 */
	uint64_t files, bytes; /* regular files in it, and their size together */
};

/*
 * The refs of the store in the directory @store as they are now, sorted by name.  A ref
 * that cannot be read is left out and logged.  VV_FS_ENOENT: there is no store;
 * VV_FS_ENEWER.
 */
VV_FS_API int vv_fs_refs_open(struct vv_fs_refs **out, const char *store);
/* *@out is borrowed until the next call. */
VV_FS_API int vv_fs_refs_next(struct vv_fs_refs *refs, const struct vv_fs_ref **out);
VV_FS_API void vv_fs_refs_close(struct vv_fs_refs *refs);

/* ---- views ---- */

/* One of ref and dir is NULL. */
struct vv_fs_layer {
	const char *ref; /* a ref of the store */
	const char *dir; /* or a directory of the host; nothing outside it is reached */
	/* Where it is shown, "" = the root.  NULL: by its name, "" for a dir. */
	const char *path;
};

enum vv_fs_follow {
	VV_FS_FOLLOW_REFS = 0,	   /* a moved ref shows within a second */
	VV_FS_FOLLOW_ON_DEMAND = 1 /* it shows when vv_fs_refresh() is called */
};

/* Zero = the default, in all members but the first. */
struct vv_fs_options {
	size_t struct_size;		  /* sizeof(struct vv_fs_options) */
	const struct vv_fs_layer *layers; /* the first one wins where they overlap */
	size_t layer_count;		  /* 0: every ref of the store at /<ref> */
	size_t memory_bytes;		  /* the budget; at least 16 MiB; 0 = 256 MiB */
	int follow;			  /* enum vv_fs_follow */
	const char *label; /* who this is, for people who look at the store's leases */
};

/*
 * Open a view of the store in the directory @store, which must stay reachable by this name.
 * @options NULL: all defaults.  It takes milliseconds, however large the store is.  gc
 * leaves alone what the view shows, as long as the store can be written to by this process
 * (else for gc's grace).
 *
 * VV_FS_ENOENT: no store, or a ref or directory of @options is not there; VV_FS_EINVAL: a
 * layer or the budget makes no sense; VV_FS_ENEWER; VV_FS_E2BIG.
 */
VV_FS_API int vv_fs_open(struct vv_fs **out, const char *store,
			 const struct vv_fs_options *options);
/* The view goes when its last node is closed, too. */
VV_FS_API void vv_fs_close(struct vv_fs *fs);

/* The node of `/`; borrowed from @fs until its close: it is not to be closed itself. */
VV_FS_API struct vv_fs_node *vv_fs_root(struct vv_fs *fs);

/*
 * Look at the refs now.  What was published before the call shows after it.  An error:
 * what was shown stays.  VV_FS_EAGAIN: they moved all the while; VV_FS_ENOTCONN.
 */
VV_FS_API int vv_fs_refresh(struct vv_fs *fs);
/* Another number each time something else is shown; for who caches what paths lead to. */
VV_FS_API uint64_t vv_fs_changes(struct vv_fs *fs);

struct vv_fs_usage {
	uint64_t memory_limit, memory_used, memory_peak; /* bytes of the budget */
	uint64_t files, bytes; /* regular files of the refs shown, and their size */
	uint64_t reserved[8];  /* 0 */
};
VV_FS_API void vv_fs_get_usage(struct vv_fs *fs, struct vv_fs_usage *out);

/* ---- paths ---- */

enum {
	VV_FS_PATH_MAX = 4096, /* bytes of a path with its NUL */
	VV_FS_LINKS_MAX = 40   /* symlinks that one path may lead through */
};

/*
 * A path is looked up from a node, @at, which is its root: a leading `/` means @at, and
 * neither `..` nor a symlink, absolute or not, leads out of it.  So a toolchain that is
 * opened as a node resolves its symlinks as if it were mounted at `/`.  "" and "." are @at
 * itself.  By default no symlink is followed: one in the middle is VV_FS_ELOOP, one at the
 * end is what is found.  Nobody's permissions are checked.
 *
 * VV_FS_ENOENT, VV_FS_ENOTDIR, VV_FS_ELOOP; VV_FS_ENAMETOOLONG: a name, the path, or
 * symlinks together are longer than they may be.
 */
enum vv_fs_flags {
	VV_FS_FOLLOW_MIDDLE = 1, /* follow symlinks, but the last part of the path */
	VV_FS_FOLLOW_LAST = 2,	 /* follow the last part */
	VV_FS_FOLLOW = 3	 /* both, as open() and stat() do */
};

/* A few hundred bytes of the budget until it is closed. */
VV_FS_API int vv_fs_node_open(struct vv_fs_node **out, struct vv_fs_node *at,
			      const char *path, unsigned flags);
VV_FS_API void vv_fs_node_close(struct vv_fs_node *node);

/* ---- attributes ---- */

/* The numbers of mode are Linux's on every system. */
enum {
	VV_FS_IFMT = 0170000,
	VV_FS_IFSOCK = 0140000,
	VV_FS_IFLNK = 0120000,
	VV_FS_IFREG = 0100000,
	VV_FS_IFBLK = 0060000,
	VV_FS_IFDIR = 0040000,
	VV_FS_IFCHR = 0020000,
	VV_FS_IFIFO = 0010000
};

struct vv_fs_attr {
	uint64_t ino;  /* one for each path of the view; hard links share theirs */
	uint64_t size; /* bytes; of a symlink: of its target; of a directory: 0 */
	uint32_t mode; /* VV_FS_IF... and permissions */
	uint32_t uid, gid;
	uint32_t nlink; /* of a directory: 1 if it is not known */
	uint32_t rdev_major, rdev_minor;
	int64_t mtime_sec, ctime_sec, atime_sec; /* since 1970; may be negative */
	uint32_t mtime_nsec, ctime_nsec, atime_nsec;
	uint32_t reserved[5]; /* 0 */
};

VV_FS_API int vv_fs_node_stat(struct vv_fs_node *node, struct vv_fs_attr *out);
/* Without opening: the quickest way to learn that a name is not there. */
VV_FS_API int vv_fs_stat(struct vv_fs_node *at, const char *path, unsigned flags,
			 struct vv_fs_attr *out);

/*
 * The target of a symlink; *@len is its length without the NUL.  VV_FS_EINVAL: it is none;
 * VV_FS_ERANGE: it does not fit @cap bytes with its NUL; the attribute size tells.
 */
VV_FS_API int vv_fs_node_readlink(struct vv_fs_node *node, char *buf, size_t cap,
				  size_t *len);

/*
 * Extended attributes: a value, and the list of names, each with its NUL.  @cap 0: only the
 * size.  VV_FS_ENODATA, VV_FS_ERANGE.
 */
VV_FS_API int vv_fs_node_xattr_get(struct vv_fs_node *node, const char *name, void *buf,
				   size_t cap, size_t *len);
VV_FS_API int vv_fs_node_xattr_list(struct vv_fs_node *node, char *buf, size_t cap,
				    size_t *len);

/* ---- bytes ---- */

/*
 * Up to @len bytes of a regular file from @offset into @buf; fewer only at its end, 0
 * behind it.  @buf need not fit the budget.  VV_FS_EISDIR; VV_FS_EINVAL: not a regular
 * file; VV_FS_ESTALE; VV_FS_EACCES: a host file.
 */
VV_FS_API int vv_fs_node_read(struct vv_fs_node *node, void *buf, size_t len,
			      uint64_t offset, size_t *got);

/*
 * The BLAKE2b-256 of a regular file's bytes, known without reading them: equal ids, equal
 * files, in any store.  VV_FS_ENODATA: a file of a host directory; VV_FS_EISDIR,
 * VV_FS_EINVAL as above.
 */
enum {
	VV_FS_ID_BYTES = 32
};
VV_FS_API int vv_fs_node_content_id(struct vv_fs_node *node,
				    uint8_t out[VV_FS_ID_BYTES]);

/* ---- directories ---- */

struct vv_fs_entry {
	const char *name; /* any bytes but `/` and NUL */
	size_t name_len;
	uint32_t type; /* VV_FS_IF... */
	uint64_t ino;
};

/*
 * The names in a directory, without `.` and `..`, in the order of their bytes.  Refs that
 * move meanwhile may show or not; no name comes twice.  VV_FS_ENOTDIR.
 */
VV_FS_API int vv_fs_dir_open(struct vv_fs_dir **out, struct vv_fs_node *node);
/* *@out is borrowed until the next call. */
VV_FS_API int vv_fs_dir_next(struct vv_fs_dir *dir, const struct vv_fs_entry **out);
VV_FS_API void vv_fs_dir_close(struct vv_fs_dir *dir);

#ifdef __cplusplus
}
#endif

#endif
