#include "source/open_files.h"

#include "core/err.h"
#include "os/file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct vv_open_file {
	struct vv_open_file *newer, *older; /* protected by the set's lock */
	struct vv_file *file;		    /* owned */
	unsigned refs;			    /* protected by lock; the set holds one */
	char path[];
};

void vv_open_files_init(struct vv_open_files *set, unsigned max)
{
	*set = (struct vv_open_files){ .max = max };
	vv_mutex_init(&set->lock);
}

static void close_one(struct vv_open_file *f)
{
	vv_file_close(f->file);
	free(f);
}

void vv_open_files_fini(struct vv_open_files *set)
{
	while (set->newest) {
		struct vv_open_file *older = set->newest->older;

		assert(set->newest->refs == 1);
		close_one(set->newest);
		set->newest = older;
	}
	vv_mutex_fini(&set->lock);
}

static void unlink_locked(struct vv_open_files *set, struct vv_open_file *f)
{
	*(f->newer ? &f->newer->older : &set->newest) = f->older;
	*(f->older ? &f->older->newer : &set->oldest) = f->newer;
	f->newer = f->older = NULL;
	set->count--;
}

static void link_newest_locked(struct vv_open_files *set, struct vv_open_file *f)
{
	f->older = set->newest;
	*(set->newest ? &set->newest->newer : &set->oldest) = f;
	set->newest = f;
	set->count++;
}

/* Takes @f out of the set.  Returns it if the caller has to close it, else NULL. */
static struct vv_open_file *drop_locked(struct vv_open_files *set,
					struct vv_open_file *f)
{
	unlink_locked(set, f);
	return --f->refs == 0 ? f : NULL;
}

static struct vv_open_file *find_locked(struct vv_open_files *set, const char *path)
{
	struct vv_open_file *f = set->newest;

	while (f && strcmp(f->path, path) != 0)
		f = f->older;
	return f;
}

static struct vv_open_file *find_and_ref(struct vv_open_files *set, const char *path)
{
	struct vv_open_file *f;

	vv_mutex_lock(&set->lock);
	f = find_locked(set, path);
	if (f) {
		f->refs++;
		unlink_locked(set, f);
		link_newest_locked(set, f);
	}
	vv_mutex_unlock(&set->lock);
	return f;
}

static int open_new(const char *path, struct vv_open_file **out)
{
	size_t size = strlen(path) + 1;
	struct vv_open_file *f = calloc(1, sizeof *f + size);
	int err;

	if (!f)
		return VV_ENOMEM;
	err = vv_file_open_direct(&f->file, path);
	if (err) {
		free(f);
		return err;
	}
	memcpy(f->path, path, size);
	f->refs = 1; /* the caller's */
	*out = f;
	return VV_OK;
}

/* Two threads that both missed have opened it twice: the second stays out of the set. */
static void enter(struct vv_open_files *set, struct vv_open_file *f)
{
	struct vv_open_file *closing = NULL;

	vv_mutex_lock(&set->lock);
	if (!find_locked(set, f->path)) {
		f->refs++;
		link_newest_locked(set, f);
		if (set->count > set->max)
			closing = drop_locked(set, set->oldest);
	}
	vv_mutex_unlock(&set->lock);
	if (closing)
		close_one(closing);
}

int vv_open_files_ref(struct vv_open_files *set, const char *path,
		      struct vv_open_file **out)
{
	int err;

	*out = find_and_ref(set, path);
	if (*out)
		return VV_OK;
	err = open_new(path, out);
	if (!err)
		enter(set, *out);
	return err;
}

void vv_open_files_unref(struct vv_open_files *set, struct vv_open_file *file)
{
	bool is_last;

	vv_mutex_lock(&set->lock);
	is_last = --file->refs == 0;
	vv_mutex_unlock(&set->lock);
	if (is_last)
		close_one(file);
}

struct vv_file *vv_open_file_get(struct vv_open_file *file)
{
	return file->file;
}

void vv_open_files_forget(struct vv_open_files *set, const char *path)
{
	struct vv_open_file *f;

	vv_mutex_lock(&set->lock);
	f = find_locked(set, path);
	if (f)
		f = drop_locked(set, f);
	vv_mutex_unlock(&set->lock);
	if (f)
		close_one(f);
}
