#include "fuse/codec.h"

#include "core/buf.h"
#include "core/err.h"
#include "test.h"

#include <string.h>

enum {
	LIMIT = 1 << 16
};

static struct vv_fuse_request request(uint32_t opcode)
{
	return (struct vv_fuse_request){
		.header = { .opcode = opcode,
			    .unique = 77,
			    .nodeid = 5,
			    .uid = 1000,
			    .pid = 42 },
	};
}

static void name(struct vv_fuse_request *req, unsigned i, const char *text)
{
	req->names[i] = text;
	req->name_len[i] = strlen(text);
}

/* What every operation must at least be given to be encoded. */
static struct vv_fuse_request filled(uint32_t opcode)
{
	static const uint8_t data[32] = { 1, 2, 3 };
	struct vv_fuse_request req = request(opcode);

	name(&req, 0, "first");
	name(&req, 1, "second");
	if (opcode == VV_FUSE_WRITE || opcode == VV_FUSE_SETXATTR ||
	    opcode == VV_FUSE_BATCH_FORGET) {
		req.data = data;
		req.data_size = sizeof data;
	}
	return req;
}

static void each_operation_survives_the_way_there_and_back(void)
{
	unsigned known = 0;

	for (uint32_t op = 0; op < VV_FUSE_OP_COUNT; op++) {
		struct vv_fuse_request in = filled(op), out;
		struct vv_buf buf;

		if (!vv_fuse_op_name(op))
			continue;
		vv_buf_init(&buf, LIMIT);
		CHECK_INT(vv_fuse_request_encode(&buf, &in), VV_OK);
		CHECK_INT(vv_fuse_request_decode(&out, buf.bytes, buf.len), VV_OK);
		CHECK_INT(out.header.opcode, op);
		CHECK_INT(out.header.unique, 77);
		CHECK_INT(out.header.pid, 42);
		CHECK(!out.names[0] || strcmp(out.names[0], "first") == 0);
		CHECK(!out.names[1] || strcmp(out.names[1], "second") == 0);
		CHECK_INT(out.data_size, in.data_size);
		vv_buf_fini(&buf);
		known++;
	}
	CHECK_INT(known, 48);
}

/* Each prefix of a good message, with a length that admits it, is refused. */
static void no_prefix_of_a_request_is_a_request(void)
{
	for (uint32_t op = 0; op < VV_FUSE_OP_COUNT; op++) {
		struct vv_fuse_request in = filled(op), out;
		struct vv_buf buf;

		if (!vv_fuse_op_name(op) || op == VV_FUSE_INIT)
			continue;
		vv_buf_init(&buf, LIMIT);
		CHECK_INT(vv_fuse_request_encode(&buf, &in), VV_OK);
		for (uint32_t cut = 0; cut < buf.len; cut++) {
			memcpy(buf.bytes, &cut, sizeof cut);
			CHECK_INT(vv_fuse_request_decode(&out, buf.bytes, cut),
				  VV_EINVAL);
			CHECK_INT(out.header.unique, cut < 40 ? 0 : 77);
		}
		vv_buf_fini(&buf);
	}
}

static void a_byte_too_many_is_refused(void)
{
	struct vv_fuse_request in = filled(VV_FUSE_LOOKUP), out;
	struct vv_buf buf;
	uint32_t len;

	vv_buf_init(&buf, LIMIT);
	CHECK_INT(vv_fuse_request_encode(&buf, &in), VV_OK);
	CHECK_INT(vv_buf_append_zeros(&buf, 1), VV_OK);
	len = (uint32_t)buf.len;
	memcpy(buf.bytes, &len, sizeof len);
	CHECK_INT(vv_fuse_request_decode(&out, buf.bytes, buf.len), VV_EINVAL);
	vv_buf_fini(&buf);
}

