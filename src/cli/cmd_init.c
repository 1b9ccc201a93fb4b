#include "cli/verbs.h"

#include "core/err.h"
#include "os/file.h"
#include "source/dir.h"
#include "source/source.h"
#include "store/store.h"

#include <stdio.h>

static int run(int count, char **words)
{
	struct vv_source *src = NULL;
	int err;

	(void)count;
	err = vv_dir_make(words[0]);
	if (err && err != VV_EEXIST)
		return vv_say_failed(err, "cannot make the directory '%s'", words[0]);
	err = vv_source_dir_new(&src, words[0], 0);
	if (err)
		return vv_say_failed(err, "cannot open the directory '%s'", words[0]);
	err = vv_store_init(src);
	vv_source_free(src);
	if (err == VV_EEXIST) {
		vv_say("'%s' is a store already; nothing was changed", words[0]);
		return VV_EXIT_FAILED;
	}
	if (err)
		return vv_say_failed(err, "cannot make a store in '%s'", words[0]);
	return VV_EXIT_OK;
}

const struct vv_verb vv_verb_init = {
	.name = "init",
	.args = "STORE",
	.summary = "make an empty store in a directory (made if need be)",
	.args_min = 1,
	.args_max = 1,
	.run = run,
};
