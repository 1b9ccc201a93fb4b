/*
 * check.h - is what a pack holds what its ids say?
 *
 * Frames are read from the pack that is asked for and no other, so that each stored copy
 * is proved.  What they refer to comes through a frame cache of the checker's own.
 *
 * Ownership: new/free; borrows the store.
 * Threads: any, each with a worker's number of its own.
 * Memory: VV_CHECKER_BYTES and 1 MiB a worker.
 */
#ifndef VV_STORE_CHECK_H
#define VV_STORE_CHECK_H

#include "format/image.h"
#include "format/pack.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct vv_checker;
struct vv_pack_set;
struct vv_store;

enum {
	VV_CHECKER_BYTES = 64 << 20,
	VV_CHECK_WHY = 512, /* bytes of a line that says what is wrong */
};

int vv_checker_new(struct vv_checker **out, struct vv_store *store, unsigned workers);
void vv_checker_free(struct vv_checker *c); /* NULL is a no-op */

/* Plain bytes that were checked so far; and a way to end early what is under way. */
uint64_t vv_checker_bytes(struct vv_checker *c);
void vv_checker_stop(struct vv_checker *c); /* what is asked returns VV_ECANCELED */

/*
 * All checks: 1 = good; 0 = not, and @why has a line for people; < 0 = it could not be
 * found out (VV_ENOMEM, VV_ECANCELED).  A frame that is not because of its reference,
 * whose own copy is told by itself, is VV_CHECK_REFERENCE.
 */
enum {
	VV_CHECK_REFERENCE = 2
};

/* Are these the bytes of that id?  (The rules of what they are is tree.h's, pack.h's.) */
int vv_check_image(struct vv_checker *c, const struct vv_image *image,
		   const struct vv_id *id, char why[VV_CHECK_WHY]);
/* Entry @index of @pack: stored bytes, checksum and id.  One stored elsewhere is good. */
int vv_check_frame(struct vv_checker *c, unsigned worker, const struct vv_pack_set *set,
		   const struct vv_pack *pack, uint32_t index, char why[VV_CHECK_WHY]);
/* The content of blob @index of @pack. */
int vv_check_blob(struct vv_checker *c, const struct vv_pack_set *set,
		  const struct vv_pack *pack, uint32_t index, char why[VV_CHECK_WHY]);

#endif
