#include "format/erofs_image.h"

#include "core/arith.h"
#include "core/err.h"
#include "format/erofs_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*
 * How one inode lies: what follows it, and what it has elsewhere.  Both passes ask
 * shape_of(), so they agree; the second checks each write all the same.
 */
struct shape {
	unsigned layout;
	uint64_t size;	 /* as stat() shows it */
	uint32_t xattrs; /* bytes right behind the inode */
	uint32_t
		body; /* bytes behind those: a chunk, a target, the end of a directory */
	uint64_t blocks; /* whole ones elsewhere */
};

struct vv_erofs_image {
	const struct vv_tree *tree; /* borrowed */
	struct vv_erofs_regions regions;
	struct vv_erofs_xattrs xattrs;
	uint32_t *slots;     /* owned; nid of each entry's inode */
	uint64_t inodes;     /* how many */
	uint64_t dirs_block; /* where whole blocks begin */
	uint64_t xattr_block;
	uint64_t blocks; /* all */
};

static bool is_type(const struct vv_entry *e, uint32_t type)
{
	return (e->mode & VV_S_IFMT) == type;
}

/* Inline if it fits into a block with the inode, for directories the last part. */
static void shape_bytes(struct shape *s, uint64_t size)
{
	uint32_t tail = (uint32_t)(size % VV_ERO_BLOCK);

	s->size = size;
	s->blocks = size >> VV_ERO_BLOCK_BITS;
	if (tail && VV_ERO_INO_BYTES + s->xattrs + tail <= VV_ERO_BLOCK) {
		s->layout = VV_ERO_LAYOUT_INLINE;
		s->body = tail;
	} else {
		s->layout = VV_ERO_LAYOUT_PLAIN;
		s->blocks += tail > 0;
	}
}

static int shape_of(const struct vv_erofs_image *img, const struct vv_entry *e,
		    struct shape *s)
{
	uint64_t size;
	int err;

	*s = (struct shape){ .xattrs = vv_erofs_xattrs_room(&img->xattrs, e) };
	if (is_type(e, VV_S_IFDIR)) {
		err = vv_erofs_dir_size(img->tree, e, &size);
		if (!err)
			shape_bytes(s, size);
		return err;
	}
	if (is_type(e, VV_S_IFLNK)) {
		if (e->size > VV_EROFS_TARGET_MAX)
			return VV_ENAMETOOLONG;
		shape_bytes(s, e->size);
	}
	if (is_type(e, VV_S_IFREG) && e->size) {
		s->layout = VV_ERO_LAYOUT_CHUNKS;
		s->size = e->size;
		/* An index is aligned to its size; the inode is already. */
		s->body = VV_ERO_IDX_BYTES + s->xattrs % VV_ERO_IDX_BYTES;
	}
	return VV_OK;
}

/* ---- first pass: where everything lies ---- */

/* At or behind *@end; what is inline does not cross into another block. */
static int place_inode(struct vv_erofs_image *img, uint32_t entry,
		       const struct shape *s, uint64_t *end)
{
	uint64_t at = (*end + VV_ERO_SLOT - 1) & ~(uint64_t)(VV_ERO_SLOT - 1);
	uint64_t body = at + VV_ERO_INO_BYTES + s->xattrs;

	if (s->body && body / VV_ERO_BLOCK != (body + s->body - 1) / VV_ERO_BLOCK) {
		at = (at + VV_ERO_BLOCK - 1) & ~(uint64_t)(VV_ERO_BLOCK - 1);
		body = at + VV_ERO_INO_BYTES + s->xattrs;
	}
	*end = body + s->body;
	if (*end > VV_EROFS_IMAGE_MAX)
		return VV_EFBIG;
	img->slots[entry] = (uint32_t)(at / VV_ERO_SLOT);
	img->inodes++;
	return VV_OK;
}

static uint64_t blocks_of(uint64_t bytes)
{
	return (bytes + VV_ERO_BLOCK - 1) >> VV_ERO_BLOCK_BITS;
}

