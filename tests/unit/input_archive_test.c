#include "input/input.h"

#include "core/err.h"
#include "lib/temp_dir.h"
#include "test.h"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

static char *dir, *path; /* of the test; the archive */

/* ---- writing ---- */

struct item {
	const char *name;
	mode_t type; /* 0 = file */
	const char *content, *symlink, *hardlink;
	size_t size; /* of content; 0 = strlen */
};

static struct archive *begin(int format(struct archive *), int filter(struct archive *))
{
	struct archive *a = archive_write_new();

	CHECK_INT(format(a), ARCHIVE_OK);
	if (filter)
		CHECK_INT(filter(a), ARCHIVE_OK);
	CHECK_INT(archive_write_open_filename(a, path), ARCHIVE_OK);
	return a;
}

static void add(struct archive *a, const struct item *item)
{
	struct archive_entry *e = archive_entry_new();
	size_t size = item->size      ? item->size
		      : item->content ? strlen(item->content)
				      : 0;

	archive_entry_copy_pathname(e, item->name);
	archive_entry_set_filetype(e, item->type ? item->type : AE_IFREG);
	archive_entry_set_perm(e, 0640);
	archive_entry_set_uid(e, 1000);
	archive_entry_set_gid(e, 100);
	archive_entry_set_mtime(e, 1700000000, 123456789);
	archive_entry_set_size(e, (la_int64_t)size);
	if (item->symlink)
		archive_entry_copy_symlink(e, item->symlink);
	if (item->hardlink)
		archive_entry_copy_hardlink(e, item->hardlink);
	CHECK(archive_write_header(a, e) >= ARCHIVE_WARN);
	if (size)
		CHECK_INT(archive_write_data(a, item->content, size), size);
	archive_entry_free(e);
}

