/*
 * reparse.h - what links hold on Windows: symlinks, junctions, and those of WSL.
 *
 * Targets are shown with `/`; an absolute one keeps its drive (`C:/x`) or server.
 * The layout is that of REPARSE_DATA_BUFFER in [MS-FSCC] 2.1.2.
 *
 * Threads: any.
 */
#ifndef VV_OS_WINDOWS_REPARSE_H
#define VV_OS_WINDOWS_REPARSE_H

#include <stddef.h>
#include <stdint.h>

#define VV_REPARSE_NAME_SURROGATE 0x20000000u /* bit of a tag: it leads elsewhere */

enum {
	VV_REPARSE_BYTES_MAX = 16384
};

#define VV_REPARSE_MOUNT_POINT 0xa0000003u /* junctions */
#define VV_REPARSE_SYMLINK 0xa000000cu
#define VV_REPARSE_WSL_SYMLINK 0xa000001du
#define VV_REPARSE_SOCKET 0x80000023u

/* The data of an open link, with its tag. */
int vv_reparse_read(void *handle, uint8_t buf[VV_REPARSE_BYTES_MAX], size_t *len);

/* Where it leads; owned.  VV_EOPNOTSUPP: a kind of link that has no path. */
int vv_reparse_target(char **out, void *handle);

/* The same of data that was read.  VV_ECORRUPT: lengths that lead out of it. */
int vv_reparse_parse(char **out, const uint8_t *data, size_t len);

#endif
