/*
 * Recording a run and replaying it, over a store in a directory and a host that writes down
 * what it is asked.
 */
#include "host/prefetch.h"

#include "cache/budget.h"
#include "cache/lanes.h"
#include "core/arith.h"
#include "core/err.h"
#include "host/plan.h"
#include "host/recorder.h"
#include "host/serve.h"
#include "lib/teststore.h"
#include "os/system.h"
#include "source/source.h"
#include "store/profiles.h"
#include "store/reader.h"
#include "store/store.h"
#include "test.h"
#include "vfs/view.h"

#include <jansson.h>
#include <stdbool.h>

enum {
	BIG = 300 * 1024 + 5,
	SMALL = 5000,
	PAGE = VV_PROFILE_PAGE,
	EVENTS_MAX = 256,
};

static struct test_store ts;
static struct vv_serve *serve;
static struct vv_view *view;
static uint8_t big[BIG], small[SMALL];

/* ---- the host: a line for each thing it is asked ---- */

static struct vv_mutex lock;
static struct vv_cond changed;
static char events[EVENTS_MAX][128];
static unsigned event_count;
static bool is_held; /* pushes wait until it is not */
static unsigned held_count;
static int push_err;

static void note(const char *text)
{
	vv_mutex_lock(&lock);
	CHECK(event_count < EVENTS_MAX);
	snprintf(events[event_count++], sizeof events[0], "%s", text);
	vv_cond_broadcast(&changed);
	vv_mutex_unlock(&lock);
}

static int host_name(void *ctx, enum vv_profile_kind kind, const char *path)
{
	char text[128];

	(void)ctx;
	snprintf(text, sizeof text, "%s %s",
		 kind == VV_USE_HIT    ? "hit"
		 : kind == VV_USE_MISS ? "miss"
				       : "list",
		 path);
	note(text);
	return VV_OK;
}

static int host_push(void *ctx, uint64_t node, uint64_t off, uint8_t *bytes, size_t len)
{
	const uint8_t *content = len > SMALL || off ? big : NULL;
	char path[64], text[128];

	(void)ctx;
	vv_mutex_lock(&lock);
	held_count++;
	vv_cond_broadcast(&changed);
	while (is_held)
		vv_cond_wait(&changed, &lock);
	vv_mutex_unlock(&lock);
	vv_view_describe(view, node, path, sizeof path);
	if (strcmp(path, "/t/big") == 0)
		content = big;
	if (strcmp(path, "/t/dir/small") == 0)
		content = small;
	CHECK(content && memcmp(bytes, content + off, len) == 0);
	memset(bytes - VV_PREFETCH_HEAD, 0xee, VV_PREFETCH_HEAD); /* ours to write */
	snprintf(text, sizeof text, "push %s %llu+%zu", path, (unsigned long long)off,
		 len);
	note(text);
	return push_err;
}

static bool saw_event(const char *text)
{
	bool found = false;

	vv_mutex_lock(&lock);
	for (unsigned i = 0; i < event_count; i++)
		found = found || strcmp(events[i], text) == 0;
	vv_mutex_unlock(&lock);
	return found;
}

static const struct vv_prefetch_host host = { .name = host_name, .push = host_push };

/* ---- the mount ---- */

static void mount_begin(uint64_t bytes)
{
	struct vv_serve_options opts = {
		.memory_bytes = 32 << 20,
		.prefetch_bytes = bytes,
		.follow = true,
	};

	opts.store = ts.store;
	event_count = held_count = 0;
	is_held = false;
	push_err = VV_OK;
	CHECK_INT(vv_serve_new(&serve, &opts), VV_OK);
	view = vv_serve_view(serve);
}

/* The store is the serve's: another one is opened for what comes. */
static void mount_end(void)
{
	vv_serve_free(serve);
	serve = NULL;
	ts.store = NULL;
	test_store_reopen(&ts);
}

