/*
 * extras.h - the extended attributes of one entry, and what Windows keeps of it,
 * collected for a tree.
 *
 * Ownership: init is zeroing, fini; the names are borrowed until the next clear, the
 *	values copied.
 * Threads: one.
 */
#ifndef VV_INPUT_EXTRAS_H
#define VV_INPUT_EXTRAS_H

#include "format/tree.h"
#include "format/tree_builder.h"

#include <stddef.h>
#include <stdint.h>

struct vv_extras {
	struct vv_extra *items; /* owned; values are set by finish */
	size_t count, cap;
	uint8_t *values; /* owned; one after the other */
	size_t values_len, values_cap;
};

void vv_extras_fini(struct vv_extras *x);
void vv_extras_clear(struct vv_extras *x);

/*
 * Room for a value of VV_XATTR_MAX bytes, to be filled before add. VV_ENOMEM; VV_E2BIG:
 * too much for one entry.
 */
int vv_extras_room(struct vv_extras *x, uint8_t **room);
/*
 * The xattr @name, whose value of @len bytes lies in the room. One that is there
 * already stays as it is: libarchive writes each twice, in its own way and in that of
 * star, and tells both.
 */
int vv_extras_add(struct vv_extras *x, const char *name, size_t len);
/* Another item than an xattr, which has no name; at most one of a type. */
int vv_extras_add_item(struct vv_extras *x, enum vv_extra_type type, size_t len);
void vv_extras_finish(struct vv_extras *x, struct vv_tree_meta *meta);

#endif
