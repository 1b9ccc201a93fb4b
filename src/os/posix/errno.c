#include "os/posix/errno.h"

#include "core/err.h"

#include <errno.h>
#include <stddef.h>

/*
 * Spelled out, not a change of sign: the numbers of err.h are those of one family of
 * Linux ports, and two of its words (CORRUPT, NEWER) belong to numbers that mean
 * something else when the system says them.
 */
static const struct {
	int number;
	int err;
} table[] = {
	{ EPERM, VV_EPERM },	     { ENOENT, VV_ENOENT },
	{ EINTR, VV_EINTR },	     { EIO, VV_EIO },
	{ ENXIO, VV_ENXIO },	     { E2BIG, VV_E2BIG },
	{ EBADF, VV_EBADF },	     { EAGAIN, VV_EAGAIN },
	{ ENOMEM, VV_ENOMEM },	     { EACCES, VV_EACCES },
	{ EBUSY, VV_EBUSY },	     { EEXIST, VV_EEXIST },
	{ EXDEV, VV_EXDEV },	     { ENODEV, VV_ENODEV },
	{ ENOTDIR, VV_ENOTDIR },     { EISDIR, VV_EISDIR },
	{ EINVAL, VV_EINVAL },	     { ENFILE, VV_ENFILE },
	{ EMFILE, VV_EMFILE },	     { ENOTTY, VV_ENOTTY },
	{ ETXTBSY, VV_ETXTBSY },     { EFBIG, VV_EFBIG },
	{ ENOSPC, VV_ENOSPC },	     { ESPIPE, VV_ESPIPE },
	{ EROFS, VV_EROFS },	     { EMLINK, VV_EMLINK },
	{ EPIPE, VV_EPIPE },	     { ERANGE, VV_ERANGE },
	{ EDEADLK, VV_EDEADLK },     { ENAMETOOLONG, VV_ENAMETOOLONG },
	{ ENOLCK, VV_ENOLCK },	     { ENOSYS, VV_ENOSYS },
	{ ENOTEMPTY, VV_ENOTEMPTY }, { ELOOP, VV_ELOOP },
	{ ENODATA, VV_ENODATA },     { EOVERFLOW, VV_EOVERFLOW },
	{ EILSEQ, VV_EILSEQ },	     { EOPNOTSUPP, VV_EOPNOTSUPP },
	{ ENOTSUP, VV_EOPNOTSUPP },  { ECONNRESET, VV_ECONNRESET },
	{ ENOTCONN, VV_ENOTCONN },   { ETIMEDOUT, VV_ETIMEDOUT },
	{ ESTALE, VV_ESTALE },	     { EDQUOT, VV_EDQUOT },
	{ ECANCELED, VV_ECANCELED },
};

int vv_err_from_errno(int number)
{
	size_t i;

	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (table[i].number == number)
			return table[i].err;
	}
	return VV_EIO;
}
