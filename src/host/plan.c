#include "host/plan.h"

#include "codec/hash.h"
#include "core/arith.h"
#include "core/err.h"
#include "vfs/view.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a profile says must not be able to make numbers collide (format/slots.h). */
static uint32_t hash_of(uint64_t a, uint64_t b)
{
	uint8_t key[16];
	struct vv_id id;

	vv_put_le64(key, a);
	vv_put_le64(key + 8, b);
	vv_hash_id(&id, key, sizeof key);
	return vv_slots_hash(&id);
}

/* ---- files ---- */

static struct vv_plan_file *file_at(const struct vv_plan *plan, uint32_t number)
{
	return (struct vv_plan_file *)plan->files.bytes + number;
}

const struct vv_plan_file *vv_plan_file(const struct vv_plan *plan, uint32_t number)
{
	return file_at(plan, number);
}

size_t vv_plan_count(const struct vv_plan *plan)
{
	return plan->steps.len / sizeof(struct vv_plan_step);
}

struct vv_plan_step *vv_plan_step(const struct vv_plan *plan, size_t i)
{
	return (struct vv_plan_step *)plan->steps.bytes + i;
}

static void put_path(char *out, const char *layer, const char *inside)
{
	snprintf(out, VV_PLAN_PATH, "%s%s%s", layer, *layer && *inside ? "/" : "",
		 inside);
}

void vv_plan_path(const struct vv_plan *plan, uint32_t use, char *out)
{
	put_path(out, plan->layer,
		 vv_profile_path(plan->profile, vv_profile_get(plan->profile, use)));
}

/* The node at @path, with a lookup counted, or an error.  No symlink is followed. */
static int walk(struct vv_view *view, const char *path, struct vv_attr *out)
{
	uint64_t at = VV_NODE_ROOT;
	int err = *path ? VV_OK : VV_ENOENT;

	while (!err && *path) {
		size_t len = strcspn(path, "/");
		enum vv_life life;

		err = vv_view_lookup(view, at, path, len, out, &life);
		if (at != VV_NODE_ROOT)
			vv_view_forget(view, at, 1);
		at = out->node;
		path += len + (path[len] == '/');
	}
	return err;
}

static int resolve(struct vv_view *view, const char *path, struct vv_plan_file *out)
{
	struct vv_content content;
	struct vv_attr attr;
	int err = walk(view, path, &attr);

	if (err)
		return err;
	err = vv_view_content(view, attr.node, &content);
	if (!err && content.is_host)
		err = VV_EINVAL;
	if (err) {
		vv_view_forget(view, attr.node, 1);
		return err;
	}
	out->node = attr.node;
	out->blob = content.blob;
	out->size = content.size;
	return VV_OK;
}

/* The file whose hit is @use: its number, once it is known.  Else VV_ENOENT. */
static int find_file(const struct vv_plan *plan, uint32_t use, uint32_t *number)
{
	size_t at = 0;

	while (vv_slots_next(&plan->by_use, hash_of(use, 0), &at, number))
		if (file_at(plan, *number)->use == use)
			return VV_OK;
	return VV_ENOENT;
}

static int find_node(const struct vv_plan *plan, uint64_t node, uint32_t *number)
{
	size_t at = 0;

	while (node && vv_slots_next(&plan->by_node, hash_of(node, 1), &at, number))
		if (file_at(plan, *number)->node == node)
			return VV_OK;
	return VV_ENOENT;
}

/* The first file with these bytes. */
static int find_blob(const struct vv_plan *plan, const struct vv_id *blob,
		     uint32_t *number)
{
	size_t at = 0;

	while (vv_slots_next(&plan->by_blob, vv_slots_hash(blob), &at, number))
		if (vv_id_equal(&file_at(plan, *number)->blob, blob))
			return VV_OK;
	return VV_ENOENT;
}

/*
 * One that is not to be had is remembered too, with a size of 0.  One of which there is a hit
 * already is that file.
 */
