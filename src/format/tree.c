#include "format/tree.h"

#include "core/arith.h"
#include "core/err.h"
#include "core/name.h"
#include "format/tree_layout.h"

#include <string.h>

/* ---- opening ---- */

static bool place(uint64_t *at, uint64_t size, uint64_t *next)
{
	uint64_t end;

	return vv_add_u64(*at, size, &end) && vv_align_up_u64(end, 8, next);
}

int vv_tree_places(struct vv_tree_places *out, uint32_t entry_count,
		   uint32_t attr_count, uint32_t blob_count, uint64_t names_size,
		   uint64_t targets_size, uint64_t extras_size)
{
	out->entries = VV_TRE_HEADER_SIZE;
	if (!place(&out->entries, (uint64_t)entry_count * VV_ENT_ROW, &out->fold) ||
	    !place(&out->fold, (uint64_t)entry_count * 4, &out->attrs) ||
	    !place(&out->attrs, (uint64_t)attr_count * VV_ATR_ROW, &out->blobs) ||
	    !place(&out->blobs, (uint64_t)blob_count * VV_ID_BYTES, &out->names) ||
	    !place(&out->names, names_size, &out->targets) ||
	    !place(&out->targets, targets_size, &out->extras) ||
	    !vv_add_u64(out->extras, extras_size, &out->end))
		return VV_EOVERFLOW;
	return VV_OK;
}

/* The header says where each section begins; the counts say where it must. */
static int check_sections(struct vv_tree *t, const uint8_t *h)
{
	struct vv_tree_places p;

	t->entries = vv_get_le64(h + VV_TRE_ENTRIES);
	t->fold = vv_get_le64(h + VV_TRE_FOLD);
	t->attrs = vv_get_le64(h + VV_TRE_ATTRS);
	t->blobs = vv_get_le64(h + VV_TRE_BLOBS);
	t->names = vv_get_le64(h + VV_TRE_NAMES);
	t->names_size = vv_get_le64(h + VV_TRE_NAMES_SIZE);
	t->targets = vv_get_le64(h + VV_TRE_TARGETS);
	t->targets_size = vv_get_le64(h + VV_TRE_TARGETS_SIZE);
	t->extras = vv_get_le64(h + VV_TRE_EXTRAS);
	t->extras_size = vv_get_le64(h + VV_TRE_EXTRAS_SIZE);
	if (vv_tree_places(&p, t->entry_count, t->attr_count, t->blob_count,
			   t->names_size, t->targets_size, t->extras_size))
		return VV_ECORRUPT;
	if (t->entries != p.entries || t->fold != p.fold || t->attrs != p.attrs ||
	    t->blobs != p.blobs || t->names != p.names || t->targets != p.targets ||
	    t->extras != p.extras || t->image.body_size != p.end)
		return VV_ECORRUPT;
	/* Entries name places in these by 32 bits; extras end in whole items. */
	if (t->names_size > UINT32_MAX || t->targets_size > UINT32_MAX ||
	    t->extras_size % 8 != 0)
		return VV_ECORRUPT;
	return VV_OK;
}

static int read_header(struct vv_tree *t)
{
	const uint8_t *h;
	int err = vv_image_get(&t->image, 0, VV_TRE_HEADER_SIZE, &h);

	if (err)
		return err;
	if (memcmp(h, VV_TRE_MAGIC, 8) != 0)
		return VV_ECORRUPT;
	if (vv_get_le32(h + VV_TRE_VERSION) > VV_TRE_VERSION_NOW)
		return VV_ENEWER;
	if (vv_get_le32(h + VV_TRE_VERSION) != VV_TRE_VERSION_NOW ||
	    vv_get_le32(h + VV_TRE_FLAGS) != 0 || vv_get_le32(h + VV_TRE_RESERVED) != 0)
		return VV_ECORRUPT;
	t->entry_count = vv_get_le32(h + VV_TRE_ENTRY_COUNT);
	t->attr_count = vv_get_le32(h + VV_TRE_ATTR_COUNT);
	t->blob_count = vv_get_le32(h + VV_TRE_BLOB_COUNT);
	t->file_count = vv_get_le64(h + VV_TRE_FILE_COUNT);
	t->file_bytes = vv_get_le64(h + VV_TRE_FILE_BYTES);
	if (t->entry_count == 0 || t->entry_count > VV_TRE_COUNT_MAX ||
	    t->attr_count > t->entry_count || t->blob_count > t->entry_count ||
	    t->file_count > t->entry_count)
		return VV_ECORRUPT;
	return check_sections(t, h);
}

