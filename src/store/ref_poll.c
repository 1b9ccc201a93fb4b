/* All refs of a store, and what changed among them since the last look. */
#include "store/inside.h"

#include "core/err.h"
#include "core/log.h"
#include "core/refname.h"
#include "os/system.h"
#include "source/source.h"

#include <stdlib.h>
#include <string.h>

/* What was modified so recently may be modified again without a new time. */
#define UNSURE_NS INT64_C(2000000000)
/* A source that fails may do so at every poll, and says so each time. */
#define RETRY_NS UINT64_C(10000000000)

/* A ref as it was last seen.  Kept also when it cannot be read, so as to say so once. */
struct seen {
	char *key; /* owned */
	struct vv_object_info info;
	struct vv_ref *ref; /* owned; NULL: cannot be read */
	bool is_unsure;	    /* (R2) */
	bool is_foreign;    /* the key of no ref; ignored, as the format demands */
	uint64_t failed_ns; /* (R3); 0: it did not */
};

/*
 * (R1) `items` is sorted by key and has no key twice.
 * (R2) A ref whose time lay less than UNSURE_NS before it was read is read again by the
 *	next poll: a second change within one tick of the clock leaves no trace.
 * (R3) Where the source failed and nothing is known of the record, what was seen stays,
 *	and it is read again after RETRY_NS.  A record that is bad is so until it changes.
 */
struct vv_ref_poll {
	struct vv_store *store; /* borrowed */
	struct seen *items;	/* owned */
	size_t count, cap;
};

static void seen_fini(struct seen *s)
{
	free(s->key);
	free(s->ref);
	*s = (struct seen){ 0 };
}

static void items_free(struct seen *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		seen_fini(&items[i]);
	free(items);
}

static int cmp_seen(const void *a, const void *b)
{
	return strcmp(((const struct seen *)a)->key, ((const struct seen *)b)->key);
}

static int add_seen(void *ctx, const char *key, const struct vv_object_info *info)
{
	struct vv_ref_poll *fresh = ctx;
	struct seen *s;

	if (fresh->count == fresh->cap) {
		size_t cap = fresh->cap ? 2 * fresh->cap : 64;
		struct seen *items = realloc(fresh->items, cap * sizeof *items);

		if (!items)
			return VV_ENOMEM;
		fresh->items = items;
		fresh->cap = cap;
	}
	s = &fresh->items[fresh->count];
	*s = (struct seen){ .key = strdup(key) };
	if (!s->key)
		return VV_ENOMEM;
	fresh->count++;
	if (info)
		s->info = *info;
	else if (vv_source_stat(fresh->store->source, key, &s->info))
		s->info = (struct vv_object_info){ 0 };
	return VV_OK;
}

static bool is_same_object(const struct vv_object_info *a,
			   const struct vv_object_info *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       a->version == b->version;
}

/* A source that cannot tell versions apart gives no reason to trust what was seen. */
static bool is_current(const struct seen *old, const struct seen *s)
{
	if (old->failed_ns && vv_clock_ns() - old->failed_ns >= RETRY_NS)
		return false;
	return !old->is_unsure && s->info.version != 0 &&
	       is_same_object(&old->info, &s->info);
}

/* A ref that went since the listing is dropped: VV_ENOENT.  VV_OK also if unreadable. */
static int read_seen(struct vv_ref_poll *poll, struct seen *s)
{
	int64_t age = vv_time_ns() - s->info.mtime_ns;
	struct vv_ref *ref = calloc(1, sizeof *ref);
	int err;

	s->is_unsure = age < UNSURE_NS;
	if (!ref)
		return VV_ENOMEM;
	err = vv_refname_decode(ref->name, s->key + sizeof VV_REF_PREFIX - 1);
	s->is_foreign = err != VV_OK;
	if (!err)
		err = vv_ref_read(poll->store, s->key, ref);
	if (err && err != VV_ENOENT && !vv_store_found(err))
		s->failed_ns = vv_clock_ns();
	ref->version = s->info.version;
	if (!err)
		s->ref = ref;
	else
		free(ref);
	return err == VV_ENOENT || err == VV_ENOMEM ? err : VV_OK;
}

static bool is_same_ref(const struct vv_ref *a, const struct vv_ref *b)
{
	if (!a || !b)
		return a == b;
	return vv_id_equal(&a->tree, &b->tree) && a->published_ns == b->published_ns &&
	       a->files == b->files && a->bytes == b->bytes;
}

/* Fill @s from @old, its predecessor or NULL.  *@changed is set, never cleared. */
static int update(struct vv_ref_poll *poll, struct seen *s, struct seen *old,
		  bool *changed)
{
	int err;

	if (old && is_current(old, s)) {
		s->ref = old->ref;
		s->is_foreign = old->is_foreign;
		s->failed_ns = old->failed_ns;
		old->ref = NULL;
		return VV_OK;
	}
	err = read_seen(poll, s);
	if (!err && s->failed_ns && old) { /* (R3) */
		s->ref = old->ref;
		old->ref = NULL;
		return VV_OK;
	}
	if (!err && !(old && is_same_ref(old->ref, s->ref)))
		*changed = true;
	return err;
}

