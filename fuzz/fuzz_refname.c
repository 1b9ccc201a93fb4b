/* Any bytes as a key, and as a name: what is accepted goes out and comes back. */
#include "core/refname.h"

#include "core/err.h"

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
	char text[4096], name[VV_REFNAME_BUF_BYTES], key[VV_REFNAME_BUF_BYTES];

	if (size >= sizeof text)
		return 0;
	if (size != 0)
		memcpy(text, bytes, size);
	text[size] = '\0';
	if (vv_refname_decode(name, text) == VV_OK) {
		must(vv_refname_check(name, NULL) == VV_OK);
		must(vv_refname_encode(key, name) == VV_OK);
		must(strcmp(key, text) == 0);
	}
	if (vv_refname_encode(key, text) == VV_OK) {
		must(vv_refname_decode(name, key) == VV_OK);
		must(strcmp(name, text) == 0);
	}
	return 0;
}
