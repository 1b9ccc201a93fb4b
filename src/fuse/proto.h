/*
 * proto.h - the FUSE wire format: what a kernel and a file system say to each other.
 *
 * Our own declarations of the Linux ABI, protocol 7.31 to 7.45, because both roles are
 * spoken here (the host answers a kernel; the bridge is the kernel for somebody else's
 * file system, also on Windows) and packaged headers end at the version of their day.
 * Every size below is asserted; the unit test compares all of it with linux/fuse.h where
 * there is one.  Source: include/uapi/linux/fuse.h of Linux 6.18.
 *
 * Numbers are in the byte order of the machine: both sides are on one machine.  A struct
 * is padded by hand to 8 bytes, so that a 32-bit program has the same layout.
 *
 * Ownership: plain values.  Threads: no state.
 */
#ifndef VV_FUSE_PROTO_H
#define VV_FUSE_PROTO_H

#include <stddef.h>
#include <stdint.h>

enum {
	VV_FUSE_MAJOR = 7,
	VV_FUSE_MINOR_MIN = 31, /* Linux 5.2: no-open, no-opendir, explicit data */
	VV_FUSE_MINOR_MAX = 45, /* Linux 6.18 */
	VV_FUSE_ROOT = 1,
	VV_FUSE_MIN_READ_BUFFER = 8192, /* a kernel reads into no less */
	VV_FUSE_NAME_MAX = 1024,	/* bytes of a name, without the NUL */
	VV_FUSE_XATTR_NAME_MAX = 255,
	VV_FUSE_LINK_MAX = 4095, /* bytes of a symlink's target */
};

enum vv_fuse_op {
	VV_FUSE_LOOKUP = 1,
	VV_FUSE_FORGET = 2, /* no reply */
	VV_FUSE_GETATTR = 3,
	VV_FUSE_SETATTR = 4,
	VV_FUSE_READLINK = 5,
	VV_FUSE_SYMLINK = 6,
	VV_FUSE_MKNOD = 8,
	VV_FUSE_MKDIR = 9,
	VV_FUSE_UNLINK = 10,
	VV_FUSE_RMDIR = 11,
	VV_FUSE_RENAME = 12,
	VV_FUSE_LINK = 13,
	VV_FUSE_OPEN = 14,
	VV_FUSE_READ = 15,
	VV_FUSE_WRITE = 16,
	VV_FUSE_STATFS = 17,
	VV_FUSE_RELEASE = 18,
	VV_FUSE_FSYNC = 20,
	VV_FUSE_SETXATTR = 21,
	VV_FUSE_GETXATTR = 22,
	VV_FUSE_LISTXATTR = 23,
	VV_FUSE_REMOVEXATTR = 24,
	VV_FUSE_FLUSH = 25,
	VV_FUSE_INIT = 26,
	VV_FUSE_OPENDIR = 27,
	VV_FUSE_READDIR = 28,
	VV_FUSE_RELEASEDIR = 29,
	VV_FUSE_FSYNCDIR = 30,
	VV_FUSE_GETLK = 31,
	VV_FUSE_SETLK = 32,
	VV_FUSE_SETLKW = 33,
	VV_FUSE_ACCESS = 34,
	VV_FUSE_CREATE = 35,
	VV_FUSE_INTERRUPT = 36,
	VV_FUSE_BMAP = 37,
	VV_FUSE_DESTROY = 38,
	VV_FUSE_IOCTL = 39,
	VV_FUSE_POLL = 40,
	VV_FUSE_NOTIFY_REPLY = 41, /* no reply */
	VV_FUSE_BATCH_FORGET = 42, /* no reply */
	VV_FUSE_FALLOCATE = 43,
	VV_FUSE_READDIRPLUS = 44,
	VV_FUSE_RENAME2 = 45,
	VV_FUSE_LSEEK = 46,
	VV_FUSE_COPY_FILE_RANGE = 47,
	VV_FUSE_SYNCFS = 50,  /* 7.34 */
	VV_FUSE_TMPFILE = 51, /* 7.37 */
	VV_FUSE_STATX = 52,   /* 7.39 */
	VV_FUSE_OP_COUNT,
};

enum vv_fuse_notify_code {
	VV_FUSE_NOTIFY_POLL = 1,
	VV_FUSE_NOTIFY_INVAL_INODE = 2,
	VV_FUSE_NOTIFY_INVAL_ENTRY = 3,
	VV_FUSE_NOTIFY_STORE = 4,
	VV_FUSE_NOTIFY_RETRIEVE = 5,
	VV_FUSE_NOTIFY_DELETE = 6,
	VV_FUSE_NOTIFY_COUNT,
};

