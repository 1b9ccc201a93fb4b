/*
 * instance.h - one layer as it is alive in a view: a tree or a host directory at a
 * path.
 *
 * Answers: whose node is this id, and is that layer's tree still needed?  A node of a
 * tree is computed, never stored:
 *
 *	bit 63: 1 | bits 47-32: slot of the instance | bits 31-0: entry
 *
 * An instance is held by each snapshot that shows it, each dynamic directory that has
 * it as a source, and each lookup that a kernel has not yet forgotten.  It begins with
 * one hold; the last one closes the tree and frees the slot.  A slot that is used again
 * makes the same node ids mean something else, so the next owner has another
 * generation.
 *
 * Threads: any.  The table's lock guards slots, inode bases and the opening of trees,
 *	and is not held during I/O.  Finding an instance by its slot takes no lock: who
 *	asks holds a lookup of one of its nodes.
 */
#ifndef VV_VFS_INSTANCE_H
#define VV_VFS_INSTANCE_H

#include "os/thread.h"
#include "vfs/view.h"

#include <stdatomic.h>

enum {
	VV_INSTANCE_MAX = 1 << 16, /* slots; 16 bits of a node id */
	VV_INO_BUCKETS = 1024,
};

struct vv_instance {
	atomic_uint_fast64_t holds;
	uint64_t generation; /* counts instances; never 0 */
	uint32_t slot;
	uint32_t ino_base; /* 30 bits, unlike those of all other live instances */
	char *path;	   /* owned; in the view */
	size_t path_len;
	atomic_int tag;
	struct vv_layer layer;	      /* as given, with strings of our own */
	struct vv_hostdir *dir;	      /* borrowed; NULL for a tree */
	struct vv_instance *ino_next; /* protected by the table's lock, as all below */
	bool shown;		      /* by the current snapshot */
	bool opening;
	unsigned attempts; /* to open the tree, finished ones */
	int last_err;	   /* of the last attempt */
	void *handle;	   /* what open() gave */
	_Atomic(const struct vv_tree *)
		tree; /* NULL until open; readable without the lock */
};

struct vv_instance_table {
	struct vv_mutex lock;
	struct vv_cond opened;
	_Atomic(struct vv_instance *) *slots; /* owned; VV_INSTANCE_MAX */
	uint32_t cursor; /* slots go round, so that one is reused as late as possible */
	uint64_t generation;
	struct vv_instance *by_ino[VV_INO_BUCKETS];
};

int vv_instance_table_init(struct vv_instance_table *table);
/*
 * Closes the trees of instances that are left: those of which a kernel held nodes to
 * the end.
 */
void vv_instance_table_fini(struct vv_instance_table *table);

/* One hold, for the caller.  VV_ENOMEM, VV_EMFILE (all slots are in use). */
int vv_instance_new(struct vv_instance_table *table, const struct vv_layer *layer,
		    struct vv_instance **out);
void vv_instance_hold(
	struct vv_instance
		*inst); /* who calls it has a hold, or pins somebody who has */
void vv_instance_drop(struct vv_instance_table *table, struct vv_instance *inst,
		      uint64_t count);

/* Would a layer like @layer be the same instance? */
bool vv_instance_is(const struct vv_instance *inst, const struct vv_layer *layer);

/* The tree, opened at first use by one thread for all; VV_EINVAL for a host directory. */
int vv_instance_tree(struct vv_instance_table *table, struct vv_instance *inst,
		     const struct vv_tree **out);
static inline bool vv_instance_is_open(const struct vv_instance *inst)
{
	return atomic_load_explicit(&inst->tree, memory_order_acquire) != NULL;
}

/* ---- node ids ---- */

#define VV_NODE_TREE (UINT64_C(1) << 63)

static inline bool vv_node_is_tree(uint64_t node)
{
	return node & VV_NODE_TREE;
}

static inline uint64_t vv_instance_node(const struct vv_instance *inst, uint32_t entry)
{
	return VV_NODE_TREE | (uint64_t)inst->slot << 32 | entry;
}

/* NULL: no such node. */
static inline struct vv_instance *
vv_instance_of_node(const struct vv_instance_table *table, uint64_t node)
{
	if (node >> 48 != VV_NODE_TREE >> 48)
		return NULL;
	return atomic_load_explicit(&table->slots[node >> 32 & 0xffff],
				    memory_order_acquire);
}

/*
 * ---- inode numbers ----
 *
 * Three ranges, all below 2^63 because many programs keep them signed:
 *
 *	bits 62-61	then					of
 *	1.	30 bits of path and tree id, first entry + 1	entries of trees
 *	01	61 bits of device and inode			files of the host
 *	00	61 bits of the path; the root: 1		dynamic directories
 *
 * The first is unique because instances with one base cannot live together.  The others
 * are hashes: among a million paths a collision has a probability below 10^-6.
 */
static inline uint64_t vv_ino_tree(const struct vv_instance *inst, uint32_t first)
{
	return UINT64_C(1) << 62 | (uint64_t)inst->ino_base << 32 |
	       ((uint64_t)first + 1);
}

uint64_t vv_ino_host(uint64_t dev, uint64_t ino);
uint64_t vv_ino_path(const char *path, size_t len);

#endif
