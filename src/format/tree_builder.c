#include "format/tree_builder.h"

#include "codec/hash.h"
#include "core/arith.h"
#include "core/err.h"
#include "core/name.h"
#include "format/tree_nodes.h"

#include <stdlib.h>
#include <string.h>

/* ---- making and freeing ---- */

static int add_root(struct vv_tree_builder *b)
{
	static const struct vv_tree_meta meta = { .mode = VV_S_IFDIR | 0755 };
	struct vv_tree_node root = { 0 };
	struct vv_tree_file file;
	int err = vv_tree_file_make(b, &meta, &file);

	file.u.made = 1;
	if (!err)
		err = vv_buf_append(&b->files, &file, sizeof file);
	return err ? err : vv_buf_append(&b->nodes, &root, sizeof root);
}

int vv_tree_builder_new(struct vv_tree_builder **out, enum vv_tree_dup dup)
{
	struct vv_tree_builder *b = calloc(1, sizeof *b);
	int err;

	*out = NULL;
	if (!b)
		return VV_ENOMEM;
	b->dup = dup;
	vv_buf_init(&b->nodes, SIZE_MAX);
	vv_buf_init(&b->files, SIZE_MAX);
	vv_buf_init(&b->attrs, SIZE_MAX);
	vv_buf_init(&b->blobs, SIZE_MAX);
	vv_buf_init(&b->lists, SIZE_MAX);
	vv_buf_init(&b->strings, SIZE_MAX);
	vv_buf_init(&b->list_bytes, SIZE_MAX);
	vv_buf_init(&b->last_dir, SIZE_MAX);
	err = vv_buf_reserve(&b->strings, 1); /* not NULL, even while it is empty */
	if (!err)
		err = add_root(b);
	if (err) {
		vv_tree_builder_free(b);
		return err;
	}
	*out = b;
	return VV_OK;
}

void vv_tree_builder_free(struct vv_tree_builder *b)
{
	if (!b)
		return;
	vv_buf_fini(&b->nodes);
	vv_buf_fini(&b->files);
	vv_buf_fini(&b->attrs);
	vv_buf_fini(&b->blobs);
	vv_buf_fini(&b->lists);
	vv_buf_fini(&b->strings);
	vv_buf_fini(&b->list_bytes);
	vv_buf_fini(&b->last_dir);
	vv_slots_fini(&b->node_index);
	vv_slots_fini(&b->attr_index);
	vv_slots_fini(&b->blob_index);
	vv_slots_fini(&b->list_index);
	free(b);
}

uint64_t vv_tree_builder_count(const struct vv_tree_builder *b)
{
	return vv_node_count(b);
}

/* ---- nodes ---- */

/* A name in a directory: VV_NAME_BYTES_MAX and four bytes always suffice. */
static uint32_t hash_name(uint32_t parent, const char *name, size_t len)
{
	uint8_t key[4 + VV_NAME_BYTES_MAX];
	struct vv_id id;

	vv_put_le32(key, parent);
	memcpy(key + 4, name, len);
	vv_hash_id(&id, key, 4 + len);
	return vv_slots_hash(&id);
}

static uint32_t find_node(const struct vv_tree_builder *b, uint32_t parent,
			  const char *name, size_t len, uint32_t hash)
{
	uint32_t n;

	for (size_t at = 0; vv_slots_next(&b->node_index, hash, &at, &n);) {
		const struct vv_tree_node *node = vv_node_at(b, n);

		if (node->parent == parent && node->name_len == len &&
		    memcmp(b->strings.bytes + node->name, name, len) == 0)
			return n;
	}
	return VV_NODE_NONE;
}

static int new_node(struct vv_tree_builder *b, uint32_t parent, const char *name,
		    size_t len, uint32_t hash, uint32_t file, uint32_t *out)
{
	struct vv_tree_node node = {
		.name_len = (uint16_t)len,
		.parent = parent,
		.file = file,
	};
	int err;

	if (vv_node_count(b) == VV_TRE_COUNT_MAX)
		return VV_EFBIG;
	err = vv_tree_string_add(b, name, len, &node.name);
	if (err)
		return err;
	*out = vv_node_count(b);
	err = vv_buf_append(&b->nodes, &node, sizeof node);
	if (!err)
		err = vv_slots_put(&b->node_index, hash, *out);
	if (!err)
		vv_node_at(b, parent)->child_count++;
	return err;
}

static int new_file(struct vv_tree_builder *b, const struct vv_tree_file *file,
		    uint32_t *number)
{
	size_t count = b->files.len / sizeof *file;

	if (count >= UINT32_MAX)
		return VV_EFBIG;
	*number = (uint32_t)count;
	return vv_buf_append(&b->files, file, sizeof *file);
}

/* A parent that no entry has described yet: it shares the attributes of any other. */
static int make_parent(struct vv_tree_builder *b, uint32_t parent, const char *name,
		       size_t len, uint32_t hash, uint32_t *out)
{
	static const struct vv_tree_meta meta = { .mode = VV_S_IFDIR | 0755 };
	struct vv_tree_file file;
	uint32_t number;
	int err = vv_tree_file_make(b, &meta, &file);

	file.u.made = 1;
	if (!err)
		err = new_file(b, &file, &number);
	return err ? err : new_node(b, parent, name, len, hash, number, out);
}

