#include "host/fuse/cover.h"

#include "core/err.h"
#include "fuse/codec.h"

/*
 * Not those that come through something open: who has it open has passed here before,
 * and no path walk would try them again.
 */
int vv_fuse_cover_enter(struct vv_fuse_cover *cover, const struct vv_fuse_request *req)
{
	switch (req->header.opcode) {
	case VV_FUSE_LOOKUP:
	case VV_FUSE_GETATTR:
	case VV_FUSE_OPENDIR:
	case VV_FUSE_GETXATTR:
	case VV_FUSE_LISTXATTR:
	case VV_FUSE_STATFS:
		return cover->enter(cover, req->header.nodeid, req->header.pid);
	}
	return VV_OK;
}
