#include "host/erofs/gates.h"

#include "core/err.h"
#include "fuse/codec.h"
#include "host/fuse/cover.h"
#include "os/system.h"
#include "os/thread.h"
#include "test.h"

#include <stdatomic.h>

#define ROOT UINT64_C(0x8000000500000000)
#define PARENT 7

static atomic_int mounts, answer;
static atomic_uint delay_ms;

static int mount_over(void *ctx, uint64_t root)
{
	(void)ctx;
	CHECK(root == ROOT || root == ROOT + (UINT64_C(1) << 32));
	vv_sleep_ms(atomic_load(&delay_ms));
	atomic_fetch_add(&mounts, 1);
	return atomic_load(&answer);
}

static struct vv_erofs_gates *fresh(void)
{
	struct vv_erofs_gates *g;

	atomic_store(&mounts, 0);
	atomic_store(&answer, VV_OK);
	atomic_store(&delay_ms, 0);
	CHECK_INT(vv_erofs_gates_new(&g, mount_over, NULL), VV_OK);
	return g;
}

/* A LOOKUP that leads to @root: the lifetime of the name, in seconds. */
static uint64_t found_at(struct vv_erofs_gates *g, uint64_t root, uint64_t generation,
			 uint32_t pid)
{
	struct vv_fuse_cover *cover = vv_erofs_gates_cover(g);
	struct vv_fuse_request req = { .names = { "current" }, .name_len = { 7 } };
	struct vv_attr attr = { .node = root, .generation = generation };
	struct vv_fuse_entry_out entry = { .entry_valid = 1000, .attr_valid = 1000 };

	req.header.nodeid = PARENT;
	req.header.pid = pid;
	cover->found(cover, &req, &attr, &entry);
	CHECK(entry.entry_valid || !entry.attr_valid);
	return entry.entry_valid;
}

static uint64_t found(struct vv_erofs_gates *g, uint32_t pid)
{
	return found_at(g, ROOT, 1, pid);
}

static int enter(struct vv_erofs_gates *g, uint32_t pid)
{
	struct vv_fuse_cover *cover = vv_erofs_gates_cover(g);

	return cover->enter(cover, ROOT, pid);
}

static void the_first_touch_mounts_and_is_sent_to_look_again(void)
{
	struct vv_erofs_gates *g = fresh();

	CHECK_INT(found(g, 1), 0);
	CHECK_INT(atomic_load(&mounts), 0); /* a name alone is no touch */
	CHECK_INT(enter(g, 1), VV_ESTALE);
	CHECK_INT(atomic_load(&mounts), 1);
	CHECK_INT(found(g, 1), 1000);
	vv_erofs_gates_free(g);
}

static void who_cannot_cross_is_let_in(void)
{
	struct vv_erofs_gates *g = fresh();

	found(g, 1);
	CHECK_INT(enter(g, 1), VV_ESTALE);
	found(g, 1);
	CHECK_INT(enter(g, 1), VV_OK); /* it looked, and met FUSE again */
	CHECK_INT(enter(g, 2), VV_OK); /* it has been inside all the time */
	CHECK_INT(atomic_load(&mounts), 1);
	vv_erofs_gates_free(g);
}

static void who_walked_before_the_mount_is_sent_back_once(void)
{
	struct vv_erofs_gates *g = fresh();

	found(g, 1);
	found(g, 2);
	CHECK_INT(enter(g, 1), VV_ESTALE);
	CHECK_INT(enter(g, 2), VV_ESTALE);
	CHECK_INT(enter(g, 2), VV_OK);
	vv_erofs_gates_free(g);
}

static void a_root_that_cannot_be_mounted_is_as_any_other(void)
{
	struct vv_erofs_gates *g = fresh();
	struct vv_fuse_cover *cover = vv_erofs_gates_cover(g);

	atomic_store(&answer, VV_EOPNOTSUPP);
	found(g, 1);
	CHECK(!cover->is_settled(cover, ROOT));
	CHECK_INT(enter(g, 1), VV_OK);
	CHECK(cover->is_settled(cover, ROOT));
	CHECK_INT(found(g, 1), 1000);
	CHECK_INT(enter(g, 1), VV_OK);
	CHECK_INT(atomic_load(&mounts), 1); /* not tried again and again */
	vv_erofs_gates_free(g);
}

static void a_root_that_nobody_was_led_to_is_no_gate(void)
{
	struct vv_erofs_gates *g = fresh();

	CHECK_INT(enter(g, 1), VV_OK);
	CHECK_INT(atomic_load(&mounts), 0);
	vv_erofs_gates_free(g);
}

