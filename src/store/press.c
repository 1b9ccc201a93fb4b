#include "store/press.h"

#include "codec/branch.h"
#include "codec/hash.h"
#include "codec/zstd.h"
#include "core/arith.h"
#include "core/err.h"
#include "core/log.h"
#include "os/thread.h"
#include "store/frame_load.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	STAGE_IDLE,
	STAGE_HASH,
	STAGE_SQUEEZE,
	TRIAL_LEVEL = 1,
	/* Code has one in 20 to 200.  What has fewer than this is not worth a trial. */
	BYTES_FOR_A_BRANCH = 1024,
};

struct worker {
	struct vv_press *press;
	struct vv_thread thread;
	struct vv_compressor *trial, *alone, *against; /* owned; by level */
	struct vv_frame_loader loader;
	uint8_t *refs; /* owned; plain bytes of each candidate, VV_FRAME_MAX apart */
	uint8_t *filtered; /* owned; VV_FRAME_MAX bytes, and so stored */
	uint8_t *stored;
};

struct vv_press {
	struct vv_source *src; /* borrowed */
	struct vv_mutex lock;
	struct vv_cond work, done;
	struct vv_press_job *first, *last; /* the queue; protected by lock */
	bool is_stopping;		   /* protected by lock */
	struct worker *workers;		   /* owned */
	unsigned worker_count, started;
};

/* ---- what a worker does ---- */

static void hash(struct vv_press_job *job)
{
	vv_hash_id(&job->id, job->plain, job->plain_size);
	job->checksum = vv_checksum64(job->plain, job->plain_size);
	vv_sketch_make(&job->sketch, job->plain, job->plain_size);
}

static uint8_t *ref_bytes(const struct worker *w, unsigned i)
{
	return w->refs + (size_t)i * VV_FRAME_MAX;
}

/* A candidate that cannot be had is no candidate. */
static bool load_ref(struct worker *w, const struct vv_press_ref *ref, unsigned i)
{
	const uint8_t *stored = ref->stored;
	char hex[VV_ID_HEX_BYTES];
	int err = VV_OK;

	if (!stored) {
		err = vv_frame_fetch(&w->loader, w->press->src, &ref->pack,
				     &ref->frame);
		stored = w->loader.stored;
	}
	if (!err)
		err = vv_frame_decode(&w->loader, &ref->frame, stored, NULL, 0,
				      ref_bytes(w, i));
	if (err)
		vv_log(VV_LOG_WARN, "frame %s: %s; not used as a reference",
		       vv_id_to_hex(&ref->frame.id, hex), vv_err_text(err));
	return err == VV_OK;
}

/* What is compressed, and against what. */
struct piece {
	const uint8_t *bytes, *ref; /* ref: NULL = none */
	size_t size, ref_size;
};

static struct piece whole(const uint8_t *bytes, const struct vv_press_job *job)
{
	return (struct piece){ .bytes = bytes, .size = job->plain_size };
}

static struct piece against(const struct worker *w, const struct vv_press_job *job,
			    unsigned ref)
{
	struct piece p = whole(job->plain, job);

	p.ref = ref_bytes(w, ref);
	p.ref_size = job->refs[ref].frame.plain_size;
	return p;
}

/* Compresses into w->stored; VV_ENOSPC if it does not get smaller. */
static int compress(struct worker *w, struct vv_compressor *c, struct piece p,
		    size_t *size)
{
	return vv_compressor_run(c, w->stored, p.size - 1, size, p.bytes, p.size, p.ref,
				 p.ref_size);
}

/* How small it gets at the fastest level; never above the plain size. */
static int try_out(struct worker *w, struct piece p, size_t *size)
{
	int err = compress(w, w->trial, p, size);

	if (err == VV_ENOSPC) {
		*size = p.size;
		err = VV_OK;
	}
	return err;
}

/* @alone: how small the frame gets without a reference. */
static int choose_ref(struct worker *w, struct vv_press_job *job, size_t alone)
{
	size_t size, best = alone - alone * VV_PRESS_GAIN_PERCENT / 100;
	int err = VV_OK;

	for (unsigned i = 0; !err && i < job->ref_count; i++) {
		if (!load_ref(w, &job->refs[i], i))
			continue;
		err = try_out(w, against(w, job, i), &size);
		if (!err && size < best) {
			best = size;
			job->chosen = i;
		}
	}
	return err;
}

static int choose_filter(struct worker *w, struct vv_press_job *job, size_t alone)
{
	size_t size;
	int err = try_out(w, whole(w->filtered, job), &size);

	if (!err && size < alone)
		job->filter = VV_FILTER_BRANCH;
	return err;
}

static int choose(struct worker *w, struct vv_press_job *job)
{
	size_t alone, branches;
	int err;

	job->chosen = job->ref_count;
	job->filter = VV_FILTER_NONE;
	memcpy(w->filtered, job->plain, job->plain_size);
	branches = vv_branch_encode(w->filtered, job->plain_size);
	if (!job->ref_count && branches * BYTES_FOR_A_BRANCH < job->plain_size)
		return VV_OK; /* nothing to choose */
	err = try_out(w, whole(job->plain, job), &alone);
	if (!err)
		err = choose_ref(w, job, alone);
	if (!err && job->chosen == job->ref_count &&
	    branches * BYTES_FOR_A_BRANCH >= job->plain_size)
		err = choose_filter(w, job, alone);
	return err;
}

/* As it was chosen. */
static int compress_best(struct worker *w, const struct vv_press_job *job, size_t *size)
{
	if (job->chosen < job->ref_count)
		return compress(w, w->against, against(w, job, job->chosen), size);
	return compress(w, w->alone, whole(job->filter ? w->filtered : job->plain, job),
			size);
}

