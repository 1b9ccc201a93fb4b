/*
 * known.h - what the store has already: which frames and blobs a publisher need not
 * store again.
 *
 * It is the pack set as it was at the start, without the packs that gc has condemned,
 * behind a filter that says "surely new" for most of what is new: so a new frame costs
 * one cache line and not a search in every pack.
 *
 * A pack is relied on from the first frame or blob that is found in it. Then, before
 * anything is made of the answer, the publisher's intent names the pack, and only after
 * that is looked whether it is still there and not condemned (gc.c, G3): from there on
 * no gc removes it. A pack that fails this is left out like the condemned ones, and
 * what it held is stored anew. So nothing that was answered is ever taken back.
 *
 * To rely on a frame is to rely on the pack that holds its bytes, and on the one that
 * holds its reference. On a blob: on the pack of its entry, and on all its frames.
 *
 * Ownership: new/free; borrows the store and the announcement.
 * Threads: one.
 * Memory: 2 bytes for each frame and blob of the store.
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

struct vv_known_frame {
	uint32_t pack;	/* number of the pack in the set */
	uint32_t index; /* in its frame table; the bytes are there (offset != 0) */
	struct vv_frame frame;
};

int vv_known_new(struct vv_known **out, struct vv_store *store,
		 struct vv_announce *announce);
void vv_known_free(struct vv_known *known); /* NULL is a no-op */

/* NULL: condemned or damaged, not to be used. */
size_t vv_known_pack_count(const struct vv_known *known);
const struct vv_pack *vv_known_pack(const struct vv_known *known, size_t pack);

/* Do without the pack of this id from here on, before anything was asked. */
void vv_known_leave_out(struct vv_known *known, const struct vv_id *pack);

/* Is a pack left out because it is condemned, or just went?  May become true later. */
bool vv_known_has_condemned(const struct vv_known *known);

/*
 * VV_OK: relied on from now.  VV_ENOENT: not there, or not whole.  Other errors: the
 * intent could not be written, or the store not be asked.
 */
int vv_known_find_frame(struct vv_known *known, const struct vv_id *id,
			struct vv_known_frame *out);
int vv_known_find_blob(struct vv_known *known, const struct vv_id *id);

/* The same for pack @pack itself, of which a base is to be used. */
int vv_known_rely(struct vv_known *known, size_t pack);

#endif
