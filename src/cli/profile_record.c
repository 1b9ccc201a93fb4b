/*
 * `varve profile record`: a mount that nobody else uses, a command on it, and what it was
 * asked written down.
 *
 * The mount is served by this process, so that the recorder is at hand; the command is its
 * child.  A thread waits for the child and then asks the mount to end, as a signal from
 * outside would.
 */
#include "cli/cli.h"
#include "cli/profile.h"

#include "core/err.h"
#include "host/fuse/fuse_host.h"
#include "host/recorder.h"
#include "host/serve.h"
#include "os/system.h"
#include "os/thread.h"
#include "store/profiles.h"
#include "store/store.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum {
	MEMORY = 512 << 20,
	SHELL_SIGNALLED = 128, /* how a shell tells that a signal ended a command */
};

struct job {
	const struct vv_profile_job *what;
	struct vv_store *store;
	struct vv_serve *serve;
	struct vv_recorder *recorder;
	char dir[PATH_MAX];
	char **words; /* owned: the command with the mount in it */
	pid_t child;  /* 0: not started */
	int spawn_error, wait_status;
	struct vv_thread waiter;
	bool is_waiting;
};

/* ---- the command ---- */

/* @word with @dir for each `{}`; NULL: no memory. */
static char *fill_in(const char *word, const char *dir)
{
	size_t count = 0, dir_len = strlen(dir);
	char *out, *at;

	for (const char *p = strstr(word, "{}"); p; p = strstr(p + 2, "{}"))
		count++;
	at = out = malloc(strlen(word) + count * dir_len + 1);
	while (out && *word) {
		if (strncmp(word, "{}", 2) == 0) {
			memcpy(at, dir, dir_len);
			at += dir_len;
			word += 2;
		} else {
			*at++ = *word++;
		}
	}
	if (out)
		*at = '\0';
	return out;
}

static int make_words(struct job *job)
{
	size_t count = 0;

	while (job->what->command[count])
		count++;
	job->words = calloc(count + 1, sizeof *job->words);
	for (size_t i = 0; job->words && i < count; i++) {
		job->words[i] = fill_in(job->what->command[i], job->dir);
		if (!job->words[i])
			return VV_ENOMEM;
	}
	return job->words ? VV_OK : VV_ENOMEM;
}

static void free_words(struct job *job)
{
	for (size_t i = 0; job->words && job->words[i]; i++)
		free(job->words[i]);
	free(job->words);
}

static void end_mount(void)
{
	(void)kill(getpid(), SIGTERM);
}

static void wait_for_child(void *arg)
{
	struct job *job = arg;

	while (waitpid(job->child, &job->wait_status, 0) < 0 && errno == EINTR)
		;
	end_mount();
}

/* The child has the signals that this process waits for, or ignores, as they are by default. */
static int spawn(struct job *job)
{
	posix_spawnattr_t attr;
	sigset_t none, defaults;
	int error;

	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	error = posix_spawnp(&job->child, job->words[0], NULL, &attr, job->words,
			     environ);
	posix_spawnattr_destroy(&attr);
	return error;
}

/* The mount can be used. */
static void start_command(void *ctx)
{
	struct job *job = ctx;

	job->spawn_error = spawn(job);
	if (job->spawn_error) {
		job->child = 0;
		end_mount();
		return;
	}
	job->is_waiting = vv_thread_create(&job->waiter, "varve-wait", wait_for_child,
					   job, 0) == VV_OK;
	if (!job->is_waiting)
		wait_for_child(job);
}

/* ---- the mount ---- */

/* Who may make a mount name space of its own hides the mount from everybody else in it. */
static void hide(void)
{
	if (unshare(CLONE_NEWNS) == 0)
		(void)mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
}

static int make_dir(struct job *job)
{
	const char *base = getenv("TMPDIR");

	if (!base || !*base)
		base = "/tmp";
	snprintf(job->dir, sizeof job->dir, "%s/varve-profile.XXXXXX", base);
	if (mkdtemp(job->dir))
		return 0;
	vv_say("cannot make a directory in '%s': %s", base, strerror(errno));
	job->dir[0] = '\0';
	return VV_EXIT_FAILED;
}

/* The command in one line, as it was given. */
static void describe_command(const struct job *job, char *out, size_t room)
{
	size_t at = 0;

	out[0] = '\0';
	for (char **word = job->what->command; *word && at < room; word++)
		at += (size_t)snprintf(out + at, room - at, "%s%s", at ? " " : "",
				       *word);
}

static int make_recorder(struct job *job)
{
	char text[VV_PROFILE_PATH_MAX];

	describe_command(job, text, sizeof text);
	return vv_recorder_new(&job->recorder, vv_serve_view(job->serve),
			       (const char *const *)job->what->refs,
			       job->what->ref_count, text);
}