int vv_tree_init(struct vv_tree *tree, const struct vv_id *id, const uint8_t *bytes,
		 size_t size, const atomic_uint *faults)
{
	int err;

	*tree = (struct vv_tree){ 0 };
	if (id)
		tree->id = *id;
	err = vv_image_init(&tree->image, bytes, size, VV_IMAGE_TREE, faults);
	if (!err)
		err = read_header(tree);
	if (err)
		vv_tree_fini(tree);
	return err;
}

void vv_tree_fini(struct vv_tree *tree)
{
	vv_image_fini(&tree->image);
	*tree = (struct vv_tree){ 0 };
}

/* ---- entries ---- */

struct raw_entry {
	uint32_t attr, data, aux;
	uint64_t size;
};

static int get_raw(const struct vv_tree *t, uint32_t index, struct raw_entry *out)
{
	const uint8_t *row;
	int err = vv_image_get(&t->image, t->entries + (uint64_t)index * VV_ENT_ROW,
			       VV_ENT_ROW, &row);

	if (err)
		return err;
	out->attr = vv_get_le32(row + VV_ENT_ATTR);
	out->data = vv_get_le32(row + VV_ENT_DATA);
	out->aux = vv_get_le32(row + VV_ENT_AUX);
	out->size = vv_get_le64(row + VV_ENT_SIZE);
	return VV_OK;
}

int vv_tree_attr_get(const struct vv_tree *t, uint32_t attr, const uint8_t **out)
{
	if (attr >= t->attr_count)
		return VV_ECORRUPT;
	return vv_image_get(&t->image, t->attrs + (uint64_t)attr * VV_ATR_ROW,
			    VV_ATR_ROW, out);
}

static int fill_attr(const struct vv_tree *t, uint32_t attr, struct vv_entry *out)
{
	const uint8_t *row;
	int err = vv_tree_attr_get(t, attr, &row);

	if (err)
		return err;
	out->mode = vv_get_le32(row + VV_ATR_MODE);
	out->uid = vv_get_le32(row + VV_ATR_UID);
	out->gid = vv_get_le32(row + VV_ATR_GID);
	out->mtime_nsec = vv_get_le32(row + VV_ATR_MTIME_NSEC);
	out->mtime_sec = (int64_t)vv_get_le64(row + VV_ATR_MTIME_SEC);
	out->extras = vv_get_le64(row + VV_ATR_EXTRAS);
	if (out->mode & ~(uint32_t)VV_TRE_MODE_BITS || out->mtime_nsec > 999999999 ||
	    vv_get_le64(row + VV_ATR_RESERVED) != 0)
		return VV_ECORRUPT;
	if (out->extras && (out->extras > t->extras_size || out->extras % 8 != 1))
		return VV_ECORRUPT;
	return VV_OK;
}

static int fill_directory(const struct vv_tree *t, const struct raw_entry *raw,
			  struct vv_entry *out)
{
	uint32_t parent = (uint32_t)raw->size, subdirs = (uint32_t)(raw->size >> 32);
	bool parent_is_good = out->index == VV_TREE_ROOT ? parent == VV_TREE_ROOT
							 : parent < out->index;

	if (!parent_is_good || subdirs > raw->aux)
		return VV_ECORRUPT;
	/* Children come after their directory, so no walk downwards can go in a circle. */
	if (raw->aux == 0 ? raw->data != 0
			  : raw->data <= out->index ||
				    !vv_range_fits(raw->data, raw->aux, t->entry_count))
		return VV_ECORRUPT;
	out->child_first = raw->data;
	out->child_count = raw->aux;
	out->parent = parent;
	out->nlink = 2 + subdirs;
	return VV_OK;
}

static int fill_file(const struct vv_tree *t, const struct raw_entry *raw,
		     struct vv_entry *out)
{
	if (raw->size > VV_TRE_FILE_MAX ||
	    (raw->size == 0 ? raw->data != UINT32_MAX : raw->data >= t->blob_count))
		return VV_ECORRUPT;
	out->size = raw->size;
	out->blob = raw->data;
	return VV_OK;
}

static int fill_symlink(const struct vv_tree *t, const struct raw_entry *raw,
			struct vv_entry *out)
{
	if (raw->size == 0 || raw->size > VV_TARGET_MAX ||
	    !vv_range_fits(raw->data, raw->size, t->targets_size))
		return VV_ECORRUPT;
	out->size = raw->size;
	out->target = raw->data;
	return VV_OK;
}

