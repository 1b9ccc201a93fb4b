#include "store/packer.h"

#include "codec/chunk.h"
#include "codec/hash.h"
#include "core/arith.h"
#include "core/buf.h"
#include "core/err.h"
#include "format/pack.h"
#include "format/slots.h"
#include "input/input.h"
#include "store/heat.h"
#include "store/known.h"
#include "store/line.h"
#include "store/publish.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * Packs made with other numbers share less with those that are there: not to be changed
 * lightly.
 */
static const struct vv_chunk_params cuts = {
	.min_bytes = 32 * 1024,
	.mid_bytes = 48 * 1024,
	.max_bytes = VV_SLICE_MAX,
	.strict_bits = 14,
	.loose_bits = 12,
};

enum {
	/*
	 * So much must be at hand to cut: then what is left can stand before a hole as
	 * an extent of its own.
	 */
	CUT_BYTES = VV_SLICE_MAX + VV_EXTENT_MIN,
	HELD_BYTES = CUT_BYTES + VV_PACKER_BLOCK,
	MEMBERS_MAX = 4096, /* blobs in a group */
};

struct vv_packer {
	struct vv_known *known; /* borrowed, and so the next two */
	struct vv_publish_stats *stats;
	struct vv_packer_options opts;
	struct vv_line *line; /* owned */
	struct vv_buf ids;    /* struct vv_id each: the blobs of this session */
	struct vv_slots id_index;

	uint8_t *group; /* owned; VV_FRAME_MAX bytes */
	size_t group_len;
	uint32_t group_rank;		/* of the member that is used first */
	struct vv_line_member *members; /* owned */
	size_t member_count;

	/* The blob being read: */
	struct vv_input *input;
	uint64_t hole; /* zeros that the input told and nobody took yet */
	bool is_over;
	struct vv_hasher hasher;
	uint64_t size; /* bytes read of it */
	uint8_t *held; /* owned; HELD_BYTES: read, not yet cut */
	size_t held_len;
	struct vv_blob_plan *plan; /* owned; NULL while it may be small */
};

int vv_packer_new(struct vv_packer **out, struct vv_store *store,
		  struct vv_known *known, struct vv_pack_writer *writer,
		  const struct vv_packer_options *opts, struct vv_publish_stats *stats)
{
	struct vv_packer *p = calloc(1, sizeof *p);
	int err = VV_ENOMEM;

	*out = NULL;
	if (!p)
		return VV_ENOMEM;
	p->known = known;
	p->group_rank = VV_HEAT_COLD;
	p->stats = stats;
	p->opts = *opts;
	vv_buf_init(&p->ids, SIZE_MAX);
	p->group = malloc(VV_FRAME_MAX);
	p->held = malloc(HELD_BYTES);
	p->members = malloc(MEMBERS_MAX * sizeof *p->members);
	if (p->group && p->held && p->members)
		err = vv_line_new(&p->line, store, known, writer, opts->level,
				  opts->jobs, stats);
	if (err) {
		vv_packer_free(p);
		return err;
	}
	*out = p;
	return VV_OK;
}

void vv_packer_free(struct vv_packer *p)
{
	if (!p)
		return;
	vv_line_free(p->line);
	vv_blob_plan_free(p->plan);
	vv_buf_fini(&p->ids);
	vv_slots_fini(&p->id_index);
	free(p->group);
	free(p->held);
	free(p->members);
	free(p);
}

/* ---- which blobs are known ---- */

static bool is_of_session(const struct vv_packer *p, const struct vv_id *id)
{
	uint32_t hash = vv_slots_hash(id), n;

	for (size_t at = 0; vv_slots_next(&p->id_index, hash, &at, &n);)
		if (vv_id_equal(&((const struct vv_id *)p->ids.bytes)[n], id))
			return true;
	return false;
}

static int remember(struct vv_packer *p, const struct vv_id *id)
{
	uint32_t n = (uint32_t)(p->ids.len / sizeof *id);
	int err = vv_buf_append(&p->ids, id, sizeof *id);

	return err ? err : vv_slots_put(&p->id_index, vv_slots_hash(id), n);
}

/* *@is_known: there is nothing to store.  Otherwise it is from now on. */
static int look_up(struct vv_packer *p, const struct vv_id *id, bool *is_known)
{
	int err;

	*is_known = is_of_session(p, id);
	if (*is_known) {
		p->stats->blobs_reused++;
		return VV_OK;
	}
	err = vv_known_find_blob(p->known, id);
	if (err && err != VV_ENOENT)
		return err;
	*is_known = err == VV_OK;
	p->stats->blobs_reused += *is_known;
	return remember(p, id);
}

/* ---- reading ---- */

