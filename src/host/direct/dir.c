/* Directories: a page of names at a time. */
#include "host/direct/parts.h"

#include "cache/budget.h"
#include "core/err.h"
#include "core/name.h"
#include "format/tree.h"

#include <stdlib.h>
#include <string.h>

enum {
	PAGE_BYTES = 8192
};

/* One name in the page; its bytes and a NUL follow, then the next item, aligned. */
struct item {
	uint64_t ino;
	uint32_t type;
	uint32_t len;
	char name[];
};
_Static_assert(PAGE_BYTES >= sizeof(struct item) + VV_NAME_BYTES_MAX + 8,
	       "any name fits an empty page");

struct vv_fs_dir {
	struct vv_fs_node *node;      /* counted */
	struct vv_dir_handle *handle; /* owned; NULL: it needs none */
	uint64_t pos;		      /* behind what is in the page */
	size_t used, taken;	      /* bytes of the page */
	bool is_at_end;		      /* nothing follows the page */
	struct vv_fs_entry entry;     /* what was given last */
	_Alignas(struct item) unsigned char page[PAGE_BYTES];
};

static size_t item_size(size_t len)
{
	size_t align = _Alignof(struct item);

	return (sizeof(struct item) + len + 1 + align - 1) / align * align;
}

int vv_fs_dir_open(struct vv_fs_dir **out, struct vv_fs_node *node)
{
	struct vv_budget *budget = node->fs->budget;
	struct vv_fs_attr attr;
	struct vv_fs_dir *dir;
	int err = vv_fs_node_stat(node, &attr);

	*out = NULL;
	if (!err && (attr.mode & VV_FS_IFMT) != VV_FS_IFDIR)
		err = VV_ENOTDIR;
	if (!err)
		err = vv_budget_try_reserve(budget, VV_HOLD_TRANSPORT, sizeof *dir);
	if (err)
		return err;
	dir = calloc(1, sizeof *dir);
	err = dir ? vv_view_opendir(node->fs->view, node->id, &dir->handle) : VV_ENOMEM;
	if (err) {
		free(dir);
		vv_budget_release(budget, VV_HOLD_TRANSPORT, sizeof *dir);
		return err;
	}
	vv_direct_node_ref(node);
	dir->node = node;
	*out = dir;
	return VV_OK;
}

static bool is_dots(const char *name, size_t len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

static int put_item(void *ctx, const char *name, size_t len, uint64_t next,
		    const struct vv_attr *attr)
{
	struct vv_fs_dir *dir = ctx;
	struct item *item;

	if (!is_dots(name, len)) {
		if (item_size(len) > sizeof dir->page - dir->used) {
			dir->is_at_end = false;
			return 1; /* full */
		}
		item = (struct item *)(void *)(dir->page + dir->used);
		item->ino = attr->ino;
		item->type = attr->mode & VV_S_IFMT;
		item->len = (uint32_t)len;
		memcpy(item->name, name, len);
		item->name[len] = '\0';
		dir->used += item_size(len);
	}
	dir->pos = next;
	return 0;
}

/* What came before an error is good; the error meets the next call. */
static int fill_page(struct vv_fs_dir *dir)
{
	int err;

	dir->used = dir->taken = 0;
	dir->is_at_end = true;
	err = vv_view_readdir(dir->node->fs->view, dir->node->id, dir->handle, dir->pos,
			      false, put_item, dir);
	if (err >= 0)
		return VV_OK;
	dir->is_at_end = false;
	return dir->used ? VV_OK : err;
}

int vv_fs_dir_next(struct vv_fs_dir *dir, const struct vv_fs_entry **out)
{
	const struct item *item;
	int err = VV_OK;

	*out = NULL;
	if (dir->taken == dir->used && !dir->is_at_end)
		err = fill_page(dir);
	if (err || dir->taken == dir->used)
		return err;
	item = (const struct item *)(const void *)(dir->page + dir->taken);
	dir->taken += item_size(item->len);
	dir->entry =
		(struct vv_fs_entry){ item->name, item->len, item->type, item->ino };
	*out = &dir->entry;
	return 1;
}

void vv_fs_dir_close(struct vv_fs_dir *dir)
{
	struct vv_fs_node *node;

	if (!dir)
		return;
	node = dir->node;
	vv_view_closedir(dir->handle);
	free(dir);
	vv_budget_release(node->fs->budget, VV_HOLD_TRANSPORT, sizeof *dir);
	vv_fs_node_close(node);
}
