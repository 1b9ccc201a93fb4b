#include "format/profile.h"

#include "core/arith.h"
#include "core/err.h"
#include "core/name.h"
#include "core/refname.h"
#include "format/record.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *const kinds[] = {
	[VV_USE_RUN] = "run ",	 [VV_USE_HIT] = "hit ",	  [VV_USE_MISS] = "miss ",
	[VV_USE_LIST] = "list ", [VV_USE_READ] = "read ",
};

enum {
	KIND_COUNT = sizeof kinds / sizeof kinds[0],
	ESCAPE = 3, /* bytes of %XX */
	KIND_LEN_MAX = 5,
};

_Static_assert(VV_PROFILE_PATH_MAX + KIND_LEN_MAX <= (int)VV_RECORD_VALUE_MAX, "fits");

/* ---- one in memory ---- */

void vv_profile_init(struct vv_profile *p)
{
	memset(p, 0, sizeof *p);
	vv_buf_init(&p->uses, VV_PROFILE_USES_MAX * sizeof(struct vv_profile_use));
	vv_buf_init(&p->texts, VV_RECORD_MAX);
}

void vv_profile_fini(struct vv_profile *p)
{
	vv_buf_fini(&p->uses);
	vv_buf_fini(&p->texts);
}

size_t vv_profile_count(const struct vv_profile *p)
{
	return p->uses.len / sizeof(struct vv_profile_use);
}

static struct vv_profile_use *use_at(const struct vv_profile *p, size_t i)
{
	return (struct vv_profile_use *)p->uses.bytes + i;
}

const struct vv_profile_use *vv_profile_get(const struct vv_profile *p, size_t i)
{
	return use_at(p, i);
}

const char *vv_profile_path(const struct vv_profile *p,
			    const struct vv_profile_use *use)
{
	return (const char *)p->texts.bytes + use->path;
}

static int add_use(struct vv_profile *p, const struct vv_profile_use *use)
{
	int err = vv_buf_append(&p->uses, use, sizeof *use);

	return err == VV_EOVERFLOW ? VV_EFBIG : err;
}

/* Bytes that a record does not have in its values, and the one that says so. */
static bool is_escaped(unsigned char c)
{
	return c <= ' ' || c == '%' || c == 0x7f;
}

static size_t written_len(const char *path)
{
	size_t len = 0;

	for (; *path; path++)
		len += is_escaped((unsigned char)*path) ? ESCAPE : 1;
	return len;
}

/* Names joined by single slashes; "" is the root. */
static int check_path(const char *path)
{
	while (*path) {
		size_t len = strcspn(path, "/");
		int err = vv_name_check(path, len);

		if (err)
			return err;
		path += len;
		if (*path == '/' && *++path == '\0')
			return VV_EINVAL;
	}
	return VV_OK;
}

static int add_text(struct vv_profile *p, enum vv_profile_kind kind, const char *text,
		    size_t len)
{
	struct vv_profile_use use = { .kind = kind, .path = (uint32_t)p->texts.len };
	int err = vv_buf_append(&p->texts, text, len);

	if (!err)
		err = vv_buf_append_zeros(&p->texts, 1);
	if (!err)
		err = add_use(p, &use);
	return err == VV_EOVERFLOW ? VV_EFBIG : err;
}

int vv_profile_add_run(struct vv_profile *p, const char *text)
{
	size_t len = 0;

	for (size_t room = VV_PROFILE_PATH_MAX; text[len]; len++) {
		size_t takes = is_escaped((unsigned char)text[len]) ? ESCAPE : 1;

		if (takes > room)
			break;
		room -= takes;
	}
	if (p->run_count == VV_PROFILE_RUNS_MAX)
		return VV_EFBIG;
	p->run_count++;
	return add_text(p, VV_USE_RUN, text, len);
}

int vv_profile_add_path(struct vv_profile *p, enum vv_profile_kind kind,
			const char *path, size_t *index)
{
	int err = check_path(path);

	*index = vv_profile_count(p);
	if (!err && p->run_count == 0)
		err = VV_EINVAL;
	if (err)
		return err;
	if (written_len(path) > VV_PROFILE_PATH_MAX)
		return VV_ENAMETOOLONG;
	return add_text(p, kind, path, strlen(path));
}

