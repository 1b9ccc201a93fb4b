#include "store/reader.h"

#include "cache/budget.h"
#include "cache/lanes.h"
#include "core/arith.h"
#include "core/err.h"
#include "core/log.h"
#include "os/system.h"
#include "os/thread.h"
#include "store/decoders.h"
#include "store/fetch.h"
#include "store/helpers.h"
#include "store/store.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	PLACES =
		256, /* blobs whose place is remembered: what is read goes on being read */
	ZEROS = 64 * 1024,
	HELP_BYTES =
		64 * 1024, /* shorter reads, and fewer frames, are not worth waking */
	HELP_FRAMES = 3,   /* ... somebody for */
	LOOKS_MAX = 64,	   /* at the packs, for one read */
};

/*
 * A store that lost something is listed again at most this often.  One whose packs go while
 * they are read (gc removes one after the other) as often as they do.
 */
#define REFRESH_NS UINT64_C(1000000000)

/* Where a blob lies.  @set is counted unless it is a remembered place. */
struct place {
	struct vv_pack_set *set;
	const struct vv_pack *pack; /* NULL: nothing remembered */
	struct vv_blob blob;
	struct vv_frame_account *account; /* of who reads there now; not remembered */
	bool is_ahead;			  /* the same */
};

struct vv_reader {
	struct vv_store *store;	      /* borrowed */
	struct vv_frame_cache *cache; /* borrowed */
	struct vv_budget *budget;     /* borrowed */
	struct vv_decoders *decoders; /* owned */
	struct vv_fetcher fetcher;
	struct vv_mutex lock;	     /* never held during a search or I/O */
	struct vv_pack_set *set;     /* counted; protected by lock, as is all below */
	struct place places[PLACES]; /* in `set`; by the first bytes of the id */
	uint32_t hint;		     /* the pack where a blob was found last */
	uint64_t refreshed_ns;	     /* when; 0 = never */
	_Atomic(struct vv_helpers *) helpers; /* owned; NULL: none */
	struct vv_lanes *lanes;		      /* borrowed; NULL: nobody fetches ahead */
	atomic_uint_least64_t reads, bytes_read, failures;
};

/* A part of a read that lies in one extent. */
struct piece {
	bool is_hole;
	struct vv_frame frame;
	size_t at;   /* in the frame */
	size_t size; /* bytes of the read */
};

static const uint8_t zeros[ZEROS];

/* ---- finding the blob ---- */

/* The set in use, counted, and the place if it is remembered.  One lock a read. */
static void recall(struct vv_reader *r, const struct vv_id *id, struct place *out,
		   uint32_t *hint)
{
	const struct place *p = &r->places[vv_get_le16(id->bytes) % PLACES];

	*out = (struct place){ 0 };
	vv_mutex_lock(&r->lock);
	if (p->pack && vv_id_equal(&p->blob.id, id))
		*out = *p;
	out->set = r->set;
	vv_pack_set_ref(out->set);
	*hint = r->hint;
	vv_mutex_unlock(&r->lock);
}

static void remember(struct vv_reader *r, const struct place *place, uint32_t hint)
{
	vv_mutex_lock(&r->lock);
	if (place->set == r->set) {
		r->places[vv_get_le16(place->blob.id.bytes) % PLACES] = *place;
		r->hint = hint;
	}
	vv_mutex_unlock(&r->lock);
}

/* @out->set is counted. */
static int locate(struct vv_reader *r, const struct vv_id *id, struct place *out)
{
	uint32_t hint;
	int err;

	recall(r, id, out, &hint);
	if (out->pack)
		return VV_OK;
	err = vv_pack_set_find_blob(out->set, id, &hint, &out->pack, &out->blob);
	if (!err)
		remember(r, out, hint);
	return err;
}

