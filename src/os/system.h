/*
 * system.h - clock, randomness, identity of machine and process, and page memory.
 *
 * Threads: any.
 */
#ifndef VV_OS_SYSTEM_H
#define VV_OS_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VV_SYSTEM_NAME_BYTES = 256 /* with the final NUL */
};

uint64_t vv_clock_ns(void); /* monotonic, since some start */
int64_t vv_time_ns(void);   /* since 1970-01-01 UTC */
void vv_sleep_ms(unsigned ms);
void vv_random(void *buf, size_t len); /* from the system; never fails (aborts) */

/*
 * Who we are, for intents and leases: 1-255 bytes of printable ASCII without space.
 * The boot name stands for one boot *and* one space of process ids: two processes
 * in two containers of one machine differ in it.  So a process may be asked for by
 * number exactly if both names are equal to ours.  Names that differ prove nothing,
 * not even a reboot: then only time tells.
 */
void vv_host_name(char out[VV_SYSTEM_NAME_BYTES]);
void vv_boot_name(char out[VV_SYSTEM_NAME_BYTES]);
uint64_t vv_process_id(void);
bool vv_process_alive(uint64_t pid); /* true also if it cannot be told */
bool vv_process_may_chown(void);     /* files may be given to others, as root does */

/* Anonymous memory in whole pages, given back to the system at once when freed. */
void *vv_pages_new(size_t size);	      /* zeroed; NULL: no memory */
void vv_pages_free(void *pages, size_t size); /* NULL is a no-op; @size as asked for */

#endif
