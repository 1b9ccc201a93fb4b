/*
 * winmeta.h - what Windows keeps of a thing, as extras of a tree.
 *
 * Without being asked: attributes that somebody set (hidden, system, not indexed), and what
 * a link holds that is no symlink.  Two trees of the same files so get one id, whenever and
 * on whichever system they are packed.  Times of creation, access and change, and access
 * lists, would end that, and are kept only on request.
 *
 * Threads: one, as the extras.
 */
#ifndef VV_INPUT_WINMETA_H
#define VV_INPUT_WINMETA_H

struct vv_extras;
struct vv_hostdir;
struct vv_input_options;

/* Adds to @x; nothing where the host is not Windows. */
int vv_winmeta_load(struct vv_extras *x, struct vv_hostdir *dir, const char *path,
		    const struct vv_input_options *opts);

#endif