static int make_serve(struct job *job, struct vv_serve_layer *layers)
{
	size_t count = 0;
	struct vv_serve_options opts = {
		.store = job->store,
		.layers = layers,
		.memory_bytes = MEMORY,
		.mount_path = job->dir,
		.prefetch_off = true,
		.uid = (uint32_t)getuid(),
		.gid = (uint32_t)getgid(),
	};
	int err;

	for (size_t i = 0; i < job->what->ref_count; i++)
		layers[count++].ref = job->what->refs[i];
	for (size_t i = 0; i < job->what->with->count; i++)
		layers[count++].ref = job->what->with->items[i];
	for (size_t i = 0; i < count; i++)
		layers[i].path = layers[i].ref;
	opts.layer_count = count;
	err = vv_serve_new(&job->serve, &opts);
	return err ? err : make_recorder(job);
}

static int run_on_mount(struct job *job)
{
	struct vv_fuse_options opts = {
		.path = job->dir,
		.fsname = job->what->store ? job->what->store : "varve",
		.recorder = job->recorder,
		.ready = start_command,
		.ctx = job,
	};
	int err = vv_fuse_host_run(job->serve, &opts);

	if (job->child && err)
		(void)kill(job->child, SIGTERM);
	if (job->is_waiting)
		vv_thread_join(&job->waiter);
	if (err)
		return vv_say_failed(err, "cannot mount at '%s'", job->dir);
	if (job->spawn_error) {
		vv_say("cannot run '%s': %s", job->words[0],
		       strerror(job->spawn_error));
		return VV_EXIT_FAILED;
	}
	if (WIFEXITED(job->wait_status))
		return WEXITSTATUS(job->wait_status);
	return SHELL_SIGNALLED + WTERMSIG(job->wait_status);
}

/* ---- what it read ---- */

/* The runs of @p behind those that the ref's profile has, if it is to keep them. */
static int join_old(struct job *job, const char *ref, struct vv_profile *p)
{
	struct vv_profile old;
	int err = job->what->add ? vv_profiles_get(job->store, ref, &old) : VV_ENOENT;

	if (err)
		return err == VV_ENOENT ? VV_OK : err;
	err = vv_profile_join(&old, p);
	if (err) {
		vv_profile_fini(&old);
		return err;
	}
	vv_profile_fini(p);
	*p = old;
	return VV_OK;
}

static int put(struct job *job, const char *ref, struct vv_profile *p)
{
	struct vv_ref now;
	int err = vv_ref_get(job->store, ref, &now);

	if (!err)
		err = join_old(job, ref, p);
	if (err)
		return err;
	p->tree = now.tree;
	p->recorded_ns = vv_time_ns();
	return vv_profiles_put(job->store, ref, p);
}

static int keep(struct job *job, size_t nth)
{
	const char *ref = job->what->refs[nth];
	uint64_t lost;
	struct vv_profile *p = vv_recorder_profile(job->recorder, nth, &lost);
	int err;

	if (vv_profile_count(p) <= 1) { /* the run itself */
		vv_say("the command used nothing of '%s': is it given {}/%s, or $VARVE_MOUNT/%s?",
		       ref, ref, ref);
		return VV_EXIT_FAILED;
	}
	if (lost)
		vv_say("%s: %llu uses do not fit in a profile", ref,
		       (unsigned long long)lost);
	err = put(job, ref, p);
	return err ? vv_say_failed(err, "cannot keep the profile of '%s'", ref) : 0;
}

static int keep_all(struct job *job, int status)
{
	if (status) {
		vv_say("the command failed (status %d); no profile was kept", status);
		return status;
	}
	for (size_t i = 0; i < job->what->ref_count; i++)
		if (keep(job, i))
			status = VV_EXIT_FAILED;
	return status;
}

static int record(struct job *job)
{
	struct vv_serve_layer *layers =
		calloc(job->what->ref_count + job->what->with->count, sizeof *layers);
	int err = layers ? make_serve(job, layers) : VV_ENOMEM;
	int status;

	if (!err)
		err = make_words(job);
	if (!err && setenv("VARVE_MOUNT", job->dir, 1) != 0)
		err = VV_ENOMEM;
	if (err)
		status = vv_say_failed(err, "cannot serve the store");
	else
		status = run_on_mount(job);
	if (!err && job->child)
		status = keep_all(job, status);
	free(layers);
	return status;
}

int vv_profile_record(const struct vv_profile_job *what)
{
	struct job job = { .what = what };
	int status;

	hide();
	status = vv_open_store(&job.store, what->store);
	if (!status)
		status = make_dir(&job);
	if (!status)
		status = record(&job);
	free_words(&job);
	vv_recorder_free(job.recorder);
	if (job.serve)
		vv_serve_free(job.serve);
	else
		vv_store_close(job.store);
	if (job.dir[0])
		(void)rmdir(job.dir);
	return status;
}
