#include "os/posix/fd.h"

#include "core/err.h"
#include "os/posix/errno.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

_Static_assert(sizeof(off_t) == 8, "files are larger than 2 GiB");

static bool is_range(uint64_t off, size_t len)
{
	return off <= INT64_MAX && len <= INT64_MAX - off;
}

int vv_fd_read(int fd, void *buf, size_t len, uint64_t off, size_t *got)
{
	size_t done = 0;

	*got = 0;
	if (!is_range(off, len))
		return VV_EINVAL;
	while (done < len) {
		ssize_t n =
			pread(fd, (char *)buf + done, len - done, (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vv_err_from_errno(errno);
		if (n == 0)
			break;
		done += (size_t)n;
	}
	*got = done;
	return VV_OK;
}

int vv_fd_write(int fd, const void *bytes, size_t len, uint64_t off)
{
	size_t done = 0;

	if (!is_range(off, len))
		return VV_EFBIG;
	while (done < len) {
		ssize_t n = pwrite(fd, (const char *)bytes + done, len - done,
				   (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vv_err_from_errno(errno);
		done += (size_t)n;
	}
	return VV_OK;
}

int vv_fd_append(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vv_err_from_errno(errno);
		p += n;
		len -= (size_t)n;
	}
	return VV_OK;
}
