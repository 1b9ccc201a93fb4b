/*
 * Linear probing over slots, with one tag byte each beside them: 0 for an empty
 * slot, else 0x80 and seven bits of the hash, so that a probe reads few slots.
 *
 * (M1) Between the home of an id and its slot no slot is empty.
 * (M2) At least one slot in eight is empty, so every probe ends.
 *
 * Removing keeps M1 by moving later ids back instead of leaving a mark behind:
 * maps of long life stay as fast as new ones.
 */
#include "core/idmap.h"

#include "core/arith.h"
#include "core/err.h"

#include <stdlib.h>
#include <string.h>

enum {
	FIRST_SLOTS = 16
};

struct vv_idmap_slot {
	struct vv_id id;
	uint64_t number;
};

void vv_idmap_init(struct vv_idmap *map, size_t max_count)
{
	*map = (struct vv_idmap){ .max_count = max_count };
}

void vv_idmap_fini(struct vv_idmap *map)
{
	free(map->slots);
	vv_idmap_init(map, map->max_count);
}

/*
 * Ids are random if they are hashes, but an index from elsewhere may claim any
 * ids, chosen to collide.  All 32 bytes count, and so does the address of the
 * table, which nobody outside can know.
 */
static uint64_t hash_of(const struct vv_idmap *map, const struct vv_id *id)
{
	uint64_t hash = (uint64_t)(uintptr_t)map->slots;

	for (size_t i = 0; i < VV_ID_BYTES; i += 8) {
		hash ^= vv_get_le64(id->bytes + i);
		hash *= 0xd6e8feb86659fd93u;
		hash ^= hash >> 32;
	}
	return hash;
}

static uint8_t tag_of(uint64_t hash)
{
	return (uint8_t)(0x80 | hash >> 57);
}

/* The slot of @id, or the empty one where it belongs.  There are slots. */
static size_t find(const struct vv_idmap *map, const struct vv_id *id, uint64_t hash)
{
	size_t mask = map->slot_count - 1;
	size_t i = (size_t)hash & mask;

	while (map->tags[i] != 0) {
		if (map->tags[i] == tag_of(hash) && vv_id_equal(&map->slots[i].id, id))
			break;
		i = (i + 1) & mask;
	}
	return i;
}

static size_t most_in(size_t slot_count)
{
	return slot_count - slot_count / 8;
}

/* The fewest slots for @count ids, or 0 if they cannot be counted in a size_t. */
static size_t slots_for(size_t count)
{
	size_t slot_count = FIRST_SLOTS;

	while (most_in(slot_count) < count) {
		if (!vv_mul_size(slot_count, 2, &slot_count))
			return 0;
	}
	return slot_count;
}

static bool allocation_size(size_t slot_count, size_t *bytes)
{
	return vv_mul_size(slot_count, sizeof(struct vv_idmap_slot) + 1, bytes);
}

size_t vv_idmap_bytes_for(size_t count)
{
	size_t slot_count = slots_for(count), bytes;

	if (slot_count == 0 || !allocation_size(slot_count, &bytes))
		return SIZE_MAX;
	return bytes;
}

static void put_new(struct vv_idmap *map, const struct vv_id *id, uint64_t number)
{
	uint64_t hash = hash_of(map, id);
	size_t i = find(map, id, hash);

	map->tags[i] = tag_of(hash);
	map->slots[i] = (struct vv_idmap_slot){ *id, number };
	map->count++;
}

static int grow(struct vv_idmap *map, size_t slot_count)
{
	struct vv_idmap bigger = { .slot_count = slot_count,
				   .max_count = map->max_count };
	size_t bytes;

	if (slot_count == 0 || !allocation_size(slot_count, &bytes))
		return VV_ENOMEM;
	bigger.slots = malloc(bytes);
	if (!bigger.slots)
		return VV_ENOMEM;
	bigger.tags = (uint8_t *)(bigger.slots + slot_count);
	memset(bigger.tags, 0, slot_count);
	for (size_t i = 0; i < map->slot_count; i++) {
		if (map->tags[i] != 0)
			put_new(&bigger, &map->slots[i].id, map->slots[i].number);
	}
	free(map->slots);
	*map = bigger;
	return VV_OK;
}

int vv_idmap_reserve(struct vv_idmap *map, size_t count)
{
	if (count > map->max_count)
		return VV_EOVERFLOW;
	if (map->slot_count != 0 && count <= most_in(map->slot_count))
		return VV_OK;
	return grow(map, slots_for(count));
}

int vv_idmap_put(struct vv_idmap *map, const struct vv_id *id, uint64_t number)
{
	int err;

	if (map->count != 0) {
		size_t i = find(map, id, hash_of(map, id));

		if (map->tags[i] != 0) {
			map->slots[i].number = number;
			return VV_OK;
		}
	}
	err = vv_idmap_reserve(map, map->count + 1);
	if (err)
		return err;
	put_new(map, id, number);
	return VV_OK;
}

bool vv_idmap_get(const struct vv_idmap *map, const struct vv_id *id, uint64_t *number)
{
	size_t i = map->count != 0 ? find(map, id, hash_of(map, id)) : 0;
	bool is_there = map->count != 0 && map->tags[i] != 0;

	if (number)
		*number = is_there ? map->slots[i].number : 0;
	return is_there;
}

/* Keeps M1 around the slot @hole that has become empty. */
static void close_gap(struct vv_idmap *map, size_t hole)
{
	size_t mask = map->slot_count - 1;

	for (size_t i = (hole + 1) & mask; map->tags[i] != 0; i = (i + 1) & mask) {
		size_t home = (size_t)hash_of(map, &map->slots[i].id) & mask;

		/* Would a probe from its home pass the hole before it gets here? */
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		map->slots[hole] = map->slots[i];
		map->tags[hole] = map->tags[i];
		hole = i;
	}
	map->tags[hole] = 0;
}

bool vv_idmap_remove(struct vv_idmap *map, const struct vv_id *id)
{
	size_t i;

	if (map->count == 0)
		return false;
	i = find(map, id, hash_of(map, id));
	if (map->tags[i] == 0)
		return false;
	close_gap(map, i);
	map->count--;
	return true;
}

bool vv_idmap_next(const struct vv_idmap *map, size_t *cursor, const struct vv_id **id,
		   uint64_t *number)
{
	for (size_t i = *cursor; i < map->slot_count; i++) {
		if (map->tags[i] == 0)
			continue;
		*id = &map->slots[i].id;
		*number = map->slots[i].number;
		*cursor = i + 1;
		return true;
	}
	*cursor = map->slot_count;
	return false;
}
