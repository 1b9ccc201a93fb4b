#include "store/fetch.h"

#include "core/err.h"
#include "core/log.h"
#include "store/decoders.h"
#include "store/frame_load.h"
#include "store/store.h"

#include <stdbool.h>

/*
 * A copy that is damaged is told even if another one serves.  One that is only listed
 * and stored nowhere is not: gc keeps one whole copy of a blob, and a pack that lives for
 * other blobs may list frames which went.  The reader tells, if it finds no other.
 */
static int log_copy(const struct vv_id *pack, const struct vv_id *frame, int err)
{
	static struct vv_log_limit limit;
	char pack_hex[VV_ID_HEX_BYTES], frame_hex[VV_ID_HEX_BYTES];

	if (err == VV_ENOENT)
		return err;
	vv_log_limited(&limit, VV_LOG_ERROR, "pack %s, frame %s: %s",
		       vv_id_to_hex(pack, pack_hex), vv_id_to_hex(frame, frame_hex),
		       vv_err_text(err));
	return err;
}

/* From stored bytes at a known place, with the reference at hand. */
static int load(struct vv_fetcher *f, const struct vv_pack *pack,
		const struct vv_frame *frame, const struct vv_pin *ref, uint8_t *plain)
{
	struct vv_frame_loader *loader = vv_decoders_take(f->decoders);
	int err = vv_frame_fetch(loader, vv_store_source(f->store), &pack->id, frame);

	if (!err)
		err = vv_frame_decode(loader, frame, loader->stored, ref->bytes,
				      ref->size, plain);
	vv_decoders_give(f->decoders, loader);
	if (err)
		return err;
	atomic_fetch_add_explicit(&f->frames_fetched, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&f->bytes_fetched, frame->stored_size,
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&f->bytes_decoded, frame->plain_size,
				  memory_order_relaxed);
	return VV_OK;
}

static int fetch_reference(void *ctx, const struct vv_id *id, uint8_t *plain,
			   size_t size);

/*
 * One stored copy.  The decoder is taken after the reference is pinned, since fetching
 * that may take one too.
 */
static int fetch_copy(const struct vv_fetch *fetch, const struct vv_pack *pack,
		      const struct vv_frame *frame, size_t size, bool is_reference,
		      uint8_t *plain)
{
	struct vv_fetcher *f = fetch->fetcher;
	struct vv_fetch inner = {
		.fetcher = f,
		.set = fetch->set,
		.pack = pack,
		.account = fetch->account,
	};
	struct vv_asker asker = { .from = &frame->id, .account = fetch->account };
	struct vv_pin ref = { 0 };
	int err = VV_OK;

	if (frame->plain_size != size)
		return VV_ECORRUPT;
	if (frame->reference != VV_NONE) {
		if (is_reference)
			return VV_ECORRUPT; /* a chain, which the format forbids */
		err = vv_pack_frame(pack, frame->reference, &inner.frame);
		if (!err)
			err = vv_frame_cache_pin_for(f->cache, &asker, &inner.frame.id,
						     inner.frame.plain_size,
						     fetch_reference, &inner, &ref);
	}
	if (!err)
		err = load(f, pack, frame, &ref, plain);
	vv_frame_cache_unpin(f->cache, &ref);
	return err;
}

/* The copy that @fetch lists, or one that is found by id. */
static int fetch_first(const struct vv_fetch *fetch, size_t size, bool is_reference,
		       uint8_t *plain, const struct vv_pack **tried)
{
	struct vv_fetcher *f = fetch->fetcher;
	struct vv_frame frame = fetch->frame;
	int err = VV_OK;

	*tried = fetch->pack;
	if (frame.offset == 0) {
		uint32_t hint = atomic_load_explicit(&f->hint, memory_order_relaxed);

		err = vv_pack_set_find_frame(fetch->set, &fetch->frame.id, &hint, tried,
					     &frame);
		atomic_store_explicit(&f->hint, hint, memory_order_relaxed);
	}
	if (err)
		return err;
	return fetch_copy(fetch, *tried, &frame, size, is_reference, plain);
}

/*
 * Any good copy will do.  That also covers two packs which contradict each other, such
 * as each of two frames being the other's reference (VV_EDEADLK): one of the copies has
 * none, or the store is corrupt.
 */
static int fetch_any(const struct vv_fetch *fetch, size_t size, bool is_reference,
		     uint8_t *plain)
{
	const struct vv_id *id = &fetch->frame.id;
	const struct vv_pack *tried, *pack;
	struct vv_frame frame;
	size_t pos = 0;
	int err = fetch_first(fetch, size, is_reference, plain, &tried);
	int first = err;

	if (!err || err == VV_ENOMEM)
		return err;
	log_copy(tried ? &tried->id : &fetch->pack->id, id, err);
	while (vv_pack_set_next_frame(fetch->set, id, &pos, &pack, &frame)) {
		if (pack == tried)
			continue;
		err = fetch_copy(fetch, pack, &frame, size, is_reference, plain);
		if (!err || err == VV_ENOMEM)
			return err;
		log_copy(&pack->id, id, err);
	}
	return first == VV_EDEADLK ? VV_ECORRUPT : first;
}

static int fetch_reference(void *ctx, const struct vv_id *id, uint8_t *plain,
			   size_t size)
{
	(void)id;
	return fetch_any(ctx, size, true, plain);
}

int vv_fetch_frame(void *ctx, const struct vv_id *id, uint8_t *plain, size_t size)
{
	(void)id;
	return fetch_any(ctx, size, false, plain);
}
