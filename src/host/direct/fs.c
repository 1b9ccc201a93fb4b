/* Views: made, asked and ended.  And what belongs to the library as a whole. */
#include "host/direct/parts.h"

#include "cache/budget.h"
#include "core/err.h"
#include "core/log.h"
#include "core/name.h"
#include "source/dir.h"
#include "source/source.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

/* The public numbers are the same ones. */
#define SAME(name) _Static_assert((int)VV_FS_##name == (int)VV_##name, "frozen: " #name)
SAME(OK);
SAME(EPERM);
SAME(ENOENT);
SAME(EIO);
SAME(E2BIG);
SAME(EAGAIN);
SAME(ENOMEM);
SAME(EACCES);
SAME(ENOTDIR);
SAME(EISDIR);
SAME(EINVAL);
SAME(EMFILE);
SAME(ERANGE);
SAME(ENAMETOOLONG);
SAME(ELOOP);
SAME(ENODATA);
SAME(ECORRUPT);
SAME(ENEWER);
SAME(ENOTCONN);
SAME(ESTALE);

unsigned vv_fs_api_version(void)
{
	return VARVE_API_VERSION;
}

const char *vv_fs_err_text(int err)
{
	return vv_err_text(err);
}

const char *vv_fs_err_name(int err)
{
	return vv_err_name(err);
}

/* ---- messages ---- */

static struct {
	vv_fs_log_fn *log;
	void *ctx; /* borrowed */
} listener;

static void tell(void *ctx, enum vv_log_level level, const char *line)
{
	(void)ctx;
	listener.log(listener.ctx, (int)level, line);
}

void vv_fs_set_log(vv_fs_log_fn *log, void *ctx)
{
	vv_log_set_sink(NULL, NULL);
	listener.log = log;
	listener.ctx = ctx;
	if (log)
		vv_log_set_sink(tell, NULL);
}

/* ---- the store ---- */

int vv_direct_store_open(struct vv_store **out, const char *path)
{
	struct vv_source *source;
	int err = vv_source_dir_new(&source, path, 0);

	*out = NULL;
	if (!err) {
		err = vv_store_open(out, source);
		if (err)
			vv_source_free(source);
	}
	if (err == VV_ENOTDIR)
		err = VV_ENOENT;
	if (err)
		vv_log(VV_LOG_ERROR, "cannot open the store '%s': %s", path,
		       vv_err_text(err));
	return err;
}

/* ---- layers ---- */

/* A path as the serve wants it: cleaned, in memory of its own. */
static int take_layer(struct vv_serve_layer *out, char **path,
		      const struct vv_fs_layer *layer)
{
	const char *wanted = layer->path ? layer->path : layer->ref ? layer->ref : "";
	size_t size = strlen(wanted) + 1;

	if (!layer->ref == !layer->dir)
		return VV_EINVAL;
	*path = malloc(size);
	if (!*path)
		return VV_ENOMEM;
	memcpy(*path, wanted, size);
	*out = (struct vv_serve_layer){ layer->ref, layer->dir, *path };
	return vv_name_clean_path(*path) ? VV_OK : VV_EINVAL;
}

static int serve_layers(struct vv_serve **out, struct vv_serve_options *serve,
			const struct vv_fs_options *opts)
{
	struct vv_serve_layer *layers = NULL;
	char **paths = NULL;
	int err = VV_OK;

	if (opts->layer_count) {
		layers = calloc(opts->layer_count, sizeof layers[0]);
		paths = calloc(opts->layer_count, sizeof paths[0]);
		if (!layers || !paths)
			err = VV_ENOMEM;
	}
	for (size_t i = 0; !err && i < opts->layer_count; i++)
		err = take_layer(&layers[i], &paths[i], &opts->layers[i]);
	serve->layers = layers;
	serve->layer_count = opts->layer_count;
	if (!err)
		err = vv_serve_new(out, serve);
	for (size_t i = 0; paths && i < opts->layer_count; i++)
		free(paths[i]);
	free(paths);
	free(layers);
	return err;
}

