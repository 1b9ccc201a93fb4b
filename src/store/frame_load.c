#include "store/frame_load.h"

#include "codec/branch.h"
#include "codec/hash.h"
#include "codec/zstd.h"
#include "core/err.h"
#include "source/source.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

int vv_frame_loader_init(struct vv_frame_loader *loader)
{
	*loader = (struct vv_frame_loader){ 0 };
	loader->stored = malloc(VV_FRAME_MAX);
	return loader->stored ? vv_decompressor_new(&loader->decompressor) : VV_ENOMEM;
}

void vv_frame_loader_fini(struct vv_frame_loader *loader)
{
	vv_decompressor_free(loader->decompressor);
	free(loader->stored);
	*loader = (struct vv_frame_loader){ 0 };
}

int vv_frame_fetch(struct vv_frame_loader *loader, struct vv_source *src,
		   const struct vv_id *pack, const struct vv_frame *frame)
{
	char key[VV_STORE_KEY_MAX];

	if (frame->stored_size > VV_FRAME_MAX || frame->plain_size > VV_FRAME_MAX)
		return VV_ECORRUPT;
	vv_store_pack_key(key, pack);
	return vv_source_get_exact(src, key, loader->stored, frame->stored_size,
				   frame->offset);
}

int vv_frame_decode(struct vv_frame_loader *loader, const struct vv_frame *frame,
		    const uint8_t *stored, const uint8_t *ref, size_t ref_size,
		    uint8_t *plain)
{
	int err = VV_OK;

	if (frame->codec == VV_CODEC_ZSTD)
		err = vv_decompressor_run(loader->decompressor, plain,
					  frame->plain_size, stored, frame->stored_size,
					  ref, ref_size);
	else if (frame->codec == VV_CODEC_RAW &&
		 frame->stored_size == frame->plain_size)
		memcpy(plain, stored, frame->plain_size);
	else
		err = VV_ECORRUPT;
	if (!err && frame->filter == VV_FILTER_BRANCH)
		vv_branch_decode(plain, frame->plain_size);
	if (!err && vv_checksum64(plain, frame->plain_size) != frame->checksum)
		err = VV_ECORRUPT;
	return err;
}
