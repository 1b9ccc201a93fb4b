#include "host/lease.h"

#include "core/err.h"
#include "core/log.h"
#include "os/system.h"
#include "store/intent.h"

#include <stdlib.h>
#include <string.h>

/* On a full disk every attempt fails and says so: not three times a second. */
#define RETRY_NS UINT64_C(10000000000)

int vv_tree_set_add(struct vv_tree_set *set, const struct vv_id *id)
{
	if (set->count == set->cap) {
		size_t cap = set->cap ? set->cap * 2 : 64;
		struct vv_id *bigger = realloc(set->ids, cap * sizeof *bigger);

		if (!bigger)
			return VV_ENOMEM;
		set->ids = bigger;
		set->cap = cap;
	}
	set->ids[set->count++] = *id;
	return VV_OK;
}

void vv_tree_set_fini(struct vv_tree_set *set)
{
	free(set->ids);
	*set = (struct vv_tree_set){ 0 };
}

static int compare_ids(const void *a, const void *b)
{
	return vv_id_cmp(a, b);
}

static bool has_id(const struct vv_id *ids, size_t count, const struct vv_id *id)
{
	return count && bsearch(id, ids, count, sizeof *ids, compare_ids);
}

/* Sorted, each once. */
static void normalise(struct vv_tree_set *set)
{
	size_t kept = 0;

	if (set->count)
		qsort(set->ids, set->count, sizeof(set->ids[0]), compare_ids);
	for (size_t i = 0; i < set->count; i++) {
		if (kept == 0 || !vv_id_equal(&set->ids[kept - 1], &set->ids[i]))
			set->ids[kept++] = set->ids[i];
	}
	set->count = kept;
}

static void tell(struct vv_lease *lease, int err)
{
	bool is_news = err && !lease->failed_ns;

	lease->failed_ns = err ? vv_clock_ns() : 0;
	if (is_news)
		vv_log(VV_LOG_WARN,
		       "the mount '%s' cannot write its lease (%s): `varve gc` may remove "
		       "what it shows once a ref has moved",
		       lease->mount, vv_err_text(err));
}

static int open_record(struct vv_lease *lease)
{
	int err = vv_announce_open(&lease->record, lease->store, VV_ANNOUNCE_LEASE,
				   lease->mount);

	for (size_t i = 0; !err && i < lease->count; i++)
		err = vv_announce_tree(lease->record, &lease->trees[i]);
	return err;
}

void vv_lease_init(struct vv_lease *lease, struct vv_store *store, const char *mount)
{
	*lease = (struct vv_lease){ .store = store, .mount = mount ? mount : "" };
	tell(lease, open_record(lease));
}

void vv_lease_fini(struct vv_lease *lease)
{
	vv_announce_close(lease->record);
	free(lease->trees);
	*lease = (struct vv_lease){ 0 };
}

/* The names of @set become those of the lease. */
static int replace(struct vv_lease *lease, const struct vv_tree_set *set)
{
	struct vv_id *trees = malloc((set->count + 1) * sizeof *trees);
	int err = VV_OK;

	if (!trees)
		return VV_ENOMEM;
	if (set->count)
		memcpy(trees, set->ids, set->count * sizeof *trees);
	for (size_t i = 0; lease->record && !err && i < set->count; i++) {
		if (!has_id(lease->trees, lease->count, &trees[i]))
			err = vv_announce_tree(lease->record, &trees[i]);
	}
	for (size_t i = 0; lease->record && !err && i < lease->count; i++) {
		if (!has_id(trees, set->count, &lease->trees[i]))
			err = vv_announce_forget_tree(lease->record, &lease->trees[i]);
	}
	free(lease->trees);
	lease->trees = trees;
	lease->count = set->count;
	return err;
}

static void flush(struct vv_lease *lease)
{
	if (lease->record)
		tell(lease, vv_announce_flush(lease->record));
}

void vv_lease_renew(struct vv_lease *lease)
{
	if (!lease->failed_ns || vv_clock_ns() - lease->failed_ns >= RETRY_NS)
		flush(lease);
}

void vv_lease_keep(struct vv_lease *lease, struct vv_tree_set *set)
{
	int err;

	normalise(set);
	err = replace(lease, set);
	if (err)
		tell(lease, err);
	else
		flush(lease);
}

void vv_lease_add(struct vv_lease *lease, struct vv_tree_set *set)
{
	int err = VV_OK;

	for (size_t i = 0; !err && i < lease->count; i++)
		err = vv_tree_set_add(set, &lease->trees[i]);
	if (err)
		tell(lease, err);
	else
		vv_lease_keep(lease, set);
}

void vv_lease_check(struct vv_lease *lease)
{
	int err;

	if (lease->record && vv_announce_check(lease->record) != VV_ESTALE)
		return;
	vv_announce_close(lease->record);
	lease->record = NULL;
	err = open_record(lease);
	if (!err)
		err = vv_announce_flush(lease->record);
	tell(lease, err);
}
