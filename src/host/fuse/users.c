#include "host/fuse/users.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
	PROC_PATH = 64
};

struct search {
	dev_t device;
	char path[PATH_MAX]; /* of what was found */
};

/* Does the link @name in /proc/PID lead into the mount? */
static bool link_leads_there(struct search *s, const char *name)
{
	struct stat st;
	ssize_t len;

	if (stat(name, &st) != 0 || st.st_dev != s->device)
		return false;
	len = readlink(name, s->path, sizeof s->path - 1);
	s->path[len > 0 ? len : 0] = 0;
	return true;
}

static bool find_fd(struct search *s, const char *process)
{
	char name[PROC_PATH];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(name, sizeof name, "%s/fd", process);
	dir = opendir(name);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		char *end;
		unsigned long fd = strtoul(entry->d_name, &end, 10);

		if (*end)
			continue; /* `.` and `..` */
		snprintf(name, sizeof name, "%s/fd/%lu", process, fd);
		found = link_leads_there(s, name);
	}
	closedir(dir);
	return found;
}

/* address perms offset dev inode path */
static bool find_map(struct search *s, const char *process)
{
	char name[PROC_PATH];
	unsigned major, minor;
	bool found = false;
	char *line = NULL;
	size_t cap = 0;
	int skip = 0;
	FILE *file;

	snprintf(name, sizeof name, "%s/maps", process);
	file = fopen(name, "re");
	if (!file)
		return false;
	while (!found && getline(&line, &cap, file) > 0) {
		if (sscanf(line, "%*s %*s %*s %x:%x %*u %n", &major, &minor, &skip) !=
		    2)
			continue;
		found = makedev(major, minor) == s->device;
		if (found)
			snprintf(s->path, sizeof s->path, "%s", line + skip);
	}
	s->path[strcspn(s->path, "\n")] = 0;
	free(line);
	fclose(file);
	return found;
}

/* The most telling use first; NULL: it has none. */
static const char *find_use(struct search *s, const char *process)
{
	static const struct {
		const char *link, *what;
	} links[] = {
		{ "exe", "running program" },
		{ "cwd", "current directory" },
		{ "root", "root directory" },
	};
	char name[PROC_PATH];

	if (find_fd(s, process))
		return "open file";
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
		snprintf(name, sizeof name, "%s/%s", process, links[i].link);
		if (link_leads_there(s, name))
			return links[i].what;
	}
	return find_map(s, process) ? "mapped file" : NULL;
}

static void read_program(const char *process, char *out, size_t cap)
{
	char name[PROC_PATH];
	FILE *file;

	snprintf(out, cap, "?");
	snprintf(name, sizeof name, "%s/comm", process);
	file = fopen(name, "re");
	if (!file)
		return;
	if (fgets(out, (int)cap, file))
		out[strcspn(out, "\n")] = 0;
	fclose(file);
}

unsigned vv_mount_users(uint32_t major, uint32_t minor,
			void (*each)(void *ctx, const struct vv_mount_user *user),
			void *ctx)
{
	struct search s = { .device = makedev(major, minor) };
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	unsigned found = 0;

	while (proc && (entry = readdir(proc))) {
		char process[PROC_PATH / 2], program[64];
		struct vv_mount_user user = { .program = program, .path = s.path };
		char *end;

		user.pid = strtoull(entry->d_name, &end, 10);
		if (*end || user.pid == 0 || user.pid == (uint64_t)getpid())
			continue;
		snprintf(process, sizeof process, "/proc/%llu",
			 (unsigned long long)user.pid);
		user.what = find_use(&s, process);
		if (!user.what)
			continue;
		read_program(process, program, sizeof program);
		each(ctx, &user);
		found++;
	}
	if (proc)
		closedir(proc);
	return found;
}
