#include "cli/profile.h"
#include "cli/verbs.h"

#include "core/err.h"
#include "store/profiles.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *store_path;
static struct vv_texts with;
static bool json, add;

/* ---- ls ---- */

struct summary {
	size_t runs, hits, misses, lists;
	uint64_t pages;
};

static void sum_up(const struct vv_profile *p, struct summary *out)
{
	*out = (struct summary){ 0 };
	for (size_t i = 0; i < vv_profile_count(p); i++) {
		const struct vv_profile_use *use = vv_profile_get(p, i);

		out->runs += use->kind == VV_USE_RUN;
		out->hits += use->kind == VV_USE_HIT;
		out->misses += use->kind == VV_USE_MISS;
		out->lists += use->kind == VV_USE_LIST;
		out->pages += use->count;
	}
}

static void print_summary(const char *ref, const struct vv_profile *p)
{
	char date[32], size[32], hex[VV_ID_HEX_BYTES];
	struct summary s;

	sum_up(p, &s);
	if (json) {
		printf("{\"ref\": ");
		vv_print_json_text(ref, strlen(ref));
		printf(", \"tree\": \"%s\", \"recorded_ns\": %" PRId64
		       ", \"runs\": %zu, \"names\": %zu, \"misses\": %zu, "
		       "\"lists\": %zu, \"bytes\": %" PRIu64 "}\n",
		       vv_id_to_hex(&p->tree, hex), p->recorded_ns, s.runs, s.hits,
		       s.misses, s.lists, s.pages * VV_PROFILE_PAGE);
	} else {
		printf("%s: %zu runs, %zu names, %zu misses, %s, recorded %s\n", ref,
		       s.runs, s.hits, s.misses,
		       vv_human_bytes(size, s.pages * VV_PROFILE_PAGE),
		       vv_human_date(date, p->recorded_ns));
	}
}

/* One that cannot be read has been told; the others are listed all the same. */
static int list_one(void *ctx, const char *ref)
{
	struct vv_profile profile;

	if (vv_profiles_get(ctx, ref, &profile))
		return VV_OK;
	print_summary(ref, &profile);
	vv_profile_fini(&profile);
	return VV_OK;
}

static int list(struct vv_store *store)
{
	int err = vv_profiles_list(store, list_one, store);

	return err ? vv_say_failed(err, "cannot list the profiles") : VV_EXIT_OK;
}

/* ---- show, rm ---- */

static int say_none(const char *ref)
{
	vv_say("'%s' has no profile; `varve profile record %s -- COMMAND` makes one",
	       ref, ref);
	return VV_EXIT_FAILED;
}

static void print_uses(const struct vv_profile *p)
{
	static const char *const names[] = { "run", "hit", "miss", "list", "read" };

	for (size_t i = 0; i < vv_profile_count(p); i++) {
		const struct vv_profile_use *use = vv_profile_get(p, i);

		printf("%-5s%s%s", names[use->kind], use->kind ? "/" : "",
		       vv_profile_path(p, use));
		if (use->kind == VV_USE_READ)
			printf(" %" PRIu64 "+%" PRIu64, use->first * VV_PROFILE_PAGE,
			       use->count * VV_PROFILE_PAGE);
		putchar('\n');
	}
}

static int show(struct vv_store *store, const char *ref)
{
	struct vv_profile profile;
	int err = vv_profiles_get(store, ref, &profile);

	if (err == VV_ENOENT)
		return say_none(ref);
	if (err)
		return vv_say_failed(err, "cannot read the profile of '%s'", ref);
	print_summary(ref, &profile);
	if (!json)
		print_uses(&profile);
	vv_profile_fini(&profile);
	return VV_EXIT_OK;
}

static int remove_one(struct vv_store *store, const char *ref)
{
	int err = vv_profiles_remove(store, ref);

	if (err == VV_ENOENT)
		return say_none(ref);
	return err ? vv_say_failed(err, "cannot remove the profile of '%s'", ref)
		   : VV_EXIT_OK;
}

/* ---- the verb ---- */

static int for_refs(int (*one)(struct vv_store *, const char *), int count,
		    char **words)
{
	struct vv_store *store;
	int status = 0;

	if (count == 0)
		return vv_say_usage("profile: of which ref?");
	for (int i = 0; i < count && !status; i++)
		status = vv_check_ref(words[i]);
	if (!status)
		status = vv_open_store(&store, store_path);
	if (status)
		return status;
	for (int i = 0; i < count; i++)
		if (one(store, words[i]))
			status = VV_EXIT_FAILED;
	vv_store_close(store);
	return status;
}

static int run_list(int count)
{
	struct vv_store *store;
	int status;

	if (count)
		return vv_say_usage("profile ls takes nothing more");
	status = vv_open_store(&store, store_path);
	if (status)
		return status;
	status = list(store);
	vv_store_close(store);
	return status;
}

/* REF... -- COMMAND... */
static int run_record(int count, char **words)
{
	int refs = 0, status = 0;

	while (refs < count && strcmp(words[refs], "--") != 0)
		refs++;
	if (refs == 0 || refs + 1 >= count)
		return vv_say_usage("it is varve profile record REF... -- COMMAND...");
	for (int i = 0; i < refs && !status; i++)
		status = vv_check_ref(words[i]);
	if (status)
		return status;
	words[count] =
		NULL; /* what the options left behind them is not of the command */
	return vv_profile_record(&(struct vv_profile_job){
		.store = store_path,
		.refs = words,
		.ref_count = (size_t)refs,
		.with = &with,
		.command = words + refs + 1,
		.add = add,
	});
}

static int run(int count, char **words)
{
	const char *what = words[0];

	if (strcmp(what, "record") == 0)
		return run_record(count - 1, words + 1);
	if (strcmp(what, "ls") == 0)
		return run_list(count - 1);
	if (strcmp(what, "show") == 0)
		return for_refs(show, count - 1, words + 1);
	if (strcmp(what, "rm") == 0)
		return for_refs(remove_one, count - 1, words + 1);
	return vv_say_usage("profile has no '%s': it is record, ls, show or rm", what);
}

static const struct vv_option options[] = {
	VV_OPTION_STORE(&store_path),
	{ "with", 0, VV_OPTION_TEXTS, &with, "REF",
	  "record: mount this ref too, but keep no profile of it" },
	{ "add", 0, VV_OPTION_FLAG, &add, "",
	  "record: keep the runs that the profiles have already" },
	{ "json", 0, VV_OPTION_FLAG, &json, "", "print JSON, a line each" },
	{ 0 },
};

const struct vv_verb vv_verb_profile = {
	.name = "profile",
	.args = "record REF... -- COMMAND... | ls | show REF... | rm REF...",
	.summary = "record what a command reads, for mounts to fetch ahead",
	.text = "`record` mounts the REFs, each at its name, in a place of its own, and runs COMMAND, which finds\n"
		"the mount in $VARVE_MOUNT and wherever one of its words has `{}`.  What it read is kept beside\n"
		"each REF, in place of what was there, and used by every mount from its start on.  The exit\n"
		"status is COMMAND's; if that is not 0, nothing is kept.",
	.options = options,
	.args_min = 1,
	.args_max = -1,
	.keeps_dashes = true,
	.run = run,
};
