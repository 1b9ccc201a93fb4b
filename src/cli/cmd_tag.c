#include "cli/verbs.h"

#include "core/err.h"
#include "store/publish.h"
#include "store/store.h"

static const char *store_path;

static int run(int count, char **words)
{
	struct vv_store *store;
	int status = 0, err;

	(void)count;
	if ((status = vv_check_ref(words[0])) || (status = vv_check_ref(words[1])) ||
	    (status = vv_open_store(&store, store_path)))
		return status;
	err = vv_publish_tag(store, words[0], words[1]);
	vv_store_close(store);
	if (err == VV_ENOENT) {
		vv_say("there is no ref '%s'; `varve ls` lists them", words[0]);
		return VV_EXIT_FAILED;
	}
	return err ? vv_say_failed(err, "cannot tag '%s' as '%s'", words[0], words[1])
		   : VV_EXIT_OK;
}

static const struct vv_option options[] = { VV_OPTION_STORE(&store_path), { 0 } };

const struct vv_verb vv_verb_tag = {
	.name = "tag",
	.args = "REF NEWREF",
	.summary = "give a tree a second name, or move a name to it",
	.options = options,
	.args_min = 2,
	.args_max = 2,
	.run = run,
};
