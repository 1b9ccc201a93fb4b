/*
 * background.h - become a daemon that is known to work before the command ends.
 *
 * A mount command returns when the mount can be used, or says why not.  The fork comes
 * first, while the process has one thread and holds nothing; the parent waits for the
 * child's word and ends with its status.
 *
 * After that nobody reads the child's stderr: its messages go to syslog.
 *
 * Ownership: the caller's storage, for as long as the process runs.
 * Threads: start on the only thread; the sink on any.
 */
#ifndef VV_HOST_FUSE_BACKGROUND_H
#define VV_HOST_FUSE_BACKGROUND_H

#include "core/log.h"

#include <stdatomic.h>

struct vv_background {
	vv_log_sink before; /* hears messages until ready */
	void *before_ctx;
	int pipe; /* to the parent; -1 when told, or in the foreground */
	atomic_bool is_detached;
};

/*
 * 1: this is the parent, the child is ready or failed, and *@exit_status is how to end.
 * 0: this is the child.  Negative: no process could be made.
 */
int vv_background_start(struct vv_background *bg, int *exit_status);

/*
 * Tell the parent, leave terminal and working directory; nothing in the foreground, where
 * the pipe is -1.  Has the type of vv_fuse_options.ready.
 */
void vv_background_ready(void *background);

/* The sink for the child: vv_log_set_sink(vv_background_log, bg). */
void vv_background_log(void *background, enum vv_log_level level, const char *line);

#endif