/* INIT flags; bits from 32 on travel in flags2, which counts only with INIT_EXT. */
#define VV_FUSE_ASYNC_READ (UINT64_C(1) << 0)
#define VV_FUSE_DO_READDIRPLUS (UINT64_C(1) << 13)
#define VV_FUSE_READDIRPLUS_AUTO (UINT64_C(1) << 14)
#define VV_FUSE_ASYNC_DIO (UINT64_C(1) << 15)
#define VV_FUSE_NO_OPEN_SUPPORT (UINT64_C(1) << 17)
#define VV_FUSE_PARALLEL_DIROPS (UINT64_C(1) << 18)
#define VV_FUSE_POSIX_ACL (UINT64_C(1) << 20)
#define VV_FUSE_MAX_PAGES (UINT64_C(1) << 22)
#define VV_FUSE_CACHE_SYMLINKS (UINT64_C(1) << 23)
#define VV_FUSE_NO_OPENDIR_SUPPORT (UINT64_C(1) << 24)
#define VV_FUSE_EXPLICIT_INVAL_DATA (UINT64_C(1) << 25)
#define VV_FUSE_INIT_EXT (UINT64_C(1) << 30)	  /* 7.36 */
#define VV_FUSE_ALLOW_IDMAP (UINT64_C(1) << 40)	  /* 7.42 */
#define VV_FUSE_OVER_IO_URING (UINT64_C(1) << 41) /* 7.42 */

/* Flags of an OPEN or OPENDIR reply. */
enum {
	VV_FOPEN_DIRECT_IO = 1 << 0,
	VV_FOPEN_KEEP_CACHE = 1 << 1,
	VV_FOPEN_NONSEEKABLE = 1 << 2,
	VV_FOPEN_CACHE_DIR = 1 << 3,
	VV_FOPEN_NOFLUSH = 1 << 5, /* 7.35; older kernels send a FLUSH more */
};

/* What setattr_in.valid says is to be set. */
enum {
	VV_FATTR_MODE = 1 << 0,
	VV_FATTR_UID = 1 << 1,
	VV_FATTR_GID = 1 << 2,
	VV_FATTR_SIZE = 1 << 3,
	VV_FATTR_ATIME = 1 << 4,
	VV_FATTR_MTIME = 1 << 5,
	VV_FATTR_FH = 1 << 6,
	VV_FATTR_ATIME_NOW = 1 << 7,
	VV_FATTR_MTIME_NOW = 1 << 8,
	VV_FATTR_CTIME = 1 << 10,
};

/* ---- shared pieces ---- */

struct vv_fuse_in_header {
	uint32_t len; /* of the whole request */
	uint32_t opcode;
	uint64_t unique; /* comes back in the reply */
	uint64_t nodeid;
	uint32_t uid, gid, pid;
	uint16_t extensions; /* units of 8 bytes at the end; 7.38, else 0 */
	uint16_t padding;
};

struct vv_fuse_out_header {
	uint32_t len;
	int32_t error;	 /* 0 or minus a Linux errno; in a notification its code */
	uint64_t unique; /* of the request; 0 = a notification */
};

struct vv_fuse_attr {
	uint64_t ino, size, blocks;
	uint64_t atime, mtime, ctime;
	uint32_t atime_nsec, mtime_nsec, ctime_nsec;
	uint32_t mode, nlink, uid, gid;
	uint32_t rdev; /* vv_fuse_rdev() */
	uint32_t blksize;
	uint32_t flags;
};

/* A device number as the kernel packs it for the wire ("new_encode_dev"). */
static inline uint32_t vv_fuse_rdev(uint32_t major, uint32_t minor)
{
	return (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~UINT32_C(0xff)) << 12;
}

struct vv_fuse_file_lock {
	uint64_t start, end;
	uint32_t type, pid;
};

/* ---- bodies of requests ---- */

