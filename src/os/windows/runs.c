/* Runs of pages: Windows has no limit of mappings, so each is an allocation of the system. */
#include "os/runs.h"

#include "os/system.h"

void *vv_run_new(size_t size)
{
	return vv_pages_new(size);
}

void vv_run_free(void *run, size_t size)
{
	vv_pages_free(run, size);
}
