#include "cli/verbs.h"

#include "cache/budget.h"
#include "core/err.h"
#include "core/name.h"
#include "host/erofs/erofs_host.h"
#include "host/fuse/background.h"
#include "host/fuse/fuse_host.h"
#include "host/serve.h"
#include "store/store.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LAYERS_MAX = 1024
};

static const char *store_path, *transport = "auto", *host = "auto", *cache_dir;
static uint64_t memory = 256 << 20;
static const char *prefetch;
static bool foreground, owner_only, allow_suid, allow_dev;

/* ---- the transport ---- */

/* As `varve stats` names them. */
static bool find_transport(const char *name, enum vv_fuse_transport *out)
{
	static const char *const names[] = {
		[VV_FUSE_TRANSPORT_AUTO] = "auto",
		[VV_FUSE_TRANSPORT_IO_URING] = "io_uring",
		[VV_FUSE_TRANSPORT_DEV] = "dev",
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i], name) == 0) {
			*out = (enum vv_fuse_transport)i;
			return true;
		}
	return false;
}

/* ---- layers ---- */

static bool is_host_dir(const char *layer)
{
	bool is_letter = (layer[0] >= 'a' && layer[0] <= 'z') ||
			 (layer[0] >= 'A' && layer[0] <= 'Z');

	return layer[0] == '/' || strncmp(layer, "./", 2) == 0 ||
	       strncmp(layer, "../", 3) == 0 || strcmp(layer, ".") == 0 ||
	       strcmp(layer, "..") == 0 || (is_letter && layer[1] == ':');
}

static int parse_layer(struct vv_serve_layer *out, char *word)
{
	char *at = strrchr(word, '@');

	*out = (struct vv_serve_layer){ 0 };
	if (at) {
		*at = '\0';
		if (!vv_name_clean_path(at + 1))
			return vv_say_usage("mount: '%s' cannot be a path in the mount",
					    at + 1);
		out->path = at + 1;
	}
	if (is_host_dir(word)) {
		out->dir = word;
		out->path = at ? out->path : "";
		return 0;
	}
	out->ref = word;
	out->path = at ? out->path : word;
	return vv_check_ref(word);
}

/* ---- one mount ---- */

struct mount {
	const char *store; /* absolute: a daemon leaves its working directory */
	const char *mountpoint;
	enum vv_fuse_transport transport;
	struct vv_serve_layer layers[LAYERS_MAX];
	size_t layer_count;
	enum vv_fuse_erofs erofs;
	const char *cache_dir; /* absolute; NULL: the default */
	struct vv_background background;
};

/*
 * A host directory that holds its own mount point would have our threads wait for
 * themselves.  A mount over the directory itself is fine: it was opened before.
 */
static int check_dirs(const struct mount *m)
{
	char *point = realpath(m->mountpoint, NULL);
	int status = 0;

	for (size_t i = 0; point && i < m->layer_count && !status; i++) {
		char *dir = m->layers[i].dir ? realpath(m->layers[i].dir, NULL) : NULL;
		size_t len = dir ? strlen(dir) : 0;

		if (dir && strncmp(dir, point, len) == 0 && point[len] != '\0' &&
		    (point[len] == '/' || strcmp(dir, "/") == 0)) {
			vv_say("the layer '%s' contains the mount point '%s'; mount "
			       "elsewhere",
			       dir, point);
			status = VV_EXIT_FAILED;
		}
		free(dir);
	}
	free(point);
	return status;
}

/* How trees are shown: 0, or the status to end with. */
static int choose_host(const struct mount *m, enum vv_fuse_erofs *out)
{
	const char *why = vv_erofs_host_refuses(m->layers, m->layer_count);

	if (!why && owner_only)
		why = "--private takes the fuse host";
	*out = VV_FUSE_EROFS_NEVER;
	if (strcmp(host, "erofs") == 0) {
		if (why)
			return vv_say_usage("mount: --host erofs: %s", why);
		*out = VV_FUSE_EROFS_MUST;
	} else if (strcmp(host, "auto") == 0) {
		*out = why ? VV_FUSE_EROFS_NEVER : VV_FUSE_EROFS_IF_POSSIBLE;
	} else if (strcmp(host, "fuse") != 0) {
		return vv_say_usage("mount: the host is auto, fuse or erofs, not '%s'",
				    host);
	}
	return 0;
}

