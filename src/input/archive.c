/* An archive as input, streamed: no entry is unpacked anywhere. */
#include "input/input.h"

#include "core/arith.h"
#include "core/err.h"
#include "core/log.h"
#include "input/archive_file.h"
#include "input/extras.h"
#include "input/place.h"
#include "os/locale.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct archive_input {
	struct vv_input base; /* first: cast from struct vv_input */
	char *path;	      /* owned; for messages */
	struct vv_archive_file file;
	struct vv_locale locale;
	struct vv_place place;
	struct vv_extras extras;
	uint64_t entries;

	struct archive_entry
		*entry; /* borrowed from libarchive until the next header */
	char *target;	/* owned; where a hard link leads, in the tree */
	char *again; /* owned; the path just told, if target is told next as its link */
	bool tells_target;

	/* Content of the current entry: */
	uint64_t at;	   /* bytes told */
	const void *block; /* borrowed from libarchive until the next block */
	size_t block_len;  /* what is left of it */
	uint64_t block_at; /* where it belongs */
	bool is_over;
};

/* ---- names ---- */

/*
 * libarchive gives a name as UTF-8 if it is UTF-8, and as the bytes it has if not; both
 * are fine for a tree.
 */
static const char *entry_name(struct archive_entry *entry)
{
	const char *name = archive_entry_pathname_utf8(entry);

	return name ? name : archive_entry_pathname(entry);
}

static const char *entry_symlink(struct archive_entry *entry)
{
	const char *target = archive_entry_symlink_utf8(entry);

	return target ? target : archive_entry_symlink(entry);
}

static const char *entry_hardlink(struct archive_entry *entry)
{
	const char *target = archive_entry_hardlink_utf8(entry);

	return target ? target : archive_entry_hardlink(entry);
}

static int complain(const struct archive_input *in, int err, const char *why)
{
	const char *name = in->entry ? entry_name(in->entry) : NULL;

	vv_log(VV_LOG_ERROR, "%s%s%s: %s", in->path, name ? ": " : "", name ? name : "",
	       why);
	return err;
}

/* What libarchive says of a damaged or unreadable archive. */
static int complain_archive(const struct archive_input *in)
{
	const char *why = archive_error_string(in->file.archive);

	if (archive_errno(in->file.archive) == ENOMEM)
		return VV_ENOMEM;
	return complain(in, VV_EIO, why ? why : "the archive is damaged");
}

/* ---- headers ---- */

/* The next header to in->entry: 1, 0 = end. */
static int next_header(struct archive_input *in)
{
	int status = ARCHIVE_OK;

	in->entry = in->file.first;
	in->file.first = NULL;
	if (!in->entry)
		status = archive_read_next_header(in->file.archive, &in->entry);
	if (status == ARCHIVE_EOF || status < ARCHIVE_WARN)
		in->entry = NULL;
	if (status == ARCHIVE_EOF)
		return vv_archive_file_finish(&in->file) ? complain_archive(in) : 0;
	if (status < ARCHIVE_WARN)
		return complain_archive(in);
	if (++in->entries > VV_INPUT_ENTRIES_MAX)
		return complain(in, VV_EFBIG, "the archive has too many entries");
	in->at = in->block_len = 0;
	in->is_over = false;
	return 1;
}

static int set_copy(char **out, const char *text)
{
	size_t size = strlen(text) + 1;

	free(*out);
	*out = malloc(size);
	if (!*out)
		return VV_ENOMEM;
	memcpy(*out, text, size);
	return VV_OK;
}

/* in->target = where the hard link leads in the tree. */
static int place_target(struct archive_input *in, const char *raw)
{
	const char *path;
	int placed = vv_place_path(&in->place, raw, &path);

	if (placed < 0)
		return complain(in, placed, "a hard link with a bad target");
	if (placed != VV_PLACE_KEPT)
		return complain(in, VV_ENOENT,
				"a hard link to an entry that is left out");
	return set_copy(&in->target, path);
}

