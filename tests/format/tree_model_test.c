/*
 * Random trees against a list of paths in memory.
 *
 * The model is what a reader of the specification would believe without thinking: a
 * set of paths, each with its metadata; a directory is what other paths go through; a
 * lookup is a search of the whole list.  For each seed the tree is built in two
 * shuffled orders, which must give one id, and every answer is compared.
 */
#include "format/tree.h"

#include "core/err.h"
#include "core/fold.h"
#include "format/tree_builder.h"
#include "lib/sample_images.h"
#include "test.h"

enum {
	SEEDS = 60,
	ENTRIES_MAX = 300,
	PATH_BYTES = 256
};

struct item {
	char path[PATH_BYTES];
	struct vv_tree_meta meta;
	int linked_to; /* item, or -1 */
	char target[20];
};

struct model {
	struct item items[ENTRIES_MAX];
	int count;
	uint64_t random;
};

static uint32_t pick(struct model *m, uint32_t limit)
{
	m->random = m->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(m->random >> 33) % limit;
}

static bool is_dir(const struct item *item)
{
	return (item->meta.mode & VV_S_IFMT) == VV_S_IFDIR;
}

/* Where @path has its last name. */
static size_t parent_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) : 0;
}

static const char *last_name(const char *path)
{
	return path + parent_len(path) + (strchr(path, '/') ? 1 : 0);
}

/* Is @child directly in the directory @dir? */
static bool is_child(const char *dir, const char *child)
{
	return *child && parent_len(child) == strlen(dir) &&
	       strncmp(dir, child, strlen(dir)) == 0;
}

static struct item *find(struct model *m, const char *path)
{
	for (int i = 0; i < m->count; i++) {
		if (strcmp(m->items[i].path, path) == 0)
			return &m->items[i];
	}
	return NULL;
}

static void join(char out[PATH_BYTES], const char *dir, const char *name, size_t len)
{
	size_t dir_len = strlen(dir);

	CHECK(dir_len + 1 + len < PATH_BYTES);
	memcpy(out, dir, dir_len);
	if (dir_len)
		out[dir_len++] = '/';
	memcpy(out + dir_len, name, len);
	out[dir_len + len] = '\0';
}

/* ---- making one up ---- */

/* Few letters in both cases, so that names collide, fold alike and are prefixes. */
static void random_name(struct model *m, char *out)
{
	static const char *const pieces[] = { "a",
					      "A",
					      "b",
					      "B",
					      "_",
					      "z",
					      ".h",
					      "\xc3\xa4",
					      "\xc3\x84",
					      "\xff",
					      "\xed\xa0\x80",
					      "9" };
	uint32_t count = 1 + pick(m, 5);

	*out = '\0';
	while (count--)
		strcat(out, pieces[pick(m, sizeof pieces / sizeof *pieces)]);
}

static void random_meta(struct model *m, struct item *item)
{
	static const uint32_t types[] = { VV_S_IFDIR, VV_S_IFDIR, VV_S_IFREG,
					  VV_S_IFREG, VV_S_IFREG, VV_S_IFLNK,
					  VV_S_IFIFO, VV_S_IFCHR };

	item->meta = (struct vv_tree_meta){
		.mode = types[pick(m, 8)] | (pick(m, 2) ? 0755u : 0644u),
		.uid = pick(m, 2),
		.mtime_sec = (int64_t)pick(m, 3) - 1,
		.mtime_nsec = pick(m, 2) * 999999999u,
	};
	switch (item->meta.mode & VV_S_IFMT) {
	case VV_S_IFREG:
		item->meta.size = pick(m, 20);
		item->meta.blob = sample_id((unsigned)item->meta.size);
		break;
	case VV_S_IFLNK:
		snprintf(item->target, sizeof item->target, "t%u", pick(m, 10));
		item->meta.target = item->target;
		break;
	case VV_S_IFCHR: item->meta.rdev_minor = pick(m, 3); break;
	default: break;
	}
}

static void random_item(struct model *m)
{
	struct item *item = &m->items[m->count], *dir = &m->items[pick(m, m->count)];
	struct item *file = &m->items[pick(m, m->count)];
	char name[40];

	random_name(m, name);
	if (!is_dir(dir) || strlen(dir->path) > PATH_BYTES - sizeof name - 1)
		return;
	*item = (struct item){ .linked_to = -1 };
	join(item->path, dir->path, name, strlen(name));
	if (find(m, item->path))
		return;
	random_meta(m, item);
	if (pick(m, 8) == 0 && !is_dir(file) && file->linked_to < 0) {
		item->linked_to = (int)(file - m->items);
		item->meta = file->meta;
	}
	m->count++;
}

