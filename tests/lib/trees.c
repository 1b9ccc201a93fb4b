#include "lib/trees.h"

#include "codec/hash.h"
#include "core/err.h"
#include "format/tree_builder.h"
#include "os/system.h"
#include "test.h"

struct vv_id content_id(const char *content)
{
	struct vv_id id;

	vv_hash_id(&id, content, strlen(content));
	return id;
}

static void add_line(struct vv_tree_builder *b, const char *line)
{
	static const struct vv_extra opaque = {
		.type = VV_EXTRA_XATTR,
		.name = "user.overlay.opaque",
		.name_len = 19,
		.value = (const uint8_t *)"y",
		.value_len = 1,
	};
	struct vv_tree_meta meta = { .mtime_sec = 1000000 };
	char kind, path[256] = "", rest[256] = "";

	CHECK(sscanf(line, "%c %255s %255[^\n]", &kind, path, rest) >= 2);
	switch (kind) {
	case 'o':
		meta.extras = &opaque;
		meta.extra_count = 1;
		/* fall through */
	case 'd': meta.mode = VV_S_IFDIR | 0755; break;
	case 'f':
		meta.mode = VV_S_IFREG | 0644;
		meta.size = strlen(rest);
		if (meta.size)
			meta.blob = content_id(rest);
		break;
	case 'l':
		meta.mode = VV_S_IFLNK | 0777;
		meta.target = rest;
		break;
	case 'w': meta.mode = VV_S_IFCHR; break;
	case 'h': CHECK_INT(vv_tree_builder_link(b, path, rest), VV_OK); return;
	default: test_die(__FILE__, __LINE__, "a kind of entry");
	}
	CHECK_INT(vv_tree_builder_add(b, path, &meta), VV_OK);
}

static void build(struct vv_buf *out, struct vv_id *id, const char *text)
{
	struct vv_tree_meta root = { .mode = VV_S_IFDIR | 0755 };
	struct vv_tree_builder *b;

	CHECK_INT(vv_tree_builder_new(&b, VV_TREE_DUP_REPLACE), VV_OK);
	CHECK_INT(vv_tree_builder_add(b, "", &root), VV_OK);
	while (*text) {
		size_t len = strcspn(text, "\n");
		char line[600];

		CHECK(len < sizeof line);
		memcpy(line, text, len);
		line[len] = '\0';
		if (len)
			add_line(b, line);
		text += len + (text[len] == '\n');
	}
	vv_buf_init(out, 1 << 30);
	CHECK_INT(vv_tree_builder_finish(b, out, id), VV_OK);
	vv_tree_builder_free(b);
}

struct shelf_tree *shelf_add(struct shelf *shelf, const char *text)
{
	struct shelf_tree *t;
	struct vv_buf image;
	struct vv_id id;
	size_t len;

	build(&image, &id, text);
	for (unsigned i = 0; i < shelf->count; i++) {
		if (vv_id_equal(&shelf->trees[i]->tree.id, &id)) {
			vv_buf_fini(&image);
			return shelf->trees[i];
		}
	}
	CHECK(shelf->count < SHELF_MAX);
	t = calloc(1, sizeof *t);
	CHECK(t != NULL);
	t->bytes = vv_buf_take(&image, &len);
	CHECK_INT(vv_tree_init(&t->tree, &id, t->bytes, len, &t->faults), VV_OK);
	shelf->trees[shelf->count++] = t;
	return t;
}

void shelf_fini(struct shelf *shelf)
{
	for (unsigned i = 0; i < shelf->count; i++) {
		CHECK_INT(atomic_load(&shelf->trees[i]->open), 0);
		vv_tree_fini(&shelf->trees[i]->tree);
		free(shelf->trees[i]->bytes);
		free(shelf->trees[i]);
	}
	*shelf = (struct shelf){ 0 };
}

static int shelf_open(void *ctx, const struct vv_id *id, const struct vv_tree **tree,
		      void **handle)
{
	struct shelf *shelf = ctx;

	atomic_fetch_add(&shelf->opens, 1);
	if (atomic_load(&shelf->delay_ms))
		vv_sleep_ms(atomic_load(&shelf->delay_ms));
	if (atomic_load(&shelf->fail))
		return atomic_load(&shelf->fail);
	for (unsigned i = 0; i < shelf->count; i++) {
		struct shelf_tree *t = shelf->trees[i];

		if (!vv_id_equal(&t->tree.id, id))
			continue;
		atomic_fetch_add(&t->open, 1);
		*tree = &t->tree;
		*handle = t;
		return VV_OK;
	}
	return VV_ENOENT;
}

static void shelf_close(void *ctx, void *handle)
{
	struct shelf *shelf = ctx;
	struct shelf_tree *t = handle;

	CHECK(atomic_fetch_sub(&t->open, 1) > 0);
	atomic_fetch_add(&shelf->closes, 1);
}

struct vv_layer shelf_layer(struct shelf *shelf, const char *path, const char *text)
{
	return (struct vv_layer){
		.path = path,
		.label = path,
		.tree_id = shelf_add(shelf, text)->tree.id,
		.open = shelf_open,
		.close = shelf_close,
		.ctx = shelf,
		.published_ns = 1000000000,
	};
}
