#include "cli/pieces.h"

#include "cli/cli.h"
#include "core/err.h"
#include "store/diff.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>

/* ---- entries ---- */

static int find(struct vv_found *out, struct vv_store *store, const struct vv_id *tree,
		const char *path)
{
	uint32_t index;
	int err = vv_store_tree_open(store, tree, &out->open);

	if (err)
		return err;
	out->tree = vv_open_tree_get(out->open);
	err = vv_tree_walk(out->tree, path, &index);
	return err ? err : vv_tree_entry(out->tree, index, &out->entry);
}

int vv_find(struct vv_found *out, struct vv_store *store, const char *ref_name,
	    const char *path)
{
	struct vv_ref ref;
	int err = vv_ref_get(store, ref_name, &ref);

	*out = (struct vv_found){ 0 };
	if (err == VV_ENOENT) {
		vv_say("there is no ref '%s'; `varve ls` lists them", ref_name);
		return VV_EXIT_FAILED;
	}
	if (!err)
		err = find(out, store, &ref.tree, path);
	if (!err)
		return 0;
	if (out->tree && (err == VV_ENOENT || err == VV_ENOTDIR)) {
		vv_say("there is no '%s' in '%s'; `varve ls -R %s` lists what there is",
		       path, ref_name, ref_name);
		err = VV_EXIT_FAILED;
	} else if (!out->tree && err == VV_ENOENT) {
		vv_say("the tree of '%s' is not in the store; `varve verify` tells what else is missing",
		       ref_name);
		err = VV_EXIT_FAILED;
	} else {
		err = vv_say_failed(err, "cannot look for '%s' in '%s'", path,
				    ref_name);
	}
	vv_found_drop(out);
	return err;
}

void vv_found_drop(struct vv_found *found)
{
	vv_open_tree_unref(found->open);
	*found = (struct vv_found){ 0 };
}

/* ---- differences ---- */

static void print_json(const struct vv_difference *d)
{
	const char *change = d->kind == VV_ADDED     ? "added"
			     : d->kind == VV_REMOVED ? "removed"
						     : "modified";
	const char *separator = "";
	char word[VV_DIFFERS_TEXT];

	printf("{\"change\": \"%s\", \"path\": ", change);
	vv_print_json_text(d->path, strlen(d->path));
	printf(", \"what\": [");
	for (unsigned i = 0; i < VV_DIFFERS_COUNT; i++) {
		if (!(d->what & 1u << i))
			continue;
		printf("%s\"%s\"", separator, vv_differs_text(word, 1u << i));
		separator = ", ";
	}
	puts("]}");
}

void vv_print_difference(const struct vv_difference *d, bool json)
{
	char words[VV_DIFFERS_TEXT];
	const char *path = *d->path ? d->path : "."; /* the top itself */

	if (json)
		print_json(d);
	else if (d->what)
		printf("%c %s (%s)\n", d->kind, path, vv_differs_text(words, d->what));
	else
		printf("%c %s\n", d->kind, path);
}