struct vv_fuse_forget_in {
	uint64_t nlookup;
};
struct vv_fuse_batch_forget_in {
	uint32_t count, padding;
};
struct vv_fuse_forget_one {
	uint64_t nodeid, nlookup;
};
struct vv_fuse_getattr_in {
	uint32_t flags, padding;
	uint64_t fh;
};
struct vv_fuse_setattr_in {
	uint32_t valid, padding;
	uint64_t fh, size, lock_owner;
	uint64_t atime, mtime, ctime;
	uint32_t atime_nsec, mtime_nsec, ctime_nsec;
	uint32_t mode, unused4, uid, gid, unused5;
};
struct vv_fuse_mknod_in {
	uint32_t mode, rdev, umask, padding;
};
struct vv_fuse_mkdir_in {
	uint32_t mode, umask;
};
struct vv_fuse_rename_in {
	uint64_t newdir;
};
struct vv_fuse_rename2_in {
	uint64_t newdir;
	uint32_t flags, padding;
};
struct vv_fuse_link_in {
	uint64_t oldnodeid;
};
struct vv_fuse_open_in {
	uint32_t flags, open_flags;
};
struct vv_fuse_create_in {
	uint32_t flags, mode, umask, open_flags;
};
struct vv_fuse_release_in {
	uint64_t fh;
	uint32_t flags, release_flags;
	uint64_t lock_owner;
};
struct vv_fuse_flush_in {
	uint64_t fh;
	uint32_t unused, padding;
	uint64_t lock_owner;
};
struct vv_fuse_read_in { /* READ, READDIR, READDIRPLUS */
	uint64_t fh, offset;
	uint32_t size, read_flags;
	uint64_t lock_owner;
	uint32_t flags, padding;
};
struct vv_fuse_write_in { /* then the data */
	uint64_t fh, offset;
	uint32_t size, write_flags;
	uint64_t lock_owner;
	uint32_t flags, padding;
};
struct vv_fuse_fsync_in {
	uint64_t fh;
	uint32_t flags, padding;
};
struct vv_fuse_setxattr_in { /* then name and value; longer with SETXATTR_EXT, which we never ask for */
	uint32_t size, flags;
};
struct vv_fuse_getxattr_in { /* GETXATTR, LISTXATTR; size 0 asks how much there is */
	uint32_t size, padding;
};
struct vv_fuse_lk_in {
	uint64_t fh, owner;
	struct vv_fuse_file_lock lk;
	uint32_t flags, padding;
};
struct vv_fuse_access_in {
	uint32_t mask, padding;
};
struct vv_fuse_init_in { /* 16 bytes before 7.36 */
	uint32_t major, minor;
	uint32_t max_readahead;
	uint32_t flags, flags2;
	uint32_t unused[11];
};
struct vv_fuse_interrupt_in {
	uint64_t unique;
};
struct vv_fuse_bmap_in {
	uint64_t block;
	uint32_t blocksize, padding;
};
struct vv_fuse_ioctl_in {
	uint64_t fh;
	uint32_t flags, cmd;
	uint64_t arg;
	uint32_t in_size, out_size;
};
struct vv_fuse_poll_in {
	uint64_t fh, kh;
	uint32_t flags, events;
};
struct vv_fuse_fallocate_in {
	uint64_t fh, offset, length;
	uint32_t mode, padding;
};
struct vv_fuse_lseek_in {
	uint64_t fh, offset;
	uint32_t whence, padding;
};
struct vv_fuse_copy_file_range_in {
	uint64_t fh_in, off_in, nodeid_out, fh_out, off_out, len, flags;
};
struct vv_fuse_retrieve_in { /* NOTIFY_REPLY: then the data */
	uint64_t unused1, offset;
	uint32_t size, unused2;
	uint64_t unused3, unused4;
};
struct vv_fuse_syncfs_in {
	uint64_t padding;
};
struct vv_fuse_statx_in {
	uint32_t getattr_flags, padding;
	uint64_t fh;
	uint32_t sx_flags, sx_mask;
};

union vv_fuse_in {
	struct vv_fuse_forget_in forget;
	struct vv_fuse_batch_forget_in batch_forget;
	struct vv_fuse_getattr_in getattr;
	struct vv_fuse_setattr_in setattr;
	struct vv_fuse_mknod_in mknod;
	struct vv_fuse_mkdir_in mkdir;
	struct vv_fuse_rename_in rename;
	struct vv_fuse_rename2_in rename2;
	struct vv_fuse_link_in link;
	struct vv_fuse_open_in open;
	struct vv_fuse_create_in create;
	struct vv_fuse_release_in release;
	struct vv_fuse_flush_in flush;
	struct vv_fuse_read_in read;
	struct vv_fuse_write_in write;
	struct vv_fuse_fsync_in fsync;
	struct vv_fuse_setxattr_in setxattr;
	struct vv_fuse_getxattr_in getxattr;
	struct vv_fuse_lk_in lk;
	struct vv_fuse_access_in access;
	struct vv_fuse_init_in init;
	struct vv_fuse_interrupt_in interrupt;
	struct vv_fuse_bmap_in bmap;
	struct vv_fuse_ioctl_in ioctl;
	struct vv_fuse_poll_in poll;
	struct vv_fuse_fallocate_in fallocate;
	struct vv_fuse_lseek_in lseek;
	struct vv_fuse_copy_file_range_in copy_file_range;
	struct vv_fuse_retrieve_in retrieve;
	struct vv_fuse_syncfs_in syncfs;
	struct vv_fuse_statx_in statx;
};

