/*
 * nt.h - opening by name beneath a directory handle, which only the native calls do.
 *
 * Links (symlinks, junctions and every other reparse point that stands for a name) are
 * never followed, wherever they stand; other reparse points (compressed, offloaded
 * files) are the system's own business and read as what they show.
 *
 * Names are taken literally.  A name may not hold what Windows gives a meaning to
 * (`\ / : * ? " < > |` and control characters): VV_EILSEQ.  The colon matters most: it
 * would open a stream of another file.
 *
 * Ownership: the handle is the caller's; CloseHandle().
 * Threads: any.
 */
#ifndef VV_OS_WINDOWS_NT_H
#define VV_OS_WINDOWS_NT_H

#include <stdbool.h>
#include <stdint.h>

enum {
	VV_NT_LINK_IS_FINE = 1, /* the last part may be a link: it is opened itself */
	VV_NT_DIRECTORY = 2,	/* VV_ENOTDIR if it is none */
	VV_NT_CREATE = 4,	/* VV_EEXIST if it is there; the path is one part */
};

/* False: VV_EILSEQ, or longer than 255 units. */
bool vv_nt_can_name(const char *name);

/* @path as in os/hostdir.h; "" opens @dir again.  @access as for CreateFileW(). */
int vv_nt_open(void **out, void *dir, const char *path, uint32_t access,
	       unsigned flags);

/* A named stream of what @path names, which exists.  @creates: VV_EEXIST if it is there. */
int vv_nt_open_stream(void **out, void *dir, const char *path, const char *stream,
		      uint32_t access, bool creates);

/* The reparse tag of an open file if it stands for a name, else 0. */
int vv_nt_link_tag(void *handle, uint32_t *out);

#endif
