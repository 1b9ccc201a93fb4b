/*
 * A hostile stored frame.  The first byte says how many of the bytes after it, in
 * units of 16, are the reference; the next three are the plain size; the rest is
 * the frame.
 */
#include "codec/zstd.h"

#include "core/arith.h"
#include "core/err.h"

#include <stdint.h>
#include <stdlib.h>

enum {
	PLAIN_BYTES_MAX = 1 << 20
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct vv_decompressor *d;
	size_t ref_len, plain_len;
	uint8_t *plain;

	if (!d && vv_decompressor_new(&d))
		abort();
	if (size < 4)
		return 0;
	plain_len = vv_get_le32(bytes) >> 8;
	ref_len = vv_min_size(bytes[0] * (size_t)16, size - 4);
	if (plain_len > PLAIN_BYTES_MAX)
		return 0;
	plain = malloc(plain_len);
	if (!plain && plain_len != 0)
		abort();
	(void)vv_decompressor_run(d, plain, plain_len, bytes + 4 + ref_len,
				  size - 4 - ref_len, bytes + 4, ref_len);
	free(plain);
	return 0;
}
