/*
 * object.h - the bytes of an immutable object, mapped if the source can, else read.
 *
 * What was read came from elsewhere, so it costs memory and is checked against its id;
 * what is mapped is checked page by page when it is used (docs/format.md, section 3).
 *
 * Ownership: load/drop; the struct is the caller's.
 * Threads: the bytes are immutable; load and drop from one thread.
 */
#ifndef VV_STORE_OBJECT_H
#define VV_STORE_OBJECT_H

#include "core/id.h"
#include "os/map.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct vv_budget;
struct vv_source;

struct vv_object {
	const uint8_t *bytes; /* NULL when not loaded */
	size_t size;
	const atomic_uint *faults; /* may be NULL */
	struct vv_map map;	   /* owned; empty if read */
	uint8_t *copy;		   /* owned; NULL if mapped */
	struct vv_budget *budget;  /* borrowed; holds the copy's bytes; may be NULL */
};

/*
 * @len bytes at @off of @key.  @id is the id of exactly these bytes.  @budget may be
 * NULL.  VV_ENOENT, VV_ECORRUPT, VV_ENOMEM.
 */
int vv_object_load(struct vv_object *out, struct vv_source *src, const char *key,
		   uint64_t off, uint64_t len, const struct vv_id *id,
		   struct vv_budget *budget);
void vv_object_drop(struct vv_object *object); /* a zeroed one is fine */

#endif
