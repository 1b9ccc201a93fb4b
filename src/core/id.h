/*
 * id.h - the name of immutable content: a BLAKE2b-256 hash of its plain bytes.
 *
 * Blobs, trees and packs are named by an id.  This module only holds, compares
 * and prints one; codec/hash.h computes it.  The all-zero id is "none": no
 * content is known to hash to it, and nothing with that name is ever stored.
 *
 * Ownership: a plain value.
 * Threads: pure functions.
 */
#ifndef VV_CORE_ID_H
#define VV_CORE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VV_ID_BYTES = 32,
	VV_ID_HEX_BYTES = 2 * VV_ID_BYTES + 1, /* with the final NUL */
};

struct vv_id {
	uint8_t bytes[VV_ID_BYTES];
};
_Static_assert(sizeof(struct vv_id) == 32, "ids lie in packed tables on disk");

int vv_id_cmp(const struct vv_id *a, const struct vv_id *b); /* order of the bytes */
bool vv_id_equal(const struct vv_id *a, const struct vv_id *b);
bool vv_id_is_zero(const struct vv_id *id);

/* 64 lower-case digits and a NUL.  Returns @hex, so that a call can be an argument. */
char *vv_id_to_hex(const struct vv_id *id, char hex[VV_ID_HEX_BYTES]);

/*
 * Reads exactly 64 lower-case digits; @len is the length of @hex without a NUL.
 * One id has one spelling, because it is also a file name: upper case, or any
 * other length, is VV_EINVAL.  On error *@out is the zero id.
 */
int vv_id_from_hex(struct vv_id *out, const char *hex, size_t len);

#endif
