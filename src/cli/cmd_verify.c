#include "cli/pieces.h"
#include "cli/verbs.h"

#include "core/err.h"
#include "core/log.h"
#include "os/console.h"
#include "os/file.h"
#include "os/thread.h"
#include "store/against.h"
#include "store/store.h"
#include "store/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *store_path, *against;
static unsigned jobs;
static bool json, quiet, condemn;

/* Problems come from many threads, the progress line from ours. */
static struct vv_mutex screen;
static struct vv_progress progress; /* protected by screen */

static int show(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	vv_mutex_lock(&screen);
	vv_progress_show(&progress, done, total, NULL);
	vv_mutex_unlock(&screen);
	return vv_console_stopped() ? VV_ECANCELED : 0;
}

/* ---- problems of the store ---- */

static void print_json_member(const char *key, const char *text)
{
	if (!text)
		return;
	printf(", \"%s\": ", key);
	vv_print_json_text(text, strlen(text));
}

static void print_problem(const struct vv_problem *p)
{
	if (json) {
		printf("{\"problem\": \"%s\"", p->kind);
		print_json_member("object", p->object);
		print_json_member("pack", p->pack);
		print_json_member("why", p->why);
		print_json_member("hurts", p->hurts);
		printf(", \"more\": %" PRIu64 "}\n", p->more);
		return;
	}
	printf("%s %s%s%s: %s", p->kind, p->object, p->pack ? " in pack " : "",
	       p->pack ? p->pack : "", p->why);
	if (p->hurts)
		printf("; hurts %s", p->hurts);
	if (p->more)
		printf(" and %" PRIu64 " more", p->more);
	putchar('\n');
}

static void report(void *ctx, const struct vv_problem *p)
{
	(void)ctx;
	vv_mutex_lock(&screen);
	vv_progress_end(&progress); /* not into the same line */
	print_problem(p);
	vv_mutex_unlock(&screen);
}

static void print_stats(const struct vv_verify_stats *s)
{
	char bytes[32];

	if (json)
		printf("{\"refs\": %" PRIu64 ", \"trees\": %" PRIu64
		       ", \"packs\": %" PRIu64 ", \"frames\": %" PRIu64
		       ", \"blobs\": %" PRIu64 ", \"bytes\": %" PRIu64
		       ", \"problems\": %" PRIu64 ", \"condemned\": %" PRIu64 "}\n",
		       s->refs, s->trees, s->packs, s->frames, s->blobs, s->bytes,
		       s->problems, s->condemned);
	else if (!s->problems && !quiet)
		printf("%" PRIu64 " refs, %" PRIu64 " trees, %" PRIu64
		       " packs, %" PRIu64 " blobs: all good (%s hashed)\n",
		       s->refs, s->trees, s->packs, s->blobs,
		       vv_human_bytes(bytes, s->bytes));
}

static int canceled_or_failed(int err, const char *what)
{
	if (err == VV_ECANCELED) {
		vv_say("interrupted; nothing is known about the rest");
		return VV_EXIT_FAILED;
	}
	return vv_say_failed(err, "cannot verify %s", what);
}

static void tell_remedy(const struct vv_verify_stats *s)
{
	if (s->condemned)
		vv_say("%" PRIu64 " problems; %" PRIu64
		       " packs are condemned: pack again the refs that are hurt, then run `varve gc`",
		       s->problems, s->condemned);
	else
		vv_say("%" PRIu64
		       " problems; bring the objects back from a copy of the store, or run `varve verify --condemn` and pack again the refs that are hurt",
		       s->problems);
}

/*
 * The library logs some of what it meets when it meets it; here everything is said once,
 * by report().
 */
static int check(struct vv_store *store, const char *ref)
{
	struct vv_verify_options opts = {
		.jobs = jobs,
		.condemn = condemn,
		.report = report,
		.progress = show,
	};
	struct vv_verify_stats stats;
	int err;

	vv_progress_start(&progress, "verify");
	vv_log_set_sink(NULL, NULL);
	err = ref ? vv_verify_ref(store, ref, &opts, &stats)
		  : vv_verify_store(store, &opts, &stats);
	vv_say_start();
	vv_progress_end(&progress);
	if (err == VV_ENOENT && ref) {
		vv_say("there is no ref '%s'; `varve ls` lists them", ref);
		return VV_EXIT_FAILED;
	}
	if (err)
		return canceled_or_failed(err, ref ? ref : "the store");
	print_stats(&stats);
	if (!stats.problems)
		return VV_EXIT_OK;
	tell_remedy(&stats);
	return VV_EXIT_FAILED;
}

