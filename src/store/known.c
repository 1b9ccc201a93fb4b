#include "store/known.h"

#include "core/arith.h"
#include "core/err.h"
#include "core/log.h"
#include "source/source.h"
#include "store/intent.h"
#include "store/settle.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

enum {
	FILTER_BITS =
		16, /* for each id: about 1 % of the new ones are searched for in vain */
	FILTER_PROBES = 4,
};

/*
 * A Bloom filter whose probes for one id lie in one 64-bit word.  Ids are hashes, so their bytes serve as the probes.
 */
struct filter {
	uint64_t *words; /* owned */
	size_t count;	 /* a power of two */
};

struct known_pack {
	const struct vv_pack *pack; /* borrowed from the set; NULL: not to be used */
	uint8_t *frames,
		*blobs; /* owned bitmaps of what is relied on, NULL = nothing */
	bool is_announced;
};

struct vv_known {
	struct vv_store *store;	  /* borrowed */
	struct vv_pack_set *set;  /* counted */
	struct known_pack *packs; /* owned; as in the set */
	size_t count;
	struct filter filter;
	bool has_condemned;
	size_t hint; /* pack of the last hit: neighbours lie together */
};

/* ---- filter ---- */

static uint64_t *filter_word(const struct filter *f, const struct vv_id *id)
{
	return &f->words[vv_get_le64(id->bytes) & (f->count - 1)];
}

static uint64_t filter_bits(const struct vv_id *id)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < FILTER_PROBES; i++)
		bits |= UINT64_C(1) << (id->bytes[8 + i] & 63);
	return bits;
}

static void filter_add(struct filter *f, const struct vv_id *id)
{
	*filter_word(f, id) |= filter_bits(id);
}

static bool filter_may_have(const struct filter *f, const struct vv_id *id)
{
	uint64_t bits = filter_bits(id);

	return (*filter_word(f, id) & bits) == bits;
}

static int filter_init(struct filter *f, uint64_t ids)
{
	f->count = 1;
	while (f->count < ids * FILTER_BITS / 64)
		f->count *= 2;
	f->words = calloc(f->count, sizeof *f->words);
	return f->words ? VV_OK : VV_ENOMEM;
}

static int filter_pack(struct filter *f, const struct vv_pack *pack)
{
	struct vv_frame frame;
	struct vv_blob blob;
	int err = VV_OK;

	for (uint32_t i = 0; !err && i < pack->frame_count; i++) {
		err = vv_pack_frame(pack, i, &frame);
		if (!err && frame.offset)
			filter_add(f, &frame.id);
	}
	for (uint32_t i = 0; !err && i < pack->blob_count; i++) {
		err = vv_pack_blob(pack, i, &blob);
		if (!err)
			filter_add(f, &blob.id);
	}
	return err;
}

/* ---- making ---- */

static int leave_out(void *ctx, const char *key, const struct vv_object_info *info)
{
	struct vv_known *known = ctx;
	const char *hex = strrchr(key, '/');
	struct vv_id id;

	(void)info;
	if (!hex || vv_id_from_hex(&id, hex + 1, strlen(hex + 1)) != VV_OK)
		return VV_OK; /* unknown keys are ignored */
	for (size_t i = 0; i < known->count; i++) {
		struct known_pack *p = &known->packs[i];

		if (p->pack && vv_id_equal(&p->pack->id, &id)) {
			p->pack = NULL;
			known->has_condemned = true;
		}
	}
	return VV_OK;
}

/* A damaged index makes its pack unknown, no more: what it holds is stored again. */
static int load_filter(struct vv_known *known)
{
	uint64_t ids = 0;
	int err;

	for (size_t i = 0; i < known->count; i++)
		if (known->packs[i].pack)
			ids += (uint64_t)known->packs[i].pack->frame_count +
			       known->packs[i].pack->blob_count;
	err = filter_init(&known->filter, ids);
	for (size_t i = 0; !err && i < known->count; i++) {
		const struct vv_pack *pack = known->packs[i].pack;
		char hex[VV_ID_HEX_BYTES];

		if (pack && filter_pack(&known->filter, pack) != VV_OK) {
			vv_log(VV_LOG_WARN,
			       "pack %s: its index is damaged; what it holds is stored again",
			       vv_id_to_hex(&pack->id, hex));
			known->packs[i].pack = NULL;
		}
	}
	return err;
}

