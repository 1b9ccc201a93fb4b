#include "core/err.h"
#include "host/serve_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void vv_serve_get_totals(struct vv_serve *s, struct vv_serve_totals *out)
{
	*out = (struct vv_serve_totals){
		.files = atomic_load(&s->files),
		.bytes = atomic_load(&s->bytes),
	};
}

/* ---- statistics ---- */

static int put_budget(struct vv_serve *s, struct vv_buf *json)
{
	struct vv_budget_stats st;
	char text[160];
	int err;

	vv_budget_get_stats(s->budget, &st);
	snprintf(
		text, sizeof text,
		"\"budget\":{\"limit\":%zu,\"used\":%zu,\"peak\":%zu,\"waits\":%" PRIu64
		",\"holders\":{",
		st.limit, st.used, st.peak, st.waits);
	err = vv_buf_append(json, text, strlen(text));
	for (int i = 0; !err && i < VV_HOLDER_COUNT; i++) {
		snprintf(text, sizeof text, "%s\"%s\":%zu", i ? "," : "",
			 vv_holder_name((enum vv_holder)i), st.by_holder[i]);
		err = vv_buf_append(json, text, strlen(text));
	}
	return err ? err : vv_buf_append(json, "}},", 3);
}

static int put_cache(struct vv_serve *s, struct vv_buf *json)
{
	struct vv_frame_cache_stats st;
	char text[512];

	vv_frame_cache_get_stats(s->cache, &st);
	snprintf(text, sizeof text,
		 "\"cache\":{\"hits\":%" PRIu64 ",\"misses\":%" PRIu64
		 ",\"joins\":%" PRIu64 ",\"failures\":%" PRIu64
		 ",\"evictions\":%" PRIu64 ",\"bytes_resident\":%" PRIu64
		 ",\"bytes_pinned\":%" PRIu64 ",\"frames_resident\":%" PRIu64 "},",
		 st.hits, st.misses, st.joins, st.failures, st.evictions,
		 st.bytes_resident, st.bytes_pinned, st.frames_resident);
	return vv_buf_append(json, text, strlen(text));
}

static int put_reader(struct vv_serve *s, struct vv_buf *json)
{
	struct vv_reader_stats st;
	char text[320];

	vv_reader_get_stats(s->reader, &st);
	snprintf(text, sizeof text,
		 "\"reader\":{\"reads\":%" PRIu64 ",\"bytes_read\":%" PRIu64
		 ",\"frames_fetched\":%" PRIu64 ",\"bytes_fetched\":%" PRIu64
		 ",\"bytes_decoded\":%" PRIu64 ",\"failures\":%" PRIu64 "},",
		 st.reads, st.bytes_read, st.frames_fetched, st.bytes_fetched,
		 st.bytes_decoded, st.failures);
	return vv_buf_append(json, text, strlen(text));
}

static int put_prefetch(struct vv_serve *s, struct vv_buf *json)
{
	struct vv_prefetch_stats st = { 0 };
	struct vv_frame_cache_stats cache;
	char text[512];

	vv_frame_cache_get_stats(s->cache, &cache);
	if (s->prefetch)
		vv_prefetch_get_stats(s->prefetch, &st);
	snprintf(text, sizeof text,
		 "\"prefetch\":{\"on\":%s,\"runs\":%" PRIu64 ",\"runs_cut\":%" PRIu64
		 ",\"frames\":%" PRIu64 ",\"frame_bytes\":%" PRIu64
		 ",\"frames_wanted\":%" PRIu64 ",\"frames_unwanted\":%" PRIu64
		 ",\"bytes_pushed\":%" PRIu64 ",\"bytes_late\":%" PRIu64
		 ",\"bytes_unknown\":%" PRIu64 ",\"bytes_again\":%" PRIu64
		 ",\"names\":%" PRIu64 ",\"misses\":%" PRIu64 ",\"lists\":%" PRIu64
		 ",\"pauses\":%" PRIu64 "},",
		 s->prefetch ? "true" : "false", st.runs, st.runs_cut, cache.ahead,
		 cache.ahead_bytes, cache.ahead_wanted, cache.ahead_unwanted,
		 st.bytes_pushed, st.bytes_late, st.bytes_unknown, st.bytes_again,
		 st.names, st.misses, st.lists,
		 (uint64_t)atomic_load(&s->lanes.pauses));
	return vv_buf_append(json, text, strlen(text));
}

int vv_serve_stats(struct vv_serve *s, struct vv_buf *json, size_t max)
{
	size_t begin = json->len;
	int err = put_budget(s, json);

	if (!err)
		err = put_cache(s, json);
	if (!err)
		err = put_reader(s, json);
	if (!err)
		err = put_prefetch(s, json);
	if (err)
		return err;
	if (json->len - begin > max)
		return VV_EOVERFLOW;
	return vv_counters_json(&s->counters, json, max - (json->len - begin));
}
