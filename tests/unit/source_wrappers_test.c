#include "core/err.h"
#include "lib/temp_dir.h"
#include "os/map.h"
#include "os/system.h"
#include "os/thread.h"
#include "source/dir.h"
#include "source/fault.h"
#include "source/gate.h"
#include "source/source.h"
#include "source/trace.h"
#include "test.h"

#include <stdbool.h>
#include <stdlib.h>

static char *root;

static struct vv_source *new_dir(void)
{
	struct vv_source *src;

	root = temp_dir_new();
	CHECK_INT(vv_source_dir_new(&src, root, 0), VV_OK);
	return src;
}

static struct vv_source *new_fault(const struct vv_source_fault *fault)
{
	struct vv_source *src;

	CHECK_INT(vv_source_fault_new(&src, new_dir(), fault), VV_OK);
	return src;
}

static void done(struct vv_source *src)
{
	vv_source_free(src);
	temp_dir_free(root);
}

static int put(struct vv_source *src, const char *key, const char *text)
{
	return vv_source_put(src, key, text, strlen(text), VV_PUT_REPLACE);
}

static int get(struct vv_source *src, const char *key)
{
	char buf[16];
	size_t got;
	int err = vv_source_get(src, key, buf, sizeof buf, 0, &got);

	CHECK(err == VV_OK || got == 0);
	return err;
}

static int count_object(void *ctx, const char *key, const struct vv_object_info *info)
{
	(void)key;
	(void)info;
	++*(unsigned *)ctx;
	return 0;
}

/* One of each operation, in the order of enum vv_source_op; the first error. */
static int one_of_each(struct vv_source *src, enum vv_source_op *failed)
{
	struct vv_object_info info;
	struct vv_put *p = NULL;
	struct vv_map map = { 0 };
	unsigned count = 0;
	int err = get(src, "refs/a");

	*failed = VV_SOURCE_GET;
	if (!err) {
		*failed = VV_SOURCE_STAT;
		err = vv_source_stat(src, "refs/a", &info);
	}
	if (!err) {
		*failed = VV_SOURCE_PUT_BEGIN;
		err = vv_source_put_begin(src, &p);
	}
	if (!err) {
		*failed = VV_SOURCE_PUT_WRITE;
		err = vv_source_put_write(p, "new", 3);
		if (!err)
			*failed = VV_SOURCE_PUT_COMMIT;
		err = vv_source_put_commit(p, "refs/b", VV_PUT_REPLACE);
	}
	if (!err) {
		*failed = VV_SOURCE_REMOVE;
		err = vv_source_remove(src, "refs/b");
	}
	if (!err) {
		*failed = VV_SOURCE_LIST;
		err = vv_source_list(src, "refs/", count_object, &count);
	}
	if (!err) {
		*failed = VV_SOURCE_SETTLE;
		err = vv_source_settle(src, "refs/");
	}
	if (!err) {
		*failed = VV_SOURCE_MAP;
		err = vv_source_map(src, "refs/a", 0, 0, &map);
		vv_map_close(&map);
	}
	if (!err)
		*failed = VV_SOURCE_OP_COUNT;
	return err;
}

/* ---- fault ---- */

static void fault_hits_the_nth_operation_only(void)
{
	struct vv_source *src = new_fault(NULL);
	enum vv_source_op failed;
	unsigned nth;

	CHECK_INT(put(src, "refs/a", "text"), VV_OK);
	for (nth = 1; nth <= VV_SOURCE_OP_COUNT; nth++) {
		struct vv_source_fault fault = { .err = VV_EIO, .nth = nth };

		vv_source_fault_set(src, &fault);
		CHECK_INT(one_of_each(src, &failed), VV_EIO);
		CHECK_INT(failed, nth - 1);
		CHECK_INT(vv_source_fault_hits(src), 1);
		CHECK_INT(get(src, "refs/a"), VV_OK);
	}
	vv_source_fault_set(src, &(struct vv_source_fault){ 0 });
	CHECK_INT(one_of_each(src, &failed), VV_OK);
	CHECK_INT(vv_source_fault_count(src), VV_SOURCE_OP_COUNT);
	CHECK_INT(vv_source_fault_hits(src), 0);
	done(src);
}

static void fault_without_effect_leaves_nothing_behind(void)
{
	struct vv_source_fault fault = { .err = VV_ENOSPC,
					 .nth = 1,
					 .ops = 1u << VV_SOURCE_PUT_COMMIT };
	struct vv_source *src = new_fault(&fault);
	unsigned count = 0;

	CHECK_INT(put(src, "refs/a", "text"), VV_ENOSPC);
	CHECK_INT(vv_source_list(src, "", count_object, &count), 0);
	CHECK_INT(count, 0);
	CHECK_INT(put(src, "refs/a", "text"), VV_OK);
	done(src);
}

