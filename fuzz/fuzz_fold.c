/*
 * Two names, divided by the first newline: the order must be an order, and equal
 * names must have equal hashes.
 */
#include "core/fold.h"
#include "core/name.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const char *a = (const char *)bytes;
	const char *newline = size != 0 ? memchr(a, '\n', size) : NULL;
	const char *b = newline ? newline + 1 : a + size;
	size_t a_len = newline ? (size_t)(newline - a) : size;
	size_t b_len = newline ? size - a_len - 1 : 0;
	int order = vv_fold_cmp(a, a_len, b, b_len);

	must(order == -vv_fold_cmp(b, b_len, a, a_len));
	must(vv_fold_cmp(a, a_len, a, a_len) == 0);
	if (order == 0)
		must(vv_fold_hash(a, a_len) == vv_fold_hash(b, b_len));
	(void)vv_name_check(a, a_len);
	(void)vv_name_is_utf8(a, a_len);
	return 0;
}
