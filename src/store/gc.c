#include "store/gc.h"

#include "core/err.h"
#include "core/log.h"
#include "os/system.h"
#include "source/dir.h"
#include "source/source.h"
#include "store/condemned.h"
#include "store/intent.h"
#include "store/mark.h"
#include "store/profiles.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Why nothing that is needed goes.
 *
 * What others do, each step durable and visible before the next:
 *
 *	publisher  p1 puts its intent.
 *		   p2 lists packs; leaves condemned ones out.
 *		   p3 names every pack it is about to commit in the intent, then commits it.
 *		   p4 names every stored pack it comes to rely on, and its tree, in the
 *		      intent.
 *		   p5 puts the tree.
 *		   p6 after p4, looks again at what was there before it came: no
 *		      condemned record (else it does without the pack; for a tree, it
 *		      becomes the one gc and removes the record), and then: it is
 *		      there, durably (G9).
 *		      For packs at once, before it makes anything of them.
 *		   p7 looks whether its intent is still there; puts the ref.
 *		   p8 removes the intent.
 *	mount	   m1 reads a ref; m2 names its tree in the lease; m3 reads the ref again,
 *		   and starts over if it moved; m4 shows the tree.
 *
 * What gc does:
 *
 *	g1 lists trees, packs and condemned records: only these are candidates.
 *	g2 marks: intents, refs, leases, the trees these name, packs - in that order.
 *	g3 removes stale announcements.
 *	g4 removes the records of what is live (pardon) unless they say that it is damaged,
 *	   writes records for what is not (condemn).
 *	g5 removes what had its record at g1, at least grace ago, and is not live by g2:
 *	   the object first, its record after it.  Before the first one it makes the
 *	   refs durable as they are seen (G9).
 *	With no grace: g2 and g5 once more for what g4 condemned.
 *
 * Invariants:
 *
 * (G1) What is deleted had a record before the mark that found it unreachable began (g1
 *	before g2, g4 before the second g2), and the record stays until the object is gone
 *	(g5).
 * (G2) A new object is safe.  Its name was in an intent before it existed (p3, p4 before
 *	p5), and existed before g1 if it is a candidate.  So g2 meets the intent; or that
 *	was removed, which is after the ref was put (p7, p8), and g2 reads refs after it
 *	reads intents.
 * (G3) A reused pack, or tree, is safe.  If g2 reads the intents after p4, it is live.  If before,
 *	then p6 comes after the record was there (G1), and finds the record, or neither
 *	record nor pack.  The order in p6 matters: asked the other way round, both could
 *	be removed in between.
 * (G4) A mount is safe.  At m3 the ref led to a tree that the lease had named before.  A
 *	g2 that reads refs after the ref moved on reads leases after that, and sees it
 *	there.  One that reads refs before the ref led to the tree, but intents too late
 *	for the intent of who put the ref, is that of (G3): the tree has no record at g1,
 *	so it is condemned at most, and the next mark sees the lease.
 * (G5) An owner that is taken for dead does not come back: its record goes first (g3), it
 *	finds that at p7, and it never writes the record again.
 * (G6) One gc at a time: each puts an intent of its own and then looks for those of
 *	others, so of two at least one sees the other and stops.  Else one could pardon a
 *	pack that a publisher then trusts, and the other delete it by an older mark.
 * (G7) What a live blob needs was found whole in packs that were listed after its tree
 *	was read.  Of several copies one is chosen by one mark, and only that mark's
 *	choice is deleted by, so two copies never each go in favour of the other.
 *	Whoever finds a damaged pack may write a record for it at any time: publishers
 *	then store its content anew, marks prefer their copies, and G1 to G7 ask only
 *	when a record was there, not who wrote it.
 * (G8) A crash leaves: a record without its object, which the next run removes; or an
 *	object with its record, which it judges again.
 * (G9) What is seen may not be durable yet: its writer is about to make it so, or died.
 *	So a publisher makes durable what it relies on (p6), and gc the refs that it
 *	judged by (g5): else a power cut could take the pack and leave the ref, or bring
 *	back a ref whose tree is gone.
 */

/*
 * Of unfinished objects: a writer that has not written for so long is dead or stuck. It
 * announced itself before it began, so if no publisher is known the short time is for
 * those who came since.  At worst a pack fails, and says that its file was taken away.
 */
