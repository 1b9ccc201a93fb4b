#include "os/windows/reparse.h"

#include "core/err.h"
#include "test.h"

#include <stdbool.h>
#include <stdlib.h>

static uint8_t data[256];
static size_t len;

static void put_u16(unsigned value)
{
	data[len++] = (uint8_t)value;
	data[len++] = (uint8_t)(value >> 8);
}

static void put_text(const char *text)
{
	for (; *text; text++)
		put_u16((unsigned char)*text);
}

/* The header of [MS-FSCC] 2.1.2.4, or 2.1.2.5 with @flags below 0. */
static void make(uint32_t tag, const char *substitute, const char *print, int flags)
{
	unsigned first = (unsigned)strlen(substitute) * 2;

	len = 0;
	put_u16(tag & 0xffff);
	put_u16(tag >> 16);
	put_u16(0);
	put_u16(0);
	put_u16(0);
	put_u16(first);
	put_u16(first);
	put_u16((unsigned)strlen(print) * 2);
	if (flags >= 0) {
		put_u16((unsigned)flags);
		put_u16(0);
	}
	put_text(substitute);
	put_text(print);
}

static bool leads_to(const char *want)
{
	char *target;
	int err = vv_reparse_parse(&target, data, len);
	bool is_it = !err && strcmp(target, want) == 0;

	free(target);
	return is_it;
}

static void targets_are_shown_with_slashes(void)
{
	make(VV_REPARSE_SYMLINK, "..\\lib\\x", "..\\lib\\x", 1);
	CHECK(leads_to("../lib/x"));
	make(VV_REPARSE_SYMLINK, "\\?\?\\C:\\sdk", "", 0);
	CHECK(leads_to("C:/sdk"));
	make(VV_REPARSE_MOUNT_POINT, "\\?\?\\C:\\sdk", "C:\\sdk", -1);
	CHECK(leads_to("C:/sdk"));
	make(VV_REPARSE_MOUNT_POINT, "\\?\?\\UNC\\host\\share", "", -1);
	CHECK(leads_to("//host/share"));
}

static void lengths_that_lead_out_are_refused(void)
{
	char *target;
	size_t whole;

	make(VV_REPARSE_SYMLINK, "abc", "abc", 1);
	whole = len;
	for (len = 0; len < whole; len++)
		CHECK_INT(vv_reparse_parse(&target, data, len), VV_ECORRUPT);
	data[8 + 6] = 0xff; /* the print name's length, and then its offset */
	CHECK_INT(vv_reparse_parse(&target, data, whole), VV_ECORRUPT);
	make(VV_REPARSE_SYMLINK, "abc", "abc", 1);
	data[8 + 5] = 0xff;
	CHECK_INT(vv_reparse_parse(&target, data, whole), VV_ECORRUPT);
}

static void links_of_another_kind_have_no_path(void)
{
	char *target;

	make(0xa0000018, "x", "x", 1);
	CHECK_INT(vv_reparse_parse(&target, data, len), VV_EOPNOTSUPP);
	CHECK(target == NULL);
}

int main(void)
{
	RUN(targets_are_shown_with_slashes);
	RUN(lengths_that_lead_out_are_refused);
	RUN(links_of_another_kind_have_no_path);
	return test_report();
}
