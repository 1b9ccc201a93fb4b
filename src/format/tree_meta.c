#include "codec/hash.h"
#include "core/arith.h"
#include "core/err.h"
#include "format/tree_nodes.h"

#include <stdlib.h>
#include <string.h>

static uint32_t hash_bytes(const void *bytes, size_t len)
{
	struct vv_id id;

	vv_hash_id(&id, bytes, len);
	return vv_slots_hash(&id);
}

/* ---- extras ---- */

static int compare_extras(const void *va, const void *vb)
{
	const struct vv_extra *a = va, *b = vb;

	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return vv_tree_name_compare(a->name, a->name_len, b->name, b->name_len);
}

/* Items without a name may come with NULL; from here on every pointer is good. */
static int sort_extras(const struct vv_tree_meta *meta, struct vv_extra **out)
{
	struct vv_extra *sorted;

	*out = NULL;
	sorted = calloc(meta->extra_count, sizeof *sorted);
	if (!sorted)
		return VV_ENOMEM;
	*out = sorted;
	memcpy(sorted, meta->extras, meta->extra_count * sizeof *sorted);
	for (size_t i = 0; i < meta->extra_count; i++) {
		struct vv_extra *x = &sorted[i];

		if (x->type == VV_EXTRA_END || x->type > VV_EXTRA_REPARSE ||
		    vv_tree_extra_check(x))
			return VV_EINVAL;
		if (x->name_len == 0)
			x->name = "";
	}
	qsort(sorted, meta->extra_count, sizeof *sorted, compare_extras);
	for (size_t i = 1; i < meta->extra_count; i++) {
		if (compare_extras(&sorted[i - 1], &sorted[i]) == 0)
			return VV_EINVAL;
	}
	return VV_OK;
}

static int append_extra(struct vv_buf *out, const struct vv_extra *x)
{
	uint8_t head[VV_XTR_HEAD];
	int err;

	vv_put_le16(head + VV_XTR_TYPE, (uint16_t)x->type);
	vv_put_le16(head + VV_XTR_NAME_SIZE, (uint16_t)x->name_len);
	vv_put_le32(head + VV_XTR_VALUE_SIZE, (uint32_t)x->value_len);
	err = vv_buf_append(out, head, sizeof head);
	if (!err)
		err = vv_buf_append(out, x->name, x->name_len);
	if (!err)
		err = vv_buf_append(out, x->value, x->value_len);
	if (!err)
		err = vv_buf_append_zeros(out, -out->len & 7);
	return err;
}

static int append_list(struct vv_buf *out, const struct vv_extra *sorted, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int err = append_extra(out, &sorted[i]);

		if (err)
			return err;
	}
	return vv_buf_append_zeros(out, VV_XTR_HEAD);
}

/* The list that was just appended at @offset: an old one (and cut off) or a new one. */
static int intern_list(struct vv_tree_builder *b, size_t offset, uint32_t *number)
{
	const uint8_t *bytes = b->list_bytes.bytes + offset;
	struct vv_tree_list list = { offset, b->list_bytes.len - offset,
				     VV_LIST_UNUSED };
	uint32_t hash = hash_bytes(bytes, list.size), n;
	int err;

	for (size_t at = 0; vv_slots_next(&b->list_index, hash, &at, &n);) {
		const struct vv_tree_list *old = vv_list_at(b, n);

		if (old->size == list.size &&
		    memcmp(b->list_bytes.bytes + old->offset, bytes, list.size) == 0) {
			b->list_bytes.len = offset;
			*number = n;
			return VV_OK;
		}
	}
	*number = (uint32_t)(b->lists.len / sizeof list);
	err = vv_buf_append(&b->lists, &list, sizeof list);
	return err ? err : vv_slots_put(&b->list_index, hash, *number);
}

static int intern_extras(struct vv_tree_builder *b, const struct vv_tree_meta *meta,
			 uint64_t *extras)
{
	size_t offset = b->list_bytes.len;
	struct vv_extra *sorted = NULL;
	uint32_t number;
	int err = VV_OK;

	*extras = 0;
	if (meta->extra_count == 0)
		return VV_OK;
	err = sort_extras(meta, &sorted);
	if (!err)
		err = append_list(&b->list_bytes, sorted, meta->extra_count);
	if (!err)
		err = intern_list(b, offset, &number);
	if (!err)
		*extras = (uint64_t)number + 1;
	else
		b->list_bytes.len = offset;
	free(sorted);
	return err;
}

/* ---- attributes and blobs ---- */

