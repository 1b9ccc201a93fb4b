#include "host/fuse/uring_plan.h"

#include "core/err.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define SWITCH "/sys/module/fuse/parameters/enable_uring"
#define POSSIBLE_CORES "/sys/devices/system/cpu/possible"

enum {
	CORES_MAX = 65535 /* a queue is known by a number of 16 bits */
};

/* ---- the system ---- */

static size_t read_text(const char *path, char *out, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, out, room - 1);

	if (fd >= 0)
		close(fd);
	out[got > 0 ? got : 0] = 0;
	return got > 0 ? (size_t)got : 0;
}

/* The number at *@text, which moves on; CORES_MAX if there is none or it is too large. */
static unsigned take_number(const char **text)
{
	unsigned n = 0;

	if (**text < '0' || **text > '9')
		return CORES_MAX;
	for (; **text >= '0' && **text <= '9'; (*text)++)
		if (n < CORES_MAX)
			n = n * 10 + (unsigned)(**text - '0');
	return n < CORES_MAX ? n : CORES_MAX;
}

unsigned vv_fuse_count_cores(const char *list)
{
	unsigned count = 0, first, last;

	for (;; list++) {
		first = last = take_number(&list);
		if (*list == '-') {
			list++;
			last = take_number(&list);
		}
		if (last < first || last == CORES_MAX)
			return 0;
		count += last - first + 1;
		if (*list != ',')
			break;
	}
	return (*list == 0 || *list == '\n') && count < CORES_MAX ? count : 0;
}

void vv_fuse_uring_ask_system(struct vv_fuse_uring_facts *out)
{
	char text[4096];

	out->enabled = (char)(read_text(SWITCH, text, sizeof text) ? text[0] : 0);
	(void)read_text(POSSIBLE_CORES, text, sizeof text);
	out->cores = vv_fuse_count_cores(text);
}

/* ---- the decision ---- */

static int not_offered(struct vv_fuse_uring_plan *out,
		       const struct vv_fuse_uring_facts *facts)
{
	if (!facts->enabled)
		snprintf(out->reason, sizeof out->reason,
			 "the kernel has no FUSE over io_uring (Linux 6.14)");
	else if (!facts->cores)
		snprintf(out->reason, sizeof out->reason,
			 "the number of possible cores is not known");
	else {
		snprintf(out->reason, sizeof out->reason,
			 "the kernel's enable_uring is off");
		snprintf(out->hint, sizeof out->hint, "echo Y | sudo tee %s", SWITCH);
	}
	return VV_EOPNOTSUPP;
}

static size_t mebibytes(size_t bytes)
{
	return (bytes + (1 << 20) - 1) >> 20;
}

static int does_not_fit(struct vv_fuse_uring_plan *out,
			const struct vv_fuse_uring_facts *facts)
{
	size_t needed = (size_t)VV_FUSE_URING_DEPTH_MIN * facts->cores *
			(facts->entry_bytes + VV_FUSE_URING_PAYLOAD_MIN);

	snprintf(out->reason, sizeof out->reason,
		 "queues for %u cores take %zu MiB, more than a quarter of the budget",
		 facts->cores, mebibytes(needed));
	snprintf(out->hint, sizeof out->hint, "mount with --memory=%zuM",
		 mebibytes(needed * VV_FUSE_URING_SHARE));
	return VV_ENOMEM;
}

static unsigned depth_with(const struct vv_fuse_uring_facts *facts, size_t payload)
{
	size_t one = facts->entry_bytes + payload;
	size_t depth = facts->limit / VV_FUSE_URING_SHARE / one / facts->cores;

	return depth > VV_FUSE_URING_DEPTH_MAX ? VV_FUSE_URING_DEPTH_MAX
					       : (unsigned)depth;
}

int vv_fuse_uring_plan_make(struct vv_fuse_uring_plan *out,
			    const struct vv_fuse_uring_facts *facts)
{
	*out = (struct vv_fuse_uring_plan){ .queues = facts->cores };
	if (facts->enabled != 'Y' || !facts->cores)
		return not_offered(out, facts);
	out->payload_bytes = VV_FUSE_URING_PAYLOAD_MAX;
	out->depth = depth_with(facts, out->payload_bytes);
	if (out->depth < VV_FUSE_URING_DEPTH_MIN) {
		out->payload_bytes = VV_FUSE_URING_PAYLOAD_MIN;
		out->depth = depth_with(facts, out->payload_bytes);
	}
	if (out->depth < VV_FUSE_URING_DEPTH_MIN)
		return does_not_fit(out, facts);
	out->background = out->depth * 3 / 4;
	return VV_OK;
}
