#include "store/intent.h"

#include "core/err.h"
#include "core/idmap.h"
#include "core/log.h"
#include "os/thread.h"
#include "source/source.h"
#include "store/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TOKEN_BYTES = 16,
	KEY_MAX = 64,
	IDS_MAX = VV_RECORD_MAX / 80, /* of each kind: two lists fit one record */
};

/*
 * (A1) One thread at a time writes the record; others wait for it.  So what lies in the
 *	store never goes back to an older state.
 * (A2) written <= changed; when they are equal the record says what we say.
 * (A3) Once is_stale is set, nothing is written any more.
 */
struct vv_announce {
	struct vv_store *store; /* borrowed */
	enum vv_announce_kind kind;
	char key[KEY_MAX];
	char *mount; /* owned; NULL unless a lease */

	struct vv_mutex lock; /* not held during I/O */
	struct vv_cond written_now;
	struct vv_idmap packs, trees; /* protected by lock, as all below */
	uint64_t changed, written;    /* generations; 0 = nothing was written yet */
	int64_t renewed_ns;
	bool is_writing, is_stale;
};

static const char *prefix_of(enum vv_announce_kind kind)
{
	return kind == VV_ANNOUNCE_LEASE ? "leases/" : "intents/";
}

static const char *record_kind(enum vv_announce_kind kind)
{
	return kind == VV_ANNOUNCE_LEASE ? "lease" : "intent";
}

/* ---- writing ---- */

static int add_ids(struct vv_buf *out, const char *key, const struct vv_idmap *ids)
{
	const struct vv_id *id;
	uint64_t number;
	size_t cursor = 0;
	int err = VV_OK;

	while (!err && vv_idmap_next(ids, &cursor, &id, &number))
		err = vv_record_add_id(out, key, id);
	return err;
}

static int add_owner(struct vv_buf *out, int64_t now)
{
	char host[VV_SYSTEM_NAME_BYTES], boot[VV_SYSTEM_NAME_BYTES];
	int err;

	vv_host_name(host);
	vv_boot_name(boot);
	err = vv_record_add_text(out, "host", host);
	if (!err)
		err = vv_record_add_text(out, "boot", boot);
	if (!err)
		err = vv_record_add_number(out, "pid", (int64_t)vv_process_id());
	if (!err)
		err = vv_record_add_number(out, "renewed", now);
	return err;
}

/* Locked. */
static int make_record(const struct vv_announce *a, struct vv_buf *out, int64_t now)
{
	int err = vv_record_begin(out, record_kind(a->kind));

	if (!err)
		err = add_owner(out, now);
	if (!err && a->kind == VV_ANNOUNCE_GC)
		err = vv_record_add_text(out, "role", "gc");
	if (!err && a->mount)
		err = vv_record_add_text(out, "mount", a->mount);
	if (!err)
		err = add_ids(out, "pack", &a->packs);
	if (!err)
		err = add_ids(out, "tree", &a->trees);
	return err ? err : vv_record_end(out);
}

/* Is what we wrote still there? */
static int look(const struct vv_announce *a)
{
	struct vv_object_info info;
	int err = vv_source_stat(vv_store_source(a->store), a->key, &info);

	if (err == VV_ENOENT) {
		vv_log(VV_LOG_ERROR,
		       "%s was removed: its owner was taken for dead; run "
		       "again",
		       a->key);
		return VV_ESTALE;
	}
	return err;
}

static int put(const struct vv_announce *a, const struct vv_buf *record, bool is_first)
{
	int err = is_first ? VV_OK : look(a);

	if (err)
		return err;
	return vv_source_put(vv_store_source(a->store), a->key, record->bytes,
			     record->len, VV_PUT_TRANSIENT);
}

