#include "os/locale.h"

#include <stddef.h>

/* The libraries of this build take names as UTF-8 always: scripts/windows-deps sees to it. */

void vv_locale_init(struct vv_locale *locale)
{
	*locale = (struct vv_locale){ 0 };
}

void vv_locale_fini(struct vv_locale *locale)
{
	(void)locale;
}

void vv_locale_enter(struct vv_locale *locale)
{
	(void)locale;
}

void vv_locale_leave(struct vv_locale *locale)
{
	(void)locale;
}
