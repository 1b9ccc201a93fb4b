/*
 * main.c - `varve VERB ...`, and `mount.varve STORE MNT -o OPTIONS` for mount(8) and /etc/fstab.
 */
#include "cli/cli.h"
#include "cli/verbs.h"

#include "os/console.h"

#include <stdio.h>
#include <string.h>

const struct vv_verb *const vv_verbs[] = {
	&vv_verb_init,
	&vv_verb_pack,
	&vv_verb_ls,
	&vv_verb_cat,
	&vv_verb_extract,
	&vv_verb_diff,
	&vv_verb_df,
	&vv_verb_report,
	&vv_verb_tag,
	&vv_verb_rm,
	&vv_verb_verify,
	&vv_verb_gc,
	&vv_verb_optimize,
	&vv_verb_mount,
	&vv_verb_unmount,
	&vv_verb_stats,
	&vv_verb_profile,
	&vv_verb_help,
	NULL,
};

const struct vv_verb *vv_verb_find(const char *name)
{
	for (const struct vv_verb *const *v = vv_verbs; *v; v++)
		if (strcmp((*v)->name, name) == 0)
			return *v;
	return NULL;
}

/* What is left in stdout's buffer may fail to be written: a full disk is a failure, not a shorter listing. */
static int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (status == VV_EXIT_OK)
		vv_say("cannot write to the standard output");
	return status ? status : VV_EXIT_FAILED;
}

static int run_verb(const struct vv_verb *verb, int argc, char **argv)
{
	int count = 0, status;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			break;
		if (strcmp(argv[i], "--help") == 0) {
			vv_help_verb(verb);
			return VV_EXIT_OK;
		}
	}
	status = vv_options_parse(verb, argc, argv, &count);
	return status ? status : verb->run(count, argv);
}

int main(int argc, char **argv)
{
	const struct vv_verb *verb;
	const char *slash;

	vv_console_start(&argc, &argv);
	vv_say_start();
	slash = strrchr(argv[0] ? argv[0] : "varve", '/');
	if (slash && strcmp(slash + 1, "mount.varve") == 0)
		return finish(vv_mount_helper(argc - 1, argv + 1));
	if (argc < 2) {
		vv_help_all();
		return finish(VV_EXIT_USAGE);
	}
	if (strcmp(argv[1], "--version") == 0) {
		vv_print_version();
		return finish(VV_EXIT_OK);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		vv_help_all();
		return finish(VV_EXIT_OK);
	}
	verb = vv_verb_find(argv[1]);
	if (!verb)
		return vv_say_usage("there is no verb '%s'", argv[1]);
	return finish(run_verb(verb, argc - 2, argv + 2));
}
