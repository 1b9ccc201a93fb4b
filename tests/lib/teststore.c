#include "lib/teststore.h"

#include "codec/hash.h"
#include "codec/zstd.h"
#include "core/err.h"
#include "lib/temp_dir.h"
#include "source/dir.h"
#include "source/source.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MUST(expr) must((expr), __LINE__, #expr)

static void must(int err, int line, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, line, what, vv_err_text(err));
	exit(1);
}

static void plain_free(void *pages, size_t size)
{
	(void)size;
	free(pages);
}

const struct vv_page_ops test_pages = { malloc, plain_free };

/* ---- a store in a new directory ---- */

void test_store_make(struct test_store *ts)
{
	*ts = (struct test_store){ 0 };
	ts->path = temp_dir_new();
	MUST(vv_source_dir_new(&ts->source, ts->path, 0));
	MUST(vv_store_init(ts->source));
	MUST(vv_store_open(&ts->store, ts->source));
}

void test_store_reopen(struct test_store *ts)
{
	vv_store_close(ts->store);
	MUST(vv_source_dir_new(&ts->source, ts->path, 0));
	MUST(vv_store_open(&ts->store, ts->source));
}

void test_store_drop(struct test_store *ts)
{
	vv_store_close(ts->store);
	temp_dir_free(ts->path);
}

/* ---- packs ---- */

void test_pack_begin(struct test_pack *tp)
{
	uint8_t header[VV_PACK_HEADER];

	MUST(vv_pack_builder_new(&tp->builder));
	vv_buf_init(&tp->bytes, SIZE_MAX / 2);
	vv_pack_header_put(header);
	MUST(vv_buf_append(&tp->bytes, header, sizeof header));
}

uint32_t test_pack_frame_ref(struct test_pack *tp, const void *plain, size_t size,
			     uint32_t ref, const void *ref_plain, size_t ref_size)
{
	struct vv_frame frame = { .plain_size = (uint32_t)size, .reference = ref };
	uint8_t *stored = malloc(size);
	struct vv_compressor *c;
	uint32_t number;
	size_t stored_size;
	int err;

	MUST(stored ? VV_OK : VV_ENOMEM);
	MUST(vv_compressor_new(&c, 1));
	vv_hash_id(&frame.id, plain, size);
	frame.checksum = vv_checksum64(plain, size);
	frame.offset = tp->bytes.len;
	frame.codec = VV_CODEC_ZSTD;
	err = size > 1 ? vv_compressor_run(c, stored, size - 1, &stored_size, plain,
					   size, ref_plain, ref_size)
		       : VV_ENOSPC;
	if (err == VV_ENOSPC && ref == VV_NONE) {
		memcpy(stored, plain, size);
		stored_size = size;
		frame.codec = VV_CODEC_RAW;
		err = VV_OK;
	}
	MUST(err);
	frame.stored_size = (uint32_t)stored_size;
	err = vv_pack_builder_frame(tp->builder, &frame, &number);
	if (err != VV_EEXIST) {
		MUST(err);
		MUST(vv_buf_append(&tp->bytes, stored, stored_size));
	}
	vv_compressor_free(c);
	free(stored);
	return number;
}

uint32_t test_pack_frame(struct test_pack *tp, const void *plain, size_t size)
{
	return test_pack_frame_ref(tp, plain, size, VV_NONE, NULL, 0);
}

uint32_t test_pack_foreign(struct test_pack *tp, const void *plain, size_t size)
{
	struct vv_frame frame = { .plain_size = (uint32_t)size, .reference = VV_NONE };
	uint32_t number;

	vv_hash_id(&frame.id, plain, size);
	frame.checksum = vv_checksum64(plain, size);
	MUST(vv_pack_builder_frame(tp->builder, &frame, &number));
	return number;
}

void test_pack_blob(struct test_pack *tp, const void *content, size_t size,
		    const struct vv_blob_part *parts, uint32_t count)
{
	struct vv_id id;
	int err;

	vv_hash_id(&id, content, size);
	err = vv_pack_builder_blob(tp->builder, &id, size, parts, count);
	MUST(err == VV_EEXIST ? VV_OK : err);
}

void test_pack_content(struct test_pack *tp, const void *content, size_t size,
		       size_t slice)
{
	size_t count = (size + slice - 1) / slice;
	struct vv_blob_part *parts;

	if (size == 0)
		return;
	parts = calloc(count, sizeof *parts);
	MUST(parts ? VV_OK : VV_ENOMEM);
	for (size_t i = 0; i < count; i++) {
		size_t at = i * slice;

		parts[i].start = at;
		parts[i].frame = test_pack_frame(tp, (const uint8_t *)content + at,
						 size - at < slice ? size - at : slice);
	}
	test_pack_blob(tp, content, size, parts, (uint32_t)count);
	free(parts);
}

