/*
 * The last act of a tree builder: order, number, write.
 *
 * Order puts the nodes into entry order: breadth first, each directory's children as
 * one sorted run.  Number walks that order once and gives attributes, blobs and lists
 * of extras their places by first use, which also tells all sizes.  Write then fills
 * an image of exactly that size.
 */
#include "core/err.h"
#include "core/fold.h"
#include "format/image.h"
#include "format/tree_nodes.h"

#include <stdlib.h>
#include <string.h>

struct child {		  /* what is sorted */
	const char *name; /* borrowed */
	uint32_t len;
	uint32_t number; /* node, or later entry */
};

struct emit {
	struct vv_tree_builder *b;
	uint32_t *order;       /* owned; entry -> node */
	struct child *scratch; /* owned; room for the largest run */
	uint32_t count;	       /* entries */
	uint32_t attr_count, blob_count;
	uint64_t names_size, targets_size, extras_size;
	uint64_t file_count, file_bytes;
	struct vv_tree_places at;
	uint8_t *body; /* borrowed from the output */
};

static const struct vv_tree_node *entry_node(const struct emit *e, uint32_t entry)
{
	return vv_node_at(e->b, e->order[entry]);
}

/* ---- order ---- */

static struct child child_of(const struct vv_tree_builder *b, uint32_t node,
			     uint32_t number)
{
	const struct vv_tree_node *n = vv_node_at(b, node);

	return (struct child){ (const char *)b->strings.bytes + n->name, n->name_len,
			       number };
}

static int compare_names(const void *va, const void *vb)
{
	const struct child *a = va, *b = vb;

	return vv_tree_name_compare(a->name, a->len, b->name, b->len);
}

/* Numbers are entries by now, whose order is the order of the names' bytes. */
static int compare_folded(const void *va, const void *vb)
{
	const struct child *a = va, *b = vb;
	int cmp = vv_fold_cmp(a->name, a->len, b->name, b->len);

	return cmp ? cmp : (a->number > b->number) - (a->number < b->number);
}

/* Children next to each other: *@out lists the nodes by parent, unsorted. */
static int group_by_parent(struct emit *e, uint32_t **out)
{
	struct vv_tree_builder *b = e->b;
	uint32_t *grouped = calloc(e->count, sizeof *grouped);
	uint32_t next = 0;

	*out = grouped;
	if (!grouped)
		return VV_ENOMEM;
	for (uint32_t i = 0; i < e->count; i++) {
		struct vv_tree_node *node = vv_node_at(b, i);

		node->place = next;
		next += node->child_count;
	}
	for (uint32_t i = 1; i < e->count; i++)
		grouped[vv_node_at(b, vv_node_at(b, i)->parent)->place++] = i;
	return VV_OK;
}

/* Sorts the children of @dir into the entries from @next on. */
static void order_children(struct emit *e, struct vv_tree_node *dir,
			   const uint32_t *grouped, uint32_t next)
{
	const uint32_t *children = grouped + (dir->place - dir->child_count);

	for (uint32_t k = 0; k < dir->child_count; k++)
		e->scratch[k] = child_of(e->b, children[k], children[k]);
	qsort(e->scratch, dir->child_count, sizeof *e->scratch, compare_names);
	for (uint32_t k = 0; k < dir->child_count; k++)
		e->order[next + k] = e->scratch[k].number;
	dir->place = next;
}

static int order_entries(struct emit *e)
{
	uint32_t *grouped = NULL, largest = 1, next = 1;
	int err = group_by_parent(e, &grouped);

	for (uint32_t i = 0; i < e->count; i++) {
		if (vv_node_at(e->b, i)->child_count > largest)
			largest = vv_node_at(e->b, i)->child_count;
	}
	e->order = calloc(e->count, sizeof *e->order);
	e->scratch = calloc(largest, sizeof *e->scratch);
	if (err || !e->order || !e->scratch) {
		free(grouped);
		return VV_ENOMEM;
	}
	for (uint32_t i = 0; i < e->count; i++) {
		struct vv_tree_node *node = vv_node_at(e->b, e->order[i]);

		order_children(e, node, grouped, next);
		next += node->child_count;
	}
	free(grouped);
	return VV_OK;
}

/* ---- number ---- */

static void number_attr(struct emit *e, uint32_t number)
{
	struct vv_tree_attr *attr = vv_attr_at(e->b, number);
	uint64_t extras = vv_get_le64(attr->row + VV_ATR_EXTRAS);
	struct vv_tree_list *list;

	if (attr->place != VV_NODE_NONE)
		return;
	attr->place = e->attr_count++;
	if (extras == 0)
		return;
	list = vv_list_at(e->b, (uint32_t)(extras - 1));
	if (list->place == VV_LIST_UNUSED) {
		list->place = e->extras_size;
		e->extras_size += list->size;
	}
}

static void number_blob(struct emit *e, uint32_t number)
{
	struct vv_tree_blob *blob = vv_blob_at(e->b, number);

	if (blob->place == VV_NODE_NONE)
		blob->place = e->blob_count++;
}

