#include "cli/pieces.h"
#include "cli/verbs.h"

#include "core/err.h"
#include "store/diff.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>

static const char *store_path;
static bool json;

static int tell(void *ctx, const struct vv_difference *d)
{
	(void)ctx;
	vv_print_difference(d, json);
	return ferror(stdout) ? VV_EPIPE : VV_OK;
}

static void summary(const struct vv_diff_stats *s)
{
	char added[32], removed[32], modified[32];

	if (json)
		printf("{\"added\": %" PRIu64 ", \"removed\": %" PRIu64
		       ", \"modified\": %" PRIu64 ", \"added_bytes\": %" PRIu64
		       ", \"removed_bytes\": %" PRIu64 ", \"modified_bytes\": %" PRIu64
		       "}\n",
		       s->added, s->removed, s->modified, s->bytes_added,
		       s->bytes_removed, s->bytes_modified);
	else
		printf("%" PRIu64 " added (%s), %" PRIu64 " removed (%s), %" PRIu64
		       " modified (%s)\n",
		       s->added, vv_human_bytes(added, s->bytes_added), s->removed,
		       vv_human_bytes(removed, s->bytes_removed), s->modified,
		       vv_human_bytes(modified, s->bytes_modified));
}

static int diff(struct vv_store *store, char **words)
{
	struct vv_found old, new = { 0 };
	struct vv_diff_stats stats;
	int status = vv_find(&old, store, words[0], "");
	int err;

	if (!status)
		status = vv_find(&new, store, words[1], "");
	if (!status) {
		err = vv_diff(old.tree, new.tree, tell, NULL, &stats);
		if (err)
			status = vv_say_failed(err, "cannot compare '%s' and '%s'",
					       words[0], words[1]);
		else
			summary(&stats);
	}
	vv_found_drop(&new);
	vv_found_drop(&old);
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
	status = diff(store, words);
	vv_store_close(store);
	return status;
}

static const struct vv_option options[] = {
	VV_OPTION_STORE(&store_path),
	{ "json", 0, VV_OPTION_FLAG, &json, "", "print JSON, a line each" },
	{ 0 },
};

const struct vv_verb vv_verb_diff = {
	.name = "diff",
	.args = "REF REF",
	.summary = "tell what was added, removed and modified between two refs",
	.text = "Lines are `+ PATH`, `- PATH` and `M PATH (WHAT)`; WHAT is some of type, content, target,\n"
		"device, mode, owner, mtime, xattrs, windows and links (which names are one file).  The last\n"
		"line counts entries, and bytes of files.  The exit status is 0 also when the refs differ:\n"
		"1 means that they could not be compared.",
	.options = options,
	.args_min = 2,
	.args_max = 2,
	.run = run,
};
