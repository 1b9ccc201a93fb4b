#include "os/sim/disk.h"

#include "core/arith.h"
#include "core/err.h"
#include "os/system.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more of @count things of @size bytes. */
static int grow(void **things, size_t count, size_t *cap, size_t size)
{
	size_t more = *cap ? 2 * *cap : 4;
	void *bigger;

	if (count < *cap)
		return VV_OK;
	bigger = realloc(*things, more * size);
	if (!bigger)
		return VV_ENOMEM;
	*things = bigger;
	*cap = more;
	return VV_OK;
}

/* ---- making and copying ---- */

int vv_sim_disk_init(struct vv_sim_disk *disk)
{
	uint32_t none, root;
	int err;

	*disk = (struct vv_sim_disk){ 0 };
	err = vv_sim_disk_new_inode(disk, false, &none); /* 0 is no inode */
	if (!err)
		err = vv_sim_disk_new_inode(disk, true, &root);
	if (err) {
		vv_sim_disk_fini(disk);
		return err;
	}
	assert(root == VV_SIM_ROOT);
	disk->inodes[root].links = 1;
	return VV_OK;
}

static void inode_fini(struct vv_sim_inode *inode)
{
	size_t i;

	for (i = 0; i < inode->name_count; i++) {
		free(inode->names[i].name);
		free(inode->names[i].meanings);
	}
	free(inode->names);
	free(inode->bytes);
}

void vv_sim_disk_fini(struct vv_sim_disk *disk)
{
	uint32_t i;

	for (i = 0; i < disk->count; i++)
		inode_fini(&disk->inodes[i]);
	free(disk->inodes);
	*disk = (struct vv_sim_disk){ 0 };
}

static void *dup_bytes(const void *bytes, size_t size)
{
	void *copy = malloc(size ? size : 1);

	if (copy && size > 0)
		memcpy(copy, bytes, size);
	return copy;
}

static int name_copy(struct vv_sim_name *out, const struct vv_sim_name *from)
{
	*out = *from;
	out->name = strdup(from->name);
	out->meanings = dup_bytes(from->meanings, from->count * sizeof *from->meanings);
	out->cap = from->count;
	return out->name && out->meanings ? VV_OK : VV_ENOMEM;
}

/* After an error @out can be finished like any other. */
static int inode_copy(struct vv_sim_inode *out, const struct vv_sim_inode *from)
{
	int err = VV_OK;

	*out = *from;
	out->name_count = 0;
	out->cap = from->size;
	out->name_cap = from->name_count;
	out->bytes = dup_bytes(from->bytes, from->size);
	out->names = calloc(from->name_count + 1, sizeof *out->names);
	if (!out->bytes || !out->names)
		return VV_ENOMEM;
	while (!err && out->name_count < from->name_count) {
		size_t i = out->name_count++;

		err = name_copy(&out->names[i], &from->names[i]);
	}
	return err;
}

int vv_sim_disk_copy(struct vv_sim_disk *out, const struct vv_sim_disk *from)
{
	int err = VV_OK;

	*out = (struct vv_sim_disk){ .cap = from->count, .capacity = from->capacity };
	out->inodes = calloc(from->count, sizeof *out->inodes);
	if (!out->inodes)
		return VV_ENOMEM;
	while (!err && out->count < from->count) {
		uint32_t i = out->count++;

		err = inode_copy(&out->inodes[i], &from->inodes[i]);
	}
	if (err)
		vv_sim_disk_fini(out);
	return err;
}

int vv_sim_disk_new_inode(struct vv_sim_disk *disk, bool is_dir, uint32_t *out)
{
	void *inodes = disk->inodes;
	size_t cap = disk->cap;
	int err = grow(&inodes, disk->count, &cap, sizeof *disk->inodes);

	if (err)
		return err;
	disk->inodes = inodes;
	disk->cap = (uint32_t)cap;
	*out = disk->count++;
	disk->inodes[*out] =
		(struct vv_sim_inode){ .is_dir = is_dir, .mtime_ns = vv_time_ns() };
	return VV_OK;
}

/* ---- names ---- */

static uint32_t meaning_now(const struct vv_sim_name *name)
{
	return name->meanings[name->count - 1];
}

static struct vv_sim_name *find_name(const struct vv_sim_inode *dir, const char *name)
{
	size_t i;

	for (i = 0; i < dir->name_count; i++) {
		if (strcmp(dir->names[i].name, name) == 0)
			return &dir->names[i];
	}
	return NULL;
}