/* The first entry of a file. */
static int number_file(struct emit *e, struct vv_tree_file *file)
{
	number_attr(e, file->attr);
	switch (file->mode & VV_S_IFMT) {
	case VV_S_IFLNK: e->targets_size += file->size; break;
	case VV_S_IFREG:
		if (file->size)
			number_blob(e, file->u.blob);
		if (!vv_add_u64(e->file_bytes, file->size, &e->file_bytes))
			return VV_EFBIG;
		break;
	default: break;
	}
	return VV_OK;
}

static int number_entries(struct emit *e)
{
	for (uint32_t i = 0; i < e->count; i++) {
		const struct vv_tree_node *node = entry_node(e, i);
		struct vv_tree_file *file = vv_file_at(e->b, node->file);

		e->names_size += node->name_len;
		if ((file->mode & VV_S_IFMT) == VV_S_IFREG)
			e->file_count++;
		if (vv_file_is_dir(file) && i > 0)
			vv_file_of(e->b, node->parent)->links++;
		if (!vv_file_is_dir(file) && file->links++ > 0)
			continue;
		file->first = i;
		if (number_file(e, file))
			return VV_EFBIG;
	}
	/* 32 bits address names and targets in the image. */
	return e->names_size > UINT32_MAX || e->targets_size > UINT32_MAX ? VV_EFBIG
									  : VV_OK;
}

/* ---- write ---- */

static void put_header(const struct emit *e)
{
	uint8_t *h = e->body;

	memcpy(h, VV_TRE_MAGIC, 8);
	vv_put_le32(h + VV_TRE_VERSION, VV_TRE_VERSION_NOW);
	vv_put_le32(h + VV_TRE_ENTRY_COUNT, e->count);
	vv_put_le32(h + VV_TRE_ATTR_COUNT, e->attr_count);
	vv_put_le32(h + VV_TRE_BLOB_COUNT, e->blob_count);
	vv_put_le64(h + VV_TRE_ENTRIES, e->at.entries);
	vv_put_le64(h + VV_TRE_FOLD, e->at.fold);
	vv_put_le64(h + VV_TRE_ATTRS, e->at.attrs);
	vv_put_le64(h + VV_TRE_BLOBS, e->at.blobs);
	vv_put_le64(h + VV_TRE_NAMES, e->at.names);
	vv_put_le64(h + VV_TRE_NAMES_SIZE, e->names_size);
	vv_put_le64(h + VV_TRE_TARGETS, e->at.targets);
	vv_put_le64(h + VV_TRE_TARGETS_SIZE, e->targets_size);
	vv_put_le64(h + VV_TRE_EXTRAS, e->at.extras);
	vv_put_le64(h + VV_TRE_EXTRAS_SIZE, e->extras_size);
	vv_put_le64(h + VV_TRE_FILE_COUNT, e->file_count);
	vv_put_le64(h + VV_TRE_FILE_BYTES, e->file_bytes);
}

static void put_directory(const struct emit *e, uint32_t entry, uint8_t *row)
{
	const struct vv_tree_node *node = entry_node(e, entry);
	const struct vv_tree_node *parent = vv_node_at(e->b, node->parent);
	const struct vv_tree_file *file = vv_file_at(e->b, node->file);
	uint32_t parent_entry = vv_file_at(e->b, parent->file)->first;

	vv_put_le32(row + VV_ENT_DATA, node->child_count ? node->place : 0);
	vv_put_le32(row + VV_ENT_AUX, node->child_count);
	vv_put_le32(row + VV_ENT_SIZE, parent_entry);
	vv_put_le32(row + VV_ENT_SIZE + 4, file->links);
}

/* The first entry of a file: data, aux and size.  *@targets grows by a symlink's. */
static void put_file(const struct emit *e, const struct vv_tree_file *file,
		     uint32_t *targets, uint8_t *row)
{
	uint32_t data = 0;

	switch (file->mode & VV_S_IFMT) {
	case VV_S_IFREG:
		data = file->size ? vv_blob_at(e->b, file->u.blob)->place : UINT32_MAX;
		break;
	case VV_S_IFLNK:
		data = *targets;
		memcpy(e->body + e->at.targets + data,
		       e->b->strings.bytes + file->u.target, file->size);
		*targets += (uint32_t)file->size;
		break;
	default: break;
	}
	vv_put_le32(row + VV_ENT_DATA, data);
	vv_put_le32(row + VV_ENT_AUX, file->links);
	vv_put_le64(row + VV_ENT_SIZE, file->size);
}