static void publish(const char *ref)
{
	struct test_file files[] = { { "big", big, BIG },
				     { "dir/small", small, SMALL } };
	struct vv_id pack;

	test_publish(&ts, ref, files, 2, &pack);
}

static void make(void)
{
	test_fill(big, BIG, 1);
	test_fill(small, SMALL, 2);
	test_store_make(&ts);
	publish("t");
}

static uint64_t node_of(const char *path)
{
	uint64_t at = VV_NODE_ROOT;
	struct vv_attr attr;

	while (*path) {
		size_t len = strcspn(path, "/");
		enum vv_life life;

		CHECK_INT(vv_view_lookup(view, at, path, len, &attr, &life), VV_OK);
		if (at != VV_NODE_ROOT)
			vv_view_forget(view, at, 1);
		at = attr.node;
		path += len + (path[len] == '/');
	}
	return at;
}

/* A reader reads, as a host lets him. */
static void read_bytes(const char *path, uint64_t off, size_t len)
{
	uint64_t node = node_of(path);
	struct vv_content c;
	uint8_t *buf = malloc(len);

	CHECK_INT(vv_view_content(view, node, &c), VV_OK);
	CHECK_INT(vv_reader_copy(vv_serve_reader(serve), &c.blob, c.size, off, buf,
				 len),
		  VV_OK);
	vv_serve_count_read(serve, node, off, len);
	vv_view_forget(view, node, 1);
	free(buf);
}

static json_int_t stat_of(const char *section, const char *key)
{
	struct vv_buf buf;
	json_t *root;
	json_int_t n;

	vv_buf_init(&buf, 1 << 16);
	CHECK_INT(vv_buf_append(&buf, "{", 1), VV_OK);
	CHECK_INT(vv_serve_stats(serve, &buf, 1 << 15), VV_OK);
	CHECK_INT(vv_buf_append(&buf, "}", 1), VV_OK);
	root = json_loadb((char *)buf.bytes, buf.len, 0, NULL);
	CHECK(root);
	n = json_integer_value(json_object_get(json_object_get(root, section), key));
	json_decref(root);
	vv_buf_fini(&buf);
	return n;
}

static void wait_for_runs(json_int_t runs)
{
	while (stat_of("prefetch", "runs") < runs)
		vv_sleep_ms(1);
}

/* ---- a profile by hand ---- */

static void add_read(struct vv_profile *p, const char *path, uint64_t first,
		     uint64_t count)
{
	size_t hit;

	CHECK_INT(vv_profile_add_path(p, VV_USE_HIT, path, &hit), VV_OK);
	CHECK_INT(vv_profile_add_pages(p, hit, first, count), VV_OK);
}

static void put_profile(void)
{
	struct vv_profile p;
	size_t index;

	vv_profile_init(&p);
	CHECK_INT(vv_profile_add_run(&p, "test"), VV_OK);
	add_read(&p, "big", 0, 1);
	CHECK_INT(vv_profile_add_path(&p, VV_USE_MISS, "no", &index), VV_OK);
	CHECK_INT(vv_profile_add_path(&p, VV_USE_LIST, "dir", &index), VV_OK);
	add_read(&p, "gone", 0, 5);
	add_read(&p, "dir/small", 0, 2);
	add_read(&p, "big", 40, 1);
	add_read(&p, "big", 42, 1);
	add_read(&p, "big", 74, 2); /* the last page and one that is not there */
	CHECK_INT(vv_profiles_put(ts.store, "t", &p), VV_OK);
	vv_profile_fini(&p);
}

/* ---- tests ---- */

