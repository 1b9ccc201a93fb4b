/* Our declarations against the header of the system, which is older or newer than they are. */
#include "fuse/proto.h"

#include "test.h"

#include <linux/fuse.h>

#define SAME_SIZE(ours, theirs) \
	CHECK_INT(sizeof(struct vv_fuse_##ours), sizeof(struct theirs))
#define SAME_PLACE(ours, field, theirs, their_field) \
	CHECK_INT(offsetof(struct vv_fuse_##ours, field), \
		  offsetof(struct theirs, their_field))
#define SAME_VALUE(name) CHECK_INT(VV_##name, name)

static void structs_have_the_sizes_of_the_kernel(void)
{
	SAME_SIZE(in_header, fuse_in_header);
	SAME_SIZE(out_header, fuse_out_header);
	SAME_SIZE(attr, fuse_attr);
	SAME_SIZE(file_lock, fuse_file_lock);
	SAME_SIZE(forget_in, fuse_forget_in);
	SAME_SIZE(batch_forget_in, fuse_batch_forget_in);
	SAME_SIZE(forget_one, fuse_forget_one);
	SAME_SIZE(getattr_in, fuse_getattr_in);
	SAME_SIZE(setattr_in, fuse_setattr_in);
	SAME_SIZE(mknod_in, fuse_mknod_in);
	SAME_SIZE(mkdir_in, fuse_mkdir_in);
	SAME_SIZE(rename_in, fuse_rename_in);
	SAME_SIZE(rename2_in, fuse_rename2_in);
	SAME_SIZE(link_in, fuse_link_in);
	SAME_SIZE(open_in, fuse_open_in);
	SAME_SIZE(create_in, fuse_create_in);
	SAME_SIZE(release_in, fuse_release_in);
	SAME_SIZE(flush_in, fuse_flush_in);
	SAME_SIZE(read_in, fuse_read_in);
	SAME_SIZE(write_in, fuse_write_in);
	SAME_SIZE(fsync_in, fuse_fsync_in);
	CHECK_INT(sizeof(struct vv_fuse_setxattr_in), FUSE_COMPAT_SETXATTR_IN_SIZE);
	SAME_SIZE(getxattr_in, fuse_getxattr_in);
	SAME_SIZE(lk_in, fuse_lk_in);
	SAME_SIZE(access_in, fuse_access_in);
	SAME_SIZE(init_in, fuse_init_in);
	SAME_SIZE(interrupt_in, fuse_interrupt_in);
	SAME_SIZE(bmap_in, fuse_bmap_in);
	SAME_SIZE(ioctl_in, fuse_ioctl_in);
	SAME_SIZE(poll_in, fuse_poll_in);
	SAME_SIZE(fallocate_in, fuse_fallocate_in);
	SAME_SIZE(lseek_in, fuse_lseek_in);
	SAME_SIZE(copy_file_range_in, fuse_copy_file_range_in);
	SAME_SIZE(retrieve_in, fuse_notify_retrieve_in);
	SAME_SIZE(syncfs_in, fuse_syncfs_in);
	SAME_SIZE(entry_out, fuse_entry_out);
	SAME_SIZE(attr_out, fuse_attr_out);
	SAME_SIZE(open_out, fuse_open_out);
	SAME_SIZE(write_out, fuse_write_out);
	SAME_SIZE(statfs_out, fuse_statfs_out);
	SAME_SIZE(getxattr_out, fuse_getxattr_out);
	SAME_SIZE(lk_out, fuse_lk_out);
	SAME_SIZE(init_out, fuse_init_out);
	SAME_SIZE(bmap_out, fuse_bmap_out);
	SAME_SIZE(ioctl_out, fuse_ioctl_out);
	SAME_SIZE(poll_out, fuse_poll_out);
	SAME_SIZE(lseek_out, fuse_lseek_out);
	SAME_SIZE(dirent, fuse_dirent);
	SAME_SIZE(notify_poll, fuse_notify_poll_wakeup_out);
	SAME_SIZE(notify_inval_inode, fuse_notify_inval_inode_out);
	SAME_SIZE(notify_inval_entry, fuse_notify_inval_entry_out);
	SAME_SIZE(notify_store, fuse_notify_store_out);
	SAME_SIZE(notify_retrieve, fuse_notify_retrieve_out);
	SAME_SIZE(notify_delete, fuse_notify_delete_out);
}

static void fields_lie_where_the_kernel_looks(void)
{
	SAME_PLACE(in_header, unique, fuse_in_header, unique);
	SAME_PLACE(in_header, pid, fuse_in_header, pid);
	SAME_PLACE(attr, atime_nsec, fuse_attr, atimensec);
	SAME_PLACE(attr, nlink, fuse_attr, nlink);
	SAME_PLACE(attr, gid, fuse_attr, gid);
	SAME_PLACE(attr, blksize, fuse_attr, blksize);
	SAME_PLACE(entry_out, entry_valid, fuse_entry_out, entry_valid);
	SAME_PLACE(entry_out, attr_valid, fuse_entry_out, attr_valid);
	SAME_PLACE(entry_out, entry_valid_nsec, fuse_entry_out, entry_valid_nsec);
	SAME_PLACE(entry_out, attr, fuse_entry_out, attr);
	SAME_PLACE(attr_out, attr, fuse_attr_out, attr);
	SAME_PLACE(read_in, offset, fuse_read_in, offset);
	SAME_PLACE(read_in, size, fuse_read_in, size);
	SAME_PLACE(write_in, write_flags, fuse_write_in, write_flags);
	SAME_PLACE(setattr_in, atime, fuse_setattr_in, atime);
	SAME_PLACE(setattr_in, mode, fuse_setattr_in, mode);
	SAME_PLACE(setattr_in, gid, fuse_setattr_in, gid);
	SAME_PLACE(release_in, release_flags, fuse_release_in, release_flags);
	SAME_PLACE(init_in, flags2, fuse_init_in, flags2);
	SAME_PLACE(init_out, max_background, fuse_init_out, max_background);
	SAME_PLACE(init_out, max_write, fuse_init_out, max_write);
	SAME_PLACE(init_out, time_gran, fuse_init_out, time_gran);
	SAME_PLACE(init_out, max_pages, fuse_init_out, max_pages);
	SAME_PLACE(init_out, flags2, fuse_init_out, flags2);
	SAME_PLACE(dirent, namelen, fuse_dirent, namelen);
	SAME_PLACE(dirent, type, fuse_dirent, type);
	CHECK_INT(sizeof(struct vv_fuse_dirent), offsetof(struct fuse_dirent, name));
	CHECK_INT(sizeof(struct vv_fuse_direntplus), FUSE_NAME_OFFSET_DIRENTPLUS);
	CHECK_INT(offsetof(struct vv_fuse_statfs_out, bsize),
		  offsetof(struct fuse_kstatfs, bsize));
	CHECK_INT(offsetof(struct vv_fuse_statfs_out, frsize),
		  offsetof(struct fuse_kstatfs, frsize));
	SAME_PLACE(notify_inval_entry, namelen, fuse_notify_inval_entry_out, namelen);
	SAME_PLACE(notify_delete, namelen, fuse_notify_delete_out, namelen);
}

static void numbers_are_those_of_the_kernel(void)
{
	SAME_VALUE(FUSE_LOOKUP);
	SAME_VALUE(FUSE_SETATTR);
	SAME_VALUE(FUSE_MKNOD);
	SAME_VALUE(FUSE_READ);
	SAME_VALUE(FUSE_STATFS);
	SAME_VALUE(FUSE_FSYNC);
	SAME_VALUE(FUSE_INIT);
	SAME_VALUE(FUSE_ACCESS);
	SAME_VALUE(FUSE_DESTROY);
	SAME_VALUE(FUSE_BATCH_FORGET);
	SAME_VALUE(FUSE_READDIRPLUS);
	SAME_VALUE(FUSE_COPY_FILE_RANGE);
	SAME_VALUE(FUSE_SYNCFS);
	SAME_VALUE(FUSE_TMPFILE);
	SAME_VALUE(FUSE_NOTIFY_DELETE);
	SAME_VALUE(FUSE_ASYNC_READ);
	SAME_VALUE(FUSE_DO_READDIRPLUS);
	SAME_VALUE(FUSE_READDIRPLUS_AUTO);
	SAME_VALUE(FUSE_NO_OPEN_SUPPORT);
	SAME_VALUE(FUSE_PARALLEL_DIROPS);
	SAME_VALUE(FUSE_POSIX_ACL);
	SAME_VALUE(FUSE_MAX_PAGES);
	SAME_VALUE(FUSE_CACHE_SYMLINKS);
	SAME_VALUE(FUSE_NO_OPENDIR_SUPPORT);
	SAME_VALUE(FUSE_EXPLICIT_INVAL_DATA);
	SAME_VALUE(FUSE_INIT_EXT);
	SAME_VALUE(FOPEN_KEEP_CACHE);
	SAME_VALUE(FOPEN_CACHE_DIR);
	SAME_VALUE(FOPEN_NOFLUSH);
	SAME_VALUE(FATTR_CTIME);
}

/* Headers before Linux 6.14 do not have it; then the asserts of proto.h stand alone. */
static void io_uring_is_that_of_the_kernel(void)
{
#ifdef FUSE_OVER_IO_URING
	SAME_VALUE(FUSE_OVER_IO_URING);
	CHECK_INT(VV_FUSE_URING_REGISTER, FUSE_IO_URING_CMD_REGISTER);
	CHECK_INT(VV_FUSE_URING_COMMIT_AND_FETCH, FUSE_IO_URING_CMD_COMMIT_AND_FETCH);
	SAME_SIZE(uring_header, fuse_uring_req_header);
	SAME_SIZE(uring_entry, fuse_uring_ent_in_out);
	SAME_SIZE(uring_cmd_req, fuse_uring_cmd_req);
	SAME_PLACE(uring_header, entry, fuse_uring_req_header, ring_ent_in_out);
	SAME_PLACE(uring_entry, payload_sz, fuse_uring_ent_in_out, payload_sz);
	SAME_PLACE(uring_cmd_req, qid, fuse_uring_cmd_req, qid);
#endif
	CHECK_INT(VV_FUSE_OVER_IO_URING >> 41, 1);
}

int main(void)
{
	RUN(structs_have_the_sizes_of_the_kernel);
	RUN(fields_lie_where_the_kernel_looks);
	RUN(numbers_are_those_of_the_kernel);
	RUN(io_uring_is_that_of_the_kernel);
	return test_report();
}
