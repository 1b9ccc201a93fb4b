/*
 * verbs.h - the verbs that main.c lists; each is defined in cmd_<verb>.c.
 */
#ifndef VV_CLI_VERBS_H
#define VV_CLI_VERBS_H

#include "cli/cli.h"

extern const struct vv_verb vv_verb_init, vv_verb_pack, vv_verb_ls, vv_verb_cat,
	vv_verb_extract, vv_verb_diff, vv_verb_df, vv_verb_report, vv_verb_tag,
	vv_verb_rm, vv_verb_verify, vv_verb_gc, vv_verb_optimize, vv_verb_mount,
	vv_verb_unmount, vv_verb_stats, vv_verb_profile, vv_verb_help;

int vv_mount_helper(
	int argc,
	char **argv); /* argv without the program: STORE MNT [-o OPTIONS] ... */
void vv_print_version(void);

#endif
