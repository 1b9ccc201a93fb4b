/*
 * packer.h - content in, blobs out: cuts the files of an input into frames and gives
 * each file its blob id.
 *
 * Content streams through once. A file of up to VV_PACKER_SMALL_MAX bytes is held until
 * its end and joins its neighbours in a group frame, unless its blob is known. A larger
 * one is cut where its content says (codec/chunk.h) while it is read; if the whole
 * turns out to be known, so are its slices, and nothing was stored. Stretches of zeros
 * become holes, in steps of VV_PACKER_BLOCK bytes of the file.
 *
 * Ownership: new/free; borrows what it is made from.  Threads: one; workers inside.
 */
#ifndef VV_STORE_PACKER_H
#define VV_STORE_PACKER_H

#include "core/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VV_PACKER_SMALL_MAX = 64 * 1024,
	VV_PACKER_BLOCK = 64 * 1024,
};

struct vv_heat;
struct vv_input;
struct vv_known;
struct vv_pack_writer;
struct vv_packer;
struct vv_publish_stats;
struct vv_store;

struct vv_packer_options {
	int level;     /* zstd level */
	unsigned jobs; /* threads that compress, at least 1 */
	/*
	 * Called for each block that was read; a value other than 0 ends the blob with
	 * it.
	 */
	int (*tick)(void *ctx);
	void *ctx;
	const struct vv_heat *heat; /* of the file at hand, borrowed; NULL: none */
};

int vv_packer_new(struct vv_packer **out, struct vv_store *store,
		  struct vv_known *known, struct vv_pack_writer *writer,
		  const struct vv_packer_options *opts, struct vv_publish_stats *stats);
void vv_packer_free(struct vv_packer *p); /* NULL is a no-op */

/*
 * Reads the content of @input's current entry to its end. After an error the packer can
 * only be freed.
 */
int vv_packer_blob(struct vv_packer *p, struct vv_input *input, struct vv_id *id,
		   uint64_t *size);

/*
 * A frame that packs of the store need and no blob of ours has.  @is_base: they refer to
 * it, so it gets no reference itself.  Before the first blob.
 */
int vv_packer_frame(struct vv_packer *p, const uint8_t *bytes, size_t len,
		    bool is_base);

/* All packs are committed. */
int vv_packer_finish(struct vv_packer *p);

#endif
