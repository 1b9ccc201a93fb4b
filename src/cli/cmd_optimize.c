#include "cli/verbs.h"

#include "core/err.h"
#include "os/console.h"
#include "os/system.h"
#include "store/optimize.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>

static const char *store_path;
static unsigned level, jobs;
static bool dry_run, json, quiet;

static int show(void *ctx, const struct vv_optimize_stats *s, uint64_t done,
		uint64_t total)
{
	char detail[96], stored[32];

	snprintf(detail, sizeof detail, "%u new packs, %s", s->packs_new,
		 vv_human_bytes(stored, s->new_bytes));
	vv_progress_show(ctx, done, total, detail);
	return vv_console_stopped() ? VV_ECANCELED : 0;
}

static void print_json(const struct vv_optimize_stats *s, double seconds)
{
	printf("{\"packs\": %u, \"old_packs\": %u, \"old_bytes\": %" PRIu64
	       ", \"garbage_bytes\": %" PRIu64 ", \"blobs\": %" PRIu64
	       ", \"bytes\": %" PRIu64 ", \"new_packs\": %u, \"new_bytes\": %" PRIu64
	       ", \"condemned\": %s, \"dry_run\": %s, \"seconds\": %.3f}\n",
	       s->packs, s->packs_old, s->old_bytes, s->garbage_bytes, s->blobs,
	       s->bytes, s->packs_new, s->new_bytes, s->is_condemned ? "true" : "false",
	       dry_run ? "true" : "false", seconds);
}

static void print_text(const struct vv_optimize_stats *s, double seconds)
{
	char old[32], fresh[32], garbage[32], plain[32], time[32];

	if (!s->packs_old) {
		printf("%u packs; none is worth being written anew\n", s->packs);
		return;
	}
	printf("%u of %u packs%s (%s, of which %s garbage; %" PRIu64
	       " files, %s plain)",
	       s->packs_old, s->packs, dry_run ? " would be written anew" : "",
	       vv_human_bytes(old, s->old_bytes),
	       vv_human_bytes(garbage, s->garbage_bytes), s->blobs,
	       vv_human_bytes(plain, s->bytes));
	if (dry_run)
		puts("");
	else
		printf(" are %u now (%s) in %s; the next `varve gc` frees the old ones\n",
		       s->packs_new, vv_human_bytes(fresh, s->new_bytes),
		       vv_human_seconds(time, seconds));
}

static int run(int count, char **words)
{
	struct vv_progress progress;
	struct vv_optimize_options opts = {
		.level = (int)level,
		.jobs = jobs,
		.dry_run = dry_run,
		.progress = show,
		.ctx = &progress,
	};
	struct vv_optimize_stats stats;
	struct vv_store *store;
	uint64_t start = vv_clock_ns();
	double seconds;
	int status, err;

	(void)count;
	(void)words;
	if (level > 19)
		return vv_say_usage("optimize: --level goes from 1 to 19");
	status = vv_open_store(&store, store_path);
	if (status)
		return status;
	vv_console_catch_stop();
	vv_progress_start(&progress, "optimize");
	err = vv_optimize(store, &opts, &stats);
	vv_progress_end(&progress);
	vv_store_close(store);
	if (err == VV_ECANCELED) {
		vv_say("interrupted; nothing is lost, and the next run goes on from here");
		return VV_EXIT_FAILED;
	}
	if (err)
		return vv_say_failed(err, "cannot optimize");
	seconds = (double)(vv_clock_ns() - start) / 1e9;
	if (json)
		print_json(&stats, seconds);
	else if (!quiet)
		print_text(&stats, seconds);
	return VV_EXIT_OK;
}

static const struct vv_option options[] = {
	VV_OPTION_STORE(&store_path),
	{ "level", 'l', VV_OPTION_NUMBER, &level, "N",
	  "also what was not written anew at zstd level N, 1 to 19, yet" },
	{ "jobs", 'j', VV_OPTION_NUMBER, &jobs, "N",
	  "compress in N threads (default: processors)" },
	{ "dry-run", 'n', VV_OPTION_FLAG, &dry_run, "",
	  "change nothing; tell what would be written anew" },
	{ "json", 0, VV_OPTION_FLAG, &json, "", "print a summary for scripts" },
	{ "quiet", 'q', VV_OPTION_FLAG, &quiet, "", "print no summary" },
	{ 0 },
};

const struct vv_verb vv_verb_optimize = {
	.name = "optimize",
	.args = "",
	.summary = "write packs anew that carry garbage, are small or could be smaller",
	.text = "Others may read, publish and remove meanwhile; trees and refs stay as they are.  Until a gc\n"
		"deletes the old packs, there must be room for both.  Interrupted, it goes on at the next run.",
	.options = options,
	.run = run,
};
