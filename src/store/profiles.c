#include "store/profiles.h"

#include "core/err.h"
#include "core/log.h"
#include "core/refname.h"
#include "format/record.h"
#include "os/file.h"
#include "source/source.h"
#include "store/inside.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX "profiles/"

_Static_assert(sizeof PREFIX - 1 + VV_REFNAME_BUF_BYTES <= VV_STORE_KEY_MAX, "fits");

/* `profiles/<encoded name>`, and where the name begins in it; VV_EINVAL. */
static int make_key(char key[VV_STORE_KEY_MAX], const char *ref, const char **encoded)
{
	memcpy(key, PREFIX, sizeof PREFIX);
	*encoded = key + sizeof PREFIX - 1;
	return vv_refname_encode(key + sizeof PREFIX - 1, ref);
}

int vv_profiles_get(struct vv_store *store, const char *ref, struct vv_profile *out)
{
	char key[VV_STORE_KEY_MAX], *text = NULL;
	const char *encoded;
	size_t len;
	int err = make_key(key, ref, &encoded);

	if (!err)
		err = vv_source_get_whole(store->source, key, VV_RECORD_MAX, &text,
					  &len);
	if (err) {
		vv_profile_init(out);
		return err == VV_EFBIG ? VV_ECORRUPT : err;
	}
	err = vv_profile_parse(out, encoded, text, len);
	free(text);
	if (vv_store_found(err))
		vv_log(VV_LOG_WARN, "profile %s: %s; record it again", key,
		       vv_err_text(err));
	return err;
}

static int read_all(struct vv_file *file, char **out, size_t *len)
{
	uint64_t size;
	int err = vv_file_size(file, &size);

	*out = NULL;
	if (!err && size > VV_RECORD_MAX)
		err = VV_EFBIG;
	if (err)
		return err;
	*out = malloc((size_t)size + 1);
	return *out ? vv_file_read(file, *out, (size_t)size, 0, len) : VV_ENOMEM;
}

int vv_profiles_read_file(const char *path, struct vv_profile *out)
{
	struct vv_file *file = NULL;
	char *text = NULL;
	size_t len = 0;
	int err = vv_file_open(&file, path);

	vv_profile_init(out);
	if (!err)
		err = read_all(file, &text, &len);
	if (!err)
		err = vv_profile_parse(out, NULL, text, len);
	free(text);
	vv_file_close(file);
	return err;
}

int vv_profiles_size(struct vv_store *store, const char *ref, size_t *out)
{
	char key[VV_STORE_KEY_MAX];
	struct vv_object_info info = { 0 };
	const char *encoded;
	int err = make_key(key, ref, &encoded);

	if (!err)
		err = vv_source_stat(store->source, key, &info);
	*out = err ? 0 : (size_t)info.size;
	return !err && info.size > VV_RECORD_MAX ? VV_ECORRUPT : err;
}

int vv_profiles_put(struct vv_store *store, const char *ref,
		    const struct vv_profile *profile)
{
	char key[VV_STORE_KEY_MAX];
	const char *encoded;
	struct vv_buf record;
	int err = make_key(key, ref, &encoded);

	if (err)
		return err;
	vv_buf_init(&record, VV_RECORD_MAX);
	err = vv_profile_write(profile, encoded, &record);
	if (!err)
		err = vv_source_put(store->source, key, record.bytes, record.len,
				    VV_PUT_REPLACE);
	vv_buf_fini(&record);
	return err;
}

int vv_profiles_remove(struct vv_store *store, const char *ref)
{
	char key[VV_STORE_KEY_MAX];
	const char *encoded;
	int err = make_key(key, ref, &encoded);

	return err ? err : vv_source_remove(store->source, key);
}

int vv_profiles_copy(struct vv_store *store, const char *from, const char *to)
{
	struct vv_profile profile;
	int err = vv_profiles_get(store, from, &profile);

	if (err)
		return err == VV_ENOENT ? VV_OK : err;
	err = vv_profiles_put(store, to, &profile);
	vv_profile_fini(&profile);
	return err;
}

struct listing {
	int (*item)(void *ctx, const char *ref);
	void *ctx;
};

static int list_one(void *ctx, const char *key, const struct vv_object_info *info)
{
	const struct listing *l = ctx;
	char name[VV_REFNAME_BUF_BYTES];

	(void)info;
	if (vv_refname_decode(name, key + sizeof PREFIX - 1))
		return VV_OK; /* not ours */
	return l->item(l->ctx, name);
}

int vv_profiles_list(struct vv_store *store, int (*item)(void *ctx, const char *ref),
		     void *ctx)
{
	struct listing l = { item, ctx };

	return vv_source_list(store->source, PREFIX, list_one, &l);
}
