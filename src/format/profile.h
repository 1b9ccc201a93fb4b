/*
 * profile.h - what commands were seen to use of a tree, in order of first use
 * (docs/format.md, section 4.6).
 *
 * Answers: which names, failed names, listings and pages will be wanted when one of these
 * commands runs again?  A profile is a sequence of runs, one for each command that was
 * recorded.  It is a hint: paths that the tree does not have are passed over, and a tree
 * that moved on is served by what still fits.
 *
 * Ownership: init/fini; a parsed profile owns its texts, nothing is borrowed.
 * Threads: immutable once parsed or filled.
 * Memory: what vv_profile_parse() takes is bounded by VV_PROFILE_USES_MAX and by the size
 *	of a record.
 */
#ifndef VV_FORMAT_PROFILE_H
#define VV_FORMAT_PROFILE_H

#include "core/buf.h"
#include "core/id.h"

#include <stddef.h>
#include <stdint.h>

enum {
	VV_PROFILE_USES_MAX = 1 << 20,
	VV_PROFILE_PAGE = 4096, /* bytes that `first` and `count` count in */
	VV_PROFILE_PATH_MAX =
		4000, /* bytes, as it is written: longer ones are left out */
	VV_PROFILE_RUNS_MAX = 64,
};
#define VV_PROFILE_PAGES_MAX (UINT64_C(1) << 50) /* first + count, at most */

enum vv_profile_kind {
	VV_USE_RUN,  /* a command begins: its path is the text of it, for people */
	VV_USE_HIT,  /* a name that is there */
	VV_USE_MISS, /* one that is not */
	VV_USE_LIST, /* a directory that was listed */
	VV_USE_READ, /* pages of the file of an earlier hit */
};

struct vv_profile_use {
	enum vv_profile_kind kind;
	uint32_t path;	/* offset of a NUL-ended path in texts; "" = the root */
	uint32_t hit;	/* READ: which use was the file's hit; else 0 */
	uint64_t first; /* READ: pages; else 0 */
	uint64_t count;
};

struct vv_profile {
	struct vv_id tree; /* what was recorded */
	int64_t recorded_ns;
	struct vv_buf uses; /* of struct vv_profile_use; the first one is a run */
	struct vv_buf texts;
	unsigned run_count;
};

void vv_profile_init(struct vv_profile *p);
void vv_profile_fini(struct vv_profile *p); /* twice is fine */

size_t vv_profile_count(const struct vv_profile *p);
/* Borrowed until the profile grows.  @i is below the count. */
const struct vv_profile_use *vv_profile_get(const struct vv_profile *p, size_t i);
const char *vv_profile_path(const struct vv_profile *p,
			    const struct vv_profile_use *use);

/*
 * What is added from now on is of another command.  @text is cut where a record could not say
 * more.  VV_EFBIG: the profile has all the runs, or bytes, that it may have.
 */
int vv_profile_add_run(struct vv_profile *p, const char *text);

/*
 * Add a use of a path; *@index is its place.  VV_EFBIG: the profile is full.  VV_EINVAL: no
 * path of a tree, or no run has begun.  VV_ENAMETOOLONG: longer than a record can say.
 */
int vv_profile_add_path(struct vv_profile *p, enum vv_profile_kind kind,
			const char *path, size_t *index);
/*
 * Add pages of the file whose hit is use @hit.  Pages that begin where the use before ended
 * make that one longer.
 */
int vv_profile_add_pages(struct vv_profile *p, size_t hit, uint64_t first,
			 uint64_t count);

/*
 * Append the runs of @from.  VV_EFBIG: they do not all fit; then @p may have a part of them.
 */
int vv_profile_join(struct vv_profile *p, const struct vv_profile *from);

/*
 * To and from a record for the ref with the encoded name @name (parsing, NULL: any).  @out is
 * empty.
 */
int vv_profile_write(const struct vv_profile *p, const char *name, struct vv_buf *out);
/* VV_ECORRUPT, VV_ENEWER; VV_ENOMEM.  @out is empty after an error, and needs no fini. */
int vv_profile_parse(struct vv_profile *out, const char *name, const char *text,
		     size_t size);

#endif
