#include "input/place.h"

#include "core/arith.h"
#include "core/err.h"
#include "core/log.h"

#include <stdlib.h>
#include <string.h>

/* One `[...]` at @p against @c; *@end behind it.  An unclosed one is a plain `[`. */
static bool match_set(const char *p, unsigned char c, const char **end)
{
	bool negate = p[1] == '!' || p[1] == '^';
	const char *q = p + 1 + negate;
	bool hit = false;

	do {
		unsigned char low = (unsigned char)*q, high = low;

		if (!*q) {
			*end = p + 1;
			return c == '[';
		}
		if (q[1] == '-' && q[2] && q[2] != ']') {
			high = (unsigned char)q[2];
			q += 2;
		}
		hit |= low <= c && c <= high;
		q++;
	} while (*q != ']');
	*end = q + 1;
	return hit != negate;
}

/* Does @p begin with something that takes @c?  *@end behind it. */
static bool match_one(const char *p, unsigned char c, const char **end)
{
	switch (*p) {
	case '\0': return false;
	case '[': return match_set(p, c, end);
	case '?': *end = p + 1; return true;
	case '\\':
		if (p[1])
			p++;
		/* fallthrough */
	default: *end = p + 1; return (unsigned char)*p == c;
	}
}

/*
 * On a mismatch only the last `*` takes one byte more: earlier ones can stay, since
 * whatever they could take instead, the last one can as well. So the worst case is
 * |pattern| * |text|, not exponential.
 */
bool vv_glob_match(const char *pattern, const char *text)
{
	const char *star = NULL, *star_text = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			star_text = text;
		} else if (match_one(pattern, (unsigned char)*text, &pattern)) {
			text++;
		} else if (star) {
			pattern = star;
			text = ++star_text;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

/* @raw without what the rules remove, into @out of @cap bytes. */
static int clean_path(const char *raw, char *out, size_t cap)
{
	size_t len = 0, depth = 0;

	while (*raw) {
		size_t part = strcspn(raw, "/");

		if (part == 2 && memcmp(raw, "..", 2) == 0)
			return VV_EINVAL;
		if (part > VV_NAME_MAX)
			return VV_EINVAL;
		if (part && !(part == 1 && *raw == '.')) {
			if (len + part + 2 > cap || ++depth > VV_DEPTH_MAX)
				return VV_ENAMETOOLONG;
			if (len)
				out[len++] = '/';
			memcpy(out + len, raw, part);
			len += part;
		}
		raw += part + (raw[part] == '/');
	}
	out[len] = '\0';
	return VV_OK;
}

int vv_place_init(struct vv_place *place, const struct vv_input_options *opts)
{
	int err;

	*place = (struct vv_place){ .cap = VV_PLACE_PATH_MAX };
	if (opts)
		place->opts = *opts;
	place->clean = malloc(place->cap);
	place->path = malloc(place->cap);
	if (!place->clean || !place->path) {
		vv_place_fini(place);
		return VV_ENOMEM;
	}
	err = clean_path(place->opts.prefix ? place->opts.prefix : "", place->clean,
			 place->cap);
	if (err)
		vv_log(VV_LOG_ERROR, "--prefix %s: not a path inside a tree",
		       place->opts.prefix);
	if (!err) {
		place->prefix = malloc(strlen(place->clean) + 1);
		err = place->prefix ? VV_OK : VV_ENOMEM;
	}
	if (err) {
		vv_place_fini(place);
		return err;
	}
	strcpy(place->prefix, place->clean);
	return VV_OK;
}

void vv_place_fini(struct vv_place *place)
{
	free(place->prefix);
	free(place->clean);
	free(place->path);
	*place = (struct vv_place){ 0 };
}

/*
 * A pattern without `/` is held against each part, one with `/` against each leading
 * path: so what lies below an excluded directory is excluded, whether or not the input
 * tells the directory. Parts are cut out in place.
 */
static bool excluded_by(const char *pattern, char *path)
{
	bool whole = strchr(pattern, '/') != NULL;
	char *part = path;

	pattern += strspn(pattern, "/");
	while (*part) {
		char *end = part + strcspn(part, "/");
		char saved = *end;
		bool hit;

		*end = '\0';
		hit = vv_glob_match(pattern, whole ? path : part);
		*end = saved;
		if (hit)
			return true;
		part = saved ? end + 1 : end;
	}
	return false;
}

static bool excluded(struct vv_place *place)
{
	for (size_t i = 0; i < place->opts.exclude_count; i++)
		if (excluded_by(place->opts.exclude[i], place->clean))
			return true;
	return false;
}

/* place->clean to place->path, which *@path then is. */
static int put(struct vv_place *place, const char **path)
{
	const char *rest;
	size_t prefix = strlen(place->prefix);

	if (excluded(place))
		return VV_PLACE_EXCLUDED;
	rest = place->clean;
	for (unsigned i = 0; i < place->opts.strip_components; i++) {
		rest = strchr(rest, '/');
		if (!rest)
			return VV_PLACE_STRIPPED; /* as tar does */
		rest++;
	}
	if (prefix + strlen(rest) + 2 > place->cap)
		return VV_ENAMETOOLONG;
	memcpy(place->path, place->prefix, prefix + 1);
	if (prefix && *rest)
		place->path[prefix++] = '/';
	strcpy(place->path + prefix, rest);
	*path = place->path;
	return VV_PLACE_KEPT;
}

int vv_place_path(struct vv_place *place, const char *raw, const char **path)
{
	int placed;

	*path = NULL;
	placed = clean_path(raw, place->clean, place->cap);
	if (placed)
		return placed;
	placed = put(place, path);
	if (*place->clean && placed >= 0) {
		place->has_kept |= placed == VV_PLACE_KEPT;
		place->has_left_out |= placed != VV_PLACE_KEPT;
	}
	return placed;
}

int vv_place_end(const struct vv_place *place, const char *name)
{
	if (place->has_kept || !place->has_left_out)
		return VV_OK;
	vv_log(VV_LOG_ERROR, "%s: --exclude and --strip-components leave nothing of it",
	       name);
	return VV_EINVAL;
}