static int fill_by_type(const struct vv_tree *t, const struct raw_entry *raw,
			struct vv_entry *out)
{
	if ((out->mode & VV_S_IFMT) == VV_S_IFDIR)
		return fill_directory(t, raw, out);
	out->nlink = raw->aux;
	if (raw->aux == 0 || out->index == VV_TREE_ROOT)
		return VV_ECORRUPT;
	switch (out->mode & VV_S_IFMT) {
	case VV_S_IFREG: return fill_file(t, raw, out);
	case VV_S_IFLNK: return fill_symlink(t, raw, out);
	case VV_S_IFCHR:
	case VV_S_IFBLK:
		out->rdev_major = (uint32_t)(raw->size >> 32);
		out->rdev_minor = (uint32_t)raw->size;
		return raw->data == 0 ? VV_OK : VV_ECORRUPT;
	case VV_S_IFIFO:
	case VV_S_IFSOCK: return raw->data == 0 && raw->size == 0 ? VV_OK : VV_ECORRUPT;
	default: return VV_ECORRUPT;
	}
}

/* Exchange a further hard link for the first entry of its file. */
static int follow_link(const struct vv_tree *t, struct raw_entry *raw,
		       struct vv_entry *out)
{
	uint32_t attr = raw->attr & ~VV_TRE_LINK;
	int err;

	if (raw->data >= out->index || raw->aux != 0 || raw->size != 0)
		return VV_ECORRUPT;
	out->first = raw->data;
	err = get_raw(t, out->first, raw);
	if (err)
		return err;
	return raw->attr == attr ? VV_OK : VV_ECORRUPT;
}

int vv_tree_entry(const struct vv_tree *tree, uint32_t index, struct vv_entry *out)
{
	struct raw_entry raw;
	bool is_link;
	int err;

	*out = (struct vv_entry){ .index = index, .first = index, .blob = UINT32_MAX };
	if (index >= tree->entry_count)
		return VV_EINVAL;
	err = get_raw(tree, index, &raw);
	if (err)
		return err;
	is_link = raw.attr & VV_TRE_LINK;
	if (is_link)
		err = follow_link(tree, &raw, out);
	if (!err)
		err = fill_attr(tree, raw.attr, out);
	if (!err)
		err = fill_by_type(tree, &raw, out);
	if (!err && is_link && (out->mode & VV_S_IFMT) == VV_S_IFDIR)
		err = VV_ECORRUPT;
	return err;
}

int vv_tree_blob(const struct vv_tree *tree, uint32_t blob, struct vv_id *out)
{
	const uint8_t *bytes;
	int err;

	*out = (struct vv_id){ 0 };
	if (blob >= tree->blob_count)
		return VV_EINVAL;
	err = vv_image_get(&tree->image, tree->blobs + (uint64_t)blob * VV_ID_BYTES,
			   VV_ID_BYTES, &bytes);
	if (!err)
		memcpy(out->bytes, bytes, VV_ID_BYTES);
	return err;
}

int vv_tree_target(const struct vv_tree *tree, const struct vv_entry *link,
		   const char **target, size_t *len)
{
	const uint8_t *bytes;
	int err;

	*target = NULL;
	*len = 0;
	if ((link->mode & VV_S_IFMT) != VV_S_IFLNK)
		return VV_EINVAL;
	err = vv_image_get(&tree->image, tree->targets + link->target, link->size,
			   &bytes);
	if (err)
		return err;
	if (memchr(bytes, '\0', link->size))
		return VV_ECORRUPT;
	*target = (const char *)bytes;
	*len = link->size;
	return VV_OK;
}

/* ---- names ---- */

/* The next entry's row follows, so one range holds both ends of the name. */
int vv_tree_name_get(const struct vv_tree *t, uint32_t index, const char **name,
		     size_t *len)
{
	bool is_last = index + 1 == t->entry_count;
	uint64_t start, end;
	const uint8_t *row;
	int err = vv_image_get(&t->image, t->entries + (uint64_t)index * VV_ENT_ROW,
			       is_last ? VV_ENT_ROW : VV_ENT_ROW + 4, &row);

	if (err)
		return err;
	start = vv_get_le32(row + VV_ENT_NAME);
	end = is_last ? t->names_size : vv_get_le32(row + VV_ENT_ROW + VV_ENT_NAME);
	if (start > end || end > t->names_size || end - start > VV_NAME_MAX)
		return VV_ECORRUPT;
	err = vv_image_get(&t->image, t->names + start, end - start, &row);
	*name = (const char *)row;
	*len = (size_t)(end - start);
	return err;
}

int vv_tree_name(const struct vv_tree *tree, uint32_t index, const char **name,
		 size_t *len)
{
	int err;

	*name = NULL;
	*len = 0;
	if (index >= tree->entry_count)
		return VV_EINVAL;
	err = vv_tree_name_get(tree, index, name, len);
	if (err)
		return err;
	if (index == VV_TREE_ROOT)
		return *len == 0 ? VV_OK : VV_ECORRUPT;
	return vv_name_check(*name, *len) ? VV_ECORRUPT : VV_OK;
}

int vv_tree_name_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int cmp = memcmp(a, b, vv_min_size(a_len, b_len));

	return cmp ? cmp : (a_len > b_len) - (a_len < b_len);
}