/* Give each of the sorted @fresh its content, from what is known where that holds. */
static int merge(struct vv_ref_poll *poll, struct vv_ref_poll *fresh, bool *changed)
{
	size_t kept = 0, o = 0, known = 0;
	int err = VV_OK;

	for (size_t i = 0; i < fresh->count; i++) {
		struct seen *s = &fresh->items[i];
		struct seen *old = NULL;

		while (o < poll->count && strcmp(poll->items[o].key, s->key) < 0)
			o++;
		if (o < poll->count && strcmp(poll->items[o].key, s->key) == 0)
			old = &poll->items[o];
		if (!err)
			err = update(poll, s, old, changed);
		if (err == VV_ENOENT) { /* gone since the listing */
			err = VV_OK;
			seen_fini(s);
			continue;
		}
		known += old != NULL;
		fresh->items[kept] = *s;
		if (kept++ != i)
			*s = (struct seen){ 0 };
	}
	fresh->count = kept;
	if (known != poll->count)
		*changed = true; /* some are gone */
	return err;
}

int vv_ref_poll_new(struct vv_ref_poll **out, struct vv_store *store)
{
	struct vv_ref_poll *poll = calloc(1, sizeof *poll);

	*out = poll;
	if (!poll)
		return VV_ENOMEM;
	poll->store = store;
	return VV_OK;
}

void vv_ref_poll_free(struct vv_ref_poll *poll)
{
	if (!poll)
		return;
	items_free(poll->items, poll->count);
	free(poll);
}

int vv_ref_poll_run(struct vv_ref_poll *poll, bool *changed)
{
	struct vv_ref_poll fresh = { .store = poll->store };
	int err;

	*changed = false;
	err = vv_source_list(poll->store->source, VV_REF_PREFIX, add_seen, &fresh);
	if (!err && fresh.count == 0)
		err = vv_store_present(poll->store);
	if (!err && fresh.count > 0)
		qsort(fresh.items, fresh.count, sizeof *fresh.items, cmp_seen);
	if (!err)
		err = merge(poll, &fresh, changed);
	if (err) {
		*changed = true; /* what moved into fresh is lost: read it all again */
		items_free(fresh.items, fresh.count);
		items_free(poll->items, poll->count);
		poll->items = NULL;
		poll->count = poll->cap = 0;
		return err;
	}
	items_free(poll->items, poll->count);
	poll->items = fresh.items;
	poll->count = fresh.count;
	poll->cap = fresh.cap;
	return VV_OK;
}

/* ---- listing ---- */

static int cmp_ref(const void *a, const void *b)
{
	return strcmp(((const struct vv_ref *)a)->name,
		      ((const struct vv_ref *)b)->name);
}

static bool is_beneath(const char *name, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(name, dir, len) == 0 && name[len] == '/';
}

/*
 * A ref that is a directory of another is left out (docs/format.md, section 2).  In the
 * order of bytes others may stand between the two (`a`, `a-b`, `a/b`), all of which
 * begin with its name.
 */
static bool hides_another(const struct vv_ref_list *list, size_t i)
{
	const char *name = list->items[i].name;
	size_t len = strlen(name);

	for (size_t j = i + 1; j < list->count; j++) {
		if (strncmp(list->items[j].name, name, len) != 0)
			return false;
		if (is_beneath(list->items[j].name, name))
			return true;
	}
	return false;
}

static void drop_directories(struct vv_ref_list *list, size_t *bad)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (hides_another(list, i)) {
			vv_log(VV_LOG_WARN,
			       "ref %s is not shown: there are refs beneath it; remove "
			       "the one or the others",
			       list->items[i].name);
			++*bad;
			continue;
		}
		if (kept != i)
			list->items[kept] = list->items[i];
		kept++;
	}
	list->count = kept;
}

int vv_ref_poll_list(const struct vv_ref_poll *poll, struct vv_ref_list *out,
		     size_t *bad)
{
	*out = (struct vv_ref_list){ 0 };
	*bad = 0;
	if (poll->count == 0)
		return VV_OK;
	out->items = calloc(poll->count, sizeof *out->items);
	if (!out->items)
		return VV_ENOMEM;
	for (size_t i = 0; i < poll->count; i++) {
		if (poll->items[i].ref)
			out->items[out->count++] = *poll->items[i].ref;
		else if (!poll->items[i].is_foreign)
			++*bad;
	}
	qsort(out->items, out->count, sizeof *out->items, cmp_ref);
	drop_directories(out, bad);
	return VV_OK;
}

int vv_ref_list_get(struct vv_store *store, struct vv_ref_list *out, size_t *bad)
{
	struct vv_ref_poll poll = { .store = store };
	bool changed;
	int err;

	*out = (struct vv_ref_list){ 0 };
	*bad = 0;
	err = vv_ref_poll_run(&poll, &changed);
	if (!err)
		err = vv_ref_poll_list(&poll, out, bad);
	items_free(poll.items, poll.count);
	return err;
}

void vv_ref_list_fini(struct vv_ref_list *list)
{
	free(list->items);
	*list = (struct vv_ref_list){ 0 };
}
