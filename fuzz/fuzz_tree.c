/*
 * A hostile tree: no query leaves the image or goes on for ever, and what passes the
 * verifier is what the builder makes, byte by byte.
 *
 * The first byte says what the others are: 0 an image, 1 a body (checksums are made
 * for it, so that the rules behind them are reached), 2 a script for the builder.
 */
#include "format/tree.h"

#include "core/err.h"
#include "format/tree_builder.h"
#include "format/tree_layout.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum {
	PATH_BYTES = 4096,
	EXTRAS_MAX = 64
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* ---- queries ---- */

static unsigned sink; /* so that reads of results are not optimised away */

static void touch(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		sink += p[i];
}

static void query_extras(const struct vv_tree *t, const struct vv_entry *e)
{
	uint64_t pos = 0;
	struct vv_extra x;

	for (int i = 0; i < 100 && vv_tree_extra_next(t, e, &pos, &x) == 1; i++) {
		touch(x.name, x.name_len);
		touch(x.value, x.value_len);
	}
	vv_tree_xattr(t, e, "user.two", 8, &x);
}

static void query_dir(const struct vv_tree *t, const struct vv_entry *dir)
{
	uint32_t found;

	for (uint32_t i = 0; i < dir->child_count && i < 100; i++) {
		const char *name;
		size_t len;

		must(dir->child_first + i > dir->index);
		must(dir->child_first + i < t->entry_count);
		if (vv_tree_name(t, dir->child_first + i, &name, &len) == VV_OK) {
			vv_tree_lookup(t, dir->index, name, len, &found);
			vv_tree_lookup_folded(t, dir->index, name, len, &found);
		}
		if (vv_tree_folded_child(t, dir, i, &found) == VV_OK)
			must(found - dir->child_first < dir->child_count);
	}
	vv_tree_lookup_folded(t, dir->index, "no-such-name", 12, &found);
}

static void query_entry(const struct vv_tree *t, uint32_t index)
{
	const char *text;
	struct vv_entry e;
	struct vv_id id;
	size_t len;

	if (vv_tree_name(t, index, &text, &len) == VV_OK)
		touch(text, len);
	if (vv_tree_entry(t, index, &e) != VV_OK)
		return;
	must(e.first <= index);
	query_extras(t, &e);
	if (e.blob != UINT32_MAX)
		must(vv_tree_blob(t, e.blob, &id) == VV_OK);
	if (vv_tree_target(t, &e, &text, &len) == VV_OK)
		touch(text, len);
	query_dir(t, &e);
}

/* ---- building it again ---- */

/* The same entry as metadata for the builder.  False: it holds what a builder refuses. */
static bool meta_of(const struct vv_tree *t, const struct vv_entry *e,
		    struct vv_tree_meta *out, struct vv_extra *extras, char *target)
{
	const char *text;
	uint64_t pos = 0;
	size_t len;

	*out = (struct vv_tree_meta){
		.mode = e->mode,
		.uid = e->uid,
		.gid = e->gid,
		.mtime_sec = e->mtime_sec,
		.mtime_nsec = e->mtime_nsec,
		.rdev_major = e->rdev_major,
		.rdev_minor = e->rdev_minor,
		.size = e->size,
		.target = target,
		.extras = extras,
	};
	if (e->blob != UINT32_MAX && vv_tree_blob(t, e->blob, &out->blob))
		return false;
	if (e->blob != UINT32_MAX && vv_id_is_zero(&out->blob))
		return false;
	if (vv_tree_target(t, e, &text, &len) == VV_OK) {
		memcpy(target, text, len);
		target[len] = '\0';
	}
	while (out->extra_count < EXTRAS_MAX &&
	       vv_tree_extra_next(t, e, &pos, &extras[out->extra_count]) == 1)
		out->extra_count++;
	return out->extra_count < EXTRAS_MAX;
}

static bool has_unknown_extras(const struct vv_tree *t)
{
	struct vv_extra x;

	for (uint64_t at = 0, next; at < t->extras_size; at = next) {
		if (vv_tree_extra_get(t, at, &next, &x) == 1 &&
		    x.type > VV_EXTRA_REPARSE)
			return true;
	}
	return false;
}

/* paths[index], from the path of its directory.  False: too long for us. */
static bool add_paths(const struct vv_tree *t, char **paths, const struct vv_entry *dir)
{
	for (uint32_t i = dir->child_first; i < dir->child_first + dir->child_count;
	     i++) {
		const char *name;
		size_t len, dir_len = strlen(paths[dir->index]);

		must(vv_tree_name(t, i, &name, &len) == VV_OK);
		if (dir_len + len + 2 > PATH_BYTES)
			return false;
		paths[i] = malloc(dir_len + len + 2);
		must(paths[i] != NULL);
		memcpy(paths[i], paths[dir->index], dir_len);
		if (dir_len)
			paths[i][dir_len++] = '/';
		memcpy(paths[i] + dir_len, name, len);
		paths[i][dir_len + len] = '\0';
	}
	return true;
}