uint32_t vv_sim_disk_get(const struct vv_sim_disk *disk, uint32_t dir, const char *name)
{
	const struct vv_sim_name *found = find_name(&disk->inodes[dir], name);

	return found ? meaning_now(found) : 0;
}

int vv_sim_disk_parent(const struct vv_sim_disk *disk, const char *path, uint32_t *dir,
		       char name[VV_SIM_NAME_MAX + 1])
{
	*dir = VV_SIM_ROOT;
	name[0] = '\0';
	for (; *path; path += *path == '/') {
		size_t len = strcspn(path, "/");

		if (len == 0)
			continue;
		if (len > VV_SIM_NAME_MAX)
			return VV_ENAMETOOLONG;
		if (path[0] == '.' && (len == 1 || (len == 2 && path[1] == '.')))
			return VV_EINVAL;
		if (name[0]) {
			*dir = vv_sim_disk_get(disk, *dir, name);
			if (!*dir)
				return VV_ENOENT;
			if (!disk->inodes[*dir].is_dir)
				return VV_ENOTDIR;
		}
		memcpy(name, path, len);
		name[len] = '\0';
		path += len;
	}
	return VV_OK;
}

int vv_sim_disk_find(const struct vv_sim_disk *disk, const char *path, uint32_t *inode)
{
	char name[VV_SIM_NAME_MAX + 1];
	int err = vv_sim_disk_parent(disk, path, inode, name);

	if (!err && name[0])
		*inode = vv_sim_disk_get(disk, *inode, name);
	return err || *inode ? err : VV_ENOENT;
}

static int add_name(struct vv_sim_inode *dir, const char *name)
{
	struct vv_sim_name added = { .count = 1, .cap = 4 };
	void *names = dir->names;
	int err = grow(&names, dir->name_count, &dir->name_cap, sizeof *dir->names);

	dir->names = names;
	if (err)
		return err;
	added.name = strdup(name);
	added.meanings = calloc(added.cap, sizeof *added.meanings);
	if (!added.name || !added.meanings) {
		free(added.name);
		free(added.meanings);
		return VV_ENOMEM;
	}
	dir->names[dir->name_count++] = added;
	return VV_OK;
}

int vv_sim_disk_reserve(struct vv_sim_disk *disk, uint32_t dir, const char *name)
{
	struct vv_sim_name *found = find_name(&disk->inodes[dir], name);
	void *meanings;
	int err;

	if (!found)
		return add_name(&disk->inodes[dir], name);
	meanings = found->meanings;
	err = grow(&meanings, found->count, &found->cap, sizeof *found->meanings);
	found->meanings = meanings;
	return err;
}

void vv_sim_disk_set(struct vv_sim_disk *disk, uint32_t dir, const char *name,
		     uint32_t inode)
{
	struct vv_sim_name *found = find_name(&disk->inodes[dir], name);
	uint32_t before;

	assert(found && found->count < found->cap);
	before = meaning_now(found);
	if (before)
		disk->inodes[before].links--;
	if (inode)
		disk->inodes[inode].links++;
	found->meanings[found->count++] = inode;
}

bool vv_sim_disk_is_empty(const struct vv_sim_disk *disk, uint32_t dir)
{
	const struct vv_sim_inode *inode = &disk->inodes[dir];
	size_t i;

	for (i = 0; i < inode->name_count; i++) {
		if (meaning_now(&inode->names[i]))
			return false;
	}
	return true;
}

/* From now on the name means the meaning at @index and has never meant anything else. */
static void settle_name(struct vv_sim_name *name, size_t index)
{
	name->meanings[0] = name->meanings[index];
	name->count = 1;
}

static void drop_names_without_meaning(struct vv_sim_inode *dir)
{
	size_t i, kept = 0;

	for (i = 0; i < dir->name_count; i++) {
		if (meaning_now(&dir->names[i])) {
			dir->names[kept++] = dir->names[i];
		} else {
			free(dir->names[i].name);
			free(dir->names[i].meanings);
		}
	}
	dir->name_count = kept;
}

void vv_sim_disk_sync_dir(struct vv_sim_disk *disk, uint32_t dir)
{
	struct vv_sim_inode *inode = &disk->inodes[dir];
	size_t i;

	for (i = 0; i < inode->name_count; i++)
		settle_name(&inode->names[i], inode->names[i].count - 1);
	drop_names_without_meaning(inode);
}

/* ---- content ---- */

static uint64_t used_bytes(const struct vv_sim_disk *disk)
{
	uint64_t used = 0;
	uint32_t i;

	for (i = 0; i < disk->count; i++) {
		if (disk->inodes[i].links > 0 || disk->inodes[i].opens > 0)
			used += disk->inodes[i].size;
	}
	return used;
}

