#include "host/erofs/erofs_host.h"

#include "core/err.h"
#include "core/log.h"
#include "format/tree.h"
#include "format/tree_builder.h"
#include "host/erofs/blobs.h"
#include "host/erofs/gates.h"
#include "host/erofs/imagefile.h"
#include "host/erofs/kernel.h"
#include "host/serve.h"
#include "vfs/view.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct vv_erofs_host {
	struct vv_serve *serve;
	struct vv_erofs_options opts;
	char dir[PATH_MAX]; /* of images */
	struct vv_erofs_blobs *blobs;
	struct vv_erofs_gates *gates;
	atomic_uint_least64_t mounted, failed;
};

/* ---- which views ---- */

static bool is_inside(const char *path, const char *of)
{
	size_t len = strlen(of);

	return strncmp(path, of, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

const char *vv_erofs_host_refuses(const struct vv_serve_layer *layers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (layers[i].dir)
			return "a host directory can only be shown through fuse";
		if (layers[i].path[0] == '\0')
			return "a layer at the root can only be shown through fuse";
		for (size_t k = 0; k < count; k++)
			if (k != i && is_inside(layers[i].path, layers[k].path))
				return "layers that overlap can only be shown through fuse";
	}
	return NULL;
}

/* ---- mounting one ---- */

/* Over @path, or, if that is NULL, only to see whether it works. */
static int mount_image(struct vv_erofs_host *h, struct vv_erofs_imagefile *image,
		       const char *blobs, const char *path)
{
	struct vv_kernel_erofs what = {
		.image = image->path,
		.blobs = blobs,
		.allow_suid = h->opts.allow_suid,
		.allow_dev = h->opts.allow_dev,
		.is_quiet = !path,
	};
	int mount, err = vv_kernel_mount_erofs(&what, &mount);

	if (!err && path) {
		err = vv_kernel_attach(mount, path);
		if (err)
			vv_log(VV_LOG_WARN, "cannot mount at %s: %s", path,
			       vv_err_text(err));
	}
	if (mount >= 0)
		close(mount);
	return err;
}

/* Takes the lookup that @root has for it, in any case. */
static int mount_tree(struct vv_erofs_host *h, uint64_t root,
		      const struct vv_tree *tree, struct vv_erofs_imagefile *image,
		      const char *path)
{
	char blobs[VV_EROFS_PATH_MAX];
	uint64_t id;
	int err = vv_erofs_blobs_add(h->blobs, root, tree, &image->regions, &id, blobs);

	if (err) {
		vv_view_forget(vv_serve_view(h->serve), root, 1);
		return err;
	}
	err = mount_image(h, image, blobs, path);
	if (err)
		vv_erofs_blobs_abandon(h->blobs, id);
	return err;
}

static int mount_root(struct vv_erofs_host *h, uint64_t root, const char *path)
{
	struct vv_view *view = vv_serve_view(h->serve);
	struct vv_erofs_imagefile image;
	const struct vv_tree *tree;
	int err = vv_view_hold(view, root);

	if (err)
		return err;
	err = vv_view_tree(view, root, &tree);
	if (!err)
		err = vv_erofs_imagefile_make(&image, h->dir, tree,
					      vv_serve_budget(h->serve));
	if (err) {
		vv_view_forget(view, root, 1);
		return err;
	}
	err = mount_tree(h, root, tree, &image, path);
	vv_erofs_imagefile_fini(&image);
	return err;
}

static int on_mount(void *ctx, uint64_t root)
{
	struct vv_erofs_host *h = ctx;
	char path[PATH_MAX];
	size_t len = strlen(h->opts.path);
	int err;

	memcpy(path, h->opts.path, len + 1);
	if (strcmp(path, "/") == 0)
		len = 0;
	vv_view_describe(vv_serve_view(h->serve), root, path + len, sizeof path - len);
	err = mount_root(h, root, path);
	atomic_fetch_add(err ? &h->failed : &h->mounted, 1);
	if (err)
		vv_log(VV_LOG_WARN, "%s is shown through fuse, not erofs: %s", path,
		       vv_err_text(err));
	return err;
}

/* The kernel has closed the blobs of a tree: its mount is gone. */
static void on_released(void *ctx, uint64_t root)
{
	struct vv_erofs_host *h = ctx;
	struct vv_notices notices;

	if (vv_erofs_gates_gone(h->gates, root, &notices) == VV_OK && notices.count)
		h->opts.notify(h->opts.ctx, &notices);
	vv_notices_fini(&notices);
	if (vv_erofs_host_is_idle(h))
		h->opts.idle(h->opts.ctx);
}

/* ---- trying ---- */

static int empty_tree(struct vv_buf *bytes, struct vv_tree *tree)
{
	struct vv_tree_builder *b;
	struct vv_id id;
	int err = vv_tree_builder_new(&b, VV_TREE_DUP_ERROR);

	vv_buf_init(bytes, 1 << 20);
	if (!err)
		err = vv_tree_builder_finish(b, bytes, &id);
	vv_tree_builder_free(b);
	return err ? err : vv_tree_init(tree, &id, bytes->bytes, bytes->len, NULL);
}

/* An image in this directory, mounted nowhere. */
static int try_directory(struct vv_erofs_host *h, const struct vv_tree *tree)
{
	struct vv_erofs_imagefile image;
	char blobs[VV_EROFS_PATH_MAX];
	uint64_t id;
	int err = vv_erofs_imagefile_make(&image, h->dir, tree,
					  vv_serve_budget(h->serve));

	if (err)
		return err;
	err = vv_erofs_blobs_add(h->blobs, 0, tree, &image.regions, &id, blobs);
	if (!err) {
		err = mount_image(h, &image, blobs, NULL);
		vv_erofs_blobs_abandon(h->blobs, id);
	}
	vv_erofs_imagefile_fini(&image);
	return err;
}

static int choose_directory(struct vv_erofs_host *h)
{
	const char *const dirs[] = { h->opts.cache_dir ? h->opts.cache_dir
						       : "/var/cache/varve",
				     "/var/tmp", "/tmp" };
	size_t count = h->opts.cache_dir ? 1 : sizeof dirs / sizeof dirs[0];
	struct vv_tree tree = { 0 };
	struct vv_buf bytes;
	int err = empty_tree(&bytes, &tree), tried = VV_ENOENT;

	for (size_t i = 0; !err && tried && i < count; i++) {
		/* Ours alone: nobody else is to write what the kernel will read. */
		(void)mkdir(dirs[i], 0700);
		if (snprintf(h->dir, sizeof h->dir, "%s", dirs[i]) >= PATH_MAX)
			err = VV_ENAMETOOLONG;
		else
			tried = try_directory(h, &tree);
	}
	vv_tree_fini(&tree);
	vv_buf_fini(&bytes);
	return err ? err : tried;
}

int vv_erofs_host_new(struct vv_erofs_host **out, struct vv_serve *serve,
		      const struct vv_erofs_options *opts)
{
	struct vv_erofs_host *h = calloc(1, sizeof *h);
	int err;

	*out = NULL;
	if (!h)
		return VV_ENOMEM;
	h->serve = serve;
	h->opts = *opts;
	err = vv_erofs_gates_new(&h->gates, on_mount, h);
	if (!err)
		err = vv_erofs_blobs_new(&h->blobs, serve, opts->transport,
					 opts->errors, on_released, h);
	if (!err)
		err = choose_directory(h);
	if (err)
		vv_erofs_host_free(h);
	else
		*out = h;
	return err;
}

void vv_erofs_host_free(struct vv_erofs_host *h)
{
	if (!h)
		return;
	vv_erofs_blobs_free(h->blobs);
	vv_erofs_gates_free(h->gates);
	free(h);
}

/* ---- for the FUSE host ---- */

struct vv_fuse_cover *vv_erofs_host_cover(struct vv_erofs_host *h)
{
	return vv_erofs_gates_cover(h->gates);
}

bool vv_erofs_host_is_idle(struct vv_erofs_host *h)
{
	return vv_erofs_blobs_count(h->blobs) == 0;
}

int vv_erofs_host_describe(struct vv_erofs_host *h, struct vv_buf *json)
{
	return vv_erofs_blobs_describe(h->blobs, json);
}
