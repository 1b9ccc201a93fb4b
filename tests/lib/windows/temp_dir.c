#include "lib/temp_dir.h"

#include "os/file.h"
#include "os/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *what, int err)
{
	fprintf(stderr, "%s: error %d\n", what, err);
	exit(1);
}

char *temp_dir_new(void)
{
	const char *base = getenv("TEMP");
	char name[40], *dir;
	uint64_t n;
	int err;

	vv_random(&n, sizeof n);
	snprintf(name, sizeof name, "varve-test-%016llx", (unsigned long long)n);
	dir = temp_path(base ? base : ".", name);
	err = vv_dir_make(dir);
	if (err)
		die(dir, err);
	return dir;
}

static int remove_tree(void *ctx, const char *name)
{
	char *path = temp_path(ctx, name);
	struct vv_file_info info;
	int err = vv_file_stat(path, &info);

	if (!err && info.is_dir) {
		err = vv_dir_list(path, remove_tree, path);
		if (!err)
			err = vv_dir_remove(path);
	} else if (!err) {
		err = vv_file_remove(path);
	}
	if (err)
		die(path, err);
	free(path);
	return 0;
}

void temp_dir_free(char *dir)
{
	int err = vv_dir_list(dir, remove_tree, dir);

	if (!err)
		err = vv_dir_remove(dir);
	if (err)
		die(dir, err);
	free(dir);
}

char *temp_path(const char *dir, const char *name)
{
	size_t size = strlen(dir) + strlen(name) + 2;
	char *path = malloc(size);

	if (!path)
		die("malloc", 0);
	snprintf(path, size, "%s/%s", dir, name);
	return path;
}

void temp_file(const char *path, const void *bytes, size_t len)
{
	struct vv_file *file;
	int err;

	vv_file_remove(path);
	err = vv_file_create(&file, path);
	if (!err)
		err = vv_file_write(file, bytes, len);
	if (err)
		die(path, err);
	vv_file_close(file);
}
