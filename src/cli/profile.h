/*
 * profile.h - the parts of `varve profile` that are not in cmd_profile.c.
 *
 * Threads: the main thread.
 */
#ifndef VV_CLI_PROFILE_H
#define VV_CLI_PROFILE_H

#include "cli/cli.h"

struct vv_profile_job {
	const char *store; /* NULL: $VARVE_STORE */
	char **refs;	   /* to be recorded */
	size_t ref_count;
	const struct vv_texts *with; /* refs that are shown as well */
	char **command;		     /* NULL-ended */
	bool add;		     /* to the runs that are there */
};

/* Run the command on a private mount and keep what it used.  An exit status, after a message. */
int vv_profile_record(const struct vv_profile_job *what);

#endif