/*
 * Every entry but the root is the child of one directory, so directories have no more
 * children together than there are entries: a tree that says otherwise would make an
 * image without bounds.
 */
static int place_all(struct vv_erofs_image *img)
{
	uint64_t end = VV_ERO_INODES, children = 0, whole = 0;

	for (uint32_t i = 0; i < img->tree->entry_count; i++) {
		struct vv_entry e;
		struct shape s;
		int err = vv_tree_entry(img->tree, i, &e);

		if (err)
			return err;
		if (e.first != i) {
			img->slots[i] = img->slots[e.first];
			continue;
		}
		children += e.child_count;
		if (children >= img->tree->entry_count)
			return VV_ECORRUPT;
		err = shape_of(img, &e, &s);
		if (!err)
			err = place_inode(img, i, &s, &end);
		if (err)
			return err;
		whole += s.blocks;
	}
	img->dirs_block = blocks_of(end);
	img->xattr_block = img->dirs_block + whole;
	img->blocks = img->xattr_block + blocks_of(img->xattrs.size);
	return img->blocks > VV_EROFS_IMAGE_MAX / VV_ERO_BLOCK ? VV_EFBIG : VV_OK;
}

size_t vv_erofs_image_memory(const struct vv_tree *tree)
{
	return sizeof(struct vv_erofs_image) + vv_erofs_regions_memory(tree) +
	       ((size_t)tree->attr_count + 1) * sizeof(struct vv_erofs_xattr_list) +
	       ((size_t)tree->entry_count + 1) * sizeof(uint32_t);
}

static int plan(struct vv_erofs_image *img)
{
	unsigned faults = vv_image_faults(&img->tree->image);
	int err;

	img->slots = calloc((size_t)img->tree->entry_count + 1, sizeof(img->slots[0]));
	if (!img->slots)
		return VV_ENOMEM;
	err = vv_erofs_regions_init(&img->regions, img->tree);
	if (!err)
		err = vv_erofs_xattrs_init(&img->xattrs, img->tree);
	if (!err)
		err = place_all(img);
	return vv_image_faults(&img->tree->image) != faults ? VV_EIO : err;
}

int vv_erofs_image_new(struct vv_erofs_image **out, const struct vv_tree *tree)
{
	struct vv_erofs_image *img = calloc(1, sizeof *img);
	int err;

	*out = NULL;
	if (!img)
		return VV_ENOMEM;
	img->tree = tree;
	err = plan(img);
	if (err)
		vv_erofs_image_free(img);
	else
		*out = img;
	return err;
}

void vv_erofs_image_free(struct vv_erofs_image *img)
{
	if (!img)
		return;
	vv_erofs_regions_fini(&img->regions);
	vv_erofs_xattrs_fini(&img->xattrs);
	free(img->slots);
	free(img);
}

size_t vv_erofs_image_size(const struct vv_erofs_image *img)
{
	return (size_t)img->blocks << VV_ERO_BLOCK_BITS;
}

void vv_erofs_image_take_regions(struct vv_erofs_image *img,
				 struct vv_erofs_regions *out)
{
	*out = img->regions;
	img->regions = (struct vv_erofs_regions){ 0 };
}

/* ---- second pass: inodes ---- */

/* As Linux has device numbers on disks: 12 bits and 20, the minor's low 8 first. */
static int device_number(const struct vv_entry *e, uint32_t *out)
{
	if (e->rdev_major >> 12 || e->rdev_minor >> 20)
		return VV_EOPNOTSUPP;
	*out = (e->rdev_minor & 0xff) | e->rdev_major << 8 |
	       (e->rdev_minor & ~UINT32_C(0xff)) << 12;
	return VV_OK;
}

/* The chunk that holds all of the file. */
static uint32_t chunk_form(uint64_t size)
{
	uint32_t bits = VV_ERO_BLOCK_BITS;

	while (size > UINT64_C(1) << bits)
		bits++;
	return VV_ERO_CHUNK_INDEXES | (bits - VV_ERO_BLOCK_BITS);
}

