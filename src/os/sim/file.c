#include "os/file.h"

#include "core/arith.h"
#include "core/err.h"
#include "os/sim/sim_private.h"

#include <stdlib.h>
#include <string.h>

struct vv_file {
	uint32_t inode;
	uint64_t epoch;
};

/* A place to make, replace or remove a name. */
struct place {
	uint32_t dir;
	char name[VV_SIM_NAME_MAX + 1];
	uint32_t inode; /* 0: nothing is there */
};

static int find_place(const struct vv_sim *sim, const char *path, struct place *out)
{
	int err = vv_sim_disk_parent(&sim->disk, path, &out->dir, out->name);

	if (!err)
		out->inode = out->name[0]
				     ? vv_sim_disk_get(&sim->disk, out->dir, out->name)
				     : VV_SIM_ROOT;
	return err;
}

static bool is_dir(const struct vv_sim *sim, uint32_t inode)
{
	return sim->disk.inodes[inode].is_dir;
}

/* ---- open files ---- */

static struct vv_file *new_file(struct vv_sim *sim, uint32_t inode)
{
	struct vv_file *file = malloc(sizeof *file);

	if (file) {
		file->inode = inode;
		file->epoch = sim->epoch;
		sim->disk.inodes[inode].opens++;
	}
	return file;
}

int vv_file_open(struct vv_file **out, const char *path)
{
	struct vv_sim *sim = vv_sim_lock();
	uint32_t inode;
	int err = sim->is_off ? VV_EIO : vv_sim_disk_find(&sim->disk, path, &inode);

	*out = NULL;
	if (!err && is_dir(sim, inode))
		err = VV_EISDIR;
	if (!err) {
		*out = new_file(sim, inode);
		err = *out ? VV_OK : VV_ENOMEM;
	}
	vv_sim_unlock();
	return err;
}

/* A new inode at a free place. */
static int make(struct vv_sim *sim, const char *path, bool as_dir, uint32_t *inode)
{
	struct place place = { 0 };
	bool fails;
	int err = vv_sim_begin_op(sim, &fails);

	if (!err)
		err = find_place(sim, path, &place);
	if (!err && place.inode)
		err = VV_EEXIST;
	if (!err)
		err = vv_sim_disk_reserve(&sim->disk, place.dir, place.name);
	if (!err)
		err = vv_sim_disk_new_inode(&sim->disk, as_dir, inode);
	if (!err)
		vv_sim_disk_set(&sim->disk, place.dir, place.name, *inode);
	return err;
}

int vv_file_open_direct(struct vv_file **out, const char *path)
{
	return vv_file_open(out, path);
}

int vv_file_create(struct vv_file **out, const char *path)
{
	struct vv_sim *sim = vv_sim_lock();
	uint32_t inode;
	int err = make(sim, path, false, &inode);

	*out = NULL;
	if (!err) {
		*out = new_file(sim, inode);
		err = *out ? VV_OK : VV_ENOMEM;
	}
	vv_sim_unlock();
	return err;
}

/* NULL if the disk is off or another one. */
static struct vv_sim_inode *inode_of(struct vv_sim *sim, const struct vv_file *file)
{
	if (sim->is_off || file->epoch != sim->epoch)
		return NULL;
	return &sim->disk.inodes[file->inode];
}

void vv_file_close(struct vv_file *file)
{
	struct vv_sim *sim;

	if (!file)
		return;
	sim = vv_sim_lock();
	if (file->epoch == sim->epoch)
		sim->disk.inodes[file->inode].opens--;
	vv_sim_unlock();
	free(file);
}

int vv_file_read(struct vv_file *file, void *buf, size_t len, uint64_t off, size_t *got)
{
	struct vv_sim *sim = vv_sim_lock();
	const struct vv_sim_inode *inode = inode_of(sim, file);

	*got = 0;
	if (inode && off < inode->size) {
		*got = vv_min_size(len, inode->size - (size_t)off);
		if (*got > 0)
			memcpy(buf, inode->bytes + off, *got);
	}
	vv_sim_unlock();
	return inode ? VV_OK : VV_EIO;
}

int vv_file_write(struct vv_file *file, const void *bytes, size_t len)
{
	struct vv_sim *sim = vv_sim_lock();
	bool fails;
	int err = vv_sim_begin_op(sim, &fails);

	if (!inode_of(sim, file))
		err = VV_EIO;
	else if (fails)
		vv_sim_disk_append(&sim->disk, file->inode, bytes, len / 2);
	else if (!err)
		err = vv_sim_disk_append(&sim->disk, file->inode, bytes, len);
	vv_sim_unlock();
	return err;
}

int vv_file_sync(struct vv_file *file)
{
	struct vv_sim *sim = vv_sim_lock();
	bool fails;
	int err = vv_sim_begin_op(sim, &fails);
	struct vv_sim_inode *inode = inode_of(sim, file);

	if (!inode)
		err = VV_EIO;
	else if (fails)
		inode->is_damaged = true;
	else if (!err)
		vv_sim_disk_sync_file(&sim->disk, file->inode);
	vv_sim_unlock();
	return err;
}

int vv_file_size(struct vv_file *file, uint64_t *out)
{
	struct vv_sim *sim = vv_sim_lock();
	const struct vv_sim_inode *inode = inode_of(sim, file);

	*out = inode ? inode->size : 0;
	vv_sim_unlock();
	return inode ? VV_OK : VV_EIO;
}

/* ---- names ---- */