static bool may_refresh(struct vv_reader *r)
{
	uint64_t now = vv_clock_ns();
	bool may;

	vv_mutex_lock(&r->lock);
	may = r->refreshed_ns == 0 || now - r->refreshed_ns >= REFRESH_NS;
	if (may)
		r->refreshed_ns = now;
	vv_mutex_unlock(&r->lock);
	return may;
}

/* @set is taken. */
static void use_set(struct vv_reader *r, struct vv_pack_set *set)
{
	struct vv_pack_set *old;

	vv_mutex_lock(&r->lock);
	old = r->set;
	r->set = set;
	memset(r->places, 0, sizeof r->places);
	r->hint = 0;
	vv_mutex_unlock(&r->lock);
	vv_pack_set_unref(old);
}

/* Somebody may have looked at the packs since: a mount does, when a ref moved. */
static bool adopt(struct vv_reader *r)
{
	struct vv_pack_set *set;
	bool is_new;

	if (vv_store_packs(r->store, &set))
		return false;
	vv_mutex_lock(&r->lock);
	is_new = set != r->set;
	vv_mutex_unlock(&r->lock);
	if (is_new)
		use_set(r, set);
	else
		vv_pack_set_unref(set);
	return is_new;
}

static bool have_same_packs(const struct vv_pack_set *a, const struct vv_pack_set *b)
{
	if (vv_pack_set_count(a) != vv_pack_set_count(b))
		return false;
	for (size_t i = 0; i < vv_pack_set_count(a); i++)
		if (!vv_id_equal(vv_pack_set_id(a, i), vv_pack_set_id(b, i)))
			return false;
	return true;
}

/*
 * A new look at the packs, which may have what @used had not.  @is_gone: a pack of @used
 * is not there any more, so this is no question of how often.
 */
static bool refresh(struct vv_reader *r, const struct vv_pack_set *used, bool is_gone)
{
	struct vv_pack_set *set;
	bool is_other;

	if ((!is_gone && !may_refresh(r)) || vv_store_packs_refresh(r->store, &set))
		return false;
	is_other = !have_same_packs(set, used);
	use_set(r, set);
	return is_other || !is_gone;
}

/* May a read that failed with @used succeed now? */
static bool look_again(struct vv_reader *r, const struct vv_pack_set *used,
		       bool is_gone)
{
	bool is_newer;

	vv_mutex_lock(&r->lock);
	is_newer = r->set != used; /* another read did it */
	vv_mutex_unlock(&r->lock);
	return is_newer || adopt(r) || refresh(r, used, is_gone);
}

/* ---- pieces ---- */

/* The piece of the @nth extent within [@off, @end); @off lies in that extent. */
static int get_piece(const struct place *p, uint32_t nth, uint64_t off, uint64_t end,
		     struct piece *out)
{
	struct vv_extent extent;
	int err = vv_pack_extent(p->pack, &p->blob, nth, &extent);

	if (err)
		return err;
	if (off < extent.start || off >= extent.end)
		return VV_ECORRUPT; /* extents that are not in order */
	out->size = (size_t)(vv_min_u64(end, extent.end) - off);
	out->is_hole = extent.frame == VV_NONE;
	if (out->is_hole)
		return VV_OK;
	out->at = extent.frame_offset + (size_t)(off - extent.start);
	return vv_pack_frame(p->pack, extent.frame, &out->frame);
}

/* What it may cost to have the frame: a foreign one may have a reference over there. */
static size_t reference_cost(const struct piece *piece)
{
	bool may_have = piece->frame.reference != VV_NONE || piece->frame.offset == 0;

	return may_have ? vv_frame_cache_cost(VV_FRAME_MAX) : 0;
}

static int pin_piece(struct vv_reader *r, const struct place *p,
		     const struct piece *piece, struct vv_pin *out)
{
	struct vv_fetch fetch = {
		.fetcher = &r->fetcher,
		.set = p->set,
		.pack = p->pack,
		.frame = piece->frame,
		.account = p->account,
	};
	struct vv_asker asker = { .account = p->account, .is_ahead = p->is_ahead };

	return vv_frame_cache_pin_for(r->cache, &asker, &piece->frame.id,
				      piece->frame.plain_size, vv_fetch_frame, &fetch,
				      out);
}