static void write_fields(const struct vv_erofs_image *img, const struct vv_entry *e,
			 const struct shape *s, uint32_t where, uint8_t *to)
{
	uint32_t xattr_units =
		s->xattrs ? 1 + (s->xattrs - VV_ERO_XA_HEADER) / VV_ERO_XA_ID : 0;

	vv_put_le16(to + VV_ERO_INO_FORMAT,
		    (uint16_t)(VV_ERO_FORMAT_EXTENDED | s->layout << 1));
	vv_put_le16(to + VV_ERO_INO_XATTRS, (uint16_t)xattr_units);
	vv_put_le16(to + VV_ERO_INO_MODE, (uint16_t)e->mode);
	vv_put_le64(to + VV_ERO_INO_SIZE, s->size);
	vv_put_le32(to + VV_ERO_INO_WHERE, where);
	vv_put_le32(to + VV_ERO_INO_NUMBER, img->slots[e->index]);
	vv_put_le32(to + VV_ERO_INO_UID, e->uid);
	vv_put_le32(to + VV_ERO_INO_GID, e->gid);
	vv_put_le64(to + VV_ERO_INO_MTIME, (uint64_t)e->mtime_sec);
	vv_put_le32(to + VV_ERO_INO_MTIME_NSEC, e->mtime_nsec);
	vv_put_le32(to + VV_ERO_INO_NLINK, e->nlink);
}

static int write_target(const struct vv_erofs_image *img, const struct vv_entry *e,
			const struct vv_erofs_out *out, uint64_t at)
{
	const char *target;
	size_t len;
	uint8_t *to;
	int err = vv_tree_target(img->tree, e, &target, &len);

	if (err)
		return err;
	to = vv_erofs_at(out, at, len);
	if (!to)
		return VV_ECORRUPT;
	memcpy(to, target, len);
	return VV_OK;
}

static int write_chunk(const struct vv_erofs_image *img, const struct vv_entry *e,
		       const struct vv_erofs_out *out, uint64_t at)
{
	uint8_t *to = vv_erofs_at(out, (at + 7) & ~UINT64_C(7), VV_ERO_IDX_BYTES);

	if (!to || e->blob >= img->regions.count)
		return VV_ECORRUPT;
	vv_put_le16(to + VV_ERO_IDX_DEVICE, 1);
	vv_put_le32(to + VV_ERO_IDX_BLOCK, img->regions.items[e->blob].block);
	return VV_OK;
}

/* What follows the inode at @body, or lies in whole blocks from @block on. */
static int write_body(const struct vv_erofs_image *img, const struct vv_entry *e,
		      const struct shape *s, const struct vv_erofs_out *out,
		      uint64_t body, uint64_t block)
{
	bool is_inline = s->layout == VV_ERO_LAYOUT_INLINE;

	if (is_type(e, VV_S_IFDIR))
		return vv_erofs_dir_write(img->tree, e, img->slots, out, block,
					  is_inline ? body : 0);
	if (is_type(e, VV_S_IFLNK))
		return write_target(img, e, out,
				    is_inline ? body : block << VV_ERO_BLOCK_BITS);
	if (s->layout == VV_ERO_LAYOUT_CHUNKS)
		return write_chunk(img, e, out, body);
	return VV_OK;
}

/* *@block: where whole blocks of this inode begin; moved behind them. */
static int write_inode(const struct vv_erofs_image *img, const struct vv_entry *e,
		       const struct vv_erofs_out *out, uint64_t *block)
{
	uint64_t at = (uint64_t)img->slots[e->index] * VV_ERO_SLOT;
	uint8_t *to = vv_erofs_at(out, at, VV_ERO_INO_BYTES);
	uint32_t where = 0;
	struct shape s;
	int err = to ? shape_of(img, e, &s) : VV_ECORRUPT;

	if (err)
		return err;
	if (s.layout == VV_ERO_LAYOUT_CHUNKS)
		where = chunk_form(s.size);
	else if (s.blocks)
		where = (uint32_t)*block;
	else if (is_type(e, VV_S_IFCHR) || is_type(e, VV_S_IFBLK))
		err = device_number(e, &where);
	if (err)
		return err;
	write_fields(img, e, &s, where, to);
	at += VV_ERO_INO_BYTES;
	err = vv_erofs_xattrs_refer(&img->xattrs, img->tree, e, out, at);
	if (!err)
		err = write_body(img, e, &s, out, at + s.xattrs, *block);
	*block += s.blocks;
	return err;
}

