#include "format/record.h"

#include "codec/hash.h"
#include "core/arith.h"
#include "core/err.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
	SUM_DIGITS = 16,
	SUM_LINE = 4 + SUM_DIGITS + 1, /* "sum " and LF */
};

struct line {
	const char *key, *value;
	size_t key_len, value_len;
};

static bool is_key(const char *key, size_t len)
{
	if (len == 0 || len > VV_RECORD_KEY_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!(key[i] >= 'a' && key[i] <= 'z') &&
		    !(key[i] >= '0' && key[i] <= '9') && key[i] != '-')
			return false;
	}
	return true;
}

/* The line at *@pos, which moves behind it. */
static int split_line(const char *text, size_t end, size_t *pos, struct line *out)
{
	const char *start = text + *pos;
	const char *lf = memchr(start, '\n', end - *pos);
	const char *space;

	if (!lf)
		return VV_ECORRUPT;
	space = memchr(start, ' ', (size_t)(lf - start));
	if (!space)
		return VV_ECORRUPT;
	*out = (struct line){ .key = start,
			      .key_len = (size_t)(space - start),
			      .value = space + 1,
			      .value_len = (size_t)(lf - space - 1) };
	*pos += (size_t)(lf - start) + 1;
	if (!is_key(out->key, out->key_len) || out->value_len > VV_RECORD_VALUE_MAX ||
	    memchr(out->value, '\0', out->value_len))
		return VV_ECORRUPT;
	return VV_OK;
}

static void print_sum(char line[SUM_LINE + 1], const char *text, size_t len)
{
	snprintf(line, SUM_LINE + 1, "sum %016" PRIx64 "\n", vv_checksum64(text, len));
}

static int check_version(const char *digits, size_t len)
{
	if (len == 0 || digits[0] == '0')
		return VV_ECORRUPT;
	for (size_t i = 0; i < len; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return VV_ECORRUPT;
	}
	return len == 1 && digits[0] == '1' ? VV_OK : VV_ENEWER;
}

/* `varve <kind> 1` */
static int parse_head(struct vv_record *rec, const char *kind)
{
	struct line head;
	const char *space;
	size_t kind_len;
	int err = split_line(rec->text, rec->end, &rec->body, &head);

	if (err)
		return err;
	space = memchr(head.value, ' ', head.value_len);
	if (head.key_len != 5 || memcmp(head.key, "varve", 5) != 0 || !space)
		return VV_ECORRUPT;
	kind_len = (size_t)(space - head.value);
	if (!is_key(head.value, kind_len))
		return VV_ECORRUPT;
	if (kind_len != strlen(kind) || memcmp(head.value, kind, kind_len) != 0)
		return VV_EINVAL;
	return check_version(space + 1, head.value_len - kind_len - 1);
}

static int check_lines(const struct vv_record *rec)
{
	struct line line;
	size_t pos = rec->body;

	while (pos < rec->end) {
		int err = split_line(rec->text, rec->end, &pos, &line);

		if (err)
			return err;
		if (line.key_len > 6 && memcmp(line.key, "needs-", 6) == 0)
			return VV_ENEWER;
	}
	return VV_OK;
}

int vv_record_parse(struct vv_record *rec, const char *kind, const char *text,
		    size_t size)
{
	char sum[SUM_LINE + 1];
	int err;

	*rec = (struct vv_record){ 0 };
	if (size < SUM_LINE + 1 || size > VV_RECORD_MAX)
		return VV_ECORRUPT;
	print_sum(sum, text, size - SUM_LINE);
	if (memcmp(text + size - SUM_LINE, sum, SUM_LINE) != 0)
		return VV_ECORRUPT;
	rec->text = text;
	rec->size = size;
	rec->end = size - SUM_LINE;
	err = parse_head(rec, kind);
	if (!err)
		err = check_lines(rec);
	if (err)
		*rec = (struct vv_record){ 0 };
	return err;
}

