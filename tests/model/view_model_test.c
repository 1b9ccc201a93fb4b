/*
 * A view against a merge that anybody can see is right, and a kernel that believes
 * every answer for ever.
 *
 * Random layers of small random trees and host directories are moved about.  The model
 * of the kernel keeps every positive and negative name and every listing that it was
 * given with VV_LIFE_FOREVER, and drops only what a notice names; names with a short
 * life it looks up again, and keeps what is beneath them if the node is the same.
 * After each change all that it believes must be true.  Some files stay open when their
 * names are dropped: they must keep their content.
 */
#include "core/err.h"
#include "host/hostlayer.h"
#include "lib/temp_dir.h"
#include "lib/trees.h"
#include "os/hostdir.h"
#include "test.h"
#include "vfs/view.h"

#include <sys/stat.h>
#include <unistd.h>

enum {
	SEEDS = 12,
	STEPS = 150,
	TREES = 10,
	HOSTS = 2,
	ENTRIES = 24,
	LAYERS = 6,
	HELD = 16,
};

static uint64_t rng;

static unsigned pick(unsigned below)
{
	rng = rng * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)(rng >> 33) % below;
}

/* ---- the plain merge ---- */

struct plain_entry {
	char path[32];
	char kind; /* as in lib/trees.h: d o f w */
	char content[8];
};

struct plain_tree {
	struct plain_entry entries[ENTRIES];
	unsigned count;
};

struct plain_layer {
	const struct plain_tree *tree;
	char path[16];
	int host;   /* index, or -1 */
	int number; /* of the tree */
};

static struct plain_tree trees[TREES], hosts[HOSTS];
static struct plain_layer layers[LAYERS];
static unsigned layer_count;

static const struct plain_entry *plain_find(const struct plain_tree *t,
					    const char *path)
{
	for (unsigned i = 0; i < t->count; i++) {
		if (strcmp(t->entries[i].path, path) == 0)
			return &t->entries[i];
	}
	return NULL;
}

/*
 * What a layer has at a path: 0 nothing, `d o f w`, or `.`: a directory on the way to
 * it.
 */
static char layer_has(const struct plain_layer *l, const char *path,
		      const char **content)
{
	size_t path_len = strlen(path), at = strlen(l->path);
	const struct plain_entry *e;

	if (path_len < at)
		return memcmp(path, l->path, path_len) == 0 &&
				       (path_len == 0 || l->path[path_len] == '/')
			       ? '.'
			       : 0;
	if (memcmp(path, l->path, at) != 0 || (at && path[at] && path[at] != '/'))
		return 0;
	path += at;
	path += *path == '/';
	if (!*path)
		return 'd';
	e = plain_find(l->tree, path);
	if (!e)
		return 0;
	*content = e->content;
	return e->kind;
}

struct truth {
	char kind; /* 0 nothing, d, f, w (a device) */
	const char *content;
	bool is_in[LAYERS]; /* of a directory: who contributes */
	unsigned sources;   /* ... and really has it */
};

static void truth_of_child(const struct truth *parent, const char *path,
			   struct truth *out)
{
	*out = (struct truth){ 0 };
	for (unsigned i = 0; i < layer_count; i++) {
		const char *content = "";
		char has = parent->is_in[i] ? layer_has(&layers[i], path, &content) : 0;

		if (!has)
			continue;
		if (has == 'f' || has == 'w') {
			if (out->kind || (has == 'w' && parent->sources > 1))
				return;
			out->kind = has;
			out->content = content;
			return;
		}
		out->kind = 'd';
		out->is_in[i] = true;
		out->sources += has != '.';
		if (has == 'o')
			return;
	}
}

static struct truth truth_at(const char *path)
{
	struct truth t = { 0 }, child;
	char part[64];
	const char *slash = path;

	for (unsigned i = 0; i < layer_count; i++)
		t.is_in[i] = true;
	child = t;
	truth_of_child(&child, "", &t);
	t.kind = 'd'; /* the root, also of no layers */
	while (*slash && t.kind == 'd') {
		slash += strcspn(slash, "/");
		snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
		truth_of_child(&t, part, &child);
		t = child;
		slash += *slash == '/';
		if (t.kind != 'd' && *slash)
			return (struct truth){ 0 };
	}
	return t;
}

static void join_path(char out[64], const char *dir, const char *name)
{
	int len = snprintf(out, 64, "%s%s%s", dir, *dir ? "/" : "", name);

	CHECK(len > 0 && len < 64);
}

/* ---- random layers ---- */

static struct shelf shelf;
static struct vv_view *view;
static char *temp;
static char *host_paths[HOSTS];
static struct vv_hostdir *host_dirs[HOSTS];

