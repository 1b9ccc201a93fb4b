#include "cli/verbs.h"

#include "codec/zstd.h"
#include "core/err.h"
#include "input/input.h"
#include "os/console.h"
#include "os/system.h"
#include "store/profiles.h"
#include "store/publish.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *store_path, *prefix, *profile;
static struct vv_texts exclude;
static unsigned level = VV_COMPRESS_LEVEL_DEFAULT, jobs, strip;
static bool json, quiet, keep_times, keep_security;

static int show(void *ctx, const struct vv_publish_stats *s, uint64_t done,
		uint64_t total)
{
	char detail[96], stored[32];

	snprintf(detail, sizeof detail, "%" PRIu64 " files, %s new", s->files,
		 vv_human_bytes(stored, s->bytes_stored));
	vv_progress_show(ctx, done, total, detail);
	return vv_console_stopped() ? VV_ECANCELED : 0;
}

static void print_json(const char *ref, const struct vv_id *tree,
		       const struct vv_publish_stats *s, double seconds)
{
	char hex[VV_ID_HEX_BYTES];

	printf("{\"ref\": ");
	vv_print_json_text(ref, strlen(ref));
	printf(", \"tree\": \"%s\", \"entries\": %" PRIu64 ", \"files\": %" PRIu64
	       ", \"bytes\": %" PRIu64 ", \"new_bytes\": %" PRIu64
	       ", \"stored_bytes\": %" PRIu64 ", \"tree_bytes\": %" PRIu64
	       ", \"new_frames\": %" PRIu64 ", \"reused_frames\": %" PRIu64
	       ", \"new_blobs\": %" PRIu64 ", \"reused_blobs\": %" PRIu64
	       ", \"packs\": %u, \"seconds\": %.3f}\n",
	       vv_id_to_hex(tree, hex), s->entries, s->files, s->bytes_in, s->bytes_new,
	       s->bytes_stored, s->tree_bytes, s->frames_new, s->frames_reused,
	       s->blobs_new, s->blobs_reused, s->packs_new, seconds);
}

static void print_text(const char *ref, const struct vv_publish_stats *s,
		       double seconds)
{
	char in[32], fresh[32], stored[32], time[32];

	printf("%s: %" PRIu64
	       " files, %s; %s new, stored in %s (%.1f %% of the input) in %s\n",
	       ref, s->files, vv_human_bytes(in, s->bytes_in),
	       vv_human_bytes(fresh, s->bytes_new),
	       vv_human_bytes(stored, s->bytes_stored),
	       s->bytes_in ? 100.0 * (double)s->bytes_stored / (double)s->bytes_in
			   : 0.0,
	       vv_human_seconds(time, seconds));
}

/* A path begins with a slash or a dot, as layers of a mount do; all else is a ref. */
static int load_profile(struct vv_store *store, const char *from,
			struct vv_profile *out)
{
	int err;

	if (from[0] == '/' || from[0] == '.')
		err = vv_profiles_read_file(from, out);
	else if (vv_check_ref(from))
		return VV_EXIT_USAGE;
	else
		err = vv_profiles_get(store, from, out);
	if (err == VV_ENOENT)
		vv_say("there is no profile '%s'; `varve profile ls` lists those of refs, and a file begins with / or ./",
		       from);
	else if (err)
		return vv_say_failed(err, "cannot use the profile '%s'", from);
	return err ? VV_EXIT_FAILED : 0;
}

static int pack(struct vv_store *store, const char *ref, struct vv_input *input,
		const struct vv_profile *hot)
{
	struct vv_progress progress;
	struct vv_publish_stats stats = { 0 };
	struct vv_publish_options opts = {
		.level = (int)level,
		.jobs = jobs,
		.profile = hot,
		.progress = show,
		.ctx = &progress,
	};
	struct vv_id tree;
	uint64_t start = vv_clock_ns();
	double seconds;
	int err;

	vv_console_catch_stop();
	vv_progress_start(&progress, "pack");
	err = vv_publish(store, ref, input, &opts, &stats, &tree);
	vv_progress_end(&progress);
	if (err == VV_ECANCELED) {
		vv_say("interrupted; the store is as it was");
		return VV_EXIT_FAILED;
	}
	if (err)
		return vv_say_failed(err, "cannot pack '%s'", ref);
	seconds = (double)(vv_clock_ns() - start) / 1e9;
	if (json)
		print_json(ref, &tree, &stats, seconds);
	else if (!quiet)
		print_text(ref, &stats, seconds);
	return VV_EXIT_OK;
}

static int run(int count, char **words)
{
	struct vv_input_options opts = {
		.exclude = exclude.items,
		.exclude_count = exclude.count,
		.strip_components = strip,
		.prefix = prefix,
		.keeps_times = keep_times,
		.keeps_security = keep_security,
		.counts_first = vv_console_is_watched(),
	};
	struct vv_store *store = NULL;
	struct vv_input *input = NULL;
	struct vv_profile hot;
	int status, err;

	(void)count;
	vv_profile_init(&hot);
	if (level < 1 || level > 19)
		return vv_say_usage("pack: --level goes from 1 to 19");
	status = vv_check_ref(words[0]);
	if (!status)
		status = vv_open_store(&store, store_path);
	if (status)
		return status;
	if (profile)
		status = load_profile(store, profile, &hot);
	err = status ? VV_OK : vv_input_open(&input, words[1], &opts);
	if (err)
		status = vv_say_failed(err, "cannot read '%s'", words[1]);
	else if (!status)
		status = pack(store, words[0], input, profile ? &hot : NULL);
	vv_profile_fini(&hot);
	vv_input_free(input);
	vv_store_close(store);
	return status;
}

static const struct vv_option options[] = {
	VV_OPTION_STORE(&store_path),
	{ "exclude", 'x', VV_OPTION_TEXTS, &exclude, "PATTERN",
	  "leave out what matches (may be given again)" },
	{ "strip-components", 0, VV_OPTION_NUMBER, &strip, "N",
	  "drop the first N parts of each path" },
	{ "prefix", 0, VV_OPTION_TEXT, &prefix, "DIR",
	  "put everything below DIR in the tree" },
	{ "level", 'l', VV_OPTION_NUMBER, &level, "N",
	  "zstd level, 1 to 19 (default 14)" },
	{ "jobs", 'j', VV_OPTION_NUMBER, &jobs, "N",
	  "compress in N threads (default: processors)" },
	{ "profile", 0, VV_OPTION_TEXT, &profile, "FILE|REF",
	  "lay what this profile names together, in its order" },
	{ "keep-times", 0, VV_OPTION_FLAG, &keep_times, "",
	  "on Windows: keep times of creation, access and change too" },
	{ "keep-security", 0, VV_OPTION_FLAG, &keep_security, "",
	  "on Windows: keep owners and access lists" },
	{ "json", 0, VV_OPTION_FLAG, &json, "", "print a summary for scripts" },
	{ "quiet", 'q', VV_OPTION_FLAG, &quiet, "", "print no summary" },
	{ 0 },
};

const struct vv_verb vv_verb_pack = {
	.name = "pack",
	.args = "REF PATH",
	.summary = "store a directory or an archive under a name",
	.text = "PATH is a directory, or a tar (gz, bz2, xz, zst), zip, 7z or deb, which is read without\n"
		"unpacking it.  Only content that the store does not have is stored.  If REF exists it moves\n"
		"to the new tree once that is complete; mounts follow within a second.",
	.options = options,
	.args_min = 2,
	.args_max = 2,
	.run = run,
};
