/*
 * pack_writer.h - packs being written, one after the other.
 *
 * A pack begins with the first frame or blob that is added and ends with close: its
 * index is made, its name follows from it, the intent names it, and then it is
 * committed. Before that no one can see it, and after it no one may remove it.
 *
 * Ownership: new/free; borrows store and announce.  Threads: one.
 */
#ifndef VV_STORE_PACK_WRITER_H
#define VV_STORE_PACK_WRITER_H

#include "core/id.h"
#include "format/pack.h"
#include "format/pack_builder.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_store;
struct vv_announce;
struct vv_pack_writer;

int vv_pack_writer_new(struct vv_pack_writer **out, struct vv_store *store,
		       struct vv_announce *announce);
/* A pack that is not closed is aborted.  NULL is a no-op. */
void vv_pack_writer_free(struct vv_pack_writer *w);

/*
 * Add a frame with its stored bytes; @frame's offset is set here, its reference is a
 * number of this pack. A frame that is in another pack (an offset of 0) has no bytes.
 * *@number = its number in this pack; one that it has already is not added again.
 */
int vv_pack_writer_frame(struct vv_pack_writer *w, struct vv_frame *frame,
			 const void *stored, uint32_t *number);
/*
 * The same for a frame that a profile names: it is written when the pack is closed, behind
 * all others, in the order of ranks.  What is wanted together then lies together.  Its bytes
 * are in memory until then; @frame's offset is not known yet.
 */
int vv_pack_writer_frame_ranked(struct vv_pack_writer *w, struct vv_frame *frame,
				const void *stored, uint32_t rank, uint32_t *number);
/*
 * Where such frames of the pack that was closed last are, until another is begun: *@pos
 * starts at 0.  In the order of ranks; false: no more.
 */
bool vv_pack_writer_placed(const struct vv_pack_writer *w, size_t *pos,
			   struct vv_id *frame, uint64_t *offset);
/* For a frame of this pack without a reference. */
int vv_pack_writer_sketch(struct vv_pack_writer *w, uint32_t number,
			  const uint32_t *values, uint32_t count);
int vv_pack_writer_foreign(struct vv_pack_writer *w, const struct vv_frame *frame,
			   uint32_t *number);
/* VV_EEXIST: this pack has it already. */
int vv_pack_writer_blob(struct vv_pack_writer *w, const struct vv_id *id, uint64_t size,
			const struct vv_blob_part *parts, uint32_t count);

uint64_t
vv_pack_writer_size(const struct vv_pack_writer *w); /* bytes of frames so far */

/*
 * Packs that are closed from now on have a gap of random size after their frames, so
 * that their name is like no other's: when content is stored anew because its pack is
 * condemned, the new pack must not be that pack again.
 */
void vv_pack_writer_make_unlike(struct vv_pack_writer *w);

/* Packs that are begun from now on have this note (format/pack.h). */
void vv_pack_writer_set_note(struct vv_pack_writer *w, const struct vv_pack_note *note);

/*
 * Commit what was begun; *@id is its name, the zero id if nothing was begun. A pack
 * with the same name is the same pack, put by another publisher of the same content.
 * VV_ESTALE: there is one, and it is condemned (logged).
 */
int vv_pack_writer_close(struct vv_pack_writer *w, struct vv_id *id);

/* Of all packs that were closed. */
void vv_pack_writer_totals(const struct vv_pack_writer *w, unsigned *packs,
			   uint64_t *bytes);

#endif
