/*
 * The follower's round, and what is true after each step:
 *
 *	read	  `next` holds the refs as the store has them; a failure ends the round
 *	lease	  every tree of `next` is named in the lease, and the refs still say so
 *	swap	  the view shows `next`; `shown` = `next`
 *	notify	  kernels are told what to forget
 *	trim	  the lease names what is shown, and what kernels still hold
 *
 *  (S1)	A tree is in the lease as long as a node of it can be asked for (unless
 *	the store refuses a lease).
 *  (S2)	Only the thread that makes the serve, and then the follower, touches
 *	refs, lease and layers: they have no lock.
 */
#include "core/err.h"
#include "core/log.h"
#include "host/serve_parts.h"

#include <stdlib.h>
#include <string.h>

enum {
	CHECK_LEASE_ROUNDS = 200, /* once a minute */
	SETTLE_ROUNDS = 8,	  /* refs that move faster are followed next time */
};

/* ---- refs of the store ---- */

static int compare_name(const void *key, const void *item)
{
	return strcmp(key, ((const struct vv_ref *)item)->name);
}

static const struct vv_ref *find_ref(const struct vv_ref_list *list, const char *name)
{
	if (list->count == 0)
		return NULL;
	return bsearch(name, list->items, list->count, sizeof(list->items[0]),
		       compare_name);
}

/* The item behind the last one joins the list, which stays sorted. */
static void add_in_order(struct vv_ref_list *list)
{
	struct vv_ref fresh = list->items[list->count];
	size_t at = list->count++;

	for (; at > 0 && strcmp(list->items[at - 1].name, fresh.name) > 0; at--)
		list->items[at] = list->items[at - 1];
	list->items[at] = fresh;
}

/*
 * One chosen ref.  1: *@out; 0: there is none; < 0: it cannot be read and was never
 * shown.
 */
static int read_chosen_ref(struct vv_serve *s, const char *name, struct vv_ref *out,
			   int *failure)
{
	int err = vv_ref_get(s->store, name, out);
	const struct vv_ref *shown;

	if (!err)
		return 1;
	if (err == VV_ENOENT)
		err = vv_store_present(s->store);
	if (!err)
		return 0;
	*failure = err;
	shown = find_ref(&s->shown, name);
	if (!shown)
		return err;
	*out = *shown; /* as it was */
	return 1;
}

static int read_chosen(struct vv_serve *s, struct vv_ref_list *out, int *failure)
{
	int found = 0;

	*out = (struct vv_ref_list){ 0 };
	out->items = calloc(s->choice_count, sizeof(out->items[0]));
	if (!out->items)
		return VV_ENOMEM;
	for (size_t i = 0; found >= 0 && i < s->choice_count; i++) {
		const char *name = s->choices[i].ref;

		if (!name || find_ref(out, name))
			continue;
		found = read_chosen_ref(s, name, &out->items[out->count], failure);
		if (found > 0)
			add_in_order(out);
	}
	if (found < 0)
		vv_ref_list_fini(out);
	return found < 0 ? found : VV_OK;
}

static int read_all(struct vv_serve *s, struct vv_ref_list *out)
{
	bool changed;
	size_t bad;
	int err = vv_ref_poll_run(s->poll, &changed);

	*out = (struct vv_ref_list){ 0 };
	return err ? err : vv_ref_poll_list(s->poll, out, &bad);
}

/* *@failure: why something is given as it was, or not at all. */
static int read_refs(struct vv_serve *s, struct vv_ref_list *out, int *failure)
{
	int err;

	*failure = VV_OK;
	err = s->choice_count ? read_chosen(s, out, failure) : read_all(s, out);
	if (err)
		*failure = err;
	return err;
}

/* Once, until reading went well again. */
static void tell_failure(struct vv_serve *s, int failure)
{
	if (failure && !s->is_failure_told)
		vv_log(VV_LOG_WARN, "cannot read the refs: %s; what is shown stays",
		       vv_err_text(failure));
	s->is_failure_told = failure != VV_OK;
}