/* ---- paths ---- */

struct place { /* of a path: its last name and the directory that holds it */
	uint32_t parent;
	const char *name;
	size_t len;
	uint32_t hash;
	uint32_t node; /* VV_NODE_NONE: there is none yet */
};

/* Before anything is made: a bad path leaves no parents behind. */
static int check_path(const char *path)
{
	for (uint32_t depth = 1;; depth++) {
		size_t len = strcspn(path, "/");
		int err = vv_name_check(path, len);

		if (err)
			return err;
		if (depth > VV_DEPTH_MAX)
			return VV_ENAMETOOLONG;
		path += len;
		if (*path == '\0')
			return VV_OK;
		path++;
	}
}

/* The directory @path of @len bytes.  VV_ENOENT: none, and @may_make is false. */
static int find_dir(struct vv_tree_builder *b, const char *path, size_t len,
		    bool may_make, uint32_t *out)
{
	const char *end = path + len;
	uint32_t at = 0;

	while (path < end) {
		size_t name_len = strcspn(path, "/");
		uint32_t hash = hash_name(at, path, name_len);
		uint32_t next = find_node(b, at, path, name_len, hash);

		if (next == VV_NODE_NONE) {
			int err = may_make ? make_parent(b, at, path, name_len, hash,
							 &next)
					   : VV_ENOENT;

			if (err)
				return err;
		} else if (!vv_file_is_dir(vv_file_of(b, next))) {
			return VV_ENOTDIR;
		}
		at = next;
		path += name_len + 1;
	}
	*out = at;
	return VV_OK;
}

static bool is_last_dir(const struct vv_tree_builder *b, const char *path, size_t len)
{
	return len > 0 && b->last_dir.len == len &&
	       memcmp(b->last_dir.bytes, path, len) == 0 &&
	       vv_file_is_dir(vv_file_of(b, b->last_dir_node));
}

static int find_parent(struct vv_tree_builder *b, const char *path, size_t len,
		       bool may_make, uint32_t *out)
{
	int err;

	if (is_last_dir(b, path, len)) {
		*out = b->last_dir_node;
		return VV_OK;
	}
	err = find_dir(b, path, len, may_make, out);
	if (err)
		return err;
	vv_buf_clear(&b->last_dir);
	b->last_dir_node = *out;
	return vv_buf_append(&b->last_dir, path, len);
}

static int find_place(struct vv_tree_builder *b, const char *path, bool may_make,
		      struct place *out)
{
	const char *slash = strrchr(path, '/');
	int err;

	if (path[0] == '\0') {
		*out = (struct place){ .name = path, .node = 0 };
		return VV_OK;
	}
	err = check_path(path);
	if (err)
		return err;
	out->name = slash ? slash + 1 : path;
	out->len = strlen(out->name);
	err = find_parent(b, path, slash ? (size_t)(slash - path) : 0, may_make,
			  &out->parent);
	if (err)
		return err;
	out->hash = hash_name(out->parent, out->name, out->len);
	out->node = find_node(b, out->parent, out->name, out->len, out->hash);
	return VV_OK;
}

/* ---- adding ---- */

/* May @place become a file (or a directory, with @is_dir)? */
static int check_replace(const struct vv_tree_builder *b, const struct place *place,
			 bool is_dir)
{
	const struct vv_tree_node *node;
	const struct vv_tree_file *old;

	if (place->node == VV_NODE_NONE)
		return VV_OK;
	node = vv_node_at(b, place->node);
	old = vv_file_at(b, node->file);
	if (is_dir && vv_file_is_dir(old) && old->u.made)
		return VV_OK;
	if (place->node == 0 && !is_dir)
		return VV_EINVAL;
	if (b->dup == VV_TREE_DUP_ERROR)
		return VV_EEXIST;
	return !is_dir && node->child_count > 0 ? VV_ENOTEMPTY : VV_OK;
}

/* @place now names @file. */
static int set_file(struct vv_tree_builder *b, const struct place *place, uint32_t file)
{
	uint32_t node;

	if (place->node == VV_NODE_NONE)
		return new_node(b, place->parent, place->name, place->len, place->hash,
				file, &node);
	vv_node_at(b, place->node)->file = file;
	return VV_OK;
}

int vv_tree_builder_add(struct vv_tree_builder *b, const char *path,
			const struct vv_tree_meta *meta)
{
	struct vv_tree_file file;
	struct place place;
	uint32_t number;
	int err = vv_tree_file_make(b, meta, &file);

	if (!err)
		err = find_place(b, path, true, &place);
	if (!err)
		err = check_replace(b, &place, vv_file_is_dir(&file));
	if (!err)
		err = new_file(b, &file, &number);
	return err ? err : set_file(b, &place, number);
}

int vv_tree_builder_link(struct vv_tree_builder *b, const char *path,
			 const char *existing)
{
	struct place from, to;
	uint32_t file;
	int err = find_place(b, existing, false, &from);

	if (!err && from.node == VV_NODE_NONE)
		err = VV_ENOENT;
	if (err)
		return err;
	file = vv_node_at(b, from.node)->file;
	if (vv_file_is_dir(vv_file_at(b, file)))
		return VV_EPERM;
	err = find_place(b, path, true, &to);
	if (!err)
		err = check_replace(b, &to, false);
	return err ? err : set_file(b, &to, file);
}
