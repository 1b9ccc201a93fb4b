#include "core/idmap.h"

#include "core/arith.h"
#include "core/err.h"
#include "test.h"

static struct vv_id id_of(uint64_t n)
{
	struct vv_id id = { { 0 } };

	vv_put_le64(id.bytes + 8, n); /* the rest equal: the worst of ids */
	return id;
}

static void an_empty_map_answers(void)
{
	struct vv_idmap map;
	struct vv_id id = id_of(1);
	uint64_t number = 9;

	vv_idmap_init(&map, 10);
	CHECK(!vv_idmap_get(&map, &id, &number) && number == 0);
	CHECK(!vv_idmap_remove(&map, &id));
	vv_idmap_fini(&map);
	vv_idmap_fini(&map);
}

static void what_was_put_is_found_until_it_is_removed(void)
{
	enum {
		COUNT = 20000
	};
	struct vv_idmap map;
	uint64_t number;

	vv_idmap_init(&map, COUNT);
	for (uint64_t n = 0; n < COUNT; n++) {
		struct vv_id id = id_of(n);

		CHECK_INT(vv_idmap_put(&map, &id, n * 3), VV_OK);
	}
	CHECK_INT(map.count, COUNT);
	for (uint64_t n = 0; n < COUNT; n += 2) {
		struct vv_id id = id_of(n);

		CHECK(vv_idmap_remove(&map, &id));
		CHECK(!vv_idmap_remove(&map, &id));
	}
	CHECK_INT(map.count, COUNT / 2);
	for (uint64_t n = 0; n < COUNT + 100; n++) {
		struct vv_id id = id_of(n);
		bool want = n < COUNT && n % 2 == 1;

		CHECK(vv_idmap_get(&map, &id, &number) == want);
		CHECK_INT(number, want ? n * 3 : 0);
	}
	vv_idmap_fini(&map);
}

/* Random puts and removals beside a plain array; M1 breaks first under removals. */
static void it_agrees_with_an_array(void)
{
	enum {
		KEYS = 200,
		STEPS = 200000
	};
	static bool there[KEYS];
	static uint64_t numbers[KEYS];
	uint64_t state = 42, number;
	struct vv_idmap map;
	size_t count = 0;

	vv_idmap_init(&map, KEYS);
	for (uint64_t step = 0; step < STEPS; step++) {
		size_t k;
		struct vv_id id;

		state = state * 6364136223846793005u + 1442695040888963407u;
		k = (size_t)(state >> 33) % KEYS;
		id = id_of(k);
		if (state >> 63) {
			CHECK_INT(vv_idmap_put(&map, &id, step), VV_OK);
			count += !there[k];
			there[k] = true;
			numbers[k] = step;
		} else {
			CHECK(vv_idmap_remove(&map, &id) == there[k]);
			count -= there[k];
			there[k] = false;
		}
		CHECK_INT(map.count, count);
		id = id_of(step % KEYS);
		CHECK(vv_idmap_get(&map, &id, &number) == there[step % KEYS]);
		CHECK(!there[step % KEYS] || number == numbers[step % KEYS]);
	}
	vv_idmap_fini(&map);
}

static void putting_again_replaces_the_number(void)
{
	struct vv_idmap map;
	struct vv_id id = id_of(5);
	uint64_t number;

	vv_idmap_init(&map, 1);
	CHECK_INT(vv_idmap_put(&map, &id, 1), VV_OK);
	CHECK_INT(vv_idmap_put(&map, &id, UINT64_MAX), VV_OK);
	CHECK(vv_idmap_get(&map, &id, &number) && number == UINT64_MAX);
	CHECK(vv_idmap_get(&map, &id, NULL));
	CHECK_INT(map.count, 1);
	vv_idmap_fini(&map);
}

static void the_limit_is_kept(void)
{
	struct vv_idmap map;
	struct vv_id id;

	vv_idmap_init(&map, 100);
	for (uint64_t n = 0; n < 100; n++) {
		id = id_of(n);
		CHECK_INT(vv_idmap_put(&map, &id, n), VV_OK);
	}
	id = id_of(100);
	CHECK_INT(vv_idmap_put(&map, &id, 0), VV_EOVERFLOW);
	CHECK(!vv_idmap_get(&map, &id, NULL));
	CHECK_INT(vv_idmap_reserve(&map, 101), VV_EOVERFLOW);
	id = id_of(7);
	CHECK_INT(vv_idmap_put(&map, &id, 70), VV_OK); /* already in */
	vv_idmap_fini(&map);
}

static void a_walk_meets_every_id_once(void)
{
	struct vv_idmap map;
	const struct vv_id *id;
	uint64_t number, sum = 0;
	size_t cursor = 0, met = 0;

	vv_idmap_init(&map, 1000);
	CHECK(!vv_idmap_next(&map, &cursor, &id, &number));
	CHECK_INT(vv_idmap_reserve(&map, 1000), VV_OK);
	for (uint64_t n = 1; n <= 1000; n++) {
		struct vv_id key = id_of(n);

		CHECK_INT(vv_idmap_put(&map, &key, n), VV_OK);
	}
	for (cursor = 0; vv_idmap_next(&map, &cursor, &id, &number); met++) {
		CHECK(vv_get_le64(id->bytes + 8) == number);
		sum += number;
	}
	CHECK(met == 1000 && sum == 500500);
	CHECK(!vv_idmap_next(&map, &cursor, &id, &number));
	vv_idmap_fini(&map);
}

static void sizes_that_cannot_be_are_no_crash(void)
{
	struct vv_idmap map;

	vv_idmap_init(&map, SIZE_MAX);
	CHECK_INT(vv_idmap_reserve(&map, SIZE_MAX), VV_ENOMEM);
	CHECK_INT(vv_idmap_reserve(&map, SIZE_MAX / 16), VV_ENOMEM);
	CHECK(vv_idmap_bytes_for(SIZE_MAX) == SIZE_MAX);
	CHECK_INT(vv_idmap_bytes_for(14), 16 * 41);
	CHECK_INT(vv_idmap_bytes_for(15), 32 * 41);
	vv_idmap_fini(&map);
}

int main(void)
{
	RUN(an_empty_map_answers);
	RUN(what_was_put_is_found_until_it_is_removed);
	RUN(it_agrees_with_an_array);
	RUN(putting_again_replaces_the_number);
	RUN(the_limit_is_kept);
	RUN(a_walk_meets_every_id_once);
	RUN(sizes_that_cannot_be_are_no_crash);
	return test_report();
}
