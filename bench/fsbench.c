/* fsbench - one measurement of a file system, or of a program run from it.
 *
 *	fsbench stat LIST ROOT		every name below each directory of LIST
 *	fsbench lookup LIST ROOT	each path of LIST: attributes
 *	fsbench failed LIST ROOT	the same with a name that is not there
 *	fsbench open LIST ROOT		opened and closed
 *	fsbench small LIST ROOT		opened, read and closed
 *	fsbench sequential LIST ROOT	the same, for big files
 *	fsbench mapped LIST ROOT	a byte of each page of a mapping
 *	fsbench random LIST ROOT COUNT	COUNT pages at places that a fixed seed gives
 *	fsbench run [NAME=VALUE...] PROGRAM [ARG...] [-- ...]
 *		programs, all at once, each with only the environment that it is given
 *
 * Prints a line: operations, bytes, seconds.  Paths of LIST, one a line, are relative to
 * ROOT.  The time is that of the work alone: lists are read and files of `random` are
 * opened before it begins.  An operation that fails ends the program: a wrong figure is
 * worse than none.  -g FILE first writes the process's number to FILE, a cgroup.procs.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PAGE = 4096,
	PIECE = 128 * 1024,
	PATH_LIMIT = 4096,
	COMMANDS_MAX = 16
};

struct list {
	char **paths;
	size_t count;
};

struct tally {
	uint64_t operations;
	uint64_t bytes;
};

static char piece[PIECE];

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int report(struct tally t, double start)
{
	printf("%" PRIu64 "\t%" PRIu64 "\t%.6f\n", t.operations, t.bytes,
	       now_s() - start);
	return 0;
}

static struct list read_list(const char *path)
{
	FILE *file = fopen(path, "r");
	struct list list = { 0 };
	size_t room = 0, capacity = 0;
	char *line = NULL;
	ssize_t len;

	if (!file)
		err(1, "%s", path);
	while ((len = getline(&line, &room, file)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = 0;
		if (list.count == capacity) {
			capacity = capacity ? capacity * 2 : 256;
			list.paths = realloc(list.paths, capacity * sizeof *list.paths);
		}
		if (!list.paths || !(list.paths[list.count++] = strdup(line)))
			err(1, "%s", path);
	}
	free(line);
	fclose(file);
	if (!list.count)
		errx(1, "%s: empty", path);
	return list;
}

static int open_at(int dir, const char *path, int flags)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | flags);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

/* ---- stat ---- */

/* Depth is that of the tree: toolchains are shallow, and a descriptor is open for each. */
static void stat_below(int dir_fd, struct tally *t)
{
	DIR *dir = fdopendir(dir_fd);
	struct dirent *entry;
	struct stat st;

	if (!dir)
		err(1, "fdopendir");
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			err(1, "%s", entry->d_name);
		t->operations++;
		if (S_ISDIR(st.st_mode))
			stat_below(open_at(dir_fd, entry->d_name, O_DIRECTORY), t);
	}
	closedir(dir);
}

static int measure_stat(char **args)
{
	struct list list = read_list(args[0]);
	int root = open_at(AT_FDCWD, args[1], O_DIRECTORY);
	double start = now_s();
	struct tally t = { 0 };
	size_t i;

	for (i = 0; i < list.count; i++)
		stat_below(open_at(root, list.paths[i], O_DIRECTORY), &t);
	return report(t, start);
}

/* ---- one operation a path ---- */

static uint64_t lookup(int root, const char *path)
{
	struct stat st;

	if (fstatat(root, path, &st, 0) != 0)
		err(1, "%s", path);
	return 0;
}

static uint64_t failed(int root, const char *path)
{
	char absent[PATH_LIMIT];
	struct stat st;

	if ((size_t)snprintf(absent, sizeof absent, "%s.none", path) >= sizeof absent)
		errx(1, "%s: too long", path);
	if (fstatat(root, absent, &st, 0) == 0)
		errx(1, "%s is there", absent);
	return 0;
}

static uint64_t only_open(int root, const char *path)
{
	close(open_at(root, path, 0));
	return 0;
}

static uint64_t read_whole(int root, const char *path)
{
	int fd = open_at(root, path, 0);
	uint64_t bytes = 0;
	ssize_t n;

	while ((n = read(fd, piece, sizeof piece)) > 0)
		bytes += (uint64_t)n;
	if (n < 0)
		err(1, "%s", path);
	close(fd);
	return bytes;
}

static uint64_t touch_mapping(int root, const char *path)
{
	int fd = open_at(root, path, 0);
	const volatile char *map;
	struct stat st;
	uint64_t at, sum = 0;

	if (fstat(fd, &st) != 0)
		err(1, "%s", path);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		err(1, "%s", path);
	for (at = 0; at < (uint64_t)st.st_size; at += PAGE)
		sum += (uint64_t)map[at];
	(void)sum;
	munmap((void *)map, (size_t)st.st_size);
	close(fd);
	return (uint64_t)st.st_size;
}