/* Locked, but not during the I/O.  (A1) is the caller's. */
static int write_record(struct vv_announce *a)
{
	int64_t now = vv_time_ns();
	uint64_t generation = a->changed;
	bool is_first = a->written == 0;
	struct vv_buf record;
	int err;

	vv_buf_init(&record, VV_RECORD_MAX);
	err = make_record(a, &record, now);
	a->is_writing = true;
	vv_mutex_unlock(&a->lock);
	if (!err)
		err = put(a, &record, is_first);
	vv_buf_fini(&record);
	vv_mutex_lock(&a->lock);
	a->is_writing = false;
	a->is_stale |= err == VV_ESTALE;
	if (!err) {
		a->written = generation;
		a->renewed_ns = now;
	}
	vv_cond_broadcast(&a->written_now);
	return err;
}

static bool is_due(const struct vv_announce *a)
{
	int64_t age = vv_time_ns() - a->renewed_ns;

	/* Negative: the clock was set back, and others would find our time odd. */
	return a->written != a->changed || age < 0 || age >= VV_ANNOUNCE_RENEW_NS;
}

int vv_announce_flush(struct vv_announce *a)
{
	int err = VV_OK;

	vv_mutex_lock(&a->lock);
	while (a->is_writing)
		vv_cond_wait(&a->written_now, &a->lock);
	if (a->is_stale)
		err = VV_ESTALE;
	else if (is_due(a))
		err = write_record(a);
	vv_mutex_unlock(&a->lock);
	return err;
}

int vv_announce_check(struct vv_announce *a)
{
	bool is_first;
	int err;

	vv_mutex_lock(&a->lock);
	is_first = a->written == 0;
	vv_mutex_unlock(&a->lock);
	err = is_first ? VV_OK : look(a);

	if (err == VV_ESTALE) {
		vv_mutex_lock(&a->lock);
		a->is_stale = true; /* (A3) */
		vv_mutex_unlock(&a->lock);
	}
	return err ? err : vv_announce_flush(a);
}

/* ---- what is announced ---- */

static int add(struct vv_announce *a, struct vv_idmap *ids, const struct vv_id *id)
{
	int err = VV_OK;

	vv_mutex_lock(&a->lock);
	if (!vv_idmap_get(ids, id, NULL)) {
		err = vv_idmap_put(ids, id, 0);
		a->changed += !err;
	}
	vv_mutex_unlock(&a->lock);
	return err;
}

int vv_announce_pack(struct vv_announce *a, const struct vv_id *id)
{
	return add(a, &a->packs, id);
}

int vv_announce_tree(struct vv_announce *a, const struct vv_id *id)
{
	return add(a, &a->trees, id);
}

int vv_announce_forget_tree(struct vv_announce *a, const struct vv_id *id)
{
	vv_mutex_lock(&a->lock);
	if (vv_idmap_remove(&a->trees, id))
		a->changed++;
	vv_mutex_unlock(&a->lock);
	return VV_OK;
}

/* ---- life ---- */

static void make_key(struct vv_announce *a)
{
	uint8_t token[TOKEN_BYTES];
	int at = snprintf(a->key, sizeof a->key, "%s", prefix_of(a->kind));

	vv_random(token, sizeof token);
	for (int i = 0; i < TOKEN_BYTES; i++)
		snprintf(a->key + at + 2 * i, 3, "%02x", token[i]);
}

static void announce_free(struct vv_announce *a)
{
	vv_idmap_fini(&a->packs);
	vv_idmap_fini(&a->trees);
	vv_cond_fini(&a->written_now);
	vv_mutex_fini(&a->lock);
	free(a->mount);
	free(a);
}

int vv_announce_open(struct vv_announce **out, struct vv_store *store,
		     enum vv_announce_kind kind, const char *mount)
{
	struct vv_announce *a = calloc(1, sizeof *a);
	int err = VV_OK;