static void random_model(struct model *m, uint64_t seed)
{
	*m = (struct model){ .random = seed * 2 + 1, .count = 1 };
	m->items[0] = (struct item){ .meta.mode = VV_S_IFDIR | 0711, .linked_to = -1 };
	for (uint32_t tries = pick(m, 5 * ENTRIES_MAX); tries > 0; tries--) {
		if (m->count < ENTRIES_MAX)
			random_item(m);
	}
}

/* ---- building ---- */

static void add_shuffled(struct model *m, struct vv_tree_builder *b, bool links)
{
	int order[ENTRIES_MAX];

	for (int i = 0; i < m->count; i++) {
		int k = (int)pick(m, (uint32_t)i + 1);

		order[i] = order[k];
		order[k] = i;
	}
	for (int i = 0; i < m->count; i++) {
		const struct item *item = &m->items[order[i]];

		if ((item->linked_to >= 0) != links)
			continue;
		if (links)
			CHECK_INT(vv_tree_builder_link(b, item->path,
						       m->items[item->linked_to].path),
				  VV_OK);
		else
			CHECK_INT(vv_tree_builder_add(b, item->path, &item->meta),
				  VV_OK);
	}
}

static struct vv_id build(struct model *m, struct vv_buf *out)
{
	struct vv_tree_builder *b;
	struct vv_id id;

	vv_buf_init(out, 1 << 24);
	CHECK_INT(vv_tree_builder_new(&b, VV_TREE_DUP_ERROR), VV_OK);
	add_shuffled(m, b, false);
	add_shuffled(m, b, true);
	CHECK_INT(vv_tree_builder_count(b), m->count);
	CHECK_INT(vv_tree_builder_finish(b, out, &id), VV_OK);
	vv_tree_builder_free(b);
	return id;
}

/* ---- comparing ---- */

static uint32_t links_of(const struct model *m, const struct item *item)
{
	int file = item->linked_to >= 0 ? item->linked_to : (int)(item - m->items);
	uint32_t links = 0;

	for (int i = 0; i < m->count; i++)
		links += i == file || m->items[i].linked_to == file;
	return links;
}

static void compare_metadata(struct model *m, const struct vv_tree *t,
			     const struct item *item, const struct vv_entry *e)
{
	CHECK_INT(e->mode, item->meta.mode);
	CHECK_INT(e->uid, item->meta.uid);
	CHECK_INT(e->mtime_sec, item->meta.mtime_sec);
	CHECK_INT(e->mtime_nsec, item->meta.mtime_nsec);
	CHECK_INT(e->rdev_minor, item->meta.rdev_minor);
	if (!is_dir(item))
		CHECK_INT(e->nlink, links_of(m, item));
	if (item->linked_to >= 0) {
		struct vv_entry other;
		uint32_t index;

		CHECK_INT(vv_tree_walk(t, m->items[item->linked_to].path, &index),
			  VV_OK);
		CHECK_INT(vv_tree_entry(t, index, &other), VV_OK);
		CHECK_INT(other.first, e->first);
	}
	if (item->meta.size > 0) {
		struct vv_id id;

		CHECK_INT(vv_tree_blob(t, e->blob, &id), VV_OK);
		CHECK(vv_id_equal(&id, &item->meta.blob));
	}
	if (item->meta.target) {
		const char *target;
		size_t len;

		CHECK_INT(vv_tree_target(t, e, &target, &len), VV_OK);
		CHECK(len == strlen(item->meta.target) &&
		      !memcmp(target, item->meta.target, len));
	}
}

/* Each child is in the model, there are as many as there, and they are sorted. */
static void compare_listing(struct model *m, const struct vv_tree *t,
			    const struct item *dir, const struct vv_entry *e)
{
	char before[PATH_BYTES] = "", path[PATH_BYTES];
	uint32_t expected = 0, subdirs = 0;

	for (int i = 0; i < m->count; i++) {
		if (is_child(dir->path, m->items[i].path)) {
			expected++;
			subdirs += is_dir(&m->items[i]);
		}
	}
	CHECK_INT(e->child_count, expected);
	CHECK_INT(e->nlink, 2 + subdirs);
	for (uint32_t i = 0; i < e->child_count; i++) {
		const char *name;
		size_t len;

		CHECK_INT(vv_tree_name(t, e->child_first + i, &name, &len), VV_OK);
		join(path, dir->path, name, len);
		CHECK(find(m, path) != NULL);
		CHECK(strcmp(before, path) < 0);
		strcpy(before, path);
	}
}

