/*
 * frame_load.h - the plain bytes of a stored frame, for writers: no cache, no budget,
 * one frame at a time.
 *
 * Ownership: init/fini; buffers are the caller's. Threads: a loader belongs to one
 *	thread.
 * Memory: VV_FRAME_MAX and a decompressor.
 */
#ifndef VV_STORE_FRAME_LOAD_H
#define VV_STORE_FRAME_LOAD_H

#include "core/id.h"
#include "format/pack.h"

#include <stddef.h>
#include <stdint.h>

struct vv_source;
struct vv_decompressor;

struct vv_frame_loader {
	struct vv_decompressor *decompressor; /* owned */
	uint8_t *stored; /* owned; stored bytes of the last fetch */
};

int vv_frame_loader_init(
	struct vv_frame_loader *loader); /* VV_ENOMEM; fini is fine then */
void vv_frame_loader_fini(struct vv_frame_loader *loader); /* a zeroed one is fine */

/* Stored bytes of @frame of the pack @pack into loader->stored. */
int vv_frame_fetch(struct vv_frame_loader *loader, struct vv_source *src,
		   const struct vv_id *pack, const struct vv_frame *frame);
/*
 * @stored to @plain, which has room for VV_FRAME_MAX bytes. @ref: plain bytes of the
 * reference, or NULL and 0. VV_ECORRUPT: not what the checksum says (not logged).
 */
int vv_frame_decode(struct vv_frame_loader *loader, const struct vv_frame *frame,
		    const uint8_t *stored, const uint8_t *ref, size_t ref_size,
		    uint8_t *plain);

#endif