/* ---- reading in place ---- */

/* Frames are pinned together, references one after the other. */
static int measure(const struct place *p, uint64_t off, uint64_t end, size_t *cost)
{
	size_t frames = 0, reference = 0;
	struct piece piece;
	uint32_t nth;
	int err = vv_pack_extent_at(p->pack, &p->blob, off, &nth);

	for (; !err && off < end; nth++) {
		err = get_piece(p, nth, off, end, &piece);
		if (err)
			break;
		off += piece.size;
		if (piece.is_hole)
			continue;
		frames += vv_frame_cache_cost(piece.frame.plain_size);
		reference = vv_max_size(reference, reference_cost(&piece));
	}
	*cost = frames + 2 * reference; /* a helper may need one as well */
	return err;
}

static void add_span(struct vv_read *out, const uint8_t *bytes, size_t size)
{
	assert(out->span_count < VV_SPAN_MAX);
	out->spans[out->span_count++] = (struct vv_span){ bytes, size };
	out->size += size;
}

static void add_zeros(struct vv_read *out, size_t size)
{
	while (size > 0) {
		size_t n = vv_min_size(size, sizeof zeros);

		add_span(out, zeros, n);
		size -= n;
	}
}

static int add_piece(struct vv_reader *r, const struct place *p,
		     const struct piece *piece, struct vv_read *out)
{
	struct vv_pin *pin = &out->pins[out->pin_count];
	int err;

	assert(out->pin_count < VV_SPAN_MAX);
	err = pin_piece(r, p, piece, pin);
	if (err)
		return err;
	out->pin_count++;
	add_span(out, pin->bytes + piece->at, piece->size);
	return VV_OK;
}

/* ---- help with a read of many frames ---- */

struct help {
	struct vv_help_job job; /* first: cast back */
	struct vv_reader *r;
	const struct place *p;
	uint32_t first, last; /* extents: the reader begins here, the helper there */
	uint64_t off, end;
};

/* The @nth extent of the read, into the cache.  The admission is the reader's. */
static int help_with(struct help *help, uint32_t nth)
{
	struct vv_extent extent;
	struct piece piece;
	struct vv_pin pin;
	int err = vv_pack_extent(help->p->pack, &help->p->blob, nth, &extent);

	if (!err)
		err = get_piece(help->p, nth, vv_max_u64(extent.start, help->off),
				help->end, &piece);
	if (err || piece.is_hole)
		return err;
	err = pin_piece(help->r, help->p, &piece, &pin);
	vv_frame_cache_unpin(help->r->cache, &pin);
	return err;
}

static void work_on(struct vv_help_job *job)
{
	struct help *help = (struct help *)job;

	for (uint32_t nth = help->last;
	     nth > help->first && !atomic_load(&job->is_over); nth--)
		if (help_with(help, nth))
			break; /* the reader meets the same */
}

/* The number of extents, and whether the last one's frame is still to be fetched. */
static bool is_long(struct vv_reader *r, const struct place *p, uint64_t off,
		    uint64_t end, struct help *help)
{
	struct vv_extent extent;
	struct vv_frame frame;

	if (!atomic_load(&r->helpers) || end - off < HELP_BYTES ||
	    vv_pack_extent_at(p->pack, &p->blob, off, &help->first) ||
	    vv_pack_extent_at(p->pack, &p->blob, end - 1, &help->last) ||
	    help->last - help->first + 1 < HELP_FRAMES)
		return false;
	help->r = r;
	help->p = p;
	help->off = off;
	help->end = end;
	help->job.work = work_on;
	if (vv_pack_extent(p->pack, &p->blob, help->last, &extent) ||
	    extent.frame == VV_NONE || vv_pack_frame(p->pack, extent.frame, &frame))
		return false;
	return !vv_frame_cache_has(r->cache, &frame.id);
}

