#include "lib/temp_dir.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

char *temp_dir_new(void)
{
	const char *base = getenv("TMPDIR");
	char *dir = temp_path(base ? base : "/tmp", "varve-test-XXXXXX");

	if (!mkdtemp(dir))
		die(dir);
	return dir;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

void temp_dir_free(char *dir)
{
	if (nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
		die(dir);
	free(dir);
}

char *temp_path(const char *dir, const char *name)
{
	size_t size = strlen(dir) + strlen(name) + 2;
	char *path = malloc(size);

	if (!path)
		die("malloc");
	snprintf(path, size, "%s/%s", dir, name);
	return path;
}

void temp_file(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "wb");

	if (!file || fwrite(bytes, 1, len, file) != len || fclose(file) != 0)
		die(path);
}