static void fault_with_effect_loses_the_answer_only(void)
{
	struct vv_source_fault fault = { .err = VV_ETIMEDOUT,
					 .nth = 1,
					 .takes_effect = true,
					 .ops = 1u << VV_SOURCE_PUT_COMMIT };
	struct vv_source *src = new_fault(&fault);

	CHECK_INT(put(src, "refs/a", "text"), VV_ETIMEDOUT);
	CHECK_INT(get(src, "refs/a"), VV_OK);
	fault.ops = 0;
	vv_source_fault_set(src, &fault);
	CHECK_INT(get(src, "refs/a"), VV_ETIMEDOUT);
	CHECK_INT(get(src, "refs/a"), VV_OK);
	fault.ops = 1u << VV_SOURCE_PUT_BEGIN; /* the inner put must not be lost */
	vv_source_fault_set(src, &fault);
	CHECK_INT(put(src, "refs/b", "text"), VV_ETIMEDOUT);
	fault.ops = 1u << VV_SOURCE_MAP; /* nor the inner map */
	vv_source_fault_set(src, &fault);
	CHECK_INT(vv_source_map(src, "refs/a", 0, 0, &(struct vv_map){ 0 }),
		  VV_ETIMEDOUT);
	done(src);
}

static void fault_can_repeat_and_can_be_choosy(void)
{
	struct vv_source_fault fault = { .err = VV_EIO,
					 .nth = 3,
					 .repeats = true,
					 .ops = 1u << VV_SOURCE_GET,
					 .prefix = "refs/" };
	struct vv_source *src = new_fault(NULL);
	int i;

	CHECK_INT(put(src, "refs/a", "text"), VV_OK);
	CHECK_INT(put(src, "other", "text"), VV_OK);
	vv_source_fault_set(src, &fault);
	for (i = 1; i <= 9; i++) {
		CHECK_INT(get(src, "other"), VV_OK);
		CHECK_INT(get(src, "refs/a"), i % 3 ? VV_OK : VV_EIO);
	}
	CHECK_INT(vv_source_fault_count(src), 9);
	CHECK_INT(vv_source_fault_hits(src), 3);
	done(src);
}

static void a_failed_write_cannot_be_committed(void)
{
	struct vv_source_fault fault = { .err = VV_ENOSPC,
					 .nth = 2,
					 .ops = 1u << VV_SOURCE_PUT_WRITE };
	struct vv_source *src = new_fault(&fault);
	struct vv_put *p;

	CHECK_INT(vv_source_put_begin(src, &p), VV_OK);
	CHECK_INT(vv_source_put_write(p, "one", 3), VV_OK);
	CHECK_INT(vv_source_put_write(p, "two", 3), VV_ENOSPC);
	CHECK_INT(vv_source_put_write(p, "three", 5), VV_ENOSPC);
	CHECK_INT(vv_source_put_commit(p, "refs/a", VV_PUT_NEW), VV_ENOSPC);
	CHECK_INT(get(src, "refs/a"), VV_ENOENT);
	done(src);
}

/* ---- trace ---- */

static void count_event(void *ctx, const struct vv_source_event *event)
{
	unsigned *counts = ctx;

	counts[event->op]++;
	CHECK((event->key[0] == '\0') ==
	      (event->op == VV_SOURCE_PUT_BEGIN || event->op == VV_SOURCE_PUT_WRITE));
	CHECK(vv_source_op_name(event->op)[0] != '\0');
}

