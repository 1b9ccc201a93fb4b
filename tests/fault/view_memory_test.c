/* wrap: malloc */
/*
 * Fails each allocation of a view's life in turn.  What failed must leave nothing
 * behind, and a change of layers that failed must leave the old layers.
 */
#include "cache/budget.h"
#include "core/err.h"
#include "lib/trees.h"
#include "test.h"
#include "vfs/view.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static unsigned countdown; /* 0: none fails */

static bool fails_now(void)
{
	return countdown != 0 && --countdown == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails_now() ? NULL : __real_realloc(old, size);
}

static struct shelf shelf;
static struct vv_budget *budget;
static struct vv_layer before[3], after[3];

static int walk(struct vv_view *view, const char *path, struct vv_attr *out)
{
	int err = vv_view_getattr(view, VV_NODE_ROOT, out);

	while (!err && *path) {
		size_t len = strcspn(path, "/");
		enum vv_life life;

		err = vv_view_lookup(view, out->node, path, len, out, &life);
		path += len + (path[len] == '/');
	}
	return err;
}

static int count_entry(void *ctx, const char *name, size_t len, uint64_t next,
		       const struct vv_attr *attr)
{
	(void)name;
	(void)len;
	(void)next;
	(void)attr;
	++*(unsigned *)ctx;
	return 0;
}

static int list(struct vv_view *view, const char *path)
{
	unsigned count = 0;
	struct vv_attr attr;
	int err = walk(view, path, &attr);

	if (!err)
		err = vv_view_readdir(view, attr.node, NULL, 0, true, count_entry,
				      &count);
	CHECK(err || count > 2);
	return err;
}

static int look_around(struct vv_view *view)
{
	struct vv_attr attr;
	int err = walk(view, "t/d/x", &attr);

	if (!err)
		err = walk(view, "t/d/deep/z", &attr);
	if (!err)
		err = list(view, "t/d");
	if (!err)
		err = list(view, "");
	if (!err && walk(view, "t/none", &attr) != VV_ENOENT)
		err = VV_ENOMEM; /* the only other answer there is */
	return err;
}

static bool is_size(struct vv_view *view, const char *path, uint64_t size)
{
	struct vv_attr attr;

	return walk(view, path, &attr) == VV_OK && attr.size == size;
}

static int change(struct vv_view *view)
{
	struct vv_notices notices;
	int err = vv_view_set_layers(view, after, 3, &notices);
	unsigned left = countdown;

	CHECK(err ? notices.count == 0 : notices.count > 0);
	vv_notices_fini(&notices);
	countdown = 0;
	CHECK(is_size(view, "t/d/x", err ? 3 : 5));
	countdown = left;
	return err;
}

static int live(void)
{
	struct vv_view_options opts = { .budget = budget };
	struct vv_notices notices = { 0 };
	struct vv_view *view;
	int err = vv_view_new(&view, &opts);

	if (!err)
		err = vv_view_set_layers(view, before, 3, &notices);
	vv_notices_fini(&notices);
	if (!err)
		err = look_around(view);
	if (!err)
		err = change(view);
	if (!err)
		err = look_around(view);
	vv_view_free(view);
	return err;
}

static void a_view_survives_the_failure_of_each_allocation(void)
{
	struct vv_budget_stats stats;
	unsigned nth = 0, failed = 0;

	before[0] = after[0] = shelf_layer(&shelf, "t", "f d/x one\nf e 1");
	before[1] = after[1] = shelf_layer(&shelf, "t", "f d/y two\nf f 2");
	before[2] = after[2] = shelf_layer(&shelf, "t/d/deep", "f z 3");
	after[0].tree_id = shelf_add(&shelf, "f d/x other\nf e 1")->tree.id;
	CHECK_INT(vv_budget_new(&budget, 64 << 20), VV_OK);
	do {
		int err;

		countdown = ++nth;
		err = live();
		CHECK(err == VV_OK || err == VV_ENOMEM);
		failed += err == VV_ENOMEM;
		CHECK_INT(atomic_load(&shelf.opens), atomic_load(&shelf.closes));
		vv_budget_get_stats(budget, &stats);
		CHECK_INT(stats.used, 0);
	} while (countdown == 0);
	countdown = 0;
	CHECK(failed > 50);
	CHECK(stats.peak > 0);
	vv_budget_free(budget);
	shelf_fini(&shelf);
}

int main(void)
{
	RUN(a_view_survives_the_failure_of_each_allocation);
	return test_report();
}
