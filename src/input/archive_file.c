#include "input/archive_file.h"

#include "core/arith.h"
#include "core/err.h"
#include "core/log.h"
#include "input/gunzip.h"
#include "os/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUFFER_BYTES = 256 * 1024
};

/* ---- the callbacks of libarchive ---- */

static la_ssize_t read_file(struct archive *a, void *ctx, const void **bytes)
{
	struct vv_archive_file *f = ctx;
	size_t got = 0;
	int err = vv_file_read(f->file, f->buffer, BUFFER_BYTES, f->at, &got);

	*bytes = f->buffer;
	if (err) {
		archive_set_error(a, EIO, "%s", vv_err_text(err));
		return ARCHIVE_FATAL;
	}
	f->at += got;
	return (la_ssize_t)got;
}

static la_int64_t skip_file(struct archive *a, void *ctx, la_int64_t request)
{
	struct vv_archive_file *f = ctx;
	uint64_t step =
		vv_min_u64((uint64_t)request, f->size - vv_min_u64(f->at, f->size));

	(void)a;
	f->at += step;
	return (la_int64_t)step;
}

static la_int64_t seek_file(struct archive *a, void *ctx, la_int64_t offset, int whence)
{
	struct vv_archive_file *f = ctx;
	int64_t base = whence == SEEK_SET   ? 0
		       : whence == SEEK_CUR ? (int64_t)f->at
					    : (int64_t)f->size;

	if (offset < -base || offset > (int64_t)f->size - base) {
		archive_set_error(a, EINVAL, "an offset lies outside the file");
		return ARCHIVE_FATAL;
	}
	f->at = (uint64_t)(base + offset);
	return (la_int64_t)f->at;
}

/* Bytes of the outer archive's current member. */
static la_ssize_t read_member(struct archive *a, void *ctx, const void **bytes)
{
	struct vv_archive_file *f = ctx;
	la_int64_t offset;
	size_t size = 0;
	int status = archive_read_data_block(f->outer, bytes, &size, &offset);

	if (status == ARCHIVE_EOF)
		return 0;
	if (status < ARCHIVE_WARN) {
		archive_set_error(a, archive_errno(f->outer), "%s",
				  archive_error_string(f->outer));
		return ARCHIVE_FATAL;
	}
	return (la_ssize_t)size;
}

static la_ssize_t complain_gzip(struct archive *a, const char *why)
{
	archive_set_error(a, EIO, "its gzip data is damaged: %s", why);
	return ARCHIVE_FATAL;
}

/* Bytes of the file or the member, which are gzip. */
static la_ssize_t read_gzip(struct archive *a, void *ctx, const void **bytes)
{
	struct vv_archive_file *f = ctx;
	const void *raw;
	const char *why;
	la_ssize_t got;
	size_t len;

	for (;;) {
		int err = vv_gunzip_next(f->gunzip, bytes, &len, &why);

		if (err == VV_ENOMEM)
			archive_set_error(a, ENOMEM, "%s", vv_err_text(err));
		else if (err)
			complain_gzip(a, why);
		if (err)
			return ARCHIVE_FATAL;
		if (len)
			return (la_ssize_t)len;
		got = f->outer ? read_member(a, f, &raw) : read_file(a, f, &raw);
		if (got < 0)
			return got;
		if (!got)
			return vv_gunzip_is_whole(f->gunzip)
				       ? 0
				       : complain_gzip(a, "it is cut off");
		vv_gunzip_feed(f->gunzip, raw, (size_t)got);
	}
}

/* ---- opening ---- */

/* Not gzip: libarchive does not check its checksums. */
static struct archive *new_reader(bool is_inner)
{
	struct archive *a = archive_read_new();