static void random_path(char *out, size_t size, unsigned parts)
{
	size_t len = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < parts; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%c", i ? "/" : "",
					"abcd"[pick(4)]);
}

/* @path and its parents, unless something that is no directory is in the way. */
static void add_entry(struct plain_tree *t, const char *path, char kind)
{
	struct plain_entry *e;
	const char *slash = strrchr(path, '/');
	char parent[32];

	if (plain_find(t, path) || t->count + 4 > ENTRIES)
		return;
	if (slash) {
		const struct plain_entry *up;

		snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
		add_entry(t, parent, 'd');
		up = plain_find(t, parent);
		if (!up || (up->kind != 'd' && up->kind != 'o'))
			return;
	}
	e = &t->entries[t->count++];
	snprintf(e->path, sizeof e->path, "%s", path);
	snprintf(e->content, sizeof e->content, "c%u", pick(4));
	e->kind = kind;
}

static void random_tree(struct plain_tree *t, const char *kinds)
{
	char path[32];

	t->count = 0;
	for (unsigned i = pick(10); i > 0; i--) {
		random_path(path, sizeof path, 1 + pick(3));
		add_entry(t, path, kinds[pick((unsigned)strlen(kinds))]);
	}
}

static const char *text_of(const struct plain_tree *t)
{
	static char text[ENTRIES * 48];
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < t->count; i++) {
		const struct plain_entry *e = &t->entries[i];

		len += (size_t)snprintf(text + len, sizeof text - len, "%c %s %s\n",
					e->kind, e->path,
					e->kind == 'f' ? e->content : "");
	}
	return text;
}

static void write_host_entry(int host, const struct plain_entry *e)
{
	char *path = temp_path(host_paths[host], e->path);

	if (e->kind == 'd')
		CHECK(mkdir(path, 0755) == 0);
	else
		temp_file(path, e->content, strlen(e->content));
	free(path);
}

static void make_host(int host)
{
	char name[] = { 'h', (char)('0' + host), '\0' };

	host_paths[host] = temp_path(temp, name);
	CHECK(mkdir(host_paths[host], 0755) == 0);
	random_tree(&hosts[host], "dff");
	for (unsigned i = 0; i < hosts[host].count; i++)
		write_host_entry(host, &hosts[host].entries[i]);
	CHECK_INT(vv_hostdir_open(&host_dirs[host], host_paths[host]), VV_OK);
}

/* Behind the view's back: a new entry, or the last one goes. */
static void change_host(int host)
{
	struct plain_tree *t = &hosts[host];
	unsigned before = t->count;
	char path[32], *on_disk;

	if (t->count && pick(2)) {
		on_disk = temp_path(host_paths[host], t->entries[--t->count].path);
		CHECK(remove(on_disk) == 0);
		free(on_disk);
		return;
	}
	random_path(path, sizeof path, 1 + pick(3));
	add_entry(t, path, "df"[pick(2)]);
	for (unsigned i = before; i < t->count; i++)
		write_host_entry(host, &t->entries[i]);
}

static void random_layer(struct plain_layer *l)
{
	random_path(l->path, sizeof l->path, pick(4));
	l->host = pick(6) == 0 ? (int)pick(HOSTS) : -1;
	l->number = (int)pick(TREES);
	l->tree = l->host >= 0 ? &hosts[l->host] : &trees[l->number];
}

static void change_layers(void)
{
	unsigned at = layer_count ? pick(layer_count) : 0;
	struct plain_layer swap;

	switch (pick(6)) {
	case 0:
	case 1:
		if (layer_count < LAYERS)
			random_layer(&layers[layer_count++]);
		return;
	case 2:
		if (layer_count)
			layers[at] = layers[--layer_count];
		return;
	case 3: /* two change places */
		if (!layer_count)
			return;
		swap = layers[at];
		layers[at] = layers[0];
		layers[0] = swap;
		return;
	default: /* a ref moves */
		if (!layer_count || layers[at].host >= 0)
			return;
		layers[at].number = (int)pick(TREES);
		layers[at].tree = &trees[layers[at].number];
	}
}

/* ---- the kernel ---- */

struct dentry {
	struct dentry *next, *children;
	char name[4], path[64];
	uint64_t node; /* 0: a negative name */
	bool is_dir;
	bool is_short; /* must be looked up again before it is used */
	char *listing; /* owned; believed; NULL: not read */
};

static struct dentry root;

struct held {
	uint64_t node;
	char content[8];
};
static struct held held[HELD];

static void check_content(uint64_t node, const char *content)
{
	struct vv_id id = content_id(content);
	struct vv_content c;

	CHECK_INT(vv_view_content(view, node, &c), VV_OK);
	CHECK_INT(c.size, strlen(content));
	CHECK(c.is_host || vv_id_equal(&c.blob, &id));
}