struct vv_id test_pack_commit(struct test_pack *tp, struct test_store *ts)
{
	uint64_t frames_end = tp->bytes.len;
	char key[VV_STORE_KEY_MAX];
	struct vv_buf image;
	struct vv_id id;
	int err;

	vv_buf_init(&image, SIZE_MAX / 2);
	MUST(vv_pack_builder_finish(tp->builder, frames_end, &image, &id));
	if (frames_end % VV_PACK_ALIGN)
		MUST(vv_buf_append_zeros(&tp->bytes,
					 VV_PACK_ALIGN - frames_end % VV_PACK_ALIGN));
	MUST(vv_buf_append(&tp->bytes, image.bytes, image.len));
	vv_store_pack_key(key, &id);
	err = vv_source_put(ts->source, key, tp->bytes.bytes, tp->bytes.len,
			    VV_PUT_NEW);
	MUST(err == VV_EEXIST ? VV_OK : err);
	vv_buf_fini(&image);
	vv_buf_fini(&tp->bytes);
	vv_pack_builder_free(tp->builder);
	return id;
}

static void flip_byte(const char *path, uint64_t off)
{
	FILE *file;
	int byte;

	MUST(chmod(path, 0644) == 0 ? VV_OK : VV_EIO);
	file = fopen(path, "r+b");
	MUST(file && fseek(file, (long)off, SEEK_SET) == 0 ? VV_OK : VV_EIO);
	byte = fgetc(file);
	MUST(byte != EOF && fseek(file, (long)off, SEEK_SET) == 0 ? VV_OK : VV_EIO);
	MUST(fputc(byte ^ 0x55, file) != EOF && fclose(file) == 0 ? VV_OK : VV_EIO);
}

void test_pack_damage(struct test_store *ts, const struct vv_id *pack,
		      const struct vv_id *frame)
{
	char key[VV_STORE_KEY_MAX], path[2048];
	struct vv_pack_set *set;
	struct vv_frame f;
	uint32_t index;
	size_t i;

	MUST(vv_store_packs_refresh(ts->store, &set));
	MUST(vv_pack_set_index(set, pack, &i));
	MUST(vv_pack_find_frame(vv_pack_set_get(set, i), frame, &index));
	MUST(vv_pack_frame(vv_pack_set_get(set, i), index, &f));
	vv_store_pack_key(key, pack);
	snprintf(path, sizeof path, "%s/%s", ts->path, key);
	flip_byte(path, f.offset + f.stored_size / 2);
	vv_pack_set_unref(set);
}

/* ---- trees and refs ---- */

struct vv_id test_tree_put(struct test_store *ts, struct vv_tree_builder *b)
{
	char key[VV_STORE_KEY_MAX];
	struct vv_buf image;
	struct vv_id id;
	int err;

	vv_buf_init(&image, SIZE_MAX / 2);
	MUST(vv_tree_builder_finish(b, &image, &id));
	vv_tree_builder_free(b);
	vv_store_tree_key(key, &id);
	err = vv_source_put(ts->source, key, image.bytes, image.len, VV_PUT_NEW);
	MUST(err == VV_EEXIST ? VV_OK : err);
	vv_buf_fini(&image);
	return id;
}

void test_ref_put(struct test_store *ts, const char *ref, const struct vv_id *tree)
{
	struct vv_ref r = { .tree = *tree };

	snprintf(r.name, sizeof r.name, "%s", ref);
	MUST(vv_ref_put(ts->store, &r));
}

struct vv_id test_publish(struct test_store *ts, const char *ref,
			  const struct test_file *files, size_t count,
			  struct vv_id *pack)
{
	struct vv_tree_builder *b;
	struct test_pack tp;
	struct vv_id tree, pack_id;

	test_pack_begin(&tp);
	MUST(vv_tree_builder_new(&b, VV_TREE_DUP_ERROR));
	for (size_t i = 0; i < count; i++) {
		struct vv_tree_meta meta = {
			.mode = VV_S_IFREG | 0644,
			.mtime_sec = 1600000000,
			.mtime_nsec = 123456789,
			.size = files[i].size,
		};

		if (files[i].size > 0)
			vv_hash_id(&meta.blob, files[i].content, files[i].size);
		test_pack_content(&tp, files[i].content, files[i].size, 65536);
		MUST(vv_tree_builder_add(b, files[i].path, &meta));
	}
	pack_id = test_pack_commit(&tp, ts);
	if (pack)
		*pack = pack_id;
	tree = test_tree_put(ts, b);
	test_ref_put(ts, ref, &tree);
	return tree;
}

void test_fill(void *buf, size_t size, uint64_t seed)
{
	uint8_t *p = buf;
	uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;

	for (size_t i = 0; i < size; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = "0123456789abcdef"[x >> 40 & 15];
	}
}
