/*
 * line.h - the line on which a publisher's frames are made: hashed, decided, squeezed,
 * packed.
 *
 * Plain bytes go in at one end in order; stored frames and the entries of the blobs
 * made of them go into packs at the other end, in the same order. Between the ends a
 * frame passes four stations:
 *
 *	hash	(workers)	id, checksum and sketch
 *	decide	(caller)	known to the store or this session? else: what is like it?
 *	squeeze	(workers)	compress it, against the best candidate if that gains
 *	retire	(caller)	append it to the pack; end the blobs whose last frame it is
 *
 * Invariants:
 *	(L1) retired <= decided <= submitted; a frame passes each station once, in
 *	     order.
 *	(L2) When frame n is decided, exactly the frames below n - LAG + 1 are retired:
 *	     so what it may be compressed against, and with it every byte of every pack,
 *	     depends on content and store alone, not on the number of workers or on
 *	     time.
 *	(L3) Everything but the stations of the workers happens on the caller's thread:
 *	     no table has a lock.
 *	(L4) The stored bytes of a base are in memory until its pack is committed, and
 *	     then until no squeeze uses them.
 *
 * Ownership: new/free; borrows what it is made from.  Threads: one.
 * Memory: at most LAG + AHEAD frames, the stored bytes of one pack, 100 bytes for
 *	each new frame, and the index of bases (similar.h: 72 MiB at most).
 */
#ifndef VV_STORE_LINE_H
#define VV_STORE_LINE_H

#include "core/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/*
	 * A pack is closed when it has so many bytes of frames: its bases are in memory
	 * until then.
	 */
	VV_LINE_PACK_BYTES = 64 << 20,
};

struct vv_store;
struct vv_known;
struct vv_pack_writer;
struct vv_publish_stats;
struct vv_line;
struct vv_blob_plan;

/* A small blob inside a group frame. */
struct vv_line_member {
	struct vv_id id;
	uint32_t offset, size;
};

int vv_line_new(struct vv_line **out, struct vv_store *store, struct vv_known *known,
		struct vv_pack_writer *writer, int level, unsigned jobs,
		struct vv_publish_stats *stats);
void vv_line_free(struct vv_line *line); /* NULL is a no-op */

/*
 * When the frames that are given from now on are first used, as a profile has it
 * (store/heat.h): the pack holds them together in that order.  VV_HEAT_COLD at first.
 */
void vv_line_set_rank(struct vv_line *line, uint32_t rank);

/* A frame of several whole blobs that are new.  All arrays are copied. */
int vv_line_group(struct vv_line *line, const uint8_t *bytes, size_t len,
		  const struct vv_line_member *members, size_t count);

/* A frame that is in no blob of this session.  @is_base: it is to have no reference. */
int vv_line_frame(struct vv_line *line, const uint8_t *bytes, size_t len, bool is_base);

/*
 * A blob in slices: begin, slices and holes in order, then end, which takes the plan
 * whatever it returns. The plan of a blob that is given up is freed after the line.
 */
int vv_line_blob_begin(struct vv_blob_plan **out);
int vv_line_slice(struct vv_line *line, struct vv_blob_plan *plan, uint64_t start,
		  const uint8_t *bytes, size_t len);
int vv_line_hole(struct vv_blob_plan *plan, uint64_t start);
/* @is_known: no entry is made; its frames serve others all the same. */
int vv_line_blob_end(struct vv_line *line, struct vv_blob_plan *plan,
		     const struct vv_id *id, uint64_t size, bool is_known);
void vv_blob_plan_free(struct vv_blob_plan *plan); /* NULL is a no-op */

/* Everything goes into packs and the last pack is committed. */
int vv_line_finish(struct vv_line *line);

#endif
