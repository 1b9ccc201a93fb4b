/*
 * reader.h - bytes of blobs: finds the frames, fetches and decodes them through the frame cache.
 *
 * Ownership: borrows store and cache.  Threads: any.
 */
#ifndef VV_STORE_READER_H
#define VV_STORE_READER_H

#include "cache/frame_cache.h"
#include "core/id.h"

#include <stddef.h>
#include <stdint.h>

struct vv_store;
struct vv_budget;
struct vv_reader;

enum {
	VV_READ_MAX = 1 << 20,	/* bytes of one read */
	VV_SPAN_MAX = VV_READ_MAX / 4096 + 2,
};

struct vv_span {
	const uint8_t *bytes;
	size_t size;
};

/* The answer to one read: spans in order, borrowed until vv_reader_done().  About 12 KiB: reuse it. */
struct vv_read {
	struct vv_span spans[VV_SPAN_MAX];
	struct vv_pin pins[VV_SPAN_MAX];
	unsigned span_count, pin_count;
	size_t size;		/* sum of the spans */
	size_t admitted;	/* bytes to leave the cache with */
};

int vv_reader_new(struct vv_reader **out, struct vv_store *store, struct vv_frame_cache *cache, struct vv_budget *budget);
void vv_reader_free(struct vv_reader *r);

/*
 * Bytes [@off, @off+@len) of the blob @id, which the tree says is @size bytes; cut at its end.  VV_ECORRUPT, VV_EIO, VV_ENOENT (the
 * store lost it): logged here with ids; the caller logs the file's name.  Nothing is held after an error.
 */
int vv_reader_read(struct vv_reader *r, const struct vv_id *id, uint64_t size, uint64_t off, size_t len,
		   struct vv_read *out);
void vv_reader_done(struct vv_reader *r, struct vv_read *read);

/* The same, copied into @buf; exactly @len bytes or an error. */
int vv_reader_copy(struct vv_reader *r, const struct vv_id *id, uint64_t size, uint64_t off, void *buf, size_t len);

struct vv_reader_stats {
	uint64_t reads, bytes_read;		/* asked for and given */
	uint64_t frames_fetched, bytes_fetched;	/* stored bytes read from the source */
	uint64_t bytes_decoded;			/* plain bytes made */
	uint64_t failures;
};
void vv_reader_get_stats(struct vv_reader *r, struct vv_reader_stats *out);

#endif
