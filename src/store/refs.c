/* The refs of a store: one small record each, the only objects that are replaced. */
#include "store/inside.h"

#include "core/err.h"
#include "core/log.h"
#include "core/refname.h"
#include "format/record.h"
#include "os/system.h"
#include "source/source.h"
#include "store/profiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX VV_REF_PREFIX

_Static_assert((int)VV_REF_NAME_MAX == (int)VV_REFNAME_KEY_BYTES_MAX,
	       "one limit, two names");
_Static_assert(sizeof PREFIX - 1 + VV_REFNAME_BUF_BYTES <= VV_STORE_KEY_MAX, "fits");

/* ---- one ref ---- */

/* `refs/<encoded name>`; VV_EINVAL. */
static int make_key(char key[VV_STORE_KEY_MAX], const char *name)
{
	memcpy(key, PREFIX, sizeof PREFIX);
	return vv_refname_encode(key + sizeof PREFIX - 1, name);
}

static int count_of(const struct vv_record *rec, const char *key, uint64_t *out)
{
	int64_t n;
	int err = vv_record_number(rec, key, &n);

	if (!err && n < 0)
		err = VV_ECORRUPT;
	*out = err ? 0 : (uint64_t)n;
	return err;
}

static int parse(const char *text, size_t len, const char *key, struct vv_ref *out)
{
	char name[VV_REFNAME_BUF_BYTES];
	struct vv_record rec;
	int err = vv_record_parse(&rec, "ref", text, len);

	if (err)
		return err == VV_EINVAL ? VV_ECORRUPT : err;
	err = vv_record_text(&rec, "name", name, sizeof name);
	if (!err && strcmp(name, key + sizeof PREFIX - 1) != 0)
		err = VV_ECORRUPT;
	if (!err)
		err = vv_record_id(&rec, "tree", &out->tree);
	if (!err)
		err = vv_record_number(&rec, "published", &out->published_ns);
	if (!err)
		err = count_of(&rec, "files", &out->files);
	if (!err)
		err = count_of(&rec, "bytes", &out->bytes);
	return err;
}

int vv_ref_read(struct vv_store *store, const char *key, struct vv_ref *out)
{
	char *text = NULL;
	size_t len;
	int err = vv_source_get_whole(store->source, key, VV_RECORD_MAX, &text, &len);

	if (!err)
		err = parse(text, len, key, out);
	free(text);
	if (vv_store_found(err))
		vv_log(VV_LOG_ERROR, "ref %s: %s", key, vv_err_text(err));
	return err;
}

/*
 * The version is asked for before the content is read.  If the ref moves in between,
 * the next look finds another version and reads again; the other order would miss it.
 */
int vv_ref_get(struct vv_store *store, const char *name, struct vv_ref *out)
{
	char key[VV_STORE_KEY_MAX];
	struct vv_object_info info;
	int err = make_key(key, name);

	*out = (struct vv_ref){ 0 };
	if (!err)
		err = vv_source_stat(store->source, key, &info);
	if (!err)
		err = vv_ref_read(store, key, out);
	if (err) {
		*out = (struct vv_ref){ 0 };
		return err;
	}
	out->version = info.version;
	snprintf(out->name, sizeof out->name, "%s", name);
	return VV_OK;
}

/* ---- putting ---- */

static int is_there(void *ctx, const char *key, const struct vv_object_info *info)
{
	(void)ctx;
	(void)key;
	(void)info;
	return VV_EEXIST;
}

/* Is there a ref beneath @key? */
static int check_beneath(struct vv_store *store, const char *key)
{
	char prefix[VV_STORE_KEY_MAX + 1];
	int err;

	snprintf(prefix, sizeof prefix, "%s/", key);
	err = vv_source_list(store->source, prefix, is_there, NULL);
	if (err == VV_EEXIST)
		vv_log(VV_LOG_ERROR, "ref %s: there are refs beneath this name", key);
	return err;
}

/* Is a parent of @name a ref? */
static int check_above(struct vv_store *store, const char *name)
{
	char above[VV_REF_NAME_MAX + 1], key[VV_STORE_KEY_MAX];
	struct vv_object_info info;
	char *slash;
	int err;

	snprintf(above, sizeof above, "%s", name);
	while ((slash = strrchr(above, '/'))) {
		*slash = '\0';
		err = make_key(key, above);
		if (!err)
			err = vv_source_stat(store->source, key, &info);
		if (!err) {
			vv_log(VV_LOG_ERROR, "ref %s: %s is a ref already", name,
			       above);
			return VV_EEXIST;
		}
		if (err != VV_ENOENT)
			return err;
	}
	return VV_OK;
}

static int make_record(struct vv_buf *out, const struct vv_ref *ref, const char *key)
{
	int64_t published = ref->published_ns ? ref->published_ns : vv_time_ns();
	int err = vv_record_begin(out, "ref");

	if (!err)
		err = vv_record_add_text(out, "name", key + sizeof PREFIX - 1);
	if (!err)
		err = vv_record_add_id(out, "tree", &ref->tree);
	if (!err)
		err = vv_record_add_number(out, "published", published);
	if (!err)
		err = vv_record_add_number(out, "files", (int64_t)ref->files);
	if (!err)
		err = vv_record_add_number(out, "bytes", (int64_t)ref->bytes);
	return err ? err : vv_record_end(out);
}

static int check_name(struct vv_store *store, const char *name, const char *key)
{
	int err = check_above(store, name);

	return err ? err : check_beneath(store, key);
}

/*
 * Of two writers that passed the first check at one time, the one whose put came last
 * finds the other's here.  Neither may take its ref back: it might be a third one's.
 */
static int check_again(struct vv_store *store, const char *name, const char *key)
{
	if (check_name(store, name, key) != VV_EEXIST)
		return VV_OK;
	vv_log(VV_LOG_ERROR,
	       "ref %s was put while somebody put the other one; readers show the longer name: remove one of the two",
	       name);
	return VV_EEXIST;
}

int vv_ref_put(struct vv_store *store, const struct vv_ref *ref)
{
	char key[VV_STORE_KEY_MAX];
	struct vv_buf record;
	int err = make_key(key, ref->name);

	if (err)
		return err;
	err = check_name(store, ref->name, key);
	if (err)
		return err;
	vv_buf_init(&record, VV_RECORD_MAX);
	err = make_record(&record, ref, key);
	if (!err)
		err = vv_source_put(store->source, key, record.bytes, record.len,
				    VV_PUT_REPLACE);
	vv_buf_fini(&record);
	return err ? err : check_again(store, ref->name, key);
}

/* Its profile goes after it: what is left of one without a ref, gc removes. */
int vv_ref_remove(struct vv_store *store, const char *name)
{
	char key[VV_STORE_KEY_MAX];
	int err = make_key(key, name);

	if (!err)
		err = vv_source_remove(store->source, key);
	if (!err)
		(void)vv_profiles_remove(store, name);
	return err;
}
