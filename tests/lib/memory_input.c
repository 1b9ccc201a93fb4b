#include "lib/memory_input.h"

#include "codec/hash.h"
#include "core/arith.h"
#include "core/err.h"
#include "store/store.h"
#include "store/verify.h"
#include "test.h"

struct memory_input {
	struct vv_input base;
	const struct memory_entry *entries;
	size_t count, next;
	size_t at; /* in the content of the current entry */
	bool hole_told;
};

static int next(struct vv_input *base, struct vv_input_entry *out)
{
	struct memory_input *in = (struct memory_input *)base;
	const struct memory_entry *e = &in->entries[in->next];

	*out = (struct vv_input_entry){ 0 };
	if (in->next == in->count)
		return 0;
	in->next++;
	in->at = 0;
	in->hole_told = false;
	out->path = e->path;
	out->hardlink = e->hardlink;
	out->meta.mode = e->mode ? e->mode : VV_S_IFREG | 0644;
	out->meta.target = e->target;
	return 1;
}

static int read_content(struct vv_input *base, void *buf, size_t cap, size_t *got,
			uint64_t *hole)
{
	struct memory_input *in = (struct memory_input *)base;
	const struct memory_entry *e = &in->entries[in->next - 1];
	size_t end = e->size;

	*got = 0;
	*hole = 0;
	if (e->hole && !in->hole_told) {
		if (in->at == e->hole_at) {
			in->hole_told = true;
			*hole = e->hole;
			return VV_OK;
		}
		end = (size_t)e->hole_at;
	}
	*got = vv_min_size(cap, end - in->at);
	if (*got)
		memcpy(buf, (const uint8_t *)e->content + in->at, *got);
	in->at += *got;
	return *got ? VV_OK : e->read_err;
}

static void progress(struct vv_input *base, uint64_t *done, uint64_t *total)
{
	(void)base;
	*done = *total = 0;
}

static void free_input(struct vv_input *base)
{
	free(base);
}

static const struct vv_input_ops memory_ops = {
	.name = "memory",
	.next = next,
	.read = read_content,
	.progress = progress,
	.free = free_input,
};

struct vv_input *memory_input_new(const struct memory_entry *entries, size_t count)
{
	struct memory_input *in = calloc(1, sizeof *in);

	CHECK(in);
	in->base.ops = &memory_ops;
	in->entries = entries;
	in->count = count;
	return &in->base;
}

static void print_problem(void *ctx, const struct vv_problem *p)
{
	(void)ctx;
	fprintf(stderr, "%s %s: %s (%s)\n", p->kind, p->object, p->why,
		p->hurts ? p->hurts : "");
}

void expect_sound(struct vv_store *store)
{
	struct vv_verify_options opts = { .jobs = 1, .report = print_problem };
	struct vv_verify_stats stats;

	CHECK_INT(vv_verify_store(store, &opts, &stats), VV_OK);
	CHECK_INT(stats.problems, 0);
}

static void hash_zeros(struct vv_hasher *h, uint64_t count)
{
	static const uint8_t zeros[65536];

	while (count) {
		size_t step = (size_t)vv_min_u64(count, sizeof zeros);

		vv_hasher_add(h, zeros, step);
		count -= step;
	}
}

/* That the store has the blob, and that it is what its id says, is for verify. */
static void expect_file(const struct vv_tree *tree, const struct memory_entry *e)
{
	struct vv_hasher h;
	struct vv_entry entry;
	struct vv_id want, got;
	uint32_t index;

	CHECK_INT(vv_tree_walk(tree, e->path, &index), VV_OK);
	CHECK_INT(vv_tree_entry(tree, index, &entry), VV_OK);
	CHECK_INT(entry.size, e->size + e->hole);
	if (!entry.size)
		return;
	vv_hasher_init(&h);
	vv_hasher_add(&h, e->content, (size_t)e->hole_at);
	hash_zeros(&h, e->hole);
	if (e->size > e->hole_at)
		vv_hasher_add(&h, (const uint8_t *)e->content + e->hole_at,
			      e->size - (size_t)e->hole_at);
	vv_hasher_done(&h, &want);
	CHECK_INT(vv_tree_blob(tree, entry.blob, &got), VV_OK);
	CHECK(vv_id_equal(&want, &got));
}

void expect_published(struct vv_store *store, const char *name,
		      const struct memory_entry *entries, size_t count)
{
	struct vv_open_tree *tree;
	struct vv_ref ref;

	CHECK_INT(vv_ref_get(store, name, &ref), VV_OK);
	CHECK_INT(vv_store_tree_open(store, &ref.tree, &tree), VV_OK);
	for (size_t i = 0; i < count; i++)
		if (!entries[i].hardlink && !entries[i].mode)
			expect_file(vv_open_tree_get(tree), &entries[i]);
	vv_open_tree_unref(tree);
	expect_sound(store);
}
