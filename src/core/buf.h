/*
 * buf.h - bytes that grow, up to a limit that was set at the start.
 *
 * For what is built piece by piece and whose size is known only at the end:
 * records, images, messages.  The limit is part of init, because a buffer that
 * is fed by a peer must have one.  Growth doubles, so appending is linear.
 *
 * Ownership: init/fini; the buffer owns its bytes until vv_buf_take().
 * Threads: one thread.
 */
#ifndef VV_CORE_BUF_H
#define VV_CORE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct vv_buf {
	uint8_t *bytes;	  /* owned; NULL while cap is 0 */
	size_t len;	  /* bytes in use */
	size_t cap;	  /* bytes allocated */
	size_t max_bytes; /* len never exceeds it */
};

void vv_buf_init(struct vv_buf *b, size_t max_bytes);
void vv_buf_fini(
	struct vv_buf *b); /* empty again, with the same limit; twice is fine */

/*
 * After an error the buffer is as it was.  VV_EOVERFLOW: the limit would be
 * exceeded.  VV_ENOMEM.  @bytes may be NULL when @len is 0, and may not lie
 * inside the buffer itself.
 */
int vv_buf_append(struct vv_buf *b, const void *bytes, size_t len);
int vv_buf_append_zeros(struct vv_buf *b, size_t len);

/*
 * Room for @len more bytes, so that appending them cannot fail: the caller may
 * also write at bytes + len and add to len itself.  Pointers into the buffer
 * are good until the next call that may grow it.
 */
int vv_buf_reserve(struct vv_buf *b, size_t len);

void vv_buf_clear(struct vv_buf *b); /* len = 0, memory kept */

/* The bytes become the caller's, to free(); NULL if empty.  The buffer is empty after. */
uint8_t *vv_buf_take(struct vv_buf *b, size_t *len);

#endif
