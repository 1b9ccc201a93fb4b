/*
 * Threads that look up, list, read attributes and forget, while the layers change under
 * them; for the thread sanitizer too.
 *
 * Each directory has a lock that stands for a kernel's: a lookup and what is believed
 * of it happen under it, and so does taking a notice to heart; changing the layers does
 * not.  When the notices of a change were heard, what is believed must be true.
 */
#include "core/err.h"
#include "lib/trees.h"
#include "os/thread.h"
#include "test.h"
#include "vfs/view.h"

enum {
	NAMES = 6, /* in each directory */
	DIRS = 2,  /* the root, and `g` */
	LOOKERS = 3,
	ROUNDS = 400,
};

struct belief {
	bool is_held;
	uint64_t node, generation; /* 0: no such name */
};

static struct shelf shelf;
static struct vv_view *view;
static uint64_t dirs[DIRS];
static struct vv_mutex dir_locks[DIRS];
static struct belief beliefs[DIRS][NAMES]; /* protected by the lock of the directory */
static atomic_bool stop;

static unsigned pick(uint64_t *rng, unsigned below)
{
	*rng = *rng * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)(*rng >> 33) % below;
}

static void name_of(char out[3], unsigned i)
{
	out[0] = 'r';
	out[1] = (char)('0' + i);
	out[2] = '\0';
}

/* ---- threads ---- */

/* Under the lock of the directory. */
static void disbelieve(unsigned dir, unsigned i)
{
	struct belief *b = &beliefs[dir][i];

	if (b->is_held && b->node)
		vv_view_forget(view, b->node, 1);
	*b = (struct belief){ 0 };
}

static void look_up(unsigned dir, unsigned i)
{
	struct belief *b = &beliefs[dir][i];
	struct vv_attr attr, file;
	enum vv_life life;
	char name[3];
	int err;

	name_of(name, i);
	err = vv_view_lookup(view, dirs[dir], name, 2, &attr, &life);
	CHECK(err == VV_OK || err == VV_ENOENT);
	CHECK_INT(life, VV_LIFE_FOREVER);
	b->is_held = true;
	b->node = err ? 0 : attr.node;
	b->generation = err ? 0 : attr.generation;
	if (err)
		return;
	CHECK_INT(vv_view_lookup(view, attr.node, "x", 1, &file, &life), VV_OK);
	CHECK_INT(vv_view_getattr(view, file.node, &attr), VV_OK);
	CHECK_INT(attr.size, 1);
	vv_view_forget(view, file.node, 1);
}

static void looker(void *arg)
{
	uint64_t rng = (uint64_t)(uintptr_t)arg;

	while (!atomic_load(&stop)) {
		unsigned dir = pick(&rng, DIRS), i = pick(&rng, NAMES);

		vv_mutex_lock(&dir_locks[dir]);
		if (pick(&rng, 4) == 0)
			disbelieve(dir, i);
		if (!beliefs[dir][i].is_held)
			look_up(dir, i);
		vv_mutex_unlock(&dir_locks[dir]);
	}
}

static int forget_listed(void *ctx, const char *name, size_t len, uint64_t next,
			 const struct vv_attr *attr)
{
	unsigned *count = ctx;

	(void)name;
	(void)len;
	(void)next;
	++*count;
	if (attr->node)
		vv_view_forget(view, attr->node, 1);
	return 0;
}

static void lister(void *arg)
{
	uint64_t rng = (uint64_t)(uintptr_t)arg;

	while (!atomic_load(&stop)) {
		unsigned count = 0;
		char path[64];

		CHECK_INT(vv_view_readdir(view, dirs[pick(&rng, DIRS)], NULL, 0,
					  pick(&rng, 2), forget_listed, &count),
			  VV_OK);
		CHECK(count >= 3); /* . .. and at least one */
		CHECK(vv_view_describe(view, dirs[1], path, sizeof path) == 2);
	}
}

/* ---- the changes ---- */

