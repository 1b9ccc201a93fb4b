/*
 * gates.h - at first touch of a tree's root, something is mounted over it while the toucher
 * waits.
 *
 * Answers: does this request meet the tree through FUSE, or has its caller to look again?
 * A gate is what is known of one root:
 *
 *	idle	  a name led there; nothing is mounted
 *	mounting  the first who touched it makes the mount, all others wait
 *	covered	  it is mounted; path walks do not come here any more
 *	plain	  it could not be mounted; FUSE shows it from now on
 *
 * found():  -> idle.  enter(): idle -> mounting -> covered | plain.  gone(): covered -> no
 * gate, and the kernel is told to forget the name, so that the next touch begins anew.
 *
 *  (A1) While a gate is idle or mounting, names lead to its root with no lifetime, and its
 *	 attributes have none.  So each path walk that passes asks twice: LOOKUP, and then
 *	 GETATTR for the permission to go on, or what it wanted to do.
 *  (A2) Who was found() before the mount was there, and enters after, is told VV_ESTALE,
 *	 once: the kernel walks the path again and crosses into the mount.
 *  (A3) Who was found() after it and enters all the same cannot cross: another mount
 *	 namespace, or a bind mount made before.  FUSE shows the tree to it.
 *  (A4) So one path walk meets one of the two.
 *
 * At most one gate for each node of a root, about 150 bytes.
 *
 * Ownership: new/free.
 * Threads: any; locked inside.  No lock is held while mounting.
 */
#ifndef VV_HOST_EROFS_GATES_H
#define VV_HOST_EROFS_GATES_H

#include "vfs/view.h"

struct vv_erofs_gates;
struct vv_fuse_cover;

enum {
	VV_EROFS_WALKERS = 512,	   /* (A2): the last found() are remembered, */
	VV_EROFS_WALK_MS = 5000,   /* ... for so long */
	VV_EROFS_SETTLE_MS = 1000, /* attributes have no lifetime after mounting */
};

/*
 * @mount mounts over the root; on the thread of a request, one call for each root at a
 * time.  An error, which it logs, makes the gate plain.
 */
int vv_erofs_gates_new(struct vv_erofs_gates **out,
		       int (*mount)(void *ctx, uint64_t root), void *ctx);
void vv_erofs_gates_free(struct vv_erofs_gates *g); /* NULL is a no-op */

struct vv_fuse_cover *vv_erofs_gates_cover(struct vv_erofs_gates *g);

/*
 * Nothing is mounted over @root any more.  What the kernel has to forget for it to be
 * mounted again at the next touch goes to @out, which may stay empty.  VV_ENOMEM.
 */
int vv_erofs_gates_gone(struct vv_erofs_gates *g, uint64_t root,
			struct vv_notices *out);

#endif
