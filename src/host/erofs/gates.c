#include "host/erofs/gates.h"

#include "core/err.h"
#include "fuse/codec.h"
#include "host/fuse/cover.h"
#include "os/system.h"
#include "os/thread.h"

#include <stdlib.h>
#include <string.h>

enum state {
	IDLE,
	MOUNTING,
	COVERED,
	PLAIN
};

struct gate {
	uint64_t root, generation;
	enum state state;
	uint64_t since_ms; /* covered */
	uint64_t parent;   /* where, and by which name, it was found last */
	size_t len;
	char name[]; /* NUL-ended */
};

/* Who was given a root before it was covered (A2). */
struct walker {
	uint64_t root; /* 0: none */
	uint64_t found_ms;
	uint32_t pid;
};

struct vv_erofs_gates {
	struct vv_fuse_cover cover; /* first: requests come with its address */
	int (*mount)(void *ctx, uint64_t root);
	void *ctx;
	struct vv_mutex lock;
	struct vv_cond changed;
	/* protected by lock: */
	struct gate **gates; /* owned; sorted by root */
	size_t count, cap;
	struct walker walkers[VV_EROFS_WALKERS]; /* goes round */
	unsigned cursor;
};

static uint64_t now_ms(void)
{
	return vv_clock_ns() / 1000000;
}

/* ---- the table; under the lock ---- */