/* ---- options ---- */

/* What a program of a later version asks for is refused unless it is a default. */
static int take_options(struct vv_fs_options *out, const struct vv_fs_options *given)
{
	size_t size = given->struct_size;
	const unsigned char *bytes = (const unsigned char *)given;

	if (size < sizeof *out)
		return VV_EINVAL;
	for (size_t i = sizeof *out; i < size; i++)
		if (bytes[i])
			return VV_E2BIG;
	memcpy(out, given, sizeof *out);
	if (out->follow != VV_FS_FOLLOW_REFS && out->follow != VV_FS_FOLLOW_ON_DEMAND)
		return VV_EINVAL;
	return out->layer_count && !out->layers ? VV_EINVAL : VV_OK;
}

/* ---- a view ---- */

/* (D3) */
static void ignore_notices(void *ctx, const struct vv_notices *notices)
{
	(void)ctx;
	(void)notices;
}

/* The store is the serve's once that is made. */
static int make_serve(struct vv_fs *fs, const char *path,
		      const struct vv_fs_options *opts)
{
	struct vv_serve_options serve = {
		.memory_bytes = opts->memory_bytes,
		.mount_path = opts->label ? opts->label : "(in process)",
		.follow = opts->follow == VV_FS_FOLLOW_REFS,
		.prefetch_off = true, /* there is no kernel to fetch for */
	};
	int err = vv_direct_store_open(&serve.store, path);

	if (err)
		return err;
	err = serve_layers(&fs->serve, &serve, opts);
	if (err)
		vv_store_close(serve.store);
	return err;
}

int vv_fs_open(struct vv_fs **out, const char *store, const struct vv_fs_options *given)
{
	struct vv_fs_options opts = { 0 };
	struct vv_fs *fs;
	int err = given ? take_options(&opts, given) : VV_OK;

	*out = NULL;
	if (err)
		return err;
	fs = calloc(1, sizeof *fs);
	if (!fs)
		return VV_ENOMEM;
	atomic_init(&fs->refs, 1);
	err = make_serve(fs, store, &opts);
	if (!err)
		err = vv_serve_start(fs->serve, ignore_notices, NULL);
	if (err) {
		vv_serve_free(fs->serve);
		free(fs);
		return err;
	}
	fs->view = vv_serve_view(fs->serve);
	fs->reader = vv_serve_reader(fs->serve);
	fs->budget = vv_serve_budget(fs->serve);
	fs->root.fs = fs;
	fs->root.id = VV_NODE_ROOT;
	*out = fs;
	return VV_OK;
}

void vv_direct_unref(struct vv_fs *fs)
{
	if (atomic_fetch_sub(&fs->refs, 1) != 1)
		return;
	vv_serve_free(fs->serve);
	free(fs);
}

void vv_fs_close(struct vv_fs *fs)
{
	if (fs)
		vv_direct_unref(fs);
}

struct vv_fs_node *vv_fs_root(struct vv_fs *fs)
{
	return &fs->root;
}

int vv_fs_refresh(struct vv_fs *fs)
{
	return vv_serve_refresh(fs->serve);
}

uint64_t vv_fs_changes(struct vv_fs *fs)
{
	return vv_serve_changes(fs->serve);
}

void vv_fs_get_usage(struct vv_fs *fs, struct vv_fs_usage *out)
{
	struct vv_budget_stats budget;
	struct vv_serve_totals totals;

	vv_budget_get_stats(fs->budget, &budget);
	vv_serve_get_totals(fs->serve, &totals);
	*out = (struct vv_fs_usage){
		.memory_limit = budget.limit,
		.memory_used = budget.used,
		.memory_peak = budget.peak,
		.files = totals.files,
		.bytes = totals.bytes,
	};
}