static void what_is_recorded_is_what_was_asked_in_order(void)
{
	const char *refs[] = { "t" };
	struct vv_recorder *r;
	struct vv_profile *p;
	uint64_t lost, node;

	make();
	mount_begin(0);
	CHECK_INT(vv_recorder_new(&r, view, refs, 1, "the command"), VV_OK);
	node = node_of("t");
	vv_recorder_name(r, VV_NODE_ROOT, "t", 1, true); /* not a use of the ref */
	vv_recorder_name(r, VV_NODE_ROOT, "tt", 2, false);
	vv_recorder_name(r, node, "big", 3, true);
	vv_recorder_name(r, node, "no", 2, false);
	vv_recorder_name(r, node, "big", 3, true); /* again */
	vv_recorder_list(r, node);
	vv_view_forget(view, node, 1);
	node = node_of("t/dir/small");
	vv_recorder_read(r, node, 0, 4096);
	vv_recorder_read(r, node, 4096, 4096);
	vv_view_forget(view, node, 1);

	p = vv_recorder_profile(r, 0, &lost);
	CHECK_INT(lost, 0);
	CHECK_INT(vv_profile_count(p), 6);
	CHECK_STR(vv_profile_path(p, vv_profile_get(p, 0)), "the command");
	CHECK_STR(vv_profile_path(p, vv_profile_get(p, 1)), "big");
	CHECK_INT(vv_profile_get(p, 2)->kind, VV_USE_MISS);
	CHECK_INT(vv_profile_get(p, 3)->kind, VV_USE_LIST);
	CHECK_STR(vv_profile_path(p, vv_profile_get(p, 4)), "dir/small");
	CHECK_INT(vv_profile_get(p, 5)->kind, VV_USE_READ);
	CHECK_INT(vv_profile_get(p, 5)->count, 2);
	vv_recorder_free(r);
	mount_end();
	test_store_drop(&ts);
}

static void a_plan_gathers_pages_where_they_were_first_used(void)
{
	struct vv_profile p;
	struct vv_plan plan;
	const struct vv_plan_step *step;

	make();
	put_profile();
	mount_begin(0);
	CHECK_INT(vv_profiles_get(vv_serve_store(serve), "t", &p), VV_OK);
	CHECK_INT(vv_plan_init(&plan, view, "t", &p, 0, 1 << 20), VV_OK);
	/* hit, pages, miss, list, hit (gone), hit, pages, hit, pages of window 2, hits, 4 */
	step = vv_plan_step(&plan, 1);
	CHECK(step->kind == VV_USE_READ && step->window == 0 && step->pages == 1);
	step = vv_plan_step(&plan, 6);
	CHECK(step->kind == VV_USE_READ && step->pages == 3);
	step = vv_plan_step(&plan, 8);
	CHECK(step->kind == VV_USE_READ && step->window == 2);
	CHECK_INT(step->pages, 1 << 8 | 1 << 10);
	step = vv_plan_step(&plan, vv_plan_count(&plan) - 1);
	CHECK(step->kind == VV_USE_READ && step->window == 4);
	CHECK_INT(step->pages,
		  1 << 10 | 1 << 11); /* 75 and a half pages: both are there */
	vv_plan_fini(&plan);

	/* No more than the limit, in windows. */
	CHECK_INT(vv_plan_init(&plan, view, "t", &p, 0, 2 * VV_PLAN_WINDOW), VV_OK);
	step = vv_plan_step(&plan, vv_plan_count(&plan) - 1);
	CHECK_INT(step->kind, VV_USE_HIT);
	vv_plan_fini(&plan);
	vv_profile_fini(&p);
	mount_end();
	test_store_drop(&ts);
}

static void the_first_read_of_the_trigger_replays_the_run(void)
{
	make();
	put_profile();
	mount_begin(0);
	vv_serve_start_prefetch(serve, &host);
	read_bytes("t/dir/small", 0, 10); /* not the trigger */
	vv_sleep_ms(30);
	CHECK_INT(stat_of("prefetch", "runs"), 0);
	read_bytes("t/big", 0, 4096);
	wait_for_runs(1);
	CHECK(saw_event("miss t/no") && saw_event("list t/dir"));
	CHECK(saw_event("hit t/gone")); /* a name is asked for, be it there or not */
	CHECK(saw_event("push /t/dir/small 4096+904")); /* the first page was read */
	/* A gap of one page is pushed along; the file ends before its last page does. */
	CHECK(saw_event("push /t/big 163840+12288"));
	CHECK(saw_event("push /t/big 303104+4101"));
	CHECK(!saw_event("push /t/big 0+4096")); /* the reader has it */
	CHECK_INT(stat_of("prefetch", "bytes_pushed"), 904 + 12288 + 4101);
	CHECK_INT(stat_of("prefetch", "bytes_late"), 2 * PAGE);

	/* Once. */
	read_bytes("t/big", 0, 4096);
	vv_sleep_ms(30);
	CHECK_INT(stat_of("prefetch", "runs"), 1);
	vv_serve_stop_prefetch(serve);
	mount_end();
	test_store_drop(&ts);
}