static void put_entries(const struct emit *e)
{
	uint8_t *row = e->body + e->at.entries;
	uint32_t names = 0, targets = 0;

	for (uint32_t i = 0; i < e->count; i++, row += VV_ENT_ROW) {
		const struct vv_tree_node *node = entry_node(e, i);
		const struct vv_tree_file *file = vv_file_at(e->b, node->file);
		uint32_t attr = vv_attr_at(e->b, file->attr)->place;

		memcpy(e->body + e->at.names + names, e->b->strings.bytes + node->name,
		       node->name_len);
		vv_put_le32(row + VV_ENT_NAME, names);
		names += node->name_len;
		if (file->first != i) {
			vv_put_le32(row + VV_ENT_ATTR, attr | VV_TRE_LINK);
			vv_put_le32(row + VV_ENT_DATA, file->first);
			continue;
		}
		vv_put_le32(row + VV_ENT_ATTR, attr);
		if (vv_file_is_dir(file))
			put_directory(e, i, row);
		else
			put_file(e, file, &targets, row);
	}
}

static void put_folded(const struct emit *e)
{
	for (uint32_t i = 0; i < e->count; i++) {
		const struct vv_tree_node *node = entry_node(e, i);
		uint8_t *row = e->body + e->at.fold + (size_t)node->place * 4;

		for (uint32_t k = 0; k < node->child_count; k++)
			e->scratch[k] = child_of(e->b, e->order[node->place + k],
						 node->place + k);
		qsort(e->scratch, node->child_count, sizeof *e->scratch,
		      compare_folded);
		for (uint32_t k = 0; k < node->child_count; k++, row += 4)
			vv_put_le32(row, e->scratch[k].number);
	}
}

static void put_attrs(const struct emit *e)
{
	size_t known = e->b->attrs.len / sizeof(struct vv_tree_attr);

	for (uint32_t n = 0; n < known; n++) {
		const struct vv_tree_attr *attr = vv_attr_at(e->b, n);
		uint64_t extras = vv_get_le64(attr->row + VV_ATR_EXTRAS);
		uint8_t *row;

		if (attr->place == VV_NODE_NONE)
			continue;
		row = e->body + e->at.attrs + (size_t)attr->place * VV_ATR_ROW;
		memcpy(row, attr->row, VV_ATR_ROW);
		if (extras)
			vv_put_le64(row + VV_ATR_EXTRAS,
				    vv_list_at(e->b, (uint32_t)(extras - 1))->place +
					    1);
	}
}

static void put_blobs(const struct emit *e)
{
	size_t known = e->b->blobs.len / sizeof(struct vv_tree_blob);

	for (uint32_t n = 0; n < known; n++) {
		const struct vv_tree_blob *blob = vv_blob_at(e->b, n);

		if (blob->place != VV_NODE_NONE)
			memcpy(e->body + e->at.blobs +
				       (size_t)blob->place * VV_ID_BYTES,
			       blob->id.bytes, VV_ID_BYTES);
	}
}

static void put_lists(const struct emit *e)
{
	size_t known = e->b->lists.len / sizeof(struct vv_tree_list);

	for (uint32_t n = 0; n < known; n++) {
		const struct vv_tree_list *list = vv_list_at(e->b, n);

		if (list->place != VV_LIST_UNUSED)
			memcpy(e->body + e->at.extras + list->place,
			       e->b->list_bytes.bytes + list->offset, list->size);
	}
}

static int write_body(struct emit *e, struct vv_buf *out)
{
	/* What vv_image_finish() appends: padding, 8 bytes a page, the trailer. */
	uint64_t size;
	int err = vv_tree_places(&e->at, e->count, e->attr_count, e->blob_count,
				 e->names_size, e->targets_size, e->extras_size);

	if (err)
		return err;
	size = e->at.end + e->at.end / (VV_IMAGE_PAGE / 8) + VV_IMAGE_PAGE +
	       VV_IMAGE_TRAILER + 8;
	if (size > SIZE_MAX)
		return VV_EFBIG;
	err = vv_buf_reserve(out, (size_t)size);
	if (!err)
		err = vv_buf_append_zeros(out, (size_t)e->at.end);
	if (err)
		return err;
	e->body = out->bytes;
	put_header(e);
	put_entries(e);
	put_folded(e);
	put_attrs(e);
	put_blobs(e);
	put_lists(e);
	return VV_OK;
}

/* They have found what there was to find, and the image wants the memory. */
static void drop_indexes(struct vv_tree_builder *b)
{
	vv_slots_fini(&b->node_index);
	vv_slots_fini(&b->attr_index);
	vv_slots_fini(&b->blob_index);
	vv_slots_fini(&b->list_index);
}

int vv_tree_builder_finish(struct vv_tree_builder *b, struct vv_buf *out,
			   struct vv_id *id)
{
	struct emit e = { .b = b, .count = vv_node_count(b) };
	int err;

	*id = (struct vv_id){ 0 };
	if (out->len != 0)
		return VV_EINVAL;
	drop_indexes(b);
	err = order_entries(&e);
	if (!err)
		err = number_entries(&e);
	if (!err)
		err = write_body(&e, out);
	if (!err)
		err = vv_image_finish(out, VV_IMAGE_TREE, id);
	free(e.order);
	free(e.scratch);
	return err;
}