static int pin_all(struct vv_reader *r, const struct place *p, uint64_t off,
		   uint64_t end, struct vv_read *out)
{
	struct piece piece;
	uint32_t nth;
	int err = vv_pack_extent_at(p->pack, &p->blob, off, &nth);

	for (; !err && off < end; nth++) {
		err = get_piece(p, nth, off, end, &piece);
		if (!err && piece.is_hole)
			add_zeros(out, piece.size);
		else if (!err)
			err = add_piece(r, p, &piece, out);
		off += piece.size;
	}
	return err;
}

/* ---- reading by copy ---- */

static int copy_piece(struct vv_reader *r, const struct place *p,
		      const struct piece *piece, uint8_t *buf)
{
	size_t cost =
		vv_frame_cache_cost(piece->frame.plain_size) + reference_cost(piece);
	struct vv_pin pin;
	int err = vv_frame_cache_admit(r->cache, cost);

	if (err)
		return err;
	err = pin_piece(r, p, piece, &pin);
	if (!err)
		memcpy(buf, pin.bytes + piece->at, piece->size);
	vv_frame_cache_unpin(r->cache, &pin);
	vv_frame_cache_leave(r->cache, cost);
	return err;
}

static int copy_all(struct vv_reader *r, const struct place *p, uint64_t off,
		    uint64_t end, uint8_t *buf)
{
	struct piece piece;
	uint32_t nth;
	int err = vv_pack_extent_at(p->pack, &p->blob, off, &nth);

	for (; !err && off < end; nth++) {
		err = get_piece(p, nth, off, end, &piece);
		if (!err && piece.is_hole)
			memset(buf, 0, piece.size);
		else if (!err)
			err = copy_piece(r, p, &piece, buf);
		off += piece.size;
		buf += piece.size;
	}
	return err;
}

/*
 * Extents may be short and their frames large, so that the frames of one read do not
 * all fit a small cache.  Then the bytes are collected, frame after frame.
 */
static int bounce(struct vv_reader *r, const struct place *p, uint64_t off,
		  uint64_t end, struct vv_read *out)
{
	size_t len = (size_t)(end - off);
	int err = vv_budget_reserve(r->budget, VV_HOLD_DECODERS, len);

	if (err)
		return err;
	out->size = len;
	out->bounce = malloc(len);
	if (!out->bounce) {
		vv_budget_release(r->budget, VV_HOLD_DECODERS, len);
		return VV_ENOMEM;
	}
	err = copy_all(r, p, off, end, out->bounce);
	out->spans[out->span_count++] = (struct vv_span){ out->bounce, len };
	return err;
}

/* ---- one answer ---- */

static void release(struct vv_reader *r, struct vv_read *read)
{
	for (unsigned i = 0; i < read->pin_count; i++)
		vv_frame_cache_unpin(r->cache, &read->pins[i]);
	if (read->admitted)
		vv_frame_cache_leave(r->cache, read->admitted);
	if (read->bounce)
		vv_budget_release(r->budget, VV_HOLD_DECODERS, read->size);
	free(read->bounce);
	read->bounce = NULL;
	read->pin_count = read->span_count = 0;
	read->size = read->admitted = 0;
}

static int read_in_place(struct vv_reader *r, const struct place *p, uint64_t off,
			 uint64_t end, struct vv_read *out)
{
	struct vv_helpers *helpers = atomic_load(&r->helpers);
	struct help help;
	size_t cost;
	int err = measure(p, off, end, &cost);

	if (err)
		return err;
	if (cost > 0 && vv_frame_cache_admit(r->cache, cost))
		return bounce(r, p, off, end, out);
	out->admitted = cost;
	if (!is_long(r, p, off, end, &help) || !vv_helpers_offer(helpers, &help.job))
		return pin_all(r, p, off, end, out);
	err = pin_all(r, p, off, end, out);
	vv_helpers_take_back(helpers, &help.job);
	return err;
}

