#include "os/locale.h"

#include <locale.h>
#include <stddef.h>

void vv_locale_init(struct vv_locale *locale)
{
	locale->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	locale->before = NULL;
}

void vv_locale_fini(struct vv_locale *locale)
{
	if (locale->utf8)
		freelocale(locale->utf8);
	locale->utf8 = NULL;
}

void vv_locale_enter(struct vv_locale *locale)
{
	if (locale->utf8)
		locale->before = uselocale(locale->utf8);
}

void vv_locale_leave(struct vv_locale *locale)
{
	if (locale->utf8)
		uselocale(locale->before);
}