static void end(struct archive *a)
{
	CHECK_INT(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
}

static void make(int format(struct archive *), int filter(struct archive *),
		 const struct item *items, size_t count)
{
	struct archive *a = begin(format, filter);

	for (size_t i = 0; i < count; i++)
		add(a, &items[i]);
	end(a);
}

static int pax(struct archive *a)
{
	return archive_write_set_format_pax(a);
}

/* ---- reading ---- */

/* One line an entry: "path content", "path -> target", "path = existing", "path/". */
static int read_all(char *out, size_t cap, const struct vv_input_options *opts)
{
	struct vv_input_entry entry;
	struct vv_input *in;
	size_t at = 0;
	int err = vv_input_open(&in, path, opts);

	*out = '\0';
	if (err)
		return err;
	while ((err = in->ops->next(in, &entry)) == 1) {
		uint32_t type = entry.meta.mode & VV_S_IFMT;
		size_t got = 1;
		uint64_t hole = 0;

		at += (size_t)snprintf(out + at, cap - at, "%s", entry.path);
		if (entry.hardlink)
			at += (size_t)snprintf(out + at, cap - at, " = %s",
					       entry.hardlink);
		else if (type == VV_S_IFLNK)
			at += (size_t)snprintf(out + at, cap - at, " -> %s",
					       entry.meta.target);
		else if (type == VV_S_IFDIR)
			at += (size_t)snprintf(out + at, cap - at, "/");
		else if (type == VV_S_IFREG)
			at += (size_t)snprintf(out + at, cap - at, " ");
		while (type == VV_S_IFREG && !entry.hardlink && (got || hole)) {
			err = in->ops->read(in, out + at, cap - at - 2, &got, &hole);
			if (err)
				goto out;
			at += got;
			if (hole)
				at += (size_t)snprintf(out + at, cap - at, "[%llu]",
						       (unsigned long long)hole);
		}
		at += (size_t)snprintf(out + at, cap - at, "\n");
	}
out:
	vv_input_free(in);
	return err;
}

static void expect(const char *want)
{
	char got[8192];

	CHECK_INT(read_all(got, sizeof got, NULL), VV_OK);
	CHECK_STR(got, want);
}

static void expect_error(int want)
{
	char got[8192];

	CHECK_INT(read_all(got, sizeof got, NULL), want);
}

/* ---- tests ---- */

static const struct item plain[] = {
	{ .name = "./", .type = AE_IFDIR },
	{ .name = "bin/", .type = AE_IFDIR },
	{ .name = "bin/cc", .content = "program" },
	{ .name = "bin/gcc", .type = AE_IFLNK, .symlink = "cc" },
	{ .name = "empty" },
};

static void every_format_and_filter_tells_the_same(void)
{
	static const struct {
		int (*format)(struct archive *), (*filter)(struct archive *);
	} kinds[] = {
		{ pax, NULL },
		{ archive_write_set_format_ustar, archive_write_add_filter_gzip },
		{ archive_write_set_format_gnutar, archive_write_add_filter_bzip2 },
		{ pax, archive_write_add_filter_xz },
		{ pax, archive_write_add_filter_zstd },
		{ archive_write_set_format_zip, NULL },
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		make(kinds[i].format, kinds[i].filter, plain, 5);
		expect("/\nbin/\nbin/cc program\nbin/gcc -> cc\nempty \n");
	}
}

/* 7-Zip puts entries without content last. */
static void a_7z_is_read(void)
{
	make(archive_write_set_format_7zip, NULL, plain + 1, 4);
	expect("bin/cc program\nbin/gcc -> cc\nempty \nbin/\n");
}

static void metadata_is_kept(void)
{
	struct archive *a = begin(pax, NULL);
	struct archive_entry *e = archive_entry_new();
	struct vv_input_entry entry;
	struct vv_input *in;

	add(a, &plain[2]);
	archive_entry_copy_pathname(e, "dev");
	archive_entry_set_filetype(e, AE_IFCHR);
	archive_entry_set_rdevmajor(e, 5);
	archive_entry_set_rdevminor(e, 1);
	archive_entry_xattr_add_entry(e, "user.note", "abc", 3);
	archive_entry_xattr_add_entry(e, "security.selinux", "no", 2);
	CHECK_INT(archive_write_header(a, e), ARCHIVE_OK);
	archive_entry_free(e);
	end(a);
	CHECK_INT(vv_input_archive_new(&in, path, NULL), VV_OK);
	CHECK_INT(in->ops->next(in, &entry), 1);
	CHECK_INT(entry.meta.mode, 0100640);
	CHECK_INT(entry.meta.uid, 1000);
	CHECK_INT(entry.meta.gid, 100);
	CHECK_INT(entry.meta.mtime_sec, 1700000000);
	CHECK_INT(entry.meta.mtime_nsec, 123456789);
	CHECK_INT(entry.meta.size, 7);
	CHECK_INT(in->ops->next(in, &entry), 1);
	CHECK_INT(entry.meta.mode & VV_S_IFMT, VV_S_IFCHR);
	CHECK(entry.meta.rdev_major == 5 && entry.meta.rdev_minor == 1);
	CHECK_INT(entry.meta.extra_count, 1);
	CHECK_STR(entry.meta.extras[0].name, "user.note");
	CHECK(memcmp(entry.meta.extras[0].value, "abc", 3) == 0);
	CHECK_INT(in->ops->next(in, &entry), 0);
	vv_input_free(in);
}

static void names_need_not_be_ascii(void)
{
	const struct item items[] = { { .name = "bin/\xc3\xa4\xe2\x82\xac",
					.content = "1" } };

	setenv("LC_ALL", "C", 1);
	make(archive_write_set_format_ustar, NULL, items, 1);
	expect("bin/\xc3\xa4\xe2\x82\xac 1\n");
	make(archive_write_set_format_gnutar, NULL,
	     &(struct item){ .name = "latin-\xe4", .content = "2" }, 1);
	expect("latin-\xe4 2\n");
}

/* Raw: libarchive's writer cannot write it in the C locale. */
static void pax_names_are_utf8_in_every_locale(void)
{
	static const char record[] = "16 path=\xc3\xa4\xe2\x82\xac/x\n";
	static uint8_t tar[512 * 6];

	for (int i = 0; i < 2; i++) {
		char *h = (char *)tar + 1024 * i;
		unsigned sum = 0;

		memset(h, 0, 512);
		strcpy(h, i ? "fallback" : "paxheader");
		strcpy(h + 100, "0000644");
		strcpy(h + 108, "0000000");
		strcpy(h + 116, "0000000");
		sprintf(h + 124, "%011o", i ? 0u : (unsigned)sizeof record - 1);
		strcpy(h + 136, "00000000000");
		memset(h + 148, ' ', 8);
		h[156] = i ? '0' : 'x';
		memcpy(h + 257,
		       "ustar\0"
		       "00",
		       8);
		for (int k = 0; k < 512; k++)
			sum += (unsigned char)h[k];
		sprintf(h + 148, "%06o", sum);
	}
	memcpy(tar + 512, record, sizeof record - 1);
	temp_file(path, tar, sizeof tar);
	expect("\xc3\xa4\xe2\x82\xac/x \n");
}

static void hard_links_name_what_came_before(void)
{
	const struct item items[] = {
		{ .name = "./a", .content = "1" },
		{ .name = "./b", .hardlink = "./a" },
	};

	make(pax, NULL, items, 2);
	expect("a 1\nb = a\n");
}

static void names_that_lead_out_are_errors(void)
{
	const struct item up = { .name = "../evil", .content = "1" };
	const struct item inside = { .name = "a/../../evil", .content = "1" };
	const struct item link[] = { { .name = "x", .hardlink = "../../etc/passwd" } };
	const struct item absolute = { .name = "/etc/passwd", .content = "1" };

	make(pax, NULL, &up, 1);
	expect_error(VV_EINVAL);
	make(pax, NULL, &inside, 1);
	expect_error(VV_EINVAL);
	make(pax, NULL, link, 1);
	expect_error(VV_EINVAL);
	make(pax, NULL, &absolute, 1);
	expect("etc/passwd 1\n");
}

/* It is data: nobody follows it while packing; the tree refuses the file below it. */
static void a_symlink_out_of_the_tree_is_kept(void)
{
	const struct item items[] = {
		{ .name = "dir", .type = AE_IFLNK, .symlink = "/etc" },
		{ .name = "dir/passwd", .content = "1" },
	};

	make(pax, NULL, items, 2);
	expect("dir -> /etc\ndir/passwd 1\n");
}

static void names_beyond_the_limits_are_errors(void)
{
	static char name[2 * 5000];

	memset(name, 'x', 800);
	make(pax, NULL, &(struct item){ .name = name, .content = "1" }, 1);
	expect_error(VV_EINVAL);
	for (size_t i = 0; i < 2 * 4500; i += 2)
		memcpy(name + i, "d/", 3);
	strcat(name, "f");
	make(pax, NULL, &(struct item){ .name = name, .content = "1" }, 1);
	expect_error(VV_ENAMETOOLONG);
}

static void a_truncated_archive_is_an_error(void)
{
	static char content[200000];
	const struct item item = { .name = "f",
				   .content = content,
				   .size = sizeof content };
	static char got[300000];

	for (size_t i = 0; i < sizeof content; i++)
		content[i] = (char)(i * 7919 >> 5);
	make(pax, archive_write_add_filter_gzip, &item, 1);
	CHECK_INT(truncate(path, 600), 0);
	CHECK_INT(read_all(got, sizeof got, NULL), VV_EIO);
	make(pax, NULL, &item, 1);
	CHECK_INT(truncate(path, 100000), 0);
	CHECK_INT(read_all(got, sizeof got, NULL), VV_EIO);
}

static void what_is_no_archive_is_refused(void)
{
	temp_file(path, "#!/bin/sh\n", 10);
	expect_error(VV_EINVAL);
	temp_file(path, "", 0);
	expect_error(VV_EINVAL);
	make(archive_write_set_format_ar_svr4, NULL,
	     &(struct item){ .name = "x.o", .content = "1" }, 1);
	expect_error(VV_EINVAL);
	unlink(path);
	expect_error(VV_ENOENT);
}

static void *whole_file(size_t *size)
{
	FILE *f = fopen(path, "rb");
	char *bytes = malloc(1 << 20);

	CHECK(f && bytes);
	*size = fread(bytes, 1, 1 << 20, f);
	fclose(f);
	return bytes;
}

static void the_data_of_a_deb_is_read(void)
{
	size_t data_size, control_size;
	char *data, *control;

	make(pax, archive_write_add_filter_xz, plain, 5);
	data = whole_file(&data_size);
	make(pax, archive_write_add_filter_gzip, &(struct item){ .name = "control" },
	     1);
	control = whole_file(&control_size);
	make(archive_write_set_format_ar_svr4, NULL,
	     (struct item[]){
		     { .name = "debian-binary", .content = "2.0\n" },
		     { .name = "control.tar.gz",
		       .content = control,
		       .size = control_size },
		     { .name = "data.tar.xz", .content = data, .size = data_size } },
	     3);
	expect("/\nbin/\nbin/cc program\nbin/gcc -> cc\nempty \n");
	make(archive_write_set_format_ar_svr4, NULL,
	     (struct item[]){ { .name = "debian-binary", .content = "2.0\n" } }, 1);
	expect_error(VV_EINVAL);
	free(data);
	free(control);
}

static void with_flipped_bit(const uint8_t *bytes, size_t size, size_t at)
{
	uint8_t *copy = malloc(size);

	CHECK(copy);
	memcpy(copy, bytes, size);
	copy[at] ^= 0x10;
	temp_file(path, copy, size);
	free(copy);
}

/* Noise, which deflate stores as it is: no code of it breaks, only checksums tell. */
static struct item noise(void)
{
	static char content[50000];
	uint64_t x = 1;

	for (size_t i = 0; i < sizeof content; i++) {
		x = x * 6364136223846793005 + 1442695040888963407;
		content[i] = (char)(x >> 56);
	}
	return (struct item){ .name = "f", .content = content, .size = sizeof content };
}

static void a_flipped_bit_of_gzip_is_an_error(void)
{
	static char got[60000];
	const struct item item = noise();
	size_t size, deb_size;
	uint8_t *gz, *deb;

	make(pax, archive_write_add_filter_gzip, &item, 1);
	gz = whole_file(&size);
	CHECK_INT(read_all(got, sizeof got, NULL), VV_OK);
	with_flipped_bit(gz, size, size / 2);
	CHECK_INT(read_all(got, sizeof got, NULL), VV_EIO);
	with_flipped_bit(gz, size, size - 8); /* its CRC */
	CHECK_INT(read_all(got, sizeof got, NULL), VV_EIO);
	with_flipped_bit(gz, size, size - 1); /* its length */
	CHECK_INT(read_all(got, sizeof got, NULL), VV_EIO);
	temp_file(path, gz, size - 4);
	CHECK_INT(read_all(got, sizeof got, NULL), VV_EIO);

	make(archive_write_set_format_ar_svr4, NULL,
	     (struct item[]){
		     { .name = "debian-binary", .content = "2.0\n" },
		     { .name = "data.tar.gz", .content = (char *)gz, .size = size } },
	     2);
	deb = whole_file(&deb_size);
	CHECK_INT(read_all(got, sizeof got, NULL), VV_OK);
	with_flipped_bit(deb, deb_size, deb_size / 2);
	CHECK_INT(read_all(got, sizeof got, NULL), VV_EIO);
	free(gz);
	free(deb);
}

/* As `cat a.gz b.gz` makes it: here of two halves of a tar, in one file, and padded. */
static void members_of_gzip_are_one_file(void)
{
	static char want[60000], got[60000];
	const struct item item = noise();
	uint8_t *tar, *half, *all = malloc(1 << 20);
	size_t tar_size, half_size, at = 0;

	CHECK(all);
	make(pax, NULL, &item, 1);
	CHECK_INT(read_all(want, sizeof want, NULL), VV_OK);
	tar = whole_file(&tar_size);
	for (int i = 0; i < 2; i++) {
		struct item part = { .name = "part",
				     .content = (char *)tar + (i ? 20000 : 0),
				     .size = i ? tar_size - 20000 : 20000 };

		make(archive_write_set_format_raw, archive_write_add_filter_gzip, &part,
		     1);
		half = whole_file(&half_size);
		memcpy(all + at, half, half_size);
		at += half_size;
		free(half);
	}
	temp_file(path, all, at);
	CHECK_INT(read_all(got, sizeof got, NULL), VV_OK);
	CHECK(memcmp(got, want, sizeof got) == 0);
	memset(all + at, 0, 512);
	temp_file(path, all, at + 512);
	CHECK_INT(read_all(got, sizeof got, NULL), VV_OK);
	CHECK(memcmp(got, want, sizeof got) == 0);
	with_flipped_bit(all, at, 10000); /* of the first */
	CHECK_INT(read_all(got, sizeof got, NULL), VV_EIO);
	free(all);
	free(tar);
}

static void options_choose_and_place_entries(void)
{
	const char *const patterns[] = { "doc" };
	struct vv_input_options opts = { .exclude = patterns,
					 .exclude_count = 1,
					 .strip_components = 1,
					 .prefix = "opt" };
	const struct item items[] = {
		{ .name = "gcc/", .type = AE_IFDIR },
		{ .name = "gcc/a", .content = "1" },
		{ .name = "gcc/doc/b", .content = "2" },
		{ .name = "gcc/c", .hardlink = "gcc/a" },
	};
	char got[1000];

	make(pax, NULL, items, 4);
	CHECK_INT(read_all(got, sizeof got, &opts), VV_OK);
	CHECK_STR(got, "opt/a 1\nopt/c = opt/a\n");
}

static void a_link_to_what_is_left_out_is_an_error(void)
{
	const char *const patterns[] = { "a" };
	struct vv_input_options opts = { .exclude = patterns, .exclude_count = 1 };
	const struct item items[] = { { .name = "a", .content = "1" },
				      { .name = "b", .hardlink = "a" } };
	char got[1000];

	make(pax, NULL, items, 2);
	CHECK_INT(read_all(got, sizeof got, &opts), VV_ENOENT);
}

int main(void)
{
	dir = temp_dir_new();
	path = temp_path(dir, "archive");
	RUN(every_format_and_filter_tells_the_same);
	RUN(a_7z_is_read);
	RUN(metadata_is_kept);
	RUN(names_need_not_be_ascii);
	RUN(pax_names_are_utf8_in_every_locale);
	RUN(hard_links_name_what_came_before);
	RUN(names_that_lead_out_are_errors);
	RUN(a_symlink_out_of_the_tree_is_kept);
	RUN(names_beyond_the_limits_are_errors);
	RUN(a_truncated_archive_is_an_error);
	RUN(what_is_no_archive_is_refused);
	RUN(the_data_of_a_deb_is_read);
	RUN(a_flipped_bit_of_gzip_is_an_error);
	RUN(members_of_gzip_are_one_file);
	RUN(options_choose_and_place_entries);
	RUN(a_link_to_what_is_left_out_is_an_error);
	free(path);
	temp_dir_free(dir);
	return test_report();
}
