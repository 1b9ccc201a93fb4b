/*
 * A hostile profile: what is accepted is written so that it reads the same.
 *
 * The first byte says what the others are: 0 a record, 1 the lines of uses, for which head
 * and sum are made.
 */
#include "format/profile.h"

#include "core/err.h"
#include "format/record.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void compare(const struct vv_profile *a, const struct vv_profile *b)
{
	must(vv_profile_count(a) == vv_profile_count(b));
	must(a->run_count == b->run_count);
	for (size_t i = 0; i < vv_profile_count(a); i++) {
		const struct vv_profile_use *x = vv_profile_get(a, i);
		const struct vv_profile_use *y = vv_profile_get(b, i);

		must(x->kind == y->kind && x->hit == y->hit && x->first == y->first &&
		     x->count == y->count);
		must(strcmp(vv_profile_path(a, x), vv_profile_path(b, y)) == 0);
		must(x->kind != VV_USE_READ ||
		     vv_profile_get(a, x->hit)->kind == VV_USE_HIT);
	}
}

static void run(const uint8_t *bytes, size_t size)
{
	struct vv_profile first, again;
	struct vv_buf out;

	if (vv_profile_parse(&first, NULL, (const char *)bytes, size) != VV_OK)
		return;
	vv_buf_init(&out, VV_RECORD_MAX);
	must(vv_profile_write(&first, "gcc", &out) == VV_OK);
	must(vv_profile_parse(&again, "gcc", (const char *)out.bytes, out.len) ==
	     VV_OK);
	compare(&first, &again);
	vv_profile_fini(&first);
	vv_profile_fini(&again);
	vv_buf_fini(&out);
}

static void run_uses(const uint8_t *bytes, size_t size)
{
	struct vv_id tree = { { 1 } };
	struct vv_buf out;

	vv_buf_init(&out, VV_RECORD_MAX);
	if (vv_record_begin(&out, "profile") == VV_OK &&
	    vv_record_add_text(&out, "name", "gcc") == VV_OK &&
	    vv_record_add_id(&out, "tree", &tree) == VV_OK &&
	    vv_record_add_number(&out, "recorded", 1) == VV_OK &&
	    vv_buf_append(&out, bytes, size) == VV_OK && vv_record_end(&out) == VV_OK)
		run(out.bytes, out.len);
	vv_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size < 1)
		return 0;
	if (bytes[0] == 0)
		run(bytes + 1, size - 1);
	else
		run_uses(bytes + 1, size - 1);
	return 0;
}
