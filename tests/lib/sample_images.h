/*
 * sample_images.h - small good images that use every feature, and a way to break them.
 *
 * A rule of the format is tested by an image that breaks this rule and no other: the
 * test edits the body of a good one and remakes it, so that no checksum is in the way.
 */
#ifndef VV_TEST_SAMPLE_IMAGES_H
#define VV_TEST_SAMPLE_IMAGES_H

#include "core/buf.h"
#include "core/id.h"
#include "format/image.h"

/* Every type of entry, hard links, shared blobs and attributes, two lists of extras. */
void sample_tree(struct vv_buf *out, struct vv_id *id);

/*
 * Frames here and elsewhere, with and without reference and sketch; blobs in one, many
 * and no frame.
 */
void sample_pack(struct vv_buf *out, struct vv_id *id);

enum {
	SAMPLE_FRAMES_END = 100000
}; /* of the pack */

/* An id that is not a hash of anything, but looks like one. */
struct vv_id sample_id(unsigned n);

/* Cuts @image to its body, and makes it an image again. */
void image_cut(struct vv_buf *image);
void image_remake(struct vv_buf *image, enum vv_image_kind kind);

#endif
