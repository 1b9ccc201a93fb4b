/*
 * memory_input.h - an input whose entries are told by a test, and what a store must
 * hold after they were published.
 *
 * Ownership: the entries and their content are borrowed until the input is freed.
 */
#ifndef VV_TEST_MEMORY_INPUT_H
#define VV_TEST_MEMORY_INPUT_H

#include "input/input.h"

#include <stddef.h>
#include <stdint.h>

struct vv_store;

struct memory_entry {
	const char *path;
	uint32_t mode; /* 0 = regular file 0644 */
	const void *content;
	size_t size;
	uint64_t hole_at,
		hole; /* so many zeros are told as a hole before content[hole_at] */
	const char *target; /* symlink */
	const char *hardlink;
	int read_err; /* reading the content ends with it */
};

struct vv_input *memory_input_new(const struct memory_entry *entries, size_t count);

/* The ref is there, all of it is sound, and each file has its content. */
void expect_published(struct vv_store *store, const char *ref,
		      const struct memory_entry *entries, size_t count);
/* vv_verify_store() finds nothing. */
void expect_sound(struct vv_store *store);

#endif
