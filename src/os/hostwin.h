/*
 * hostwin.h - what Windows keeps of a thing beyond os/hostdir.h: more times, attributes,
 * an access list, named streams, and links that are no symlinks.
 *
 * Elsewhere there are no such things, and every function answers VV_EOPNOTSUPP; so
 * does one whose file system, or rights, are not enough.
 *
 * Paths, Ownership, Threads: as in os/hostdir.h.
 */
#ifndef VV_OS_HOSTWIN_H
#define VV_OS_HOSTWIN_H

#include <stddef.h>
#include <stdint.h>

struct vv_hostdir;
struct vv_hostfile;

struct vv_hostwin {
	int64_t created, accessed, changed; /* 100 ns since 1601-01-01 UTC */
	uint32_t attributes;
	uint32_t link_tag; /* 0, or which kind of link it is */
};

enum {
	/* Attributes that somebody set; the others follow from what the thing is. */
	VV_HOSTWIN_CHOSEN = 0x2 | 0x4 | 0x2000, /* hidden, system, not indexed */
	VV_HOSTWIN_READ_ONLY = 0x1,
	VV_HOSTWIN_DIRECTORY = 0x10,
	VV_HOSTWIN_REPARSE_POINT = 0x400,
};

#define VV_HOSTWIN_TAG_SYMLINK 0xa000000cu

int vv_hostwin_get(struct vv_hostdir *dir, const char *path, struct vv_hostwin *out);

/* Of a name in @dir, or "" for itself: attributes but not what it is; a time of 0 stays. */
int vv_hostwin_set(struct vv_hostdir *dir, const char *name,
		   const struct vv_hostwin *info);

/* A self-relative security descriptor: owner, group, access list.  VV_ERANGE. */
int vv_hostwin_security_get(struct vv_hostdir *dir, const char *path, void *buf,
			    size_t cap, size_t *len);
int vv_hostwin_security_set(struct vv_hostdir *dir, const char *name, const void *value,
			    size_t len);

/* What a link holds, its tag first. */
int vv_hostwin_link_get(struct vv_hostdir *dir, const char *path, void *buf, size_t cap,
			size_t *len);
int vv_hostwin_link_make(struct vv_hostdir *dir, const char *name, const void *value,
			 size_t len);

/* A symlink of the kind that leads to a directory, whether that is there yet or not. */
int vv_hostwin_dirlink_make(struct vv_hostdir *dir, const char *name,
			    const char *target);

/* Names of the streams beside the content: NUL-ended, one after the other. VV_ERANGE. */
int vv_hostwin_stream_list(struct vv_hostdir *dir, const char *path, char *buf,
			   size_t cap, size_t *len);
int vv_hostwin_stream_open(struct vv_hostfile **out, struct vv_hostdir *dir,
			   const char *path, const char *stream);
int vv_hostwin_stream_create(struct vv_hostfile **out, struct vv_hostdir *dir,
			     const char *name, const char *stream);

#endif
