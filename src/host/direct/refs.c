/* The refs of a store, without a view: read once, given one by one. */
#include "host/direct/parts.h"

#include "core/err.h"
#include "core/id.h"
#include "store/store.h"

#include <stdlib.h>

struct vv_fs_refs {
	struct vv_ref_list list; /* owned */
	size_t taken;
	struct vv_fs_ref ref; /* what was given last */
	char tree[VV_ID_HEX_BYTES];
};

int vv_fs_refs_open(struct vv_fs_refs **out, const char *path)
{
	struct vv_fs_refs *refs = NULL;
	struct vv_store *store;
	size_t bad;
	int err = vv_direct_store_open(&store, path);

	*out = NULL;
	if (err)
		return err;
	refs = calloc(1, sizeof *refs);
	err = refs ? vv_ref_list_get(store, &refs->list, &bad) : VV_ENOMEM;
	vv_store_close(store);
	if (err)
		free(refs);
	else
		*out = refs;
	return err;
}

int vv_fs_refs_next(struct vv_fs_refs *refs, const struct vv_fs_ref **out)
{
	const struct vv_ref *next;

	*out = NULL;
	if (refs->taken == refs->list.count)
		return 0;
	next = &refs->list.items[refs->taken++];
	refs->ref = (struct vv_fs_ref){
		.name = next->name,
		.tree = vv_id_to_hex(&next->tree, refs->tree),
		.published_ns = next->published_ns,
		.files = next->files,
		.bytes = next->bytes,
	};
	*out = &refs->ref;
	return 1;
}

void vv_fs_refs_close(struct vv_fs_refs *refs)
{
	if (!refs)
		return;
	vv_ref_list_fini(&refs->list);
	free(refs);
}
