/*
 * decoders.h - a bounded pool of what it takes to read and decode a frame: a buffer for
 * its stored bytes and a decompressor.
 *
 * Their number bounds both the memory that decoding takes and how many stored frames
 * are asked for at one time.  One is made at the start, so that reading is always
 * possible; the others when they are wanted and the budget has room.
 *
 * Who holds a decoder waits for nothing but the source.  So waiting for one ends.
 *
 * Ownership: new/free; what was taken is given back.
 * Threads: any.
 */
#ifndef VV_STORE_DECODERS_H
#define VV_STORE_DECODERS_H

struct vv_budget;
struct vv_decoders;
struct vv_frame_loader;

int vv_decoders_new(struct vv_decoders **out, struct vv_budget *budget);
void vv_decoders_free(struct vv_decoders *pool); /* NULL is a no-op */

struct vv_frame_loader *vv_decoders_take(struct vv_decoders *pool); /* may wait */
void vv_decoders_give(struct vv_decoders *pool, struct vv_frame_loader *loader);

#endif