static void what_was_fetched_ahead_is_counted_as_wanted_when_it_is(void)
{
	json_int_t fetched;

	make();
	put_profile();
	mount_begin(0);
	vv_serve_start_prefetch(serve, &host);
	read_bytes("t/big", 0, 4096);
	wait_for_runs(1);
	fetched = stat_of("prefetch", "frames");
	CHECK(fetched > 0);
	CHECK_INT(stat_of("prefetch", "frames_wanted"), 0);
	read_bytes("t/dir/small", 0, SMALL);
	CHECK_INT(stat_of("prefetch", "frames_wanted"), 1);
	read_bytes("t/dir/small", 0, SMALL);
	CHECK_INT(stat_of("prefetch", "frames_wanted"), 1);
	vv_serve_stop_prefetch(serve);
	mount_end();
	test_store_drop(&ts);
}

static void readers_at_work_go_first(void)
{
	struct vv_lanes *lanes;

	make();
	put_profile();
	mount_begin(0);
	lanes = vv_serve_lanes(serve);
	for (unsigned i = 0; i < vv_cpu_count(); i++)
		vv_lanes_enter(lanes); /* held fetches */
	vv_serve_start_prefetch(serve, &host);
	read_bytes("t/big", 0, 4096);
	while (atomic_load(&lanes->waiting) == 0)
		vv_sleep_ms(1);
	vv_sleep_ms(30);
	CHECK_INT(event_count, 0);
	CHECK_INT(stat_of("prefetch", "frames"), 0);
	for (unsigned i = 0; i < vv_cpu_count(); i++)
		vv_lanes_leave(lanes);
	wait_for_runs(1);
	CHECK(saw_event("push /t/dir/small 0+5000"));
	CHECK(stat_of("prefetch", "pauses") > 0);
	vv_serve_stop_prefetch(serve);
	mount_end();
	test_store_drop(&ts);
}

static void let_go(void *arg)
{
	(void)arg;
	vv_sleep_ms(20);
	vv_mutex_lock(&lock);
	is_held = false;
	vv_cond_broadcast(&changed);
	vv_mutex_unlock(&lock);
}

/* The piece under way is finished, and nothing else. */
static void a_stop_ends_the_run_at_once(void)
{
	struct vv_thread t;

	make();
	put_profile();
	mount_begin(0);
	is_held = true;
	vv_serve_start_prefetch(serve, &host);
	read_bytes("t/big", 0, 4096);
	vv_mutex_lock(&lock);
	while (held_count == 0)
		vv_cond_wait(&changed, &lock);
	vv_mutex_unlock(&lock);
	CHECK_INT(vv_thread_create(&t, "let-go", let_go, NULL, 0), VV_OK);
	vv_serve_stop_prefetch(serve);
	vv_thread_join(&t);
	CHECK_INT(held_count, 1);
	CHECK_INT(stat_of("prefetch", "runs_cut"), 1);
	mount_end();
	test_store_drop(&ts);
}

static void a_mount_that_is_gone_ends_the_run(void)
{
	make();
	put_profile();
	mount_begin(0);
	push_err = VV_ENODEV;
	vv_serve_start_prefetch(serve, &host);
	read_bytes("t/big", 0, 4096);
	wait_for_runs(1);
	CHECK_INT(held_count, 1);
	CHECK_INT(stat_of("prefetch", "runs_cut"), 1);
	vv_serve_stop_prefetch(serve);
	mount_end();
	test_store_drop(&ts);
}