static int squeeze(struct worker *w, struct vv_press_job *job)
{
	const uint8_t *from = w->stored;
	size_t size = 0;
	int err = choose(w, job);

	job->codec = VV_CODEC_ZSTD;
	if (!err)
		err = compress_best(w, job, &size);
	if (err == VV_ENOSPC) {
		job->codec = VV_CODEC_RAW;
		job->filter = VV_FILTER_NONE;
		job->chosen = job->ref_count;
		from = job->plain;
		size = job->plain_size;
		err = VV_OK;
	}
	if (err)
		return err;
	job->stored = malloc(size);
	if (!job->stored)
		return VV_ENOMEM;
	memcpy(job->stored, from, size);
	job->stored_size = (uint32_t)size;
	return VV_OK;
}

/* ---- the queue ---- */

static struct vv_press_job *take_job(struct vv_press *press)
{
	struct vv_press_job *job;

	while (!press->first && !press->is_stopping)
		vv_cond_wait(&press->work, &press->lock);
	job = press->first;
	if (job) {
		press->first = job->next;
		if (!press->first)
			press->last = NULL;
	}
	return job;
}

static void work(void *arg)
{
	struct worker *w = arg;
	struct vv_press *press = w->press;
	struct vv_press_job *job;

	vv_mutex_lock(&press->lock);
	while ((job = take_job(press)) != NULL) {
		unsigned stage = job->stage;
		int err = VV_OK;

		vv_mutex_unlock(&press->lock);
		if (stage == STAGE_HASH)
			hash(job);
		else
			err = squeeze(w, job);
		vv_mutex_lock(&press->lock);
		job->err = err;
		job->stage = STAGE_IDLE;
		vv_cond_broadcast(&press->done);
	}
	vv_mutex_unlock(&press->lock);
}

static void queue(struct vv_press *press, struct vv_press_job *job, unsigned stage)
{
	vv_mutex_lock(&press->lock);
	job->stage = stage;
	job->err = VV_OK;
	job->next = NULL;
	if (press->last)
		press->last->next = job;
	else
		press->first = job;
	press->last = job;
	vv_cond_signal(&press->work);
	vv_mutex_unlock(&press->lock);
}

void vv_press_hash(struct vv_press *press, struct vv_press_job *job)
{
	queue(press, job, STAGE_HASH);
}

void vv_press_squeeze(struct vv_press *press, struct vv_press_job *job)
{
	queue(press, job, STAGE_SQUEEZE);
}

int vv_press_wait(struct vv_press *press, struct vv_press_job *job)
{
	int err;

	vv_mutex_lock(&press->lock);
	while (job->stage != STAGE_IDLE)
		vv_cond_wait(&press->done, &press->lock);
	err = job->err;
	vv_mutex_unlock(&press->lock);
	return err;
}

/* ---- making ---- */

/*
 * The level of frames with a reference.  From 10 to 13 zstd sorts the whole reference
 * into a tree for each frame, but hardly looks ahead: it takes several times as long as
 * level 9 and saves 2 % of these frames at most.  From 14 on it saves 7 %.
 */
static int level_against(int level)
{
	return level > 9 && level < 14 ? 9 : level;
}

static int init_worker(struct worker *w, struct vv_press *press, int level)
{
	int err;

	w->press = press;
	w->refs = malloc((size_t)VV_SIMILAR_PICKS * VV_FRAME_MAX);
	w->filtered = malloc(VV_FRAME_MAX);
	w->stored = malloc(VV_FRAME_MAX);
	err = w->refs && w->filtered && w->stored ? VV_OK : VV_ENOMEM;
	if (!err)
		err = vv_frame_loader_init(&w->loader);
	if (!err)
		err = vv_compressor_new(&w->trial, TRIAL_LEVEL);
	if (!err)
		err = vv_compressor_new(&w->alone, level);
	if (!err)
		err = vv_compressor_new(&w->against, level_against(level));
	return err;
}

static void fini_worker(struct worker *w)
{
	vv_compressor_free(w->trial);
	vv_compressor_free(w->alone);
	vv_compressor_free(w->against);
	vv_frame_loader_fini(&w->loader);
	free(w->refs);
	free(w->filtered);
	free(w->stored);
}

int vv_press_new(struct vv_press **out, struct vv_source *src, int level, unsigned jobs)
{
	struct vv_press *press = calloc(1, sizeof *press);
	int err = VV_OK;

	*out = NULL;
	if (!press)
		return VV_ENOMEM;
	press->src = src;
	vv_mutex_init(&press->lock);
	vv_cond_init(&press->work);
	vv_cond_init(&press->done);
	press->workers = calloc(jobs, sizeof *press->workers);
	if (!press->workers)
		err = VV_ENOMEM;
	for (unsigned i = 0; !err && i < jobs; i++) {
		press->worker_count++;
		err = init_worker(&press->workers[i], press, level);
		if (!err)
			err = vv_thread_create(&press->workers[i].thread, "press", work,
					       &press->workers[i], 0);
		if (!err)
			press->started++;
	}
	if (err) {
		vv_press_free(press);
		return err;
	}
	*out = press;
	return VV_OK;
}

void vv_press_free(struct vv_press *press)
{
	if (!press)
		return;
	vv_mutex_lock(&press->lock);
	press->is_stopping = true;
	vv_cond_broadcast(&press->work);
	vv_mutex_unlock(&press->lock);
	for (unsigned i = 0; i < press->started; i++)
		vv_thread_join(&press->workers[i].thread);
	for (unsigned i = 0; i < press->worker_count; i++)
		fini_worker(&press->workers[i]);
	free(press->workers);
	vv_mutex_fini(&press->lock);
	vv_cond_fini(&press->work);
	vv_cond_fini(&press->done);
	free(press);
}
