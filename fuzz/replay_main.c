/*
 * replay_main.c - runs a fuzz target over its corpus as an ordinary test.
 *
 *	fuzz_x FOLDER-OR-FILE...
 *
 * Every file is given to the target once, in the order of the names, and so is
 * the empty input.  A folder that does not exist is an empty corpus; a file that
 * cannot be read is a failure.  The target crashes or it passes.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	INPUT_BYTES_MAX = 16 << 20
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static unsigned replayed;

static void replay_bytes(const char *name, const uint8_t *bytes, size_t size)
{
	/* An allocation of the exact size, so that sanitizers see the end. */
	uint8_t *copy = malloc(size);

	if (!copy && size != 0) {
		fprintf(stderr, "%s: out of memory\n", name);
		exit(1);
	}
	if (size != 0)
		memcpy(copy, bytes, size);
	printf("# %s\n", name);
	fflush(stdout); /* the last line names the input that crashed */
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	replayed++;
}

static bool replay_file(const char *path)
{
	static uint8_t bytes[INPUT_BYTES_MAX];
	FILE *file = fopen(path, "rb");
	size_t size;
	bool is_read;

	if (!file) {
		perror(path);
		return false;
	}
	size = fread(bytes, 1, sizeof bytes, file);
	is_read = feof(file) && !ferror(file);
	fclose(file);
	if (!is_read) {
		fprintf(stderr, "%s: cannot be read, or is larger than 16 MiB\n", path);
		return false;
	}
	replay_bytes(path, bytes, size);
	return true;
}

static bool replay_folder(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);
	bool is_good = true;

	if (count < 0) {
		perror(path);
		return false;
	}
	for (int i = 0; i < count; i++) {
		char file[4096];

		if (entries[i]->d_name[0] != '.') {
			snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
			is_good = replay_file(file) && is_good;
		}
		free(entries[i]);
	}
	free(entries);
	return is_good;
}

int main(int argc, char **argv)
{
	bool is_good = true;

	replay_bytes("(empty)", (const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) != 0) {
			if (errno == ENOENT)
				continue;
			perror(argv[i]);
			is_good = false;
		} else if (S_ISDIR(st.st_mode)) {
			is_good = replay_folder(argv[i]) && is_good;
		} else {
			is_good = replay_file(argv[i]) && is_good;
		}
	}
	printf("%u inputs replayed\n", replayed);
	return is_good ? 0 : 1;
}
