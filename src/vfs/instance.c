#include "vfs/instance.h"

#include "codec/hash.h"
#include "core/arith.h"
#include "core/err.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	INO_BASE_BITS = 30,
	INO_HASH_BITS = 61,
};

int vv_instance_table_init(struct vv_instance_table *table)
{
	*table = (struct vv_instance_table){ 0 };
	table->slots = calloc(VV_INSTANCE_MAX, sizeof *table->slots);
	if (!table->slots)
		return VV_ENOMEM;
	vv_mutex_init(&table->lock);
	vv_cond_init(&table->opened);
	return VV_OK;
}

static void free_instance(struct vv_instance *inst)
{
	if (vv_instance_is_open(inst))
		inst->layer.close(inst->layer.ctx, inst->handle);
	free(inst);
}

void vv_instance_table_fini(struct vv_instance_table *table)
{
	if (!table->slots)
		return;
	for (uint32_t slot = 0; slot < VV_INSTANCE_MAX; slot++) {
		struct vv_instance *inst = atomic_load(&table->slots[slot]);

		if (inst)
			free_instance(inst);
	}
	vv_cond_fini(&table->opened);
	vv_mutex_fini(&table->lock);
	free((void *)table->slots);
	*table = (struct vv_instance_table){ 0 };
}

static uint32_t natural_ino_base(const struct vv_instance *inst)
{
	uint64_t of_path = vv_checksum64(inst->path, inst->path_len);
	uint64_t of_both;
	uint8_t both[8 + VV_ID_BYTES];

	vv_put_le64(both, of_path);
	memcpy(both + 8, inst->layer.tree_id.bytes, VV_ID_BYTES);
	of_both = vv_checksum64(both, sizeof both);
	return (uint32_t)(of_both & ((1u << INO_BASE_BITS) - 1));
}

static bool is_base_taken(const struct vv_instance_table *table, uint32_t base)
{
	const struct vv_instance *other = table->by_ino[base % VV_INO_BUCKETS];

	while (other && other->ino_base != base)
		other = other->ino_next;
	return other != NULL;
}

/*
 * The hash of path and tree, or the next free number: stable unless two layers collide.
 */
static void take_ino_base(struct vv_instance_table *table, struct vv_instance *inst)
{
	uint32_t base = natural_ino_base(inst);
	struct vv_instance **bucket;

	while (is_base_taken(table, base))
		base = (base + 1) & ((1u << INO_BASE_BITS) - 1);
	inst->ino_base = base;
	bucket = &table->by_ino[base % VV_INO_BUCKETS];
	inst->ino_next = *bucket;
	*bucket = inst;
}

static void give_ino_base(struct vv_instance_table *table, struct vv_instance *inst)
{
	struct vv_instance **at = &table->by_ino[inst->ino_base % VV_INO_BUCKETS];

	while (*at != inst)
		at = &(*at)->ino_next;
	*at = inst->ino_next;
}

static int take_slot(struct vv_instance_table *table, struct vv_instance *inst)
{
	for (uint32_t tried = 0; tried < VV_INSTANCE_MAX; tried++) {
		uint32_t slot = table->cursor++ % VV_INSTANCE_MAX;

		if (atomic_load_explicit(&table->slots[slot], memory_order_relaxed))
			continue;
		inst->slot = slot;
		inst->generation = ++table->generation;
		atomic_store_explicit(&table->slots[slot], inst, memory_order_release);
		return VV_OK;
	}
	return VV_EMFILE;
}

int vv_instance_new(struct vv_instance_table *table, const struct vv_layer *layer,
		    struct vv_instance **out)
{
	size_t path_len = strlen(layer->path);
	size_t label_len = strlen(layer->label);
	struct vv_instance *inst = calloc(1, sizeof *inst + path_len + label_len + 2);
	int err;