int vv_profile_add_pages(struct vv_profile *p, size_t hit, uint64_t first,
			 uint64_t count)
{
	size_t n = vv_profile_count(p);
	struct vv_profile_use use = {
		.kind = VV_USE_READ,
		.hit = (uint32_t)hit,
		.first = first,
		.count = count,
	};

	if (hit >= n || use_at(p, hit)->kind != VV_USE_HIT || count == 0 ||
	    !vv_range_fits(first, count, VV_PROFILE_PAGES_MAX))
		return VV_EINVAL;
	if (n > 0) {
		struct vv_profile_use *last = use_at(p, n - 1);

		if (last->kind == VV_USE_READ && last->hit == hit &&
		    last->first + last->count == first) {
			last->count += count;
			return VV_OK;
		}
	}
	use.path = use_at(p, hit)->path;
	return add_use(p, &use);
}

/* Offsets and numbers of @from, moved behind what @p has. */
int vv_profile_join(struct vv_profile *p, const struct vv_profile *from)
{
	uint32_t text_base = (uint32_t)p->texts.len;
	uint32_t use_base = (uint32_t)vv_profile_count(p);
	int err = VV_OK;

	if (p->run_count + from->run_count > VV_PROFILE_RUNS_MAX)
		return VV_EFBIG;
	if (from->texts.len)
		err = vv_buf_append(&p->texts, from->texts.bytes, from->texts.len);
	for (size_t i = 0; !err && i < vv_profile_count(from); i++) {
		struct vv_profile_use use = *use_at(from, i);

		use.path += text_base;
		use.hit += use.kind == VV_USE_READ ? use_base : 0;
		err = add_use(p, &use);
	}
	if (!err)
		p->run_count += from->run_count;
	return err == VV_EOVERFLOW ? VV_EFBIG : err;
}

/* ---- writing ---- */

/* @out has room for VV_RECORD_VALUE_MAX and a NUL. */
static void write_path(char *out, const char *kind, const char *path)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t len = strlen(kind);

	memcpy(out, kind, len);
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if (is_escaped(c)) {
			out[len++] = '%';
			out[len++] = digits[c >> 4];
			out[len++] = digits[c & 15];
		} else {
			out[len++] = *path;
		}
	}
	out[len] = '\0';
}

/* Files are numbered by their hits, in order: that is shorter than their paths. */
static uint32_t number_hits(const struct vv_profile *p, size_t i, uint32_t *next)
{
	return use_at(p, i)->kind == VV_USE_HIT ? (*next)++ : 0;
}

static int write_uses(const struct vv_profile *p, struct vv_buf *out, uint32_t *numbers)
{
	char value[VV_RECORD_VALUE_MAX + 1];
	uint32_t next = 0;
	int err = VV_OK;

	for (size_t i = 0; !err && i < vv_profile_count(p); i++) {
		const struct vv_profile_use *use = use_at(p, i);

		numbers[i] = number_hits(p, i, &next);
		if (use->kind == VV_USE_READ)
			snprintf(value, sizeof value,
				 "read %" PRIu32 " %" PRIu64 " %" PRIu64,
				 numbers[use->hit], use->first, use->count);
		else
			write_path(value, kinds[use->kind], vv_profile_path(p, use));
		err = vv_record_add_text(out, "use", value);
	}
	return err;
}

int vv_profile_write(const struct vv_profile *p, const char *name, struct vv_buf *out)
{
	struct vv_buf numbers;
	int err = vv_record_begin(out, "profile");

	vv_buf_init(&numbers, SIZE_MAX);
	if (!err)
		err = vv_buf_append_zeros(&numbers,
					  (vv_profile_count(p) + 1) * sizeof(uint32_t));
	if (!err)
		err = vv_record_add_text(out, "name", name);
	if (!err)
		err = vv_record_add_id(out, "tree", &p->tree);
	if (!err)
		err = vv_record_add_number(out, "recorded", p->recorded_ns);
	if (!err)
		err = write_uses(p, out, (uint32_t *)numbers.bytes);
	vv_buf_fini(&numbers);
	return err ? err : vv_record_end(out);
}

/* ---- parsing ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* One path has one spelling.  @out has room for @len and a NUL. */
static int read_path(char *out, const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '%') {
			int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
			int low = i + 2 < len ? hex_digit(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return VV_ECORRUPT;
			c = (unsigned char)(high << 4 | low);
			if (!is_escaped(c) || c == 0)
				return VV_ECORRUPT;
			i += ESCAPE - 1;
		} else if (is_escaped(c)) {
			return VV_ECORRUPT;
		}
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return VV_OK;
}

