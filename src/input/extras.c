#include "input/extras.h"

#include "core/err.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	VALUES_MAX = 1 << 20, /* bytes of one entry */
};

void vv_extras_fini(struct vv_extras *x)
{
	free(x->items);
	free(x->values);
	*x = (struct vv_extras){ 0 };
}

void vv_extras_clear(struct vv_extras *x)
{
	x->count = 0;
	x->values_len = 0;
}

int vv_extras_room(struct vv_extras *x, uint8_t **room)
{
	size_t need = x->values_len + VV_XATTR_MAX;
	uint8_t *more;

	*room = NULL;
	if (need > VALUES_MAX)
		return VV_E2BIG;
	if (need > x->values_cap) {
		more = realloc(x->values, need * 2);
		if (!more)
			return VV_ENOMEM;
		x->values = more;
		x->values_cap = need * 2;
	}
	*room = x->values + x->values_len;
	return VV_OK;
}

static bool has_name(const struct vv_extras *x, const char *name)
{
	for (size_t i = 0; i < x->count; i++)
		if (strcmp(x->items[i].name, name) == 0)
			return true;
	return false;
}

static int add(struct vv_extras *x, enum vv_extra_type type, const char *name,
	       size_t len)
{
	if (x->count == x->cap) {
		size_t cap = x->cap ? x->cap * 2 : 8;
		struct vv_extra *more = realloc(x->items, cap * sizeof *more);

		if (!more)
			return VV_ENOMEM;
		x->items = more;
		x->cap = cap;
	}
	x->items[x->count++] = (struct vv_extra){
		.type = type,
		.name = name,
		.name_len = strlen(name),
		.value_len = len,
	};
	x->values_len += len;
	return VV_OK;
}

int vv_extras_add(struct vv_extras *x, const char *name, size_t len)
{
	return has_name(x, name) ? VV_OK : add(x, VV_EXTRA_XATTR, name, len);
}

int vv_extras_add_item(struct vv_extras *x, enum vv_extra_type type, size_t len)
{
	return add(x, type, "", len);
}

void vv_extras_finish(struct vv_extras *x, struct vv_tree_meta *meta)
{
	const uint8_t *value = x->values;

	for (size_t i = 0; i < x->count; i++) {
		x->items[i].value = value;
		value += x->items[i].value_len;
	}
	meta->extras = x->items;
	meta->extra_count = x->count;
}
