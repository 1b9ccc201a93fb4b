#include "os/system.h"

#include "os/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

uint64_t vv_clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int64_t vv_time_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void vv_sleep_ms(unsigned ms)
{
	struct timespec left = {
		.tv_sec = ms / 1000,
		.tv_nsec = (long)(ms % 1000) * 1000000,
	};

	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

void vv_random(void *buf, size_t len)
{
	char *p = buf;

	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			abort(); /* names that must not collide would */
		p += n;
		len -= (size_t)n;
	}
}

/* Other bytes would break the line of a record that the name is written to. */
static void keep_printable(char *name)
{
	for (; *name; name++) {
		if (*name <= ' ' || *name > '~')
			*name = '_';
	}
}

void vv_host_name(char out[VV_SYSTEM_NAME_BYTES])
{
	if (gethostname(out, VV_SYSTEM_NAME_BYTES) != 0)
		out[0] = '\0';
	out[VV_SYSTEM_NAME_BYTES - 1] = '\0';
	if (out[0] == '\0')
		strcpy(out, "unnamed");
	keep_printable(out);
}

/* The first line of a small file of /proc; false if it cannot be read. */
static bool read_line(const char *path, char *out, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, out, cap - 1);
	close(fd);
	if (n <= 0)
		return false;
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return out[0] != '\0';
}

/*
 * Without /proc there is nothing that all processes of this boot, and no others,
 * agree on.  A name that no one else has is then the safe one: nobody will conclude
 * from our number that we are dead.
 */
static char boot_name[VV_SYSTEM_NAME_BYTES];

static void find_boot_name(void)
{
	char boot[64];
	char space[64];
	uint64_t any[2];
	ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);

	if (n > 0 && read_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot)) {
		space[n] = '\0'; /* such as "pid:[4026531836]" */
		snprintf(boot_name, sizeof boot_name, "%s/%s", boot, space);
	} else {
		vv_random(any, sizeof any);
		snprintf(boot_name, sizeof boot_name, "unknown-%016llx%016llx",
			 (unsigned long long)any[0], (unsigned long long)any[1]);
	}
	keep_printable(boot_name);
}

void vv_boot_name(char out[VV_SYSTEM_NAME_BYTES])
{
	static struct vv_once once = VV_ONCE_INIT;

	vv_once_run(&once, find_boot_name);
	memcpy(out, boot_name, sizeof boot_name);
}

uint64_t vv_process_id(void)
{
	return (uint64_t)getpid();
}

bool vv_process_alive(uint64_t pid)
{
	/* kill() gives 0 and negative numbers another meaning. */
	if (pid == 0 || pid > INT_MAX)
		return false;
	return kill((pid_t)pid, 0) == 0 || errno != ESRCH;
}

bool vv_process_may_chown(void)
{
	return geteuid() == 0;
}

void *vv_pages_new(size_t size)
{
	void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return pages == MAP_FAILED ? NULL : pages;
}

/*
 * Unmapping from the middle of merged mappings needs one more of them, and their
 * number is limited (vm.max_map_count).  Where that fails the memory still has to go
 * back, because a budget counts on it; only addresses are lost.
 */
void vv_pages_free(void *pages, size_t size)
{
	if (pages && munmap(pages, size) != 0)
		madvise(pages, size, MADV_DONTNEED);
}
