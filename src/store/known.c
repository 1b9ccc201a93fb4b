#include "store/known.h"

#include "core/arith.h"
#include "core/err.h"
#include "core/log.h"
#include "source/source.h"
#include "store/intent.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

enum {
	FILTER_BITS =
		16, /* for each id: about 1 % of the new ones are searched for in vain */
	FILTER_PROBES = 4,
};

/*
 * A Bloom filter whose probes for one id lie in one 64-bit word. Ids are hashes, so
 * their bytes serve as the probes.
 */
struct filter {
	uint64_t *words; /* owned */
	size_t count;	 /* a power of two */
};

struct known_pack {
	const struct vv_pack *pack; /* borrowed from the set; NULL: not to be used */
	bool is_relied_on;	    /* named by the intent, and was there after that */
};

struct vv_known {
	struct vv_store *store; /* borrowed, and so the next */
	struct vv_announce *announce;
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

void vv_known_leave_out(struct vv_known *known, const struct vv_id *pack)
{
	size_t i;

	if (vv_pack_set_index(known->set, pack, &i) == VV_OK)
		known->packs[i].pack = NULL;
}

int vv_known_new(struct vv_known **out, struct vv_store *store,
		 struct vv_announce *announce)
{
	struct vv_known *known = calloc(1, sizeof *known);
	int err;

	*out = NULL;
	if (!known)
		return VV_ENOMEM;
	known->store = store;
	known->announce = announce;
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

/* ---- relying ---- */

/*
 * VV_ENOENT: condemned or gone. In this order: gc removes the record after the pack.
 */
static int check_pack(const struct vv_known *known, const struct vv_pack *pack)
{
	struct vv_source *src = vv_store_source(known->store);
	char key[VV_STORE_KEY_MAX];
	struct vv_object_info info;
	int err;

	vv_store_condemned_key(key, &pack->id);
	err = vv_source_stat(src, key, &info);
	if (err != VV_ENOENT)
		return err ? err : VV_ENOENT;
	vv_store_pack_key(key, &pack->id);
	err = vv_source_stat(src, key, &info);
	return err ? err : vv_store_settle(known->store, key);
}

int vv_known_rely(struct vv_known *known, size_t pack)
{
	struct known_pack *p = &known->packs[pack];
	int err;

	if (!p->pack)
		return VV_ENOENT;
	if (p->is_relied_on)
		return VV_OK;
	err = vv_announce_pack(known->announce, &p->pack->id);
	if (!err)
		err = vv_announce_flush(known->announce);
	if (err)
		return err;
	err = check_pack(known, p->pack);
	p->is_relied_on = err == VV_OK;
	if (err == VV_ENOENT) {
		p->pack = NULL;
		known->has_condemned = true;
	}
	return err;
}

/* ---- finding ---- */

/* The packs in the order to look at: the hint, then all others. */
static size_t nth_pack(const struct vv_known *known, size_t n)
{
	return n == 0 ? known->hint : n - (n <= known->hint);
}

static int find_stored(struct vv_known *known, const struct vv_id *id,
		       struct vv_known_frame *out);

/* Where the bytes of entry @index of @pack are: here or elsewhere. */
static int locate(struct vv_known *known, size_t pack, uint32_t index,
		  struct vv_known_frame *out)
{
	*out = (struct vv_known_frame){ .pack = (uint32_t)pack, .index = index };
	if (vv_pack_frame(known->packs[pack].pack, index, &out->frame) != VV_OK)
		return VV_ENOENT;
	return out->frame.offset ? VV_OK : find_stored(known, &out->frame.id, out);
}

static int find_stored_in(struct vv_known *known, size_t pack, const struct vv_id *id,
			  struct vv_known_frame *out)
{
	const struct vv_pack *p = known->packs[pack].pack;

	out->pack = (uint32_t)pack;
	if (!p || vv_pack_find_frame(p, id, &out->index) != VV_OK ||
	    vv_pack_frame(p, out->index, &out->frame) != VV_OK || !out->frame.offset)
		return VV_ENOENT;
	return vv_known_rely(known, pack);
}

/* A frame where its bytes are; whether its reference can be had is not asked. */
static int find_stored(struct vv_known *known, const struct vv_id *id,
		       struct vv_known_frame *out)
{
	int err = VV_ENOENT;

	if (!filter_may_have(&known->filter, id))
		return VV_ENOENT;
	for (size_t n = 0; err == VV_ENOENT && n < known->count; n++) {
		size_t pack = nth_pack(known, n);

		err = find_stored_in(known, pack, id, out);
		if (!err)
			known->hint = pack;
	}
	return err;
}

static int find_reference(struct vv_known *known, const struct vv_known_frame *f)
{
	struct vv_known_frame ref;

	if (f->frame.reference == VV_NONE)
		return VV_OK;
	return locate(known, f->pack, f->frame.reference, &ref);
}

int vv_known_find_frame(struct vv_known *known, const struct vv_id *id,
			struct vv_known_frame *out)
{
	int err = find_stored(known, id, out);

	return err ? err : find_reference(known, out);
}

static int find_frames(struct vv_known *known, size_t pack, const struct vv_blob *blob)
{
	int err = VV_OK;

	for (uint32_t n = 0; !err && n < blob->extent_count; n++) {
		struct vv_known_frame frame;
		struct vv_extent extent;

		if (vv_pack_extent(known->packs[pack].pack, blob, n, &extent) != VV_OK)
			return VV_ENOENT;
		if (extent.frame == VV_NONE)
			continue;
		err = locate(known, pack, extent.frame, &frame);
		if (!err)
			err = find_reference(known, &frame);
	}
	return err;
}

static int find_blob_in(struct vv_known *known, size_t pack, const struct vv_id *id)
{
	const struct vv_pack *p = known->packs[pack].pack;
	struct vv_blob blob;
	uint32_t index;
	int err;

	if (!p || vv_pack_find_blob(p, id, &index) != VV_OK ||
	    vv_pack_blob(p, index, &blob) != VV_OK)
		return VV_ENOENT;
	err = vv_known_rely(known, pack);
	return err ? err : find_frames(known, pack, &blob);
}

int vv_known_find_blob(struct vv_known *known, const struct vv_id *id)
{
	int err = VV_ENOENT;

	if (!filter_may_have(&known->filter, id))
		return VV_ENOENT;
	for (size_t n = 0; err == VV_ENOENT && n < known->count; n++) {
		size_t pack = nth_pack(known, n);

		err = find_blob_in(known, pack, id);
		if (!err)
			known->hint = pack;
	}
	return err;
}
