#include "store/streams.h"

#include "cache/budget.h"
#include "cache/frame_cache.h"
#include "core/arith.h"
#include "core/err.h"
#include "input/input.h"
#include "lib/memory_input.h"
#include "lib/teststore.h"
#include "store/gc.h"
#include "store/publish.h"
#include "store/reader.h"
#include "store/store.h"
#include "test.h"

#include <stdbool.h>

/* One file with content and streams, as a directory of Windows would tell it. */
struct file_input {
	struct vv_input base;
	const char *left; /* of what is being read */
	unsigned told;
};

static const char *const names[] = { "zone", "empty", "a stream" };
static const char *const contents[] = { "[ZoneTransfer]", "", "something else" };

static int next(struct vv_input *base, struct vv_input_entry *out)
{
	struct file_input *in = (struct file_input *)base;

	*out = (struct vv_input_entry){ .path = in->told ? "f" : "" };
	out->meta.mode = in->told ? VV_S_IFREG | 0644 : VV_S_IFDIR | 0755;
	in->left = "content";
	if (in->told == 1) {
		out->streams = names;
		out->stream_count = 3;
	}
	return in->told++ < 2;
}

static int read_some(struct vv_input *base, void *buf, size_t cap, size_t *got,
		     uint64_t *hole)
{
	struct file_input *in = (struct file_input *)base;

	*hole = 0;
	*got = strlen(in->left) < cap ? strlen(in->left) : cap;
	memcpy(buf, in->left, *got);
	in->left += *got;
	return VV_OK;
}

static int stream(struct vv_input *base, size_t nth)
{
	((struct file_input *)base)->left = contents[nth];
	return VV_OK;
}

static const struct vv_input_ops ops = {
	.name = "file",
	.next = next,
	.read = read_some,
	.stream = stream,
};

static struct test_store ts;
static struct vv_budget *budget;
static struct vv_frame_cache *cache;
static struct vv_reader *reader;

static void open_reader(void)
{
	CHECK_INT(vv_budget_new(&budget, 64 << 20), VV_OK);
	CHECK_INT(vv_frame_cache_new(&cache, budget, &test_pages), VV_OK);
	CHECK_INT(vv_reader_new(&reader, ts.store, cache, budget), VV_OK);
}

static void close_reader(void)
{
	vv_reader_free(reader);
	vv_frame_cache_free(cache);
	vv_budget_free(budget);
}

static bool holds(const struct vv_extra *x, const char *want)
{
	static struct vv_read read;
	struct vv_id blob;
	uint64_t size = vv_get_le64(x->value);
	bool is_it;

	memcpy(blob.bytes, x->value + 8, VV_ID_BYTES);
	if (size == 0)
		return *want == '\0' && vv_id_is_zero(&blob);
	CHECK_INT(vv_reader_read(reader, &blob, size, 0, (size_t)size, &read), VV_OK);
	is_it = size == strlen(want) && memcmp(read.spans[0].bytes, want, size) == 0;
	vv_reader_done(reader, &read);
	return is_it;
}

/* Told by name, and kept by gc though no file has their content. */
static void streams_are_blobs_of_the_tree(void)
{
	static const unsigned sorted[] = { 2, 1, 0 };
	struct file_input in = { .base.ops = &ops };
	const struct vv_gc_options no_grace = { 0 };
	struct vv_gc_stats gc_stats;
	struct vv_publish_stats stats;
	struct vv_open_tree *tree;
	struct vv_entry entry;
	struct vv_extra x;
	struct vv_id id;
	uint64_t pos = 0;
	uint32_t index;

	test_store_make(&ts);
	CHECK_INT(vv_publish(ts.store, "f", &in.base, NULL, &stats, &id), VV_OK);
	CHECK_INT(vv_gc(ts.store, &no_grace, &gc_stats), VV_OK);
	CHECK_INT(gc_stats.deleted, 0);
	expect_sound(ts.store);
	open_reader();
	CHECK_INT(vv_store_tree_open(ts.store, &id, &tree), VV_OK);
	CHECK_INT(vv_tree_lookup(vv_open_tree_get(tree), VV_TREE_ROOT, "f", 1, &index),
		  VV_OK);
	CHECK_INT(vv_tree_entry(vv_open_tree_get(tree), index, &entry), VV_OK);
	CHECK_INT(entry.size, 7);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_INT(vv_tree_extra_next(vv_open_tree_get(tree), &entry, &pos, &x),
			  1);
		CHECK_INT(x.type, VV_EXTRA_STREAM);
		CHECK(x.name_len == strlen(names[sorted[i]]) &&
		      memcmp(x.name, names[sorted[i]], x.name_len) == 0);
		CHECK(holds(&x, contents[sorted[i]]));
	}
	CHECK_INT(vv_tree_extra_next(vv_open_tree_get(tree), &entry, &pos, &x), 0);
	vv_open_tree_unref(tree);
	close_reader();
	test_store_drop(&ts);
}

int main(void)
{
	RUN(streams_are_blobs_of_the_tree);
	return test_report();
}