static void trace_counts_operations_bytes_and_errors(void)
{
	struct vv_source_fault fault = { .err = VV_EIO,
					 .nth = 2,
					 .ops = 1u << VV_SOURCE_GET };
	struct vv_source_stats stats[VV_SOURCE_OP_COUNT];
	unsigned counts[VV_SOURCE_OP_COUNT] = { 0 };
	struct vv_source *src, *below = new_fault(&fault);
	enum vv_source_op op;

	CHECK_INT(vv_source_trace_new(&src, below, count_event, counts), VV_OK);
	CHECK_INT(put(src, "refs/a", "text"), VV_OK);
	CHECK_INT(one_of_each(src, &op), VV_OK);
	CHECK_INT(get(src, "refs/a"), VV_EIO);
	CHECK_INT(get(src, "refs/none"), VV_ENOENT);
	vv_source_trace_get(src, stats);
	for (op = 0; op < VV_SOURCE_OP_COUNT; op++)
		CHECK_INT(stats[op].count, counts[op]);
	CHECK_INT(stats[VV_SOURCE_GET].count, 3);
	CHECK_INT(stats[VV_SOURCE_GET].errors, 1);
	CHECK_INT(stats[VV_SOURCE_GET].bytes, 4);
	CHECK_INT(stats[VV_SOURCE_PUT_WRITE].bytes, 7);
	CHECK_INT(stats[VV_SOURCE_PUT_COMMIT].count, 2);
	CHECK_INT(stats[VV_SOURCE_MAP].bytes, 4);
	CHECK(stats[VV_SOURCE_LIST].total_ns >= stats[VV_SOURCE_LIST].max_ns);
	CHECK(stats[VV_SOURCE_LIST].max_ns > 0);
	done(src);
}

/* ---- gate ---- */

struct gate {
	struct vv_mutex lock;
	struct vv_cond changed;
	bool is_open;	  /* protected by lock */
	unsigned waiting; /* protected by lock */
};

static int hold_slow(void *ctx, const struct vv_source_event *event)
{
	struct gate *gate = ctx;

	if (strcmp(event->key, "refs/slow") != 0)
		return VV_OK;
	vv_mutex_lock(&gate->lock);
	gate->waiting++;
	vv_cond_broadcast(&gate->changed);
	while (!gate->is_open)
		vv_cond_wait(&gate->changed, &gate->lock);
	vv_mutex_unlock(&gate->lock);
	return VV_OK;
}

static void get_slow(void *arg)
{
	CHECK_INT(get(arg, "refs/slow"), VV_OK);
}

static void gate_holds_one_operation_while_others_pass(void)
{
	struct gate gate = { .is_open = true };
	struct vv_source *src;
	struct vv_thread thread;

	vv_mutex_init(&gate.lock);
	vv_cond_init(&gate.changed);
	CHECK_INT(vv_source_gate_new(&src, new_dir(), hold_slow, &gate), VV_OK);
	CHECK_INT(put(src, "refs/slow", "s"), VV_OK);
	CHECK_INT(put(src, "refs/fast", "f"), VV_OK);
	gate.is_open = false;
	gate.waiting = 0;
	CHECK_INT(vv_thread_create(&thread, "slow", get_slow, src, 0), VV_OK);
	vv_mutex_lock(&gate.lock);
	while (gate.waiting == 0)
		vv_cond_wait(&gate.changed, &gate.lock);
	vv_mutex_unlock(&gate.lock);
	CHECK_INT(get(src, "refs/fast"), VV_OK);
	vv_mutex_lock(&gate.lock);
	gate.is_open = true;
	vv_cond_broadcast(&gate.changed);
	vv_mutex_unlock(&gate.lock);
	vv_thread_join(&thread);
	CHECK_INT(gate.waiting, 1);
	done(src);
	vv_cond_fini(&gate.changed);
	vv_mutex_fini(&gate.lock);
}

static int refuse(void *ctx, const struct vv_source_event *event)
{
	(void)ctx;
	return event->op == VV_SOURCE_REMOVE ? VV_EACCES : VV_OK;
}

static void gate_can_refuse(void)
{
	struct vv_source *src;

	CHECK_INT(vv_source_gate_new(&src, new_dir(), refuse, NULL), VV_OK);
	CHECK_INT(put(src, "refs/a", "text"), VV_OK);
	CHECK_INT(vv_source_remove(src, "refs/a"), VV_EACCES);
	CHECK_INT(get(src, "refs/a"), VV_OK);
	done(src);
}

static void a_sweep_finds_the_directory_beneath_wrappers(void)
{
	struct vv_source *src = new_fault(NULL);

	CHECK_INT(vv_source_dir_sweep(src, 0), VV_OK);
	done(src);
}

int main(void)
{
	RUN(fault_hits_the_nth_operation_only);
	RUN(fault_without_effect_leaves_nothing_behind);
	RUN(fault_with_effect_loses_the_answer_only);
	RUN(fault_can_repeat_and_can_be_choosy);
	RUN(a_failed_write_cannot_be_committed);
	RUN(trace_counts_operations_bytes_and_errors);
	RUN(gate_holds_one_operation_while_others_pass);
	RUN(gate_can_refuse);
	RUN(a_sweep_finds_the_directory_beneath_wrappers);
	return test_report();
}