static bool is_same_list(const struct vv_ref_list *a, const struct vv_ref_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (!vv_id_equal(&a->items[i].tree, &b->items[i].tree) ||
		    a->items[i].published_ns != b->items[i].published_ns ||
		    strcmp(a->items[i].name, b->items[i].name) != 0)
			return false;
	}
	return true;
}

/* ---- layers ---- */

/* That a tree is not there means nothing to the store, but to us: a ref, or our lease, leads to it. */
static int open_told(struct vv_serve *s, const struct vv_id *id,
		     struct vv_open_tree **out)
{
	static struct vv_log_limit limit;
	char hex[VV_ID_HEX_BYTES];
	int err = vv_store_tree_open(s->store, id, out);

	if (err == VV_ENOENT)
		vv_log_limited(&limit, VV_LOG_ERROR,
			       "tree %s is to be shown and not in the store",
			       vv_id_to_hex(id, hex));
	return err;
}

static int open_tree(void *ctx, const struct vv_id *id, const struct vv_tree **tree,
		     void **handle)
{
	struct vv_serve *s = ctx;
	struct vv_open_tree *open;
	int err = open_told(s, id, &open);

	if (err)
		return err;
	*tree = vv_open_tree_get(open);
	*handle = open;
	return VV_OK;
}

static void close_tree(void *ctx, void *handle)
{
	(void)ctx;
	vv_open_tree_unref(handle);
}

static int tree_layer(struct vv_serve *s, struct vv_layer *out,
		      const struct vv_ref *ref, const char *path)
{
	*out = (struct vv_layer){
		.path = path,
		.label = ref->name,
		.tree_id = ref->tree,
		.open = open_tree,
		.close = close_tree,
		.ctx = s,
		.published_ns = ref->published_ns,
	};
	return vv_counters_find(&s->counters, ref->name, path, true, &out->tag);
}

static int dir_layer(struct vv_serve *s, struct vv_layer *out,
		     const struct vv_serve_choice *choice)
{
	*out = (struct vv_layer){
		.path = choice->path,
		.label = choice->label,
		.dir = choice->dir,
	};
	return vv_counters_find(&s->counters, choice->label, choice->path, false,
				&out->tag);
}

static int chosen_layers(struct vv_serve *s, const struct vv_ref_list *refs,
			 struct vv_layer *layers, size_t *count)
{
	int err = VV_OK;

	for (size_t i = 0; !err && i < s->choice_count; i++) {
		const struct vv_serve_choice *choice = &s->choices[i];
		const struct vv_ref *ref;

		if (!choice->ref) {
			err = dir_layer(s, &layers[(*count)++], choice);
			continue;
		}
		ref = find_ref(refs, choice->ref);
		if (ref)
			err = tree_layer(s, &layers[(*count)++], ref, choice->path);
	}
	return err;
}

static int make_layers(struct vv_serve *s, const struct vv_ref_list *refs,
		       struct vv_layer **out, size_t *count)
{
	size_t most = s->choice_count ? s->choice_count : refs->count;
	int err = VV_OK;

	*count = 0;
	*out = calloc(most + 1, sizeof **out);
	if (!*out)
		return VV_ENOMEM;
	if (s->choice_count)
		return chosen_layers(s, refs, *out, count);
	for (size_t i = 0; !err && i < refs->count; i++)
		err = tree_layer(s, &(*out)[(*count)++], &refs->items[i],
				 refs->items[i].name);
	return err;
}

/* ---- one round ---- */

static int add_trees(struct vv_tree_set *set, const struct vv_ref_list *refs)
{
	int err = VV_OK;

	for (size_t i = 0; !err && i < refs->count; i++)
		err = vv_tree_set_add(set, &refs->items[i].tree);
	return err;
}

static int lease_trees(struct vv_serve *s, const struct vv_ref_list *refs)
{
	struct vv_tree_set trees = { 0 };
	int err = add_trees(&trees, refs);

	if (!err)
		vv_lease_add(&s->lease, &trees);
	vv_tree_set_fini(&trees);
	return err;
}

