/*
 * teststore.h - stores made by hand, for tests of what reads them.
 *
 * Every failure ends the test, so nothing here returns an error.
 */
#ifndef TESTS_LIB_TESTSTORE_H
#define TESTS_LIB_TESTSTORE_H

#include "cache/frame_cache.h"
#include "core/id.h"
#include "format/pack_builder.h"
#include "format/tree_builder.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_store;
struct vv_source;

extern const struct vv_page_ops test_pages; /* malloc and free */

/* ---- a store in a new directory ---- */

struct test_store {
	char *path; /* owned */
	struct vv_source *source;
	struct vv_store *store;
};

void test_store_make(struct test_store *ts);
void test_store_drop(struct test_store *ts); /* closes and removes the directory */
void test_store_reopen(struct test_store *ts);

/* ---- packs ---- */

struct test_pack {
	struct vv_pack_builder *builder;
	struct vv_buf bytes; /* of the file so far */
};

void test_pack_begin(struct test_pack *tp);
/* Compressed if that helps; @ref: number and plain bytes of the reference, or VV_NONE. */
uint32_t test_pack_frame(struct test_pack *tp, const void *plain, size_t size);
uint32_t test_pack_frame_ref(struct test_pack *tp, const void *plain, size_t size,
			     uint32_t ref, const void *ref_plain, size_t ref_size);
/* A frame whose bytes are in another pack. */
uint32_t test_pack_foreign(struct test_pack *tp, const void *plain, size_t size);
void test_pack_blob(struct test_pack *tp, const void *content, size_t size,
		    const struct vv_blob_part *parts, uint32_t count);
/* The content as one blob, in new frames of at most @slice bytes. */
void test_pack_content(struct test_pack *tp, const void *content, size_t size,
		       size_t slice);
struct vv_id test_pack_commit(struct test_pack *tp, struct test_store *ts);
/* Flip one byte of the stored bytes of a frame, in the file. */
void test_pack_damage(struct test_store *ts, const struct vv_id *pack,
		      const struct vv_id *frame);

/* ---- trees and refs ---- */

struct test_file {
	const char *path;
	const void *content;
	size_t size;
};

struct vv_id test_tree_put(struct test_store *ts, struct vv_tree_builder *b);
/* A ref to a tree of these files (mode 0644), their content in one new pack. */
struct vv_id test_publish(struct test_store *ts, const char *ref,
			  const struct test_file *files, size_t count,
			  struct vv_id *pack);
void test_ref_put(struct test_store *ts, const char *ref, const struct vv_id *tree);

/* @size bytes that look random but compress by half; another @seed, other bytes. */
void test_fill(void *buf, size_t size, uint64_t seed);

#endif
