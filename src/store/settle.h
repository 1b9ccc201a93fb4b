/*
 * settle.h - copy what is needed out of a pack that is about to be removed.
 *
 * gc condemned the pack between the time a publisher came to rely on it and the time its intent said so.  The pack is still there;
 * so its frames are copied as they are stored, each decoded once to be sure of it.
 *
 * Threads: one.
 */
#ifndef VV_STORE_SETTLE_H
#define VV_STORE_SETTLE_H

#include <stdint.h>

struct vv_known;
struct vv_pack_writer;
struct vv_source;

/*
 * @frames and @blobs are bitmaps over the tables of pack @pack of the set, NULL = none.  The frames of a blob and the
 * references of a frame that lie in the pack must be among @frames.  What is copied becomes a pack of its own (an entry by id for
 * a frame elsewhere would keep that frame from being stored in the same pack), so nothing may be begun in @writer.  VV_ESTALE: the
 * pack is gone (logged).
 */
int vv_settle_pack(struct vv_known *known, struct vv_source *src, uint32_t pack,
		   const uint8_t *frames, const uint8_t *blobs,
		   struct vv_pack_writer *writer);

#endif
