#include "store/inside.h"

#include "core/err.h"
#include "core/log.h"
#include "format/record.h"
#include "os/system.h"
#include "source/source.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_KEY "varve"

enum {
	STORE_ID_BYTES = 16
};

bool vv_store_found(int err)
{
	return err == VV_ECORRUPT || err == VV_ENEWER || err == VV_EINVAL ||
	       err == VV_EFBIG;
}

/* ---- keys ---- */

void vv_store_hashed_key(char *out, const char *prefix, const struct vv_id *id)
{
	char hex[VV_ID_HEX_BYTES];

	vv_id_to_hex(id, hex);
	snprintf(out, VV_STORE_KEY_MAX, "%s/%.2s/%s", prefix, hex, hex);
}

bool vv_store_hashed_id(const char *key, const char *prefix, struct vv_id *id)
{
	char again[VV_STORE_KEY_MAX];
	size_t at = strlen(prefix) + strlen("/hh/");
	size_t len = strlen(key);

	if (len <= at || vv_id_from_hex(id, key + at, len - at))
		return false;
	vv_store_hashed_key(again, prefix, id);
	return strcmp(key, again) == 0;
}

void vv_store_tree_key(char *out, const struct vv_id *id)
{
	vv_store_hashed_key(out, "trees", id);
}

void vv_store_pack_key(char *out, const struct vv_id *id)
{
	vv_store_hashed_key(out, "packs", id);
}

void vv_store_condemned_key(char *out, const struct vv_id *id)
{
	char hex[VV_ID_HEX_BYTES];

	snprintf(out, VV_STORE_KEY_MAX, "condemned/%s", vv_id_to_hex(id, hex));
}

int vv_store_settle(struct vv_store *store, const char *key)
{
	char prefix[VV_STORE_KEY_MAX];
	const char *slash = strrchr(key, '/');
	size_t len = slash ? (size_t)(slash - key) + 1 : 0;

	memcpy(prefix, key, len);
	prefix[len] = '\0';
	return vv_source_settle(store->source, prefix);
}

/* ---- listing ---- */

struct listing {
	const char *prefix;
	int (*object)(void *ctx, const struct vv_id *id, uint64_t size);
	void *ctx; /* borrowed */
	struct vv_source *source;
};

static int list_object(void *ctx, const char *key, const struct vv_object_info *info)
{
	const struct listing *listing = ctx;
	struct vv_object_info asked;
	struct vv_id id;
	int err;

	if (!vv_store_hashed_id(key, listing->prefix, &id))
		return VV_OK; /* unknown keys are ignored */
	if (!info) {
		err = vv_source_stat(listing->source, key, &asked);
		if (err)
			return err == VV_ENOENT ? VV_OK : err;
		info = &asked;
	}
	return listing->object(listing->ctx, &id, info->size);
}

int vv_store_list_trees(struct vv_store *store,
			int (*object)(void *ctx, const struct vv_id *id, uint64_t size),
			void *ctx)
{
	struct listing listing = { "trees", object, ctx, store->source };

	return vv_source_list(store->source, "trees/", list_object, &listing);
}

int vv_store_list_packs(struct vv_store *store,
			int (*object)(void *ctx, const struct vv_id *id, uint64_t size),
			void *ctx)
{
	struct listing listing = { "packs", object, ctx, store->source };

	return vv_source_list(store->source, "packs/", list_object, &listing);
}

/* ---- making ---- */

static void random_hex(char out[2 * STORE_ID_BYTES + 1])
{
	uint8_t bytes[STORE_ID_BYTES];

	vv_random(bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

int vv_store_init(struct vv_source *src)
{
	char id[2 * STORE_ID_BYTES + 1];
	struct vv_buf record;
	int err;

	vv_buf_init(&record, VV_RECORD_MAX);
	random_hex(id);
	err = vv_record_begin(&record, "store");
	if (!err)
		err = vv_record_add_text(&record, "id", id);
	if (!err)
		err = vv_record_add_number(&record, "created", vv_time_ns());
	if (!err)
		err = vv_record_end(&record);
	if (!err)
		err = vv_source_put(src, RECORD_KEY, record.bytes, record.len,
				    VV_PUT_NEW);
	vv_buf_fini(&record);
	return err;
}

/* ---- opening ---- */

static int check_record(const char *text, size_t len)
{
	char id[VV_RECORD_VALUE_MAX + 1];
	struct vv_record record;
	int64_t created;
	int err = vv_record_parse(&record, "store", text, len);

	if (err == VV_EINVAL) /* a good record of another kind */
		err = VV_ECORRUPT;
	if (!err)
		err = vv_record_text(&record, "id", id, sizeof id);
	if (!err)
		err = vv_record_number(&record, "created", &created);
	return err;
}

static int read_record(struct vv_source *src)
{
	char *text = NULL;
	size_t len;
	int err = vv_source_get_whole(src, RECORD_KEY, VV_RECORD_MAX, &text, &len);

	if (!err)
		err = check_record(text, len);
	free(text);
	if (vv_store_found(err) && err != VV_ENEWER)
		vv_log(VV_LOG_ERROR, "store record %s: %s", RECORD_KEY,
		       vv_err_text(err));
	return err;
}

int vv_store_open(struct vv_store **out, struct vv_source *src)
{
	struct vv_store *store;
	int err = read_record(src);

	*out = NULL;
	if (err)
		return err;
	store = calloc(1, sizeof *store);
	if (!store)
		return VV_ENOMEM;
	vv_mutex_init(&store->lock);
	vv_cond_init(&store->loaded);
	vv_map_windows_init(&store->windows);
	store->source = src;
	*out = store;
	return VV_OK;
}

int vv_store_present(struct vv_store *store)
{
	struct vv_object_info info;
	int err = vv_source_stat(store->source, RECORD_KEY, &info);

	return err == VV_ENOENT ? VV_ENOTCONN : err;
}

void vv_store_close(struct vv_store *store)
{
	if (!store)
		return;
	vv_pack_set_unref(store->packs);
	for (int i = 0; i < VV_TREE_BUCKETS; i++)
		assert(!store->trees[i]);
	vv_map_windows_fini(&store->windows);
	vv_source_free(store->source);
	vv_cond_fini(&store->loaded);
	vv_mutex_fini(&store->lock);
	free(store);
}

struct vv_source *vv_store_source(struct vv_store *store)
{
	return store->source;
}

void vv_store_set_budget(struct vv_store *store, struct vv_budget *budget)
{
	store->budget = budget;
	vv_map_windows_set_budget(&store->windows, budget);
}
