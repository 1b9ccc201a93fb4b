#include "source/source.h"

#include "core/err.h"
#include "os/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool key_byte_ok(char c)
{
	return c > ' ' && c <= '~' && c != '\\' && c != ':';
}

bool vv_source_key_ok(const char *key)
{
	size_t i;

	for (i = 0; key[i]; i++) {
		bool starts_part = i == 0 || key[i - 1] == '/';

		if (i == VV_SOURCE_KEY_MAX || !key_byte_ok(key[i]))
			return false;
		if (starts_part && (key[i] == '.' || key[i] == '/'))
			return false;
	}
	return i > 0 && key[i - 1] != '/';
}

/* "" or a key with a slash after it. */
static bool prefix_ok(const char *prefix)
{
	char key[VV_SOURCE_KEY_MAX + 1];
	size_t len = strlen(prefix);

	if (len == 0)
		return true;
	if (prefix[len - 1] != '/' || len > VV_SOURCE_KEY_MAX)
		return false;
	memcpy(key, prefix, len - 1);
	key[len - 1] = '\0';
	return vv_source_key_ok(key);
}

int vv_source_get(struct vv_source *src, const char *key, void *buf, size_t len,
		  uint64_t off, size_t *got)
{
	int err;

	*got = 0;
	if (!vv_source_key_ok(key))
		return VV_EINVAL;
	err = src->ops->get(src, key, buf, len, off, got);
	assert(err <= 0);
	assert(err == VV_OK || *got == 0);
	assert(*got <= len);
	return err;
}

int vv_source_stat(struct vv_source *src, const char *key, struct vv_object_info *out)
{
	int err;

	*out = (struct vv_object_info){ 0 };
	if (!vv_source_key_ok(key))
		return VV_EINVAL;
	err = src->ops->stat(src, key, out);
	assert(err <= 0);
	return err;
}

int vv_source_put_begin(struct vv_source *src, struct vv_put **out)
{
	int err;

	*out = NULL;
	err = src->ops->put_begin(src, out);
	assert(err <= 0);
	assert((err == VV_OK) == (*out != NULL));
	assert(err || ((*out)->src == src && (*out)->err == VV_OK));
	return err;
}

int vv_source_put_write(struct vv_put *put, const void *bytes, size_t len)
{
	if (!put->err && len > 0)
		put->err = put->src->ops->put_write(put, bytes, len);
	assert(put->err <= 0);
	return put->err;
}

int vv_source_put_commit(struct vv_put *put, const char *key, enum vv_put_mode mode)
{
	int err = put->err;

	if (!err && !vv_source_key_ok(key))
		err = VV_EINVAL;
	if (err) {
		vv_source_put_abort(put);
		return err;
	}
	err = put->src->ops->put_commit(put, key, mode);
	assert(err <= 0);
	assert(err != VV_EEXIST || mode == VV_PUT_NEW);
	return err;
}

void vv_source_put_abort(struct vv_put *put)
{
	if (put)
		put->src->ops->put_abort(put);
}

int vv_source_remove(struct vv_source *src, const char *key)
{
	int err;

	if (!vv_source_key_ok(key))
		return VV_EINVAL;
	err = src->ops->remove(src, key);
	assert(err <= 0);
	return err;
}

struct key_filter {
	vv_source_object_fn object;
	void *ctx; /* borrowed */
	const char *prefix;
};

/* What a stranger put beside our objects is not one: never pass such a key on. */
static int pass_good_key(void *ctx, const char *key, const struct vv_object_info *info)
{
	const struct key_filter *filter = ctx;

	assert(strncmp(key, filter->prefix, strlen(filter->prefix)) == 0);
	if (!vv_source_key_ok(key))
		return 0;
	return filter->object(filter->ctx, key, info);
}

int vv_source_list(struct vv_source *src, const char *prefix,
		   vv_source_object_fn object, void *ctx)
{
	struct key_filter filter = { object, ctx, prefix };

	if (!prefix_ok(prefix))
		return VV_EINVAL;
	return src->ops->list(src, prefix, pass_good_key, &filter);
}

int vv_source_settle(struct vv_source *src, const char *prefix)
{
	int err;

	if (!prefix_ok(prefix))
		return VV_EINVAL;
	err = src->ops->settle ? src->ops->settle(src, prefix) : VV_OK;
	assert(err <= 0);
	return err;
}

int vv_source_map(struct vv_source *src, const char *key, uint64_t off, uint64_t len,
		  struct vv_map *out)
{
	int err;

	*out = (struct vv_map){ 0 };
	if (!vv_source_key_ok(key))
		return VV_EINVAL;
	if (!src->ops->map)
		return VV_ENOSYS;
	err = src->ops->map(src, key, off, len, out);
	assert(err <= 0);
	assert(err == VV_OK || !out->private);
	assert(err || len == 0 || out->size == len);
	return err;
}

void vv_source_free(struct vv_source *src)
{
	while (src) {
		struct vv_source *next = src->next;

		src->ops->free(src);
		src = next;
	}
}

int vv_source_get_exact(struct vv_source *src, const char *key, void *buf, size_t len,
			uint64_t off)
{
	size_t got;
	int err = vv_source_get(src, key, buf, len, off, &got);

	if (!err && got < len)
		err = VV_ECORRUPT;
	return err;
}

/*
 * Each round reads from the start: two gets could see two versions of a ref.  Records
 * fit the first round, so a remote source is asked once.
 */
int vv_source_get_whole(struct vv_source *src, const char *key, size_t max, char **out,
			size_t *len)
{
	size_t cap = 8 * 1024;
	char *bytes = NULL;
	size_t got = 0;
	int err;

	*out = NULL;
	*len = 0;
	assert(max < SIZE_MAX / 16);
	do {
		cap = cap < max ? cap * 8 : max + 1; /* one more than may be there */
		free(bytes);
		bytes = malloc(cap);
		err = bytes ? vv_source_get(src, key, bytes, cap, 0, &got) : VV_ENOMEM;
	} while (!err && got == cap && cap <= max);
	if (!err && got > max)
		err = VV_EFBIG;
	if (err) {
		free(bytes);
		return err;
	}
	bytes[got] = '\0';
	*out = bytes;
	*len = got;
	return VV_OK;
}

int vv_source_put(struct vv_source *src, const char *key, const void *bytes, size_t len,
		  enum vv_put_mode mode)
{
	struct vv_put *put;
	int err = vv_source_put_begin(src, &put);

	if (err)
		return err;
	vv_source_put_write(put, bytes, len); /* commit returns what it returned */
	return vv_source_put_commit(put, key, mode);
}
