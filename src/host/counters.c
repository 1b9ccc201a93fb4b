#include "host/counters.h"

#include "core/err.h"
#include "core/utf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void vv_counters_init(struct vv_counters *c)
{
	*c = (struct vv_counters){ 0 };
	vv_mutex_init(&c->lock);
}

static struct vv_counter *counter_at(const struct vv_counters *c, unsigned number)
{
	struct vv_counter *chunk = atomic_load_explicit(
		&c->chunks[number / VV_COUNTERS_CHUNK], memory_order_acquire);

	return &chunk[number % VV_COUNTERS_CHUNK];
}

void vv_counters_fini(struct vv_counters *c)
{
	for (unsigned i = 0; i < atomic_load(&c->count); i++) {
		free(counter_at(c, i)->label);
		free(counter_at(c, i)->path);
	}
	for (unsigned i = 0; i < VV_COUNTERS_CHUNKS; i++)
		free(atomic_load(&c->chunks[i]));
	free(c->by_label);
	vv_mutex_fini(&c->lock);
}

/* Where the layer is in by_label, or would be. */
static unsigned search(const struct vv_counters *c, const char *label, const char *path,
		       bool *found)
{
	unsigned lo = 0, hi = atomic_load(&c->count);

	*found = false;
	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;
		const struct vv_counter *at = counter_at(c, c->by_label[mid]);
		int order = strcmp(at->label, label);

		if (order == 0)
			order = strcmp(at->path, path);
		if (order == 0) {
			*found = true;
			return mid;
		}
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int make_room(struct vv_counters *c, unsigned number)
{
	unsigned chunk = number / VV_COUNTERS_CHUNK;

	if (number == c->by_label_cap) {
		size_t cap = c->by_label_cap ? c->by_label_cap * 2 : 64;
		unsigned *bigger = realloc(c->by_label, cap * sizeof *bigger);

		if (!bigger)
			return VV_ENOMEM;
		c->by_label = bigger;
		c->by_label_cap = cap;
	}
	if (!atomic_load(&c->chunks[chunk])) {
		struct vv_counter *fresh = calloc(VV_COUNTERS_CHUNK, sizeof *fresh);

		if (!fresh)
			return VV_ENOMEM;
		atomic_store_explicit(&c->chunks[chunk], fresh, memory_order_release);
	}
	return VV_OK;
}

static char *copy(const char *text)
{
	size_t size = strlen(text) + 1;
	char *out = malloc(size);

	return out ? memcpy(out, text, size) : NULL;
}

/* Under the lock. */
static int add_counter(struct vv_counters *c, const char *label, const char *path,
		       bool is_ref, unsigned at)
{
	unsigned number = atomic_load(&c->count);
	struct vv_counter *fresh;
	int err = make_room(c, number);

	if (err)
		return err;
	fresh = counter_at(c, number);
	fresh->label = copy(label);
	fresh->path = copy(path);
	fresh->is_ref = is_ref;
	fresh->watched.ref = fresh->label;
	fresh->watched.path = fresh->path;
	if (!fresh->label || !fresh->path) {
		free(fresh->label);
		free(fresh->path);
		return VV_ENOMEM;
	}
	memmove(c->by_label + at + 1, c->by_label + at,
		(number - at) * sizeof(c->by_label[0]));
	c->by_label[at] = number;
	atomic_store(&c->count, number + 1);
	return VV_OK;
}

int vv_counters_find(struct vv_counters *c, const char *label, const char *path,
		     bool is_ref, int *number)
{
	unsigned last = VV_COUNTERS_CHUNK * VV_COUNTERS_CHUNKS - 1, at;
	bool found;
	int err = VV_OK;

	vv_mutex_lock(&c->lock);
	at = search(c, label, path, &found);
	if (!found && atomic_load(&c->count) <= last)
		err = add_counter(c, label, path, is_ref, at);
	else if (!found)
		at = search(c, counter_at(c, last)->label, counter_at(c, last)->path,
			    &found);
	*number = err ? 0 : (int)c->by_label[at];
	vv_mutex_unlock(&c->lock);
	return err;
}

void vv_counters_hide_all(struct vv_counters *c)
{
	vv_mutex_lock(&c->lock);
	for (unsigned i = 0; i < atomic_load(&c->count); i++)
		counter_at(c, i)->is_shown = false;
	vv_mutex_unlock(&c->lock);
}

/* Under the lock. */
static void expect(struct vv_counter *at, const struct vv_id *tree)
{
	if (!vv_id_equal(&at->tree, tree))
		atomic_store(&at->watched.state, VV_WATCH_NEW);
}

void vv_counters_expect(struct vv_counters *c, int number, const struct vv_id *tree)
{
	vv_mutex_lock(&c->lock);
	expect(counter_at(c, (unsigned)number), tree);
	vv_mutex_unlock(&c->lock);
}

void vv_counters_show(struct vv_counters *c, int number, const struct vv_id *tree)
{
	struct vv_counter *at = counter_at(c, (unsigned)number);

	vv_mutex_lock(&c->lock);
	at->is_shown = true;
	if (tree)
		expect(at, tree);
	at->tree = tree ? *tree : (struct vv_id){ 0 };
	vv_mutex_unlock(&c->lock);
}

void vv_counters_add(struct vv_counters *c, int number, uint64_t bytes)
{
	struct vv_counter *at = counter_at(c, (unsigned)number);

	atomic_fetch_add_explicit(&at->reads, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&at->bytes, bytes, memory_order_relaxed);
}

struct vv_frame_account *vv_counters_account(struct vv_counters *c, int number)
{
	return &counter_at(c, (unsigned)number)->frames;
}

struct vv_watched *vv_counters_watched(struct vv_counters *c, int number)
{
	struct vv_counter *at = counter_at(c, (unsigned)number);

	return at->is_ref ? &at->watched : NULL;
}

/* ---- JSON ---- */

static int put(struct vv_buf *json, const char *text)
{
	return vv_buf_append(json, text, strlen(text));
}

/* A name may hold any bytes; JSON is Unicode, so what is not becomes U+FFFD. */
static int put_string(struct vv_buf *json, const char *text)
{
	size_t left = strlen(text);
	int err = put(json, "\"");

	while (!err && left) {
		uint32_t code;
		size_t used = vv_utf_decode(text, left, &code);

		if (used == 0 || vv_utf_is_surrogate(code)) {
			used = used ? used : 1;
			err = put(json, "\\ufffd");
		} else if (code < 0x20 || code == '"' || code == '\\') {
			char escape[8];

			snprintf(escape, sizeof escape, "\\u%04x", (unsigned)code);
			err = put(json, escape);
		} else {
			err = vv_buf_append(json, text, used);
		}
		text += used;
		left -= used;
	}
	return err ? err : put(json, "\"");
}

static int put_number(struct vv_buf *json, const char *name,
		      const atomic_uint_least64_t *number)
{
	char text[64];

	snprintf(text, sizeof text, ",\"%s\":%llu", name,
		 (unsigned long long)atomic_load_explicit(number,
							  memory_order_relaxed));
	return put(json, text);
}

static int put_tree(struct vv_buf *json, const struct vv_counter *at)
{
	char hex[VV_ID_HEX_BYTES], text[VV_ID_HEX_BYTES + 16];

	if (!at->is_ref)
		return VV_OK;
	snprintf(text, sizeof text, ",\"tree\":\"%s\"", vv_id_to_hex(&at->tree, hex));
	return put(json, text);
}

static int put_replays(struct vv_buf *json, const struct vv_counter *at)
{
	char text[32];

	snprintf(text, sizeof text, ",\"replays\":%u",
		 atomic_load(&at->watched.replays));
	return put(json, text);
}

static int put_counter(struct vv_buf *json, const struct vv_counter *at)
{
	int err = put(json, at->is_ref ? "{\"ref\":" : "{\"dir\":");

	if (!err)
		err = put_string(json, at->label);
	if (!err)
		err = put(json, ",\"path\":");
	if (!err)
		err = put_string(json, at->path);
	if (!err)
		err = put_tree(json, at);
	if (!err)
		err = put_number(json, "reads", &at->reads);
	if (!err)
		err = put_number(json, "bytes", &at->bytes);
	if (!err)
		err = put_replays(json, at);
	if (!err)
		err = put_number(json, "hits", &at->frames.hits);
	if (!err)
		err = put_number(json, "decoded", &at->frames.decoded);
	if (!err)
		err = put_number(json, "resident", &at->frames.resident);
	return err ? err : put(json, "}");
}

/* The refs of one kind, read or not, as long as there is room before @end. */
static int put_shown(struct vv_counters *c, struct vv_buf *json, bool is_read,
		     size_t end, bool *is_first, unsigned *omitted)
{
	int err = VV_OK;

	for (unsigned i = 0; !err && i < atomic_load(&c->count); i++) {
		const struct vv_counter *at = counter_at(c, c->by_label[i]);
		size_t before = json->len;

		if (!at->is_shown || (atomic_load(&at->reads) > 0) != is_read)
			continue;
		err = *is_first ? VV_OK : put(json, ",");
		if (!err)
			err = put_counter(json, at);
		if (err == VV_EOVERFLOW || json->len > end) {
			json->len = before;
			++*omitted;
			err = VV_OK;
		} else {
			*is_first = false;
		}
	}
	return err;
}

int vv_counters_json(struct vv_counters *c, struct vv_buf *json, size_t max)
{
	enum {
		TAIL_BYTES = 48
	}; /* what comes after the last ref */
	size_t end = json->len + max - TAIL_BYTES;
	unsigned omitted = 0;
	char tail[TAIL_BYTES];
	bool is_first = true;
	int err = max < 2 * TAIL_BYTES ? VV_EOVERFLOW : put(json, "\"refs\":[");

	vv_mutex_lock(&c->lock);
	if (!err)
		err = put_shown(c, json, true, end, &is_first, &omitted);
	if (!err)
		err = put_shown(c, json, false, end, &is_first, &omitted);
	vv_mutex_unlock(&c->lock);
	snprintf(tail, sizeof tail, "],\"refs_omitted\":%u", omitted);
	return err ? err : put(json, tail);
}