static int write_inodes(const struct vv_erofs_image *img,
			const struct vv_erofs_out *out)
{
	uint64_t block = img->dirs_block;

	for (uint32_t i = 0; i < img->tree->entry_count; i++) {
		struct vv_entry e;
		int err = vv_tree_entry(img->tree, i, &e);

		if (!err && e.first == i)
			err = write_inode(img, &e, out, &block);
		if (err)
			return err;
	}
	return VV_OK;
}

/* ---- the superblock ---- */

/* CRC-32C (Castagnoli), reflected, as the kernel has it: no inversion at the end. */
static uint32_t crc32c(const uint8_t *bytes, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82F63B78) : 0);
	}
	return crc;
}

static void write_superblock(const struct vv_erofs_image *img, uint8_t *image)
{
	uint8_t *sb = image + VV_ERO_SB, *dev = image + VV_ERO_DEV;
	char hex[VV_ID_HEX_BYTES];

	vv_put_le32(sb + VV_ERO_SB_MAGIC, VV_ERO_MAGIC);
	vv_put_le32(sb + VV_ERO_SB_COMPAT,
		    VV_ERO_COMPAT_CHECKSUM | VV_ERO_COMPAT_MTIME);
	sb[VV_ERO_SB_BLOCK_BITS] = VV_ERO_BLOCK_BITS;
	vv_put_le16(sb + VV_ERO_SB_ROOT, (uint16_t)img->slots[VV_TREE_ROOT]);
	vv_put_le64(sb + VV_ERO_SB_INODES, img->inodes);
	vv_put_le32(sb + VV_ERO_SB_BLOCKS, (uint32_t)img->blocks);
	vv_put_le32(sb + VV_ERO_SB_XATTRS, (uint32_t)img->xattr_block);
	memcpy(sb + VV_ERO_SB_UUID, img->tree->id.bytes, 16);
	memcpy(sb + VV_ERO_SB_NAME, "varve", 5);
	vv_put_le32(sb + VV_ERO_SB_INCOMPAT,
		    VV_ERO_INCOMPAT_CHUNKS | VV_ERO_INCOMPAT_DEVICES);
	vv_put_le16(sb + VV_ERO_SB_DEVICES, 1);
	vv_put_le16(sb + VV_ERO_SB_SLOTS, VV_ERO_DEV / VV_ERO_DEV_SIZE);
	memcpy(dev + VV_ERO_DEV_TAG, vv_id_to_hex(&img->tree->id, hex),
	       VV_ERO_DEV_TAG_SIZE);
	vv_put_le32(dev + VV_ERO_DEV_BLOCKS, img->regions.blocks);
	/* It covers all that follows in the block, the first inodes too: last. */
	vv_put_le32(sb + VV_ERO_SB_CHECKSUM, crc32c(sb, VV_ERO_BLOCK - VV_ERO_SB));
}

int vv_erofs_image_write(const struct vv_erofs_image *img, uint8_t *out)
{
	const struct vv_erofs_out room = { out, vv_erofs_image_size(img) };
	unsigned faults = vv_image_faults(&img->tree->image);
	int err = write_inodes(img, &room);

	assert(img->regions.items); /* not taken yet */
	if (!err)
		err = vv_erofs_xattrs_write(&img->xattrs, img->tree, &room,
					    img->xattr_block << VV_ERO_BLOCK_BITS);
	if (!err && vv_image_faults(&img->tree->image) != faults)
		err = VV_EIO;
	if (!err)
		write_superblock(img, out);
	return err;
}
