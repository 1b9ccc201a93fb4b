/*
 * erofs_layout.h - where the fields of an EROFS image lie, as far as we write them.
 *
 * EROFS is a read-only file system of Linux; its format is the kernel's
 * (Documentation/filesystems/erofs.rst and its on-disk header).  We use the part that
 * every kernel since 5.16 reads: blocks of 4 KiB, inodes of 64 bytes, files as chunks in
 * an extra device.  All numbers are little-endian.
 *
 *	block 0		nothing | superblock at 1024 | device slot | inodes begin
 *	...		inodes: each with its xattr ids, then chunk, symlink target,
 *			or the last part of a directory
 *	...		whole blocks of directories and of long targets
 *	...		shared xattrs
 *
 * An inode is named by its *nid*: its place in units of 32 bytes, which is also the
 * inode number that programs see.
 *
 * Private to the erofs_*.c of this folder and their tests.
 */
#ifndef VV_FORMAT_EROFS_LAYOUT_H
#define VV_FORMAT_EROFS_LAYOUT_H

#include <stdint.h>

#define VV_ERO_MAGIC UINT32_C(0xE0F5E1E2)

enum {
	VV_ERO_BLOCK_BITS = 12,
	VV_ERO_BLOCK = 1 << VV_ERO_BLOCK_BITS,
	VV_ERO_SLOT = 32, /* unit of nids */
	VV_ERO_NAME_MAX = 255,

	/* ---- superblock ---- */
	VV_ERO_SB = 1024,
	VV_ERO_SB_MAGIC = 0,
	VV_ERO_SB_CHECKSUM = 4, /* CRC-32C of the rest of the block, itself as 0 */
	VV_ERO_SB_COMPAT = 8,
	VV_ERO_SB_BLOCK_BITS = 12, /* one byte */
	VV_ERO_SB_ROOT = 14,	   /* 16 bits: the root is near the front */
	VV_ERO_SB_INODES = 16,
	VV_ERO_SB_TIME = 24, /* of compact inodes, which we do not write */
	VV_ERO_SB_TIME_NSEC = 32,
	VV_ERO_SB_BLOCKS = 36, /* of the image */
	VV_ERO_SB_META = 40,   /* the block that nids count from */
	VV_ERO_SB_XATTRS = 44, /* the block that ids of shared xattrs count from */
	VV_ERO_SB_UUID = 48,
	VV_ERO_SB_NAME = 64,
	VV_ERO_SB_INCOMPAT = 80,
	VV_ERO_SB_DEVICES = 86, /* 16 bits */
	VV_ERO_SB_SLOTS = 88,	/* 16 bits: where device slots are, in their size */
	VV_ERO_SB_SIZE = 128,

	VV_ERO_COMPAT_CHECKSUM = 1,
	VV_ERO_COMPAT_MTIME = 2, /* what inodes tell is the time of the last change */
	VV_ERO_INCOMPAT_CHUNKS = 4,
	VV_ERO_INCOMPAT_DEVICES = 8,

	/* ---- device slot ---- */
	VV_ERO_DEV = VV_ERO_SB + VV_ERO_SB_SIZE,
	VV_ERO_DEV_TAG = 0, /* 64 bytes for people; not all zero */
	VV_ERO_DEV_TAG_SIZE = 64,
	VV_ERO_DEV_BLOCKS = 64,
	VV_ERO_DEV_SIZE = 128,
	VV_ERO_INODES = VV_ERO_DEV + VV_ERO_DEV_SIZE, /* the first may be here */

