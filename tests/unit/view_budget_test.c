/* What a view may hold of the budget: less than what would leave readers waiting for ever. */
#include "cache/budget.h"
#include "core/err.h"
#include "test.h"
#include "vfs/view.h"
#include "vfs/view_parts.h"

enum {
	STEP = 64 << 10
};

static struct vv_budget *budget;
static struct vv_view *view;

static void make(void)
{
	struct vv_view_options opts = { 0 };

	CHECK_INT(vv_budget_new(&budget, VV_BUDGET_MIN), VV_OK);
	opts.budget = budget;
	CHECK_INT(vv_view_new(&view, &opts), VV_OK);
}

static void drop(void)
{
	vv_view_free(view);
	vv_budget_free(budget);
}

static size_t fill(enum vv_holder holder)
{
	size_t held = 0;

	while (held <= VV_BUDGET_MIN && vv_view_reserve(view, holder, STEP) == VV_OK)
		held += STEP;
	return held;
}

static void what_is_beyond_the_share_is_refused_at_once(void)
{
	size_t held;

	make();
	held = fill(VV_HOLD_NODES);
	CHECK(held > 0 && held <= VV_BUDGET_MIN / 8 * VV_VIEW_EIGHTHS);
	CHECK_INT(vv_view_reserve(view, VV_HOLD_NODES, STEP), VV_ENOMEM);
	vv_view_release(view, VV_HOLD_NODES, held);
	CHECK_INT(vv_view_reserve(view, VV_HOLD_NODES, STEP), VV_OK);
	vv_view_release(view, VV_HOLD_NODES, STEP);
	drop();
}

static void nodes_and_listings_have_one_share(void)
{
	size_t held;

	make();
	held = fill(VV_HOLD_LISTINGS);
	CHECK_INT(vv_view_reserve(view, VV_HOLD_NODES, STEP), VV_ENOMEM);
	vv_view_release(view, VV_HOLD_LISTINGS, held);
	drop();
}

int main(void)
{
	RUN(what_is_beyond_the_share_is_refused_at_once);
	RUN(nodes_and_listings_have_one_share);
	return test_report();
}
