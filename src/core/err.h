/*
 * err.h - the one error vocabulary.
 *
 * A value is minus the Linux (asm-generic) errno and is frozen: the FUSE host
 * flips its sign (CORRUPT and NEWER leave every host as EIO), the bridge sends
 * it as it is, Windows hosts map it in one data table.  Never store a host
 * errno, NTSTATUS or HRESULT in an `int err`.
 *
 * CORRUPT and NEWER have no errno of their own in POSIX.  They borrow numbers
 * that no file operation returns (EBADMSG and ENOPROTOOPT), so that a value
 * never means two things.
 */
#ifndef VV_CORE_ERR_H
#define VV_CORE_ERR_H

/* clang-format off */
#define VV_ERRORS(X) \
	X(PERM,          -1, "operation not permitted") \
	X(NOENT,         -2, "no such entry") \
	X(INTR,          -4, "interrupted") \
	X(IO,            -5, "input/output error") \
	X(NXIO,          -6, "no such device or address") \
	X(2BIG,          -7, "argument list too long") \
	X(BADF,          -9, "not an open handle, or not open for this") \
	X(AGAIN,        -11, "would block; try again") \
	X(NOMEM,        -12, "out of memory") \
	X(ACCES,        -13, "permission denied") \
	X(BUSY,         -16, "in use") \
	X(EXIST,        -17, "already exists") \
	X(XDEV,         -18, "crosses from one file system to another") \
	X(NODEV,        -19, "no such device") \
	X(NOTDIR,       -20, "not a directory") \
	X(ISDIR,        -21, "is a directory") \
	X(INVAL,        -22, "invalid argument") \
	X(NFILE,        -23, "too many open files in the system") \
	X(MFILE,        -24, "too many open files") \
	X(NOTTY,        -25, "no such control operation") \
	X(TXTBSY,       -26, "program file is being executed") \
	X(FBIG,         -27, "file too large") \
	X(NOSPC,        -28, "no space left") \
	X(SPIPE,        -29, "not seekable") \
	X(ROFS,         -30, "read-only file system") \
	X(MLINK,        -31, "too many links") \
	X(PIPE,         -32, "the other side has closed") \
	X(RANGE,        -34, "result does not fit the buffer") \
	X(DEADLK,       -35, "would deadlock") \
	X(NAMETOOLONG,  -36, "name too long") \
	X(NOLCK,        -37, "no locks available") \
	X(NOSYS,        -38, "operation is not offered here") \
	X(NOTEMPTY,     -39, "directory not empty") \
	X(LOOP,         -40, "too many symbolic links") \
	X(NODATA,       -61, "no such attribute") \
	X(CORRUPT,      -74, "stored data is not what its name says") \
	X(OVERFLOW,     -75, "value too large for its type") \
	X(ILSEQ,        -84, "name cannot be converted") \
	X(NEWER,        -92, "written by a newer version of varve") \
	X(OPNOTSUPP,    -95, "operation not supported") \
	X(CONNRESET,   -104, "connection reset by the other side") \
	X(NOTCONN,     -107, "not connected") \
	X(TIMEDOUT,    -110, "timed out") \
	X(STALE,       -116, "stale handle") \
	X(DQUOT,       -122, "disk quota exceeded") \
	X(CANCELED,    -125, "request was cancelled")
/* clang-format on */

enum vv_err {
	VV_OK = 0,
#define X(name, value, text) VV_E##name = value,
	VV_ERRORS(X)
#undef X
};

/* What happened, for people: a static string without a full stop, never NULL. */
const char *vv_err_text(int err);

/* The word in the code, for logs and scripts: "ENOENT", "OK"; "E?" if unknown. */
const char *vv_err_name(int err);

#endif
