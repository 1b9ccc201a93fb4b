#include "core/log.h"

#include "test.h"

struct heard {
	unsigned count;
	enum vv_log_level level;
	char line[VV_LOG_LINE_BYTES + 8];
};

static void hear(void *ctx, enum vv_log_level level, const char *line)
{
	struct heard *h = ctx;

	h->count++;
	h->level = level;
	snprintf(h->line, sizeof h->line, "%s", line);
}

static void without_a_sink_nothing_is_wanted(void)
{
	CHECK(!vv_log_wants(VV_LOG_ERROR));
	vv_log(VV_LOG_ERROR, "into the void %d", 1);
}

static void the_level_filters(void)
{
	struct heard h = { 0 };

	vv_log_set_sink(hear, &h);
	vv_log(VV_LOG_INFO, "n=%d", 1);
	vv_log(VV_LOG_DEBUG, "n=%d", 2);
	CHECK_INT(h.count, 1);
	CHECK_STR(h.line, "n=1");
	vv_log_set_level(VV_LOG_DEBUG);
	vv_log(VV_LOG_DEBUG, "n=%d", 3);
	CHECK(h.count == 2 && h.level == VV_LOG_DEBUG);
	vv_log_set_level(VV_LOG_ERROR);
	vv_log(VV_LOG_WARN, "n=%d", 4);
	CHECK_INT(h.count, 2);
	vv_log_set_level(VV_LOG_INFO);
	vv_log_set_sink(NULL, NULL);
}

static void a_hostile_name_cannot_forge_a_second_line(void)
{
	struct heard h = { 0 };

	vv_log_set_sink(hear, &h);
	vv_log(VV_LOG_WARN, "name %s", "a\nvarve: error: \x1b[31mb\x7f \xc3\xa9");
	CHECK_STR(h.line, "name a?varve: error: ?[31mb? \xc3\xa9");
	vv_log_set_sink(NULL, NULL);
}

static void a_long_line_loses_its_middle_and_keeps_its_end(void)
{
	struct heard h = { 0 };

	vv_log_set_sink(hear, &h);
	vv_log(VV_LOG_WARN, "begin %02000d the reason", 7);
	CHECK_INT(strlen(h.line), VV_LOG_LINE_BYTES - 1);
	CHECK(strncmp(h.line, "begin 000", 9) == 0);
	CHECK(strstr(h.line, "0 ... 0"));
	CHECK_STR(h.line + VV_LOG_LINE_BYTES - 1 - 12, "7 the reason");
	vv_log(VV_LOG_WARN, "%0*d", VV_LOG_LINE_BYTES - 1, 7);
	CHECK(!strstr(h.line, " ... "));
	vv_log(VV_LOG_WARN, "%0*d", VV_LOG_LINE_BYTES, 7);
	CHECK_INT(strlen(h.line), VV_LOG_LINE_BYTES - 1);
	CHECK(strstr(h.line, " ... "));
	vv_log_set_sink(NULL, NULL);
}

static void a_place_that_is_reached_without_end_tells_a_few_lines(void)
{
	struct vv_log_limit limit = { 0 };
	struct heard h = { 0 };
	unsigned told;

	vv_log_set_sink(hear, &h);
	for (unsigned i = 0; i < 100; i++)
		vv_log_limited(&limit, VV_LOG_ERROR, "line %u", i);
	/* Twice the burst, and what was left out, if the clock moved on in between. */
	CHECK(h.count >= VV_LOG_BURST && h.count <= 2 * VV_LOG_BURST + 1);
	CHECK(atomic_load(&limit.dropped) > 0);
	atomic_store(&limit.window, 0); /* as if it were later */
	told = h.count;
	vv_log_limited(&limit, VV_LOG_ERROR, "line %u", 100);
	CHECK_INT(h.count, told + 2);
	CHECK_STR(h.line, "line 100");
	CHECK_INT(atomic_load(&limit.dropped), 0);
	vv_log_set_sink(NULL, NULL);
}

static void the_file_sink_names_the_level(void)
{
	char line[64] = "";
	FILE *f = tmpfile();

	CHECK(f);
	vv_log_set_sink(vv_log_to_file, f);
	vv_log(VV_LOG_WARN, "slow");
	vv_log_set_sink(NULL, NULL);
	rewind(f);
	CHECK(fgets(line, sizeof line, f));
	CHECK_STR(line, "varve: warning: slow\n");
	fclose(f);
}

int main(void)
{
	RUN(without_a_sink_nothing_is_wanted);
	RUN(the_level_filters);
	RUN(a_hostile_name_cannot_forge_a_second_line);
	RUN(a_long_line_loses_its_middle_and_keeps_its_end);
	RUN(a_place_that_is_reached_without_end_tells_a_few_lines);
	RUN(the_file_sink_names_the_level);
	return test_report();
}
