/*
 * damage.h - blobs that are lost or damaged, and the files that suffer.
 *
 * Blobs have no names.  So they are collected first; then each tree is looked through
 * once, however many blobs there are.
 *
 * Ownership: init/fini; copies what it is given.
 * Threads: locked by its user.
 */
#ifndef VV_STORE_DAMAGE_H
#define VV_STORE_DAMAGE_H

#include "core/idmap.h"

#include <stddef.h>
#include <stdint.h>

struct vv_tree;

struct vv_damaged {
	struct vv_id blob;
	char *why;     /* owned; one line */
	char *file;    /* owned; the first `ref:path` that has it, or NULL */
	uint64_t more; /* files besides */
};

struct vv_damage {
	struct vv_damaged *items; /* owned; in the order of adding */
	size_t count, cap;
	struct vv_idmap index; /* id to place in items */
};

void vv_damage_init(struct vv_damage *d);
void vv_damage_fini(struct vv_damage *d); /* a zeroed one is fine */

/* A blob that is known already keeps its first reason.  VV_ENOMEM. */
int vv_damage_add(struct vv_damage *d, const struct vv_id *blob, const char *why);

/* Find the files of @tree, which @ref names.  VV_ENOMEM; what @tree breaks ends it. */
int vv_damage_name(struct vv_damage *d, const char *ref, const struct vv_tree *tree);

#endif