static void extensions_behind_a_request_are_skipped(void)
{
	struct vv_fuse_request in = filled(VV_FUSE_MKDIR), out;
	struct vv_fuse_in_header header;
	struct vv_buf buf;

	vv_buf_init(&buf, LIMIT);
	CHECK_INT(vv_fuse_request_encode(&buf, &in), VV_OK);
	CHECK_INT(vv_buf_append_zeros(&buf, 16), VV_OK);
	memcpy(&header, buf.bytes, sizeof header);
	header.len += 16;
	header.extensions = 2;
	memcpy(buf.bytes, &header, sizeof header);
	CHECK_INT(vv_fuse_request_decode(&out, buf.bytes, buf.len), VV_OK);
	CHECK_STR(out.names[0], "first");
	header.extensions = 200;
	memcpy(buf.bytes, &header, sizeof header);
	CHECK_INT(vv_fuse_request_decode(&out, buf.bytes, buf.len), VV_EINVAL);
	vv_buf_fini(&buf);
}

static void an_unknown_operation_can_still_be_answered(void)
{
	struct vv_fuse_in_header header = { .len = 40, .opcode = 999, .unique = 9 };
	struct vv_fuse_request out;

	CHECK_INT(vv_fuse_request_decode(&out, &header, sizeof header), VV_ENOSYS);
	CHECK_INT(out.header.unique, 9);
	CHECK(vv_fuse_op_has_reply(999));
	header.opcode = VV_FUSE_OP_COUNT;
	CHECK_INT(vv_fuse_request_decode(&out, &header, sizeof header), VV_ENOSYS);
}

static void a_short_init_of_an_old_kernel_is_read(void)
{
	struct {
		struct vv_fuse_in_header header;
		uint32_t major, minor, max_readahead, flags;
	} old = {
		{ .len = 56, .opcode = VV_FUSE_INIT, .unique = 2 }, 7, 31, 131072, 0xff
	};
	struct vv_fuse_request out;

	CHECK_INT(sizeof old, 56);
	CHECK_INT(vv_fuse_request_decode(&out, &old, sizeof old), VV_OK);
	CHECK_INT(out.body.init.minor, 31);
	CHECK_INT(out.body.init.flags2, 0);
}

static void names_with_a_slash_or_without_bytes_are_refused(void)
{
	struct vv_fuse_request req = request(VV_FUSE_LOOKUP);
	struct vv_buf buf;

	vv_buf_init(&buf, LIMIT);
	name(&req, 0, "a/b");
	CHECK_INT(vv_fuse_request_encode(&buf, &req), VV_EINVAL);
	name(&req, 0, "");
	CHECK_INT(vv_fuse_request_encode(&buf, &req), VV_EINVAL);
	CHECK_INT(buf.len, 0);

	req = request(VV_FUSE_SYMLINK);
	name(&req, 0, "link");
	name(&req, 1, "../target/of it");
	CHECK_INT(vv_fuse_request_encode(&buf, &req), VV_OK);
	vv_buf_fini(&buf);
}

static void announced_data_must_be_there(void)
{
	struct vv_fuse_request in = filled(VV_FUSE_BATCH_FORGET), out;
	struct vv_buf buf;
	uint32_t count = 3;

	vv_buf_init(&buf, LIMIT);
	CHECK_INT(vv_fuse_request_encode(&buf, &in), VV_OK);
	CHECK_INT(vv_fuse_request_decode(&out, buf.bytes, buf.len), VV_OK);
	CHECK_INT(out.body.batch_forget.count, 2);
	CHECK_INT(vv_fuse_forget_get(&out, 0).nodeid, 0x030201);
	memcpy(buf.bytes + 40, &count, sizeof count);
	CHECK_INT(vv_fuse_request_decode(&out, buf.bytes, buf.len), VV_EINVAL);
	count = UINT32_MAX; /* times 16 does not fit 32 bits */
	memcpy(buf.bytes + 40, &count, sizeof count);
	CHECK_INT(vv_fuse_request_decode(&out, buf.bytes, buf.len), VV_EINVAL);
	vv_buf_fini(&buf);
}

/* ---- replies ---- */

static void a_reply_survives_the_way_there_and_back(void)
{
	struct vv_fuse_request req = filled(VV_FUSE_LOOKUP);
	struct vv_fuse_reply in, out;
	size_t size;

	memset(&in, 0, sizeof in);
	in.body.entry.nodeid = 12;
	in.body.entry.attr.mode = 0100644;
	size = vv_fuse_reply_seal(&in, &req, VV_OK, 0);
	CHECK_INT(size, 16 + 128);
	CHECK_INT(vv_fuse_reply_decode(&out, &req, &in, size), VV_OK);
	CHECK_INT(out.body.entry.nodeid, 12);
	CHECK_INT(out.body.entry.attr.mode, 0100644);
}