static int add_file(struct vv_plan *plan, uint32_t use, uint32_t *number)
{
	struct vv_plan_file file = { .use = use };
	char path[VV_PLAN_PATH];
	int err;

	vv_plan_path(plan, use, path);
	if (resolve(plan->view, path, &file))
		file.node = file.size = 0;
	if (find_node(plan, file.node, number) == VV_OK) {
		vv_view_forget(plan->view, file.node, 1);
		return VV_OK;
	}
	*number = (uint32_t)(plan->files.len / sizeof file);
	err = vv_buf_append(&plan->files, &file, sizeof file);
	if (err && file.node)
		vv_view_forget(plan->view, file.node, 1);
	if (!err)
		err = vv_slots_put(&plan->by_use, hash_of(use, 0), *number);
	if (!err && file.node)
		err = vv_slots_put(&plan->by_node, hash_of(file.node, 1), *number);
	if (!err && file.size)
		err = vv_slots_put(&plan->by_blob, vv_slots_hash(&file.blob), *number);
	return err;
}

/* ---- steps ---- */

static struct vv_plan_step *find_window(const struct vv_plan *plan, uint32_t file,
					uint64_t window)
{
	size_t at = 0;
	uint32_t n;

	while (vv_slots_next(&plan->by_window, hash_of(file, window), &at, &n)) {
		struct vv_plan_step *step = vv_plan_step(plan, n);

		if (step->at == file && step->window == window)
			return step;
	}
	return NULL;
}

/* Bits of the pages [@first, @end) that lie in @window. */
static uint16_t bits_of(uint64_t window, uint64_t first, uint64_t end)
{
	uint64_t base = window * VV_PLAN_PAGES;
	unsigned lo = first > base ? (unsigned)(first - base) : 0;
	unsigned hi = (unsigned)vv_min_u64(end - base, VV_PLAN_PAGES);

	return (uint16_t)((UINT32_C(1) << hi) - (UINT32_C(1) << lo));
}

static int add_step(struct vv_plan *plan, const struct vv_plan_step *step)
{
	return vv_buf_append(&plan->steps, step, sizeof *step);
}

/* *@left: bytes that may still be planned. */
static int add_window(struct vv_plan *plan, uint32_t file, uint64_t window,
		      uint16_t bits, uint64_t *left)
{
	struct vv_plan_step *old = find_window(plan, file, window);
	struct vv_plan_step step = {
		.kind = VV_USE_READ,
		.at = file,
		.window = window,
		.pages = bits,
	};
	uint32_t number = (uint32_t)vv_plan_count(plan);
	int err;

	if (old) {
		old->pages |= bits;
		return VV_OK;
	}
	if (*left < VV_PLAN_WINDOW) {
		*left = 0;
		return VV_OK;
	}
	*left -= VV_PLAN_WINDOW;
	err = add_step(plan, &step);
	return err ? err
		   : vv_slots_put(&plan->by_window, hash_of(file, window), number);
}

static int add_pages(struct vv_plan *plan, const struct vv_profile_use *use,
		     uint64_t *left)
{
	uint64_t end;
	uint32_t file;
	int err = find_file(plan, use->hit, &file);

	if (err)
		err = add_file(plan, use->hit, &file);
	if (err)
		return err;
	end = vv_min_u64(use->first + use->count,
			 vv_plan_file(plan, file)->size / VV_PROFILE_PAGE +
				 (vv_plan_file(plan, file)->size % VV_PROFILE_PAGE !=
				  0));
	for (uint64_t w = use->first / VV_PLAN_PAGES;
	     !err && *left && w * VV_PLAN_PAGES < end; w++)
		err = add_window(plan, file, w, bits_of(w, use->first, end), left);
	return err;
}

