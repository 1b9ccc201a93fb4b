#include "cli/verbs.h"

#include "core/err.h"
#include "store/gc.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *store_path;
static bool dry_run, json, verbose;
static int64_t grace_ns = INT64_C(3600) * 1000000000;

static const char *verdict_text(enum vv_gc_verdict verdict)
{
	switch (verdict) {
	case VV_GC_CONDEMN: return "condemn";
	case VV_GC_WAIT: return "wait";
	case VV_GC_DELETE: return "delete";
	case VV_GC_PARDON: return "pardon";
	case VV_GC_KEEP: return "keep";
	}
	return "?";
}

static void report(void *ctx, const struct vv_gc_item *item)
{
	char size[32];

	(void)ctx;
	if (json) {
		printf("{\"verdict\": \"%s\", \"kind\": \"%s\", \"key\": ",
		       verdict_text(item->verdict), item->kind);
		vv_print_json_text(item->key, strlen(item->key));
		printf(", \"bytes\": %" PRIu64 ", \"why\": ", item->bytes);
		vv_print_json_text(item->why, strlen(item->why));
		puts("}");
	} else {
		printf("%-8s %-6s %s (%s): %s\n", verdict_text(item->verdict),
		       item->kind, item->key, vv_human_bytes(size, item->bytes),
		       item->why);
	}
}

static void summary(const struct vv_gc_stats *s)
{
	char live[32], gone[32];

	if (json)
		printf("{\"live_objects\": %" PRIu64 ", \"live_bytes\": %" PRIu64
		       ", \"condemned\": %" PRIu64 ", \"waiting\": %" PRIu64
		       ", \"pardoned\": %" PRIu64 ", \"deleted\": %" PRIu64
		       ", \"deleted_bytes\": %" PRIu64 ", \"dry_run\": %s}\n",
		       s->live_objects, s->live_bytes, s->condemned, s->waiting,
		       s->pardoned, s->deleted, s->deleted_bytes,
		       dry_run ? "true" : "false");
	else
		printf("%s%" PRIu64 " condemned, %" PRIu64 " waiting, %" PRIu64
		       " pardoned, %" PRIu64 " deleted (%s); %" PRIu64 " in use (%s)\n",
		       dry_run ? "would be: " : "", s->condemned, s->waiting,
		       s->pardoned, s->deleted, vv_human_bytes(gone, s->deleted_bytes),
		       s->live_objects, vv_human_bytes(live, s->live_bytes));
}

static int run(int count, char **words)
{
	struct vv_gc_options opts = {
		.dry_run = dry_run,
		.grace_ns = grace_ns,
		.report = dry_run || verbose || json ? report : NULL,
	};
	struct vv_gc_stats stats;
	struct vv_store *store;
	int status, err;

	(void)count;
	(void)words;
	status = vv_open_store(&store, store_path);
	if (status)
		return status;
	err = vv_gc(store, &opts, &stats);
	vv_store_close(store);
	if (err)
		return vv_say_failed(err, "gc stopped; nothing in use was removed");
	summary(&stats);
	return VV_EXIT_OK;
}

static const struct vv_option options[] = {
	VV_OPTION_STORE(&store_path),
	{ "dry-run", 'n', VV_OPTION_FLAG, &dry_run, "",
	  "change nothing; print what would go, and why" },
	{ "grace", 0, VV_OPTION_TIME, &grace_ns, "TIME",
	  "how long a condemned object stays (default 1h)" },
	{ "verbose", 'v', VV_OPTION_FLAG, &verbose, "",
	  "print each object as it is dealt with" },
	{ "json", 0, VV_OPTION_FLAG, &json, "", "print JSON, a line each" },
	{ 0 },
};

const struct vv_verb vv_verb_gc = {
	.name = "gc",
	.args = "",
	.summary = "remove what no ref, publisher or mount needs",
	.text = "The first run condemns what it cannot reach; a run at least TIME later looks again and deletes\n"
		"what is still unreachable.  With --grace 0 one run does both: packs that run now and mounts\n"
		"that could announce themselves (a lease) are safe even then; mounts of a store that they\n"
		"cannot write to are promised TIME.",
	.options = options,
	.run = run,
};
