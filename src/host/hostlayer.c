#include "host/hostlayer.h"

#include "os/hostdir.h"

static int layer_stat(struct vv_hostdir *dir, const char *path, struct vv_attr *out,
		      uint64_t *dev)
{
	struct vv_hoststat st;
	int err = vv_hostdir_stat(dir, path, &st);

	if (err)
		return err;
	*dev = st.dev;
	*out = (struct vv_attr){
		.ino = st.ino,
		.mode = st.mode,
		.uid = st.uid,
		.gid = st.gid,
		.nlink = st.nlink,
		.rdev_major = st.rdev_major,
		.rdev_minor = st.rdev_minor,
		.size = st.size,
		.blocks = st.blocks,
		.mtime_sec = st.mtime_sec,
		.mtime_nsec = st.mtime_nsec,
		.ctime_sec = st.ctime_sec,
		.ctime_nsec = st.ctime_nsec,
		.atime_sec = st.atime_sec,
		.atime_nsec = st.atime_nsec,
	};
	return 0;
}

static int layer_list(struct vv_hostdir *dir, const char *path,
		      int (*entry)(void *ctx, const char *name, uint32_t type_bits,
				   uint64_t ino),
		      void *ctx)
{
	struct vv_hostdir *sub;
	int err = vv_hostdir_open_at(&sub, dir, path);

	if (err)
		return err;
	err = vv_hostdir_list(sub, entry, ctx);
	vv_hostdir_close(sub);
	return err;
}

const struct vv_host_ops vv_hostlayer_ops = {
	.stat = layer_stat,
	.list = layer_list,
	.readlink = vv_hostdir_readlink,
	.xattr_list = vv_hostdir_xattr_list,
	.xattr_get = vv_hostdir_xattr_get,
	.open = vv_hostfile_open,
	.read = vv_hostfile_read,
	.close = vv_hostfile_close,
};