/* A destination: spans if @read is set, else @buf. */
struct want {
	const struct vv_id *id;
	uint64_t size; /* of the blob, says the tree */
	uint64_t off, end;
	struct vv_read *read;
	uint8_t *buf;
	struct vv_frame_account *account;
	bool is_ahead; /* of those who will ask */
};

static int read_place(struct vv_reader *r, const struct place *p, const struct want *w)
{
	int err;

	if (p->blob.size != w->size)
		return VV_ECORRUPT;
	if (!w->read)
		return copy_all(r, p, w->off, w->end, w->buf);
	err = read_in_place(r, p, w->off, w->end, w->read);
	if (err)
		release(r, w->read);
	return err;
}

/*
 * The first place that is found, then any other that holds the blob.  After an error
 * *@used is the set that was looked in, counted, and *@is_gone tells that the blob was
 * found in a pack that is not there.
 */
static int read_once(struct vv_reader *r, const struct want *w,
		     struct vv_pack_set **used, bool *is_gone)
{
	struct place p;
	const struct vv_pack *tried;
	size_t pos = 0;
	int err = locate(r, w->id, &p);
	int first;

	*used = p.set;
	*is_gone = false;
	if (err)
		return err;
	p.account = w->account;
	p.is_ahead = w->is_ahead;
	first = err = read_place(r, &p, w);
	tried = p.pack;
	while (err && err != VV_ENOMEM &&
	       vv_pack_set_next_blob(p.set, w->id, &pos, &p.pack, &p.blob)) {
		if (p.pack != tried)
			err = read_place(r, &p, w);
	}
	*is_gone = err && first == VV_ENOENT;
	if (err)
		return first;
	vv_pack_set_unref(p.set);
	return VV_OK;
}

static int read_or_tell(struct vv_reader *r, const struct want *w)
{
	static struct vv_log_limit limit;
	char hex[VV_ID_HEX_BYTES];
	struct vv_pack_set *used;
	bool is_gone, again = true;
	int err = VV_OK;

	for (unsigned looks = 0; again && looks < LOOKS_MAX; looks++) {
		err = read_once(r, w, &used, &is_gone);
		again = err && err != VV_ENOMEM && look_again(r, used, is_gone);
		if (err)
			vv_pack_set_unref(used);
	}
	if (err) {
		atomic_fetch_add_explicit(&r->failures, 1, memory_order_relaxed);
		vv_log_limited(&limit, VV_LOG_ERROR, "blob %s: %s",
			       vv_id_to_hex(w->id, hex), vv_err_text(err));
		return err;
	}
	if (w->is_ahead)
		return VV_OK;
	atomic_fetch_add_explicit(&r->reads, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&r->bytes_read, w->end - w->off,
				  memory_order_relaxed);
	return VV_OK;
}

/* Somebody waits for it: who fetches ahead makes way. */
static int read_now(struct vv_reader *r, const struct want *w)
{
	int err;

	if (r->lanes)
		vv_lanes_enter(r->lanes);
	err = read_or_tell(r, w);
	if (r->lanes)
		vv_lanes_leave(r->lanes);
	return err;
}

int vv_reader_read_for(struct vv_reader *r, struct vv_frame_account *account,
		       const struct vv_id *id, uint64_t size, uint64_t off, size_t len,
		       struct vv_read *out)
{
	struct want w = {
		.id = id,
		.size = size,
		.off = off,
		.read = out,
		.account = account,
	};

	out->span_count = out->pin_count = 0;
	out->size = out->admitted = 0;
	out->bounce = NULL;
	if (len > VV_READ_MAX)
		return VV_EINVAL;
	if (off >= size || len == 0)
		return VV_OK;
	w.end = off + vv_min_u64(len, size - off);
	return read_now(r, &w);
}

