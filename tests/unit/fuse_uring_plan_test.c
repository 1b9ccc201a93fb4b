/* What budget and cores make of the io_uring transport. */
#include "core/err.h"
#include "host/fuse/uring_plan.h"
#include "test.h"

#include <stdbool.h>
#include <string.h>

static struct vv_fuse_uring_facts facts_of(unsigned cores, size_t mebibytes)
{
	return (struct vv_fuse_uring_facts){
		.enabled = 'Y',
		.cores = cores,
		.limit = mebibytes << 20,
		.entry_bytes = 96 << 10,
	};
}

static bool contains(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

static void a_list_of_cores_is_counted(void)
{
	CHECK_INT(vv_fuse_count_cores("0\n"), 1);
	CHECK_INT(vv_fuse_count_cores("0-127\n"), 128);
	CHECK_INT(vv_fuse_count_cores("0-3,8,10-11"), 7);
}

static void what_is_no_list_of_cores_counts_nothing(void)
{
	static const char *const texts[] = {
		"",    "\n", "x",    "0-",   "0,",	"3-1",
		"0 1", "-1", "0--1", "0-1x", "0-99999", "18446744073709551616"
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		CHECK_INT(vv_fuse_count_cores(texts[i]), 0);
}

static void the_entries_of_all_queues_fit_a_quarter_of_the_budget(void)
{
	static const unsigned cores[] = { 1, 2, 3, 8, 64, 128, 1000 };
	static const size_t sizes[] = { 16, 64, 256, 1024, 16384 };
	unsigned made = 0;

	for (size_t c = 0; c < sizeof cores / sizeof cores[0]; c++)
		for (size_t m = 0; m < sizeof sizes / sizeof sizes[0]; m++) {
			struct vv_fuse_uring_facts facts = facts_of(cores[c], sizes[m]);
			struct vv_fuse_uring_plan plan;

			if (vv_fuse_uring_plan_make(&plan, &facts))
				continue;
			made++;
			CHECK_INT(plan.queues, cores[c]);
			CHECK(plan.depth >= VV_FUSE_URING_DEPTH_MIN);
			CHECK(plan.depth <= VV_FUSE_URING_DEPTH_MAX);
			CHECK(plan.background >= 1 && plan.background < plan.depth);
			CHECK(plan.depth * plan.queues *
				      (facts.entry_bytes + plan.payload_bytes) <=
			      facts.limit / 4);
		}
	CHECK(made > 20);
}

static void the_usual_budget_gives_whole_reads_on_two_cores(void)
{
	struct vv_fuse_uring_facts facts = facts_of(2, 64);
	struct vv_fuse_uring_plan plan;

	CHECK_INT(vv_fuse_uring_plan_make(&plan, &facts), VV_OK);
	CHECK_INT(plan.payload_bytes, 128 << 10);
	CHECK_INT(plan.depth, 36);
	facts = facts_of(2, 256);
	CHECK_INT(vv_fuse_uring_plan_make(&plan, &facts), VV_OK);
	CHECK_INT(plan.depth, VV_FUSE_URING_DEPTH_MAX);
}

static void many_cores_get_smaller_payloads(void)
{
	struct vv_fuse_uring_facts facts = facts_of(40, 64);
	struct vv_fuse_uring_plan plan;

	CHECK_INT(vv_fuse_uring_plan_make(&plan, &facts), VV_OK);
	CHECK_INT(plan.payload_bytes, 64 << 10);
	CHECK_INT(plan.depth, 2);
}

static void what_does_not_fit_says_which_budget_would(void)
{
	struct vv_fuse_uring_facts facts = facts_of(256, 64);
	struct vv_fuse_uring_plan plan;

	CHECK_INT(vv_fuse_uring_plan_make(&plan, &facts), VV_ENOMEM);
	CHECK(contains(plan.reason, "256 cores take 80 MiB"));
	CHECK(contains(plan.hint, "--memory=320M"));
	facts = facts_of(256, 320);
	CHECK_INT(vv_fuse_uring_plan_make(&plan, &facts), VV_OK);
}

static void a_kernel_that_does_not_offer_it_is_told_apart(void)
{
	struct vv_fuse_uring_facts facts = facts_of(2, 256);
	struct vv_fuse_uring_plan plan;

	facts.enabled = 'N';
	CHECK_INT(vv_fuse_uring_plan_make(&plan, &facts), VV_EOPNOTSUPP);
	CHECK(contains(plan.reason, "enable_uring is off"));
	CHECK_STR(plan.hint,
		  "echo Y | sudo tee /sys/module/fuse/parameters/enable_uring");
	facts.enabled = 0;
	CHECK_INT(vv_fuse_uring_plan_make(&plan, &facts), VV_EOPNOTSUPP);
	CHECK(contains(plan.reason, "Linux 6.14"));
	CHECK_STR(plan.hint, "");
	facts = facts_of(0, 256);
	CHECK_INT(vv_fuse_uring_plan_make(&plan, &facts), VV_EOPNOTSUPP);
	CHECK(contains(plan.reason, "not known"));
}

int main(void)
{
	RUN(a_list_of_cores_is_counted);
	RUN(what_is_no_list_of_cores_counts_nothing);
	RUN(the_entries_of_all_queues_fit_a_quarter_of_the_budget);
	RUN(the_usual_budget_gives_whole_reads_on_two_cores);
	RUN(many_cores_get_smaller_payloads);
	RUN(what_does_not_fit_says_which_budget_would);
	RUN(a_kernel_that_does_not_offer_it_is_told_apart);
	return test_report();
}
