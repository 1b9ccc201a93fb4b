#include "cli/verbs.h"

#include "core/err.h"
#include "store/store.h"

static const char *store_path;

static int remove_ref(struct vv_store *store, const char *ref)
{
	int err = vv_ref_remove(store, ref);

	if (err == VV_ENOENT) {
		vv_say("there is no ref '%s'; `varve ls` lists them", ref);
		return VV_EXIT_FAILED;
	}
	return err ? vv_say_failed(err, "cannot remove '%s'", ref) : VV_EXIT_OK;
}

static int run(int count, char **words)
{
	struct vv_store *store;
	int status = 0;

	for (int i = 0; i < count && !status; i++)
		status = vv_check_ref(words[i]);
	if (!status)
		status = vv_open_store(&store, store_path);
	if (status)
		return status;
	for (int i = 0; i < count; i++)
		if (remove_ref(store, words[i]))
			status = VV_EXIT_FAILED;
	vv_store_close(store);
	return status;
}

static const struct vv_option options[] = { VV_OPTION_STORE(&store_path), { 0 } };

const struct vv_verb vv_verb_rm = {
	.name = "rm",
	.args = "REF...",
	.summary = "remove refs; their content goes with the next gc",
	.options = options,
	.args_min = 1,
	.args_max = -1,
	.run = run,
};