static void random_layers(uint64_t *rng, struct vv_layer *layers, size_t *count)
{
	static char paths[DIRS][NAMES][8];

	*count = 0;
	layers[(*count)++] = shelf_layer(&shelf, "g/fixed", "f x 1");
	for (unsigned dir = 0; dir < DIRS; dir++) {
		for (unsigned i = 0; i < NAMES; i++) {
			char name[3];

			name_of(name, i);
			snprintf(paths[dir][i], sizeof paths[dir][i], "%s%s",
				 dir ? "g/" : "", name);
			if (pick(rng, 3))
				layers[(*count)++] =
					shelf_layer(&shelf, paths[dir][i],
						    pick(rng, 2) ? "f x 1" : "f x 2");
		}
	}
	if (pick(rng, 2)) /* merged with what is there */
		layers[(*count)++] = shelf_layer(&shelf, "", "f r1/x 3\nf r1/y 3");
}

static void hear(const struct vv_notices *notices)
{
	for (size_t n = 0; n < notices->count; n++) {
		const struct vv_notice *item = &notices->items[n];
		unsigned dir = item->node == dirs[1];

		if (!item->name || item->name[0] != 'r')
			continue;
		vv_mutex_lock(&dir_locks[dir]);
		disbelieve(dir, (unsigned)(item->name[1] - '0'));
		vv_mutex_unlock(&dir_locks[dir]);
	}
}

static void check_beliefs(void)
{
	for (unsigned dir = 0; dir < DIRS; dir++) {
		vv_mutex_lock(&dir_locks[dir]);
		for (unsigned i = 0; i < NAMES; i++) {
			struct belief before = beliefs[dir][i];

			if (!before.is_held)
				continue;
			look_up(dir, i);
			CHECK(beliefs[dir][i].node == before.node);
			CHECK(beliefs[dir][i].generation == before.generation);
			if (before.node)
				vv_view_forget(view, before.node, 1);
		}
		vv_mutex_unlock(&dir_locks[dir]);
	}
}

static void change(uint64_t *rng)
{
	struct vv_layer layers[DIRS * NAMES + 2];
	struct vv_notices notices;
	size_t count;

	random_layers(rng, layers, &count);
	CHECK_INT(vv_view_set_layers(view, layers, count, &notices), VV_OK);
	hear(&notices);
	vv_notices_fini(&notices);
	check_beliefs();
}

static void begin(uint64_t *rng)
{
	struct vv_view_options opts = { 0 };
	struct vv_attr attr;
	enum vv_life life;

	/* Slow enough for layers to change while an answer is sought. */
	atomic_store(&shelf.delay_ms, 1);
	/* The shelf does not change while threads open trees. */
	shelf_add(&shelf, "f x 1");
	shelf_add(&shelf, "f x 2");
	shelf_add(&shelf, "f r1/x 3\nf r1/y 3");
	CHECK_INT(vv_view_new(&view, &opts), VV_OK);
	for (unsigned i = 0; i < DIRS; i++)
		vv_mutex_init(&dir_locks[i]);
	dirs[0] = VV_NODE_ROOT;
	change(rng);
	CHECK_INT(vv_view_lookup(view, VV_NODE_ROOT, "g", 1, &attr, &life), VV_OK);
	dirs[1] = attr.node;
}

static void end(void)
{
	struct vv_notices notices;

	for (unsigned dir = 0; dir < DIRS; dir++) {
		for (unsigned i = 0; i < NAMES; i++)
			disbelieve(dir, i);
		vv_mutex_fini(&dir_locks[dir]);
	}
	vv_view_forget(view, dirs[1], 1);
	CHECK_INT(vv_view_set_layers(view, NULL, 0, &notices), VV_OK);
	vv_notices_fini(&notices);
	CHECK_INT(atomic_load(&shelf.opens), atomic_load(&shelf.closes));
	vv_view_free(view);
	shelf_fini(&shelf);
}

static void no_answer_escapes_a_change_of_layers(void)
{
	struct vv_thread threads[LOOKERS + 1];
	uint64_t rng = 1;

	begin(&rng);
	for (uintptr_t i = 0; i <= LOOKERS; i++)
		CHECK_INT(vv_thread_create(&threads[i], "race",
					   i == LOOKERS ? lister : looker,
					   (void *)(i + 2), 0),
			  VV_OK);
	for (int i = 0; i < ROUNDS; i++)
		change(&rng);
	atomic_store(&stop, true);
	for (int i = 0; i <= LOOKERS; i++)
		vv_thread_join(&threads[i]);
	end();
}

int main(void)
{
	RUN(no_answer_escapes_a_change_of_layers);
	return test_report();
}
