#include "host/fuse/ring.h"

#include "core/err.h"

#ifdef VARVE_HAVE_URING

#include "core/log.h"
#include "fuse/proto.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

enum {
	DEPTH = 4, /* the entry, and the poll of the stop event */
	ENTRY = 1, /* what a completion is about */
	STOP = 2,
};

struct vv_fuse_ring {
	struct io_uring io;
	int device;
	uint16_t queue;
	struct iovec buffers[VV_FUSE_URING_BUFFERS];
};

static int error_of(int number)
{
	switch (number) {
	case ENOTCONN:
	case ECONNABORTED:
	case ENODEV: return VV_ENODEV;
	case ENOMEM: return VV_ENOMEM;
	case EMFILE:
	case ENFILE: return VV_EMFILE;
	case EPERM:
	case EACCES: return VV_EPERM;
	case ENOSYS:
	case EOPNOTSUPP: return VV_ENOSYS;
	case EINVAL: return VV_EINVAL;
	}
	return VV_EIO;
}

/* There is always room: at most two are prepared between submissions. */
static struct io_uring_sqe *next_sqe(struct vv_fuse_ring *ring, uint64_t about)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->io);

	if (!sqe)
		abort();
	memset(sqe, 0, 2 * sizeof *sqe);
	sqe->user_data = about;
	return sqe;
}

static void prepare(struct vv_fuse_ring *ring, enum vv_fuse_uring_cmd command,
		    uint64_t commit_id)
{
	struct vv_fuse_uring_cmd_req req = { .commit_id = commit_id,
					     .qid = ring->queue };
	struct io_uring_sqe *sqe = next_sqe(ring, ENTRY);

	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = ring->device;
	sqe->cmd_op = command;
	memcpy(sqe->cmd, &req, sizeof req);
	if (command == VV_FUSE_URING_REGISTER) {
		sqe->addr = (uintptr_t)ring->buffers;
		sqe->len = VV_FUSE_URING_BUFFERS;
	}
}

static int submit(struct vv_fuse_ring *ring)
{
	int n;

	do
		n = io_uring_submit(&ring->io);
	while (n == -EINTR || n == -EAGAIN);
	return n < 0 ? error_of(-n) : VV_OK;
}

static int watch(struct vv_fuse_ring *ring, int stop)
{
	struct io_uring_sqe *sqe = next_sqe(ring, STOP);

	sqe->opcode = IORING_OP_POLL_ADD;
	sqe->fd = stop;
	sqe->poll32_events = POLLIN;
	return submit(ring);
}

int vv_fuse_ring_open(struct vv_fuse_ring **out,
		      const struct vv_fuse_ring_options *opts)
{
	struct vv_fuse_ring *ring = calloc(1, sizeof *ring);
	int err;

	*out = NULL;
	if (!ring)
		return VV_ENOMEM;
	ring->device = opts->device;
	ring->queue = (uint16_t)opts->queue;
	ring->buffers[0] = (struct iovec){ opts->header, sizeof *opts->header };
	ring->buffers[1] = (struct iovec){ opts->payload, opts->payload_bytes };
	/* Requests are delivered while we wait, not by interrupting the work on another. */
	err = io_uring_queue_init(DEPTH, &ring->io,
				  IORING_SETUP_SQE128 | IORING_SETUP_SINGLE_ISSUER |
					  IORING_SETUP_DEFER_TASKRUN);
	if (err) {
		free(ring);
		return error_of(-err);
	}
	err = watch(ring, opts->stop);
	if (err)
		vv_fuse_ring_close(ring);
	else
		*out = ring;
	return err;
}

void vv_fuse_ring_close(struct vv_fuse_ring *ring)
{
	if (!ring)
		return;
	io_uring_queue_exit(&ring->io);
	free(ring);
}

/* The next completion, if there is one: what wait returns. */
static bool take(struct vv_fuse_ring *ring, int *result)
{
	struct io_uring_cqe *cqe;
	bool is_stop;

	if (io_uring_peek_cqe(&ring->io, &cqe) != 0)
		return false;
	is_stop = cqe->user_data == STOP;
	*result = is_stop ? VV_ECANCELED : cqe->res < 0 ? error_of(-cqe->res) : VV_OK;
	io_uring_cqe_seen(&ring->io, cqe);
	return true;
}

int vv_fuse_ring_register(struct vv_fuse_ring *ring)
{
	struct io_uring_cqe *cqe;
	int err;

	prepare(ring, VV_FUSE_URING_REGISTER, 0);
	err = submit(ring);
	/* A refusal is there at once; a first request, or stop, is left to wait. */
	if (!err && io_uring_peek_cqe(&ring->io, &cqe) == 0 && cqe->res < 0) {
		err = error_of(-cqe->res);
		io_uring_cqe_seen(&ring->io, cqe);
	}
	return err;
}

void vv_fuse_ring_commit(struct vv_fuse_ring *ring, uint64_t commit_id)
{
	prepare(ring, VV_FUSE_URING_COMMIT_AND_FETCH, commit_id);
}

int vv_fuse_ring_wait(struct vv_fuse_ring *ring, unsigned wait_ms)
{
	struct __kernel_timespec time = {
		.tv_sec = wait_ms / 1000,
		.tv_nsec = (long long)(wait_ms % 1000) * 1000000,
	};
	struct io_uring_cqe *cqe;
	int result;
	int n;

	for (;;) {
		n = wait_ms ? io_uring_submit_and_wait_timeout(&ring->io, &cqe, 1,
							       &time, NULL)
			    : io_uring_submit_and_wait(&ring->io, 1);
		if (take(ring, &result))
			return result;
		if (n == -ETIME)
			return VV_ETIMEDOUT;
		if (n < 0 && n != -EINTR && n != -EAGAIN) {
			vv_log(VV_LOG_ERROR, "cannot wait for requests: %s",
			       strerror(-n));
			return VV_ENODEV;
		}
	}
}

#else

int vv_fuse_ring_open(struct vv_fuse_ring **out,
		      const struct vv_fuse_ring_options *opts)
{
	(void)opts;
	*out = NULL;
	return VV_ENOSYS;
}
void vv_fuse_ring_close(struct vv_fuse_ring *ring)
{
	(void)ring;
}
int vv_fuse_ring_register(struct vv_fuse_ring *ring)
{
	(void)ring;
	return VV_ENOSYS;
}
void vv_fuse_ring_commit(struct vv_fuse_ring *ring, uint64_t commit_id)
{
	(void)ring;
	(void)commit_id;
}
int vv_fuse_ring_wait(struct vv_fuse_ring *ring, unsigned wait_ms)
{
	(void)ring;
	(void)wait_ms;
	return VV_ENOSYS;
}

#endif