static void an_error_is_a_bare_header(void)
{
	struct vv_fuse_request req = filled(VV_FUSE_GETATTR);
	struct vv_fuse_reply in, out;

	memset(&in, 0, sizeof in);
	CHECK_INT(vv_fuse_reply_seal(&in, &req, VV_ENOENT, 0), 16);
	CHECK_INT(vv_fuse_reply_decode(&out, &req, &in, 16), VV_OK);
	CHECK_INT(out.header.error, VV_ENOENT);
	in.header.len = 17;
	CHECK_INT(vv_fuse_reply_decode(&out, &req, &in, 17), VV_EINVAL);
}

static void a_reply_gives_no_more_than_was_asked_for(void)
{
	struct {
		struct vv_fuse_out_header header;
		uint8_t data[64];
	} message = { .header = { .unique = 77 } };
	struct vv_fuse_request req = request(VV_FUSE_READ);
	struct vv_fuse_reply out;

	req.body.read.size = 48;
	message.header.len = 16 + 48;
	CHECK_INT(vv_fuse_reply_decode(&out, &req, &message, 16 + 48), VV_OK);
	CHECK_INT(out.data_size, 48);
	message.header.len = 16 + 49;
	CHECK_INT(vv_fuse_reply_decode(&out, &req, &message, 16 + 49), VV_EINVAL);
}

static void replies_of_the_wrong_request_or_error_are_refused(void)
{
	struct vv_fuse_request req = request(VV_FUSE_RELEASE);
	struct vv_fuse_out_header header = { .len = 16, .unique = 78 };
	struct vv_fuse_reply out;

	CHECK_INT(vv_fuse_reply_decode(&out, &req, &header, 16), VV_EINVAL);
	header.unique = 77;
	CHECK_INT(vv_fuse_reply_decode(&out, &req, &header, 16), VV_OK);
	header.error = 5;
	CHECK_INT(vv_fuse_reply_decode(&out, &req, &header, 16), VV_EINVAL);
	header.error = -512;
	CHECK_INT(vv_fuse_reply_decode(&out, &req, &header, 16), VV_EINVAL);
}

static void the_size_of_an_attribute_comes_only_if_it_was_asked(void)
{
	struct vv_fuse_request req = filled(VV_FUSE_GETXATTR);

	CHECK_INT(vv_fuse_reply_body_size(&req), 8);
	req.body.getxattr.size = 100;
	CHECK_INT(vv_fuse_reply_body_size(&req), 0);
}

/* ---- listings ---- */

static void listings_are_read_as_they_were_written(void)
{
	static const char *const names[] = { ".", "..", "a", "exactly8",
					     "longer than that" };

	for (int plus = 0; plus < 2; plus++) {
		uint8_t data[2048];
		struct vv_fuse_entry e;
		size_t used = 0, pos = 0, i = 0;

		for (i = 0; i < 5; i++) {
			size_t len = strlen(names[i]);

			e = (struct vv_fuse_entry){
				.dirent = { .ino = i + 1,
					    .off = i + 10,
					    .namelen = (uint32_t)len },
				.name = names[i],
				.plus = { .nodeid = i + 100 },
			};
			used += vv_fuse_entry_put(data + used, sizeof data - used, &e,
						  plus);
			CHECK_INT(used % 8, 0);
		}
		for (i = 0; vv_fuse_entry_next(data, used, plus, &pos, &e) == 1; i++) {
			CHECK_INT(e.dirent.off, i + 10);
			CHECK_INT(e.plus.nodeid, plus ? i + 100 : 0);
			CHECK(memcmp(e.name, names[i], e.dirent.namelen) == 0);
		}
		CHECK_INT(i, 5);
		CHECK_INT(pos, used);
	}
}