int vv_sim_disk_append(struct vv_sim_disk *disk, uint32_t inode, const void *bytes,
		       size_t len)
{
	struct vv_sim_inode *file = &disk->inodes[inode];
	size_t fits = len;

	if (disk->capacity > 0) {
		uint64_t used = vv_min_u64(used_bytes(disk), disk->capacity);

		fits = (size_t)vv_min_u64(len, disk->capacity - used);
	}
	if (fits > file->cap - file->size) {
		size_t cap = vv_max_size(2 * file->cap, file->size + fits);
		uint8_t *bigger = realloc(file->bytes, cap);

		if (!bigger)
			return VV_ENOMEM;
		file->bytes = bigger;
		file->cap = cap;
	}
	if (fits > 0)
		memcpy(file->bytes + file->size, bytes, fits);
	file->size += fits;
	file->mtime_ns = vv_time_ns();
	return fits < len ? VV_ENOSPC : VV_OK;
}

void vv_sim_disk_sync_file(struct vv_sim_disk *disk, uint32_t inode)
{
	struct vv_sim_inode *file = &disk->inodes[inode];

	if (!file->is_damaged)
		file->durable_size = file->size;
}

/* ---- after the power cut ---- */

bool vv_sim_disk_is_durable(const struct vv_sim_disk *disk)
{
	uint32_t i;
	size_t n;

	for (i = 0; i < disk->count; i++) {
		const struct vv_sim_inode *inode = &disk->inodes[i];

		if (inode->durable_size != inode->size)
			return false;
		for (n = 0; n < inode->name_count; n++) {
			if (inode->names[n].count > 1)
				return false;
		}
	}
	return true;
}

/* splitmix64 (public domain, Sebastiano Vigna). */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Of 0 ... @most; the ends of the range are more likely than what lies between. */
static size_t choose(uint64_t seed, uint64_t *state, size_t most)
{
	uint64_t r = next_random(state);

	if (seed == 0)
		return 0;
	if (seed == 1)
		return most;
	switch (r % 4) {
	case 0: return 0;
	case 1: return most;
	default: return (size_t)((r >> 2) % ((uint64_t)most + 1));
	}
}

/* (D1): some prefix of what was written, then perhaps zeros up to some length. */
static void survive_content(struct vv_sim_inode *file, uint64_t seed, uint64_t *state)
{
	size_t fresh = file->size - file->durable_size;
	size_t length = choose(seed, state, fresh);
	size_t arrived = choose(seed, state, length);

	if (length > arrived)
		memset(file->bytes + file->durable_size + arrived, 0, length - arrived);
	file->size = file->durable_size += length;
	file->is_damaged = false;
}

static void count_links(struct vv_sim_disk *disk)
{
	uint32_t i;
	size_t n;

	for (i = 0; i < disk->count; i++)
		disk->inodes[i].links = i == VV_SIM_ROOT;
	for (i = 0; i < disk->count; i++) {
		const struct vv_sim_inode *inode = &disk->inodes[i];

		for (n = 0; n < inode->name_count; n++)
			disk->inodes[meaning_now(&inode->names[n])].links++;
	}
}

/* What nobody can reach any more takes no space. */
static void free_unnamed(struct vv_sim_disk *disk)
{
	bool again = true;
	uint32_t i;
	size_t n;

	while (again) {
		again = false;
		for (i = VV_SIM_ROOT + 1; i < disk->count; i++) {
			struct vv_sim_inode *inode = &disk->inodes[i];

			if (inode->links > 0 || (!inode->names && !inode->bytes))
				continue;
			for (n = 0; n < inode->name_count; n++)
				disk->inodes[meaning_now(&inode->names[n])].links--;
			inode_fini(inode);
			*inode = (struct vv_sim_inode){ 0 };
			again = true;
		}
	}
}

void vv_sim_disk_survive(struct vv_sim_disk *disk, uint64_t seed)
{
	uint64_t state = seed;
	uint32_t i;
	size_t n;

	for (i = 0; i < disk->count; i++) {
		struct vv_sim_inode *inode = &disk->inodes[i];

		inode->opens = 0;
		for (n = 0; n < inode->name_count; n++) {
			struct vv_sim_name *name = &inode->names[n];

			settle_name(name, choose(seed, &state, name->count - 1));
		}
		drop_names_without_meaning(inode);
		survive_content(inode, seed, &state);
	}
	count_links(disk);
	free_unnamed(disk);
}