/* A decimal number without leading zeros, ended by @end; moves *@at behind that. */
static bool read_number(const char *text, size_t len, size_t *at, bool is_last,
			uint64_t *out)
{
	size_t begin = *at;

	*out = 0;
	while (*at < len && text[*at] >= '0' && text[*at] <= '9') {
		if (*out > VV_PROFILE_PAGES_MAX)
			return false;
		*out = *out * 10 + (uint64_t)(text[(*at)++] - '0');
	}
	if (*at == begin || (text[begin] == '0' && *at - begin > 1))
		return false;
	if (is_last)
		return *at == len;
	return *at < len && text[(*at)++] == ' ';
}

static int parse_read(struct vv_profile *p, const uint32_t *hits, uint32_t hit_count,
		      const char *text, size_t len)
{
	uint64_t number, first, count;
	size_t at = 0, before = vv_profile_count(p);
	int err;

	if (!read_number(text, len, &at, false, &number) ||
	    !read_number(text, len, &at, false, &first) ||
	    !read_number(text, len, &at, true, &count) || number >= hit_count)
		return VV_ECORRUPT;
	err = vv_profile_add_pages(p, hits[number], first, count);
	if (!err && vv_profile_count(p) == before)
		return VV_ECORRUPT; /* it should have been one with the last */
	return err == VV_ENOMEM ? err : err ? VV_ECORRUPT : VV_OK;
}

static int parse_path(struct vv_profile *p, enum vv_profile_kind kind, const char *text,
		      size_t len, size_t *index)
{
	char path[VV_PROFILE_PATH_MAX + 1];
	int err;

	if (len > VV_PROFILE_PATH_MAX)
		return VV_ECORRUPT;
	err = read_path(path, text, len);
	if (!err && kind == VV_USE_RUN)
		err = vv_profile_add_run(p, path);
	else if (!err)
		err = vv_profile_add_path(p, kind, path, index);
	return err == VV_ENOMEM ? err : err ? VV_ECORRUPT : VV_OK;
}

/* Kinds of later versions are passed over. */
static int parse_use(struct vv_profile *p, struct vv_buf *hits, const char *value,
		     size_t len)
{
	unsigned kind = 0;
	uint32_t hit;
	size_t head = 0, index = 0;
	int err;

	for (; kind < KIND_COUNT; kind++) {
		head = strlen(kinds[kind]);
		if (len >= head && memcmp(value, kinds[kind], head) == 0)
			break;
	}
	if (kind == KIND_COUNT)
		return VV_OK;
	if (kind == VV_USE_READ)
		return parse_read(p, (const uint32_t *)hits->bytes,
				  (uint32_t)(hits->len / sizeof hit), value + head,
				  len - head);
	err = parse_path(p, (enum vv_profile_kind)kind, value + head, len - head,
			 &index);
	hit = (uint32_t)index;
	if (!err && kind == VV_USE_HIT)
		err = vv_buf_append(hits, &hit, sizeof hit);
	return err;
}

static int parse_head(struct vv_profile *p, const struct vv_record *rec,
		      const char *name)
{
	char said[VV_REFNAME_BUF_BYTES];
	int err = vv_record_text(rec, "name", said, sizeof said);

	if (!err && name && strcmp(said, name) != 0)
		err = VV_ECORRUPT;
	if (!err)
		err = vv_record_id(rec, "tree", &p->tree);
	if (!err)
		err = vv_record_number(rec, "recorded", &p->recorded_ns);
	return err;
}

int vv_profile_parse(struct vv_profile *out, const char *name, const char *text,
		     size_t size)
{
	struct vv_record rec;
	struct vv_buf hits;
	const char *value;
	size_t pos = 0, len;
	int err = vv_record_parse(&rec, "profile", text, size);

	vv_profile_init(out);
	vv_buf_init(&hits, SIZE_MAX);
	if (err == VV_EINVAL)
		err = VV_ECORRUPT; /* another kind of record */
	if (!err)
		err = parse_head(out, &rec, name);
	while (!err && vv_record_next(&rec, "use", &pos, NULL, NULL, &value, &len))
		err = parse_use(out, &hits, value, len);
	vv_buf_fini(&hits);
	if (err)
		vv_profile_fini(out);
	return err;
}
