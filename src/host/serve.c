#include "host/serve.h"

#include "core/err.h"
#include "core/log.h"
#include "host/hostlayer.h"
#include "host/serve_parts.h"
#include "os/runs.h"

#include <stdlib.h>
#include <string.h>

enum {
	MEMORY_DEFAULT = 256 << 20,
};

static const struct vv_page_ops pages = { vv_run_new, vv_run_free };

static char *copy(const char *text)
{
	size_t size = strlen(text) + 1;
	char *out = malloc(size);

	return out ? memcpy(out, text, size) : NULL;
}

static int copy_choice(struct vv_serve_choice *out, const struct vv_serve_layer *layer)
{
	int err = VV_OK;

	out->path = copy(layer->path);
	if (layer->ref)
		out->ref = copy(layer->ref);
	else
		out->label = copy(layer->dir);
	if (!out->path || (!out->ref && !out->label))
		return VV_ENOMEM;
	if (!layer->ref)
		err = vv_hostdir_open(&out->dir, layer->dir);
	if (err)
		vv_log(VV_LOG_ERROR, "cannot show the directory '%s': %s", layer->dir,
		       vv_err_text(err));
	return err;
}

static int copy_choices(struct vv_serve *s, const struct vv_serve_options *opts)
{
	int err = VV_OK;

	s->choices = calloc(opts->layer_count + 1, sizeof(s->choices[0]));
	if (!s->choices)
		return VV_ENOMEM;
	for (size_t i = 0; !err && i < opts->layer_count; i++)
		err = copy_choice(&s->choices[s->choice_count++], &opts->layers[i]);
	return err;
}

static int make_prefetch(struct vv_serve *s, uint64_t bytes)
{
	struct vv_prefetch_options opts = {
		.store = s->store,
		.view = s->view,
		.reader = s->reader,
		.budget = s->budget,
		.lanes = &s->lanes,
		.bytes = bytes,
	};

	vv_reader_set_lanes(s->reader, &s->lanes);
	return vv_prefetch_new(&s->prefetch, &opts);
}

static int make_parts(struct vv_serve *s, const struct vv_serve_options *opts)
{
	size_t memory = opts->memory_bytes ? opts->memory_bytes : MEMORY_DEFAULT;
	struct vv_view_options view_opts = {
		.host_ops = &vv_hostlayer_ops,
		.default_uid = opts->uid,
		.default_gid = opts->gid,
	};
	int err = vv_budget_new(&s->budget, memory);

	if (err)
		return err;
	vv_store_set_budget(s->store, s->budget);
	err = vv_frame_cache_new(&s->cache, s->budget, &pages);
	if (!err)
		err = vv_reader_new(&s->reader, s->store, s->cache, s->budget);
	view_opts.budget = s->budget;
	if (!err)
		err = vv_view_new(&s->view, &view_opts);
	if (!err && !opts->prefetch_off)
		err = make_prefetch(s, opts->prefetch_bytes ? opts->prefetch_bytes
							    : memory / 2);
	if (!err && !s->choice_count)
		err = vv_ref_poll_new(&s->poll, s->store);
	return err;
}

int vv_serve_new(struct vv_serve **out, const struct vv_serve_options *opts)
{
	struct vv_serve *s = calloc(1, sizeof *s);
	int err = VV_ENOMEM;

	*out = NULL;
	if (!s)
		return VV_ENOMEM;
	vv_mutex_init(&s->stop_lock);
	vv_cond_init(&s->stop_cond);
	vv_cond_init(&s->answer_cond);
	vv_counters_init(&s->counters);
	vv_lanes_init(&s->lanes, vv_cpu_count());
	s->store = opts->store;
	s->follows = opts->follow;
	s->mount_path = copy(opts->mount_path ? opts->mount_path : "");
	if (s->mount_path)
		err = copy_choices(s, opts);
	if (!err)
		err = make_parts(s, opts);
	if (!err)
		err = vv_serve_show_first(s);
	s->has_store = !err;
	if (err)
		vv_serve_free(s);
	else
		*out = s;
	return err;
}

