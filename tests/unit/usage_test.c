#include "store/usage.h"

#include "codec/hash.h"
#include "core/err.h"
#include "lib/teststore.h"
#include "source/source.h"
#include "store/store.h"
#include "test.h"

enum {
	SIZE = 50000
};

static struct test_store ts;
static struct vv_usage usage;
static uint8_t a[SIZE], b[SIZE], c[SIZE];

static uint64_t tree_size(const struct vv_id *id)
{
	char key[VV_STORE_KEY_MAX];
	struct vv_object_info info;

	vv_store_tree_key(key, id);
	CHECK_INT(vv_source_stat(ts.source, key, &info), VV_OK);
	return info.size;
}

static uint64_t frames_size(const struct vv_id *pack)
{
	struct vv_pack_set *set;
	struct vv_frame frame;
	uint64_t size = 0;
	size_t i;

	CHECK_INT(vv_store_packs_refresh(ts.store, &set), VV_OK);
	CHECK_INT(vv_pack_set_index(set, pack, &i), VV_OK);
	for (uint32_t n = 0; n < vv_pack_set_get(set, i)->frame_count; n++) {
		CHECK_INT(vv_pack_frame(vv_pack_set_get(set, i), n, &frame), VV_OK);
		size += frame.stored_size;
	}
	vv_pack_set_unref(set);
	return size;
}

static void what_two_refs_need_is_shared_and_the_rest_their_own(void)
{
	struct test_file one[] = { { "x", a, SIZE } }, two[] = { { "y", b, SIZE } };
	struct test_file both[] = { { "x", a, SIZE }, { "z", c, SIZE } };
	struct vv_id tree[3], pack[3];
	uint64_t shared, own;

	test_store_make(&ts);
	tree[0] = test_publish(&ts, "1", one, 1, &pack[0]);
	tree[1] = test_publish(&ts, "2", two, 1, &pack[1]);
	tree[2] = test_publish(&ts, "3", both, 2, &pack[2]);
	shared = frames_size(&pack[0]);
	own = frames_size(&pack[2]) - shared;
	CHECK_INT(vv_usage_get(ts.store, &usage), VV_OK);
	CHECK_INT(usage.refs.count, 3);
	CHECK_INT(usage.items[0].raw_bytes, SIZE);
	CHECK_INT(usage.items[0].own_bytes, tree_size(&tree[0]));
	CHECK_INT(usage.items[0].shared_bytes, shared);
	CHECK_INT(usage.items[1].own_bytes,
		  tree_size(&tree[1]) + frames_size(&pack[1]));
	CHECK_INT(usage.items[1].shared_bytes, 0);
	CHECK_INT(usage.items[2].raw_bytes, 2 * SIZE);
	CHECK_INT(usage.items[2].own_bytes, tree_size(&tree[2]) + own);
	CHECK_INT(usage.items[2].shared_bytes, shared);
	/* The second copy of x is needed by nobody: its pack, or that frame of it. */
	CHECK(usage.garbage_bytes >= shared);
	CHECK(usage.store_bytes > usage.needed_bytes + usage.garbage_bytes);
	vv_usage_fini(&usage);
	test_store_drop(&ts);
}

static void two_names_of_one_tree_share_everything(void)
{
	struct test_file one[] = { { "x", a, SIZE } };
	struct vv_id tree, pack;

	test_store_make(&ts);
	tree = test_publish(&ts, "1", one, 1, &pack);
	test_ref_put(&ts, "2", &tree);
	CHECK_INT(vv_usage_get(ts.store, &usage), VV_OK);
	for (int i = 0; i < 2; i++) {
		CHECK_INT(usage.items[i].own_bytes, 0);
		CHECK_INT(usage.items[i].shared_bytes,
			  tree_size(&tree) + frames_size(&pack));
	}
	CHECK_INT(usage.needed_bytes, tree_size(&tree) + frames_size(&pack));
	CHECK_INT(usage.garbage_bytes, 0);
	vv_usage_fini(&usage);
	test_store_drop(&ts);
}

static void a_frame_takes_its_reference_with_it_also_from_another_pack(void)
{
	struct test_file one[] = { { "x", a, SIZE } };
	struct vv_tree_builder *builder;
	struct vv_tree_meta meta = { .mode = VV_S_IFREG | 0644, .size = SIZE };
	struct vv_blob_part part = { 0 };
	struct vv_id base_pack, pack, tree;
	struct test_pack tp;
	uint32_t ref;

	test_store_make(&ts);
	test_publish(&ts, "1", one, 1, &base_pack);
	memcpy(b, a, SIZE);
	b[7] ^= 1;
	test_pack_begin(&tp);
	ref = test_pack_foreign(&tp, a, SIZE);
	part.frame = test_pack_frame_ref(&tp, b, SIZE, ref, a, SIZE);
	test_pack_blob(&tp, b, SIZE, &part, 1);
	pack = test_pack_commit(&tp, &ts);
	CHECK_INT(vv_tree_builder_new(&builder, VV_TREE_DUP_ERROR), VV_OK);
	vv_hash_id(&meta.blob, b, SIZE);
	CHECK_INT(vv_tree_builder_add(builder, "y", &meta), VV_OK);
	tree = test_tree_put(&ts, builder);
	test_ref_put(&ts, "2", &tree);
	CHECK_INT(vv_usage_get(ts.store, &usage), VV_OK);
	CHECK_INT(usage.items[1].shared_bytes, frames_size(&base_pack));
	CHECK_INT(usage.items[1].own_bytes, frames_size(&pack) + tree_size(&tree));
	vv_usage_fini(&usage);

	/* Without the first ref the base stays needed, and is the second's own. */
	CHECK_INT(vv_ref_remove(ts.store, "1"), VV_OK);
	CHECK_INT(vv_usage_get(ts.store, &usage), VV_OK);
	CHECK_INT(usage.items[0].shared_bytes, 0);
	CHECK_INT(usage.items[0].own_bytes,
		  frames_size(&pack) + frames_size(&base_pack) + tree_size(&tree));
	CHECK(usage.garbage_bytes > 0); /* the tree of the first */
	vv_usage_fini(&usage);
	test_store_drop(&ts);
}

static void a_blob_that_is_lost_is_counted_and_the_rest_goes_on(void)
{
	struct test_file one[] = { { "x", a, SIZE } };
	char key[VV_STORE_KEY_MAX];
	struct vv_id tree, pack;

	test_store_make(&ts);
	tree = test_publish(&ts, "1", one, 1, &pack);
	vv_store_pack_key(key, &pack);
	CHECK_INT(vv_source_remove(ts.source, key), VV_OK);
	CHECK_INT(vv_usage_get(ts.store, &usage), VV_OK);
	CHECK_INT(usage.items[0].lost_blobs, 1);
	CHECK_INT(usage.items[0].err, VV_OK);
	CHECK_INT(usage.items[0].own_bytes, tree_size(&tree));
	vv_usage_fini(&usage);
	test_store_drop(&ts);
}

int main(void)
{
	test_fill(a, SIZE, 1);
	test_fill(b, SIZE, 2);
	test_fill(c, SIZE, 3);
	RUN(what_two_refs_need_is_shared_and_the_rest_their_own);
	RUN(two_names_of_one_tree_share_everything);
	RUN(a_frame_takes_its_reference_with_it_also_from_another_pack);
	RUN(a_blob_that_is_lost_is_counted_and_the_rest_goes_on);
	return test_report();
}
