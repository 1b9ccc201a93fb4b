/*
 * A hostile record: what is accepted can be written again, byte by byte.
 *
 * The first byte says what the others are: 0 a record, 1 one without its sum line,
 * which is made for it, so that the rules behind it are reached.
 */
#include "format/record.h"

#include "core/err.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void add_again(struct vv_buf *out, const char *key, size_t key_len,
		      const char *value, size_t len)
{
	char key_text[VV_RECORD_KEY_MAX + 1], text[VV_RECORD_VALUE_MAX + 1];

	must(key_len <= VV_RECORD_KEY_MAX && len <= VV_RECORD_VALUE_MAX);
	memcpy(key_text, key, key_len);
	key_text[key_len] = '\0';
	memcpy(text, value, len);
	text[len] = '\0';
	must(vv_record_add_text(out, key_text, text) == VV_OK);
}

static void write_again(const struct vv_record *rec, const uint8_t *bytes, size_t size)
{
	const char *key, *value;
	size_t pos = 0, key_len, len;
	struct vv_buf out;

	vv_buf_init(&out, VV_RECORD_MAX);
	must(vv_record_begin(&out, "ref") == VV_OK);
	while (vv_record_next(rec, NULL, &pos, &key, &key_len, &value, &len))
		add_again(&out, key, key_len, value, len);
	must(vv_record_end(&out) == VV_OK);
	must(out.len == size && memcmp(out.bytes, bytes, size) == 0);
	vv_buf_fini(&out);
}

static void run(const uint8_t *bytes, size_t size)
{
	char text[100];
	struct vv_record rec;
	struct vv_id id;
	int64_t number;

	if (vv_record_parse(&rec, "ref", (const char *)bytes, size) != VV_OK)
		return;
	vv_record_text(&rec, "name", text, sizeof text);
	vv_record_number(&rec, "files", &number);
	vv_record_id(&rec, "tree", &id);
	write_again(&rec, bytes, size);
}

static void run_body(const uint8_t *bytes, size_t size)
{
	struct vv_buf out;

	vv_buf_init(&out, VV_RECORD_MAX);
	if (vv_buf_append(&out, bytes, size) == VV_OK && vv_record_end(&out) == VV_OK)
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
		run_body(bytes + 1, size - 1);
	return 0;
}