#define UNFINISHED_NS (UINT64_C(24) * 3600 * 1000000000)
#define ABANDONED_NS (UINT64_C(600) * 1000000000)

struct object {
	struct vv_id id;
	uint64_t size;
	int64_t condemned_ns;	/* 0: no record */
	bool is_damaged;	/* says the record */
	bool is_tree, is_fresh; /* fresh: condemned by this run */
	bool is_doomed;		/* to be deleted when the verdicts are all there */
};

struct gc {
	struct vv_store *store;
	const struct vv_gc_options *opts;
	struct vv_gc_stats *stats;
	struct vv_announce *announce; /* owned; NULL in a dry run */
	struct object *objects;	      /* owned; trees first: none outlives its packs */
	size_t count, cap;
	struct vv_condemned condemned; /* as of g1 */
	struct vv_mark mark;
	char (*stale)[VV_STORE_KEY_MAX]; /* owned; keys of announcements */
	size_t stale_count;
	bool refs_are_settled; /* since the last mark */
	bool has_publisher;    /* an intent that is honoured was met */
	int err;	       /* of a callback that cannot return one */
};

static struct vv_source *source_of(const struct gc *gc)
{
	return vv_store_source(gc->store);
}

/* ---- reporting ---- */

static void report(const struct gc *gc, const char *kind, const char *key,
		   enum vv_gc_verdict verdict, uint64_t bytes, const char *why)
{
	struct vv_gc_item item = {
		.kind = kind, .key = key, .verdict = verdict, .why = why, .bytes = bytes
	};

	if (gc->opts->report)
		gc->opts->report(gc->opts->ctx, &item);
}

static const char *kind_of(const struct object *o)
{
	return o->is_tree ? "tree" : "pack";
}

static void key_of(char *key, const struct object *o)
{
	if (o->is_tree)
		vv_store_tree_key(key, &o->id);
	else
		vv_store_pack_key(key, &o->id);
}

static void report_object(const struct gc *gc, const struct object *o,
			  enum vv_gc_verdict verdict, const char *why)
{
	char key[VV_STORE_KEY_MAX];

	key_of(key, o);
	report(gc, kind_of(o), key, verdict, o->size, why);
}

/* ---- one gc at a time (G6) ---- */

struct others {
	const char *own_key;
	bool is_quiet;
};

static int meet_gc(void *ctx, const struct vv_announced *a)
{
	const struct others *o = ctx;

	if (!a->is_gc || a->is_stale || strcmp(a->key, o->own_key) == 0)
		return VV_OK;
	if (o->is_quiet)
		return VV_EBUSY;
	vv_log(VV_LOG_ERROR, "another gc is at work: process %" PRId64 " on %s (%s)",
	       a->pid, a->host, a->key);
	return VV_EBUSY;
}

static int be_alone(struct gc *gc, bool is_quiet)
{
	struct others o = { .is_quiet = is_quiet };
	int err;

	if (gc->opts->dry_run)
		return VV_OK;
	err = vv_announce_open(&gc->announce, gc->store, VV_ANNOUNCE_GC, NULL);
	if (err)
		return err;
	o.own_key = vv_announce_key(gc->announce);
	return vv_announced_list(gc->store, VV_ANNOUNCE_INTENT, meet_gc, &o);
}

/* ---- g1: candidates ---- */

static int add_object(struct gc *gc, const struct vv_id *id, uint64_t size,
		      bool is_tree)
{
	if (gc->count == gc->cap) {
		size_t cap = gc->cap ? 2 * gc->cap : 64;
		struct object *objects = realloc(gc->objects, cap * sizeof *objects);

		if (!objects)
			return VV_ENOMEM;
		gc->objects = objects;
		gc->cap = cap;
	}
	gc->objects[gc->count++] =
		(struct object){ .id = *id, .size = size, .is_tree = is_tree };
	return VV_OK;
}

static int add_tree(void *ctx, const struct vv_id *id, uint64_t size)
{
	return add_object(ctx, id, size, true);
}

static int add_pack(void *ctx, const struct vv_id *id, uint64_t size)
{
	return add_object(ctx, id, size, false);
}

