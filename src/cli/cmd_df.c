#include "cli/verbs.h"

#include "cli/matrix.h"
#include "core/err.h"
#include "store/sharing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *store_path;
static bool json, matrix;

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

/* What is wrong with the refs that were asked for makes it fail, in the end. */
static int tell_damage(const struct vv_usage *usage, int count, char **words)
{
	int status = usage->bad_refs ? VV_EXIT_FAILED : VV_EXIT_OK;

	for (size_t i = 0; i < usage->refs.count; i++) {
		const struct vv_ref_usage *u = &usage->items[i];
		const char *name = usage->refs.items[i].name;

		if (!is_asked(name, count, words) || (!u->err && !u->lost_blobs))
			continue;
		vv_say("'%s' is damaged and its figures are too small; `varve verify %s` says more",
		       name, name);
		status = VV_EXIT_FAILED;
	}
	return status;
}

static void print_list(const struct vv_usage *usage, int count, char **words)
{
	if (!json)
		printf("%9s %9s %9s %9s  %s\n", "raw", "stored", "own", "shared",
		       "ref");
	for (size_t i = 0; i < usage->refs.count; i++) {
		const char *name = usage->refs.items[i].name;

		if (!is_asked(name, count, words))
			continue;
		if (json)
			print_json(name, &usage->items[i]);
		else
			print_row(name, &usage->items[i]);
	}
	print_totals(usage);
}

static int print_pairs(const struct vv_sharing *s, int count, char **words)
{
	const struct vv_ref_list *refs = &s->usage.refs;
	bool *asked = calloc(refs->count + 1, sizeof *asked);
	int err = asked ? VV_OK : VV_ENOMEM;

	for (size_t i = 0; !err && i < refs->count; i++)
		asked[i] = is_asked(refs->items[i].name, count, words);
	if (!err)
		err = vv_print_matrix(s, asked, json);
	free(asked);
	return err;
}

static int show(struct vv_store *store, int count, char **words)
{
	struct vv_sharing s = { 0 };
	int err = matrix ? vv_sharing_get(store, &s) : vv_usage_get(store, &s.usage);
	int status;

	if (err)
		return vv_say_failed(err, "cannot tell what the refs need");
	status = check_words(&s.usage, count, words);
	if (!status && matrix)
		err = print_pairs(&s, count, words);
	else if (!status)
		print_list(&s.usage, count, words);
	if (err)
		status = vv_say_failed(err, "cannot tell what the refs share");
	if (!status)
		status = tell_damage(&s.usage, count, words);
	vv_sharing_fini(&s);
	return status;
}

static int run(int count, char **words)
{
	struct vv_store *store;
	int status = 0;

	for (int i = 0; i < count && !status; i++)
		status = vv_check_ref(words[i]);
	if (!status)
		status = vv_open_store(&store, store_path);
	if (status)
		return status;
	status = show(store, count, words);
	vv_store_close(store);
	return status;
}

static const struct vv_option options[] = {
	VV_OPTION_STORE(&store_path),
	{ "matrix", 'm', VV_OPTION_FLAG, &matrix, "",
	  "print what each two refs share, families together" },
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
