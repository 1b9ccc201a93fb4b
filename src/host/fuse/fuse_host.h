/*
 * fuse_host.h - a view mounted on Linux through FUSE.
 *
 * vv_fuse_host_run() mounts, answers the kernel until somebody unmounts or a signal asks
 * for the end, and returns.  The kernel's requests come through session.h and are answered
 * by ops.h; refs that move are announced by notify.h; mount.h talks to mount(2) or, without
 * privilege, to fusermount3.
 *
 * Ownership: borrows serve.
 * Threads: one caller, which is the process's main thread in spirit: SIGTERM, SIGINT and
 *	SIGHUP are blocked in it and waited for.  No other thread may run with them unblocked.
 */
#ifndef VV_HOST_FUSE_FUSE_HOST_H
#define VV_HOST_FUSE_FUSE_HOST_H

#include "host/fuse/session.h"

#include <stdbool.h>

struct vv_recorder;
struct vv_serve;

struct vv_fuse_options {
	const char *path;   /* where to mount; a directory */
	const char *fsname; /* what `df` and `mount` show as the device: the store */
	enum vv_fuse_transport transport;
	bool owner_only; /* other users are kept out, even if they could be let in */
	bool allow_suid; /* root only: set-user-id programs of a store count */
	bool allow_dev;	 /* root only: its device nodes work */
	/* Trees are mounted over by the kernel's EROFS (host/erofs): */
	enum vv_fuse_erofs {
		VV_FUSE_EROFS_NEVER,
		VV_FUSE_EROFS_IF_POSSIBLE,
		VV_FUSE_EROFS_MUST, /* or the mount fails */
	} erofs;
	const char *cache_dir; /* for that; NULL: the default */
	/* Told what is asked; the kernel then reads nothing ahead.  NULL: nobody. */
	struct vv_recorder *recorder;
	/* The mount can be used.  Called once, on the caller's thread; may be NULL. */
	void (*ready)(void *ctx);
	void *ctx;
};

/* 0 after an unmount or a signal; an error, told in the log, if it could not be mounted. */
int vv_fuse_host_run(struct vv_serve *serve, const struct vv_fuse_options *opts);

#endif
