/*
 * pack_layout.h - where the fields of a pack index lie (docs/format.md, section 7).
 *
 * For pack.c, which reads them, and pack_builder.c, which writes them.
 */
#ifndef VV_FORMAT_PACK_LAYOUT_H
#define VV_FORMAT_PACK_LAYOUT_H

#define VV_IDX_MAGIC "VARVEIDX"

enum {
	VV_IDX_VERSION_NOW = 1,

	VV_IDX_VERSION = 8,
	VV_IDX_FLAGS = 12,
	VV_IDX_FRAME_COUNT = 16,
	VV_IDX_BLOB_COUNT = 20,
	VV_IDX_EXTENT_COUNT = 24,
	VV_IDX_RESERVED = 28,
	VV_IDX_FRAMES = 32,
	VV_IDX_BLOBS = 40,
	VV_IDX_EXTENTS = 48,
	VV_IDX_FRAMES_END = 56,
	VV_IDX_HEADER_SIZE = 64,

	VV_FRM_OFFSET = 32,
	VV_FRM_STORED_SIZE = 40,
	VV_FRM_PLAIN_SIZE = 44,
	VV_FRM_CHECKSUM = 48,
	VV_FRM_REFERENCE = 56,
	VV_FRM_CODEC = 60,
	VV_FRM_FILTER = 62,
	VV_FRM_SKETCH = 64,
	VV_FRM_ROW = 80,

	VV_BLB_SIZE = 32,
	VV_BLB_EXTENT_FIRST = 40,
	VV_BLB_EXTENT_COUNT = 44,
	VV_BLB_ROW = 48,

	VV_EXT_START = 0,
	VV_EXT_FRAME = 8,
	VV_EXT_FRAME_OFFSET = 12,
	VV_EXT_ROW = 16,
};

#endif
