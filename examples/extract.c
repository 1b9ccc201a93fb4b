/*
 * extract.c - copies the regular files of one directory of a ref, with several threads:
 *
 *	extract STORE REF PATH DEST [THREADS]
 *
 * As a build worker does that wants the headers of a compiler.  The view shows that one
 * ref at its root.  DEST must exist; what is in subdirectories is left out.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <varve/varve.h>

enum {
	THREADS_MAX = 64
};

/* The listing is shared: who holds the lock takes the next name from it. */
struct job {
	struct vv_fs_node *dir;
	const char *dest;
	pthread_mutex_t lock;
	struct vv_fs_dir *list; /* protected by lock, as all below */
	unsigned files;
	int err; /* the first one */
};

static int copy_bytes(struct vv_fs_node *node, FILE *to)
{
	char buf[64 * 1024];
	uint64_t offset = 0;
	size_t got;
	int err;

	do {
		err = vv_fs_node_read(node, buf, sizeof buf, offset, &got);
		if (!err && fwrite(buf, 1, got, to) != got)
			err = VV_FS_EIO;
		offset += got;
	} while (!err && got);
	return err;
}

static int copy(struct job *job, const char *name)
{
	char path[2 * VV_FS_PATH_MAX];
	struct vv_fs_node *node;
	FILE *to;
	int err = vv_fs_node_open(&node, job->dir, name, 0);

	if (err)
		return err;
	snprintf(path, sizeof path, "%.4000s/%s", job->dest, name);
	to = fopen(path, "wb");
	err = to ? copy_bytes(node, to) : VV_FS_EIO;
	if (to && fclose(to) != 0 && !err)
		err = VV_FS_EIO;
	vv_fs_node_close(node);
	return err;
}

/* The next regular file; 0: there is none, or something failed. */
static int take(struct job *job, char name[VV_FS_PATH_MAX])
{
	const struct vv_fs_entry *entry;
	int found = 0;

	pthread_mutex_lock(&job->lock);
	while (!job->err && (found = vv_fs_dir_next(job->list, &entry)) > 0)
		if (entry->type == VV_FS_IFREG)
			break;
	if (found > 0) {
		snprintf(name, VV_FS_PATH_MAX, "%s", entry->name);
		job->files++;
	} else if (found < 0) {
		job->err = found;
	}
	pthread_mutex_unlock(&job->lock);
	return found > 0;
}

static void *work(void *arg)
{
	struct job *job = arg;
	char name[VV_FS_PATH_MAX];

	while (take(job, name)) {
		int err = copy(job, name);

		if (!err)
			continue;
		fprintf(stderr, "extract: %s: %s\n", name, vv_fs_err_text(err));
		pthread_mutex_lock(&job->lock);
		job->err = job->err ? job->err : err;
		pthread_mutex_unlock(&job->lock);
	}
	return NULL;
}

static void run(struct job *job, int threads)
{
	pthread_t ids[THREADS_MAX];
	int started = 0;

	pthread_mutex_init(&job->lock, NULL);
	while (started < threads && !pthread_create(&ids[started], NULL, work, job))
		started++;
	if (!started)
		work(job);
	while (started)
		pthread_join(ids[--started], NULL);
	pthread_mutex_destroy(&job->lock);
}

int main(int argc, char **argv)
{
	struct vv_fs_layer layer = { argc > 2 ? argv[2] : NULL, NULL, "" };
	struct vv_fs_options options = { sizeof options, &layer, 1, 0, 0, "extract" };
	int threads = argc > 5 ? atoi(argv[5]) : 4;
	struct job job = { 0 };
	struct vv_fs *fs = NULL;

	if (argc < 5 || threads < 1 || threads > THREADS_MAX) {
		fprintf(stderr, "usage: extract STORE REF PATH DEST [THREADS]\n");
		return 2;
	}
	job.dest = argv[4];
	job.err = vv_fs_open(&fs, argv[1], &options);
	if (!job.err)
		job.err = vv_fs_node_open(&job.dir, vv_fs_root(fs), argv[3],
					  VV_FS_FOLLOW);
	if (!job.err)
		job.err = vv_fs_dir_open(&job.list, job.dir);
	if (job.err)
		fprintf(stderr, "extract: %s: %s\n", argv[3], vv_fs_err_text(job.err));
	else
		run(&job, threads);
	if (!job.err)
		printf("%u files\n", job.files);
	vv_fs_dir_close(job.list);
	vv_fs_node_close(job.dir);
	vv_fs_close(fs);
	return job.err ? 1 : 0;
}
