#include "cli/verbs.h"

#include "core/err.h"
#include "host/fuse/mount.h"

static bool lazy;

static int run(int count, char **words)
{
	int err;

	(void)count;
	err = vv_fuse_unmount(words[0], lazy);
	return err ? vv_say_failed(err, "cannot unmount '%s'", words[0]) : VV_EXIT_OK;
}

static const struct vv_option options[] = {
	{ "lazy", 'l', VV_OPTION_FLAG, &lazy, "",
	  "take it away now, let those who use it finish" },
	{ 0 },
};

const struct vv_verb vv_verb_unmount = {
	.name = "unmount",
	.args = "MOUNTPOINT",
	.summary = "unmount; if it is in use, say by whom",
	.options = options,
	.args_min = 1,
	.args_max = 1,
	.run = run,
};
