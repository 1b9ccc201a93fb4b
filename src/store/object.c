#include "store/object.h"

#include "cache/budget.h"
#include "codec/hash.h"
#include "core/err.h"
#include "source/source.h"

#include <stdlib.h>

/* The copy is in @out already when something fails, so that dropping it is enough. */
static int read_copy(struct vv_object *out, struct vv_source *src, const char *key,
		     uint64_t off, const struct vv_id *id, struct vv_budget *budget)
{
	struct vv_id found;
	int err = VV_OK;

	if (budget)
		err = vv_budget_try_reserve(budget, VV_HOLD_TREES, out->size);
	if (err)
		return err;
	out->budget = budget;
	out->copy = malloc(out->size);
	if (!out->copy)
		return VV_ENOMEM;
	err = vv_source_get_exact(src, key, out->copy, out->size, off);
	if (err)
		return err;
	vv_hash_id(&found, out->copy, out->size);
	if (!vv_id_equal(&found, id))
		return VV_ECORRUPT;
	out->bytes = out->copy;
	return VV_OK;
}

int vv_object_load(struct vv_object *out, struct vv_source *src, const char *key,
		   uint64_t off, uint64_t len, const struct vv_id *id,
		   struct vv_budget *budget)
{
	int err;

	*out = (struct vv_object){ 0 };
	if (len == 0)
		return VV_ECORRUPT; /* to a map it would mean "all there is" */
	if (len > SIZE_MAX)
		return VV_ENOMEM;
	err = vv_source_map(src, key, off, len, &out->map);
	out->size = (size_t)len;
	if (!err) {
		out->bytes = out->map.bytes;
		out->faults = out->map.faults;
		return VV_OK;
	}
	if (err == VV_ENOSYS)
		err = read_copy(out, src, key, off, id, budget);
	if (err)
		vv_object_drop(out);
	return err == VV_EINVAL ? VV_ECORRUPT : err; /* shorter than it should be */
}

void vv_object_drop(struct vv_object *object)
{
	vv_map_close(&object->map);
	free(object->copy);
	if (object->budget)
		vv_budget_release(object->budget, VV_HOLD_TREES, object->size);
	*object = (struct vv_object){ 0 };
}
