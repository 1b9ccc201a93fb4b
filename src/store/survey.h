/*
 * survey.h - what the refs of a store need and where it lies: the ground on which
 * `varve optimize` decides what to write anew.
 *
 * Of several copies of a blob or frame the one is meant that gc would keep: not in a
 * condemned pack, of the highest generation (format/pack.h), in the first pack by id.  So
 * what an earlier run has written counts as being there, and what it was written from as
 * being garbage, whether gc came since or not.
 *
 * Blobs are in the order in which they are best stored: refs in the order of publishing,
 * of each what those before it did not have; in a tree directory by directory, and the
 * files of one by extension, then name.
 *
 * Ownership: get/fini.
 * Threads: one.
 * Memory: about 120 bytes for each blob and 100 for each frame that is needed, and a byte
 *	for each frame of the store.
 */
#ifndef VV_STORE_SURVEY_H
#define VV_STORE_SURVEY_H

#include "core/id.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_survey_index;

struct vv_survey_pack {
	uint64_t live_bytes;	/* stored, of frames that are needed and meant here */
	uint64_t garbage_bytes; /* stored, of other frames */
	bool is_condemned;
	uint8_t *rows; /* owned; VV_ROW_ bits for each frame; NULL: cannot be read */
};

enum {
	VV_ROW_DATA = 1,    /* some blob needs it */
	VV_ROW_BASE = 2,    /* some frame that is needed has it as its reference */
	VV_ROW_CARRIED = 4, /* set by vv_survey_carry() */
};

struct vv_survey_blob {
	struct vv_id id;
	uint64_t size;
	uint32_t pack, row; /* where it is; in its pack's table */
};

struct vv_survey {
	struct vv_pack_set *set;      /* counted */
	struct vv_survey_pack *packs; /* owned; as in the set */
	struct vv_survey_blob *blobs; /* owned */
	size_t blob_count;
	uint64_t lost_blobs;	       /* that no pack has; left out */
	uint64_t generation;	       /* the highest there is */
	struct vv_survey_index *index; /* owned; ids to places */
};

/*
 * @refs: what to go by.  VV_ECORRUPT, VV_EIO, ...: a tree cannot be read (logged);
 * VV_ENOMEM.
 */
int vv_survey_get(struct vv_survey *out, struct vv_store *store,
		  const struct vv_ref_list *refs);
void vv_survey_fini(struct vv_survey *s); /* a zeroed one is fine */

/*
 * Marks the frames that are in the packs of @goes and that blobs and frames of other packs
 * need: they have to be somewhere when those packs are gone.  VV_ENOMEM.
 */
int vv_survey_carry(struct vv_survey *s, const bool *goes);

#endif
