/*
 * cat.c - lists the refs of a store, or writes one file of it to stdout.
 *
 *	cat STORE		gcc-12	3130 files, 283913216 bytes
 *	cat STORE REF/PATH	the file's bytes
 */
#include <stdio.h>
#include <varve/varve.h>

static int list(const char *store)
{
	struct vv_fs_refs *refs;
	const struct vv_fs_ref *ref;
	int err = vv_fs_refs_open(&refs, store);

	if (err)
		return err;
	while ((err = vv_fs_refs_next(refs, &ref)) > 0)
		printf("%s\t%llu files, %llu bytes\n", ref->name,
		       (unsigned long long)ref->files, (unsigned long long)ref->bytes);
	vv_fs_refs_close(refs);
	return err;
}

static int print(struct vv_fs_node *file)
{
	char buf[64 * 1024];
	uint64_t offset = 0;
	size_t got;
	int err;

	do {
		err = vv_fs_node_read(file, buf, sizeof buf, offset, &got);
		offset += got;
	} while (!err && got && fwrite(buf, 1, got, stdout) == got);
	return err;
}

static int cat(const char *store, const char *path)
{
	struct vv_fs_options options = { sizeof options, NULL, 0, 32 << 20, 0, NULL };
	struct vv_fs_node *file = NULL;
	struct vv_fs *fs = NULL;
	int err = vv_fs_open(&fs, store, &options);

	if (!err)
		err = vv_fs_node_open(&file, vv_fs_root(fs), path, VV_FS_FOLLOW);
	if (!err)
		err = print(file);
	vv_fs_node_close(file);
	vv_fs_close(fs);
	return err;
}

int main(int argc, char **argv)
{
	int err;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: cat STORE [REF/PATH]\n");
		return 2;
	}
	err = argc == 2 ? list(argv[1]) : cat(argv[1], argv[2]);
	if (err)
		fprintf(stderr, "cat: %s: %s\n", argv[argc - 1], vv_fs_err_text(err));
	return err ? 1 : 0;
}