/*
 * A gc that marked before the lease was written may be removing what a ref no longer
 * names ((G4) in store/gc.c).  So the refs are read again after it was, until they say
 * what the lease says.
 */
static int settle_on(struct vv_serve *s, struct vv_ref_list *next)
{
	for (int round = 0; round < SETTLE_ROUNDS; round++) {
		struct vv_ref_list again;
		bool is_settled;
		int failure, err = lease_trees(s, next);

		if (!err)
			err = read_refs(s, &again, &failure);
		if (err)
			return err;
		is_settled = is_same_list(next, &again);
		vv_ref_list_fini(next);
		*next = again;
		if (is_settled)
			return VV_OK;
	}
	return VV_EAGAIN;
}

static void trim_lease(struct vv_serve *s)
{
	struct vv_tree_set needed = { 0 };
	struct vv_id id;
	size_t pos = 0;
	int err = add_trees(&needed, &s->shown);

	s->may_retire = false;
	while (!err && vv_view_retired_next(s->view, &pos, &id) > 0) {
		err = vv_tree_set_add(&needed, &id);
		s->may_retire = true;
	}
	if (!err) /* else it names too much, which is safe */
		vv_lease_keep(&s->lease, &needed);
	s->may_retire = s->may_retire || err;
	vv_tree_set_fini(&needed);
}

static void show_counters(struct vv_serve *s, const struct vv_layer *layers,
			  size_t count)
{
	vv_counters_hide_all(&s->counters);
	for (size_t i = 0; i < count; i++)
		vv_counters_show(&s->counters, layers[i].tag,
				 layers[i].dir ? NULL : &layers[i].tree_id);
}

/* Before the first read of a new tree can be: it is what triggers a replay. */
static void announce_trees(struct vv_serve *s, const struct vv_layer *layers,
			   size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!layers[i].dir)
			vv_counters_expect(&s->counters, layers[i].tag,
					   &layers[i].tree_id);
}

static void sum_up(struct vv_serve *s)
{
	uint64_t files = 0, bytes = 0;

	for (size_t i = 0; i < s->shown.count; i++) {
		files += s->shown.items[i].files;
		bytes += s->shown.items[i].bytes;
	}
	atomic_store(&s->files, files);
	atomic_store(&s->bytes, bytes);
}

/* Takes @next, on success only. */
static int show(struct vv_serve *s, struct vv_ref_list *next,
		struct vv_notices *notices)
{
	struct vv_layer *layers = NULL;
	size_t count;
	int err = settle_on(s, next);

	if (!err)
		err = make_layers(s, next, &layers, &count);
	if (err)
		goto out;
	announce_trees(s, layers, count);
	err = vv_view_set_layers(s->view, layers, count, notices);
	if (err)
		goto out;
	s->may_retire = true;
	show_counters(s, layers, count);
	vv_ref_list_fini(&s->shown);
	s->shown = *next;
	*next = (struct vv_ref_list){ 0 };
	sum_up(s);
	atomic_fetch_add(&s->changes, 1);
out:
	free(layers);
	return err;
}

/* For who asked for the round: why it does not show the refs as they are. */
static int follow_once(struct vv_serve *s)
{
	struct vv_ref_list next = { 0 };
	struct vv_notices notices = { 0 };
	int failure, err = read_refs(s, &next, &failure);

	tell_failure(s, failure);
	if (!err && !is_same_list(&s->shown, &next)) {
		/* What is new lies in new packs; a failure shows when they are read. */
		(void)vv_store_packs_refresh(s->store, NULL);
		err = show(s, &next, &notices);
		failure = err ? err : failure;
		if (err == VV_EAGAIN)
			err = VV_OK; /* they moved all the while: next time */
		if (err && !s->is_failure_told)
			vv_log(VV_LOG_ERROR, "cannot show the refs that changed: %s",
			       vv_err_text(err));
		s->is_failure_told = s->is_failure_told || err;
		if (notices.count)
			s->notify(s->notify_ctx, &notices);
	}
	vv_notices_fini(&notices);
	vv_ref_list_fini(&next);
	return failure;
}

