#include "host/fuse/mountinfo.h"

#include "core/err.h"
#include "test.h"

static struct vv_mountinfo info;

static void a_line_gives_path_type_and_device(void)
{
	CHECK_INT(
		vv_mountinfo_parse(
			"36 35 98:10 / /mnt rw,noatime shared:1 master:2 - fuse.varve /srv/store ro\n",
			&info),
		VV_OK);
	CHECK_STR(info.path, "/mnt");
	CHECK_STR(info.type, "fuse.varve");
	CHECK_INT(info.major, 98);
	CHECK_INT(info.minor, 10);
}

static void blanks_and_backslashes_in_a_path_are_decoded(void)
{
	CHECK_INT(vv_mountinfo_parse(
			  "36 35 0:5 / /a\\040b\\134c\\011d rw - tmpfs none rw\n",
			  &info),
		  VV_OK);
	CHECK_STR(info.path, "/a b\\c\td");
	/* What only looks like an escape stays as it is. */
	CHECK_INT(vv_mountinfo_parse("36 35 0:5 / /a\\09 rw - tmpfs none rw\n", &info),
		  VV_OK);
	CHECK_STR(info.path, "/a\\09");
}

static void a_source_that_looks_like_a_separator_fools_nobody(void)
{
	CHECK_INT(vv_mountinfo_parse(
			  "36 35 0:5 / /mnt rw - fuse.varve a\\040-\\040b ro\n", &info),
		  VV_OK);
	CHECK_STR(info.type, "fuse.varve");
}

static void broken_lines_are_refused(void)
{
	CHECK_INT(vv_mountinfo_parse("", &info), VV_EINVAL);
	CHECK_INT(vv_mountinfo_parse("36 35 98:0 / /mnt rw", &info), VV_EINVAL);
	CHECK_INT(vv_mountinfo_parse("36 35 98:0 / /mnt rw - ", &info), VV_EINVAL);
	CHECK_INT(vv_mountinfo_parse("36 35 x:0 / /mnt rw - tmpfs none rw", &info),
		  VV_EINVAL);
}

static void what_is_mounted_is_found(void)
{
	CHECK_INT(vv_mountinfo_find("/proc", &info), VV_OK);
	CHECK_STR(info.type, "proc");
	CHECK_INT(vv_mountinfo_find("/proc/self", &info), VV_ENOENT);
	CHECK_STR(info.path, "");
}

int main(void)
{
	RUN(a_line_gives_path_type_and_device);
	RUN(blanks_and_backslashes_in_a_path_are_decoded);
	RUN(a_source_that_looks_like_a_separator_fools_nobody);
	RUN(broken_lines_are_refused);
	RUN(what_is_mounted_is_found);
	return test_report();
}