int vv_plan_init(struct vv_plan *plan, struct vv_view *view, const char *layer,
		 const struct vv_profile *profile, size_t begin, uint64_t bytes)
{
	size_t len = strlen(layer);
	int err = VV_OK;

	*plan = (struct vv_plan){ .view = view, .profile = profile };
	vv_buf_init(&plan->files, SIZE_MAX);
	vv_buf_init(&plan->steps, SIZE_MAX);
	plan->layer = malloc(len + 1);
	if (!plan->layer)
		return VV_ENOMEM;
	memcpy(plan->layer, layer, len + 1);
	for (size_t i = begin + 1; !err && i < vv_profile_count(profile); i++) {
		const struct vv_profile_use *use = vv_profile_get(profile, i);
		struct vv_plan_step step = { .kind = use->kind, .at = (uint32_t)i };

		if (use->kind == VV_USE_RUN)
			break;
		err = use->kind == VV_USE_READ ? add_pages(plan, use, &bytes)
					       : add_step(plan, &step);
	}
	return err;
}

void vv_plan_fini(struct vv_plan *plan)
{
	size_t count = plan->files.len / sizeof(struct vv_plan_file);

	for (uint32_t i = 0; i < count; i++)
		if (file_at(plan, i)->node)
			vv_view_forget(plan->view, file_at(plan, i)->node, 1);
	vv_slots_fini(&plan->by_use);
	vv_slots_fini(&plan->by_node);
	vv_slots_fini(&plan->by_blob);
	vv_slots_fini(&plan->by_window);
	vv_buf_fini(&plan->files);
	vv_buf_fini(&plan->steps);
	free(plan->layer);
	*plan = (struct vv_plan){ 0 };
}

/* ---- while it is replayed ---- */

/* Readahead touches windows that nobody wants yet: only wanted pages that are new count. */
static void move_front(struct vv_plan *plan, const struct vv_plan_step *step,
		       uint16_t bits)
{
	size_t at = (size_t)(step - vv_plan_step(plan, 0)) + 1;

	if (step->pages & bits & ~step->have && at > plan->front)
		plan->front = at;
}

static uint64_t saw_in(struct vv_plan *plan, uint32_t file, uint64_t off, uint64_t len)
{
	uint64_t first = off / VV_PROFILE_PAGE;
	uint64_t end = (off + len + VV_PROFILE_PAGE - 1) / VV_PROFILE_PAGE;
	uint64_t again = 0;

	for (uint64_t w = first / VV_PLAN_PAGES; w * VV_PLAN_PAGES < end; w++) {
		struct vv_plan_step *step = find_window(plan, file, w);
		uint16_t bits = bits_of(w, first, end);

		if (!step)
			continue;
		move_front(plan, step, bits);
		for (unsigned i = 0; i < VV_PLAN_PAGES; i++)
			again += (step->pushed & bits) >> i & 1;
		step->have |= bits;
	}
	return again * VV_PROFILE_PAGE;
}

uint64_t vv_plan_saw(struct vv_plan *plan, const struct vv_plan_read *read)
{
	uint32_t n;

	if (read->len == 0 || (read->node ? find_node(plan, read->node, &n)
					  : find_blob(plan, &read->blob, &n)))
		return 0;
	return saw_in(plan, n, read->off, read->len);
}

bool vv_plan_trigger(struct vv_plan_read *out, struct vv_view *view, const char *layer,
		     const struct vv_profile *profile, size_t begin)
{
	char path[VV_PLAN_PATH];
	struct vv_plan_file file;

	*out = (struct vv_plan_read){ 0 };
	for (size_t i = begin + 1; i < vv_profile_count(profile); i++) {
		const struct vv_profile_use *use = vv_profile_get(profile, i);

		if (use->kind == VV_USE_RUN)
			break;
		if (use->kind != VV_USE_READ)
			continue;
		put_path(path, layer, vv_profile_path(profile, use));
		if (resolve(view, path, &file))
			return false;
		vv_view_forget(view, file.node, 1);
		out->node = file.node;
		out->blob = file.blob;
		return true;
	}
	return false;
}

bool vv_plan_is_trigger(const struct vv_plan_read *trigger,
			const struct vv_plan_read *read)
{
	return read->node ? read->node == trigger->node
			  : vv_id_equal(&read->blob, &trigger->blob);
}
