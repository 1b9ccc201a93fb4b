#include "host/recorder.h"

#include "codec/hash.h"
#include "core/err.h"
#include "core/idmap.h"
#include "os/thread.h"
#include "vfs/view.h"

#include <stdlib.h>
#include <string.h>

enum {
	PATH_BYTES = VV_PROFILE_PATH_MAX + 1024, /* with the ref's name before it */
};

struct record {
	const char *ref; /* borrowed */
	size_t ref_len;
	struct vv_profile profile;
	struct vv_idmap seen; /* kind and path -> use */
	uint64_t lost;
};

struct vv_recorder {
	struct vv_view *view; /* borrowed */
	struct vv_mutex lock;
	struct record *records; /* owned; protected by lock */
	size_t count;
};

int vv_recorder_new(struct vv_recorder **out, struct vv_view *view,
		    const char *const *refs, size_t count, const char *command)
{
	struct vv_recorder *r = calloc(1, sizeof *r);

	*out = NULL;
	if (!r)
		return VV_ENOMEM;
	vv_mutex_init(&r->lock);
	r->view = view;
	r->records = calloc(count + 1, sizeof *r->records);
	if (!r->records) {
		vv_recorder_free(r);
		return VV_ENOMEM;
	}
	for (; r->count < count; r->count++) {
		struct record *rec = &r->records[r->count];

		rec->ref = refs[r->count];
		rec->ref_len = strlen(rec->ref);
		vv_profile_init(&rec->profile);
		vv_idmap_init(&rec->seen, VV_PROFILE_USES_MAX);
		if (vv_profile_add_run(&rec->profile, command)) {
			r->count++;
			vv_recorder_free(r);
			return VV_ENOMEM;
		}
	}
	*out = r;
	return VV_OK;
}

void vv_recorder_free(struct vv_recorder *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++) {
		vv_profile_fini(&r->records[i].profile);
		vv_idmap_fini(&r->records[i].seen);
	}
	free(r->records);
	vv_mutex_fini(&r->lock);
	free(r);
}

/* The record that `/<ref>/a/b` belongs to, and `a/b`; NULL: none. */
static struct record *find(struct vv_recorder *r, const char *path, const char **inside)
{
	for (size_t i = 0; i < r->count; i++) {
		struct record *rec = &r->records[i];
		size_t len = rec->ref_len;

		if (strncmp(path + 1, rec->ref, len) != 0)
			continue;
		if (path[1 + len] != '/' && path[1 + len] != '\0')
			continue;
		*inside = path + 1 + len + (path[1 + len] == '/');
		return rec;
	}
	return NULL;
}

/* *@index: the use of this kind and path, the first one or a new one.  Locked. */
static int use_of(struct record *rec, enum vv_profile_kind kind, const char *inside,
		  size_t *index)
{
	char head = (char)('0' + kind);
	struct vv_hasher h;
	struct vv_id key;
	uint64_t number;
	int err;

	vv_hasher_init(&h);
	vv_hasher_add(&h, &head, 1);
	vv_hasher_add(&h, inside, strlen(inside));
	vv_hasher_done(&h, &key);
	if (vv_idmap_get(&rec->seen, &key, &number)) {
		*index = (size_t)number;
		return VV_OK;
	}
	err = vv_profile_add_path(&rec->profile, kind, inside, index);
	return err ? err : vv_idmap_put(&rec->seen, &key, *index);
}

static void add_path(struct vv_recorder *r, enum vv_profile_kind kind, const char *path)
{
	const char *inside;
	struct record *rec;
	size_t index;

	vv_mutex_lock(&r->lock);
	rec = find(r, path, &inside);
	/* That the ref is there is no use of it. */
	if (rec && (*inside || kind == VV_USE_LIST) &&
	    use_of(rec, kind, inside, &index))
		rec->lost++;
	vv_mutex_unlock(&r->lock);
}

void vv_recorder_name(struct vv_recorder *r, uint64_t parent, const char *name,
		      size_t len, bool is_there)
{
	char path[PATH_BYTES];
	size_t at = vv_view_describe(r->view, parent, path, sizeof path);

	if (at + len + 2 > sizeof path)
		return;
	if (at > 1)
		path[at++] = '/';
	memcpy(path + at, name, len);
	path[at + len] = '\0';
	add_path(r, is_there ? VV_USE_HIT : VV_USE_MISS, path);
}

void vv_recorder_list(struct vv_recorder *r, uint64_t dir)
{
	char path[PATH_BYTES];

	vv_view_describe(r->view, dir, path, sizeof path);
	add_path(r, VV_USE_LIST, path);
}

void vv_recorder_read(struct vv_recorder *r, uint64_t node, uint64_t offset,
		      uint64_t size)
{
	uint64_t first = offset / VV_PROFILE_PAGE;
	uint64_t end = (offset + size + VV_PROFILE_PAGE - 1) / VV_PROFILE_PAGE;
	char path[PATH_BYTES];
	const char *inside;
	struct record *rec;
	size_t hit;
	int err;

	vv_view_describe(r->view, node, path, sizeof path);
	vv_mutex_lock(&r->lock);
	rec = find(r, path, &inside);
	if (rec && *inside && size) {
		err = use_of(rec, VV_USE_HIT, inside, &hit);
		if (!err)
			err = vv_profile_add_pages(&rec->profile, hit, first,
						   end - first);
		rec->lost += err != VV_OK;
	}
	vv_mutex_unlock(&r->lock);
}

struct vv_profile *vv_recorder_profile(struct vv_recorder *r, size_t nth,
				       uint64_t *lost)
{
	*lost = r->records[nth].lost;
	return &r->records[nth].profile;
}
