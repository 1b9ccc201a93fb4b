#include "cli/cli.h"

#include "core/err.h"
#include "core/refname.h"
#include "source/dir.h"
#include "source/source.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

int vv_open_store(struct vv_store **out, const char *path)
{
	struct vv_source *src = NULL;
	int err;

	*out = NULL;
	if (!path)
		path = getenv("VARVE_STORE");
	if (!path || !*path)
		return vv_say_usage("which store? give -s STORE or set VARVE_STORE");
	err = vv_source_dir_new(&src, path, 0);
	if (err == VV_ENOENT || err == VV_ENOTDIR) {
		vv_say("no store at '%s': no such directory; make a store with `varve init %s`",
		       path, path);
		return VV_EXIT_FAILED;
	}
	if (err)
		return vv_say_failed(err, "cannot open the directory '%s'", path);
	err = vv_store_open(out, src);
	if (!err)
		return 0;
	vv_source_free(src);
	if (err == VV_ENOENT) {
		vv_say("'%s' is not a store; make one with `varve init`, or name another with -s",
		       path);
		return VV_EXIT_FAILED;
	}
	if (err == VV_ENEWER) {
		vv_say("the store '%s' was made by a newer varve; update this one (%s)",
		       path, VARVE_VERSION);
		return VV_EXIT_FAILED;
	}
	return vv_say_failed(err, "cannot open the store '%s'", path);
}

int vv_check_ref(const char *ref)
{
	const char *why = NULL;

	if (vv_refname_check(ref, &why))
		return vv_say_usage("'%s' cannot be a ref: %s", ref, why);
	return 0;
}

/* `/a//b/` is `a/b`, as for the kernel; what the parts are is for the lookup to say. */
static void squeeze_slashes(char *path)
{
	char *from = path, *to = path;

	while (*from) {
		size_t len = strcspn(from, "/");

		if (len && to != path)
			*to++ = '/';
		memmove(to, from, len);
		to += len;
		from += len;
		from += strspn(from, "/");
	}
	*to = '\0';
}

int vv_split_ref_path(char *word, const char **ref, const char **path)
{
	char *colon = strchr(word, ':');

	*ref = word;
	*path = "";
	if (colon) {
		squeeze_slashes(colon + 1);
		*colon = '\0';
		*path = colon + 1;
	}
	return vv_check_ref(*ref);
}