static int load_xattrs(struct archive_input *in, struct vv_tree_meta *meta)
{
	const char *name;
	const void *value;
	size_t size;
	int err = VV_OK;

	vv_extras_clear(&in->extras);
	archive_entry_xattr_reset(in->entry);
	while (!err && archive_entry_xattr_next(in->entry, &name, &value, &size) ==
			       ARCHIVE_OK) {
		uint8_t *room;

		if (!name || !vv_input_keeps_xattr(name))
			continue;
		if (size > VV_XATTR_MAX)
			return complain(in, VV_E2BIG,
					"an extended attribute is too long");
		err = vv_extras_room(&in->extras, &room);
		if (!err && size)
			memcpy(room, value, size);
		if (!err)
			err = vv_extras_add(&in->extras, name, size);
	}
	vv_extras_finish(&in->extras, meta);
	return err ? complain(in, err, vv_err_text(err)) : VV_OK;
}

static bool is_u32(int64_t value)
{
	return value >= 0 && value <= UINT32_MAX;
}

static int describe(struct archive_input *in, struct vv_tree_meta *meta)
{
	struct archive_entry *e = in->entry;
	int64_t size = archive_entry_size_is_set(e) ? archive_entry_size(e) : 0;
	long nsec = archive_entry_mtime_nsec(e);

	if (!is_u32(archive_entry_uid(e)) || !is_u32(archive_entry_gid(e)))
		return complain(in, VV_EINVAL, "its owner is not a 32-bit number");
	if (size < 0 || (uint64_t)size > VV_INPUT_BYTES_MAX)
		return complain(in, VV_EFBIG, "its size is beyond all bounds");
	*meta = (struct vv_tree_meta){
		.mode = (archive_entry_filetype(e) & VV_S_IFMT) |
			(archive_entry_perm(e) & 07777),
		.uid = (uint32_t)archive_entry_uid(e),
		.gid = (uint32_t)archive_entry_gid(e),
		.mtime_sec = archive_entry_mtime(e),
		.mtime_nsec = nsec >= 0 && nsec < 1000000000 ? (uint32_t)nsec : 0,
	};
	switch (meta->mode & VV_S_IFMT) {
	case 0: /* formats without types */
		meta->mode |= VV_S_IFREG;
		/* fallthrough */
	case VV_S_IFREG: meta->size = (uint64_t)size; break;
	case VV_S_IFLNK:
		meta->target = entry_symlink(e);
		if (!meta->target)
			return complain(in, VV_EINVAL, "a symlink without a target");
		break;
	case VV_S_IFCHR:
	case VV_S_IFBLK:
		meta->rdev_major = (uint32_t)archive_entry_rdevmajor(e);
		meta->rdev_minor = (uint32_t)archive_entry_rdevminor(e);
		break;
	}
	return load_xattrs(in, meta);
}

/*
 * A hard link may carry content, as cpio writes it: with the last link of a file. Then
 * this entry is told as the file, and the name that it links to after it as the link.
 */
static int describe_link(struct archive_input *in, struct vv_input_entry *out)
{
	int err;

	if (!archive_entry_size_is_set(in->entry) ||
	    archive_entry_size(in->entry) <= 0) {
		out->hardlink = in->target;
		out->meta.mode = VV_S_IFREG;
		return VV_OK;
	}
	archive_entry_set_filetype(in->entry, VV_S_IFREG);
	err = describe(in, &out->meta);
	in->tells_target = !err;
	return err ? err : set_copy(&in->again, out->path);
}

/*
 * The name of in->entry to its place: an enum vv_placed. A link's target is placed too,
 * before it.
 */
static int place_entry(struct archive_input *in, const char *link, const char **path)
{
	const char *name = entry_name(in->entry);
	int placed, err;

	if (!name)
		return complain(in, VV_EINVAL, "an entry without a name");
	placed = vv_place_path(&in->place, name, path);
	if (placed == VV_PLACE_KEPT && link) {
		err = place_target(in, link);
		return err ? err : vv_place_path(&in->place, name, path);
	}
	if (placed < 0)
		return complain(in, placed,
				"its name leads out of the tree or is too long");
	return placed;
}

