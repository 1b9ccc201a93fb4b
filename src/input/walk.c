#include "input/walk.h"

#include "core/err.h"
#include "format/tree.h"
#include "input/place.h"
#include "os/hostdir.h"

#include <stdlib.h>
#include <string.h>

enum {
	NAMES_MAX = 1 << 30, /* bytes of names in one directory */
};

struct child {
	size_t name; /* offset in the level's names */
	bool is_dir;
};

struct vv_walk_level {
	struct vv_buf names;	/* NUL-ended, in the order the host told them */
	struct child *children; /* owned; sorted */
	size_t count, cap, next;
	size_t path_len; /* of this directory in the walk's path */
};

int vv_walk_init(struct vv_walk *walk, struct vv_hostdir *top)
{
	*walk = (struct vv_walk){ .top = top };
	walk->path = calloc(1, VV_PLACE_PATH_MAX);
	return walk->path ? VV_OK : VV_ENOMEM;
}

static void pop(struct vv_walk *walk)
{
	struct vv_walk_level *level = &walk->levels[--walk->depth];

	vv_buf_fini(&level->names);
	free(level->children);
}

void vv_walk_fini(struct vv_walk *walk)
{
	while (walk->depth)
		pop(walk);
	free(walk->levels);
	free(walk->path);
	*walk = (struct vv_walk){ 0 };
}

/* walk->path = the directory of @level, and @name in it. */
static void set_path(struct vv_walk *walk, const struct vv_walk_level *level,
		     const char *name)
{
	size_t len = level->path_len;

	if (len)
		walk->path[len++] = '/';
	strcpy(walk->path + len, name);
}

/* The current directory's level is the top of the stack here and in what follows. */
static struct vv_walk_level *top_level(struct vv_walk *walk)
{
	return &walk->levels[walk->depth - 1];
}

/* A host that does not tell the type while listing is asked once more. */
static int find_type(struct vv_walk *walk, const char *name, uint32_t type_bits,
		     bool *is_dir)
{
	struct vv_walk_level *level = top_level(walk);
	struct vv_hoststat st;
	int err;

	*is_dir = (type_bits & VV_S_IFMT) == VV_S_IFDIR;
	if (type_bits & VV_S_IFMT)
		return VV_OK;
	set_path(walk, level, name);
	err = vv_hostdir_stat(walk->top, walk->path, &st);
	if (err)
		return err; /* with the path as it is */
	*is_dir = (st.mode & VV_S_IFMT) == VV_S_IFDIR;
	walk->path[level->path_len] = '\0';
	return VV_OK;
}

static int add_child(void *ctx, const char *name, uint32_t type_bits, uint64_t ino)
{
	struct vv_walk *walk = ctx;
	struct vv_walk_level *level = top_level(walk);
	struct child *child;
	int err;

	(void)ino;
	if (level->path_len + strlen(name) + 2 > VV_PLACE_PATH_MAX)
		return VV_ENAMETOOLONG;
	if (level->count == level->cap) {
		size_t cap = level->cap ? level->cap * 2 : 32;
		struct child *more = realloc(level->children, cap * sizeof *more);

		if (!more)
			return VV_ENOMEM;
		level->children = more;
		level->cap = cap;
	}
	child = &level->children[level->count];
	child->name = level->names.len;
	err = find_type(walk, name, type_bits, &child->is_dir);
	if (!err)
		err = vv_buf_append(&level->names, name, strlen(name) + 1);
	if (!err)
		level->count++;
	return err;
}

struct sort_key {
	const char *name;
	struct child child;
};

static int compare_keys(const void *a, const void *b)
{
	const struct sort_key *x = a, *y = b;

	if (x->child.is_dir != y->child.is_dir)
		return x->child.is_dir ? 1 : -1;
	return strcmp(x->name, y->name);
}

static int sort_children(struct vv_walk_level *level)
{
	struct sort_key *keys;

	if (!level->count)
		return VV_OK;
	keys = calloc(level->count, sizeof *keys);
	if (!keys)
		return VV_ENOMEM;
	for (size_t i = 0; i < level->count; i++) {
		keys[i].child = level->children[i];
		keys[i].name = (const char *)level->names.bytes + keys[i].child.name;
	}
	qsort(keys, level->count, sizeof *keys, compare_keys);
	for (size_t i = 0; i < level->count; i++)
		level->children[i] = keys[i].child;
	free(keys);
	return VV_OK;
}

static int push(struct vv_walk *walk)
{
	struct vv_walk_level *level;

	if (walk->depth > VV_DEPTH_MAX)
		return VV_ENAMETOOLONG;
	if (walk->depth == walk->cap) {
		size_t cap = walk->cap ? walk->cap * 2 : 16;
		struct vv_walk_level *more = realloc(walk->levels, cap * sizeof *more);

		if (!more)
			return VV_ENOMEM;
		walk->levels = more;
		walk->cap = cap;
	}
	level = &walk->levels[walk->depth++];
	*level = (struct vv_walk_level){ .path_len = strlen(walk->path) };
	vv_buf_init(&level->names, NAMES_MAX);
	return VV_OK;
}

int vv_walk_enter(struct vv_walk *walk)
{
	struct vv_hostdir *dir = NULL;
	int err;

	err = vv_hostdir_open_at(&dir, walk->top, walk->path);
	if (!err)
		err = push(walk);
	if (!err)
		err = vv_hostdir_list(dir, add_child, walk);
	if (!err)
		err = sort_children(top_level(walk));
	vv_hostdir_close(dir);
	return err;
}

bool vv_walk_next(struct vv_walk *walk)
{
	if (!walk->started) {
		walk->started = true;
		return true;
	}
	while (walk->depth) {
		struct vv_walk_level *level = top_level(walk);

		if (level->next < level->count) {
			size_t name = level->children[level->next++].name;

			set_path(walk, level, (const char *)level->names.bytes + name);
			return true;
		}
		pop(walk);
	}
	return false;
}
