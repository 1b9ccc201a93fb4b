#include "host/fuse/stamps.h"

#include "core/err.h"
#include "os/thread.h"
#include "vfs/view.h"

#include <stdlib.h>
#include <string.h>

enum {
	SLOTS = 1024,
	SETTLE_NS =
		1000000000, /* the coarsest clock in use (ext3, HFS+) ticks in seconds */
};

struct stamp {
	uint64_t node, generation; /* node 0: empty */
	uint64_t size;
	int64_t mtime_sec, ctime_sec;
	uint32_t mtime_nsec, ctime_nsec;
};

struct vv_fuse_stamps {
	struct vv_mutex lock;
	struct stamp slots[SLOTS]; /* protected by lock */
};

int vv_fuse_stamps_new(struct vv_fuse_stamps **out)
{
	*out = calloc(1, sizeof **out);
	if (!*out)
		return VV_ENOMEM;
	vv_mutex_init(&(*out)->lock);
	return VV_OK;
}

void vv_fuse_stamps_free(struct vv_fuse_stamps *stamps)
{
	if (!stamps)
		return;
	vv_mutex_fini(&stamps->lock);
	free(stamps);
}

static bool is_settled(int64_t sec, uint32_t nsec, int64_t now_ns)
{
	int64_t now_sec = now_ns / 1000000000;

	/* The seconds first: a time far in the future must not overflow. */
	if (sec >= now_sec - 2)
		return sec < now_sec && now_ns - (sec * 1000000000 + nsec) > SETTLE_NS;
	return true;
}

bool vv_fuse_stamps_match(struct vv_fuse_stamps *stamps, const struct vv_attr *attr,
			  int64_t now_ns)
{
	/* Fibonacci hashing: neighbouring node ids spread over the table. */
	struct stamp *slot =
		&stamps->slots[(attr->node * UINT64_C(0x9e3779b97f4a7c15)) >> 54];
	struct stamp now;
	bool same;

	_Static_assert(SLOTS == 1 << (64 - 54), "the shift yields an index");
	memset(&now, 0, sizeof now); /* compared as bytes, padding too */
	now.node = attr->node;
	now.generation = attr->generation;
	now.size = attr->size;
	now.mtime_sec = attr->mtime_sec;
	now.mtime_nsec = attr->mtime_nsec;
	now.ctime_sec = attr->ctime_sec;
	now.ctime_nsec = attr->ctime_nsec;

	vv_mutex_lock(&stamps->lock);
	same = memcmp(slot, &now, sizeof now) == 0;
	if (!same) {
		if (!is_settled(attr->mtime_sec, attr->mtime_nsec, now_ns) ||
		    !is_settled(attr->ctime_sec, attr->ctime_nsec, now_ns))
			now.node = 0;
		*slot = now;
	}
	vv_mutex_unlock(&stamps->lock);
	return same;
}
