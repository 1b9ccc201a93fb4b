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

uint64_t vv_clock_ns(void); /* monotonic, since some start */
int64_t vv_time_ns(void);   /* since 1970-01-01 UTC */
void vv_sleep_ms(unsigned ms);
void vv_random(void *buf, size_t len); /* from the system; never fails (aborts) */

/* The names of host and boot in intents and leases: 1-255 bytes of printable ASCII without space. */
void vv_host_name(char out[256]);
void vv_boot_name(char out[256]);
uint64_t vv_process_id(void);
bool vv_process_alive(uint64_t pid); /* true also if it cannot be told */

/* Anonymous memory in whole pages, given back to the system at once by vv_pages_free(). */
void *vv_pages_new(size_t size); /* NULL: no memory; zeroed */
void vv_pages_free(void *pages, size_t size);

#endif
