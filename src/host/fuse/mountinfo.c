#include "host/fuse/mountinfo.h"

#include "core/err.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_octal(const char *p)
{
	for (int i = 0; i < 3; i++)
		if (p[i] < '0' || p[i] > '7')
			return false;
	return true;
}

/* A word up to the next space; blank, tab, newline and backslash come as \ooo. */
static bool take_word(const char **line, char *out, size_t cap)
{
	const char *p = *line;
	size_t used = 0;

	while (*p && *p != ' ' && *p != '\n') {
		char c = *p++;

		if (c == '\\' && is_octal(p)) {
			c = (char)((p[0] - '0') << 6 | (p[1] - '0') << 3 |
				   (p[2] - '0'));
			p += 3;
		}
		if (used + 1 >= cap)
			return false;
		out[used++] = c;
	}
	out[used] = 0;
	while (*p == ' ')
		p++;
	*line = p;
	return used > 0;
}

/* 36 35 98:0 /root /mount/point options optional-fields... - type source super-options */
int vv_mountinfo_parse(const char *line, struct vv_mountinfo *out)
{
	unsigned id, parent, major, minor;
	const char *p;
	int skip = 0;

	memset(out, 0, sizeof *out);
	if (sscanf(line, "%u %u %u:%u %*s %n", &id, &parent, &major, &minor, &skip) !=
		    4 ||
	    skip == 0)
		return VV_EINVAL;
	p = line + skip;
	if (!take_word(&p, out->path, sizeof out->path))
		return VV_EINVAL;
	p = strstr(p, " - ");
	if (!p)
		return VV_EINVAL;
	p += 3;
	if (!take_word(&p, out->type, sizeof out->type))
		return VV_EINVAL;
	out->id = id;
	out->parent = parent;
	out->major = major;
	out->minor = minor;
	return VV_OK;
}

int vv_mountinfo_find(const char *path, struct vv_mountinfo *out)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	struct vv_mountinfo info;
	int err = VV_ENOENT;
	char *line = NULL;
	size_t cap = 0;

	memset(out, 0, sizeof *out);
	if (!file)
		return VV_ENOENT;
	/* Mounts are listed in the order they were made: the last one is on top. */
	while (getline(&line, &cap, file) > 0) {
		if (vv_mountinfo_parse(line, &info) != VV_OK ||
		    strcmp(info.path, path) != 0)
			continue;
		*out = info;
		err = VV_OK;
	}
	free(line);
	fclose(file);
	return err;
}

/* The lines that tell of them, one behind the other; the table changes under a reader. */
static int read_children(FILE *file, uint32_t parent, const char *type, FILE *out)
{
	struct vv_mountinfo info;
	char *line = NULL;
	size_t cap = 0;
	int err = VV_OK;

	while (!err && getline(&line, &cap, file) > 0)
		if (vv_mountinfo_parse(line, &info) == VV_OK && info.parent == parent &&
		    strcmp(info.type, type) == 0 && fputs(line, out) == EOF)
			err = VV_ENOMEM;
	free(line);
	return err;
}

static int give_children(char *lines, int (*each)(void *, const struct vv_mountinfo *),
			 void *ctx)
{
	struct vv_mountinfo info;
	int err = VV_OK;

	for (char *line = lines, *end; !err && (end = strchr(line, '\n'));
	     line = end + 1) {
		*end = '\0';
		if (vv_mountinfo_parse(line, &info) == VV_OK)
			err = each(ctx, &info);
	}
	return err;
}

int vv_mountinfo_children(uint32_t parent, const char *type,
			  int (*each)(void *ctx, const struct vv_mountinfo *info),
			  void *ctx)
{
	FILE *file = fopen("/proc/self/mountinfo", "re"), *kept;
	char *lines = NULL;
	size_t size;
	int err = VV_ENOMEM;

	if (!file)
		return VV_OK;
	kept = open_memstream(&lines, &size);
	if (kept) {
		err = read_children(file, parent, type, kept);
		if (fclose(kept) != 0)
			err = VV_ENOMEM;
	}
	fclose(file);
	if (!err)
		err = give_children(lines, each, ctx);
	free(lines);
	return err;
}
