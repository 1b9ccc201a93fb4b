/*
 * sim.h - a disk in memory that forgets, for crash tests.
 *
 * A test whose name ends in _sim_test links os/sim instead of the files of the
 * operating system: os/file.h and os/map.h then work on this one disk.  It keeps only
 * what the contract of os/file.h promises to keep, and is as unkind as it may be:
 *
 * (D1) Content that was not synced is volatile.  After a cut a file holds what was
 *	synced, and of the rest nothing, or a part that was written, or its length with
 *	zeros for bytes that never arrived.
 * (D2) Names made, replaced or removed since their directory was synced are volatile,
 *	each on its own: after a cut a name means anything that it meant since then.  So
 *	a rename may survive while the content of the file does not, a later rename may
 *	survive an earlier one, and of one rename either half.
 * (D3) After a sync that failed the written bytes stay volatile for ever, also if the
 *	next sync succeeds.
 *
 * A crash test counts the operations of a run, then repeats it with a cut at each of
 * them, and looks at several survivors of each cut:
 *
 *	for (n = 1; n <= count; n++) {
 *		prepare();			// ends with vv_sim_ops() == base
 *		vv_sim_cut_at(base + n);
 *		run();				// fails somewhere
 *		moment = vv_sim_snapshot_new();
 *		for (seed = 0; seed < 20; seed++) {
 *			vv_sim_restore(moment);
 *			vv_sim_survive(seed);
 *			check();		// old state or new state?
 *		}
 *		vv_sim_snapshot_free(moment);
 *	}
 *
 * What happens depends on the calls and the seed only.
 *
 * Ownership: the disk belongs to the program.  Files still open when the disk is reset,
 *	restored or survives a cut fail with VV_EIO and can only be closed; maps are
 *	copies.
 * Threads: any; one mutex.
 */
#ifndef VV_OS_SIM_H
#define VV_OS_SIM_H

#include <stdbool.h>
#include <stdint.h>

struct vv_sim_snapshot;

/* An empty root directory `/`, no limit, nothing counted. */
void vv_sim_reset(void);

/*
 * Operations since the reset, the last survival or the moment restored: calls that
 * change the disk or make a change durable, whether they succeed or not.
 */
unsigned vv_sim_ops(void);

/* Operation @n, 1 = the first, and all later calls do nothing: VV_EIO.  0 = never. */
void vv_sim_cut_at(unsigned n);

/*
 * Operation @n alone fails with @err; a write has written half by then, anything else
 * nothing.  0 = never.
 */
void vv_sim_fail_at(unsigned n, int err);

/*
 * The power comes back: all that is volatile is kept or lost as @seed decides, and what
 * is left is durable.  Seed 0 loses all of it, 1 keeps all of it.  Forgets cut, fault
 * and count.
 */
void vv_sim_survive(uint64_t seed);

bool vv_sim_is_durable(void); /* nothing volatile is left: all survivors are alike */

/* Content in files that have a name or are open; a write fills it, then VV_ENOSPC. */
void vv_sim_set_capacity(uint64_t bytes); /* 0 = no limit */

/* The disk as it is, volatile things included, and the count. */
struct vv_sim_snapshot *vv_sim_snapshot_new(void);
void vv_sim_snapshot_free(struct vv_sim_snapshot *snapshot); /* NULL is a no-op */
void vv_sim_restore(const struct vv_sim_snapshot *snapshot); /* no cut, no fault */

#endif