static void ignore_notices(void *ctx, const struct vv_notices *notices)
{
	(void)ctx;
	(void)notices;
}

static uint64_t trigger_node(void)
{
	uint64_t node = node_of("t/big");

	vv_view_forget(view, node, 1);
	return node;
}

/* By path, as far as it fits; and anew, since its pages are other pages. */
static void a_ref_that_moved_is_replayed_again(void)
{
	struct test_file other = { "big", big, BIG };
	struct vv_id pack;
	uint64_t node;

	make();
	put_profile();
	mount_begin(0);
	CHECK_INT(vv_serve_start(serve, ignore_notices, NULL), VV_OK);
	vv_serve_start_prefetch(serve, &host);
	read_bytes("t/big", 0, 4096);
	wait_for_runs(1);
	CHECK(saw_event("push /t/dir/small 0+5000"));
	event_count = 0;

	node = trigger_node();
	test_publish(&ts, "t", &other, 1, &pack);
	while (trigger_node() == node)
		vv_sleep_ms(5);
	read_bytes("t/big", 0, 4096);
	wait_for_runs(2);
	CHECK(saw_event("push /t/big 163840+12288"));
	CHECK(!saw_event("push /t/dir/small 0+5000"));
	vv_serve_stop_prefetch(serve);
	vv_serve_stop(serve);
	mount_end();
	test_store_drop(&ts);
}

static void a_profile_goes_with_its_ref(void)
{
	struct vv_profile p;
	struct vv_ref ref;

	make();
	put_profile();
	CHECK_INT(vv_ref_get(ts.store, "t", &ref), VV_OK);
	CHECK_INT(vv_profiles_copy(ts.store, "t", "other/t"), VV_OK);
	CHECK_INT(vv_profiles_get(ts.store, "other/t", &p), VV_OK);
	vv_profile_fini(&p);
	CHECK_INT(vv_profiles_copy(ts.store, "none", "other/t"), VV_OK);
	CHECK_INT(vv_profiles_get(ts.store, "other/t", &p), VV_OK);
	vv_profile_fini(&p);
	CHECK_INT(vv_ref_remove(ts.store, "t"), VV_OK);
	CHECK_INT(vv_profiles_get(ts.store, "t", &p), VV_ENOENT);
	test_store_drop(&ts);
}

static void a_damaged_profile_means_none(void)
{
	static const char text[] = "varve profile 1\nname t\nsum 0000000000000000\n";

	make();
	CHECK_INT(vv_source_put(ts.source, "profiles/t", text, sizeof text - 1,
				VV_PUT_REPLACE),
		  VV_OK);
	mount_begin(0);
	vv_serve_start_prefetch(serve, &host);
	read_bytes("t/big", 0, 4096);
	vv_sleep_ms(30);
	CHECK_INT(stat_of("prefetch", "runs"), 0);
	read_bytes("t/big", 0, 4096);
	vv_serve_stop_prefetch(serve);
	mount_end();
	test_store_drop(&ts);
}

int main(void)
{
	vv_mutex_init(&lock);
	vv_cond_init(&changed);
	RUN(what_is_recorded_is_what_was_asked_in_order);
	RUN(a_plan_gathers_pages_where_they_were_first_used);
	RUN(the_first_read_of_the_trigger_replays_the_run);
	RUN(what_was_fetched_ahead_is_counted_as_wanted_when_it_is);
	RUN(readers_at_work_go_first);
	RUN(a_stop_ends_the_run_at_once);
	RUN(a_mount_that_is_gone_ends_the_run);
	RUN(a_ref_that_moved_is_replayed_again);
	RUN(a_profile_goes_with_its_ref);
	RUN(a_damaged_profile_means_none);
	return test_report();
}
