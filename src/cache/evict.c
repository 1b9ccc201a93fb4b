#include "cache/evict.h"

#include "core/arith.h"
#include "core/err.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

/*
 * Invariants:
 *
 * (E1) A node is in the queue that `queue` names, or in none.
 * (E2) The bytes and count of a queue are those of its nodes.
 * (E3) Picking ends: each step returns, takes a use from a node, moves one from small to
 *	main for good, or passes a pinned one, and after a round of pinned ones it
 *	gives up.  Uses were paid for by hits, so the cost is O(1) a hit.
 */
enum {
	QUEUE_NONE,
	QUEUE_SMALL,
	QUEUE_MAIN,
};

int vv_evict_init(struct vv_evict *ev, size_t ghost_slots)
{
	assert(vv_is_pow2(ghost_slots));
	*ev = (struct vv_evict){ 0 };
	ev->ghosts = calloc(ghost_slots, sizeof *ev->ghosts);
	if (!ev->ghosts)
		return VV_ENOMEM;
	ev->ghost_mask = ghost_slots - 1;
	return VV_OK;
}

void vv_evict_fini(struct vv_evict *ev)
{
	assert(ev->small.count == 0 && ev->main.count == 0);
	free(ev->ghosts);
	*ev = (struct vv_evict){ 0 };
}

/* ---- queues ---- */

static struct vv_evict_queue *queue_of(struct vv_evict *ev,
				       const struct vv_evict_node *node)
{
	assert(node->queue != QUEUE_NONE); /* (E1) */
	return node->queue == QUEUE_SMALL ? &ev->small : &ev->main;
}

static void push(struct vv_evict *ev, struct vv_evict_node *node, uint8_t queue)
{
	struct vv_evict_queue *q;

	assert(node->queue == QUEUE_NONE); /* (E1) */
	node->queue = queue;
	q = queue_of(ev, node);
	node->newer = NULL;
	node->older = q->newest;
	if (q->newest)
		q->newest->newer = node;
	else
		q->oldest = node;
	q->newest = node;
	q->bytes += node->bytes;
	q->count++;
}

void vv_evict_remove(struct vv_evict *ev, struct vv_evict_node *node)
{
	struct vv_evict_queue *q = queue_of(ev, node);

	*(node->newer ? &node->newer->older : &q->newest) = node->older;
	*(node->older ? &node->older->newer : &q->oldest) = node->newer;
	assert(q->count > 0 && q->bytes >= node->bytes); /* (E2) */
	q->bytes -= node->bytes;
	q->count--;
	node->newer = node->older = NULL;
	node->queue = QUEUE_NONE;
}

static void move(struct vv_evict *ev, struct vv_evict_node *node, uint8_t queue)
{
	vv_evict_remove(ev, node);
	push(ev, node, queue);
}

/* ---- ghosts ---- */

/*
 * A table without chains: who comes later takes the slot.  That forgets a few ghosts
 * early, which costs a second miss and nothing else.
 */
static uint64_t *ghost_slot(const struct vv_evict *ev, uint64_t hash)
{
	return &ev->ghosts[hash & ev->ghost_mask];
}

static uint32_t ghost_tag(uint64_t hash)
{
	return (uint32_t)(hash >> 32) | 1; /* not 0, which is an empty slot */
}

static void remember(struct vv_evict *ev, uint64_t hash)
{
	*ghost_slot(ev, hash) = (uint64_t)ev->leave_turn++ << 32 | ghost_tag(hash);
}

/* As many ghosts are honoured as there are frames in memory. */
static bool has_ghost(const struct vv_evict *ev, uint64_t hash)
{
	uint64_t ghost = *ghost_slot(ev, hash);
	uint32_t age = ev->leave_turn - (uint32_t)(ghost >> 32);

	return (uint32_t)ghost == ghost_tag(hash) &&
	       age <= ev->small.count + ev->main.count + 1;
}

/* ---- uses ---- */

static void take_turn(struct vv_evict *ev, uint64_t hash)
{
	if (ev->last_used != hash)
		ev->use_turn++;
	ev->last_used = hash;
}

void vv_evict_add(struct vv_evict *ev, struct vv_evict_node *node)
{
	take_turn(ev, node->hash);
	node->used_at = ev->use_turn;
	node->uses = 0;
	push(ev, node, has_ghost(ev, node->hash) ? QUEUE_MAIN : QUEUE_SMALL);
}

void vv_evict_use(struct vv_evict *ev, struct vv_evict_node *node)
{
	take_turn(ev, node->hash);
	if (ev->use_turn - node->used_at < VV_EVICT_CORRELATED)
		return;
	node->used_at = ev->use_turn;
	if (node->uses < VV_EVICT_USES_MAX)
		node->uses++;
}

/* ---- picking ---- */

static bool is_small_due(const struct vv_evict *ev)
{
	size_t all = ev->small.bytes + ev->main.bytes;

	return ev->small.bytes > all / VV_EVICT_SMALL_PART;
}

/* The oldest of a queue was looked at and stays. */
static void keep(struct vv_evict *ev, struct vv_evict_node *node, bool is_pinned)
{
	uint8_t queue = node->queue;

	if (!is_pinned && queue == QUEUE_SMALL) {
		node->uses = 0;
		queue = QUEUE_MAIN;
	} else if (!is_pinned) {
		node->uses--;
	}
	move(ev, node, queue);
}

static struct vv_evict_node *pick_from(struct vv_evict *ev, struct vv_evict_queue *q)
{
	size_t pinned = 0; /* met since one that was not */

	while (pinned < q->count) {
		struct vv_evict_node *node = q->oldest;
		bool is_pinned = atomic_load(&node->pins) > 0;

		if (!is_pinned && node->uses == 0)
			return node;
		pinned = is_pinned ? pinned + 1 : 0;
		keep(ev, node, is_pinned);
	}
	return NULL;
}

struct vv_evict_node *vv_evict_pick(struct vv_evict *ev)
{
	bool small_first = is_small_due(ev);
	struct vv_evict_node *node;

	node = pick_from(ev, small_first ? &ev->small : &ev->main);
	if (!node)
		node = pick_from(ev, small_first ? &ev->main : &ev->small);
	if (!node)
		return NULL;
	if (node->queue == QUEUE_SMALL)
		remember(ev, node->hash);
	vv_evict_remove(ev, node);
	return node;
}
