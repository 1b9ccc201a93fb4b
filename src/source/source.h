/*
 * source.h - where a store's objects live.
 *
 * A source holds whole objects under keys (docs/format.md, section 2) and offers what
 * a modest object store offers: put, get a range, list, delete.  A directory, S3, the
 * fault injector and the scheduler of tests are sources.  A source may wrap another
 * (`next`), so retry, fault and trace are written once and stack in any order.
 *
 * Ownership: making a wrapper transfers `next` to it, on success only.
 *	vv_source_free() on the outermost source frees the whole chain.
 * Threads: every operation may run on many threads at once unless a maker's comment
 *	says otherwise; a put handle belongs to one thread; free only when no call is in
 *	flight.
 * Keys: relative, `a/b/c`, printable ASCII without space, `\` and `:`, 1 to
 *	VV_SOURCE_KEY_MAX bytes, no part empty or beginning with a dot.  The border
 *	functions refuse others with VV_EINVAL, and leave them out of listings.
 */
#ifndef VV_SOURCE_H
#define VV_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_map;

enum {
	VV_SOURCE_KEY_MAX = 1023 /* bytes without the NUL */
};

struct vv_object_info {
	uint64_t size; /* bytes */
	int64_t mtime_ns;
	uint64_t version; /* another one after a replacement; 0: cannot be told */
};

enum vv_put_mode {
	VV_PUT_NEW, /* VV_EEXIST if the key has an object; that one stays, durable */
	VV_PUT_REPLACE, /* takes the place of what is there, at once */
	/*
	 * As VV_PUT_REPLACE, but a power cut may undo it: for announcements, whose owner
	 * the power cut ends too.  What is found under the key is whole all the same.
	 */
	VV_PUT_TRANSIENT,
};

struct vv_source {
	const struct vv_source_ops *ops; /* never NULL */
	struct vv_source *next;		 /* owned; NULL at the bottom */
};

/* An object being written; no one sees it before commit.  Makers zero it. */
struct vv_put {
	struct vv_source *src; /* borrowed; the source that made it */
	int err;	       /* of the first write that failed; kept by the border */
};

/*
 * A value other than 0 ends a listing and is returned by it.  @info is NULL where the
 * source would have to ask for it.
 */
typedef int (*vv_source_object_fn)(void *ctx, const char *key,
				   const struct vv_object_info *info);

struct vv_source_ops {
	const char *name; /* for logs and `varve stats` */

	/*
	 * Read up to @len bytes at @off, all from one version of the object; *@got < @len
	 * only at its end.  VV_ENOENT: no such object.  On any error *@got is 0 and the
	 * content of @buf undefined.
	 */
	int (*get)(struct vv_source *src, const char *key, void *buf, size_t len,
		   uint64_t off, size_t *got);
	int (*stat)(struct vv_source *src, const char *key, struct vv_object_info *out);

	/*
	 * Write an object: begin, write any number of times, then commit under @key or
	 * abort.  When commit returns 0 the object is whole and, unless transient, durable.  Both end the
	 * handle, whatever they return.  After a write that failed, commit is never called.
	 * The key is named at commit, because a pack's name is known when it is complete.
	 */
	int (*put_begin)(struct vv_source *src, struct vv_put **out);
	int (*put_write)(struct vv_put *put, const void *bytes, size_t len);
	int (*put_commit)(struct vv_put *put, const char *key, enum vv_put_mode mode);
	void (*put_abort)(struct vv_put *put);

	int (*remove)(struct vv_source *src, const char *key); /* durable when 0 */

	/*
	 * Call @object for every key that begins with @prefix (whole parts: `refs/`, or ""
	 * for all), in no order.  Objects that come or go during the call may be missed or
	 * seen.
	 */
	int (*list)(struct vv_source *src, const char *prefix,
		    vv_source_object_fn object, void *ctx);

	/*
	 * What a listing of @prefix shows now, and that it does not show more, is durable
	 * when it returns 0, whoever wrote or removed it.  NULL: what can be seen always is.
	 */
	int (*settle)(struct vv_source *src, const char *prefix);

	/*
	 * Map @len bytes at @off (@len 0 = to the end); os/map.h has the rules for using
	 * them.  VV_ENOSYS, or a NULL pointer here: cannot map; the caller reads instead.
	 */
	int (*map)(struct vv_source *src, const char *key, uint64_t off, uint64_t len,
		   struct vv_map *out);

	void (*free)(struct vv_source *src); /* this one only, not next */
};

/* The border functions check keys and the contract above, then call the operation. */
int vv_source_get(struct vv_source *src, const char *key, void *buf, size_t len,
		  uint64_t off, size_t *got);
int vv_source_stat(struct vv_source *src, const char *key, struct vv_object_info *out);
int vv_source_put_begin(struct vv_source *src, struct vv_put **out);
int vv_source_put_write(struct vv_put *put, const void *bytes, size_t len);
int vv_source_put_commit(struct vv_put *put, const char *key, enum vv_put_mode mode);
void vv_source_put_abort(struct vv_put *put); /* NULL is a no-op */
int vv_source_remove(struct vv_source *src, const char *key);
int vv_source_list(struct vv_source *src, const char *prefix,
		   vv_source_object_fn object, void *ctx);
int vv_source_settle(struct vv_source *src, const char *prefix);
int vv_source_map(struct vv_source *src, const char *key, uint64_t off, uint64_t len,
		  struct vv_map *out);
void vv_source_free(struct vv_source *src); /* the chain; NULL is a no-op */

/* All of @len bytes at @off; VV_ECORRUPT if the object ends before. */
int vv_source_get_exact(struct vv_source *src, const char *key, void *buf, size_t len,
			uint64_t off);

/*
 * A whole small object in memory, of one version, with a NUL after its end.  VV_EFBIG
 * above @max bytes.  *@out is owned by the caller (free).
 */
int vv_source_get_whole(struct vv_source *src, const char *key, size_t max, char **out,
			size_t *len);

/* Begin, write and commit in one. */
int vv_source_put(struct vv_source *src, const char *key, const void *bytes, size_t len,
		  enum vv_put_mode mode);

bool vv_source_key_ok(const char *key);

#endif
