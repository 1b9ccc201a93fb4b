/*
 * users.h - who keeps a mount busy: processes with something of it open, mapped, running or
 * as their directory, found in /proc.
 *
 * Answers what `fuser -m` answers, where nothing but us is installed.  Best effort: what
 * belongs to other users is only seen by root, and processes come and go.
 *
 * Threads: any.
 */
#ifndef VV_HOST_FUSE_USERS_H
#define VV_HOST_FUSE_USERS_H

#include <stdint.h>

struct vv_mount_user {
	uint64_t pid;
	const char *program; /* as ps shows it; all borrowed for the call */
	const char *what; /* "open file", "current directory", "running program", ... */
	const char *path;
};

/* Call @each once for each process that uses files of the device.  Returns how many. */
unsigned vv_mount_users(uint32_t major, uint32_t minor,
			void (*each)(void *ctx, const struct vv_mount_user *user),
			void *ctx);

#endif