/* ---- bodies of replies ---- */

struct vv_fuse_entry_out {
	uint64_t
		nodeid; /* 0: there is no such name, and entry_valid says for how long */
	uint64_t generation;
	uint64_t entry_valid, attr_valid; /* seconds to remember */
	uint32_t entry_valid_nsec, attr_valid_nsec;
	struct vv_fuse_attr attr;
};
struct vv_fuse_attr_out {
	uint64_t attr_valid;
	uint32_t attr_valid_nsec, padding;
	struct vv_fuse_attr attr;
};
struct vv_fuse_open_out {
	uint64_t fh;
	uint32_t open_flags; /* VV_FOPEN_ */
	int32_t backing_id;
};
struct vv_fuse_create_out {
	struct vv_fuse_entry_out entry;
	struct vv_fuse_open_out open;
};
struct vv_fuse_write_out {
	uint32_t size, padding;
};
struct vv_fuse_statfs_out {
	uint64_t blocks, bfree, bavail, files, ffree;
	uint32_t bsize, namelen, frsize, padding;
	uint32_t spare[6];
};
struct vv_fuse_getxattr_out {
	uint32_t size, padding;
};
struct vv_fuse_lk_out {
	struct vv_fuse_file_lock lk;
};
struct vv_fuse_init_out {
	uint32_t major, minor;
	uint32_t max_readahead;
	uint32_t flags;
	uint16_t max_background, congestion_threshold;
	uint32_t max_write;
	uint32_t time_gran; /* ns */
	uint16_t max_pages, map_alignment;
	uint32_t flags2;
	uint32_t max_stack_depth; /* 7.40 */
	uint16_t request_timeout; /* seconds; 7.43 */
	uint16_t unused[11];
};
struct vv_fuse_bmap_out {
	uint64_t block;
};
struct vv_fuse_ioctl_out { /* then the data */
	int32_t result;
	uint32_t flags, in_iovs, out_iovs;
};
struct vv_fuse_poll_out {
	uint32_t revents, padding;
};
struct vv_fuse_lseek_out {
	uint64_t offset;
};
struct vv_fuse_sx_time {
	int64_t sec;
	uint32_t nsec;
	int32_t reserved;
};
struct vv_fuse_statx {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, spare0;
	uint64_t ino, size, blocks, attributes_mask;
	struct vv_fuse_sx_time atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t spare2[14];
};
struct vv_fuse_statx_out {
	uint64_t attr_valid;
	uint32_t attr_valid_nsec, flags;
	uint64_t spare[2];
	struct vv_fuse_statx stat;
};

union vv_fuse_out {
	struct vv_fuse_entry_out entry;
	struct vv_fuse_attr_out attr;
	struct vv_fuse_open_out open;
	struct vv_fuse_create_out create;
	struct vv_fuse_write_out write;
	struct vv_fuse_statfs_out statfs;
	struct vv_fuse_getxattr_out getxattr;
	struct vv_fuse_lk_out lk;
	struct vv_fuse_init_out init;
	struct vv_fuse_bmap_out bmap;
	struct vv_fuse_ioctl_out ioctl;
	struct vv_fuse_poll_out poll;
	struct vv_fuse_lseek_out lseek;
	struct vv_fuse_statx_out statx;
};

/* One entry of a READDIR reply: this, @namelen bytes, zeros up to a multiple of 8. */
struct vv_fuse_dirent {
	uint64_t ino;
	uint64_t off; /* where the next one starts; opaque, not 0 */
	uint32_t namelen;
	uint32_t type; /* mode >> 12 */
};
/* The same for READDIRPLUS; nodeid 0 = no lookup is counted for this one. */
struct vv_fuse_direntplus {
	struct vv_fuse_entry_out entry;
	struct vv_fuse_dirent dirent;
};

/* ---- bodies of notifications ---- */

struct vv_fuse_notify_poll {
	uint64_t kh;
};
struct vv_fuse_notify_inval_inode {
	uint64_t ino;
	int64_t off; /* < 0: attributes only */
	int64_t len; /* <= 0: up to the end */
};
struct vv_fuse_notify_inval_entry { /* then the name and a NUL */
	uint64_t parent;
	uint32_t namelen, flags;
};
struct vv_fuse_notify_store { /* then the data */
	uint64_t nodeid, offset;
	uint32_t size, padding;
};
struct vv_fuse_notify_retrieve {
	uint64_t notify_unique, nodeid, offset;
	uint32_t size, padding;
};
struct vv_fuse_notify_delete { /* then the name and a NUL */
	uint64_t parent, child;
	uint32_t namelen, padding;
};