static void another_tree_with_the_same_node_begins_anew(void)
{
	struct vv_erofs_gates *g = fresh();

	atomic_store(&answer, VV_EIO);
	found_at(g, ROOT, 1, 1);
	CHECK_INT(enter(g, 1), VV_OK);
	atomic_store(&answer, VV_OK);
	CHECK_INT(found_at(g, ROOT, 2, 1), 0);
	CHECK_INT(enter(g, 1), VV_ESTALE);
	vv_erofs_gates_free(g);
}

/* ---- together ---- */

struct toucher {
	struct vv_erofs_gates *g;
	struct vv_thread thread;
	uint32_t pid;
	int got;
};

static void touch(void *arg)
{
	struct toucher *t = arg;

	found(t->g, t->pid);
	t->got = enter(t->g, t->pid);
}

static void many_who_touch_at_once_cause_one_mount_and_wait_for_it(void)
{
	struct vv_erofs_gates *g = fresh();
	struct toucher t[8];

	atomic_store(&delay_ms, 50);
	found(g, 100); /* so that a gate is there before any of them */
	for (unsigned i = 0; i < 8; i++) {
		t[i] = (struct toucher){ .g = g, .pid = i + 1 };
		CHECK_INT(vv_thread_create(&t[i].thread, "touch", touch, &t[i], 0),
			  VV_OK);
	}
	for (unsigned i = 0; i < 8; i++)
		vv_thread_join(&t[i].thread);
	CHECK_INT(atomic_load(&mounts), 1);
	/* Whoever came while it was being made was led there before it was. */
	for (unsigned i = 0; i < 8; i++)
		CHECK(t[i].got == VV_ESTALE || (t[i].got == VV_OK && i > 0));
	vv_erofs_gates_free(g);
}

/* ---- the end of a mount ---- */

static void a_mount_that_is_gone_has_its_name_forgotten(void)
{
	struct vv_erofs_gates *g = fresh();
	struct vv_notices notices;

	found(g, 1);
	enter(g, 1);
	CHECK_INT(vv_erofs_gates_gone(g, ROOT, &notices), VV_OK);
	CHECK_INT(notices.count, 1);
	CHECK_INT(notices.items[0].node, PARENT);
	CHECK_STR(notices.items[0].name, "current");
	vv_notices_fini(&notices);
	CHECK_INT(found(g, 1), 0);
	CHECK_INT(enter(g, 1), VV_ESTALE);
	CHECK_INT(atomic_load(&mounts), 2);
	vv_erofs_gates_free(g);
}

static void the_name_of_a_moved_ref_is_its_new_trees(void)
{
	struct vv_erofs_gates *g = fresh();
	struct vv_notices notices;

	found(g, 1);
	enter(g, 1);
	found_at(g, ROOT + (UINT64_C(1) << 32), 2, 1);
	CHECK_INT(vv_erofs_gates_gone(g, ROOT, &notices), VV_OK);
	CHECK_INT(notices.count, 0);
	vv_notices_fini(&notices);
	vv_erofs_gates_free(g);
}

static void what_was_never_mounted_is_not_gone(void)
{
	struct vv_erofs_gates *g = fresh();
	struct vv_notices notices;

	CHECK_INT(vv_erofs_gates_gone(g, ROOT, &notices), VV_OK);
	CHECK_INT(notices.count, 0);
	atomic_store(&answer, VV_EIO);
	found(g, 1);
	enter(g, 1);
	CHECK_INT(vv_erofs_gates_gone(g, ROOT, &notices), VV_OK);
	CHECK_INT(notices.count, 0);
	CHECK_INT(found(g, 1), 1000); /* still plain */
	vv_erofs_gates_free(g);
}

int main(void)
{
	RUN(the_first_touch_mounts_and_is_sent_to_look_again);
	RUN(who_cannot_cross_is_let_in);
	RUN(who_walked_before_the_mount_is_sent_back_once);
	RUN(a_root_that_cannot_be_mounted_is_as_any_other);
	RUN(a_root_that_nobody_was_led_to_is_no_gate);
	RUN(another_tree_with_the_same_node_begins_anew);
	RUN(many_who_touch_at_once_cause_one_mount_and_wait_for_it);
	RUN(a_mount_that_is_gone_has_its_name_forgotten);
	RUN(the_name_of_a_moved_ref_is_its_new_trees);
	RUN(what_was_never_mounted_is_not_gone);
	return test_report();
}
