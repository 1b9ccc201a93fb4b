#include "os/windows/wide.h"

#include "core/err.h"
#include "core/utf.h"
#include "os/windows/winerror.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

_Static_assert(sizeof(wchar_t) == sizeof(uint16_t), "wide is UTF-16");

int vv_wide_from_utf8(wchar_t **out, size_t *count, const char *text, size_t len)
{
	/* No character takes more units than bytes. */
	wchar_t *units = malloc((len + 1) * sizeof *units);
	size_t n;

	*out = NULL;
	*count = 0;
	if (!units)
		return VV_ENOMEM;
	n = vv_utf16_from_utf8((uint16_t *)units, len, text, len);
	if (n == SIZE_MAX) {
		free(units);
		return VV_EILSEQ;
	}
	units[n] = 0;
	*out = units;
	*count = n;
	return VV_OK;
}

int vv_wide_to_utf8(char **out, const wchar_t *units, size_t count)
{
	size_t cap = count * 3; /* a unit takes at most three bytes, a pair four */
	char *text = malloc(cap + 1);

	*out = NULL;
	if (!text)
		return VV_ENOMEM;
	text[vv_utf16_to_utf8(text, cap, (const uint16_t *)units, count)] = '\0';
	*out = text;
	return VV_OK;
}

static bool is_slash(wchar_t c)
{
	return c == L'/' || c == L'\\';
}

static bool has_drive(const wchar_t *path)
{
	return ((path[0] >= L'a' && path[0] <= L'z') ||
		(path[0] >= L'A' && path[0] <= L'Z')) &&
	       path[1] == L':';
}

/* What GetFullPathNameW makes of something short that holds no names of ours. */
static int full_path(wchar_t **out, const wchar_t *path)
{
	DWORD room = GetFullPathNameW(path, 0, NULL, NULL);
	DWORD len;

	*out = room ? malloc(((size_t)room + 1) * sizeof **out) : NULL;
	if (!*out)
		return room ? VV_ENOMEM : vv_err_last();
	len = GetFullPathNameW(path, room + 1, *out, NULL);
	return len && len <= room ? VV_OK : vv_err_last();
}

/*
 * Where a path starts: *@base, owned, is absolute, and *@rest is what follows.  NULL
 * base: the path is absolute itself.
 */
static int find_base(wchar_t **base, const wchar_t **rest, const wchar_t *path)
{
	wchar_t drive[] = { path[0], L':', 0 };
	int err;

	*base = NULL;
	*rest = path;
	if (has_drive(path) && is_slash(path[2]))
		return VV_OK;
	if (is_slash(path[0]) && is_slash(path[1]))
		return VV_OK;
	if (has_drive(path)) { /* `C:x`: from the working directory of that drive */
		*rest = path + 2;
		return full_path(base, drive);
	}
	err = full_path(base, L".");
	if (!err && is_slash(path[0])) { /* `\x`: the root of the current drive */
		if (has_drive(*base))
			(*base)[2] = 0;
		else
			err = VV_EINVAL;
	}
	return err;
}

/* Appends the parts of @path to @to, which holds @len units; `.` and `..` are resolved
 * and never lead above @floor. */
static size_t add_parts(wchar_t *to, size_t len, size_t floor, const wchar_t *path)
{
	while (*path) {
		size_t n = 0;

		while (is_slash(*path))
			path++;
		while (path[n] && !is_slash(path[n]))
			n++;
		if (n == 2 && path[0] == L'.' && path[1] == L'.') {
			while (len > floor && to[--len] != L'\\')
				;
		} else if (n > 0 && !(n == 1 && path[0] == L'.')) {
			to[len++] = L'\\';
			memcpy(to + len, path, n * sizeof *to);
			len += n;
		}
		path += n;
	}
	to[len] = 0;
	return len;
}

/* `C:` or `\\server\share` of an absolute @path to @to, prefixed; *@used units of it. */
static size_t add_root(wchar_t *to, const wchar_t *path, size_t *used)
{
	static const wchar_t unc[] = L"\\\\?\\UNC", local[] = L"\\\\?\\";
	size_t len, n = 2;

	if (has_drive(path)) {
		len = wcslen(local);
		memcpy(to, local, len * sizeof *to);
		to[len++] = path[0];
		to[len++] = L':';
		*used = 2;
		return len;
	}
	for (int part = 0; part < 2; part++) {
		while (is_slash(path[n]))
			n++;
		while (path[n] && !is_slash(path[n]))
			n++;
	}
	*used = n;
	memcpy(to, unc, sizeof unc);
	len = wcslen(unc);
	to[len] = 0;
	{
		wchar_t *root = malloc((n + 1) * sizeof *root);

		if (!root)
			return 0;
		memcpy(root, path, n * sizeof *root);
		root[n] = 0;
		len = add_parts(to, len, len, root);
		free(root);
	}
	return len;
}

static bool is_prefixed(const wchar_t *path)
{
	return is_slash(path[0]) && is_slash(path[1]) &&
	       (path[2] == L'?' || path[2] == L'.') && is_slash(path[3]);
}

/* @path from the user, to the form that is passed on. */
static int make_literal(wchar_t **out, const wchar_t *path)
{
	const wchar_t *rest;
	wchar_t *base = NULL, *to = NULL;
	size_t len, floor, used;
	int err = find_base(&base, &rest, path);
	const wchar_t *start = base ? base : path;

	/* A working directory may be prefixed itself. */
	if (!err && is_prefixed(start) && base)
		start += 4;
	if (!err)
		to = malloc((wcslen(start) + wcslen(rest) + 16) * sizeof *to);
	if (!err && !to)
		err = VV_ENOMEM;
	if (!err) {
		len = floor = add_root(to, start, &used);
		if (base)
			len = add_parts(to, len, floor, start + used);
		len = add_parts(to, len, floor, base ? rest : start + used);
		if (len == floor) {
			to[len++] = L'\\';
			to[len] = 0;
		}
		*out = to;
	}
	free(base);
	return err;
}

int vv_wide_path(wchar_t **out, const char *path)
{
	wchar_t *units;
	size_t count;
	int err = vv_wide_from_utf8(&units, &count, path, strlen(path));

	*out = NULL;
	if (err)
		return err;
	if (count == 0) {
		free(units);
		return VV_ENOENT;
	}
	if (is_prefixed(units)) {
		for (size_t i = 0; i < count; i++)
			units[i] = units[i] == L'/' ? L'\\' : units[i];
		*out = units;
		return VV_OK;
	}
	err = make_literal(out, units);
	free(units);
	return err;
}