/* *@ask: the number of the last round that was asked for. */
static bool wait_for_round(struct vv_serve *s, uint64_t *ask)
{
	bool stop;

	vv_mutex_lock(&s->stop_lock);
	if (!s->stop && s->asked == s->answered)
		(void)vv_cond_timedwait(&s->stop_cond, &s->stop_lock, VV_FOLLOW_MS);
	stop = s->stop;
	*ask = s->asked;
	vv_mutex_unlock(&s->stop_lock);
	return !stop;
}

static void answer(struct vv_serve *s, uint64_t ask, int err)
{
	vv_mutex_lock(&s->stop_lock);
	s->answered = ask;
	s->answer = err;
	vv_cond_broadcast(&s->answer_cond);
	vv_mutex_unlock(&s->stop_lock);
}

int vv_serve_refresh(struct vv_serve *s)
{
	uint64_t ask;
	int err;

	vv_mutex_lock(&s->stop_lock);
	ask = ++s->asked;
	vv_cond_signal(&s->stop_cond);
	while (s->answered < ask && !s->stop)
		vv_cond_wait(&s->answer_cond, &s->stop_lock);
	err = s->stop ? VV_ECANCELED : s->answer;
	vv_mutex_unlock(&s->stop_lock);
	return err;
}

static void follow(void *arg)
{
	struct vv_serve *s = arg;
	uint64_t ask, done = 0; /* numbers of rounds that were asked for */

	for (unsigned round = 1; wait_for_round(s, &ask); round++) {
		bool is_asked = ask != done;
		int err = s->follows || is_asked ? follow_once(s) : VV_OK;

		if (is_asked)
			answer(s, ask, err);
		done = ask;
		if (s->may_retire)
			trim_lease(s);
		else
			vv_lease_renew(&s->lease);
		if (round % CHECK_LEASE_ROUNDS == 0)
			vv_lease_check(&s->lease);
	}
}

/* ---- start and stop ---- */

/* At the start, what was chosen must be there, and usable. */
static int check_choice(struct vv_serve *s, const struct vv_ref_list *refs,
			const char *name)
{
	const struct vv_ref *ref = find_ref(refs, name);
	struct vv_open_tree *tree;
	int err;

	if (!ref) {
		vv_log(VV_LOG_ERROR,
		       "there is no ref '%s' in the store; `varve ls` lists them",
		       name);
		return VV_ENOENT;
	}
	err = open_told(s, &ref->tree, &tree);
	if (!err)
		vv_open_tree_unref(tree);
	return err;
}

static int check_choices(struct vv_serve *s, const struct vv_ref_list *refs)
{
	int err = VV_OK;

	for (size_t i = 0; !err && i < s->choice_count; i++)
		if (s->choices[i].ref)
			err = check_choice(s, refs, s->choices[i].ref);
	return err;
}

int vv_serve_show_first(struct vv_serve *s)
{
	struct vv_ref_list refs = { 0 };
	struct vv_notices none = { 0 };
	int failure, err = read_refs(s, &refs, &failure);

	if (!err)
		err = check_choices(s, &refs);
	if (!err) {
		vv_lease_init(&s->lease, s->store, s->mount_path);
		err = show(s, &refs, &none);
	}
	vv_notices_fini(&none);
	vv_ref_list_fini(&refs);
	return err;
}

int vv_serve_start(struct vv_serve *s,
		   void (*notify)(void *ctx, const struct vv_notices *notices),
		   void *ctx)
{
	int err;

	s->notify = notify;
	s->notify_ctx = ctx;
	s->stop = false;
	err = vv_thread_create(&s->follower, "varve-follow", follow, s, 0);
	s->is_following = !err;
	return err;
}

void vv_serve_stop(struct vv_serve *s)
{
	if (!s->is_following)
		return;
	vv_mutex_lock(&s->stop_lock);
	s->stop = true;
	vv_cond_signal(&s->stop_cond);
	vv_cond_broadcast(&s->answer_cond);
	vv_mutex_unlock(&s->stop_lock);
	vv_thread_join(&s->follower);
	s->is_following = false;
}