/* Trees first, each kind by id: a run says the same each time. */
static int cmp_object(const void *a, const void *b)
{
	const struct object *x = a, *y = b;

	if (x->is_tree != y->is_tree)
		return x->is_tree ? -1 : 1;
	return vv_id_cmp(&x->id, &y->id);
}

static void note_condemned(struct gc *gc)
{
	for (size_t i = 0; i < gc->count; i++) {
		struct object *o = &gc->objects[i];
		uint64_t n;

		if (!vv_idmap_get(&gc->condemned.index, &o->id, &n))
			continue;
		o->condemned_ns = gc->condemned.items[n].time_ns;
		o->is_damaged = gc->condemned.items[n].is_damaged;
	}
}

static int list_candidates(struct gc *gc)
{
	int err = vv_store_list_trees(gc->store, add_tree, gc);

	if (!err)
		err = vv_store_list_packs(gc->store, add_pack, gc);
	if (!err)
		err = vv_condemned_list(&gc->condemned, gc->store);
	if (err)
		return err;
	if (gc->count > 0)
		qsort(gc->objects, gc->count, sizeof *gc->objects, cmp_object);
	note_condemned(gc);
	return VV_OK;
}

/* ---- g2, g3: marking, and announcements ---- */

static int keep_stale_key(struct gc *gc, const char *key)
{
	char(*grown)[VV_STORE_KEY_MAX] =
		realloc(gc->stale, (gc->stale_count + 1) * sizeof *grown);

	if (!grown)
		return VV_ENOMEM;
	gc->stale = grown;
	snprintf(gc->stale[gc->stale_count++], VV_STORE_KEY_MAX, "%s", key);
	return VV_OK;
}

static const char *announcement_kind(const char *key)
{
	return strncmp(key, "leases/", 7) == 0 ? "lease" : "intent";
}

static void meet_announced(void *ctx, const struct vv_announced *a)
{
	struct gc *gc = ctx;
	char why[VV_SYSTEM_NAME_BYTES + 64];
	int err;

	if (a->is_gc && !a->is_stale)
		return; /* ourselves */
	snprintf(why, sizeof why, "of process %" PRId64 " on %s%s", a->pid, a->host,
		 a->is_stale ? ", which is gone" : "");
	report(gc, announcement_kind(a->key), a->key,
	       a->is_stale ? VV_GC_DELETE : VV_GC_KEEP, 0, why);
	if (!a->is_stale) {
		gc->has_publisher |= strcmp(announcement_kind(a->key), "intent") == 0;
		return;
	}
	err = keep_stale_key(gc, a->key);
	if (err)
		gc->err = err;
}

static int remove_key(const struct gc *gc, const char *key)
{
	int err;

	if (gc->opts->dry_run)
		return VV_OK;
	err = vv_source_remove(source_of(gc), key);
	return err == VV_ENOENT ? VV_OK : err;
}

static int remove_stale(struct gc *gc)
{
	int err = gc->err;

	for (size_t i = 0; !err && i < gc->stale_count; i++)
		err = remove_key(gc, gc->stale[i]);
	gc->stale_count = 0;
	return err;
}

/* A second mark forgets the first. */
static int run_mark(struct gc *gc)
{
	int err;

	gc->refs_are_settled = false;
	vv_mark_fini(&gc->mark);
	vv_mark_init(&gc->mark, gc->store, &gc->condemned.index);
	gc->mark.announced = meet_announced;
	gc->mark.ctx = gc;
	err = vv_mark_run(&gc->mark);
	return err ? err : remove_stale(gc);
}

static bool is_live(const struct gc *gc, const struct object *o)
{
	return o->is_tree ? vv_mark_has_tree(&gc->mark, &o->id)
			  : vv_mark_has_pack(&gc->mark, &o->id);
}

/* ---- g4, g5: verdicts ---- */

static int pardon(struct gc *gc, struct object *o)
{
	char key[VV_STORE_KEY_MAX];
	int err;

	report_object(gc, o, VV_GC_PARDON, "it is in use again");
	vv_store_condemned_key(key, &o->id);
	err = remove_key(gc, key);
	if (!err)
		gc->stats->pardoned++;
	o->condemned_ns = 0;
	return err;
}