/* Drop a name and all beneath it; a file of a tree may stay open. */
static void drop(struct dentry *d)
{
	while (d->children) {
		struct dentry *child = d->children;

		d->children = child->next;
		drop(child);
	}
	if (d->node && d != &root)
		vv_view_forget(view, d->node, 1);
	free(d->listing);
	if (d != &root)
		free(d);
	else
		root.listing = NULL;
}

static void apply_to(struct dentry *d, const struct vv_notice *n)
{
	for (struct dentry **at = &d->children; *at;) {
		struct dentry *c = *at;

		if (n->name && d->node == n->node && strcmp(c->name, n->name) == 0) {
			*at = c->next;
			drop(c);
			continue;
		}
		apply_to(c, n);
		at = &c->next;
	}
	if (!n->name && d->node == n->node) {
		free(d->listing);
		d->listing = NULL;
	}
}

/*
 * Open a file of a tree: its node is looked up once more and forgotten when another
 * takes its place.
 */
static void hold(const struct dentry *d, const char *name)
{
	struct held *h = &held[pick(HELD)];
	struct vv_attr attr;
	enum vv_life life;
	struct truth t;
	char path[64];

	CHECK_INT(vv_view_lookup(view, d->node, name, 1, &attr, &life), VV_OK);
	if (h->node)
		vv_view_forget(view, h->node, 1);
	h->node = 0;
	join_path(path, d->path, name);
	t = truth_at(path);
	if (!(attr.node >> 63) || t.kind != 'f') {
		vv_view_forget(view, attr.node, 1);
		return;
	}
	h->node = attr.node;
	snprintf(h->content, sizeof h->content, "%s", t.content);
}

static char listed[512];

static int add_listed(void *ctx, const char *name, size_t len, uint64_t next,
		      const struct vv_attr *attr)
{
	size_t *used = ctx;

	(void)next;
	if (len <= 2 && name[0] == '.')
		return 0;
	*used += (size_t)snprintf(listed + *used, sizeof listed - *used, "%.*s%s ",
				  (int)len, name,
				  (attr->mode & VV_S_IFMT) == VV_S_IFDIR ? "/" : "");
	return 0;
}

static void true_listing(const char *path, char *out, size_t size)
{
	struct truth dir = truth_at(path), child;
	size_t len = 0;

	out[0] = '\0';
	for (const char *name = "abcd"; *name; name++) {
		char below[64];

		snprintf(below, sizeof below, "%s%s%c", path, *path ? "/" : "", *name);
		truth_of_child(&dir, below, &child);
		if (child.kind)
			len += (size_t)snprintf(out + len, size - len, "%c%s ", *name,
						child.kind == 'd' ? "/" : "");
	}
}

/* Read the directory and compare; believe what needs no handle. */
static void list(struct dentry *d)
{
	struct vv_dir_handle *handle;
	char want[64];
	size_t used = 0;

	listed[0] = '\0';
	CHECK_INT(vv_view_opendir(view, d->node, &handle), VV_OK);
	CHECK_INT(vv_view_readdir(view, d->node, handle, 0, false, add_listed, &used),
		  VV_OK);
	true_listing(d->path, want, sizeof want);
	CHECK_STR(listed, want);
	if (!handle && !d->listing)
		d->listing = strdup(listed);
	vv_view_closedir(handle);
}

static void check_truth(const char *path, uint64_t node, bool is_dir)
{
	struct truth t = truth_at(path);

	CHECK_INT(node != 0, t.kind != 0);
	if (!node)
		return;
	CHECK_INT(is_dir, t.kind == 'd');
	if (t.kind == 'f')
		check_content(node, t.content);
}

/* false: the name of a short life means something else now, and was dropped. */
static bool revalidate(struct dentry *d, struct dentry **at)
{
	struct dentry *c = *at;
	struct vv_attr attr;
	enum vv_life life;
	int err;

	if (!c->is_short)
		return true;
	err = vv_view_lookup(view, d->node, c->name, 1, &attr, &life);
	CHECK(err == VV_OK || err == VV_ENOENT);
	if (err == VV_OK)
		vv_view_forget(view, attr.node, 1);
	if (err == VV_OK && attr.node == c->node) {
		c->is_short = attr.entry_life != VV_LIFE_FOREVER;
		return true;
	}
	*at = c->next;
	drop(c);
	return false;
}

/* Everything that is believed must be true. */
static void check_beliefs(struct dentry *d)
{
	char want[64];

	if (d->listing) {
		true_listing(d->path, want, sizeof want);
		CHECK_STR(d->listing, want);
	}
	for (struct dentry **at = &d->children; *at;) {
		if (!revalidate(d, at))
			continue;
		check_truth((*at)->path, (*at)->node, (*at)->is_dir);
		check_beliefs(*at);
		at = &(*at)->next;
	}
}

