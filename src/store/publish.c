#include "store/publish.h"

#include "codec/zstd.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/log.h"
#include "format/tree.h"
#include "format/tree_builder.h"
#include "input/input.h"
#include "os/system.h"
#include "os/thread.h"
#include "source/source.h"
#include "store/gc.h"
#include "store/heat.h"
#include "store/intent.h"
#include "store/known.h"
#include "store/pack_writer.h"
#include "store/packer.h"
#include "store/profiles.h"
#include "store/store.h"
#include "store/streams.h"

#include <stdlib.h>
#include <string.h>

enum {
	JOBS_MAX = 256,
	TREE_WAIT_MS = 100, /* between two looks at a tree that gc is at work on */
	TREE_WAITS = 100,
	RENEW_BLOCKS =
		1024, /* between two looks at whether the intent is to be renewed */
};

struct publisher {
	struct vv_store *store; /* borrowed, and so the next three */
	struct vv_input *input;
	const struct vv_publish_options *opts;
	struct vv_publish_stats *stats;
	struct vv_announce *announce; /* owned, and so the rest */
	struct vv_known *known;
	struct vv_pack_writer *writer;
	struct vv_packer *packer;
	struct vv_tree_builder *builder;
	struct vv_heat heat;
	struct vv_buf image; /* of the tree */
	struct vv_id tree;
	unsigned ticks;
};

static int tick(void *ctx)
{
	struct publisher *p = ctx;
	uint64_t done = 0, total = 0;
	int err;

	if (++p->ticks % RENEW_BLOCKS == 0) {
		err = vv_announce_flush(p->announce);
		if (err)
			return err;
	}
	if (p->stats->bytes_in > VV_INPUT_BYTES_MAX) {
		vv_log(VV_LOG_ERROR, "the input has more than %llu bytes",
		       (unsigned long long)VV_INPUT_BYTES_MAX);
		return VV_EFBIG;
	}
	if (!p->opts->progress)
		return VV_OK;
	vv_pack_writer_totals(p->writer, &p->stats->packs_new, &p->stats->bytes_stored);
	p->stats->bytes_stored += vv_pack_writer_size(p->writer);
	p->input->ops->progress(p->input, &done, &total);
	return p->opts->progress(p->opts->ctx, p->stats, done, total) ? VV_ECANCELED
								      : VV_OK;
}

static int prepare(struct publisher *p)
{
	struct vv_packer_options opts = {
		.level = p->opts->level ? p->opts->level : VV_COMPRESS_LEVEL_DEFAULT,
		.jobs = p->opts->jobs ? p->opts->jobs : vv_cpu_count(),
		.tick = tick,
		.ctx = p,
		.heat = &p->heat,
	};
	int err = vv_heat_init(&p->heat, p->opts->profile);

	if (err)
		return err;

	if (opts.jobs > JOBS_MAX)
		opts.jobs = JOBS_MAX;
	err = vv_announce_open(&p->announce, p->store, VV_ANNOUNCE_INTENT, NULL);
	if (!err)
		err = vv_known_new(&p->known, p->store, p->announce);
	if (!err)
		err = vv_pack_writer_new(&p->writer, p->store, p->announce);
	if (!err)
		err = vv_packer_new(&p->packer, p->store, p->known, p->writer, &opts,
				    p->stats);
	if (!err)
		err = vv_tree_builder_new(&p->builder, VV_TREE_DUP_REPLACE);
	return err;
}

static int add_entry(struct publisher *p, struct vv_input_entry *entry)
{
	struct vv_streams streams = { 0 };
	int err = VV_OK;

	p->stats->entries++;
	if (entry->hardlink) {
		p->stats->files++;
		err = vv_tree_builder_link(p->builder, entry->path, entry->hardlink);
		if (err)
			vv_log(VV_LOG_ERROR, "%s: cannot be a hard link to %s: %s",
			       entry->path, entry->hardlink, vv_err_text(err));
	} else {
		if ((entry->meta.mode & VV_S_IFMT) == VV_S_IFREG) {
			p->stats->files++;
			vv_heat_file(&p->heat, entry->path);
			err = vv_packer_blob(p->packer, p->input, &entry->meta.blob,
					     &entry->meta.size);
			if (err)
				return err; /* logged where it is known */
		}
		err = vv_streams_pack(&streams, p->packer, p->input, entry);
		if (!err)
			err = vv_tree_builder_add(p->builder, entry->path,
						  &entry->meta);
		vv_streams_fini(&streams);
		if (err)
			vv_log(VV_LOG_ERROR, "%s: cannot be an entry of a tree: %s",
			       entry->path, vv_err_text(err));
	}
	return err;
}

