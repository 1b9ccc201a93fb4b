/* Where a profile has a writer of packs put frames. */
#include "store/heat.h"

#include "codec/hash.h"
#include "core/err.h"
#include "format/profile.h"
#include "input/input.h"
#include "lib/memory_input.h"
#include "lib/teststore.h"
#include "store/publish.h"
#include "store/store.h"
#include "test.h"

#include <stdbool.h>

enum {
	BIG = 1 << 20,
};

static struct vv_profile profile;
static uint8_t big[BIG], other[BIG];

static void use(const char *path, uint64_t first, uint64_t count)
{
	size_t hit;

	CHECK_INT(vv_profile_add_path(&profile, VV_USE_HIT, path, &hit), VV_OK);
	CHECK_INT(vv_profile_add_pages(&profile, hit, first, count), VV_OK);
}

static void make_profile(void)
{
	vv_profile_init(&profile);
	CHECK_INT(vv_profile_add_run(&profile, "x"), VV_OK); /* use 0 */
	use("b", 200, 2);				     /* 1, 2 */
	use("a", 3, 1);					     /* 3, 4 */
	use("b", 10, 5);				     /* 5, 6 */
}

static void bytes_are_as_hot_as_their_first_use(void)
{
	struct vv_heat heat;

	make_profile();
	CHECK_INT(vv_heat_init(&heat, &profile), VV_OK);
	vv_heat_file(&heat, "b");
	CHECK_INT(vv_heat_rank(&heat, 200 * 4096, 1), 2);
	CHECK_INT(vv_heat_rank(&heat, 0, BIG), 2);
	CHECK_INT(vv_heat_rank(&heat, 0, 10 * 4096 + 1), 6);
	CHECK(vv_heat_rank(&heat, 0, 10 * 4096) == VV_HEAT_COLD);
	CHECK(vv_heat_rank(&heat, 15 * 4096, 4096) == VV_HEAT_COLD);
	vv_heat_file(&heat, "a");
	CHECK_INT(vv_heat_rank(&heat, 0, BIG), 4);
	vv_heat_file(&heat, "ab");
	CHECK(vv_heat_rank(&heat, 0, BIG) == VV_HEAT_COLD);
	vv_heat_fini(&heat);
	CHECK_INT(vv_heat_init(&heat, NULL), VV_OK);
	vv_heat_file(&heat, "a");
	CHECK(vv_heat_rank(&heat, 0, BIG) == VV_HEAT_COLD);
	vv_heat_fini(&heat);
	vv_profile_fini(&profile);
}

/* Where in its pack byte @off of the blob with @content is stored. */
static uint64_t place_of(struct vv_store *store, const struct vv_id *id, uint64_t off)
{
	struct vv_pack_set *set;
	const struct vv_pack *pack;
	struct vv_extent extent;
	struct vv_frame frame;
	struct vv_blob blob;
	uint32_t hint = 0, nth;

	CHECK_INT(vv_store_packs_refresh(store, &set), VV_OK);
	CHECK_INT(vv_pack_set_find_blob(set, id, &hint, &pack, &blob), VV_OK);
	CHECK_INT(vv_pack_extent_at(pack, &blob, off, &nth), VV_OK);
	CHECK_INT(vv_pack_extent(pack, &blob, nth, &extent), VV_OK);
	CHECK_INT(vv_pack_frame(pack, extent.frame, &frame), VV_OK);
	vv_pack_set_unref(set);
	return frame.offset;
}

static void frames_that_are_named_lie_behind_the_others_in_order(void)
{
	struct memory_entry entries[] = {
		{ .path = "a", .content = other, .size = BIG },
		{ .path = "b", .content = big, .size = BIG },
	};
	struct vv_publish_options opts = { .level = 1, .profile = &profile };
	struct vv_id plain, ranked, a, b;
	struct vv_input *input;
	struct test_store ts;
	uint64_t cold = 0;

	test_fill(big, BIG, 1);
	test_fill(other, BIG, 2);
	make_profile();
	test_store_make(&ts);
	input = memory_input_new(entries, 2);
	CHECK_INT(vv_publish(ts.store, "r", input, &opts, NULL, &ranked), VV_OK);
	vv_input_free(input);
	vv_hash_id(&a, other, BIG);
	vv_hash_id(&b, big, BIG);
	for (uint64_t off = 400 * 1024; off < 700 * 1024; off += 4096) {
		uint64_t at = place_of(ts.store, &b, off);

		cold = at > cold ? at : cold;
	}
	CHECK(cold < place_of(ts.store, &b, 200 * 4096));
	CHECK(place_of(ts.store, &b, 200 * 4096) < place_of(ts.store, &a, 3 * 4096));
	CHECK(place_of(ts.store, &a, 3 * 4096) < place_of(ts.store, &b, 12 * 4096));
	expect_published(ts.store, "r", entries, 2);
	expect_sound(ts.store);
	test_store_drop(&ts);

	/* The tree is the same as without. */
	test_store_make(&ts);
	opts.profile = NULL;
	input = memory_input_new(entries, 2);
	CHECK_INT(vv_publish(ts.store, "r", input, &opts, NULL, &plain), VV_OK);
	vv_input_free(input);
	CHECK(vv_id_equal(&plain, &ranked));
	test_store_drop(&ts);
	vv_profile_fini(&profile);
}

int main(void)
{
	RUN(bytes_are_as_hot_as_their_first_use);
	RUN(frames_that_are_named_lie_behind_the_others_in_order);
	return test_report();
}
