/*
 * heat.h - which bytes of a file a profile names, and how early: what decides where a writer
 * of packs puts the frames.
 *
 * Ownership: init/fini; borrows the profile.
 * Threads: one.
 */
#ifndef VV_STORE_HEAT_H
#define VV_STORE_HEAT_H

#include <stddef.h>
#include <stdint.h>

struct vv_profile;

#define VV_HEAT_COLD UINT32_MAX /* nothing of it is named */

struct vv_heat {
	const struct vv_profile *profile;
	struct vv_heat_range *ranges; /* owned; sorted by path and first page */
	size_t count;
	size_t begin, end; /* those of the file in question */
};

/* @profile NULL: all is cold.  VV_ENOMEM; fini is fine then. */
int vv_heat_init(struct vv_heat *heat, const struct vv_profile *profile);
void vv_heat_fini(struct vv_heat *heat); /* a zeroed one is fine */

/* From now on it is about this file. */
void vv_heat_file(struct vv_heat *heat, const char *path);
/* When bytes [@off, @off+@len) are first used: the lower the earlier. */
uint32_t vv_heat_rank(const struct vv_heat *heat, uint64_t off, uint64_t len);

#endif
