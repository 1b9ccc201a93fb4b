#include "host/fuse/fusermount.h"

#include "core/err.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	COMM_FD = 3
}; /* where the helper finds its end of the socket */

/* Everything that was said, as one line without its end. */
static void read_text(int pipe, char text[VV_FUSERMOUNT_TEXT])
{
	char rest[256];
	size_t used = 0;
	ssize_t got;

	do {
		bool full = used == VV_FUSERMOUNT_TEXT - 1;

		got = read(pipe, full ? rest : text + used,
			   full ? sizeof rest : VV_FUSERMOUNT_TEXT - 1 - used);
		if (got > 0 && !full)
			used += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	while (used > 0 && text[used - 1] == '\n')
		used--;
	text[used] = 0;
}

static int wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return VV_EIO;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return VV_ENOSYS; /* an old libc tells a missing program this way */
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? VV_OK : VV_EPERM;
}

/* Our environment and the number of the socket; the caller frees the array. */
static char **helper_environment(char *comm)
{
	size_t n = 0;
	char **env;

	while (environ && environ[n])
		n++;
	env = calloc(n + 2, sizeof *env);
	if (!env)
		return NULL;
	if (n)
		memcpy(env, environ, n * sizeof *env);
	env[n] = comm;
	return env;
}

static int spawn(pid_t *child, const char *const argv[], int comm, int complaints)
{
	char comm_variable[] = "_FUSE_COMMFD=3";
	posix_spawn_file_actions_t actions;
	char **env = helper_environment(comm_variable);
	int posix_error;

	_Static_assert(COMM_FD == 3, "as the variable says");
	if (!env || posix_spawn_file_actions_init(&actions) != 0) {
		free(env);
		return VV_ENOMEM;
	}
	/* dup2() onto itself also clears close-on-exec here (POSIX since 2018). */
	posix_error =
		posix_spawn_file_actions_adddup2(&actions, complaints, STDERR_FILENO);
	if (!posix_error && comm >= 0)
		posix_error = posix_spawn_file_actions_adddup2(&actions, comm, COMM_FD);
	if (!posix_error)
		posix_error = posix_spawnp(child, argv[0], &actions, NULL,
					   (char **)argv, env);
	posix_spawn_file_actions_destroy(&actions);
	free(env);
	return posix_error == 0 ? VV_OK : posix_error == ENOENT ? VV_ENOSYS : VV_EAGAIN;
}

static int receive_device(int comm)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte;
	struct iovec piece = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control,
	};
	struct cmsghdr *header;
	ssize_t got;
	int fd = -1;

	do
		got = recvmsg(comm, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (header && header->cmsg_level == SOL_SOCKET &&
	    header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof fd))
		memcpy(&fd, CMSG_DATA(header), sizeof fd);
	return fd;
}

static void close_pair(int pair[2])
{
	for (int i = 0; i < 2; i++) {
		if (pair[i] >= 0)
			close(pair[i]);
		pair[i] = -1;
	}
}

/* @device NULL: nothing is handed over. */
static int run(const char *const argv[], int *device, char text[VV_FUSERMOUNT_TEXT])
{
	int comm[2] = { -1, -1 }, complaints[2] = { -1, -1 };
	int err = VV_EMFILE;
	pid_t child;

	text[0] = 0;
	if (pipe2(complaints, O_CLOEXEC) != 0)
		goto out;
	if (device && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, comm) != 0)
		goto out;
	err = spawn(&child, argv, comm[0], complaints[1]);
	if (err)
		goto out;
	/* Ours must go, or the ends would never come. */
	close(complaints[1]);
	complaints[1] = -1;
	if (device) {
		close(comm[0]);
		comm[0] = -1;
		*device = receive_device(comm[1]);
	}
	read_text(complaints[0], text);
	err = wait_for(child);
	if (device && *device < 0 && !err)
		err = VV_EPERM;
out:
	if (err == VV_ENOSYS)
		snprintf(
			text, VV_FUSERMOUNT_TEXT,
			"fusermount3 is not installed (package fuse3), and without it this takes root");
	close_pair(comm);
	close_pair(complaints);
	return err;
}

int vv_fusermount_mount(const char *where, const char *options, int *device,
			char text[VV_FUSERMOUNT_TEXT])
{
	const char *const argv[] = { "fusermount3", "-o", options, "--", where, NULL };

	*device = -1;
	return run(argv, device, text);
}

int vv_fusermount_unmount(const char *where, bool lazy, char text[VV_FUSERMOUNT_TEXT])
{
	const char *const argv[] = { "fusermount3", lazy ? "-uz" : "-u", "--", where,
				     NULL };
	int err = run(argv, NULL, text);

	return err == VV_EPERM && strstr(text, "busy") ? VV_EBUSY : err;
}