	*out = NULL;
	assert(!mount || kind == VV_ANNOUNCE_LEASE);
	if (!a)
		return VV_ENOMEM;
	a->store = store;
	a->kind = kind;
	a->changed = 1;
	vv_mutex_init(&a->lock);
	vv_cond_init(&a->written_now);
	vv_idmap_init(&a->packs, IDS_MAX);
	vv_idmap_init(&a->trees, IDS_MAX);
	make_key(a);
	if (mount && !(a->mount = strdup(mount)))
		err = VV_ENOMEM;
	if (!err && kind != VV_ANNOUNCE_LEASE)
		err = vv_announce_flush(a);
	if (err) {
		announce_free(a);
		return err;
	}
	*out = a;
	return VV_OK;
}

/* A record that cannot be removed is left to gc, which finds its owner dead. */
void vv_announce_close(struct vv_announce *a)
{
	int err;

	if (!a)
		return;
	err = vv_source_remove(vv_store_source(a->store), a->key);
	if (err && err != VV_ENOENT)
		vv_log(VV_LOG_WARN, "%s stays until the next gc: %s", a->key,
		       vv_err_text(err));
	announce_free(a);
}

const char *vv_announce_key(const struct vv_announce *a)
{
	return a->key;
}

/* ---- reading those of others ---- */

struct reading {
	struct vv_store *store;
	enum vv_announce_kind kind;
	int (*each)(void *ctx, const struct vv_announced *a);
	void *ctx;
	char host[VV_SYSTEM_NAME_BYTES], boot[VV_SYSTEM_NAME_BYTES]; /* ours */
};

/* Proof where there can be one, else time (os/system.h says what names prove). */
static bool is_dead(const struct reading *r, const struct vv_announced *a,
		    const char *boot)
{
	if (strcmp(a->host, r->host) == 0 && strcmp(boot, r->boot) == 0)
		return !vv_process_alive((uint64_t)a->pid);
	return vv_time_ns() - a->renewed_ns > VV_ANNOUNCE_LIFE_NS;
}

static int parse(const struct reading *r, const char *text, size_t len,
		 struct vv_record *record, struct vv_announced *a)
{
	char boot[VV_SYSTEM_NAME_BYTES], role[VV_RECORD_VALUE_MAX + 1];
	int err = vv_record_parse(record, record_kind(r->kind), text, len);

	if (!err)
		err = vv_record_text(record, "host", a->host, sizeof a->host);
	if (!err)
		err = vv_record_text(record, "boot", boot, sizeof boot);
	if (!err)
		err = vv_record_number(record, "pid", &a->pid);
	if (!err)
		err = vv_record_number(record, "renewed", &a->renewed_ns);
	if (!err && a->renewed_ns < 0)
		err = VV_ECORRUPT;
	if (err)
		return err == VV_EINVAL ? VV_ECORRUPT : err;
	a->is_stale = is_dead(r, a, boot);
	a->is_gc = vv_record_text(record, "role", role, sizeof role) == VV_OK &&
		   strcmp(role, "gc") == 0;
	return VV_OK;
}

static int read_one(void *ctx, const char *key, const struct vv_object_info *info)
{
	const struct reading *r = ctx;
	struct vv_record record;
	struct vv_announced a = { .key = key, .record = &record };
	char *text = NULL;
	size_t len;
	int err;

	(void)info;
	err = vv_source_get_whole(vv_store_source(r->store), key, VV_RECORD_MAX, &text,
				  &len);
	if (err == VV_ENOENT)
		return VV_OK; /* its owner is done */
	if (!err)
		err = parse(r, text, len, &record, &a);
	if (err)
		vv_log(VV_LOG_ERROR,
		       "%s: %s; nothing is removed while it is there: delete it once no "
		       "publisher and no mount of its time is running",
		       key, vv_err_text(err));
	else
		err = r->each(r->ctx, &a);
	free(text);
	return err;
}

int vv_announced_list(struct vv_store *store, enum vv_announce_kind kind,
		      int (*each)(void *ctx, const struct vv_announced *a), void *ctx)
{
	struct reading r = { .store = store, .kind = kind, .each = each, .ctx = ctx };

	vv_host_name(r.host);
	vv_boot_name(r.boot);
	return vv_source_list(vv_store_source(store), prefix_of(kind), read_one, &r);
}
