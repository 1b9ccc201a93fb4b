#include "os/locale.h"

#include <stddef.h>

/* Names are converted by the header charset; no thread has a locale of its own here. */

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

const char *vv_locale_header_charset(void)
{
	return "UTF-8";
}
