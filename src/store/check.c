#include "store/check.h"

#include "cache/budget.h"
#include "cache/frame_cache.h"
#include "codec/hash.h"
#include "core/arith.h"
#include "core/err.h"
#include "os/system.h"
#include "store/crew.h"
#include "store/decoders.h"
#include "store/fetch.h"
#include "store/frame_load.h"
#include "store/store.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	GOOD = 1,
	BAD = 0,
	ZEROS = 64 * 1024,
};

struct vv_checker {
	struct vv_budget *budget; /* owned, as are the next two */
	struct vv_frame_cache *cache;
	struct vv_decoders *decoders;
	struct vv_fetcher fetcher;
	uint8_t *plain[VV_CREW_MAX]; /* owned; VV_FRAME_MAX bytes for each worker */
	unsigned workers;
	atomic_uint_least64_t bytes;
	atomic_bool is_stopped;
};

static const uint8_t zeros[ZEROS];

__attribute__((format(printf, 2, 3))) static int bad(char why[VV_CHECK_WHY],
						     const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, VV_CHECK_WHY, format, args);
	va_end(args);
	return BAD;
}

/* What has to do with us and not with the store is no finding. */
static int finding(int err, char why[VV_CHECK_WHY])
{
	if (err == VV_ENOMEM || err == VV_ECANCELED)
		return err;
	return bad(why, "%s", vv_err_text(err));
}

static int add_bytes(struct vv_checker *c, size_t bytes)
{
	atomic_fetch_add_explicit(&c->bytes, bytes, memory_order_relaxed);
	return atomic_load_explicit(&c->is_stopped, memory_order_relaxed) ? VV_ECANCELED
									  : VV_OK;
}

/* ---- images ---- */

/* Body, sums and trailer lie one after the other (docs/format.md, section 5). */
int vv_check_image(struct vv_checker *c, const struct vv_image *image,
		   const struct vv_id *id, char why[VV_CHECK_WHY])
{
	size_t size = (size_t)image->page_count * (VV_IMAGE_PAGE + sizeof(uint64_t)) +
		      VV_IMAGE_TRAILER;
	unsigned faults = vv_image_faults(image);
	struct vv_id found;
	int err;

	vv_hash_id(&found, image->body, size);
	if (vv_image_faults(image) != faults)
		return bad(why, "%s", vv_err_text(VV_EIO));
	if (!vv_id_equal(&found, id))
		return bad(why, "%s", vv_err_text(VV_ECORRUPT));
	err = add_bytes(c, size);
	return err ? err : GOOD;
}

/* ---- frames ---- */

/* A reference in another pack must be stored somewhere without a reference. */
static bool is_base(const struct vv_pack_set *set, const struct vv_frame *ref)
{
	const struct vv_pack *pack;
	struct vv_frame copy;
	size_t pos = 0;

	if (ref->offset != 0)
		return ref->reference == VV_NONE;
	while (vv_pack_set_next_frame(set, &ref->id, &pos, &pack, &copy))
		if (copy.reference == VV_NONE)
			return true;
	return false;
}

/* Taken: a cost to leave the cache with, in @admitted, and the pin. */
static int pin(struct vv_checker *c, const struct vv_pack_set *set,
	       const struct vv_pack *pack, const struct vv_frame *frame,
	       struct vv_pin *out, size_t *admitted)
{
	struct vv_fetch fetch = {
		.fetcher = &c->fetcher,
		.set = set,
		.pack = pack,
		.frame = *frame,
	};
	size_t cost = vv_frame_cache_cost(frame->plain_size);
	int err;

	*admitted = 0;
	if (frame->reference != VV_NONE || frame->offset == 0)
		cost += vv_frame_cache_cost(VV_FRAME_MAX); /* it may need one too */
	err = vv_frame_cache_admit(c->cache, cost);
	if (err)
		return err;
	*admitted = cost;
	return vv_frame_cache_pin(c->cache, &frame->id, frame->plain_size,
				  vv_fetch_frame, &fetch, out);
}

static void unpin(struct vv_checker *c, struct vv_pin *p, size_t admitted)
{
	vv_frame_cache_unpin(c->cache, p);
	if (admitted)
		vv_frame_cache_leave(c->cache, admitted);
}

/* This copy, past the cache.  The decoder is taken when nothing else is waited for. */
static int decode(struct vv_checker *c, const struct vv_pack *pack,
		  const struct vv_frame *frame, const struct vv_pin *ref,
		  uint8_t *plain)
{
	struct vv_frame_loader *loader = vv_decoders_take(c->decoders);
	int err = vv_frame_fetch(loader, vv_store_source(c->fetcher.store), &pack->id,
				 frame);

	if (!err)
		err = vv_frame_decode(loader, frame, loader->stored, ref->bytes,
				      ref->size, plain);
	vv_decoders_give(c->decoders, loader);
	return err;
}

static int pin_reference(struct vv_checker *c, const struct vv_pack_set *set,
			 const struct vv_pack *pack, const struct vv_frame *frame,
			 struct vv_pin *out, size_t *admitted, char why[VV_CHECK_WHY])
{
	char hex[VV_ID_HEX_BYTES];
	struct vv_frame ref;
	int err = vv_pack_frame(pack, frame->reference, &ref);

	if (err)
		return finding(err, why);
	vv_id_to_hex(&ref.id, hex);
	if (!is_base(set, &ref)) {
		bad(why, "its reference, frame %s, is missing or no reference", hex);
		return VV_CHECK_REFERENCE;
	}
	err = pin(c, set, pack, &ref, out, admitted);
	if (err == VV_ENOMEM)
		return err;
	if (!err)
		return GOOD;
	bad(why, "its reference, frame %s: %s", hex, vv_err_text(err));
	return VV_CHECK_REFERENCE;
}