static int serve(struct mount *m)
{
	struct vv_serve_options serve_opts = {
		.layers = m->layers,
		.layer_count = m->layer_count,
		.memory_bytes = (size_t)memory,
		.mount_path = m->mountpoint,
		.follow = true,
		.prefetch_off = prefetch && strcmp(prefetch, "off") == 0,
		.uid = (uint32_t)getuid(),
		.gid = (uint32_t)getgid(),
	};
	struct vv_fuse_options fuse_opts = {
		.path = m->mountpoint,
		.fsname = m->store,
		.transport = m->transport,
		.owner_only = owner_only,
		.allow_suid = allow_suid,
		.allow_dev = allow_dev,
		.erofs = m->erofs,
		.cache_dir = m->cache_dir,
		.ready = vv_background_ready,
		.ctx = &m->background,
	};
	struct vv_serve *s = NULL;
	int status = vv_open_store(&serve_opts.store, m->store), err;

	if (prefetch && !serve_opts.prefetch_off)
		(void)vv_parse_size(prefetch, &serve_opts.prefetch_bytes);
	if (status)
		return status;
	err = vv_serve_new(&s, &serve_opts);
	if (err) {
		vv_store_close(serve_opts.store);
		return vv_say_failed(err, "cannot serve the store '%s'", m->store);
	}
	err = vv_fuse_host_run(s, &fuse_opts);
	vv_serve_free(s);
	return err ? vv_say_failed(err, "cannot mount at '%s'", m->mountpoint)
		   : VV_EXIT_OK;
}

static int start(struct mount *m)
{
	int status = VV_EXIT_OK, role = 0;

	m->background = (struct vv_background){ .before = vv_say_sink, .pipe = -1 };
	if (!foreground) {
		role = vv_background_start(&m->background, &status);
		if (role < 0)
			return vv_say_failed(role, "cannot start a process");
		if (role > 0)
			return status;
		vv_log_set_sink(vv_background_log, &m->background);
	}
	return serve(m);
}

static bool is_prefetch(const char *text)
{
	uint64_t bytes;

	return !text || strcmp(text, "off") == 0 ||
	       (vv_parse_size(text, &bytes) && bytes > 0);
}

static int mount_store(const char *store, int count, char **words)
{
	struct mount *m = calloc(1, sizeof *m);
	char *absolute = NULL, *cache = NULL;
	int status = 0;

	if (!m)
		return vv_say_failed(VV_ENOMEM, "mount");
	if (!store)
		store = getenv("VARVE_STORE");
	/* If it cannot be resolved, opening it says why. */
	absolute = store ? realpath(store, NULL) : NULL;
	m->store = absolute ? absolute : store;
	if (cache_dir && !(cache = realpath(cache_dir, NULL)))
		status = vv_say_usage("mount: there is no directory '%s'", cache_dir);
	m->cache_dir = cache;
	m->mountpoint = words[count - 1];
	m->layer_count = (size_t)(count - 1);
	if (!status && memory < VV_BUDGET_MIN)
		status = vv_say_usage("mount: --memory must be at least 16M");
	else if (!find_transport(transport, &m->transport))
		status = vv_say_usage(
			"mount: the transport is auto, io_uring or dev, not '%s'",
			transport);
	else if (!is_prefetch(prefetch))
		status = vv_say_usage(
			"mount: --prefetch takes off or a size such as 64M, not '%s'",
			prefetch);
	else if (m->layer_count > LAYERS_MAX)
		status = vv_say_usage("mount: at most %d layers", LAYERS_MAX);
	for (int i = 0; i < count - 1 && !status; i++)
		status = parse_layer(&m->layers[i], words[i]);
	if (!status)
		status = choose_host(m, &m->erofs);
	if (!status)
		status = check_dirs(m);
	if (!status)
		status = start(m);
	free(absolute);
	free(cache);
	free(m);
	return status;
}

static int run(int count, char **words)
{
	return mount_store(store_path, count, words);
}

