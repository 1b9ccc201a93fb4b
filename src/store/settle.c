#include "store/settle.h"

#include "core/err.h"
#include "core/log.h"
#include "store/frame_load.h"
#include "store/known.h"
#include "store/pack_writer.h"

#include <stdbool.h>
#include <stdlib.h>

struct settle {
	struct vv_known *known;
	struct vv_source *src;
	const struct vv_pack *pack;
	struct vv_pack_writer *writer;
	struct vv_frame_loader loader;
	uint8_t *plain, *ref; /* owned; VV_FRAME_MAX bytes each */
};

static bool has_bit(const uint8_t *map, uint32_t bit)
{
	return map && (map[bit / 8] & 1 << bit % 8);
}

/* Plain bytes of the reference to s->ref, and its number in the new pack. */
static int load_reference(struct settle *s, uint32_t index, uint32_t *number,
			  size_t *size)
{
	struct vv_known_frame at = { .index = index };
	const struct vv_pack *pack = s->pack;
	int err = vv_pack_frame(s->pack, index, &at.frame);

	if (!err && !at.frame.offset) {
		err = vv_known_find_frame(s->known, &at.frame.id, &at);
		if (!err)
			pack = vv_known_pack(s->known, at.pack);
	}
	if (!err)
		err = vv_pack_writer_foreign(s->writer, &at.frame, number);
	if (!err)
		err = vv_frame_fetch(&s->loader, s->src, &pack->id, &at.frame);
	if (!err)
		err = vv_frame_decode(&s->loader, &at.frame, s->loader.stored, NULL, 0,
				      s->ref);
	*size = at.frame.plain_size;
	return err;
}

static int copy_sketch(struct settle *s, const struct vv_frame *frame, uint32_t number)
{
	uint32_t values[VV_SKETCH_MAX];
	int err;

	if (!frame->sketch_count)
		return VV_OK;
	err = vv_pack_sketch(s->pack, frame, values);
	return err ? err
		   : vv_pack_writer_sketch(s->writer, number, values,
					   frame->sketch_count);
}

static int copy_frame(struct settle *s, struct vv_frame *frame)
{
	uint32_t number = VV_NONE;
	size_t ref_size = 0;
	int err = VV_OK;

	if (frame->reference != VV_NONE)
		err = load_reference(s, frame->reference, &number, &ref_size);
	if (!err)
		err = vv_frame_fetch(&s->loader, s->src, &s->pack->id, frame);
	if (!err)
		err = vv_frame_decode(&s->loader, frame, s->loader.stored,
				      ref_size ? s->ref : NULL, ref_size, s->plain);
	frame->reference = number;
	if (!err)
		err = vv_pack_writer_frame(s->writer, frame, s->loader.stored, &number);
	if (err)
		return err == VV_EEXIST ? VV_OK : err;
	return copy_sketch(s, frame, number);
}

/* Frames without a reference come first: a frame that a reference names must be in the new pack by then. */
static int copy_frames(struct settle *s, const uint8_t *frames, bool with_reference)
{
	int err = VV_OK;

	for (uint32_t i = 0; !err && i < s->pack->frame_count; i++) {
		struct vv_frame frame;

		if (!has_bit(frames, i))
			continue;
		err = vv_pack_frame(s->pack, i, &frame);
		if (!err && (frame.reference != VV_NONE) == with_reference)
			err = copy_frame(s, &frame);
	}
	return err;
}

static int copy_part(struct settle *s, const struct vv_blob *blob, uint32_t nth,
		     struct vv_blob_part *out)
{
	struct vv_extent extent;
	struct vv_frame frame;
	int err = vv_pack_extent(s->pack, blob, nth, &extent);

	if (err)
		return err;
	*out = (struct vv_blob_part){ extent.start, VV_NONE, extent.frame_offset };
	if (extent.frame == VV_NONE)
		return VV_OK;
	err = vv_pack_frame(s->pack, extent.frame, &frame);
	/* Copied before, or in another pack: either way an entry by its id will do. */
	return err ? err : vv_pack_writer_foreign(s->writer, &frame, &out->frame);
}

static int copy_blob(struct settle *s, uint32_t index)
{
	struct vv_blob_part *parts = NULL;
	struct vv_blob blob;
	int err = vv_pack_blob(s->pack, index, &blob);

	if (!err) {
		parts = calloc((size_t)blob.extent_count + 1, sizeof *parts);
		err = parts ? VV_OK : VV_ENOMEM;
	}
	for (uint32_t n = 0; !err && n < blob.extent_count; n++)
		err = copy_part(s, &blob, n, &parts[n]);
	if (!err)
		err = vv_pack_writer_blob(s->writer, &blob.id, blob.size, parts,
					  blob.extent_count);
	free(parts);
	return err == VV_EEXIST ? VV_OK : err;
}

static int copy_blobs(struct settle *s, const uint8_t *blobs)
{
	int err = VV_OK;

	for (uint32_t i = 0; !err && i < s->pack->blob_count; i++)
		if (has_bit(blobs, i))
			err = copy_blob(s, i);
	return err;
}

int vv_settle_pack(struct vv_known *known, struct vv_source *src, uint32_t pack,
		   const uint8_t *frames, const uint8_t *blobs,
		   struct vv_pack_writer *writer)
{
	struct settle s = {
		.known = known,
		.src = src,
		.pack = vv_known_pack(known, pack),
		.writer = writer,
		.plain = malloc(VV_FRAME_MAX),
		.ref = malloc(VV_FRAME_MAX),
	};
	char hex[VV_ID_HEX_BYTES];
	struct vv_id id;
	int err = s.plain && s.ref ? VV_OK : VV_ENOMEM;

	if (!err)
		err = vv_frame_loader_init(&s.loader);
	vv_pack_writer_make_unlike(writer);
	if (!err)
		err = copy_frames(&s, frames, false);
	if (!err)
		err = copy_frames(&s, frames, true);
	if (!err)
		err = copy_blobs(&s, blobs);
	if (!err)
		err = vv_pack_writer_close(writer, &id);
	if (err == VV_ENOENT)
		err = VV_ESTALE;
	if (err && err != VV_ENOMEM)
		vv_log(VV_LOG_ERROR,
		       "pack %s is being removed and could not be copied (%s); run again",
		       vv_id_to_hex(&s.pack->id, hex), vv_err_text(err));
	vv_frame_loader_fini(&s.loader);
	free(s.plain);
	free(s.ref);
	return err;
}
