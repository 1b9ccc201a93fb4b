#include "core/err.h"
#include "format/tree_layout.h"

#include <string.h>

struct extra_rule {
	uint16_t name_min, name_max;
	uint32_t value_min, value_max;
};

static const struct extra_rule extra_rules[] = {
	[VV_EXTRA_XATTR] = { 1, 255, 0, VV_XATTR_MAX },
	[VV_EXTRA_WIN_TIMES] = { 0, 0, 24, 24 },
	[VV_EXTRA_WIN_ATTRS] = { 0, 0, 4, 4 },
	[VV_EXTRA_SECURITY] = { 0, 0, 1, VV_EXTRA_VALUE_MAX },
	[VV_EXTRA_EA] = { 1, 255, 1, VV_EXTRA_VALUE_MAX },
	[VV_EXTRA_STREAM] = { 1, VV_NAME_MAX, 40, 40 },
	[VV_EXTRA_REPARSE] = { 0, 0, 4, VV_EXTRA_VALUE_MAX },
};

enum {
	EXTRA_TYPES = sizeof extra_rules / sizeof *extra_rules
};

int vv_tree_extra_check(const struct vv_extra *x)
{
	const struct extra_rule *rule;

	if ((unsigned)x->type >= EXTRA_TYPES)
		return VV_OK;
	rule = &extra_rules[x->type];
	if (x->name_len < rule->name_min || x->name_len > rule->name_max ||
	    x->value_len < rule->value_min || x->value_len > rule->value_max ||
	    (x->name_len && memchr(x->name, '\0', x->name_len)))
		return VV_EINVAL;
	return VV_OK;
}

int vv_tree_extra_get(const struct vv_tree *t, uint64_t at, uint64_t *next,
		      struct vv_extra *out)
{
	uint64_t size;
	const uint8_t *item;
	int err = vv_image_get(&t->image, t->extras + at, VV_XTR_HEAD, &item);

	if (err)
		return err;
	*out = (struct vv_extra){ .type = vv_get_le16(item + VV_XTR_TYPE),
				  .name_len = vv_get_le16(item + VV_XTR_NAME_SIZE),
				  .value_len = vv_get_le32(item + VV_XTR_VALUE_SIZE) };
	if (out->value_len > VV_EXTRA_VALUE_MAX)
		return VV_ECORRUPT;
	if (out->type == VV_EXTRA_END) {
		*next = at + VV_XTR_HEAD;
		return out->name_len == 0 && out->value_len == 0 ? 0 : VV_ECORRUPT;
	}
	size = (uint64_t)VV_XTR_HEAD + out->name_len + out->value_len;
	*next = at + ((size + 7) & ~(uint64_t)7);
	err = vv_image_get(&t->image, t->extras + at, size, &item);
	if (err)
		return err;
	out->name = (const char *)item + VV_XTR_HEAD;
	out->value = item + VV_XTR_HEAD + out->name_len;
	return vv_tree_extra_check(out) ? VV_ECORRUPT : 1;
}

int vv_tree_extra_next(const struct vv_tree *tree, const struct vv_entry *entry,
		       uint64_t *pos, struct vv_extra *out)
{
	*out = (struct vv_extra){ 0 };
	if (entry->extras == 0)
		return 0;
	for (;;) {
		uint64_t at = entry->extras - 1 + *pos, next;
		int found = vv_tree_extra_get(tree, at, &next, out);

		if (found <= 0)
			return found;
		*pos += next - at;
		if ((unsigned)out->type < EXTRA_TYPES)
			return 1;
	}
}

int vv_tree_xattr(const struct vv_tree *tree, const struct vv_entry *entry,
		  const char *name, size_t len, struct vv_extra *out)
{
	uint64_t pos = 0;

	for (;;) {
		int found = vv_tree_extra_next(tree, entry, &pos, out);

		if (found < 0)
			return found;
		if (found == 0 || out->type > VV_EXTRA_XATTR)
			return VV_ENODATA;
		if (out->name_len == len && memcmp(out->name, name, len) == 0)
			return VV_OK;
	}
}

int vv_tree_streams(const struct vv_tree *tree, const struct vv_entry *entry,
		    int (*blob)(void *ctx, const struct vv_id *id), void *ctx)
{
	enum {
		ID_AT = 8
	};
	struct vv_extra extra;
	struct vv_id id;
	uint64_t pos = 0;
	int more, err = VV_OK;

	while (!err && (more = vv_tree_extra_next(tree, entry, &pos, &extra)) != 0) {
		if (more < 0)
			return more;
		if (extra.type != VV_EXTRA_STREAM)
			continue;
		if (extra.value_len != ID_AT + VV_ID_BYTES)
			return VV_ECORRUPT;
		memcpy(id.bytes, extra.value + ID_AT, VV_ID_BYTES);
		if (!vv_id_is_zero(&id))
			err = blob(ctx, &id);
	}
	return err;
}
