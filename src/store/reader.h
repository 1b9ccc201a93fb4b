/*
 * reader.h - bytes of blobs: finds the frames, fetches and decodes them through the
 * frame cache.
 *
 * What is in the cache is given out in place.  A read costs a few locks for itself and
 * one for each frame, and allocates nothing.
 *
 * A read of three frames or more is decoded from both ends, if another processor has time:
 * by its reader and by a helper (store/helpers.h).
 *
 * Ownership: borrows store, cache and budget.
 * Threads: any; a vv_read belongs to one read at a time.
 */
#ifndef VV_STORE_READER_H
#define VV_STORE_READER_H

#include "cache/frame_cache.h"
#include "core/id.h"

#include <stddef.h>
#include <stdint.h>

struct vv_store;
struct vv_budget;
struct vv_frame;
struct vv_pack;
struct vv_pack_set;
struct vv_lanes;
struct vv_reader;

enum {
	VV_READ_MAX = 1 << 20, /* bytes of one read */
	/* An extent spans 4096 bytes at least; the first and the last may be cut. */
	VV_SPAN_MAX = VV_READ_MAX / 4096 + 2,
};

struct vv_span {
	const uint8_t *bytes;
	size_t size;
};

/*
 * The answer to one read: spans in order, borrowed until vv_reader_done().  About
 * 12 KiB, of which only what is counted is written: reuse it.
 */
struct vv_read {
	struct vv_span spans[VV_SPAN_MAX];
	struct vv_pin pins[VV_SPAN_MAX];
	unsigned span_count, pin_count;
	size_t size;	 /* sum of the spans */
	size_t admitted; /* cost to leave the cache with */
	uint8_t *
		bounce; /* owned, counted in the budget; NULL: all spans are in place */
};

int vv_reader_new(struct vv_reader **out, struct vv_store *store,
		  struct vv_frame_cache *cache, struct vv_budget *budget);
void vv_reader_free(struct vv_reader *r); /* NULL is a no-op; no read is held */

/*
 * Bytes [@off, @off+@len) of the blob @id, which the tree says is @size bytes; cut at its
 * end.  @len is at most VV_READ_MAX (VV_EINVAL).  VV_ECORRUPT, VV_EIO, VV_ENOENT (the
 * store lost it): logged here with ids; the caller logs the file's name.  Nothing is
 * held after an error.
 */
int vv_reader_read(struct vv_reader *r, const struct vv_id *id, uint64_t size,
		   uint64_t off, size_t len, struct vv_read *out);
/* The same on @account (cache/frame_cache.h), which may be NULL. */
int vv_reader_read_for(struct vv_reader *r, struct vv_frame_account *account,
		       const struct vv_id *id, uint64_t size, uint64_t off, size_t len,
		       struct vv_read *out);
void vv_reader_done(struct vv_reader *r, struct vv_read *read);

/*
 * The same, copied into @buf; exactly @len bytes (any number) or an error; VV_EINVAL if
 * they are not all within the blob.
 */
int vv_reader_copy(struct vv_reader *r, const struct vv_id *id, uint64_t size,
		   uint64_t off, void *buf, size_t len);

/*
 * One frame that @pack of @set lists, frame->plain_size bytes of it: for who moves
 * frames.
 */
int vv_reader_frame(struct vv_reader *r, struct vv_pack_set *set,
		    const struct vv_pack *pack, const struct vv_frame *frame,
		    uint8_t *plain);

/*
 * The same for who reads before anybody asked (cache/frame_cache.h).  It counts neither as
 * a read nor as a reader at work.
 */
int vv_reader_copy_ahead(struct vv_reader *r, const struct vv_id *id, uint64_t size,
			 uint64_t off, void *buf, size_t len);

/*
 * Start @count threads that help with large reads; once, also while there are reads.  They
 * inherit the caller's signal mask.  VV_ENOMEM, VV_EAGAIN: there are none.
 */
int vv_reader_start_helpers(struct vv_reader *r, unsigned count);

/* Readers at work enter @lanes from now on.  Before any reads; NULL: none. */
void vv_reader_set_lanes(struct vv_reader *r, struct vv_lanes *lanes);

struct vv_reader_stats {
	uint64_t reads, bytes_read;		/* asked for and given */
	uint64_t frames_fetched, bytes_fetched; /* stored bytes read from the source */
	uint64_t bytes_decoded;			/* plain bytes made */
	uint64_t failures;
};
void vv_reader_get_stats(struct vv_reader *r, struct vv_reader_stats *out);

#endif