int vv_known_new(struct vv_known **out, struct vv_store *store)
{
	struct vv_known *known = calloc(1, sizeof *known);
	int err;

	*out = NULL;
	if (!known)
		return VV_ENOMEM;
	known->store = store;
	err = vv_store_packs_refresh(store, &known->set);
	if (!err) {
		known->count = vv_pack_set_count(known->set);
		known->packs = calloc(known->count + 1, sizeof *known->packs);
		err = known->packs ? VV_OK : VV_ENOMEM;
	}
	if (err) {
		known->count = 0;
		goto fail;
	}
	for (size_t i = 0; i < known->count; i++)
		known->packs[i].pack = vv_pack_set_get(known->set, i);
	err = vv_source_list(vv_store_source(store), "condemned/", leave_out, known);
	if (!err)
		err = load_filter(known);
	if (err)
		goto fail;
	*out = known;
	return VV_OK;
fail:
	vv_known_free(known);
	return err;
}

void vv_known_free(struct vv_known *known)
{
	if (!known)
		return;
	for (size_t i = 0; i < known->count; i++) {
		free(known->packs[i].frames);
		free(known->packs[i].blobs);
	}
	free(known->packs);
	free(known->filter.words);
	vv_pack_set_unref(known->set);
	free(known);
}

size_t vv_known_pack_count(const struct vv_known *known)
{
	return known->count;
}

const struct vv_pack *vv_known_pack(const struct vv_known *known, size_t pack)
{
	return known->packs[pack].pack;
}

bool vv_known_has_condemned(const struct vv_known *known)
{
	return known->has_condemned;
}

/* ---- finding ---- */

/* The packs in the order to look at: the hint, then all others. */
static const struct vv_pack *nth_pack(const struct vv_known *known, size_t n,
				      size_t *pack)
{
	*pack = n == 0 ? known->hint : n - (n <= known->hint);
	return known->packs[*pack].pack;
}

static bool frame_in(const struct vv_pack *pack, const struct vv_id *id,
		     struct vv_known_frame *out)
{
	return vv_pack_find_frame(pack, id, &out->index) == VV_OK &&
	       vv_pack_frame(pack, out->index, &out->frame) == VV_OK &&
	       out->frame.offset != 0;
}

int vv_known_find_frame(struct vv_known *known, const struct vv_id *id,
			struct vv_known_frame *out)
{
	if (!filter_may_have(&known->filter, id))
		return VV_ENOENT;
	for (size_t n = 0; n < known->count; n++) {
		size_t at;
		const struct vv_pack *pack = nth_pack(known, n, &at);

		if (pack && frame_in(pack, id, out)) {
			known->hint = at;
			out->pack = (uint32_t)at;
			return VV_OK;
		}
	}
	return VV_ENOENT;
}

/* ---- relying ---- */

static int set_bit(uint8_t **map, uint32_t count, uint32_t bit)
{
	if (!*map)
		*map = calloc(1, count / 8 + 1);
	if (!*map)
		return VV_ENOMEM;
	(*map)[bit / 8] |= (uint8_t)(1 << bit % 8);
	return VV_OK;
}

static int mark_frame(struct vv_known *known, const struct vv_known_frame *f)
{
	struct known_pack *p = &known->packs[f->pack];

	return set_bit(&p->frames, p->pack->frame_count, f->index);
}

/* Where the bytes of entry @index of @pack are: here or elsewhere. */
static int locate(struct vv_known *known, uint32_t pack, uint32_t index,
		  struct vv_known_frame *out)
{
	*out = (struct vv_known_frame){ .pack = pack, .index = index };
	if (vv_pack_frame(known->packs[pack].pack, index, &out->frame) != VV_OK)
		return VV_ENOENT;
	return out->frame.offset ? VV_OK
				 : vv_known_find_frame(known, &out->frame.id, out);
}

