/*
 * Any bytes: the filter comes back from both sides, and neither leaves the buffer.
 */
#include "codec/branch.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size); /* so that a byte beyond it is noticed */

	if (!copy || !size) {
		free(copy);
		return 0;
	}
	memcpy(copy, bytes, size);
	vv_branch_encode(copy, size);
	vv_branch_decode(copy, size);
	if (memcmp(copy, bytes, size) != 0)
		abort();
	vv_branch_decode(copy, size);
	vv_branch_encode(copy, size);
	if (memcmp(copy, bytes, size) != 0)
		abort();
	free(copy);
	return 0;
}