static int add_entries(struct publisher *p)
{
	struct vv_input_entry entry;
	int more, err = VV_OK;

	while (!err && (more = p->input->ops->next(p->input, &entry)) != 0)
		err = more < 0 ? more : add_entry(p, &entry);
	if (!err)
		err = vv_packer_finish(p->packer);
	if (!err)
		err = vv_tree_builder_finish(p->builder, &p->image, &p->tree);
	return err;
}

/*
 * Looks at the record before the tree: asked the other way round, gc could remove both
 * in between. VV_EBUSY: it is condemned and a gc is at work, which may remove it;
 * VV_ENOENT: it just did.
 */
static int check_tree(struct vv_store *store, const struct vv_id *tree)
{
	struct vv_source *src = vv_store_source(store);
	char key[VV_STORE_KEY_MAX];
	struct vv_object_info info;
	int err;

	vv_store_condemned_key(key, tree);
	err = vv_source_stat(src, key, &info);
	if (err == VV_OK)
		err = vv_gc_pardon(store, tree);
	if (err && err != VV_ENOENT)
		return err;
	vv_store_tree_key(key, tree);
	err = vv_source_stat(src, key, &info);
	return err ? err : vv_store_settle(store, key);
}

static int tell_gc_at_work(void)
{
	vv_log(VV_LOG_ERROR,
	       "gc is at work on the same tree; run again when it is done");
	return VV_EBUSY;
}

/*
 * A tree of this name is there.  Its bytes are ours if it is whole; else ours take their
 * place, since the name says what they must be.
 */
static int heal_tree(struct publisher *p, const char *key)
{
	struct vv_source *src = vv_store_source(p->store);
	char *bytes = NULL;
	size_t len = 0;
	int err = vv_source_get_whole(src, key, p->image.len, &bytes, &len);
	bool is_whole =
		!err && len == p->image.len && memcmp(bytes, p->image.bytes, len) == 0;

	free(bytes);
	if (is_whole || err == VV_ENOENT || err == VV_ENOMEM)
		return err;
	vv_log(VV_LOG_WARN, "%s is damaged; put anew", key);
	return vv_source_put(src, key, p->image.bytes, p->image.len, VV_PUT_REPLACE);
}

static int put_tree_once(struct publisher *p)
{
	char key[VV_STORE_KEY_MAX];
	int err;

	vv_store_tree_key(key, &p->tree);
	err = vv_source_put(vv_store_source(p->store), key, p->image.bytes,
			    p->image.len, VV_PUT_NEW);
	if (!err)
		p->stats->bytes_stored += p->image.len;
	else if (err == VV_EEXIST)
		err = heal_tree(p, key);
	return err ? err : check_tree(p->store, &p->tree);
}

/*
 * The intent names the tree before it is put, so gc spares what it has not condemned
 * yet. While a gc is at work on a condemned one, this waits for it.
 */
static int put_tree(struct publisher *p)
{
	int err = vv_announce_tree(p->announce, &p->tree);

	if (!err)
		err = vv_announce_flush(p->announce);
	if (!err)
		err = put_tree_once(p);
	for (unsigned i = 0; (err == VV_EBUSY || err == VV_ENOENT) && i < TREE_WAITS;
	     i++) {
		vv_sleep_ms(TREE_WAIT_MS);
		err = put_tree_once(p);
	}
	p->stats->tree_bytes = p->image.len;
	return err == VV_EBUSY ? tell_gc_at_work() : err;
}