static void free_choices(struct vv_serve *s)
{
	for (size_t i = 0; i < s->choice_count; i++) {
		vv_hostdir_close(s->choices[i].dir);
		free(s->choices[i].ref);
		free(s->choices[i].path);
		free(s->choices[i].label);
	}
	free(s->choices);
}

void vv_serve_free(struct vv_serve *s)
{
	if (!s)
		return;
	vv_serve_stop(s);
	vv_serve_stop_prefetch(s);
	vv_prefetch_free(s->prefetch);
	vv_view_free(s->view);
	vv_lease_fini(&s->lease);
	vv_reader_free(s->reader);
	vv_frame_cache_free(s->cache);
	vv_ref_poll_free(s->poll);
	vv_ref_list_fini(&s->shown);
	if (s->has_store)
		vv_store_close(s->store);
	else
		vv_store_set_budget(s->store, NULL);
	if (s->budget)
		vv_budget_free(s->budget);
	free_choices(s);
	free(s->mount_path);
	vv_counters_fini(&s->counters);
	vv_cond_fini(&s->answer_cond);
	vv_lanes_fini(&s->lanes);
	vv_cond_fini(&s->stop_cond);
	vv_mutex_fini(&s->stop_lock);
	free(s);
}

/* ---- what hosts use ---- */

struct vv_view *vv_serve_view(struct vv_serve *s)
{
	return s->view;
}

struct vv_reader *vv_serve_reader(struct vv_serve *s)
{
	return s->reader;
}

struct vv_budget *vv_serve_budget(struct vv_serve *s)
{
	return s->budget;
}

uint64_t vv_serve_changes(struct vv_serve *s)
{
	return atomic_load(&s->changes);
}

struct vv_frame_account *vv_serve_account(struct vv_serve *s, uint64_t node)
{
	int tag = vv_view_layer_tag(s->view, node);

	return tag < 0 ? NULL : vv_counters_account(&s->counters, tag);
}

struct vv_store *vv_serve_store(struct vv_serve *s)
{
	return s->store;
}

struct vv_lanes *vv_serve_lanes(struct vv_serve *s)
{
	return &s->lanes;
}

static void count_read(struct vv_serve *s, uint64_t node,
		       const struct vv_plan_read *read)
{
	int tag = vv_view_layer_tag(s->view, node);
	struct vv_watched *watched;

	if (tag < 0)
		return;
	vv_counters_add(&s->counters, tag, read->len);
	watched = s->prefetch ? vv_counters_watched(&s->counters, tag) : NULL;
	if (watched)
		vv_prefetch_saw(s->prefetch, watched, read);
}

void vv_serve_count_read(struct vv_serve *s, uint64_t node, uint64_t off,
			 uint64_t bytes)
{
	const struct vv_plan_read read = { .node = node, .off = off, .len = bytes };

	count_read(s, node, &read);
}

void vv_serve_count_blob(struct vv_serve *s, uint64_t root, const struct vv_id *blob,
			 uint64_t off, uint64_t bytes)
{
	const struct vv_plan_read read = { .blob = *blob, .off = off, .len = bytes };

	count_read(s, root, &read);
}

void vv_serve_start_prefetch(struct vv_serve *s, const struct vv_prefetch_host *host)
{
	int err;

	/* Without them reads are slower, and no less right. */
	if (!s->has_helpers)
		(void)vv_reader_start_helpers(s->reader, vv_cpu_count() - 1);
	s->has_helpers = true;
	err = s->prefetch ? vv_prefetch_start(s->prefetch, host) : VV_OK;
	if (err)
		vv_log(VV_LOG_WARN, "nothing will be fetched ahead: %s",
		       vv_err_text(err));
}

void vv_serve_stop_prefetch(struct vv_serve *s)
{
	if (s->prefetch)
		vv_prefetch_stop(s->prefetch);
}
