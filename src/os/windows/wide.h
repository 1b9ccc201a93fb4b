/*
 * wide.h - paths and names between our UTF-8 and the UTF-16 of Windows.
 *
 * What the user or a store names is taken literally: no part loses its trailing dots,
 * none is a device, none is too long.  For that, paths are made absolute here and
 * passed with the prefix that turns those habits of Windows off.
 *
 * Ownership: text comes from malloc() and is the caller's to free.
 * Threads: any.  The working directory is read, so nobody may change it.
 */
#ifndef VV_OS_WINDOWS_WIDE_H
#define VV_OS_WINDOWS_WIDE_H

#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

/*
 * @path with `/` or `\`, absolute or from the working directory, as
 * `\\?\C:\...` or `\\?\UNC\server\share\...`.  VV_EILSEQ: not WTF-8.
 */
int vv_wide_path(wchar_t **out, const char *path);

/* WTF-8 to units, as it stands, and back; *@count without the final NUL. */
int vv_wide_from_utf8(wchar_t **out, size_t *count, const char *text, size_t len);
int vv_wide_to_utf8(char **out, const wchar_t *units, size_t count);

#endif
