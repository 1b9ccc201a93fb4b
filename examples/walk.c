/*
 * walk.c - walks one ref and prints a checksum of each file, as `cksum` does:
 *
 *	walk STORE REF		CRC BYTES PATH
 *
 * The ref is opened once and everything is opened from there, so that the walk sees one
 * version of it even if the ref moves meanwhile.
 */
#include <stdio.h>
#include <string.h>
#include <varve/varve.h>

enum {
	PATH_BYTES = 4096
};

/* POSIX cksum: CRC-32, most significant bit first, of the bytes and then their number. */
static uint32_t crc_add(uint32_t crc, unsigned char byte)
{
	crc ^= (uint32_t)byte << 24;
	for (int bit = 0; bit < 8; bit++)
		crc = crc & 0x80000000u ? crc << 1 ^ 0x04c11db7u : crc << 1;
	return crc;
}

static int checksum(struct vv_fs_node *file, uint32_t *crc, uint64_t *size)
{
	unsigned char buf[16 * 1024];
	size_t got;
	int err;

	*crc = 0;
	*size = 0;
	do {
		err = vv_fs_node_read(file, buf, sizeof buf, *size, &got);
		for (size_t i = 0; i < got; i++)
			*crc = crc_add(*crc, buf[i]);
		*size += got;
	} while (!err && got);
	for (uint64_t n = *size; n; n >>= 8)
		*crc = crc_add(*crc, (unsigned char)n);
	*crc = ~*crc;
	return err;
}

static int print(struct vv_fs_node *file, const char *path)
{
	uint64_t size;
	uint32_t crc;
	int err = checksum(file, &crc, &size);

	if (!err)
		printf("%lu %llu %s\n", (unsigned long)crc, (unsigned long long)size,
		       path);
	return err;
}

static int walk(struct vv_fs_node *dir, char *path, size_t len);

/* @path has the name of @entry at its end, @len bytes with it. */
static int visit(struct vv_fs_node *dir, const struct vv_fs_entry *entry, char *path,
		 size_t len)
{
	struct vv_fs_node *node;
	int err = VV_FS_OK;

	if (entry->type != VV_FS_IFREG && entry->type != VV_FS_IFDIR)
		return VV_FS_OK;
	err = vv_fs_node_open(&node, dir, entry->name, 0);
	if (err)
		return err;
	err = entry->type == VV_FS_IFDIR ? walk(node, path, len) : print(node, path);
	vv_fs_node_close(node);
	return err;
}

static int walk(struct vv_fs_node *dir, char *path, size_t len)
{
	const struct vv_fs_entry *entry;
	struct vv_fs_dir *list;
	int err = vv_fs_dir_open(&list, dir);

	if (err)
		return err;
	while ((err = vv_fs_dir_next(list, &entry)) > 0) {
		if (len + entry->name_len + 2 > PATH_BYTES) {
			err = VV_FS_ENAMETOOLONG;
			break;
		}
		path[len] = '/';
		memcpy(path + len + 1, entry->name, entry->name_len + 1);
		err = visit(dir, entry, path, len + 1 + entry->name_len);
		if (err)
			break;
	}
	vv_fs_dir_close(list);
	return err;
}

int main(int argc, char **argv)
{
	char path[PATH_BYTES] = ".";
	struct vv_fs_node *top = NULL;
	struct vv_fs *fs = NULL;
	int err;

	if (argc != 3) {
		fprintf(stderr, "usage: walk STORE REF\n");
		return 2;
	}
	err = vv_fs_open(&fs, argv[1], NULL);
	if (!err)
		err = vv_fs_node_open(&top, vv_fs_root(fs), argv[2], 0);
	if (!err)
		err = walk(top, path, 1);
	if (err)
		fprintf(stderr, "walk: %s: %s\n", path, vv_fs_err_text(err));
	vv_fs_node_close(top);
	vv_fs_close(fs);
	return err ? 1 : 0;
}
