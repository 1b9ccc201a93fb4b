#include "cli/pieces.h"
#include "cli/verbs.h"

#include "core/err.h"
#include "store/reader.h"
#include "store/reading.h"
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

static int cat_entry(struct vv_store *store, const struct vv_found *found)
{
	const struct vv_entry *e = &found->entry;
	struct vv_reading reading = { 0 };
	struct vv_id blob;
	int err;

	if ((e->mode & VV_S_IFMT) == VV_S_IFDIR)
		return VV_EISDIR;
	if ((e->mode & VV_S_IFMT) != VV_S_IFREG)
		return VV_EINVAL;
	if (e->size == 0)
		return VV_OK;
	err = vv_tree_blob(found->tree, e->blob, &blob);
	if (!err)
		err = vv_reading_open(&reading, store, CAT_BUDGET);
	if (!err)
		err = copy_out(reading.reader, &blob, e->size);
	vv_reading_close(&reading);
	return err;
}

static int cat_path(struct vv_store *store, const char *ref, const char *path)
{
	struct vv_found found;
	int err, status = vv_find(&found, store, ref, path);

	if (status)
		return status;
	err = cat_entry(store, &found);
	vv_found_drop(&found);
	if (!err)
		return VV_EXIT_OK;
	if (err != VV_ECORRUPT)
		return vv_say_failed(err, "cannot print '%s:%s'", ref, path);
	/* Which object of the store is damaged was told; this is whose bytes they are. */
	vv_say("cannot print '%s:%s': %s", ref, path, vv_err_text(err));
	return VV_EXIT_FAILED;
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
