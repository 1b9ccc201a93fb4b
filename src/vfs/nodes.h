/*
 * nodes.h - the table of dynamic nodes: directories that are not one tree's alone, and
 * files of host directories.
 *
 * Answers: which node has this id, is there one already for this meaning, and which
 * names of it may a kernel remember?
 *
 *	alive	 in the table: a kernel holds lookups of it, or an operation has it pinned
 *	gone	 both are 0: out of the table and freed; its id never comes back
 *
 *  (N1)	Ids count up from 2.  The root is 1 and always alive.
 *  (N2)	Two alive nodes never mean the same, so what a name means can be
 *	compared by node id (and generation).
 *  (N3)	A name that was answered with VV_LIFE_FOREVER in an alive directory is
 *	tracked with its answer, until a notice about it was made or the directory is
 *	gone (a kernel drops a directory's names before it forgets the directory).
 *
 * Threads: whoever calls holds the view's lock, except to make and to free.
 */
#ifndef VV_VFS_NODES_H
#define VV_VFS_NODES_H

#include "vfs/merge.h"

enum {
	VV_TRACKED_MAX = 4096,		/* names of a directory */
	VV_TRACKED_TOTAL_MAX = 1 << 16, /* names of a view */
	VV_LISTINGS_KEPT = 64,		/* directories whose listing is kept */
};

/* One name as a kernel may remember it. */
struct vv_tracked {
	uint64_t node; /* 0: there is no such name */
	uint64_t generation;
	size_t len;
	char name[]; /* NUL-ended */
};

struct vv_node {
	uint64_t id;
	uint64_t lookups; /* that a kernel has not forgotten */
	unsigned pins;	  /* operations under way */
	size_t charged;	  /* bytes of the budget, names not included */

	struct vv_dir
		*dir; /* counted; NULL for a file.  The root's follows the snapshot: */
	uint64_t dir_seq;	     /* ... for which it was made */
	struct vv_listing *listing;  /* counted; NULL: none is kept */
	struct vv_tracked **tracked; /* owned, sorted by name */
	size_t tracked_count, tracked_cap;

	struct vv_instance *inst; /* held; of a file */
	char *path;		  /* owned; of a file, in the view */
	uint64_t dev, ino;	  /* of a file, on the host */

	uint64_t hash; /* of the path */
	struct vv_node *next_by_id, *next_by_path;
};

struct vv_node_table {
	struct vv_node **by_id, **by_path; /* owned; chains */
	size_t buckets;			   /* a power of 2 */
	size_t count;
	uint64_t next_id;
	size_t tracked_total;
	uint64_t kept
		[VV_LISTINGS_KEPT]; /* ids of nodes that keep a listing; goes round */
	unsigned kept_cursor;
};

/* With the root in it, which has no dir yet. */
int vv_node_table_init(struct vv_node_table *t);
/* Frees all nodes, whatever a kernel still holds. */
void vv_node_table_fini(struct vv_node_table *t, struct vv_view *view);

/*
 * A node not yet in a table, for an answer of kind DIR or FILE, whose dir or path it
 * takes.
 */
int vv_node_new(struct vv_node **out, struct vv_view *view, struct vv_answer *answer);
void vv_node_free(struct vv_node *node, struct vv_view *view); /* NULL is a no-op */

struct vv_node *vv_node_find(const struct vv_node_table *t,
			     uint64_t id); /* NULL: gone */
/* The alive node that means the same as @node. */
struct vv_node *vv_node_find_same(const struct vv_node_table *t,
				  const struct vv_node *node);
struct vv_node *vv_node_find_dir(const struct vv_node_table *t,
				 const struct vv_dir *dir);
void vv_node_insert(struct vv_node_table *t,
		    struct vv_node *node); /* gives it its id */
/*
 * Takes it out of the table if nothing holds it; true: the caller frees it, without the
 * lock.
 */
bool vv_node_retire(struct vv_node_table *t, struct vv_node *node);

/* For a name to be tracked; charged to the budget. */
int vv_tracked_new(struct vv_tracked **out, struct vv_view *view, const char *name,
		   size_t len);
void vv_tracked_free(struct vv_tracked *name,
		     struct vv_view *view); /* NULL is a no-op */

/*
 * Remember that a name of @dir was answered so.  *@name is taken or stays the caller's;
 * false: there is no room, so the answer may only be given a short life.
 */
bool vv_node_track(struct vv_node_table *t, struct vv_node *dir,
		   struct vv_tracked **name, uint64_t node, uint64_t generation);
/*
 * Take out a name with this answer, to be freed by the caller.  NULL: it is not there,
 * or was answered anew since.
 */
struct vv_tracked *vv_node_untrack(struct vv_node_table *t, struct vv_node *dir,
				   const char *name, size_t len, uint64_t node,
				   uint64_t generation);

#endif
