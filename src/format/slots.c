#include "format/slots.h"

#include "core/arith.h"
#include "core/err.h"

#include <stdlib.h>
#include <string.h>

enum {
	FIRST_CAP = 64
};
#define FREE UINT32_MAX

bool vv_slots_next(const struct vv_slots *s, uint32_t hash, size_t *at,
		   uint32_t *number)
{
	while (*at < s->cap) {
		const struct vv_slot *slot = &s->slots[(hash + *at) & (s->cap - 1)];

		++*at;
		if (slot->number == FREE)
			return false;
		if (slot->hash == hash) {
			*number = slot->number;
			return true;
		}
	}
	return false;
}

static void put(struct vv_slot *slots, size_t cap, struct vv_slot new_slot)
{
	size_t i = new_slot.hash & (cap - 1);

	while (slots[i].number != FREE)
		i = (i + 1) & (cap - 1);
	slots[i] = new_slot;
}

static int grow(struct vv_slots *s)
{
	size_t cap = s->cap ? s->cap * 2 : FIRST_CAP, bytes;
	struct vv_slot *slots;

	if (!vv_mul_size(cap, sizeof *slots, &bytes))
		return VV_ENOMEM;
	slots = malloc(bytes);
	if (!slots)
		return VV_ENOMEM;
	memset(slots, 0xff, bytes); /* all free */
	for (size_t i = 0; i < s->cap; i++) {
		if (s->slots[i].number != FREE)
			put(slots, cap, s->slots[i]);
	}
	free(s->slots);
	s->slots = slots;
	s->cap = cap;
	return VV_OK;
}

int vv_slots_put(struct vv_slots *s, uint32_t hash, uint32_t number)
{
	if (s->count >= s->cap / 4 * 3) {
		int err = grow(s);

		if (err)
			return err;
	}
	put(s->slots, s->cap, (struct vv_slot){ hash, number });
	s->count++;
	return VV_OK;
}

void vv_slots_fini(struct vv_slots *s)
{
	free(s->slots);
	*s = (struct vv_slots){ 0 };
}