static int condemn(struct gc *gc, struct object *o)
{
	const struct vv_condemned_why why = {
		.kind = kind_of(o),
		.why = "no ref, intent or lease leads to it",
	};
	int64_t now = vv_time_ns();
	int err = VV_OK;

	report_object(gc, o, VV_GC_CONDEMN, why.why);
	if (!gc->opts->dry_run)
		err = vv_condemned_put(gc->store, &o->id, now, &why);
	if (err)
		return err;
	gc->stats->condemned++;
	o->condemned_ns = now;
	o->is_fresh = true;
	return VV_OK;
}

/*
 * A mark goes by refs as they are seen.  One that was just moved or removed could be what
 * it was before after a power cut; what it led to then must not be gone for good.
 */
static int settle_refs(struct gc *gc)
{
	int err;

	if (gc->refs_are_settled)
		return VV_OK;
	err = vv_source_settle(source_of(gc), "refs/");
	gc->refs_are_settled = err == VV_OK;
	return err;
}

/*
 * Windows does not let a file go that somebody has mapped: a reader that opened its packs
 * before they were condemned.  The record stays, so the next run tries again.
 */
static int leave_for_next(struct gc *gc, const struct object *o)
{
	report_object(
		gc, o, VV_GC_WAIT,
		"a program that runs has it open; run gc again when that has ended");
	gc->stats->waiting++;
	return VV_OK;
}

/* The object, then its record (G1).  We must still be the one gc (G6). */
static int delete_object(struct gc *gc, const struct object *o)
{
	char key[VV_STORE_KEY_MAX];
	int err = VV_OK;

	report_object(gc, o, VV_GC_DELETE, "condemned, and still not in use");
	if (!gc->opts->dry_run)
		err = settle_refs(gc);
	if (!err && gc->announce)
		err = vv_announce_check(gc->announce);
	key_of(key, o);
	if (!err)
		err = remove_key(gc, key);
	if (err == VV_EBUSY)
		return leave_for_next(gc, o);
	if (err)
		return err;
	gc->stats->deleted++;
	gc->stats->deleted_bytes += o->size;
	vv_store_condemned_key(key, &o->id);
	return remove_key(gc, key);
}

static int wait_for(struct gc *gc, const struct object *o, int64_t age_ns)
{
	const int64_t second = 1000000000;
	char why[96];

	snprintf(why, sizeof why, "condemned %" PRId64 " s ago; grace is %" PRId64 " s",
		 age_ns / second, gc->opts->grace_ns / second);
	report_object(gc, o, VV_GC_WAIT, why);
	gc->stats->waiting++;
	return VV_OK;
}

/* A record of the future (clocks differ) waits until its time has come. */
static int judge_condemned(struct gc *gc, struct object *o)
{
	int64_t age;

	if (o->condemned_ns == INT64_MAX)
		return condemn(gc, o); /* a damaged record: anew */
	age = vv_time_ns() - o->condemned_ns;
	if (age < gc->opts->grace_ns)
		return wait_for(gc, o, age);
	o->is_doomed = true;
	return VV_OK;
}

static int spare(struct gc *gc, struct object *o)
{
	gc->stats->live_objects++;
	gc->stats->live_bytes += o->size;
	if (o->is_damaged) {
		report_object(gc, o, VV_GC_KEEP,
			      "damaged, and still needed: pack its refs again");
		return VV_OK;
	}
	return o->condemned_ns ? pardon(gc, o) : VV_OK;
}

static int judge(struct gc *gc, struct object *o)
{
	if (is_live(gc, o))
		return spare(gc, o);
	return o->condemned_ns ? judge_condemned(gc, o) : condemn(gc, o);
}

/* The mark has the indexes of all packs mapped, which would hold them on Windows. */
static int delete_doomed(struct gc *gc)
{
	int err = VV_OK;

	vv_mark_fini(&gc->mark);
	vv_store_packs_forget(gc->store);
	for (size_t i = 0; !err && i < gc->count; i++) {
		if (gc->objects[i].is_doomed)
			err = delete_object(gc, &gc->objects[i]);
		gc->objects[i].is_doomed = false;
	}
	return err;
}

