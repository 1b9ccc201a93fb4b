#include "host/fuse/background.h"

#include "core/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

/* A byte is the child's word that all is well; without one its exit status is the answer. */
static int wait_for_child(pid_t child, int pipe)
{
	char word;
	ssize_t got;
	int status;

	do
		got = read(pipe, &word, 1);
	while (got < 0 && errno == EINTR);
	if (got == 1)
		return 0;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int vv_background_start(struct vv_background *bg, int *exit_status)
{
	int ends[2];
	pid_t child;

	bg->pipe = -1;
	atomic_init(&bg->is_detached, false);
	if (pipe2(ends, O_CLOEXEC) != 0)
		return VV_EMFILE;
	child = fork();
	if (child < 0) {
		close(ends[0]);
		close(ends[1]);
		return VV_EAGAIN;
	}
	if (child > 0) {
		close(ends[1]);
		*exit_status = wait_for_child(child, ends[0]);
		close(ends[0]);
		return 1;
	}
	close(ends[0]);
	bg->pipe = ends[1];
	(void)setsid(); /* cannot fail in a new process */
	return 0;
}

void vv_background_ready(void *background)
{
	struct vv_background *bg = background;
	int null;

	if (bg->pipe < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (chdir("/") != 0)
		vv_log(VV_LOG_WARN, "cannot leave the working directory");
	openlog("varve", LOG_PID, LOG_DAEMON);
	atomic_store(&bg->is_detached, true);
	if (null >= 0) {
		for (int fd = 0; fd <= 2; fd++)
			(void)dup2(null, fd);
		close(null);
	}
	/* If the parent is gone there is nobody to tell. */
	(void)!write(bg->pipe, "", 1);
	close(bg->pipe);
	bg->pipe = -1;
}

static int priority(enum vv_log_level level)
{
	switch (level) {
	case VV_LOG_ERROR: return LOG_ERR;
	case VV_LOG_WARN: return LOG_WARNING;
	case VV_LOG_INFO: return LOG_INFO;
	case VV_LOG_DEBUG: break;
	}
	return LOG_DEBUG;
}

void vv_background_log(void *background, enum vv_log_level level, const char *line)
{
	struct vv_background *bg = background;

	if (atomic_load(&bg->is_detached))
		syslog(priority(level), "%s", line);
	else if (bg->before)
		bg->before(bg->before_ctx, level, line);
}
