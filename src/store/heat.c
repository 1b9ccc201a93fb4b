#include "store/heat.h"

#include "core/err.h"
#include "format/profile.h"

#include <stdlib.h>
#include <string.h>

struct vv_heat_range {
	const char *path;    /* borrowed from the profile */
	uint64_t first, end; /* pages */
	uint32_t rank;
};

static int compare(const void *a, const void *b)
{
	const struct vv_heat_range *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	if (order)
		return order;
	return x->first < y->first ? -1 : x->first > y->first;
}

int vv_heat_init(struct vv_heat *heat, const struct vv_profile *profile)
{
	size_t uses = profile ? vv_profile_count(profile) : 0;

	*heat = (struct vv_heat){ .profile = profile };
	heat->ranges = calloc(uses + 1, sizeof *heat->ranges);
	if (!heat->ranges)
		return VV_ENOMEM;
	for (size_t i = 0; i < uses; i++) {
		const struct vv_profile_use *use = vv_profile_get(profile, i);

		if (use->kind == VV_USE_READ)
			heat->ranges[heat->count++] = (struct vv_heat_range){
				.path = vv_profile_path(profile, use),
				.first = use->first,
				.end = use->first + use->count,
				.rank = (uint32_t)i,
			};
	}
	if (heat->count)
		qsort(heat->ranges, heat->count, sizeof *heat->ranges, compare);
	return VV_OK;
}

void vv_heat_fini(struct vv_heat *heat)
{
	free(heat->ranges);
	*heat = (struct vv_heat){ 0 };
}

/* The first range whose path is @path or, if @after, behind it. */
static size_t search(const struct vv_heat *heat, const char *path, int after)
{
	size_t lo = 0, hi = heat->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(heat->ranges[mid].path, path) < after)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void vv_heat_file(struct vv_heat *heat, const char *path)
{
	heat->begin = search(heat, path, 0);
	heat->end = search(heat, path, 1);
}

uint32_t vv_heat_rank(const struct vv_heat *heat, uint64_t off, uint64_t len)
{
	uint64_t first = off / VV_PROFILE_PAGE;
	uint64_t end = (off + len + VV_PROFILE_PAGE - 1) / VV_PROFILE_PAGE;
	uint32_t rank = VV_HEAT_COLD;

	for (size_t i = heat->begin; i < heat->end && heat->ranges[i].first < end; i++)
		if (heat->ranges[i].end > first && heat->ranges[i].rank < rank)
			rank = heat->ranges[i].rank;
	return rank;
}
