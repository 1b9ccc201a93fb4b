#include "source/gate.h"

int vv_source_gate_new(struct vv_source **out, struct vv_source *next,
		       vv_source_gate_fn gate, void *ctx)
{
	struct vv_source_hooks hooks = { .name = "gate", .ctx = ctx, .before = gate };

	return vv_source_hook_new(out, next, &hooks);
}
