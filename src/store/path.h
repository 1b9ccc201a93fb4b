/*
 * path.h - the path of an entry while a tree is walked: grows and shrinks at its end.
 *
 * Threads: the buffer belongs to one thread.
 */
#ifndef VV_STORE_PATH_H
#define VV_STORE_PATH_H

#include "core/buf.h"
#include "format/tree.h"

#include <stddef.h>

enum {
	VV_PATH_BYTES_MAX = VV_DEPTH_MAX * (VV_NAME_MAX + 1) + 1 /* with the NUL */
};

/*
 * The path is the first @len bytes of what it was, and @name in that directory unless
 * @name_len is 0; NUL-ended at path->bytes.  VV_ECORRUPT: longer than a tree may have.
 */
int vv_path_set(struct vv_buf *path, size_t len, const char *name, size_t name_len);

#endif
