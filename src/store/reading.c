#include "store/reading.h"

#include "cache/budget.h"
#include "cache/frame_cache.h"
#include "os/system.h"
#include "store/reader.h"

int vv_reading_open(struct vv_reading *out, struct vv_store *store, size_t budget_bytes)
{
	static const struct vv_page_ops pages = { vv_pages_new, vv_pages_free };
	int err;

	*out = (struct vv_reading){ 0 };
	err = vv_budget_new(&out->budget, budget_bytes);
	if (!err)
		err = vv_frame_cache_new(&out->cache, out->budget, &pages);
	if (!err)
		err = vv_reader_new(&out->reader, store, out->cache, out->budget);
	if (err)
		vv_reading_close(out);
	return err;
}

void vv_reading_close(struct vv_reading *reading)
{
	vv_reader_free(reading->reader);
	vv_frame_cache_free(reading->cache);
	vv_budget_free(reading->budget);
	*reading = (struct vv_reading){ 0 };
}
