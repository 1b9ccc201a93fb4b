/*
 * matrix.h - `varve df --matrix`: what each two refs share, as a table or as JSON.
 *
 * Threads: the main thread.
 */
#ifndef VV_CLI_MATRIX_H
#define VV_CLI_MATRIX_H

#include <stdbool.h>
#include <stddef.h>

struct vv_sharing;

enum {
	VV_MATRIX_COLUMNS = 32, /* more refs than that get a list of neighbours each */
	VV_MATRIX_NEIGHBOURS = 5,
};

/*
 * @is_asked: one for each ref, by its place in the list of refs; the others are left out.
 * JSON: an object a line for each pair that shares something.  VV_ENOMEM.
 */
int vv_print_matrix(const struct vv_sharing *s, const bool *is_asked, bool json);

/* The @max refs of @is_asked that are most like @ref, the nearest first; how many. */
size_t vv_nearest_refs(const struct vv_sharing *s, size_t ref, const bool *is_asked,
		       size_t *out, size_t max);

#endif
