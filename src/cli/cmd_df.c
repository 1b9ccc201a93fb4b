#include "cli/verbs.h"

#include "core/err.h"
#include "store/usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *store_path;
static bool json;

static void print_json(const char *name, const struct vv_ref_usage *u)
{
	printf("{\"ref\": ");
	vv_print_json_text(name, strlen(name));
	printf(", \"bytes\": %" PRIu64 ", \"needed_bytes\": %" PRIu64
	       ", \"own_bytes\": %" PRIu64 ", \"shared_bytes\": %" PRIu64
	       ", \"lost_blobs\": %" PRIu64 ", \"readable\": %s}\n",
	       u->raw_bytes, u->needed_bytes, u->own_bytes, u->shared_bytes,
	       u->lost_blobs, u->err ? "false" : "true");
}

static void print_row(const char *name, const struct vv_ref_usage *u)
{
	char raw[32], needed[32], own[32], shared[32];

	printf("%9s %9s %9s %9s  %s\n", vv_human_bytes(raw, u->raw_bytes),
	       vv_human_bytes(needed, u->needed_bytes),
	       vv_human_bytes(own, u->own_bytes),
	       vv_human_bytes(shared, u->shared_bytes), name);
}

static void print_totals(const struct vv_usage *usage)
{
	char raw[32], all[32], needed[32], garbage[32];

	if (json)
		printf("{\"refs\": %zu, \"bytes\": %" PRIu64
		       ", \"store_bytes\": %" PRIu64 ", \"needed_bytes\": %" PRIu64
		       ", \"garbage_bytes\": %" PRIu64 "}\n",
		       usage->refs.count, usage->raw_bytes, usage->store_bytes,
		       usage->needed_bytes, usage->garbage_bytes);
	else
		printf("%zu refs of %s; the store has %s: %s needed, %s garbage\n",
		       usage->refs.count, vv_human_bytes(raw, usage->raw_bytes),
		       vv_human_bytes(all, usage->store_bytes),
		       vv_human_bytes(needed, usage->needed_bytes),
		       vv_human_bytes(garbage, usage->garbage_bytes));
}

static bool is_asked(const char *name, int count, char **words)
{
	bool is = count == 0;

	for (int i = 0; i < count && !is; i++)
		is = strcmp(words[i], name) == 0;
	return is;
}

/* Does every word name a ref? */
static int check_words(const struct vv_usage *usage, int count, char **words)
{
	for (int i = 0; i < count; i++) {
		bool is_there = false;

		for (size_t r = 0; r < usage->refs.count && !is_there; r++)
			is_there = strcmp(usage->refs.items[r].name, words[i]) == 0;
		if (is_there)
			continue;
		vv_say("there is no ref '%s'; `varve ls` lists them", words[i]);
		return VV_EXIT_FAILED;
	}
	return VV_EXIT_OK;
}

static int print(const struct vv_usage *usage, int count, char **words)
{
	int status = check_words(usage, count, words);

	if (status)
		return status;
	if (!json)
		printf("%9s %9s %9s %9s  %s\n", "raw", "stored", "own", "shared",
		       "ref");
	for (size_t i = 0; i < usage->refs.count; i++) {
		const struct vv_ref_usage *u = &usage->items[i];
		const char *name = usage->refs.items[i].name;

		if (!is_asked(name, count, words))
			continue;
		if (json)
			print_json(name, u);
		else
			print_row(name, u);
		if (!u->err && !u->lost_blobs)
			continue;
		vv_say("'%s' is damaged and its figures are too small; `varve verify %s` says more",
		       name, name);
		status = VV_EXIT_FAILED;
	}
	print_totals(usage);
	return usage->bad_refs ? VV_EXIT_FAILED : status;
}

static int run(int count, char **words)
{
	struct vv_store *store;
	struct vv_usage usage;
	int status = 0, err;

	for (int i = 0; i < count && !status; i++)
		status = vv_check_ref(words[i]);
	if (!status)
		status = vv_open_store(&store, store_path);
	if (status)
		return status;
	err = vv_usage_get(store, &usage);
	if (err) {
		status = vv_say_failed(err, "cannot tell what the refs need");
	} else {
		status = print(&usage, count, words);
		vv_usage_fini(&usage);
	}
	vv_store_close(store);
	return status;
}

static const struct vv_option options[] = {
	VV_OPTION_STORE(&store_path),
	{ "json", 0, VV_OPTION_FLAG, &json, "", "print JSON, a line each" },
	{ 0 },
};

const struct vv_verb vv_verb_df = {
	.name = "df",
	.args = "[REF...]",
	.summary = "tell what each ref costs, alone and shared",
	.text = "raw is what a ref would take as plain files; stored is what it needs in the store: own, which\n"
		"goes with the ref (after gc), and shared, which other refs need as well.  Garbage is needed\n"
		"by no ref: gc removes the packs that hold nothing else.",
	.options = options,
	.args_max = -1,
	.run = run,
};
