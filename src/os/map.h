/*
 * map.h - a file's bytes in the address space, and what happens when they cannot
 * be read.
 *
 * A mapped page whose disk fails, or that lies beyond the end of a file cut short,
 * raises SIGBUS at an ordinary load.  The handler installed here counts the fault,
 * puts a page of zeros in the page's place and lets the load go on; who used the
 * bytes asks vv_map_faults() afterwards and answers VV_EIO if it grew.  The zeros
 * stay until the map is closed, so what was lost once is not half there later.
 * Faults outside our maps go to the handler that was there before.
 *
 * Three limits.  Where a file was cut inside a page, the rest of that page reads as
 * zero and is not counted: checksums find it.  A system call that is given such bytes
 * fails (EFAULT) instead of raising the signal: copy first.  A thread that blocks
 * SIGBUS is killed by it.
 *
 * Ownership: the caller of vv_map_open() closes it.  The file is not held open.
 * Threads: reading the bytes, faults and drop: any; open and close are locked inside.
 */
#ifndef VV_OS_MAP_H
#define VV_OS_MAP_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct vv_map {
	const uint8_t *bytes;	   /* NULL if size is 0 */
	size_t size;		   /* bytes */
	const atomic_uint *faults; /* borrowed until close; NULL if size is 0 */
	void *private;		   /* owned; the OS's bookkeeping */
};

/*
 * Map [@off, @off + @len) of the file; @off need not be aligned, @len 0 means up to
 * the end.  VV_EINVAL: not all within the file, or no regular file.  On any error
 * @out is an empty map.
 */
int vv_map_open(struct vv_map *out, const char *path, uint64_t off, uint64_t len);

/* An empty (zeroed) map is fine; leaves it empty. */
void vv_map_close(struct vv_map *map);

/* Give the resident pages back; they come again when touched. */
void vv_map_drop(const struct vv_map *map);

/*
 * Bytes of files, all maps and the program itself, that are resident in this process as
 * the system counts it now; 0 where it does not tell.
 */
size_t vv_map_resident_bytes(void);

/* How often a page could not be read; it only grows. */
static inline unsigned vv_map_faults(const struct vv_map *map)
{
	if (!map->faults)
		return 0;
	return atomic_load_explicit(map->faults, memory_order_acquire);
}

#endif