/*
 * Look a name up as a kernel does; NULL: it is absent, and that is not to be
 * remembered.
 */
static struct dentry *look_up(struct dentry *d, const char *name)
{
	struct dentry **at = &d->children, *c;
	struct vv_attr attr;
	enum vv_life life;
	int err;

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	if (*at && revalidate(d, at))
		return *at;
	c = calloc(1, sizeof *c);
	CHECK(c != NULL);
	snprintf(c->name, sizeof c->name, "%s", name);
	join_path(c->path, d->path, name);
	err = vv_view_lookup(view, d->node, name, strlen(name), &attr, &life);
	CHECK(err == VV_OK || err == VV_ENOENT);
	if (err == VV_OK) {
		c->node = attr.node;
		c->is_dir = (attr.mode & VV_S_IFMT) == VV_S_IFDIR;
		life = attr.entry_life;
	}
	check_truth(c->path, c->node, c->is_dir);
	c->is_short = life != VV_LIFE_FOREVER;
	if (c->is_short && !c->node) {
		drop(c);
		return NULL;
	}
	c->next = d->children;
	d->children = c;
	return c;
}

static void wander(struct dentry *d, unsigned steps)
{
	char name[2] = { "abcd"[pick(4)], '\0' };
	struct dentry *c;

	if (pick(4) == 0)
		list(d);
	if (steps == 0)
		return;
	c = look_up(d, name);
	if (c && c->is_dir)
		wander(c, steps - 1);
	else if (c && c->node && pick(8) == 0)
		hold(d, name);
}

/* Memory is short: a name and all beneath it is forgotten. */
static void shrink(struct dentry *d)
{
	for (struct dentry **at = &d->children; *at; at = &(*at)->next) {
		struct dentry *c = *at;

		if (pick(3) == 0) {
			*at = c->next;
			drop(c);
			return;
		}
		if (pick(2)) {
			shrink(c);
			return;
		}
	}
}

/* ---- the run ---- */

static void set_layers(void)
{
	struct vv_layer given[LAYERS];
	struct vv_notices n;

	for (unsigned i = 0; i < layer_count; i++) {
		const struct plain_layer *l = &layers[i];

		if (l->host >= 0)
			given[i] = (struct vv_layer){
				.path = l->path,
				.label = host_paths[l->host],
				.dir = host_dirs[l->host],
			};
		else
			given[i] = shelf_layer(&shelf, l->path, text_of(l->tree));
	}
	CHECK_INT(vv_view_set_layers(view, given, layer_count, &n), VV_OK);
	for (size_t i = 0; i < n.count; i++)
		apply_to(&root, &n.items[i]);
	vv_notices_fini(&n);
}

static void begin(unsigned seed)
{
	struct vv_view_options opts = { .host_ops = &vv_hostlayer_ops };

	rng = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	temp = temp_dir_new();
	for (int i = 0; i < HOSTS; i++)
		make_host(i);
	for (int i = 0; i < TREES; i++)
		random_tree(&trees[i], "ddffffwo");
	layer_count = 0;
	root = (struct dentry){ .node = VV_NODE_ROOT, .is_dir = true };
	CHECK_INT(vv_view_new(&view, &opts), VV_OK);
}

/* When a kernel has forgotten everything and no layer is shown, no tree may be open. */
static void end(void)
{
	struct vv_id id;
	size_t pos = 0;

	drop(&root);
	for (int i = 0; i < HELD; i++) {
		if (held[i].node)
			vv_view_forget(view, held[i].node, 1);
		held[i].node = 0;
	}
	layer_count = 0;
	set_layers();
	CHECK_INT(vv_view_retired_next(view, &pos, &id), 0);
	CHECK_INT(atomic_load(&shelf.opens), atomic_load(&shelf.closes));
	vv_view_free(view);
	shelf_fini(&shelf);
	for (int i = 0; i < HOSTS; i++) {
		vv_hostdir_close(host_dirs[i]);
		free(host_paths[i]);
	}
	temp_dir_free(temp);
}

static void step(void)
{
	if (pick(3)) {
		change_layers();
		set_layers();
	} else {
		change_host((int)pick(HOSTS));
	}
	check_beliefs(&root);
	for (int i = 0; i < HELD; i++) {
		if (held[i].node)
			check_content(held[i].node, held[i].content);
	}
	for (int i = 0; i < 12; i++)
		wander(&root, 4);
	if (pick(4) == 0)
		shrink(&root);
}

static void what_a_kernel_believes_stays_true(void)
{
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		begin(seed);
		for (int i = 0; i < STEPS; i++)
			step();
		end();
	}
}

int main(void)
{
	RUN(what_a_kernel_believes_stays_true);
	return test_report();
}
