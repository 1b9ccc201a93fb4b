/* The verbs that need a host, in a build that has none. */
#include "cli/profile.h"
#include "cli/verbs.h"

static int run(int count, char **words)
{
	(void)count;
	(void)words;
	vv_say("this build for Windows has no file system to mount with yet; `varve extract` writes a ref to a directory");
	return VV_EXIT_FAILED;
}

int vv_profile_record(const struct vv_profile_job *what)
{
	(void)what;
	return run(0, NULL);
}

int vv_mount_helper(int argc, char **argv)
{
	return run(argc, argv);
}

static const struct vv_option options[] = { { 0 } };

const struct vv_verb vv_verb_mount = {
	.name = "mount",
	.args = "MOUNTPOINT",
	.summary = "not in this build",
	.options = options,
	.args_min = 0,
	.args_max = -1,
	.run = run,
};

const struct vv_verb vv_verb_unmount = {
	.name = "unmount",
	.args = "MOUNTPOINT",
	.summary = "not in this build",
	.options = options,
	.args_min = 0,
	.args_max = -1,
	.run = run,
};

const struct vv_verb vv_verb_stats = {
	.name = "stats",
	.args = "MOUNTPOINT",
	.summary = "not in this build",
	.options = options,
	.args_min = 0,
	.args_max = -1,
	.run = run,
};
