/*
 * name.h - what may be the name of an entry in a directory.
 *
 * A name is 1 to VV_NAME_BYTES_MAX bytes without `/` and NUL, and is neither `.`
 * nor `..`.  It need not be UTF-8.  The limit is 255 UTF-16 units, the longest
 * name of Windows, as three bytes each; hosts with a lower limit apply their own.
 *
 * Threads: pure functions.
 */
#ifndef VV_CORE_NAME_H
#define VV_CORE_NAME_H

#include <stdbool.h>
#include <stddef.h>

enum {
	VV_NAME_BYTES_MAX = 765
};

/* VV_OK; VV_ENAMETOOLONG; VV_EINVAL for anything else that is not a name. */
int vv_name_check(const char *name, size_t len);

/*
 * Where something is shown, as people write it, to names joined by single slashes, in
 * place: `/a//b/` is `a/b`, `/` is "".  False: a part is not a name; *@path is spoilt.
 */
bool vv_name_clean_path(char *path);

/* Can the name be given to those who insist on UTF-8?  Lone surrogates cannot. */
bool vv_name_is_utf8(const char *name, size_t len);

#endif
