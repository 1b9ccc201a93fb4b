/* posix: asks how many pages of files are resident */
#include "store/map_windows.h"

#include "cache/budget.h"
#include "core/err.h"
#include "lib/temp_dir.h"
#include "test.h"

#include <string.h>

enum {
	IMAGE_BYTES = 24 << 20,
	SLACK = 3
		<< 20, /* what a kernel maps around a page, times the pages between two looks */
};

struct object {
	char *path;
	struct vv_map map;
	struct vv_image image;
	struct vv_map_window window;
};

static char *dir;
static struct vv_budget *budget;
static struct vv_map_windows windows;
static struct object a, b;
static size_t faked; /* bytes */

static size_t fake_resident(void)
{
	return faked;
}

/* One round of room making, and no more. */
static size_t fake_one_too_many(void)
{
	size_t now = faked;

	faked = 0;
	return now;
}

static void make(struct object *o, const char *name, size_t size, uint8_t seed)
{
	struct vv_buf body;
	struct vv_id id;
	FILE *f;

	vv_buf_init(&body, SIZE_MAX);
	CHECK_INT(vv_buf_append_zeros(&body, size), VV_OK);
	for (size_t i = 0; i < size; i += 64)
		body.bytes[i] = (uint8_t)(i / 4096 * seed);
	CHECK_INT(vv_image_finish(&body, VV_IMAGE_TREE, &id), VV_OK);
	o->path = temp_path(dir, name);
	f = fopen(o->path, "wb");
	CHECK(f && fwrite(body.bytes, 1, body.len, f) == body.len);
	fclose(f);
	vv_buf_fini(&body);
	CHECK_INT(vv_map_open(&o->map, o->path, 0, 0), VV_OK);
	CHECK_INT(vv_image_init(&o->image, o->map.bytes, o->map.size, VV_IMAGE_TREE,
				o->map.faults),
		  VV_OK);
	o->window = (struct vv_map_window){ 0 };
	vv_map_windows_add(&windows, &o->window, &o->image, &o->map);
}

static void begin(size_t limit, size_t size)
{
	dir = temp_dir_new();
	CHECK_INT(vv_budget_new(&budget, limit), VV_OK);
	vv_map_windows_init(&windows);
	vv_map_windows_set_budget(&windows, budget);
	make(&a, "a", size, 3);
	make(&b, "b", size, 5);
}

static void drop(struct object *o)
{
	vv_map_windows_remove(&o->window);
	vv_image_fini(&o->image);
	vv_map_close(&o->map);
	free(o->path);
}

static void end(void)
{
	drop(&a);
	drop(&b);
	vv_map_windows_fini(&windows);
	vv_budget_free(budget); /* asserts that all was released */
	temp_dir_free(dir);
}

static int get(const struct object *o, size_t page)
{
	const uint8_t *bytes;

	return vv_image_get(&o->image, page * VV_IMAGE_PAGE, VV_IMAGE_PAGE, &bytes);
}

static void images_beyond_what_they_may_hold_stay_within_it(void)
{
	size_t most = 0, program = vv_map_resident_bytes(); /* large under sanitizers */
	size_t allowed = program + VV_MAP_WINDOWS_FREE + VV_BUDGET_MIN / 8 + SLACK;
	struct vv_budget_stats stats;

	begin(VV_BUDGET_MIN, IMAGE_BYTES);
	for (int round = 0; round < 2; round++) {
		for (size_t page = 0; page < IMAGE_BYTES / VV_IMAGE_PAGE; page++) {
			size_t now;

			CHECK_INT(get(&a, page), VV_OK);
			CHECK_INT(get(&b, page * 37 % (IMAGE_BYTES / VV_IMAGE_PAGE)),
				  VV_OK);
			now = vv_map_resident_bytes();
			most = now > most ? now : most;
		}
	}
	CHECK(most > VV_MAP_WINDOWS_FREE / 2);
	CHECK(most <= allowed);
	CHECK(windows.drops > 0);
	vv_budget_get_stats(budget, &stats);
	CHECK(stats.by_holder[VV_HOLD_TREES] <= VV_BUDGET_MIN / 8);
	end();
}

static void a_budget_that_has_room_lets_them_hold_more(void)
{
	struct vv_budget_stats stats;

	begin((size_t)1 << 30, IMAGE_BYTES);
	for (size_t page = 0; page < IMAGE_BYTES / VV_IMAGE_PAGE; page++)
		CHECK(get(&a, page) == VV_OK && get(&b, page) == VV_OK);
	CHECK_INT(windows.drops, 0);
	vv_budget_get_stats(budget, &stats);
	CHECK(stats.by_holder[VV_HOLD_TREES] >=
	      2 * IMAGE_BYTES - VV_MAP_WINDOWS_FREE - SLACK);
	end();
}

static void touch_many(const struct object *o, size_t first)
{
	for (size_t i = 0; i < VV_MAP_WINDOWS_LOOK_EVERY; i++)
		CHECK_INT(get(o, first + i), VV_OK);
}

static void what_was_not_used_goes_first(void)
{
	begin(VV_BUDGET_MIN, 1 << 20);
	windows.resident = fake_one_too_many;
	touch_many(&a, 0);
	touch_many(&b, 0);
	faked = SIZE_MAX / 2;
	touch_many(&b, 20); /* both were used: the hand takes one of the two */
	CHECK_INT(windows.drops, 1);
	CHECK(atomic_load(&a.window.is_empty) != atomic_load(&b.window.is_empty));
	touch_many(&a, 40);
	touch_many(&b, 40);
	faked = 0;
	atomic_store(&a.window.watch.is_used, true);
	atomic_store(&b.window.watch.is_used, false);
	faked = SIZE_MAX / 2;
	touch_many(&a, 60);
	CHECK_INT(windows.drops, 2);
	CHECK(!atomic_load(&a.window.is_empty) && atomic_load(&b.window.is_empty));
	end();
}

static void nothing_to_empty_is_no_endless_loop(void)
{
	begin(VV_BUDGET_MIN, 1 << 20);
	windows.resident = fake_resident;
	faked = SIZE_MAX / 2;
	for (size_t page = 0; page < 200; page++)
		CHECK(get(&a, page) == VV_OK && get(&b, page) == VV_OK);
	CHECK(windows.drops > 0);
	end();
}

static void what_comes_back_is_checked_again(void)
{
	FILE *f;

	begin(VV_BUDGET_MIN, 1 << 20);
	touch_many(&a, 0);
	f = fopen(a.path, "r+b");
	CHECK(f && fseek(f, 100, SEEK_SET) == 0 && putc(77, f) == 77);
	fclose(f);
	CHECK_INT(get(&a, 0), VV_OK); /* checked at first touch */
	windows.resident = fake_resident;
	faked = SIZE_MAX / 2;
	touch_many(&b, 0);
	CHECK(windows.drops >= 1);
	faked = 0;
	CHECK_INT(get(&a, 0), VV_ECORRUPT);
	CHECK_INT(get(&a, 1), VV_OK);
	end();
}

int main(void)
{
	RUN(images_beyond_what_they_may_hold_stay_within_it);
	RUN(a_budget_that_has_room_lets_them_hold_more);
	RUN(what_was_not_used_goes_first);
	RUN(nothing_to_empty_is_no_endless_loop);
	RUN(what_comes_back_is_checked_again);
	return test_report();
}
