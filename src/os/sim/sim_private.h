/*
 * sim_private.h - the one simulated disk and its power switch.
 *
 * Threads: a pointer from vv_sim_lock() is good until vv_sim_unlock().
 */
#ifndef VV_OS_SIM_PRIVATE_H
#define VV_OS_SIM_PRIVATE_H

#include "os/sim/disk.h"

#include <stdbool.h>
#include <stdint.h>

struct vv_sim {
	struct vv_sim_disk disk;
	unsigned ops;
	unsigned cut_at; /* 0 = never */
	unsigned fail_at;
	int fail_err;
	bool is_off;
	uint64_t epoch; /* a file of another one is of a disk that is gone */
};

struct vv_sim *vv_sim_lock(void);
void vv_sim_unlock(void);

/*
 * Counts an operation.  VV_OK: do it; an error: return that.  *@fails is set where it
 * is the operation itself that shall fail, and may leave traces.
 */
int vv_sim_begin_op(struct vv_sim *sim, bool *fails);

#endif