static int put_ref(struct publisher *p, const char *name)
{
	struct vv_ref ref = { .tree = p->tree };
	struct vv_tree tree = { 0 };
	int err;

	if (strlen(name) > VV_REF_NAME_MAX)
		return VV_EINVAL;
	strcpy(ref.name, name);
	err = vv_tree_init(&tree, &p->tree, p->image.bytes, p->image.len, NULL);
	ref.files = tree.file_count;
	ref.bytes = tree.file_bytes;
	vv_tree_fini(&tree);
	if (!err)
		err = vv_announce_check(p->announce);
	return err ? err : vv_ref_put(p->store, &ref);
}

int vv_publish(struct vv_store *store, const char *ref, struct vv_input *input,
	       const struct vv_publish_options *opts, struct vv_publish_stats *stats,
	       struct vv_id *tree)
{
	static const struct vv_publish_options no_opts;
	struct vv_publish_stats no_stats;
	struct publisher p = {
		.store = store,
		.input = input,
		.opts = opts ? opts : &no_opts,
		.stats = stats ? stats : &no_stats,
	};
	uint64_t packs_bytes = 0;
	int err;

	*p.stats = (struct vv_publish_stats){ 0 };
	*tree = (struct vv_id){ 0 };
	vv_buf_init(&p.image, SIZE_MAX);
	err = prepare(&p);
	if (!err)
		err = add_entries(&p);
	if (!err) {
		p.stats->bytes_stored = 0;
		err = put_tree(&p);
	}
	if (!err)
		err = put_ref(&p, ref);
	if (!err)
		*tree = p.tree;
	if (p.writer)
		vv_pack_writer_totals(p.writer, &p.stats->packs_new, &packs_bytes);
	p.stats->bytes_stored += packs_bytes;
	vv_packer_free(p.packer);
	vv_heat_fini(&p.heat);
	vv_pack_writer_free(p.writer);
	vv_known_free(p.known);
	vv_tree_builder_free(p.builder);
	vv_buf_fini(&p.image);
	vv_announce_close(p.announce);
	return err;
}

/*
 * @tree, which the intent names and @from still leads to.  A ref may lead to a condemned
 * tree: gc marked before the ref was put and wrote the record after it ((G3) in gc.c).  So
 * that @from leads there is no proof that the tree stays when @from goes.
 */
static int keep_tagged(struct vv_store *store, const char *from,
		       const struct vv_id *tree)
{
	struct vv_ref again;
	int err = vv_ref_get(store, from, &again);

	if (!err && !vv_id_equal(&again.tree, tree)) {
		vv_log(VV_LOG_ERROR, "ref %s moved meanwhile; run again", from);
		return VV_ESTALE;
	}
	if (err)
		return err;
	err = check_tree(store, tree);
	for (unsigned i = 0; err == VV_EBUSY && i < TREE_WAITS; i++) {
		vv_sleep_ms(TREE_WAIT_MS);
		err = check_tree(store, tree);
	}
	if (err == VV_ENOENT) {
		vv_log(VV_LOG_ERROR,
		       "the tree of ref %s is not in the store: run `varve verify`",
		       from);
		return VV_ECORRUPT;
	}
	return err == VV_EBUSY ? tell_gc_at_work() : err;
}

int vv_publish_tag(struct vv_store *store, const char *from, const char *to)
{
	struct vv_announce *announce = NULL;
	struct vv_ref ref;
	int err = vv_ref_get(store, from, &ref);

	if (err)
		return err;
	err = vv_announce_open(&announce, store, VV_ANNOUNCE_INTENT, NULL);
	if (!err)
		err = vv_announce_tree(announce, &ref.tree);
	if (!err)
		err = vv_announce_flush(announce);
	if (!err)
		err = keep_tagged(store, from, &ref.tree);
	if (!err)
		err = vv_announce_check(announce);
	if (!err && strlen(to) > VV_REF_NAME_MAX)
		err = VV_EINVAL;
	if (!err) {
		strcpy(ref.name, to);
		ref.published_ns = 0;
		err = vv_ref_put(store, &ref);
	}
	if (!err && vv_profiles_copy(store, from, to))
		vv_log(VV_LOG_WARN, "ref %s: the profile of %s could not be copied", to,
		       from);
	vv_announce_close(announce);
	return err;
}
