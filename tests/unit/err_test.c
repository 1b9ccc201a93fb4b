#include "core/err.h"

#include "test.h"

#include <errno.h>

static void values_are_minus_the_linux_errno(void)
{
	CHECK_INT(VV_ENOENT, -ENOENT);
	CHECK_INT(VV_E2BIG, -E2BIG);
	CHECK_INT(VV_ENOTEMPTY, -ENOTEMPTY);
	CHECK_INT(VV_ENAMETOOLONG, -ENAMETOOLONG);
	CHECK_INT(VV_ENOSYS, -ENOSYS);
	CHECK_INT(VV_ELOOP, -ELOOP);
	CHECK_INT(VV_ENODATA, -ENODATA);
	CHECK_INT(VV_ECORRUPT, -EBADMSG);
	CHECK_INT(VV_EOVERFLOW, -EOVERFLOW);
	CHECK_INT(VV_EILSEQ, -EILSEQ);
	CHECK_INT(VV_ENEWER, -ENOPROTOOPT);
	CHECK_INT(VV_EOPNOTSUPP, -EOPNOTSUPP);
	CHECK_INT(VV_ETIMEDOUT, -ETIMEDOUT);
	CHECK_INT(VV_ESTALE, -ESTALE);
	CHECK_INT(VV_ECANCELED, -ECANCELED);
}

static void every_value_has_a_text_and_a_name(void)
{
#define X(name, value, text) \
	CHECK_STR(vv_err_text(VV_E##name), text); \
	CHECK_STR(vv_err_name(value), "E" #name);
	VV_ERRORS(X)
#undef X
	CHECK_STR(vv_err_name(0), "OK");
}

static void a_foreign_value_is_unknown_not_a_crash(void)
{
	CHECK_STR(vv_err_text(-9999), "unknown error");
	CHECK_STR(vv_err_name(2), "E?");
}

int main(void)
{
	RUN(values_are_minus_the_linux_errno);
	RUN(every_value_has_a_text_and_a_name);
	RUN(a_foreign_value_is_unknown_not_a_crash);
	return test_report();
}
