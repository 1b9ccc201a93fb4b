/*
 * hash.h - the two hashes, and which question each answers.
 *
 * An id (BLAKE2b-256, no key) answers "is this the content with that name?",
 * against an adversary; it is computed when content is stored and when it
 * arrives from elsewhere.  A checksum (XXH3-64, seed 0) answers "did these
 * bytes change by accident?", at memory speed; it is checked on every
 * decompression and every first touch of a page.
 *
 * Ownership: a hasher is the caller's storage and holds nothing; it needs no
 *	fini and may be copied, which forks the stream.
 * Threads: a hasher belongs to one thread; the functions are pure.
 */
#ifndef VV_CODEC_HASH_H
#define VV_CODEC_HASH_H

#include "core/id.h"

#include <stddef.h>
#include <stdint.h>

struct vv_hasher {
	_Alignas(64) unsigned char storage[384]; /* the library's state */
};

/* @bytes may be NULL when @len is 0. */
void vv_hash_id(struct vv_id *out, const void *bytes, size_t len);

void vv_hasher_init(struct vv_hasher *h);
void vv_hasher_add(struct vv_hasher *h, const void *bytes, size_t len);
void vv_hasher_done(struct vv_hasher *h, struct vv_id *out); /* init again to reuse */

uint64_t vv_checksum64(const void *bytes, size_t len);

#endif
