/*
 * disk.h - the model behind sim.h: inodes, and what each name meant since it was last
 * durable.
 *
 * Inode numbers are indexes, never used again; 0 means "no such name", 1 is the root.
 * Content only grows, so what of it is durable is a length.
 *
 * Ownership: init/fini; a disk owns all that hangs on it.
 * Threads: one at a time.
 */
#ifndef VV_OS_SIM_DISK_H
#define VV_OS_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VV_SIM_ROOT = 1,
	VV_SIM_NAME_MAX = 255, /* bytes without the NUL */
};

struct vv_sim_name {
	char *name;
	uint32_t
		*meanings; /* inodes, oldest first: the durable one, ..., the present */
	size_t count, cap;
};

struct vv_sim_inode {
	bool is_dir;
	bool is_damaged; /* a sync failed: (D3) */
	unsigned links;	 /* present names */
	unsigned opens;
	int64_t mtime_ns;
	uint8_t *bytes; /* of a file */
	size_t size, cap, durable_size;
	struct vv_sim_name *names; /* of a directory */
	size_t name_count, name_cap;
};

struct vv_sim_disk {
	struct vv_sim_inode *inodes;
	uint32_t count, cap;
	uint64_t capacity; /* 0 = no limit */
};

int vv_sim_disk_init(struct vv_sim_disk *disk);
void vv_sim_disk_fini(struct vv_sim_disk *disk);
int vv_sim_disk_copy(struct vv_sim_disk *out, const struct vv_sim_disk *from);

/* The directory of a path and its last part.  VV_ENOENT, VV_ENOTDIR, VV_EINVAL. */
int vv_sim_disk_parent(const struct vv_sim_disk *disk, const char *path, uint32_t *dir,
		       char name[VV_SIM_NAME_MAX + 1]);
int vv_sim_disk_find(const struct vv_sim_disk *disk, const char *path, uint32_t *inode);

/* What @name means now; 0 = nothing. */
uint32_t vv_sim_disk_get(const struct vv_sim_disk *disk, uint32_t dir,
			 const char *name);

/* Makes the next set of this name succeed. */
int vv_sim_disk_reserve(struct vv_sim_disk *disk, uint32_t dir, const char *name);
void vv_sim_disk_set(struct vv_sim_disk *disk, uint32_t dir, const char *name,
		     uint32_t inode);

int vv_sim_disk_new_inode(struct vv_sim_disk *disk, bool is_dir, uint32_t *out);

/* Writes what fits; VV_ENOSPC if that is not all. */
int vv_sim_disk_append(struct vv_sim_disk *disk, uint32_t inode, const void *bytes,
		       size_t len);

bool vv_sim_disk_is_empty(const struct vv_sim_disk *disk, uint32_t dir);
void vv_sim_disk_sync_dir(struct vv_sim_disk *disk, uint32_t dir);
void vv_sim_disk_sync_file(struct vv_sim_disk *disk, uint32_t inode);

bool vv_sim_disk_is_durable(const struct vv_sim_disk *disk);
void vv_sim_disk_survive(struct vv_sim_disk *disk, uint64_t seed);

#endif
