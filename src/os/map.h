/*
 * map.h - a file's bytes in the address space, and what happens when they cannot be read.
 *
 * A mapped page whose disk fails, or that lies beyond a file cut short, raises SIGBUS at an
 * ordinary load.  The handler installed here puts a page of zeros in its place, marks the page as
 * lost and lets the load go on; who used the bytes asks vv_map_faults() afterwards (it counts) and
 * answers VV_EIO.  Faults outside our maps go to the handler that was there before.
 *
 * Ownership: the caller of vv_map_open() closes it.  The file is not held open.
 * Threads: reading the bytes and vv_map_faults(): any; open and close are locked inside.
 */
#ifndef VV_OS_MAP_H
#define VV_OS_MAP_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct vv_map {
	const uint8_t *bytes; /* NULL if size is 0 */
	size_t size;
	const atomic_uint *
		faults; /* grows with each page that could not be read; borrowed until close */
	void *private; /* owned; the OS's bookkeeping */
};

/* Map [@off, @off+@len) of the file; @off need not be aligned.  @len 0 = up to the end.  VV_EINVAL beyond its end. */
int vv_map_open(struct vv_map *out, const char *path, uint64_t off, uint64_t len);
void vv_map_close(
	struct vv_map *map); /* an empty (zeroed) map is fine; leaves it zeroed */
void vv_map_drop(
	const struct vv_map
		*map); /* give the resident pages back; they come again when touched */

static inline unsigned vv_map_faults(const struct vv_map *map)
{
	return map->faults ? atomic_load_explicit(map->faults, memory_order_acquire)
			   : 0;
}

#endif
