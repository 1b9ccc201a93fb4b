/* INIT: which protocol, and which of its abilities. */
#include "core/arith.h"
#include "core/err.h"
#include "core/log.h"
#include "host/fuse/ops.h"
#include "host/fuse/uring_plan.h"

enum {
	/*
	 * Readahead that the kernel may have under way at one time.  Less than the workers
	 * (dev.h), so that a slow store filled with readahead leaves some for those who wait.
	 */
	MAX_BACKGROUND = 48,
	MAX_WRITE =
		4096, /* nobody writes: with the least the kernel takes, 8 KiB hold any request */
};

/*
 * READDIRPLUS always, not AUTO: one listing makes the lookups behind it free.  Explicit
 * invalidation: pages go when a notice says so, not because a time looks different.
 * ALLOW_IDMAP lets container runtimes mount us with shifted owners.
 */
static const uint64_t wanted = VV_FUSE_ASYNC_READ | VV_FUSE_DO_READDIRPLUS |
			       VV_FUSE_PARALLEL_DIROPS | VV_FUSE_MAX_PAGES |
			       VV_FUSE_CACHE_SYMLINKS | VV_FUSE_EXPLICIT_INVAL_DATA |
			       VV_FUSE_INIT_EXT | VV_FUSE_ALLOW_IDMAP;
static const uint64_t wanted_without_handles =
	VV_FUSE_NO_OPEN_SUPPORT | VV_FUSE_NO_OPENDIR_SUPPORT;

static uint64_t choose(const struct vv_fuse_ops *ops, const struct vv_fuse_init_in *in)
{
	uint64_t offered = in->flags;
	uint64_t ours = wanted | (ops->has_handles ? 0 : wanted_without_handles) |
			(ops->uring ? VV_FUSE_OVER_IO_URING : 0);

	/* A listing that makes lookups free would hide them. */
	if (ops->recorder)
		ours &= ~(uint64_t)VV_FUSE_DO_READDIRPLUS;
	if (in->flags & VV_FUSE_INIT_EXT)
		offered |= (uint64_t)in->flags2 << 32;
	return offered & ours;
}

/* A payload buffer holds what one READ asks for, and a queue has so many entries. */
static void use_uring(struct vv_fuse_ops *ops, struct vv_fuse_init_out *out)
{
	out->max_pages = (uint16_t)(ops->uring->payload_bytes / 4096);
	out->max_background =
		(uint16_t)vv_min_u64(ops->uring->background, MAX_BACKGROUND);
	atomic_store(&ops->is_uring, true);
}

int vv_fuse_op_init(struct vv_fuse_ops *ops, struct vv_fuse_call *call)
{
	const struct vv_fuse_init_in *in = &call->req.body.init;
	struct vv_fuse_init_out *out = &call->reply.body.init;
	uint64_t flags;

	*out = (struct vv_fuse_init_out){ .major = VV_FUSE_MAJOR,
					  .minor = VV_FUSE_MINOR_MAX };
	if (in->major > VV_FUSE_MAJOR)
		return VV_OK; /* it asks again, in our version */
	if (in->major < VV_FUSE_MAJOR || in->minor < VV_FUSE_MINOR_MIN) {
		vv_log(VV_LOG_ERROR,
		       "the kernel speaks FUSE %u.%u, but 7.%d (Linux 5.2) is the least",
		       in->major, in->minor, VV_FUSE_MINOR_MIN);
		return VV_EOPNOTSUPP;
	}
	flags = choose(ops, in);
	out->minor = (uint32_t)vv_min_u64(in->minor, VV_FUSE_MINOR_MAX);
	/* Who records wants to see what is touched, and no more. */
	out->max_readahead = ops->recorder ? 0
					   : (uint32_t)vv_min_u64(in->max_readahead,
								  VV_FUSE_READ_BYTES);
	out->flags = (uint32_t)flags;
	out->flags2 = (uint32_t)(flags >> 32);
	out->max_background = MAX_BACKGROUND;
	out->max_write = MAX_WRITE;
	out->time_gran = 1;
	out->max_pages = VV_FUSE_READ_PAGES;
	if (flags & VV_FUSE_OVER_IO_URING)
		use_uring(ops, out);
	out->congestion_threshold = (uint16_t)(out->max_background * 3 / 4);
	atomic_store(&ops->minor, out->minor);
	return VV_OK;
}