static int for_each(char **args, uint64_t (*operation)(int root, const char *path))
{
	struct list list = read_list(args[0]);
	int root = open_at(AT_FDCWD, args[1], O_DIRECTORY);
	double start = now_s();
	struct tally t = { 0 };
	size_t i;

	for (i = 0; i < list.count; i++) {
		t.bytes += operation(root, list.paths[i]);
		t.operations++;
	}
	return report(t, start);
}

static int measure_lookup(char **args)
{
	return for_each(args, lookup);
}

static int measure_failed(char **args)
{
	return for_each(args, failed);
}

static int measure_open(char **args)
{
	return for_each(args, only_open);
}

/* Reading a small file and reading a big one are the same work; the list says which. */
static int measure_read(char **args)
{
	return for_each(args, read_whole);
}

static int measure_mapped(char **args)
{
	return for_each(args, touch_mapping);
}

/* ---- random ---- */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int measure_random(char **args)
{
	struct list list = read_list(args[0]);
	int root = open_at(AT_FDCWD, args[1], O_DIRECTORY);
	uint64_t count = strtoull(args[2], NULL, 10), state = 88172645463325252u, i;
	int *fds = calloc(list.count, sizeof *fds);
	uint64_t *pages = calloc(list.count, sizeof *pages);
	struct tally t = { 0 };
	struct stat st;
	double start;

	if (!fds || !pages)
		err(1, "random");
	for (i = 0; i < list.count; i++) {
		fds[i] = open_at(root, list.paths[i], 0);
		if (fstat(fds[i], &st) != 0 || st.st_size < PAGE)
			errx(1, "%s: too small", list.paths[i]);
		pages[i] = (uint64_t)st.st_size / PAGE;
	}
	start = now_s();
	for (i = 0; i < count; i++) {
		size_t file = next_random(&state) % list.count;
		off_t at = (off_t)(next_random(&state) % pages[file] * PAGE);

		if (pread(fds[file], piece, PAGE, at) != PAGE)
			err(1, "%s", list.paths[file]);
		t.operations++;
		t.bytes += PAGE;
	}
	return report(t, start);
}

/* ---- run ---- */

static pid_t start_command(char **words)
{
	posix_spawn_file_actions_t actions;
	char **program = words, **environment;
	size_t count;
	pid_t pid;
	int rc;

	while (*program && strchr(*program, '=') && **program != '/')
		program++;
	if (!*program)
		errx(2, "run: no program");
	count = (size_t)(program - words);
	environment = calloc(count + 1, sizeof *environment);
	if (!environment)
		err(1, "run");
	memcpy(environment, words, count * sizeof *environment);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	rc = posix_spawn(&pid, *program, &actions, NULL, program, environment);
	if (rc)
		errx(1, "%s: %s", *program, strerror(rc));
	posix_spawn_file_actions_destroy(&actions);
	free(environment);
	return pid;
}

static int measure_run(char **args)
{
	char **commands[COMMANDS_MAX] = { args };
	size_t count = 1, i;
	struct tally t = { 0 };
	int status, rc = 0;
	double start;

	for (; *args; args++) {
		if (strcmp(*args, "--") != 0)
			continue;
		if (count == COMMANDS_MAX)
			errx(2, "run: more than %d programs", COMMANDS_MAX);
		*args = NULL;
		commands[count++] = args + 1;
	}
	start = now_s();
	for (i = 0; i < count; i++)
		start_command(commands[i]);
	for (; wait(&status) > 0; t.operations++)
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			rc = 1;
	return rc ? rc : report(t, start);
}

static const struct verb {
	const char *name;
	int least_args;
	int (*measure)(char **args);
} verbs[] = {
	{ "stat", 2, measure_stat },	 { "lookup", 2, measure_lookup },
	{ "failed", 2, measure_failed }, { "open", 2, measure_open },
	{ "small", 2, measure_read },	 { "sequential", 2, measure_read },
	{ "mapped", 2, measure_mapped }, { "random", 3, measure_random },
	{ "run", 1, measure_run },
};

static void enter_group(const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file || fprintf(file, "%d\n", (int)getpid()) < 0 || fclose(file) != 0)
		err(1, "%s", path);
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc > 2 && strcmp(argv[1], "-g") == 0) {
		enter_group(argv[2]);
		argv += 2;
		argc -= 2;
	}
	for (i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(argv[1], verbs[i].name) == 0 &&
		    argc - 2 >= verbs[i].least_args)
			return verbs[i].measure(argv + 2);
	errx(2, "usage: see the head of fsbench.c");
}
