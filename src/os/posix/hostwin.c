#include "os/hostwin.h"

#include "core/err.h"

/* No such things here. */

int vv_hostwin_get(struct vv_hostdir *dir, const char *path, struct vv_hostwin *out)
{
	(void)dir;
	(void)path;
	*out = (struct vv_hostwin){ 0 };
	return VV_EOPNOTSUPP;
}

int vv_hostwin_set(struct vv_hostdir *dir, const char *name,
		   const struct vv_hostwin *info)
{
	(void)dir;
	(void)name;
	(void)info;
	return VV_EOPNOTSUPP;
}

int vv_hostwin_security_get(struct vv_hostdir *dir, const char *path, void *buf,
			    size_t cap, size_t *len)
{
	(void)dir;
	(void)path;
	(void)buf;
	(void)cap;
	*len = 0;
	return VV_EOPNOTSUPP;
}

int vv_hostwin_security_set(struct vv_hostdir *dir, const char *name, const void *value,
			    size_t len)
{
	(void)dir;
	(void)name;
	(void)value;
	(void)len;
	return VV_EOPNOTSUPP;
}

int vv_hostwin_link_get(struct vv_hostdir *dir, const char *path, void *buf, size_t cap,
			size_t *len)
{
	(void)dir;
	(void)path;
	(void)buf;
	(void)cap;
	*len = 0;
	return VV_EOPNOTSUPP;
}

int vv_hostwin_link_make(struct vv_hostdir *dir, const char *name, const void *value,
			 size_t len)
{
	(void)dir;
	(void)name;
	(void)value;
	(void)len;
	return VV_EOPNOTSUPP;
}

int vv_hostwin_dirlink_make(struct vv_hostdir *dir, const char *name,
			    const char *target)
{
	(void)dir;
	(void)name;
	(void)target;
	return VV_EOPNOTSUPP;
}

int vv_hostwin_stream_list(struct vv_hostdir *dir, const char *path, char *buf,
			   size_t cap, size_t *len)
{
	(void)dir;
	(void)path;
	(void)buf;
	(void)cap;
	*len = 0;
	return VV_EOPNOTSUPP;
}

int vv_hostwin_stream_open(struct vv_hostfile **out, struct vv_hostdir *dir,
			   const char *path, const char *stream)
{
	*out = NULL;
	(void)dir;
	(void)path;
	(void)stream;
	return VV_EOPNOTSUPP;
}

int vv_hostwin_stream_create(struct vv_hostfile **out, struct vv_hostdir *dir,
			     const char *name, const char *stream)
{
	*out = NULL;
	(void)dir;
	(void)name;
	(void)stream;
	return VV_EOPNOTSUPP;
}