union vv_fuse_notify_body {
	struct vv_fuse_notify_poll poll;
	struct vv_fuse_notify_inval_inode inval_inode;
	struct vv_fuse_notify_inval_entry inval_entry;
	struct vv_fuse_notify_store store;
	struct vv_fuse_notify_retrieve retrieve;
	struct vv_fuse_notify_delete delete;
};

/*
 * ---- FUSE over io_uring (Linux 6.14) ----
 *
 * A request does not come as one piece: its header, the fixed body of its operation and the
 * rest lie in three places, and so does the reply.
 */

enum vv_fuse_uring_cmd { /* the cmd_op of an IORING_OP_URING_CMD on the device */
	VV_FUSE_URING_REGISTER = 1,
	VV_FUSE_URING_COMMIT_AND_FETCH = 2,
};

enum {
	VV_FUSE_URING_PART_BYTES = 128,
	VV_FUSE_URING_BUFFERS = 2, /* the iovec of REGISTER: header, payload */
};

struct vv_fuse_uring_entry {
	uint64_t flags;
	uint64_t commit_id;  /* goes back with the commit */
	uint32_t payload_sz; /* bytes in the payload buffer, either way */
	uint32_t padding;
	uint64_t reserved;
};

struct vv_fuse_uring_header {
	uint8_t in_out[VV_FUSE_URING_PART_BYTES]; /* in_header, then out_header */
	uint8_t op_in[VV_FUSE_URING_PART_BYTES];  /* the body of the request */
	struct vv_fuse_uring_entry entry;
};

struct vv_fuse_uring_cmd_req { /* in the 80 bytes of a long SQE */
	uint64_t flags;
	uint64_t commit_id;
	uint16_t qid;
	uint8_t padding[6];
};

/* ---- what the kernel counts on ---- */

_Static_assert(sizeof(struct vv_fuse_in_header) == 40, "FUSE ABI");
_Static_assert(offsetof(struct vv_fuse_in_header, nodeid) == 16, "FUSE ABI");
_Static_assert(offsetof(struct vv_fuse_in_header, extensions) == 36, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_out_header) == 16, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_attr) == 88, "FUSE ABI");
_Static_assert(offsetof(struct vv_fuse_attr, mode) == 60, "FUSE ABI");
_Static_assert(offsetof(struct vv_fuse_attr, rdev) == 76, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_getattr_in) == 16, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_setattr_in) == 88, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_read_in) == 40, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_write_in) == 40, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_release_in) == 24, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_flush_in) == 24, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_lk_in) == 48, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_init_in) == 64, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_ioctl_in) == 32, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_fallocate_in) == 32, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_copy_file_range_in) == 56, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_retrieve_in) == 40, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_statx_in) == 24, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_entry_out) == 128, "FUSE ABI");
_Static_assert(offsetof(struct vv_fuse_entry_out, attr) == 40, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_attr_out) == 104, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_open_out) == 16, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_create_out) == 144, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_statfs_out) == 80, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_init_out) == 64, "FUSE ABI");
_Static_assert(offsetof(struct vv_fuse_init_out, max_pages) == 28, "FUSE ABI");
_Static_assert(offsetof(struct vv_fuse_init_out, flags2) == 32, "FUSE ABI");
_Static_assert(offsetof(struct vv_fuse_init_out, request_timeout) == 40, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_ioctl_out) == 16, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_statx) == 256, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_statx_out) == 288, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_dirent) == 24, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_direntplus) == 152, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_notify_inval_inode) == 24, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_notify_inval_entry) == 16, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_notify_store) == 24, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_notify_retrieve) == 32, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_notify_delete) == 24, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_uring_entry) == 32, "FUSE ABI");
_Static_assert(offsetof(struct vv_fuse_uring_entry, payload_sz) == 16, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_uring_header) == 288, "FUSE ABI");
_Static_assert(offsetof(struct vv_fuse_uring_header, op_in) == 128, "FUSE ABI");
_Static_assert(offsetof(struct vv_fuse_uring_header, entry) == 256, "FUSE ABI");
_Static_assert(sizeof(struct vv_fuse_uring_cmd_req) == 24, "FUSE ABI");
_Static_assert(offsetof(struct vv_fuse_uring_cmd_req, qid) == 16, "FUSE ABI");

#endif
