/*
 * image.h - a body in checksummed pages, used in place (docs/format.md, section 5).
 *
 * Answers: may I look at these bytes?  Each page is checked once, when it is first
 * asked for, and again after the checks were forgotten; else the question costs one test
 * of a bit.
 *
 * Ownership: the bytes are borrowed (usually a mapping) and must outlive the image.
 * Threads: get is safe from any thread once open; init and fini from one.
 */
#ifndef VV_FORMAT_IMAGE_H
#define VV_FORMAT_IMAGE_H

#include "core/buf.h"
#include "core/id.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VV_IMAGE_PAGE = 4096,
	VV_IMAGE_TRAILER = 64,
};

enum vv_image_kind {
	VV_IMAGE_TREE = 1,
	VV_IMAGE_PACK_INDEX = 2,
};

/* Who wants to know how an image comes into memory (store/map_windows.h). */
struct vv_image_watch {
	/* A page was checked; on the thread that needs it, which may hold locks. */
	void (*touched)(struct vv_image_watch *watch);
	atomic_bool is_used; /* set whenever anything is asked for */
};

struct vv_image {
	const uint8_t *body; /* borrowed; NULL when not open */
	const uint8_t *sums; /* borrowed */
	uint64_t body_size;
	uint32_t page_count;
	const atomic_uint
		*faults; /* borrowed, may be NULL: grows when a page is lost */
	_Atomic(uint8_t) *checked; /* owned: a bit for each page that was found good */
	struct vv_image_watch
		*watch; /* borrowed, may be NULL; set before others use it */
};

/*
 * The size of the image whose trailer is @trailer (64 bytes at the end of a file).
 * VV_ECORRUPT, VV_ENEWER.
 */
int vv_image_size(const uint8_t *trailer, enum vv_image_kind kind, uint64_t *out);

/*
 * @bytes is the whole image.  Checks trailer and sums, no page.  After an error
 * the image is as good as zeroed.  VV_ECORRUPT, VV_ENEWER, VV_EIO, VV_ENOMEM.
 */
int vv_image_init(struct vv_image *img, const uint8_t *bytes, size_t size,
		  enum vv_image_kind kind, const atomic_uint *faults);
void vv_image_fini(struct vv_image *img); /* a zeroed image is fine */

/*
 * *@out = body bytes [@off, @off+@len), checked, in one piece also where they
 * cross pages.  VV_ECORRUPT: outside the body, or a page is not what its checksum
 * says.  VV_EIO: the same after @faults has ever grown, since a lost page reads as
 * zeros.  What is read from *@out later may still turn to zeros if the disk fails
 * in between: callers compare @faults before and after an operation
 * (vv_image_faults).
 */
int vv_image_get(const struct vv_image *img, uint64_t off, uint64_t len,
		 const uint8_t **out);
unsigned vv_image_faults(const struct vv_image *img);

/* Every page is checked anew when it is asked for next.  Any thread. */
void vv_image_forget_checks(const struct vv_image *img);

/* Check every page, also those checked before, and the padding of the last one. */
int vv_image_verify(const struct vv_image *img);

/*
 * @body is the bytes of a body; appends padding, sums and trailer to it and tells
 * the image's id.  VV_EINVAL: an empty body.  VV_EFBIG, VV_EOVERFLOW, VV_ENOMEM.
 */
int vv_image_finish(struct vv_buf *body, enum vv_image_kind kind, struct vv_id *id);

#endif
