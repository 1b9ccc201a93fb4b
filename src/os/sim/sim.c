#include "os/sim/sim.h"

#include "core/err.h"
#include "os/sim/sim_private.h"
#include "os/thread.h"

#include <stdlib.h>

struct vv_sim_snapshot {
	struct vv_sim_disk disk;
	unsigned ops;
};

static struct vv_once sim_once = VV_ONCE_INIT;
static struct vv_mutex sim_lock;
static struct vv_sim sim; /* protected by sim_lock */

/* For the controls: a test whose disk cannot be made has nothing to go on with. */
static void must(int err)
{
	if (err)
		abort();
}

static void start(void)
{
	vv_mutex_init(&sim_lock);
	must(vv_sim_disk_init(&sim.disk));
}

struct vv_sim *vv_sim_lock(void)
{
	vv_once_run(&sim_once, start);
	vv_mutex_lock(&sim_lock);
	return &sim;
}

void vv_sim_unlock(void)
{
	vv_mutex_unlock(&sim_lock);
}

int vv_sim_begin_op(struct vv_sim *s, bool *fails)
{
	*fails = false;
	if (s->is_off)
		return VV_EIO;
	s->ops++;
	if (s->ops == s->cut_at) {
		s->is_off = true;
		return VV_EIO;
	}
	if (s->ops == s->fail_at) {
		*fails = true;
		return s->fail_err;
	}
	return VV_OK;
}

/* Switched on again, with whatever disk there is now. */
static void power_on(struct vv_sim *s, unsigned ops)
{
	s->ops = ops;
	s->cut_at = s->fail_at = 0;
	s->is_off = false;
	s->epoch++;
}

void vv_sim_reset(void)
{
	struct vv_sim *s = vv_sim_lock();

	vv_sim_disk_fini(&s->disk);
	must(vv_sim_disk_init(&s->disk));
	power_on(s, 0);
	vv_sim_unlock();
}

unsigned vv_sim_ops(void)
{
	unsigned ops = vv_sim_lock()->ops;

	vv_sim_unlock();
	return ops;
}

void vv_sim_cut_at(unsigned n)
{
	vv_sim_lock()->cut_at = n;
	vv_sim_unlock();
}

void vv_sim_fail_at(unsigned n, int err)
{
	struct vv_sim *s = vv_sim_lock();

	s->fail_at = n;
	s->fail_err = err;
	vv_sim_unlock();
}

void vv_sim_survive(uint64_t seed)
{
	struct vv_sim *s = vv_sim_lock();

	vv_sim_disk_survive(&s->disk, seed);
	power_on(s, 0);
	vv_sim_unlock();
}

bool vv_sim_is_durable(void)
{
	bool is_durable = vv_sim_disk_is_durable(&vv_sim_lock()->disk);

	vv_sim_unlock();
	return is_durable;
}

void vv_sim_set_capacity(uint64_t bytes)
{
	vv_sim_lock()->disk.capacity = bytes;
	vv_sim_unlock();
}

struct vv_sim_snapshot *vv_sim_snapshot_new(void)
{
	struct vv_sim_snapshot *snapshot = calloc(1, sizeof *snapshot);
	struct vv_sim *s = vv_sim_lock();

	must(snapshot ? vv_sim_disk_copy(&snapshot->disk, &s->disk) : VV_ENOMEM);
	snapshot->ops = s->ops;
	vv_sim_unlock();
	return snapshot;
}

void vv_sim_snapshot_free(struct vv_sim_snapshot *snapshot)
{
	if (!snapshot)
		return;
	vv_sim_disk_fini(&snapshot->disk);
	free(snapshot);
}

void vv_sim_restore(const struct vv_sim_snapshot *snapshot)
{
	struct vv_sim *s = vv_sim_lock();
	uint32_t i;

	vv_sim_disk_fini(&s->disk);
	must(vv_sim_disk_copy(&s->disk, &snapshot->disk));
	for (i = 0; i < s->disk.count; i++)
		s->disk.inodes[i].opens = 0; /* open files are of the disk before */
	power_on(s, snapshot->ops);
	vv_sim_unlock();
}