/* One block of the file, or the rest of it, behind what is held; *@len 0 = the end. */
static int read_block(struct vv_packer *p, size_t *len)
{
	uint8_t *block = p->held + p->held_len;

	*len = 0;
	while (*len < VV_PACKER_BLOCK && !p->is_over) {
		size_t room = VV_PACKER_BLOCK - *len, got = 0;

		if (p->hole) {
			got = (size_t)vv_min_u64(p->hole, room);
			memset(block + *len, 0, got);
			p->hole -= got;
		} else {
			int err = p->input->ops->read(p->input, block + *len, room,
						      &got, &p->hole);

			if (err)
				return err;
			p->is_over = !got && !p->hole;
		}
		*len += got;
	}
	vv_hasher_add(&p->hasher, block, *len);
	p->size += *len;
	p->stats->bytes_in += *len;
	return p->opts.tick(p->opts.ctx);
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

/* ---- small blobs ---- */

static uint32_t rank_of(const struct vv_packer *p, uint64_t off, size_t len)
{
	return p->opts.heat ? vv_heat_rank(p->opts.heat, off, len) : VV_HEAT_COLD;
}

static int flush_group(struct vv_packer *p)
{
	int err = VV_OK;

	vv_line_set_rank(p->line, p->group_rank);
	if (p->member_count)
		err = vv_line_group(p->line, p->group, p->group_len, p->members,
				    p->member_count);
	p->group_len = 0;
	p->group_rank = VV_HEAT_COLD;
	p->member_count = 0;
	return err;
}

static int store_small(struct vv_packer *p, const struct vv_id *id)
{
	bool is_known;
	uint32_t rank;
	int err = look_up(p, id, &is_known);

	if (err || is_known)
		return err;
	if (p->group_len + p->held_len > VV_FRAME_MAX || p->member_count == MEMBERS_MAX)
		err = flush_group(p);
	if (err)
		return err;
	p->members[p->member_count++] = (struct vv_line_member){
		.id = *id,
		.offset = (uint32_t)p->group_len,
		.size = (uint32_t)p->held_len,
	};
	rank = rank_of(p, 0, p->held_len);
	p->group_rank = rank < p->group_rank ? rank : p->group_rank;
	memcpy(p->group + p->group_len, p->held, p->held_len);
	p->group_len += p->held_len;
	return VV_OK;
}

/* ---- large blobs ---- */

enum follows {
	FOLLOWS_DATA,
	FOLLOWS_HOLE,
	FOLLOWS_NOTHING
};

/* Cuts what is held: all of it, unless more data follows. */
static int cut(struct vv_packer *p, enum follows follows)
{
	bool is_last = follows != FOLLOWS_DATA;
	size_t least = is_last ? 1 : CUT_BYTES, at = 0;
	uint64_t start = p->size - p->held_len;
	int err = VV_OK;

	while (!err && p->held_len - at >= least) {
		size_t rest = p->held_len - at;
		size_t len = vv_chunk_next(&cuts, p->held + at, rest, is_last);

		/*
		 * Extents before a hole are not short either (docs/format.md, section
		 * 7).
		 */
		if (follows == FOLLOWS_HOLE && rest != len &&
		    rest - len < VV_EXTENT_MIN)
			len = rest - VV_EXTENT_MIN;
		vv_line_set_rank(p->line, rank_of(p, start + at, len));
		err = vv_line_slice(p->line, p->plan, start + at, p->held + at, len);
		at += len;
	}
	memmove(p->held, p->held + at, p->held_len - at);
	p->held_len -= at;
	return err;
}

/* The block that was just read, behind what is held. */
static int take_block(struct vv_packer *p, size_t len, bool *in_hole)
{
	int err = VV_OK;

	if (!is_zero(p->held + p->held_len, len)) {
		p->held_len += len;
		*in_hole = false;
		return cut(p, FOLLOWS_DATA);
	}
	p->size -= len; /* cut() looks back from the end of what is held */
	err = cut(p, FOLLOWS_HOLE);
	if (!err && !*in_hole)
		err = vv_line_hole(p->plan, p->size);
	p->size += len;
	*in_hole = true;
	return err;
}

/* The first block is held, the second, of @len bytes, is behind it. */
static int store_large(struct vv_packer *p, size_t len, struct vv_id *id)
{
	bool in_hole = false, is_known;
	int err = vv_line_blob_begin(&p->plan);
	struct vv_blob_plan *plan;

	if (err)
		return err;
	/* The first block was held as data, but may be a hole as well. */
	p->size -= len;
	p->held_len -= VV_PACKER_BLOCK;
	err = take_block(p, VV_PACKER_BLOCK, &in_hole);
	if (!err && in_hole)
		memmove(p->held, p->held + VV_PACKER_BLOCK, len);
	p->size += len;
	while (!err && len) {
		err = take_block(p, len, &in_hole);
		if (!err)
			err = read_block(p, &len);
	}
	if (!err)
		err = cut(p, FOLLOWS_NOTHING);
	vv_hasher_done(&p->hasher, id);
	if (!err)
		err = look_up(p, id, &is_known);
	if (err)
		return err;
	plan = p->plan;
	p->plan = NULL;
	return vv_line_blob_end(p->line, plan, id, p->size, is_known);
}

int vv_packer_blob(struct vv_packer *p, struct vv_input *input, struct vv_id *id,
		   uint64_t *size)
{
	size_t len;
	int err;

	*id = (struct vv_id){ 0 };
	*size = 0;
	p->input = input;
	p->hole = p->size = p->held_len = 0;
	p->is_over = false;
	vv_hasher_init(&p->hasher);
	err = read_block(p, &p->held_len);
	if (err || !p->held_len)
		return err;
	err = read_block(p, &len);
	if (err)
		return err;
	if (len) {
		err = store_large(p, len, id);
	} else {
		vv_hasher_done(&p->hasher, id);
		err = store_small(p, id);
	}
	*size = p->size;
	return err;
}

int vv_packer_frame(struct vv_packer *p, const uint8_t *bytes, size_t len, bool is_base)
{
	p->stats->bytes_in += len;
	return vv_line_frame(p->line, bytes, len, is_base);
}

int vv_packer_finish(struct vv_packer *p)
{
	int err = flush_group(p);

	return err ? err : vv_line_finish(p->line);
}