	/* ---- inode, the extended form ---- */
	VV_ERO_INO_FORMAT = 0, /* 16 bits: 1 | layout << 1 */
	VV_ERO_INO_XATTRS =
		2,	     /* 16 bits: 0, or 1 + units of 4 bytes behind its header */
	VV_ERO_INO_MODE = 4, /* 16 bits */
	VV_ERO_INO_SIZE = 8,
	VV_ERO_INO_WHERE = 16,	/* first block, device number, or form of the chunks */
	VV_ERO_INO_NUMBER = 20, /* for stat() of 32 bits */
	VV_ERO_INO_UID = 24,
	VV_ERO_INO_GID = 28,
	VV_ERO_INO_MTIME = 32,
	VV_ERO_INO_MTIME_NSEC = 40,
	VV_ERO_INO_NLINK = 44,
	VV_ERO_INO_BYTES = 64,

	VV_ERO_FORMAT_EXTENDED = 1,
	VV_ERO_LAYOUT_PLAIN = 0,  /* whole blocks elsewhere */
	VV_ERO_LAYOUT_INLINE = 2, /* the last part follows the inode, in one block */
	VV_ERO_LAYOUT_CHUNKS = 4, /* an index of chunks follows */

	/* ---- chunks ---- */
	VV_ERO_CHUNK_INDEXES =
		0x20, /* | bits of the chunk size above those of a block */
	VV_ERO_CHUNK_BITS_MAX = VV_ERO_BLOCK_BITS + 31,
	VV_ERO_IDX_DEVICE = 2, /* 16 bits; 1 = the first extra device */
	VV_ERO_IDX_BLOCK = 4,
	VV_ERO_IDX_BYTES = 8,

	/* ---- directories: in each block all entries, then all names ---- */
	VV_ERO_ENT_NID = 0,
	VV_ERO_ENT_NAME =
		8, /* 16 bits: where it begins; of the first one: 12 * count */
	VV_ERO_ENT_TYPE = 10,
	VV_ERO_ENT_BYTES = 12,
	VV_ERO_ENTS_MAX = VV_ERO_BLOCK / (VV_ERO_ENT_BYTES + 1),

	VV_ERO_TYPE_FILE = 1,
	VV_ERO_TYPE_DIR = 2,
	VV_ERO_TYPE_CHR = 3,
	VV_ERO_TYPE_BLK = 4,
	VV_ERO_TYPE_FIFO = 5,
	VV_ERO_TYPE_SOCK = 6,
	VV_ERO_TYPE_LINK = 7,

	/* ---- xattrs ---- */
	VV_ERO_XA_COUNT = 4, /* 8 bits: shared ids behind this header */
	VV_ERO_XA_HEADER = 12,
	VV_ERO_XA_ID = 4, /* bytes of an id: the place of an item in units of 4 */
	VV_ERO_XA_SHARED_MAX = 128, /* of an inode */
	/* an item: length of the name, prefix, 16 bits: length of the value; both */
	VV_ERO_XI_NAME_SIZE = 0,
	VV_ERO_XI_PREFIX = 1,
	VV_ERO_XI_VALUE_SIZE = 2,
	VV_ERO_XI_BYTES = 4,

	VV_ERO_PREFIX_USER = 1,
	VV_ERO_PREFIX_ACL_ACCESS = 2,
	VV_ERO_PREFIX_ACL_DEFAULT = 3,
	VV_ERO_PREFIX_TRUSTED = 4,
	VV_ERO_PREFIX_SECURITY = 6,
};

_Static_assert(VV_ERO_DEV % VV_ERO_DEV_SIZE == 0, "a slot is found by its number");
_Static_assert(VV_ERO_INODES % VV_ERO_SLOT == 0, "the root has a nid");
_Static_assert(VV_ERO_INO_BYTES % VV_ERO_SLOT == 0, "inodes fill their slots");
_Static_assert(VV_ERO_INO_BYTES % VV_ERO_IDX_BYTES == 0, "an index is aligned");
_Static_assert(VV_ERO_XA_HEADER + VV_ERO_XA_SHARED_MAX * VV_ERO_XA_ID +
			       VV_ERO_INO_BYTES <
		       VV_ERO_BLOCK / 2,
	       "what is inline finds room in a block");

#endif