static bool add_entry(const struct vv_tree *t, struct vv_tree_builder *b, char **paths,
		      uint32_t index)
{
	static char target[VV_TARGET_MAX + 1];
	struct vv_extra extras[EXTRAS_MAX];
	struct vv_tree_meta meta;
	struct vv_entry e;

	must(vv_tree_entry(t, index, &e) == VV_OK);
	if (!add_paths(t, paths, &e))
		return false;
	if (e.first != index) {
		must(vv_tree_builder_link(b, paths[index], paths[e.first]) == VV_OK);
		return true;
	}
	if (!meta_of(t, &e, &meta, extras, target))
		return false;
	must(vv_tree_builder_add(b, paths[index], &meta) == VV_OK);
	return true;
}

static void rebuild(const struct vv_tree *t, const uint8_t *image, size_t size)
{
	char **paths = calloc(t->entry_count, sizeof *paths);
	struct vv_tree_builder *b;
	struct vv_buf out;
	struct vv_id id;
	bool all = true;

	must(paths && (paths[0] = calloc(1, 1)));
	must(vv_tree_builder_new(&b, VV_TREE_DUP_ERROR) == VV_OK);
	vv_buf_init(&out, SIZE_MAX);
	for (uint32_t i = 0; all && i < t->entry_count; i++)
		all = add_entry(t, b, paths, i);
	if (all) {
		must(vv_tree_builder_finish(b, &out, &id) == VV_OK);
		must(out.len == size && memcmp(out.bytes, image, size) == 0);
	}
	for (uint32_t i = 0; i < t->entry_count; i++)
		free(paths[i]);
	free(paths);
	vv_tree_builder_free(b);
	vv_buf_fini(&out);
}

static void run_image(const uint8_t *bytes, size_t size, bool is_good)
{
	struct vv_tree t;
	uint32_t index;
	char why[100];
	int err;

	if (vv_tree_init(&t, NULL, bytes, size, NULL) != VV_OK) {
		must(!is_good);
		return;
	}
	for (uint32_t i = 0; i < t.entry_count && i < 1000; i++)
		query_entry(&t, i);
	vv_tree_walk(&t, "bin/gcc", &index);
	err = vv_tree_verify(&t, why, sizeof why);
	must((err == VV_OK) == (why[0] == '\0') || err == VV_ENOMEM);
	must(err == VV_OK || !is_good);
	if (err == VV_OK && !has_unknown_extras(&t))
		rebuild(&t, bytes, size);
	vv_tree_fini(&t);
}

static void run_body(const uint8_t *bytes, size_t size)
{
	struct vv_buf image;
	struct vv_id id;

	vv_buf_init(&image, SIZE_MAX);
	if (vv_buf_append(&image, bytes, size) == VV_OK &&
	    vv_image_finish(&image, VV_IMAGE_TREE, &id) == VV_OK)
		run_image(image.bytes, image.len, false);
	vv_buf_fini(&image);
}

/* ---- scripts ---- */

struct script {
	const uint8_t *at, *end;
};

static uint8_t take(struct script *s)
{
	return s->at < s->end ? *s->at++ : 0;
}

/* Up to a NUL, or the end. */
static void take_text(struct script *s, char *out, size_t cap)
{
	size_t len = 0;

	while (s->at < s->end && len + 1 < cap && *s->at)
		out[len++] = (char)*s->at++;
	take(s);
	out[len] = '\0';
}

static void step(struct script *s, struct vv_tree_builder *b)
{
	uint8_t op = take(s), value[24] = { take(s) };
	char path[300], other[300], name[300];
	struct vv_extra x = { op & 7, name, 0, value, op & 1 ? 24 : 4 };
	struct vv_tree_meta meta = { .mode = (uint32_t)(op & 15) << 12 | (op & 7),
				     .uid = op & 1,
				     .mtime_sec = (int8_t)value[0],
				     .rdev_minor = value[0],
				     .size = value[0],
				     .target = other,
				     .extras = &x,
				     .extra_count = op >> 7 };

	take_text(s, path, sizeof path);
	take_text(s, other, sizeof other);
	memset(meta.blob.bytes, value[0], sizeof meta.blob.bytes);
	if (op & 0x80) {
		take_text(s, name, sizeof name);
		x.name_len = strlen(name);
	}
	if (op & 0x40)
		vv_tree_builder_link(b, path, other);
	else
		vv_tree_builder_add(b, path, &meta);
}

static void run_script(const uint8_t *bytes, size_t size)
{
	struct script s = { bytes, bytes + size };
	struct vv_tree_builder *b;
	struct vv_buf out;
	struct vv_id id;

	vv_buf_init(&out, SIZE_MAX);
	must(vv_tree_builder_new(&b, take(&s) & 1 ? VV_TREE_DUP_REPLACE
						  : VV_TREE_DUP_ERROR) == VV_OK);
	while (s.at < s.end)
		step(&s, b);
	must(vv_tree_builder_finish(b, &out, &id) == VV_OK);
	run_image(out.bytes, out.len, true);
	vv_tree_builder_free(b);
	vv_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size < 1)
		return 0;
	switch (bytes[0]) {
	case 0: run_image(bytes + 1, size - 1, false); break;
	case 1: run_body(bytes + 1, size - 1); break;
	default: run_script(bytes + 1, size - 1); break;
	}
	return 0;
}