static const struct vv_option options[] = {
	VV_OPTION_STORE(&store_path),
	{ "memory", 'm', VV_OPTION_SIZE, &memory, "SIZE",
	  "the hard memory budget (default 256M, at least 16M)" },
	{ "prefetch", 0, VV_OPTION_TEXT, &prefetch, "off|SIZE",
	  "how much a profile's run may fetch ahead (default: half of the budget)" },
	{ "foreground", 'f', VV_OPTION_FLAG, &foreground, "",
	  "stay; messages go to stderr" },
	{ "private", 0, VV_OPTION_FLAG, &owner_only, "", "keep other users out" },
	{ "suid", 0, VV_OPTION_FLAG, &allow_suid, "",
	  "honour set-user-id programs of the store (root)" },
	{ "dev", 0, VV_OPTION_FLAG, &allow_dev, "",
	  "let its device nodes work (root)" },
	{ "transport", 0, VV_OPTION_TEXT, &transport, "NAME",
	  "how requests come: io_uring, dev, or auto (the default)" },
	{ "host", 0, VV_OPTION_TEXT, &host, "NAME",
	  "auto (the default), fuse, or erofs: trees are the kernel's own (root)" },
	{ "cache-dir", 0, VV_OPTION_TEXT, &cache_dir, "DIR",
	  "where erofs images are made (default /var/cache/varve)" },
	{ 0 },
};

const struct vv_verb vv_verb_mount = {
	.name = "mount",
	.args = "[LAYER[@PATH]...] MOUNTPOINT",
	.summary = "show refs as ordinary files",
	.text = "Without layers every ref is shown at MOUNTPOINT/REF, and refs that come, move or go are followed.\n"
		"A LAYER is a ref, or a host directory if it begins with `/`, `./` or `../`; PATH is where it is\n"
		"shown (a ref: at its name, a directory: at the root).  Layers that overlap are merged, the first\n"
		"one first.  Returns when the mount is usable.",
	.options = options,
	.args_min = 1,
	.args_max = -1,
	.run = run,
};

/* ---- mount.varve: what mount(8) calls for type varve ---- */

struct helper {
	char *words[LAYERS_MAX + 1]; /* layers, then the mount point */
	int count;
};

/* One of the comma-separated options.  What mount(8) deals with itself, and what means nothing to us, passes. */
static int helper_option(struct helper *h, char *option)
{
	char *value = strchr(option, '=');

	if (value && strncmp(option, "memory=", 7) == 0) {
		if (!vv_parse_size(value + 1, &memory))
			return vv_say_usage(
				"mount.varve: memory takes a size such as 64M, not '%s'",
				value + 1);
	} else if (value && strncmp(option, "layer=", 6) == 0) {
		if (h->count == LAYERS_MAX)
			return vv_say_usage("mount.varve: at most %d layers",
					    LAYERS_MAX);
		h->words[h->count++] = value + 1;
	} else if (value && strncmp(option, "transport=", 10) == 0) {
		transport = value + 1;
	} else if (value && strncmp(option, "host=", 5) == 0) {
		host = value + 1;
	} else if (value && strncmp(option, "cache-dir=", 10) == 0) {
		cache_dir = value + 1;
	} else if (value && strncmp(option, "prefetch=", 9) == 0) {
		prefetch = value + 1;
	} else if (strcmp(option, "private") == 0) {
		owner_only = true;
	} else if (strcmp(option, "suid") == 0) {
		allow_suid = true;
	} else if (strcmp(option, "dev") == 0) {
		allow_dev = true;
	}
	return 0;
}

int vv_mount_helper(int argc, char **argv)
{
	struct helper h = { .count = 0 };
	char *store = NULL, *mountpoint = NULL;
	int status = 0;

	for (int i = 0; i < argc && !status; i++) {
		if (strcmp(argv[i], "-o") == 0 && i + 1 < argc) {
			for (char *o = strtok(argv[++i], ","); o && !status;
			     o = strtok(NULL, ","))
				status = helper_option(&h, o);
		} else if (argv[i][0] == '-') {
			continue; /* -n, -s, -v: mount(8)'s own */
		} else if (!store) {
			store = argv[i];
		} else {
			mountpoint = argv[i];
		}
	}
	if (status)
		return status;
	if (!store || !mountpoint)
		return vv_say_usage(
			"mount.varve STORE MOUNTPOINT [-o memory=SIZE,layer=LAYER@PATH,...]");
	h.words[h.count++] = mountpoint;
	return mount_store(store, h.count, h.words);
}
