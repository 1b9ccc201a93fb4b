#include "host/fuse/background.h"

#include "core/err.h"
#include "test.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static void the_parent_ends_well_when_the_child_is_ready(void)
{
	struct vv_background bg = { 0 };
	char said = 0;
	int status = -1, role, ends[2];

	CHECK_INT(pipe(ends), 0);
	role = vv_background_start(&bg, &status);
	if (role == 0) {
		char cwd[8] = "";

		vv_background_ready(&bg);
		usleep(100000); /* a daemon: the parent does not wait for its end */
		said = getsid(0) == getpid() && getcwd(cwd, sizeof cwd) &&
				       strcmp(cwd, "/") == 0
			       ? 'y'
			       : 'n';
		(void)!write(ends[1], &said, 1);
		_exit(9);
	}
	CHECK_INT(role, 1);
	CHECK_INT(status, 0);
	CHECK_INT(read(ends[0], &said, 1), 1);
	CHECK_INT(said, 'y');
	close(ends[0]);
	close(ends[1]);
}

static void the_parent_ends_as_the_child_that_failed(void)
{
	struct vv_background bg = { 0 };
	int status = -1, role = vv_background_start(&bg, &status);

	if (role == 0)
		_exit(3);
	CHECK_INT(role, 1);
	CHECK_INT(status, 3);
}

static void a_child_that_was_killed_is_a_failure(void)
{
	struct vv_background bg = { 0 };
	int status = -1, role = vv_background_start(&bg, &status);

	if (role == 0)
		raise(SIGKILL);
	CHECK_INT(role, 1);
	CHECK_INT(status, 1);
}

static unsigned heard;

static void hear(void *ctx, enum vv_log_level level, const char *line)
{
	CHECK(ctx == &heard);
	CHECK_INT(level, VV_LOG_WARN);
	CHECK_STR(line, "text");
	heard++;
}

static void messages_go_where_they_went_until_ready(void)
{
	struct vv_background bg = { .before = hear, .before_ctx = &heard, .pipe = -1 };

	vv_background_log(&bg, VV_LOG_WARN, "text");
	CHECK_INT(heard, 1);
	vv_background_ready(&bg); /* in the foreground: nothing changes */
	vv_background_log(&bg, VV_LOG_WARN, "text");
	CHECK_INT(heard, 2);
	atomic_store(&bg.is_detached, true);
	vv_background_log(&bg, VV_LOG_WARN, "text");
	CHECK_INT(heard, 2);
}

int main(void)
{
	RUN(the_parent_ends_well_when_the_child_is_ready);
	RUN(the_parent_ends_as_the_child_that_failed);
	RUN(a_child_that_was_killed_is_a_failure);
	RUN(messages_go_where_they_went_until_ready);
	return test_report();
}
