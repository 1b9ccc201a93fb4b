#include "cli/verbs.h"

#include "cache/budget.h"
#include "cache/frame_cache.h"
#include "core/err.h"
#include "os/system.h"
#include "store/reader.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>

static const char *store_path;

enum {
	CAT_BUDGET = 32 << 20
};

/* Read and write span by span: the bytes are not copied. */
static int copy_out(struct vv_reader *reader, const struct vv_id *blob, uint64_t size)
{
	struct vv_read *read = malloc(sizeof *read);
	int err = read ? 0 : VV_ENOMEM;

	for (uint64_t off = 0; !err && off < size;) {
		err = vv_reader_read(reader, blob, size, off, VV_READ_MAX, read);
		if (err)
			break;
		off += read->size;
		for (unsigned i = 0; i < read->span_count && !err; i++)
			if (fwrite(read->spans[i].bytes, 1, read->spans[i].size,
				   stdout) != read->spans[i].size)
				err = VV_EIO;
		vv_reader_done(reader, read);
	}
	free(read);
	return err;
}

static int cat_blob(struct vv_store *store, const struct vv_id *blob, uint64_t size)
{
	static const struct vv_page_ops pages = { vv_pages_new, vv_pages_free };
	struct vv_budget *budget = NULL;
	struct vv_frame_cache *cache = NULL;
	struct vv_reader *reader = NULL;
	int err;

	if ((err = vv_budget_new(&budget, CAT_BUDGET)) == 0 &&
	    (err = vv_frame_cache_new(&cache, budget, &pages)) == 0 &&
	    (err = vv_reader_new(&reader, store, cache, budget)) == 0)
		err = copy_out(reader, blob, size);
	vv_reader_free(reader);
	vv_frame_cache_free(cache);
	vv_budget_free(budget);
	return err;
}

static int cat_path(struct vv_store *store, const char *ref_name, const char *path)
{
	struct vv_open_tree *tree = NULL;
	struct vv_entry entry;
	struct vv_id blob;
	struct vv_ref ref;
	uint32_t index;
	int err = vv_ref_get(store, ref_name, &ref);

	if (err == VV_ENOENT) {
		vv_say("there is no ref '%s'; `varve ls` lists them", ref_name);
		return VV_EXIT_FAILED;
	}
	if (!err && (err = vv_store_tree_open(store, &ref.tree, &tree)) == 0 &&
	    (err = vv_tree_walk(vv_open_tree_get(tree), path, &index)) == 0)
		err = vv_tree_entry(vv_open_tree_get(tree), index, &entry);
	if (!err && (entry.mode & VV_S_IFMT) == VV_S_IFDIR)
		err = VV_EISDIR;
	else if (!err && (entry.mode & VV_S_IFMT) != VV_S_IFREG)
		err = VV_EINVAL;
	if (!err && entry.size > 0 &&
	    (err = vv_tree_blob(vv_open_tree_get(tree), entry.blob, &blob)) == 0)
		err = cat_blob(store, &blob, entry.size);
	vv_open_tree_unref(tree);
	return err ? vv_say_failed(err, "cannot print '%s:%s'", ref_name, path)
		   : VV_EXIT_OK;
}

static int run(int count, char **words)
{
	const char *ref, *path;
	struct vv_store *store;
	int status;

	(void)count;
	status = vv_split_ref_path(words[0], &ref, &path);
	if (!status && !*path)
		status = vv_say_usage("cat needs a file: REF:PATH");
	if (!status)
		status = vv_open_store(&store, store_path);
	if (status)
		return status;
	status = cat_path(store, ref, path);
	vv_store_close(store);
	return status;
}

static const struct vv_option options[] = { VV_OPTION_STORE(&store_path), { 0 } };

const struct vv_verb vv_verb_cat = {
	.name = "cat",
	.args = "REF:PATH",
	.summary = "print a file of a ref",
	.options = options,
	.args_min = 1,
	.args_max = 1,
	.run = run,
};