/* The exact name, or else the first by bytes of those that fold alike. */
static const struct item *model_folded(struct model *m, const char *dir,
				       const char *name)
{
	const struct item *found = NULL;

	for (int i = 0; i < m->count; i++) {
		const struct item *item = &m->items[i];
		const char *last = last_name(item->path);

		if (!is_child(dir, item->path))
			continue;
		if (strcmp(last, name) == 0)
			return item;
		if (vv_fold_cmp(last, strlen(last), name, strlen(name)) == 0 &&
		    (!found || strcmp(item->path, found->path) < 0))
			found = item;
	}
	return found;
}

static void compare_lookups(struct model *m, const struct vv_tree *t,
			    const struct item *dir, const struct vv_entry *e)
{
	for (int tries = 0; tries < 40; tries++) {
		char name[40], path[PATH_BYTES];
		const struct item *item;
		uint32_t index, walked = 0;
		int err;

		random_name(m, name);
		join(path, dir->path, name, strlen(name));
		err = vv_tree_lookup(t, e->index, name, strlen(name), &index);
		CHECK_INT(err, find(m, path) ? VV_OK : VV_ENOENT);
		err = vv_tree_lookup_folded(t, e->index, name, strlen(name), &index);
		item = model_folded(m, dir->path, name);
		CHECK_INT(err, item ? VV_OK : VV_ENOENT);
		if (item)
			CHECK_INT(vv_tree_walk(t, item->path, &walked), VV_OK);
		CHECK_INT(index, walked);
	}
}

static void compare(struct model *m, const struct vv_tree *t)
{
	CHECK_INT(t->entry_count, m->count);
	for (int i = 0; i < m->count; i++) {
		const struct item *item = &m->items[i];
		struct vv_entry e;
		uint32_t index;

		CHECK_INT(vv_tree_walk(t, item->path, &index), VV_OK);
		CHECK_INT(vv_tree_entry(t, index, &e), VV_OK);
		compare_metadata(m, t, item, &e);
		if (is_dir(item)) {
			compare_listing(m, t, item, &e);
			compare_lookups(m, t, item, &e);
		}
	}
}

static void random_trees_answer_like_the_model_whatever_the_order_of_adding(void)
{
	static struct model m;
	int largest = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct vv_buf first, second;
		struct vv_id a, b;
		struct vv_tree t;
		char why[200];

		random_model(&m, seed);
		a = build(&m, &first);
		b = build(&m, &second);
		CHECK(vv_id_equal(&a, &b));
		CHECK_INT(vv_tree_init(&t, &a, first.bytes, first.len, NULL), VV_OK);
		if (vv_tree_verify(&t, why, sizeof why))
			test_die(__FILE__, __LINE__, why);
		compare(&m, &t);
		largest = m.count > largest ? m.count : largest;
		vv_tree_fini(&t);
		vv_buf_fini(&first);
		vv_buf_fini(&second);
	}
	CHECK(largest > ENTRIES_MAX / 2); /* else nothing was tried */
}

/* ---- size ---- */

static void add_version(struct vv_tree_builder *b, int version, uint32_t *files)
{
	static const char *const words[] = { "vector",	   "stdio",	"algorithm",
					     "config",	   "x86intrin", "ostream",
					     "mutex_base", "c++locale", "typeinfo",
					     "allocator" };
	char path[300];

	for (int dir = 0; dir < 100; dir++) {
		for (int i = 0; i < 40; i++, ++*files) {
			struct vv_tree_meta meta = {
				.mode = VV_S_IFREG | (i % 20 ? 0644u : 0755u),
				.mtime_sec = 1600000000 + dir / 10,
				.size = 1 + (uint64_t)*files,
				.blob = sample_id(*files),
			};

			snprintf(
				path, sizeof path,
				"lib/gcc/x86_64-linux-gnu/12.%d.0/include/%s%d/%s_%s%d.h",
				version, words[dir % 10], dir / 10, words[i % 10],
				words[(i + dir) % 10], i);
			CHECK_INT(vv_tree_builder_add(b, path, &meta), VV_OK);
		}
	}
}

static void a_tree_takes_at_most_110_bytes_a_file(void)
{
	struct vv_tree_builder *b;
	struct vv_buf out;
	struct vv_id id;
	uint32_t files = 0;

	vv_buf_init(&out, 1 << 24);
	CHECK_INT(vv_tree_builder_new(&b, VV_TREE_DUP_ERROR), VV_OK);
	for (int version = 0; version < 3; version++)
		add_version(b, version, &files);
	CHECK_INT(vv_tree_builder_finish(b, &out, &id), VV_OK);
	vv_tree_builder_free(b);
	printf("# %.1f bytes a file, every content its own\n", (double)out.len / files);
	CHECK(out.len <= files * 110u);
	vv_buf_fini(&out);
}

int main(void)
{
	RUN(random_trees_answer_like_the_model_whatever_the_order_of_adding);
	RUN(a_tree_takes_at_most_110_bytes_a_file);
	return test_report();
}
