#include "store/condemned.h"

#include "core/err.h"
#include "core/log.h"
#include "format/record.h"
#include "source/source.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX "condemned/"

struct listing {
	struct vv_store *store;
	struct vv_condemned *out;
};

/*
 * A record that is damaged still is one: publishers go by its key.  Its time counts
 * anew, by the record that gc writes in its place.
 */
static int read_record(struct vv_store *store, const char *key,
		       struct vv_condemned_item *out)
{
	struct vv_record record;
	char *text = NULL;
	int64_t damaged;
	size_t len;
	int err = vv_source_get_whole(vv_store_source(store), key, VV_RECORD_MAX, &text,
				      &len);

	if (!err)
		err = vv_record_parse(&record, "condemned", text, len);
	if (!err)
		err = vv_record_number(&record, "time", &out->time_ns);
	if (!err && out->time_ns < 0)
		err = VV_ECORRUPT;
	out->is_damaged = !err &&
			  vv_record_number(&record, "damaged", &damaged) == VV_OK &&
			  damaged != 0;
	free(text);
	if (err && err != VV_ENOENT)
		vv_log(VV_LOG_WARN, "%s: %s", key, vv_err_text(err));
	if (err == VV_ECORRUPT || err == VV_EINVAL || err == VV_EFBIG) {
		out->time_ns = INT64_MAX;
		return VV_OK;
	}
	return err;
}

static int add(struct vv_condemned *c, const struct vv_condemned_item *item)
{
	if (c->count == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 64;
		struct vv_condemned_item *items =
			realloc(c->items, cap * sizeof *items);

		if (!items)
			return VV_ENOMEM;
		c->items = items;
		c->cap = cap;
	}
	c->items[c->count] = *item;
	return vv_idmap_put(&c->index, &item->id, c->count++);
}

static int list_one(void *ctx, const char *key, const struct vv_object_info *info)
{
	const struct listing *l = ctx;
	const char *hex = key + strlen(PREFIX);
	struct vv_condemned_item item = { .time_ns = INT64_MAX };
	int err;

	(void)info;
	if (vv_id_from_hex(&item.id, hex, strlen(hex)))
		return VV_OK; /* unknown keys are ignored */
	err = read_record(l->store, key, &item);
	if (err == VV_ENOENT)
		return VV_OK;
	return err ? err : add(l->out, &item);
}

int vv_condemned_list(struct vv_condemned *out, struct vv_store *store)
{
	struct listing l = { store, out };

	*out = (struct vv_condemned){ 0 };
	vv_idmap_init(&out->index, UINT32_MAX);
	return vv_source_list(vv_store_source(store), PREFIX, list_one, &l);
}

void vv_condemned_fini(struct vv_condemned *c)
{
	free(c->items);
	vv_idmap_fini(&c->index);
	*c = (struct vv_condemned){ 0 };
}

int vv_condemned_put(struct vv_store *store, const struct vv_id *id, int64_t time_ns,
		     const struct vv_condemned_why *why)
{
	char key[VV_STORE_KEY_MAX];
	struct vv_buf record;
	int err;

	vv_buf_init(&record, VV_RECORD_MAX);
	vv_store_condemned_key(key, id);
	err = vv_record_begin(&record, "condemned");
	if (!err)
		err = vv_record_add_text(&record, "kind", why->kind);
	if (!err)
		err = vv_record_add_number(&record, "time", time_ns);
	if (!err)
		err = vv_record_add_text(&record, "why", why->why);
	if (!err && why->is_damaged)
		err = vv_record_add_number(&record, "damaged", 1);
	if (!err)
		err = vv_record_end(&record);
	if (!err)
		err = vv_source_put(vv_store_source(store), key, record.bytes,
				    record.len, VV_PUT_REPLACE);
	vv_buf_fini(&record);
	return err;
}
