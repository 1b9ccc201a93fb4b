/*
 * gunzip.h - the plain bytes of gzip data, with its checksums and lengths checked.
 *
 * libarchive reads gzip too, but looks at neither: a flipped bit of a download would be
 * packed without a word.  Members that follow each other are one file, as for gzip(1);
 * what follows the last and does not begin like a member is padding, and ignored.
 *
 * Ownership: new/free.  Threads: one.
 */
#ifndef VV_INPUT_GUNZIP_H
#define VV_INPUT_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_gunzip;

bool vv_gunzip_knows(const uint8_t *bytes, size_t len); /* a file that begins so */

int vv_gunzip_new(struct vv_gunzip **out);
void vv_gunzip_free(struct vv_gunzip *g); /* NULL is a no-op */

/* @bytes: borrowed until next has no more. */
void vv_gunzip_feed(struct vv_gunzip *g, const void *bytes, size_t len);

/*
 * The next plain bytes of what was fed, borrowed until the next call; *len 0: feed more.
 * VV_ECORRUPT: damaged, *why says how; whoever ignores it is told so again.
 */
int vv_gunzip_next(struct vv_gunzip *g, const void **bytes, size_t *len,
		   const char **why);

/* May the file end here?  No: it was cut. */
bool vv_gunzip_is_whole(const struct vv_gunzip *g);

#endif