int vv_reader_read(struct vv_reader *r, const struct vv_id *id, uint64_t size,
		   uint64_t off, size_t len, struct vv_read *out)
{
	return vv_reader_read_for(r, NULL, id, size, off, len, out);
}

void vv_reader_done(struct vv_reader *r, struct vv_read *read)
{
	release(r, read);
}

static int copy(struct vv_reader *r, const struct vv_id *id, uint64_t size,
		uint64_t off, void *buf, size_t len, bool is_ahead)
{
	struct want w = {
		.id = id, .size = size, .off = off, .buf = buf, .is_ahead = is_ahead
	};

	if (!vv_range_fits(off, len, size))
		return VV_EINVAL;
	if (len == 0)
		return VV_OK;
	w.end = off + len;
	return is_ahead ? read_or_tell(r, &w) : read_now(r, &w);
}

int vv_reader_copy(struct vv_reader *r, const struct vv_id *id, uint64_t size,
		   uint64_t off, void *buf, size_t len)
{
	return copy(r, id, size, off, buf, len, false);
}

int vv_reader_copy_ahead(struct vv_reader *r, const struct vv_id *id, uint64_t size,
			 uint64_t off, void *buf, size_t len)
{
	return copy(r, id, size, off, buf, len, true);
}

int vv_reader_start_helpers(struct vv_reader *r, unsigned count)
{
	struct vv_helpers *helpers;
	int err;

	assert(!atomic_load(&r->helpers));
	err = vv_helpers_new(&helpers, count);
	atomic_store(&r->helpers, helpers);
	return err;
}

void vv_reader_set_lanes(struct vv_reader *r, struct vv_lanes *lanes)
{
	r->lanes = lanes;
}

int vv_reader_frame(struct vv_reader *r, struct vv_pack_set *set,
		    const struct vv_pack *pack, const struct vv_frame *frame,
		    uint8_t *plain)
{
	struct place p = { .set = set, .pack = pack };
	struct piece piece = { .frame = *frame, .size = frame->plain_size };

	return copy_piece(r, &p, &piece, plain);
}

/* ---- life ---- */

int vv_reader_new(struct vv_reader **out, struct vv_store *store,
		  struct vv_frame_cache *cache, struct vv_budget *budget)
{
	struct vv_reader *r = calloc(1, sizeof *r);
	int err;

	*out = NULL;
	if (!r)
		return VV_ENOMEM;
	r->store = store;
	r->cache = cache;
	r->budget = budget;
	err = vv_decoders_new(&r->decoders, budget);
	if (!err)
		err = vv_store_packs(store, &r->set);
	if (err) {
		vv_decoders_free(r->decoders);
		free(r);
		return err;
	}
	r->fetcher.store = store;
	r->fetcher.cache = cache;
	r->fetcher.decoders = r->decoders;
	vv_mutex_init(&r->lock);
	*out = r;
	return VV_OK;
}

void vv_reader_free(struct vv_reader *r)
{
	if (!r)
		return;
	vv_helpers_free(atomic_load(&r->helpers));
	vv_pack_set_unref(r->set);
	vv_decoders_free(r->decoders);
	vv_mutex_fini(&r->lock);
	free(r);
}

void vv_reader_get_stats(struct vv_reader *r, struct vv_reader_stats *out)
{
	const struct vv_fetcher *f = &r->fetcher;

	*out = (struct vv_reader_stats){
		.reads = atomic_load(&r->reads),
		.bytes_read = atomic_load(&r->bytes_read),
		.failures = atomic_load(&r->failures),
		.frames_fetched = atomic_load(&f->frames_fetched),
		.bytes_fetched = atomic_load(&f->bytes_fetched),
		.bytes_decoded = atomic_load(&f->bytes_decoded),
	};
}