static void an_entry_that_does_not_fit_writes_nothing(void)
{
	struct vv_fuse_entry e = { .dirent = { .ino = 1, .off = 1, .namelen = 3 },
				   .name = "abc" };
	uint8_t data[40] = { 0 };

	CHECK_INT(vv_fuse_entry_put(data, 31, &e, false), 0);
	CHECK_INT(data[0], 0);
	CHECK_INT(vv_fuse_entry_put(data, 32, &e, false), 32);
}

static void a_listing_with_a_bad_name_is_refused(void)
{
	struct vv_fuse_entry e = { .dirent = { .ino = 1, .off = 1, .namelen = 3 },
				   .name = "a/c" },
			     got;
	uint8_t data[64];
	size_t pos = 0, used = vv_fuse_entry_put(data, sizeof data, &e, false);

	CHECK_INT(vv_fuse_entry_next(data, used, false, &pos, &got), VV_EINVAL);
	CHECK_INT(pos, 0);
	data[16] = 200; /* namelen beyond the data */
	CHECK_INT(vv_fuse_entry_next(data, used, false, &pos, &got), VV_EINVAL);
	CHECK_INT(vv_fuse_entry_next(data, used - 1, false, &pos, &got), VV_EINVAL);
}

/* ---- notifications ---- */

static void notifications_survive_the_way_there_and_back(void)
{
	struct vv_fuse_notify in = {
		.code = VV_FUSE_NOTIFY_INVAL_ENTRY,
		.body.inval_entry.parent = 3,
		.name = "gcc",
		.name_len = 3,
	}, out;
	struct vv_buf buf;

	vv_buf_init(&buf, LIMIT);
	CHECK_INT(vv_fuse_notify_encode(&buf, &in), VV_OK);
	CHECK_INT(buf.len, 16 + 16 + 4);
	CHECK_INT(vv_fuse_notify_decode(&out, buf.bytes, buf.len), VV_OK);
	CHECK_INT(out.body.inval_entry.parent, 3);
	CHECK_STR(out.name, "gcc");
	for (uint32_t cut = 16; cut < buf.len; cut++) {
		memcpy(buf.bytes, &cut, sizeof cut);
		CHECK_INT(vv_fuse_notify_decode(&out, buf.bytes, cut), VV_EINVAL);
	}
	vv_buf_clear(&buf);

	in = (struct vv_fuse_notify){ .code = VV_FUSE_NOTIFY_INVAL_INODE,
				      .body.inval_inode.ino = 8 };
	CHECK_INT(vv_fuse_notify_encode(&buf, &in), VV_OK);
	CHECK_INT(vv_fuse_notify_decode(&out, buf.bytes, buf.len), VV_OK);
	CHECK_INT(out.body.inval_inode.ino, 8);
	vv_buf_fini(&buf);
}

static void a_device_number_is_packed_as_the_kernel_does(void)
{
	CHECK_INT(vv_fuse_rdev(1, 3), 0x103);
	CHECK_INT(vv_fuse_rdev(0xabc, 0x12345), 0x123abc45);
}

int main(void)
{
	RUN(each_operation_survives_the_way_there_and_back);
	RUN(no_prefix_of_a_request_is_a_request);
	RUN(a_byte_too_many_is_refused);
	RUN(extensions_behind_a_request_are_skipped);
	RUN(an_unknown_operation_can_still_be_answered);
	RUN(a_short_init_of_an_old_kernel_is_read);
	RUN(names_with_a_slash_or_without_bytes_are_refused);
	RUN(announced_data_must_be_there);
	RUN(a_reply_survives_the_way_there_and_back);
	RUN(an_error_is_a_bare_header);
	RUN(a_reply_gives_no_more_than_was_asked_for);
	RUN(replies_of_the_wrong_request_or_error_are_refused);
	RUN(the_size_of_an_attribute_comes_only_if_it_was_asked);
	RUN(listings_are_read_as_they_were_written);
	RUN(an_entry_that_does_not_fit_writes_nothing);
	RUN(a_listing_with_a_bad_name_is_refused);
	RUN(notifications_survive_the_way_there_and_back);
	RUN(a_device_number_is_packed_as_the_kernel_does);
	return test_report();
}
