#include "lib/temp_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* By handles, not paths: tests make trees deeper than a path can say. */
static void remove_tree(int parent, const char *name)
{
	int fd;
	DIR *dir;
	struct dirent *e;

	if (unlinkat(parent, name, 0) == 0)
		return;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		die(name);
	while ((e = readdir(dir))) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			remove_tree(fd, e->d_name);
	}
	closedir(dir);
	if (unlinkat(parent, name, AT_REMOVEDIR) != 0)
		die(name);
}

void temp_dir_free(char *dir)
{
	remove_tree(AT_FDCWD, dir);
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