static int next_entry(struct archive_input *in, struct vv_input_entry *out)
{
	const char *link;
	int err, placed;

	*out = (struct vv_input_entry){ 0 };
	if (in->tells_target) {
		in->tells_target = false;
		out->path = in->target;
		out->hardlink = in->again;
		return 1;
	}
	do {
		err = next_header(in);
		if (err <= 0)
			return err ? err : vv_place_end(&in->place, in->path);
		link = entry_hardlink(in->entry);
		placed = place_entry(in, link, &out->path);
		if (placed < 0)
			return placed;
	} while (placed != VV_PLACE_KEPT);
	err = link ? describe_link(in, out) : describe(in, &out->meta);
	if (!err && !*out->path && (out->meta.mode & VV_S_IFMT) != VV_S_IFDIR)
		err = complain(in, VV_EINVAL, "the top of a tree is a directory");
	return err ? err : 1;
}

/*
 * libarchive converts names when they are asked for: so all of it happens in the UTF-8
 * locale.
 */
static int next_in_locale(struct vv_input *base, struct vv_input_entry *out)
{
	struct archive_input *in = (struct archive_input *)base;
	int more;

	vv_locale_enter(&in->locale);
	more = next_entry(in, out);
	vv_locale_leave(&in->locale);
	return more;
}

/* ---- content ---- */

/* The next block with bytes in it, or the end. */
static int next_block(struct archive_input *in)
{
	la_int64_t offset = 0;
	int status;

	do {
		status = archive_read_data_block(in->file.archive, &in->block,
						 &in->block_len, &offset);
	} while (status == ARCHIVE_OK && !in->block_len);
	/* A warning about content is a wrong checksum or size: zip has those. */
	if (status != ARCHIVE_OK && status != ARCHIVE_EOF) {
		in->block_len = 0;
		return complain_archive(in);
	}
	if (status == ARCHIVE_EOF) {
		in->is_over = true;
		in->block_len = 0;
		/* What is missing of a sparse file is a hole at its end. */
		offset = archive_entry_size_is_set(in->entry)
				 ? archive_entry_size(in->entry)
				 : (la_int64_t)in->at;
	}
	if (offset < 0 || (uint64_t)offset < in->at ||
	    (uint64_t)offset > VV_INPUT_BYTES_MAX)
		return complain(in, VV_EIO, "its content is not in order");
	in->block_at = (uint64_t)offset;
	return VV_OK;
}

static int read_content(struct vv_input *base, void *buf, size_t cap, size_t *got,
			uint64_t *hole)
{
	struct archive_input *in = (struct archive_input *)base;
	int err;

	*got = 0;
	*hole = 0;
	if (!in->block_len && !in->is_over) {
		err = next_block(in);
		if (err)
			return err;
	}
	if (in->block_at > in->at) {
		*hole = in->block_at - in->at;
		in->at = in->block_at;
		return VV_OK;
	}
	*got = vv_min_size(cap, in->block_len);
	if (*got) { /* an empty block may have no address */
		memcpy(buf, in->block, *got);
		in->block = (const uint8_t *)in->block + *got;
	}
	in->block_len -= *got;
	in->at += *got;
	in->block_at = in->at;
	return VV_OK;
}

/* ---- the input ---- */

static void tell_progress(struct vv_input *base, uint64_t *done, uint64_t *total)
{
	const struct archive_input *in = (const struct archive_input *)base;

	*done = in->file.at;
	*total = in->file.size;
}

static void free_input(struct vv_input *base)
{
	struct archive_input *in = (struct archive_input *)base;

	vv_archive_file_close(&in->file);
	vv_locale_fini(&in->locale);
	vv_place_fini(&in->place);
	vv_extras_fini(&in->extras);
	free(in->target);
	free(in->again);
	free(in->path);
	free(in);
}

static const struct vv_input_ops archive_ops = {
	.name = "archive",
	.next = next_in_locale,
	.read = read_content,
	.progress = tell_progress,
	.free = free_input,
};

int vv_input_archive_new(struct vv_input **out, const char *path,
			 const struct vv_input_options *opts)
{
	struct archive_input *in = calloc(1, sizeof *in);
	int err;

	*out = NULL;
	if (!in)
		return VV_ENOMEM;
	in->base.ops = &archive_ops;
	vv_locale_init(&in->locale);
	err = set_copy(&in->path, path);
	if (!err)
		err = vv_place_init(&in->place, opts);
	if (!err) {
		vv_locale_enter(&in->locale);
		err = vv_archive_file_open(&in->file, path);
		vv_locale_leave(&in->locale);
	}
	if (err) {
		free_input(&in->base);
		return err;
	}
	*out = &in->base;
	return VV_OK;
}
