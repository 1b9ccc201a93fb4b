#include "cli/pieces.h"
#include "cli/verbs.h"

#include "core/err.h"
#include "os/console.h"
#include "os/system.h"
#include "os/thread.h"
#include "store/extract.h"
#include "store/reading.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *store_path;
static unsigned jobs;
static bool quiet;

enum {
	BUDGET = 64 << 20,
	BUDGET_OF_JOB =
		4 << 20, /* what one read of 1 MiB pins, four times: the floor is a
				    fourth */
};

static int show(void *ctx, const struct vv_extract_stats *s, uint64_t total)
{
	char detail[64];

	snprintf(detail, sizeof detail, "%" PRIu64 " files", s->files);
	vv_progress_show(ctx, s->bytes, total, detail);
	return vv_console_stopped() ? VV_ECANCELED : 0;
}

static void summary(const struct vv_extract_stats *s, double seconds)
{
	char bytes[32], time[32];

	printf("%" PRIu64 " files, %s in %s", s->files, vv_human_bytes(bytes, s->bytes),
	       vv_human_seconds(time, seconds));
	if (s->skipped)
		printf("; %" PRIu64 " things left out, see above", s->skipped);
	putchar('\n');
}

static int write_out(const struct vv_found *found, struct vv_reader *reader,
		     const char *name, const char *dir)
{
	struct vv_progress progress;
	struct vv_extract_stats stats;
	struct vv_extract_options opts = {
		.jobs = jobs,
		.owners = vv_process_may_chown(),
		.progress = show,
		.ctx = &progress,
	};
	uint64_t start = vv_clock_ns();
	int err;

	vv_console_catch_stop();
	vv_progress_start(&progress, "extract");
	err = vv_extract(found->tree, found->entry.index, name, reader, dir, &opts,
			 &stats);
	vv_progress_end(&progress);
	if (err == VV_ECANCELED) {
		vv_say("interrupted; what was extracted until then is left in '%s', incomplete",
		       dir);
		return VV_EXIT_FAILED;
	}
	if (err)
		return vv_say_failed(err, "cannot extract to '%s'", dir);
	if (!quiet)
		summary(&stats, (double)(vv_clock_ns() - start) / 1e9);
	return VV_EXIT_OK;
}

static int extract(struct vv_store *store, const char *ref, const char *path,
		   const char *dir)
{
	const char *slash = strrchr(path, '/');
	size_t threads = jobs ? jobs : vv_cpu_count();
	struct vv_reading reading = { 0 };
	struct vv_found found;
	int status = vv_find(&found, store, ref, path);
	int err;

	if (status)
		return status;
	err = vv_reading_open(&reading, store, BUDGET + threads * BUDGET_OF_JOB);
	if (err)
		status = vv_say_failed(err, "cannot read the store");
	else
		status = write_out(&found, reading.reader, slash ? slash + 1 : path,
				   dir);
	vv_reading_close(&reading);
	vv_found_drop(&found);
	return status;
}

static int run(int count, char **words)
{
	const char *ref, *path;
	struct vv_store *store;
	int status = vv_split_ref_path(words[0], &ref, &path);

	(void)count;
	if (!status)
		status = vv_open_store(&store, store_path);
	if (status)
		return status;
	status = extract(store, ref, path, words[1]);
	vv_store_close(store);
	return status;
}

static const struct vv_option options[] = {
	VV_OPTION_STORE(&store_path),
	{ "jobs", 'j', VV_OPTION_NUMBER, &jobs, "N",
	  "write in N threads (default: processors)" },
	{ "quiet", 'q', VV_OPTION_FLAG, &quiet, "", "print no summary" },
	{ 0 },
};

const struct vv_verb vv_verb_extract = {
	.name = "extract",
	.args = "REF[:PATH] DIR",
	.summary = "write a ref, or a part of it, to an empty directory",
	.text = "DIR is made if it does not exist.  Nothing is overwritten and no symlink is followed.\n"
		"Bytes, names, modes, times, xattrs, hard links and holes are as they were packed, and\n"
		"owners too if root does it.  Devices and xattrs that need more rights are left out with\n"
		"a warning.  If PATH is a file it is put into DIR.",
	.options = options,
	.args_min = 2,
	.args_max = 2,
	.run = run,
};