static int judge_all(struct gc *gc)
{
	int err = VV_OK;

	for (size_t i = 0; !err && i < gc->count; i++)
		err = judge(gc, &gc->objects[i]);
	return err ? err : delete_doomed(gc);
}

/* The second mark, for what this run condemned. */
static int judge_fresh(struct gc *gc)
{
	bool has_fresh = false;
	int err = VV_OK;

	for (size_t i = 0; i < gc->count; i++)
		has_fresh |= gc->objects[i].is_fresh;
	if (gc->opts->grace_ns > 0 || !has_fresh)
		return VV_OK;
	err = run_mark(gc);
	for (size_t i = 0; !err && i < gc->count; i++) {
		struct object *o = &gc->objects[i];

		if (!o->is_fresh)
			continue;
		if (is_live(gc, o))
			err = spare(gc, o);
		else
			o->is_doomed = true;
	}
	return err ? err : delete_doomed(gc);
}

/* ---- leftovers (G8) ---- */

static bool is_listed(const struct gc *gc, const struct vv_id *id)
{
	struct object as_tree = { .id = *id, .is_tree = true };
	struct object as_pack = { .id = *id };

	return gc->count > 0 && (bsearch(&as_tree, gc->objects, gc->count,
					 sizeof *gc->objects, cmp_object) ||
				 bsearch(&as_pack, gc->objects, gc->count,
					 sizeof *gc->objects, cmp_object));
}

/* Records of objects that are gone: a run was cut short between the two removals. */
static int remove_orphans(struct gc *gc)
{
	int err = VV_OK;

	for (size_t i = 0; !err && i < gc->condemned.count; i++) {
		char key[VV_STORE_KEY_MAX];

		if (is_listed(gc, &gc->condemned.items[i].id))
			continue;
		vv_store_condemned_key(key, &gc->condemned.items[i].id);
		report(gc, "record", key, VV_GC_DELETE, 0, "its object is gone");
		err = remove_key(gc, key);
	}
	return err;
}

/* A ref's profile went with it, unless whoever removed it was cut short. */
static int remove_profile(void *ctx, const char *ref)
{
	const struct gc *gc = ctx;
	struct vv_ref found;
	int err = vv_ref_get(gc->store, ref, &found);

	if (err != VV_ENOENT)
		return VV_OK;
	report(gc, "profile", ref, VV_GC_DELETE, 0, "its ref is gone");
	if (gc->opts->dry_run)
		return VV_OK;
	err = vv_profiles_remove(gc->store, ref);
	return err == VV_ENOENT ? VV_OK : err;
}

static int sweep(struct gc *gc)
{
	int err = vv_profiles_list(gc->store, remove_profile, gc);

	if (err)
		return err;

	if (gc->opts->dry_run)
		return VV_OK;
	err = vv_source_dir_sweep(source_of(gc),
				  gc->has_publisher ? UNFINISHED_NS : ABANDONED_NS);
	return err == VV_ENOSYS ? VV_OK : err; /* only directories have such */
}

/* ---- the run ---- */

static int run(struct gc *gc)
{
	int err = be_alone(gc, false);

	if (!err)
		err = list_candidates(gc);
	if (!err)
		err = run_mark(gc);
	if (!err)
		err = judge_all(gc);
	if (!err)
		err = remove_orphans(gc);
	if (!err)
		err = judge_fresh(gc);
	return err ? err : sweep(gc);
}

int vv_gc(struct vv_store *store, const struct vv_gc_options *opts,
	  struct vv_gc_stats *out)
{
	struct gc gc = { .store = store, .opts = opts, .stats = out };
	int err;

	*out = (struct vv_gc_stats){ 0 };
	err = run(&gc);
	vv_announce_close(gc.announce);
	vv_mark_fini(&gc.mark);
	vv_condemned_fini(&gc.condemned);
	free(gc.objects);
	free(gc.stale);
	return err;
}

int vv_gc_pardon(struct vv_store *store, const struct vv_id *id)
{
	static const struct vv_gc_options opts;
	struct gc gc = { .store = store, .opts = &opts };
	char key[VV_STORE_KEY_MAX];
	int err = be_alone(&gc, true);

	vv_store_condemned_key(key, id);
	if (!err)
		err = remove_key(&gc, key);
	vv_announce_close(gc.announce);
	return err;
}
