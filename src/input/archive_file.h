/*
 * archive_file.h - libarchive reading from a file of ours, or from a member of another
 * archive.
 *
 * The bytes pass through gunzip.h on their way if they are gzip; other filters are
 * libarchive's.
 *
 * A deb is an `ar` archive with a compressed tar in it. Both are read in one pass: the
 * inner archive asks the outer one for the member's bytes as it goes.
 *
 * Ownership: open/close.  Threads: one.
 */
#ifndef VV_INPUT_ARCHIVE_FILE_H
#define VV_INPUT_ARCHIVE_FILE_H

#include <stdint.h>

struct archive;
struct archive_entry;
struct vv_file;
struct vv_gunzip;

struct vv_archive_file {
	struct vv_file *file; /* owned */
	uint64_t at, size;
	uint8_t *buffer;	  /* owned */
	struct vv_gunzip *gunzip; /* owned; of `archive`, NULL if it is not gzip */
	struct archive *outer;	  /* owned; of a deb, else NULL */
	struct archive *archive;  /* owned: the one whose entries count */
	/* Borrowed: the header that was read to know the format; NULL when taken. */
	struct archive_entry *first;
};

/* Logs what fails.  VV_EINVAL: not an archive that we know. */
int vv_archive_file_open(struct vv_archive_file *f, const char *path);

/*
 * To be called after the last entry: archives end before their file does, and the last
 * checksum is behind that.  VV_EIO: it is wrong, which the archive's error says.
 */
int vv_archive_file_finish(struct vv_archive_file *f);

void vv_archive_file_close(struct vv_archive_file *f); /* a zeroed one is fine */

#endif
