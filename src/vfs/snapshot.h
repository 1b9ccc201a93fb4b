/*
 * snapshot.h - which layers a view has at one moment.
 *
 * Answers: which layers lie at this path or deeper?  The layers are sorted by path so
 * that a directory comes right before all that is beneath it (a slash sorts before
 * every other byte): what lies at or below a path is one run, found by binary search.
 *
 * Ownership: counted; holds its instances.  Threads: immutable.
 */
#ifndef VV_VFS_SNAPSHOT_H
#define VV_VFS_SNAPSHOT_H

#include "vfs/instance.h"

#define VV_RANK_NONE \
	UINT32_MAX /* of a layer that is not in the snapshot: below all others */

struct vv_shown {
	struct vv_instance *inst; /* held */
	int64_t published_ns;
	uint32_t rank; /* priority: 0 is the first layer */
};

struct vv_snapshot {
	atomic_uint refs;
	uint64_t seq; /* counts the snapshots of a view */
	bool has_host;
	size_t count;
	struct vv_shown layers[]; /* by path, then rank */
};

/*
 * @before (may be NULL) lends the instances of layers that stay.  VV_EINVAL: a path is
 * not `a/b/c` with proper names; VV_ENAMETOOLONG.
 */
int vv_snapshot_new(struct vv_snapshot **out, struct vv_instance_table *table,
		    const struct vv_snapshot *before, const struct vv_layer *layers,
		    size_t count);
void vv_snapshot_ref(struct vv_snapshot *s);
void vv_snapshot_unref(struct vv_snapshot *s, struct vv_instance_table *table);

/* Layers at @path: [first, exact_end); strictly beneath it: [exact_end, end). */
struct vv_run {
	size_t first, exact_end, end;
};
struct vv_run vv_snapshot_find(const struct vv_snapshot *s, const char *path,
			       size_t len);

uint32_t vv_snapshot_rank(const struct vv_snapshot *s, const struct vv_instance *inst);

/* Is @path (of @len bytes) @above itself or beneath it?  "" is above everything. */
bool vv_path_is_under(const char *path, size_t len, const char *above,
		      size_t above_len);

/*
 * Where two snapshots differ: paths of layers that came, went, changed their place in
 * the order, or their time. Sorted like layers; borrowed from the snapshots.
 */
struct vv_changes {
	const struct vv_instance **items; /* owned */
	size_t count;
};
int vv_changes_find(struct vv_changes *out, const struct vv_snapshot *before,
		    const struct vv_snapshot *after);
void vv_changes_fini(struct vv_changes *c);
/* Is a changed layer at, above or beneath @path? */
bool vv_changes_touch(const struct vv_changes *c, const char *path, size_t len);

#endif