int vv_record_next(const struct vv_record *rec, const char *key, size_t *pos,
		   const char **found_key, size_t *found_key_len, const char **value,
		   size_t *len)
{
	size_t wanted = key ? strlen(key) : 0;
	size_t at = *pos < rec->body ? rec->body : *pos;
	struct line line;

	while (at < rec->end) {
		if (split_line(rec->text, rec->end, &at, &line) != VV_OK)
			break; /* not after a good parse */
		if (key &&
		    (line.key_len != wanted || memcmp(line.key, key, wanted) != 0))
			continue;
		*pos = at;
		if (found_key)
			*found_key = line.key;
		if (found_key_len)
			*found_key_len = line.key_len;
		*value = line.value;
		*len = line.value_len;
		return 1;
	}
	*pos = rec->end;
	*value = NULL;
	*len = 0;
	return 0;
}

int vv_record_text(const struct vv_record *rec, const char *key, char *out, size_t cap)
{
	const char *value;
	size_t pos = 0, len;

	if (cap == 0)
		return VV_EINVAL;
	out[0] = '\0';
	if (!vv_record_next(rec, key, &pos, NULL, NULL, &value, &len) || len >= cap)
		return VV_ECORRUPT;
	memcpy(out, value, len);
	out[len] = '\0';
	return VV_OK;
}

/* Decimal as vv_record_add_number() prints it: one number has one spelling. */
int vv_record_number(const struct vv_record *rec, const char *key, int64_t *out)
{
	char text[24], again[24];
	int64_t n = 0;
	const char *p = text;
	int err = vv_record_text(rec, key, text, sizeof text);

	*out = 0;
	if (err)
		return err;
	if (*p == '-')
		p++;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (n < (INT64_MIN + (*p - '0')) / 10)
			return VV_ECORRUPT;
		n = n * 10 - (*p - '0'); /* negative: INT64_MIN has no positive twin */
	}
	if (text[0] != '-') {
		if (n == INT64_MIN)
			return VV_ECORRUPT;
		n = -n;
	}
	snprintf(again, sizeof again, "%" PRId64, n);
	if (strcmp(text, again) != 0)
		return VV_ECORRUPT;
	*out = n;
	return VV_OK;
}

int vv_record_id(const struct vv_record *rec, const char *key, struct vv_id *out)
{
	const char *value;
	size_t pos = 0, len;

	*out = (struct vv_id){ 0 };
	if (!vv_record_next(rec, key, &pos, NULL, NULL, &value, &len))
		return VV_ECORRUPT;
	return vv_id_from_hex(out, value, len) ? VV_ECORRUPT : VV_OK;
}

int vv_record_begin(struct vv_buf *out, const char *kind)
{
	char head[6 + VV_RECORD_KEY_MAX + 4];
	int len;

	if (out->len != 0 || !is_key(kind, strlen(kind)))
		return VV_EINVAL;
	len = snprintf(head, sizeof head, "varve %s 1\n", kind);
	return vv_buf_append(out, head, (size_t)len);
}

int vv_record_add_text(struct vv_buf *out, const char *key, const char *value)
{
	size_t key_len = strlen(key), len = strlen(value);
	int err;

	if (!is_key(key, key_len) || len > VV_RECORD_VALUE_MAX ||
	    memchr(value, '\n', len))
		return VV_EINVAL;
	if (out->len + key_len + len + 2 + SUM_LINE > VV_RECORD_MAX)
		return VV_EFBIG;
	err = vv_buf_reserve(out, key_len + len + 2);
	if (err)
		return err;
	vv_buf_append(out, key, key_len); /* there is room: these cannot fail */
	vv_buf_append(out, " ", 1);
	vv_buf_append(out, value, len);
	return vv_buf_append(out, "\n", 1);
}

int vv_record_add_number(struct vv_buf *out, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRId64, value);
	return vv_record_add_text(out, key, text);
}

int vv_record_add_id(struct vv_buf *out, const char *key, const struct vv_id *id)
{
	char hex[VV_ID_HEX_BYTES];

	return vv_record_add_text(out, key, vv_id_to_hex(id, hex));
}

int vv_record_end(struct vv_buf *out)
{
	char sum[SUM_LINE + 1];

	print_sum(sum, (const char *)out->bytes, out->len);
	return vv_buf_append(out, sum, SUM_LINE);
}
