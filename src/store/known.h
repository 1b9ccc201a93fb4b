/*
 * known.h - what the store has already: which frames and blobs a publisher need not store again, and which of
 * them it came to rely on.
 *
 * It is the pack set as it was at the start, without the packs that gc has condemned, behind a filter that says "surely new" for
 * most of what is new: so a new frame costs one cache line and not a search in every pack.
 *
 * To rely on a frame is to rely on the pack that holds its bytes, and on the one that holds its reference.  On a
 * blob: on the pack of its entry, and on all its frames.  What is relied on is remembered exactly, because a pack that is condemned
 * before the ref is put must be left: vv_known_settle() copies just that out of it.
 *
 * Ownership: new/free; borrows the store.  Threads: one.
 * Memory: 2 bytes for each frame and blob of the store, and two bits for each in a pack that is relied on.
 */
#ifndef VV_STORE_KNOWN_H
#define VV_STORE_KNOWN_H

#include "core/id.h"
#include "format/pack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_store;
struct vv_announce;
struct vv_known;
struct vv_pack_writer;

struct vv_known_frame {
	uint32_t pack; /* number of the pack in the set */
	uint32_t
		index; /* in that pack's frame table; its bytes are there (offset != 0) */
	struct vv_frame frame;
};

int vv_known_new(struct vv_known **out, struct vv_store *store);
void vv_known_free(struct vv_known *known); /* NULL is a no-op */

size_t vv_known_pack_count(const struct vv_known *known);
/* NULL: condemned or damaged, not to be used. */
const struct vv_pack *vv_known_pack(const struct vv_known *known, size_t pack);

int vv_known_find_frame(struct vv_known *known, const struct vv_id *id,
			struct vv_known_frame *out); /* VV_ENOENT */

/* VV_ENOENT: not there, or not whole.  VV_OK: there, and relied on from now. */
int vv_known_use_blob(struct vv_known *known, const struct vv_id *id);
/* VV_ENOENT: its reference is lost, so it is as good as not there; nothing changed then. */
int vv_known_use_frame(struct vv_known *known, const struct vv_known_frame *frame);

/* Names the packs that are relied on in @announce; they are promised after its flush. */
int vv_known_announce(struct vv_known *known, struct vv_announce *announce);

/* Was a pack left out because it is condemned? */
bool vv_known_has_condemned(const struct vv_known *known);

/*
 * After the flush: is every pack that is relied on there and not condemned?  What is used of one that is condemned is copied to a
 * new pack by @writer, in which nothing may be begun.  VV_ESTALE: such a pack is gone already (logged): the publisher must run again.
 */
int vv_known_settle(struct vv_known *known, struct vv_pack_writer *writer);

#endif
