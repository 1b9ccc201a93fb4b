/*
 * streams.h - named streams of an entry: packed as blobs of their own, told in its extras.
 *
 * Ownership: init is zeroing, fini after the tree builder took the entry.
 * Threads: one.
 */
#ifndef VV_STORE_STREAMS_H
#define VV_STORE_STREAMS_H

#include <stddef.h>
#include <stdint.h>

struct vv_extra;
struct vv_input;
struct vv_input_entry;
struct vv_packer;

struct vv_streams {
	struct vv_extra *extras; /* owned; those of the entry, then one a stream */
	uint8_t *values;	 /* owned; of the streams */
};

/*
 * Reads the streams of @input's current entry, whose content was read; its extras are then
 * those of @out.
 */
int vv_streams_pack(struct vv_streams *out, struct vv_packer *packer,
		    struct vv_input *input, struct vv_input_entry *entry);
void vv_streams_fini(struct vv_streams *streams);

#endif
