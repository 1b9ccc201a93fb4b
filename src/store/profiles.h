/*
 * profiles.h - the profiles of a store: one beside each ref that has one.
 *
 * A profile belongs to a ref's name, not to its tree: it stays when the ref moves, goes
 * with `vv_ref_remove()`, and is copied when the ref is tagged.  It is a hint, so that
 * losing one, or keeping one too many, harms nothing.
 *
 * Ownership: the caller's structs.  Threads: any.
 */
#ifndef VV_STORE_PROFILES_H
#define VV_STORE_PROFILES_H

#include "format/profile.h"

struct vv_store;

/*
 * VV_ENOENT: the ref has none; VV_EINVAL: no ref name; VV_ECORRUPT, VV_ENEWER: it cannot be
 * used (logged).  @out needs no fini after an error.
 */
int vv_profiles_get(struct vv_store *store, const char *ref, struct vv_profile *out);
/* The bytes of its record, without reading it.  VV_ENOENT. */
int vv_profiles_size(struct vv_store *store, const char *ref, size_t *out);
/* The same from a file that is such a record, of any ref. */
int vv_profiles_read_file(const char *path, struct vv_profile *out);
/* Takes the place of the ref's profile; VV_EFBIG: larger than a record may be. */
int vv_profiles_put(struct vv_store *store, const char *ref,
		    const struct vv_profile *profile);
int vv_profiles_remove(struct vv_store *store, const char *ref); /* VV_ENOENT */
/* VV_OK also if there is none to be copied: then @to keeps what it has. */
int vv_profiles_copy(struct vv_store *store, const char *from, const char *to);

/* The names of refs that have one, in no order; a value other than 0 ends it. */
int vv_profiles_list(struct vv_store *store, int (*item)(void *ctx, const char *ref),
		     void *ctx);

#endif
