#include "cli/verbs.h"

#include "cli/page.h"
#include "core/err.h"
#include "store/sharing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *store_path;

/* A page that could not be written whole is not left behind. */
static int write_page(const struct vv_sharing *s, const char *path)
{
	bool is_stdout = strcmp(path, "-") == 0;
	FILE *file = is_stdout ? stdout : fopen(path, "w");
	int err;

	if (!file) {
		vv_say("cannot write '%s': %s", path, strerror(errno));
		return VV_EXIT_FAILED;
	}
	err = vv_page_write(file, s);
	if (is_stdout)
		return err ? vv_say_failed(err, "cannot draw the report") : VV_EXIT_OK;
	if (err || ferror(file)) {
		fclose(file);
		remove(path);
		return vv_say_failed(err ? err : VV_EIO, "cannot write '%s'", path);
	}
	if (fclose(file) == 0)
		return VV_EXIT_OK;
	vv_say("cannot write '%s': %s", path, strerror(errno));
	remove(path);
	return VV_EXIT_FAILED;
}

static int run(int count, char **words)
{
	struct vv_store *store;
	struct vv_sharing s;
	int status = vv_open_store(&store, store_path), err;

	(void)count;
	if (status)
		return status;
	err = vv_sharing_get(store, &s);
	if (err) {
		status = vv_say_failed(err, "cannot tell what the refs share");
	} else {
		status = write_page(&s, words[0]);
		vv_sharing_fini(&s);
	}
	vv_store_close(store);
	return status;
}

static const struct vv_option options[] = {
	VV_OPTION_STORE(&store_path),
	{ 0 },
};

const struct vv_verb vv_verb_report = {
	.name = "report",
	.args = "FILE.html",
	.summary = "draw what the refs cost and share",
	.text = "FILE.html is one page that needs nothing else: what each two refs share, as a map with families\n"
		"together; what each ref costs; how the store grew as refs were published.  - is the standard\n"
		"output.",
	.options = options,
	.args_min = 1,
	.args_max = 1,
	.run = run,
};
