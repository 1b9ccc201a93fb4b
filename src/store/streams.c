#include "store/streams.h"

#include "core/arith.h"
#include "core/err.h"
#include "core/id.h"
#include "input/input.h"
#include "store/packer.h"

#include <stdlib.h>
#include <string.h>

enum {
	VALUE_BYTES = 8 + VV_ID_BYTES, /* size, blob */
};

static int pack_one(uint8_t value[VALUE_BYTES], struct vv_packer *packer,
		    struct vv_input *input, size_t nth)
{
	struct vv_id id;
	uint64_t size;
	int err = input->ops->stream(input, nth);

	if (!err)
		err = vv_packer_blob(packer, input, &id, &size);
	if (err)
		return err;
	vv_put_le64(value, size);
	memcpy(value + 8, id.bytes, VV_ID_BYTES);
	return VV_OK;
}

int vv_streams_pack(struct vv_streams *out, struct vv_packer *packer,
		    struct vv_input *input, struct vv_input_entry *entry)
{
	size_t before = entry->meta.extra_count, count = entry->stream_count;
	int err = VV_OK;

	*out = (struct vv_streams){ 0 };
	if (count == 0)
		return VV_OK;
	out->extras = calloc(before + count, sizeof *out->extras);
	out->values = calloc(count, VALUE_BYTES);
	if (!out->extras || !out->values)
		return VV_ENOMEM;
	if (before)
		memcpy(out->extras, entry->meta.extras, before * sizeof *out->extras);
	for (size_t i = 0; !err && i < count; i++) {
		uint8_t *value = out->values + i * VALUE_BYTES;

		out->extras[before + i] = (struct vv_extra){
			.type = VV_EXTRA_STREAM,
			.name = entry->streams[i],
			.name_len = strlen(entry->streams[i]),
			.value = value,
			.value_len = VALUE_BYTES,
		};
		err = pack_one(value, packer, input, i);
	}
	entry->meta.extras = out->extras;
	entry->meta.extra_count = before + count;
	return err;
}

void vv_streams_fini(struct vv_streams *streams)
{
	free(streams->extras);
	free(streams->values);
	*streams = (struct vv_streams){ 0 };
}