/* Where @root is, or belongs. */
static size_t place_of(const struct vv_erofs_gates *g, uint64_t root)
{
	size_t low = 0, high = g->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (g->gates[mid]->root < root)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct gate *find(const struct vv_erofs_gates *g, uint64_t root)
{
	size_t at = place_of(g, root);

	return at < g->count && g->gates[at]->root == root ? g->gates[at] : NULL;
}

static void take_out(struct vv_erofs_gates *g, uint64_t root)
{
	size_t at = place_of(g, root);

	free(g->gates[at]);
	g->count--;
	memmove(&g->gates[at], &g->gates[at + 1],
		(g->count - at) * sizeof(g->gates[0]));
}

static bool make_room(struct vv_erofs_gates *g)
{
	size_t cap = g->cap ? 2 * g->cap : 16;
	struct gate **more;

	if (g->count < g->cap)
		return true;
	more = realloc(g->gates, cap * sizeof(more[0]));
	if (!more)
		return false;
	g->gates = more;
	g->cap = cap;
	return true;
}

/* An idle one; NULL: there is no memory. */
static struct gate *put_in(struct vv_erofs_gates *g, const struct vv_attr *attr,
			   uint64_t parent, const char *name, size_t len)
{
	struct gate *gate = malloc(sizeof *gate + len + 1);
	size_t at = place_of(g, attr->node);

	if (!gate || !make_room(g)) {
		free(gate);
		return NULL;
	}
	*gate = (struct gate){ .root = attr->node,
			       .generation = attr->generation,
			       .parent = parent,
			       .len = len };
	memcpy(gate->name, name, len);
	gate->name[len] = '\0';
	memmove(&g->gates[at + 1], &g->gates[at],
		(g->count - at) * sizeof(g->gates[0]));
	g->gates[at] = gate;
	g->count++;
	return gate;
}

/* ---- who walks; under the lock ---- */

static void remember(struct vv_erofs_gates *g, uint64_t root, uint32_t pid)
{
	g->walkers[g->cursor] = (struct walker){ root, now_ms(), pid };
	g->cursor = (g->cursor + 1) % VV_EROFS_WALKERS;
}

/* Was it found before the root was covered?  Forgets all that is known of it. */
static bool recall(struct vv_erofs_gates *g, uint64_t root, uint32_t pid)
{
	uint64_t now = now_ms();
	bool is_known = false;

	for (unsigned i = 0; i < VV_EROFS_WALKERS; i++) {
		struct walker *w = &g->walkers[i];

		if (w->root != root || w->pid != pid)
			continue;
		is_known = is_known || now - w->found_ms < VV_EROFS_WALK_MS;
		w->root = 0;
	}
	return is_known;
}

/* ---- requests ---- */

static struct vv_erofs_gates *gates_of(struct vv_fuse_cover *cover)
{
	return (struct vv_erofs_gates *)cover;
}

static void on_found(struct vv_fuse_cover *cover, const struct vv_fuse_request *req,
		     const struct vv_attr *attr, struct vv_fuse_entry_out *entry)
{
	struct vv_erofs_gates *g = gates_of(cover);
	struct gate *gate;

	vv_mutex_lock(&g->lock);
	gate = find(g, attr->node);
	if (gate && gate->generation != attr->generation) {
		/* The node means another tree; covered ones are held, so it was not. */
		take_out(g, attr->node);
		gate = NULL;
	}
	if (!gate)
		gate = put_in(g, attr, req->header.nodeid, req->names[0],
			      req->name_len[0]);
	if (gate && gate->state != PLAIN)
		entry->attr_valid = 0;
	if (gate && (gate->state == IDLE || gate->state == MOUNTING)) {
		entry->entry_valid = 0;
		remember(g, attr->node, req->header.pid);
	}
	vv_mutex_unlock(&g->lock);
}

/* The lock is left meanwhile, so gates are found anew afterwards. */
static void mount_now(struct vv_erofs_gates *g, struct gate *gate)
{
	uint64_t root = gate->root;
	int err;

	gate->state = MOUNTING;
	vv_mutex_unlock(&g->lock);
	err = g->mount(g->ctx, root);
	vv_mutex_lock(&g->lock);
	gate = find(g, root);
	if (gate) {
		gate->state = err ? PLAIN : COVERED;
		gate->since_ms = now_ms();
	}
	vv_cond_broadcast(&g->changed);
}

static int on_enter(struct vv_fuse_cover *cover, uint64_t root, uint32_t pid)
{
	struct vv_erofs_gates *g = gates_of(cover);
	bool was_early = false;
	struct gate *gate;

	vv_mutex_lock(&g->lock);
	for (;;) {
		gate = find(g, root);
		if (!gate || gate->state == COVERED || gate->state == PLAIN)
			break;
		was_early = true;
		if (gate->state == IDLE)
			mount_now(g, gate);
		else
			vv_cond_wait(&g->changed, &g->lock);
	}
	if (gate && gate->state == COVERED)
		was_early = recall(g, root, pid) || was_early;
	else
		was_early = false;
	vv_mutex_unlock(&g->lock);
	return was_early ? VV_ESTALE : VV_OK;
}

static bool on_is_settled(struct vv_fuse_cover *cover, uint64_t root)
{
	struct vv_erofs_gates *g = gates_of(cover);
	const struct gate *gate;
	bool is_settled;

	vv_mutex_lock(&g->lock);
	gate = find(g, root);
	is_settled = !gate || gate->state == PLAIN ||
		     (gate->state == COVERED &&
		      now_ms() - gate->since_ms > VV_EROFS_SETTLE_MS);
	vv_mutex_unlock(&g->lock);
	return is_settled;
}

/* ---- the end of a mount ---- */

/* Does another root have that name by now?  Then it is its name to forget. */
static bool is_renamed(const struct vv_erofs_gates *g, const struct gate *gate)
{
	for (size_t i = 0; i < g->count; i++) {
		const struct gate *other = g->gates[i];

		if (other != gate && other->parent == gate->parent &&
		    strcmp(other->name, gate->name) == 0)
			return true;
	}
	return false;
}

static int make_notice(struct vv_notices *out, const struct gate *gate)
{
	out->items = calloc(1, sizeof(out->items[0]));
	out->names = malloc(gate->len + 1);
	if (!out->items || !out->names) {
		vv_notices_fini(out);
		return VV_ENOMEM;
	}
	memcpy(out->names, gate->name, gate->len + 1);
	out->items[0] = (struct vv_notice){ gate->parent, out->names, gate->len };
	out->count = 1;
	return VV_OK;
}

int vv_erofs_gates_gone(struct vv_erofs_gates *g, uint64_t root, struct vv_notices *out)
{
	struct gate *gate;
	int err = VV_OK;

	*out = (struct vv_notices){ 0 };
	vv_mutex_lock(&g->lock);
	/* Gone before whoever made it could say that it is there. */
	while ((gate = find(g, root)) && gate->state == MOUNTING)
		vv_cond_wait(&g->changed, &g->lock);
	if (gate && gate->state == COVERED) {
		if (!is_renamed(g, gate))
			err = make_notice(out, gate);
		take_out(g, root);
	}
	vv_mutex_unlock(&g->lock);
	return err;
}

/* ---- making ---- */

int vv_erofs_gates_new(struct vv_erofs_gates **out,
		       int (*mount)(void *ctx, uint64_t root), void *ctx)
{
	struct vv_erofs_gates *g = calloc(1, sizeof *g);

	*out = g;
	if (!g)
		return VV_ENOMEM;
	g->cover = (struct vv_fuse_cover){
		.found = on_found,
		.enter = on_enter,
		.is_settled = on_is_settled,
	};
	g->mount = mount;
	g->ctx = ctx;
	vv_mutex_init(&g->lock);
	vv_cond_init(&g->changed);
	return VV_OK;
}

void vv_erofs_gates_free(struct vv_erofs_gates *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->count; i++)
		free(g->gates[i]);
	free(g->gates);
	vv_cond_fini(&g->changed);
	vv_mutex_fini(&g->lock);
	free(g);
}

struct vv_fuse_cover *vv_erofs_gates_cover(struct vv_erofs_gates *g)
{
	return &g->cover;
}