static int intern_attr(struct vv_tree_builder *b, const struct vv_tree_meta *meta,
		       uint32_t *number)
{
	struct vv_tree_attr attr = { .place = VV_NODE_NONE };
	uint32_t hash, n;
	uint64_t extras;
	int err = intern_extras(b, meta, &extras);

	if (err)
		return err;
	vv_put_le32(attr.row + VV_ATR_MODE, meta->mode);
	vv_put_le32(attr.row + VV_ATR_UID, meta->uid);
	vv_put_le32(attr.row + VV_ATR_GID, meta->gid);
	vv_put_le32(attr.row + VV_ATR_MTIME_NSEC, meta->mtime_nsec);
	vv_put_le64(attr.row + VV_ATR_MTIME_SEC, (uint64_t)meta->mtime_sec);
	vv_put_le64(attr.row + VV_ATR_EXTRAS, extras);
	hash = hash_bytes(attr.row, sizeof attr.row);
	for (size_t at = 0; vv_slots_next(&b->attr_index, hash, &at, &n);) {
		if (memcmp(vv_attr_at(b, n)->row, attr.row, sizeof attr.row) == 0) {
			*number = n;
			return VV_OK;
		}
	}
	*number = (uint32_t)(b->attrs.len / sizeof attr);
	err = vv_buf_append(&b->attrs, &attr, sizeof attr);
	return err ? err : vv_slots_put(&b->attr_index, hash, *number);
}

/* One content has one size; whoever says otherwise has mixed something up. */
static int intern_blob(struct vv_tree_builder *b, const struct vv_id *id, uint64_t size,
		       uint32_t *number)
{
	struct vv_tree_blob blob = { *id, size, VV_NODE_NONE };
	uint32_t hash = vv_slots_hash(id), n;
	int err;

	for (size_t at = 0; vv_slots_next(&b->blob_index, hash, &at, &n);) {
		if (vv_id_equal(&vv_blob_at(b, n)->id, id)) {
			*number = n;
			return vv_blob_at(b, n)->size == size ? VV_OK : VV_EINVAL;
		}
	}
	*number = (uint32_t)(b->blobs.len / sizeof blob);
	err = vv_buf_append(&b->blobs, &blob, sizeof blob);
	return err ? err : vv_slots_put(&b->blob_index, hash, *number);
}

/* ---- files ---- */

int vv_tree_string_add(struct vv_tree_builder *b, const char *bytes, size_t len,
		       uint32_t *offset)
{
	if (len > UINT32_MAX - b->strings.len)
		return VV_EFBIG;
	*offset = (uint32_t)b->strings.len;
	return vv_buf_append(&b->strings, bytes, len);
}

static int make_regular(struct vv_tree_builder *b, const struct vv_tree_meta *meta,
			struct vv_tree_file *out)
{
	out->u.blob = VV_NODE_NONE;
	out->size = meta->size;
	if (meta->size == 0)
		return VV_OK;
	if (meta->size > VV_TRE_FILE_MAX)
		return VV_EFBIG;
	if (vv_id_is_zero(&meta->blob))
		return VV_EINVAL;
	return intern_blob(b, &meta->blob, meta->size, &out->u.blob);
}

static int make_symlink(struct vv_tree_builder *b, const struct vv_tree_meta *meta,
			struct vv_tree_file *out)
{
	size_t len = meta->target ? strlen(meta->target) : 0;
	uint32_t offset;
	int err;

	if (len == 0)
		return VV_EINVAL;
	if (len > VV_TARGET_MAX)
		return VV_ENAMETOOLONG;
	err = vv_tree_string_add(b, meta->target, len, &offset);
	out->size = len;
	out->u.target = err ? 0 : offset;
	return err;
}

int vv_tree_file_make(struct vv_tree_builder *b, const struct vv_tree_meta *meta,
		      struct vv_tree_file *out)
{
	int err = VV_OK;

	*out = (struct vv_tree_file){ .mode = meta->mode, .first = VV_NODE_NONE };
	if (meta->mode & ~(uint32_t)VV_TRE_MODE_BITS || meta->mtime_nsec > 999999999)
		return VV_EINVAL;
	switch (meta->mode & VV_S_IFMT) {
	case VV_S_IFREG: err = make_regular(b, meta, out); break;
	case VV_S_IFLNK: err = make_symlink(b, meta, out); break;
	case VV_S_IFCHR:
	case VV_S_IFBLK:
		out->size = (uint64_t)meta->rdev_major << 32 | meta->rdev_minor;
		break;
	case VV_S_IFDIR:
	case VV_S_IFIFO:
	case VV_S_IFSOCK: break;
	default: return VV_EINVAL;
	}
	return err ? err : intern_attr(b, meta, &out->attr);
}