/* Both the frame and its reference can be had; with @mark they are relied on. */
static int reach(struct vv_known *known, const struct vv_known_frame *f, bool mark)
{
	struct vv_known_frame ref;
	bool has_ref = f->frame.reference != VV_NONE;
	int err = VV_OK;

	if (has_ref)
		err = locate(known, f->pack, f->frame.reference, &ref);
	if (!err && mark)
		err = mark_frame(known, f);
	if (!err && mark && has_ref)
		err = mark_frame(known, &ref);
	return err;
}

int vv_known_use_frame(struct vv_known *known, const struct vv_known_frame *frame)
{
	return reach(known, frame, true);
}

/* All frames of @blob can be had; with @mark they are relied on. */
static int reach_blob(struct vv_known *known, uint32_t pack, const struct vv_blob *blob,
		      bool mark)
{
	const struct vv_pack *p = known->packs[pack].pack;

	for (uint32_t n = 0; n < blob->extent_count; n++) {
		struct vv_known_frame frame;
		struct vv_extent extent;
		int err;

		if (vv_pack_extent(p, blob, n, &extent) != VV_OK)
			return VV_ENOENT;
		if (extent.frame == VV_NONE)
			continue;
		err = locate(known, pack, extent.frame, &frame);
		if (!err)
			err = reach(known, &frame, mark);
		if (err)
			return err;
	}
	return VV_OK;
}

static int use_blob_of(struct vv_known *known, uint32_t pack, const struct vv_id *id)
{
	struct known_pack *p = &known->packs[pack];
	struct vv_blob blob;
	uint32_t index;
	int err;

	if (vv_pack_find_blob(p->pack, id, &index) != VV_OK ||
	    vv_pack_blob(p->pack, index, &blob) != VV_OK)
		return VV_ENOENT;
	/* Twice, so that a blob that is not whole leaves no marks. */
	err = reach_blob(known, pack, &blob, false);
	if (!err)
		err = reach_blob(known, pack, &blob, true);
	return err ? err : set_bit(&p->blobs, p->pack->blob_count, index);
}

int vv_known_use_blob(struct vv_known *known, const struct vv_id *id)
{
	int err = VV_ENOENT;

	if (!filter_may_have(&known->filter, id))
		return VV_ENOENT;
	for (size_t n = 0; err == VV_ENOENT && n < known->count; n++) {
		size_t at;

		if (!nth_pack(known, n, &at))
			continue;
		err = use_blob_of(known, (uint32_t)at, id);
		if (!err)
			known->hint = at;
	}
	return err;
}

static bool is_relied_on(const struct known_pack *p)
{
	return p->frames || p->blobs;
}

int vv_known_announce(struct vv_known *known, struct vv_announce *announce)
{
	for (size_t i = 0; i < known->count; i++) {
		struct known_pack *p = &known->packs[i];
		int err;

		if (!is_relied_on(p) || p->is_announced)
			continue;
		err = vv_announce_pack(announce, &p->pack->id);
		if (err)
			return err;
		p->is_announced = true;
	}
	return VV_OK;
}

/* ---- settling ---- */

/* 1: condemned, 0: fine, < 0: gone or not to be told. */
static int is_condemned(const struct vv_known *known, const struct vv_pack *pack)
{
	struct vv_source *src = vv_store_source(known->store);
	char key[VV_STORE_KEY_MAX], hex[VV_ID_HEX_BYTES];
	struct vv_object_info info;
	int err;

	vv_store_condemned_key(key, &pack->id);
	err = vv_source_stat(src, key, &info);
	if (err == VV_OK)
		return 1;
	if (err != VV_ENOENT)
		return err;
	vv_store_pack_key(key, &pack->id);
	err = vv_source_stat(src, key, &info);
	if (err == VV_ENOENT) {
		vv_log(VV_LOG_ERROR,
		       "pack %s was removed while it was relied on; run again",
		       vv_id_to_hex(&pack->id, hex));
		return VV_ESTALE;
	}
	return err;
}

int vv_known_settle(struct vv_known *known, struct vv_pack_writer *writer)
{
	int err = VV_OK;

	for (size_t i = 0; !err && i < known->count; i++) {
		const struct known_pack *p = &known->packs[i];

		if (!is_relied_on(p))
			continue;
		err = is_condemned(known, p->pack);
		if (err == 1)
			err = vv_settle_pack(known, vv_store_source(known->store),
					     (uint32_t)i, p->frames, p->blobs, writer);
	}
	return err;
}