	if (!a)
		return NULL;
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_lzma(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_format_tar(a);
	if (!is_inner) {
		archive_read_support_format_zip(a);
		archive_read_support_format_7zip(a);
		archive_read_support_format_ar(a);
	}
	return a;
}

/*
 * libarchive says EILSEQ, or EFTYPE where there is one, to a format that it does not
 * know.
 */
static bool is_format_error(int code)
{
#ifdef EFTYPE
	if (code == EFTYPE)
		return true;
#endif
	return code == EILSEQ;
}

static int fail(const char *path, struct archive *a)
{
	const char *why = archive_error_string(a);

	if (archive_errno(a) == ENOMEM)
		return VV_ENOMEM;
	if (!is_format_error(archive_errno(a))) {
		vv_log(VV_LOG_ERROR, "%s: %s", path, why ? why : "cannot be read");
		return VV_EIO;
	}
	vv_log(VV_LOG_ERROR,
	       "%s: neither a directory nor an archive that can be read (tar, zip, 7z, deb)",
	       path);
	return VV_EINVAL;
}

static int open_inner(struct vv_archive_file *f, const char *path)
{
	f->archive = new_reader(true);
	if (!f->archive)
		return VV_ENOMEM;
	if (archive_read_open(f->archive, f, NULL, f->gunzip ? read_gzip : read_member,
			      NULL) != ARCHIVE_OK)
		return fail(path, f->archive);
	return VV_OK;
}

/*
 * A deb: `debian-binary`, `control.tar.*`, `data.tar.*`, in this order; the last one
 * counts.
 */
static int open_deb(struct vv_archive_file *f, const char *path)
{
	const char *name = archive_entry_pathname(f->first);
	struct archive_entry *entry = f->first;
	int status = ARCHIVE_OK;

	f->first = NULL;
	if (f->gunzip || !name || strcmp(name, "debian-binary") != 0) {
		vv_log(VV_LOG_ERROR, "%s: an `ar` archive, but not a deb", path);
		return VV_EINVAL;
	}
	while (name && strncmp(name, "data.tar", 8) != 0) {
		status = archive_read_next_header(f->archive, &entry);
		name = status >= ARCHIVE_WARN ? archive_entry_pathname(entry) : NULL;
		if (status == ARCHIVE_EOF)
			name = NULL;
	}
	if (!name) {
		vv_log(VV_LOG_ERROR, "%s: a deb without `data.tar`", path);
		return VV_EINVAL;
	}
	f->outer = f->archive;
	f->archive = NULL;
	if (strcmp(name, "data.tar.gz") == 0) {
		int err = vv_gunzip_new(&f->gunzip);

		if (err)
			return err;
	}
	return open_inner(f, path);
}

static bool is_ar(struct archive *a)
{
	return (archive_format(a) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_AR;
}

static int open_outer(struct vv_archive_file *f, const char *path)
{
	int status;

	f->archive = new_reader(false);
	if (!f->archive)
		return VV_ENOMEM;
	archive_read_set_callback_data(f->archive, f);
	archive_read_set_read_callback(f->archive, f->gunzip ? read_gzip : read_file);
	if (!f->gunzip) {
		archive_read_set_skip_callback(f->archive, skip_file);
		archive_read_set_seek_callback(f->archive, seek_file);
	}
	if (archive_read_open1(f->archive) != ARCHIVE_OK)
		return fail(path, f->archive);
	status = archive_read_next_header(f->archive, &f->first);
	if (status == ARCHIVE_EOF) {
		/* A file of zeros is an empty tar too, and no reason to empty a ref. */
		vv_log(VV_LOG_ERROR, "%s: there is nothing in this archive", path);
		return VV_EINVAL;
	}
	return status < ARCHIVE_WARN ? fail(path, f->archive) : VV_OK;
}

static int open_file(struct vv_archive_file *f, const char *path)
{
	size_t got = 0;
	int err = vv_file_open(&f->file, path);

	if (!err)
		err = vv_file_size(f->file, &f->size);
	if (!err)
		err = vv_file_read(f->file, f->buffer, 3, 0, &got);
	if (err)
		vv_log(VV_LOG_ERROR, "%s: %s", path, vv_err_text(err));
	else if (vv_gunzip_knows(f->buffer, got))
		err = vv_gunzip_new(&f->gunzip);
	return err;
}

int vv_archive_file_open(struct vv_archive_file *f, const char *path)
{
	int err;

	*f = (struct vv_archive_file){ 0 };
	f->buffer = malloc(BUFFER_BYTES);
	if (!f->buffer)
		return VV_ENOMEM;
	err = open_file(f, path);
	if (!err)
		err = open_outer(f, path);
	if (!err && is_ar(f->archive))
		err = open_deb(f, path);
	if (err)
		vv_archive_file_close(f);
	return err;
}

int vv_archive_file_finish(struct vv_archive_file *f)
{
	const void *bytes;
	la_ssize_t got = 0;

	if (!f->gunzip)
		return VV_OK;
	do {
		got = read_gzip(f->archive, f, &bytes);
	} while (got > 0);
	return got < 0 ? VV_EIO : VV_OK;
}

void vv_archive_file_close(struct vv_archive_file *f)
{
	if (f->archive)
		archive_read_free(f->archive);
	if (f->outer)
		archive_read_free(f->outer);
	vv_gunzip_free(f->gunzip);
	vv_file_close(f->file);
	free(f->buffer);
	*f = (struct vv_archive_file){ 0 };
}