	*out = NULL;
	if (!inst)
		return VV_ENOMEM;
	inst->layer = *layer;
	inst->path = memcpy(inst + 1, layer->path, path_len + 1);
	inst->path_len = path_len;
	inst->layer.path = inst->path;
	inst->layer.label =
		memcpy(inst->path + path_len + 1, layer->label, label_len + 1);
	inst->dir = layer->dir;
	atomic_init(&inst->holds, 1);
	atomic_init(&inst->tag, layer->tag);
	vv_mutex_lock(&table->lock);
	err = take_slot(table, inst);
	if (!err)
		take_ino_base(table, inst);
	vv_mutex_unlock(&table->lock);
	if (err)
		free(inst);
	else
		*out = inst;
	return err;
}

void vv_instance_hold(struct vv_instance *inst)
{
	atomic_fetch_add_explicit(&inst->holds, 1, memory_order_relaxed);
}

void vv_instance_drop(struct vv_instance_table *table, struct vv_instance *inst,
		      uint64_t count)
{
	uint64_t before =
		atomic_fetch_sub_explicit(&inst->holds, count, memory_order_acq_rel);

	assert(before >= count);
	if (before != count)
		return;
	vv_mutex_lock(&table->lock);
	atomic_store_explicit(&table->slots[inst->slot], NULL, memory_order_relaxed);
	give_ino_base(table, inst);
	vv_mutex_unlock(&table->lock);
	free_instance(inst);
}

bool vv_instance_is(const struct vv_instance *inst, const struct vv_layer *layer)
{
	return inst->dir == layer->dir && strcmp(inst->path, layer->path) == 0 &&
	       strcmp(inst->layer.label, layer->label) == 0 &&
	       vv_id_equal(&inst->layer.tree_id, &layer->tree_id);
}

/* Called with the lock, which is released while the tree is opened. */
static int attempt_open(struct vv_instance_table *table, struct vv_instance *inst)
{
	const struct vv_tree *tree = NULL;
	void *handle = NULL;
	int err;

	inst->opening = true;
	vv_mutex_unlock(&table->lock);
	err = inst->layer.open(inst->layer.ctx, &inst->layer.tree_id, &tree, &handle);
	vv_mutex_lock(&table->lock);
	inst->opening = false;
	inst->attempts++;
	inst->last_err = err;
	inst->handle = handle;
	if (!err)
		atomic_store_explicit(&inst->tree, tree, memory_order_release);
	vv_cond_broadcast(&table->opened);
	return err;
}

/* Called with the lock, while another thread opens: its result is ours too. */
static int join_attempt(struct vv_instance_table *table, struct vv_instance *inst)
{
	unsigned attempts = inst->attempts;

	while (inst->attempts == attempts)
		vv_cond_wait(&table->opened, &table->lock);
	return inst->last_err;
}

static int open_tree(struct vv_instance_table *table, struct vv_instance *inst)
{
	int err = VV_OK;

	vv_mutex_lock(&table->lock);
	if (inst->opening)
		err = join_attempt(table, inst);
	else if (!vv_instance_is_open(inst))
		err = attempt_open(table, inst);
	vv_mutex_unlock(&table->lock);
	return err;
}

int vv_instance_tree(struct vv_instance_table *table, struct vv_instance *inst,
		     const struct vv_tree **out)
{
	int err;

	*out = atomic_load_explicit(&inst->tree, memory_order_acquire);
	if (*out)
		return VV_OK;
	if (inst->dir)
		return VV_EINVAL;
	err = open_tree(table, inst);
	if (!err)
		*out = atomic_load_explicit(&inst->tree, memory_order_acquire);
	return err;
}

uint64_t vv_ino_host(uint64_t dev, uint64_t ino)
{
	uint8_t both[16];

	vv_put_le64(both, dev);
	vv_put_le64(both + 8, ino);
	return UINT64_C(1) << INO_HASH_BITS |
	       vv_checksum64(both, sizeof both) >> (64 - INO_HASH_BITS);
}

uint64_t vv_ino_path(const char *path, size_t len)
{
	uint64_t hash = vv_checksum64(path, len) >> (64 - INO_HASH_BITS);

	if (len == 0)
		return VV_NODE_ROOT;
	return hash > VV_NODE_ROOT ? hash : VV_NODE_ROOT + 1;
}