int vv_file_stat(const char *path, struct vv_file_info *out)
{
	struct vv_sim *sim = vv_sim_lock();
	uint32_t n;
	int err = sim->is_off ? VV_EIO : vv_sim_disk_find(&sim->disk, path, &n);

	*out = (struct vv_file_info){ 0 };
	if (!err) {
		const struct vv_sim_inode *inode = &sim->disk.inodes[n];

		out->size = inode->size;
		out->identity = n;
		out->mtime_ns = inode->mtime_ns;
		out->is_dir = inode->is_dir;
	}
	vv_sim_unlock();
	return err;
}

/* An operation from one name to another: the file @from, and where @to lies. */
static int begin_move(struct vv_sim *sim, const char *from_path, const char *to_path,
		      struct place *from, struct place *to)
{
	bool fails;
	int err = vv_sim_begin_op(sim, &fails);

	if (!err)
		err = find_place(sim, from_path, from);
	if (!err && !from->inode)
		err = VV_ENOENT;
	if (!err && is_dir(sim, from->inode))
		err = VV_EISDIR;
	if (!err)
		err = find_place(sim, to_path, to);
	return err;
}

int vv_file_replace(const char *from_path, const char *to_path)
{
	struct vv_sim *sim = vv_sim_lock();
	struct place from = { 0 }, to = { 0 };
	int err = begin_move(sim, from_path, to_path, &from, &to);

	if (!err && to.inode && is_dir(sim, to.inode))
		err = VV_EISDIR;
	if (!err)
		err = vv_sim_disk_reserve(&sim->disk, to.dir, to.name);
	if (!err)
		err = vv_sim_disk_reserve(&sim->disk, from.dir, from.name);
	if (!err && to.inode != from.inode) { /* two names of one file stay */
		vv_sim_disk_set(&sim->disk, to.dir, to.name, from.inode);
		vv_sim_disk_set(&sim->disk, from.dir, from.name, 0);
	}
	vv_sim_unlock();
	return err;
}

int vv_file_link_new(const char *from_path, const char *to_path)
{
	struct vv_sim *sim = vv_sim_lock();
	struct place from = { 0 }, to = { 0 };
	int err = begin_move(sim, from_path, to_path, &from, &to);

	if (!err && to.inode)
		err = VV_EEXIST;
	if (!err)
		err = vv_sim_disk_reserve(&sim->disk, to.dir, to.name);
	if (!err)
		vv_sim_disk_set(&sim->disk, to.dir, to.name, from.inode);
	vv_sim_unlock();
	return err;
}

static int remove_name(const char *path, bool as_dir)
{
	struct vv_sim *sim = vv_sim_lock();
	struct place place = { 0 };
	bool fails;
	int err = vv_sim_begin_op(sim, &fails);

	if (!err)
		err = find_place(sim, path, &place);
	if (!err && !place.inode)
		err = VV_ENOENT;
	if (!err && place.inode == VV_SIM_ROOT)
		err = VV_EBUSY;
	if (!err && is_dir(sim, place.inode) != as_dir)
		err = as_dir ? VV_ENOTDIR : VV_EISDIR;
	if (!err && as_dir && !vv_sim_disk_is_empty(&sim->disk, place.inode))
		err = VV_ENOTEMPTY;
	if (!err)
		err = vv_sim_disk_reserve(&sim->disk, place.dir, place.name);
	if (!err)
		vv_sim_disk_set(&sim->disk, place.dir, place.name, 0);
	vv_sim_unlock();
	return err;
}

int vv_file_remove(const char *path)
{
	return remove_name(path, false);
}

/* ---- directories ---- */

int vv_dir_make(const char *path)
{
	struct vv_sim *sim = vv_sim_lock();
	uint32_t inode;
	int err = make(sim, path, true, &inode);

	vv_sim_unlock();
	return err;
}

int vv_dir_remove(const char *path)
{
	return remove_name(path, true);
}

int vv_dir_sync(const char *path)
{
	struct vv_sim *sim = vv_sim_lock();
	uint32_t dir;
	bool fails;
	int err = vv_sim_begin_op(sim, &fails);

	if (!err)
		err = vv_sim_disk_find(&sim->disk, path, &dir);
	if (!err && !is_dir(sim, dir))
		err = VV_ENOTDIR;
	if (!err)
		vv_sim_disk_sync_dir(&sim->disk, dir);
	vv_sim_unlock();
	return err;
}

/* The present names one after the other, each with its NUL, and an empty one. */
static int copy_names(const struct vv_sim_inode *dir, char **out)
{
	size_t size = 1;
	size_t i;
	char *at;

	for (i = 0; i < dir->name_count; i++)
		size += strlen(dir->names[i].name) + 1;
	at = *out = malloc(size);
	if (!at)
		return VV_ENOMEM;
	for (i = 0; i < dir->name_count; i++) {
		const struct vv_sim_name *name = &dir->names[i];

		if (name->meanings[name->count - 1]) {
			size = strlen(name->name) + 1;
			memcpy(at, name->name, size);
			at += size;
		}
	}
	*at = '\0';
	return VV_OK;
}

int vv_dir_list(const char *path, int (*entry)(void *ctx, const char *name), void *ctx)
{
	struct vv_sim *sim = vv_sim_lock();
	char *names = NULL;
	const char *at;
	uint32_t dir;
	int result = sim->is_off ? VV_EIO : vv_sim_disk_find(&sim->disk, path, &dir);

	if (!result && !is_dir(sim, dir))
		result = VV_ENOTDIR;
	if (!result)
		result = copy_names(&sim->disk.inodes[dir], &names);
	vv_sim_unlock();
	/* Without the lock: @entry may come back to us. */
	for (at = names; !result && *at; at += strlen(at) + 1)
		result = entry(ctx, at);
	free(names);
	return result;
}
