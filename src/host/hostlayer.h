/*
 * hostlayer.h - host directories as layers of a view: os/hostdir.h in the shape that
 * the view asks for.
 *
 * Threads: any.
 */
#ifndef VV_HOST_HOSTLAYER_H
#define VV_HOST_HOSTLAYER_H

#include "vfs/view.h"

extern const struct vv_host_ops vv_hostlayer_ops;

#endif
