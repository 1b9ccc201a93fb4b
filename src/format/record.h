/*
 * record.h - the small texts of a store: store, ref, intent, lease, condemned
 * (docs/format.md, section 4).
 *
 * Answers: is this text whole and of that kind, and what does it say about a key?
 *
 * Ownership: a reader borrows the text; a writer's buffer is the caller's.
 * Threads: none of their own.
 */
#ifndef VV_FORMAT_RECORD_H
#define VV_FORMAT_RECORD_H

#include "core/buf.h"
#include "core/id.h"

#include <stddef.h>
#include <stdint.h>

enum {
	VV_RECORD_MAX = 16 << 20,
	VV_RECORD_KEY_MAX = 32,
	VV_RECORD_VALUE_MAX = 4096,
};

struct vv_record {
	const char *text; /* borrowed */
	size_t size;
	size_t body; /* offset of the first line after the head */
	size_t end;  /* offset of the sum line */
};

/*
 * Checks head, lines and sum.  VV_ECORRUPT; VV_ENEWER: a higher version or a
 * `needs-` line.  VV_EINVAL: a good record of another kind.
 */
int vv_record_parse(struct vv_record *rec, const char *kind, const char *text,
		    size_t size);

/*
 * Next line whose key is @key (NULL = any) from *@pos (0 at first): 1, or 0 = none
 * left.  The value is not NUL-ended.  @found_key and its length may be NULL.
 */
int vv_record_next(const struct vv_record *rec, const char *key, size_t *pos,
		   const char **found_key, size_t *found_key_len, const char **value,
		   size_t *len);

/*
 * The value of the first line with @key.  VV_ECORRUPT if it is missing, does not
 * fit, or is not a number or id; then *@out is "", 0 or the zero id.
 */
int vv_record_text(const struct vv_record *rec, const char *key, char *out, size_t cap);
int vv_record_number(const struct vv_record *rec, const char *key, int64_t *out);
int vv_record_id(const struct vv_record *rec, const char *key, struct vv_id *out);

/*
 * Writing: begin on an empty buffer, any number of lines, end.  VV_EINVAL: a key or
 * value that the format does not allow, or a buffer that is not empty.  VV_EFBIG:
 * the record would exceed VV_RECORD_MAX.  VV_EOVERFLOW, VV_ENOMEM.
 */
int vv_record_begin(struct vv_buf *out, const char *kind);
int vv_record_add_text(struct vv_buf *out, const char *key, const char *value);
int vv_record_add_number(struct vv_buf *out, const char *key, int64_t value);
int vv_record_add_id(struct vv_buf *out, const char *key, const struct vv_id *id);
int vv_record_end(struct vv_buf *out);

#endif