static int check_stored(struct vv_checker *c, unsigned worker,
			const struct vv_pack_set *set, const struct vv_pack *pack,
			const struct vv_frame *frame, char why[VV_CHECK_WHY])
{
	uint8_t *plain = c->plain[worker];
	struct vv_pin ref = { 0 };
	struct vv_id found;
	size_t admitted = 0;
	int result = GOOD, err;

	if (frame->reference != VV_NONE)
		result = pin_reference(c, set, pack, frame, &ref, &admitted, why);
	if (result == GOOD) {
		err = decode(c, pack, frame, &ref, plain);
		if (err)
			result = finding(err, why);
	}
	unpin(c, &ref, admitted);
	if (result != GOOD)
		return result;
	vv_hash_id(&found, plain, frame->plain_size);
	if (!vv_id_equal(&found, &frame->id))
		return bad(why, "its checksum is right and its id is not");
	err = add_bytes(c, frame->plain_size);
	return err ? err : GOOD;
}

int vv_check_frame(struct vv_checker *c, unsigned worker, const struct vv_pack_set *set,
		   const struct vv_pack *pack, uint32_t index, char why[VV_CHECK_WHY])
{
	struct vv_frame frame;
	int err = vv_pack_frame(pack, index, &frame);

	assert(worker < c->workers);
	if (err)
		return finding(err, why);
	return frame.offset ? check_stored(c, worker, set, pack, &frame, why) : GOOD;
}

/* ---- blobs ---- */

static int hash_hole(struct vv_checker *c, struct vv_hasher *hasher, uint64_t size)
{
	int err = VV_OK;

	while (!err && size > 0) {
		size_t n = (size_t)vv_min_u64(size, sizeof zeros);

		vv_hasher_add(hasher, zeros, n);
		size -= n;
		err = add_bytes(c, n);
	}
	return err;
}

static int hash_extent(struct vv_checker *c, const struct vv_pack_set *set,
		       const struct vv_pack *pack, const struct vv_extent *extent,
		       struct vv_hasher *hasher, char why[VV_CHECK_WHY])
{
	size_t size = (size_t)(extent->end - extent->start), admitted;
	char frame_hex[VV_ID_HEX_BYTES], pack_hex[VV_ID_HEX_BYTES];
	struct vv_frame frame;
	struct vv_pin p = { 0 };
	int err = vv_pack_frame(pack, extent->frame, &frame);

	if (err)
		return finding(err, why);
	err = pin(c, set, pack, &frame, &p, &admitted);
	if (!err)
		vv_hasher_add(hasher, p.bytes + extent->frame_offset, size);
	unpin(c, &p, admitted);
	if (err == VV_ENOMEM)
		return err;
	if (err)
		return bad(why, "frame %s, listed in pack %s: %s",
			   vv_id_to_hex(&frame.id, frame_hex),
			   vv_id_to_hex(&pack->id, pack_hex), vv_err_text(err));
	err = add_bytes(c, size);
	return err ? err : GOOD;
}

int vv_check_blob(struct vv_checker *c, const struct vv_pack_set *set,
		  const struct vv_pack *pack, uint32_t index, char why[VV_CHECK_WHY])
{
	struct vv_hasher hasher;
	struct vv_extent extent;
	struct vv_blob blob;
	struct vv_id found;
	int err = vv_pack_blob(pack, index, &blob);

	vv_hasher_init(&hasher);
	for (uint32_t i = 0; !err && i < blob.extent_count; i++) {
		int result = GOOD;

		err = vv_pack_extent(pack, &blob, i, &extent);
		if (!err && extent.frame == VV_NONE)
			err = hash_hole(c, &hasher, extent.end - extent.start);
		else if (!err)
			result = hash_extent(c, set, pack, &extent, &hasher, why);
		if (result != GOOD)
			return result;
	}
	if (err)
		return finding(err, why);
	vv_hasher_done(&hasher, &found);
	return vv_id_equal(&found, &blob.id) ? GOOD
					     : bad(why, "%s", vv_err_text(VV_ECORRUPT));
}

/* ---- life ---- */

int vv_checker_new(struct vv_checker **out, struct vv_store *store, unsigned workers)
{
	static const struct vv_page_ops pages = { vv_pages_new, vv_pages_free };
	struct vv_checker *c = calloc(1, sizeof *c);
	int err = c ? VV_OK : VV_ENOMEM;

	*out = NULL;
	assert(workers <= VV_CREW_MAX);
	if (!err)
		err = vv_budget_new(&c->budget,
				    VV_CHECKER_BYTES + ((size_t)workers << 20));
	if (!err)
		err = vv_frame_cache_new(&c->cache, c->budget, &pages);
	if (!err)
		err = vv_decoders_new(&c->decoders, c->budget);
	for (; !err && c->workers < workers; c->workers++) {
		c->plain[c->workers] = malloc(VV_FRAME_MAX);
		if (!c->plain[c->workers])
			err = VV_ENOMEM;
	}
	if (err) {
		vv_checker_free(c);
		return err;
	}
	c->fetcher = (struct vv_fetcher){
		.store = store,
		.cache = c->cache,
		.decoders = c->decoders,
	};
	*out = c;
	return VV_OK;
}

void vv_checker_free(struct vv_checker *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->workers; i++)
		free(c->plain[i]);
	vv_decoders_free(c->decoders);
	vv_frame_cache_free(c->cache);
	vv_budget_free(c->budget);
	free(c);
}

uint64_t vv_checker_bytes(struct vv_checker *c)
{
	return atomic_load_explicit(&c->bytes, memory_order_relaxed);
}

void vv_checker_stop(struct vv_checker *c)
{
	atomic_store(&c->is_stopped, true);
}