/* ---- against a directory ---- */

static int tell(void *ctx, const struct vv_difference *d)
{
	(void)ctx;
	vv_mutex_lock(&screen);
	vv_progress_end(&progress);
	vv_print_difference(d, json);
	vv_mutex_unlock(&screen);
	return ferror(stdout) ? VV_EPIPE : VV_OK;
}

static int compare(struct vv_store *store, const char *ref)
{
	struct vv_against_options opts = {
		.jobs = jobs,
		.tell = tell,
		.progress = show,
	};
	struct vv_against_stats s = { 0 };
	struct vv_found found;
	char bytes[32];
	int err, status = vv_find(&found, store, ref, "");

	if (status)
		return status;
	vv_progress_start(&progress, "compare");
	err = vv_against(found.tree, against, &opts, &s);
	vv_progress_end(&progress);
	vv_found_drop(&found);
	if (err)
		return canceled_or_failed(err, against);
	if (json)
		printf("{\"entries\": %" PRIu64 ", \"bytes\": %" PRIu64
		       ", \"added\": %" PRIu64 ", \"removed\": %" PRIu64
		       ", \"modified\": %" PRIu64 "}\n",
		       s.entries, s.bytes, s.added, s.removed, s.modified);
	if (s.added || s.removed || s.modified) {
		vv_say("'%s' and '%s' differ: %" PRIu64
		       " only in the directory, %" PRIu64 " only in the ref, %" PRIu64
		       " modified",
		       ref, against, s.added, s.removed, s.modified);
		return VV_EXIT_FAILED;
	}
	if (!json && !quiet)
		printf("%" PRIu64 " entries, %s: as in '%s'\n", s.entries,
		       vv_human_bytes(bytes, s.bytes), against);
	return VV_EXIT_OK;
}

/* Before anything is said: the store may be large. */
static int check_directory(void)
{
	struct vv_file_info info;
	int err = vv_file_stat(against, &info);

	if (!err && !info.is_dir)
		err = VV_ENOTDIR;
	return err ? vv_say_failed(err, "cannot compare with '%s'", against) : 0;
}

static int run(int count, char **words)
{
	const char *ref = count ? words[0] : NULL;
	struct vv_store *store;
	int status = 0;

	if (against && !ref)
		return vv_say_usage("verify: --against compares one ref: give it");
	if (condemn && ref)
		return vv_say_usage(
			"verify: --condemn is for the whole store: give no ref");
	if (ref)
		status = vv_check_ref(ref);
	if (!status && against)
		status = check_directory();
	if (!status)
		status = vv_open_store(&store, store_path);
	if (status)
		return status;
	vv_mutex_init(&screen);
	vv_console_catch_stop();
	status = check(store, ref);
	if (!status && against)
		status = compare(store, ref);
	vv_mutex_fini(&screen);
	vv_store_close(store);
	return status;
}

static const struct vv_option options[] = {
	VV_OPTION_STORE(&store_path),
	{ "against", 0, VV_OPTION_TEXT, &against, "DIR",
	  "compare the ref with a directory" },
	{ "condemn", 0, VV_OPTION_FLAG, &condemn, "",
	  "let damaged packs be stored anew and removed" },
	{ "jobs", 'j', VV_OPTION_NUMBER, &jobs, "N",
	  "work in N threads (default: processors)" },
	{ "json", 0, VV_OPTION_FLAG, &json, "", "print JSON, a line each" },
	{ "quiet", 'q', VV_OPTION_FLAG, &quiet, "", "print problems only" },
	{ 0 },
};

const struct vv_verb vv_verb_verify = {
	.name = "verify",
	.args = "[REF]",
	.summary = "check every stored byte, or what one ref needs",
	.text = "Reads everything and hashes it to its ids.  Each problem is one line that names the object and,\n"
		"if there is one, a file that it hurts.  With --against, the names, types, modes, owners, sizes,\n"
		"times, links, targets, devices, xattrs and bytes of the ref are compared with those in DIR, and\n"
		"differences printed as `varve diff` does: `+` is only in DIR, `-` only in REF.  Exit status 1 if\n"
		"anything is wrong or differs.\n"
		"With --condemn, packs that are damaged are no longer used by `varve pack`: packing the same input\n"
		"again stores anew what they hold, and `varve gc` removes them once no ref needs them.",
	.options = options,
	.args_max = 1,
	.run = run,
};
