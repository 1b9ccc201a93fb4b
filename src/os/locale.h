/*
 * locale.h - libraries that convert names by the locale of the calling thread are
 * called in one that knows UTF-8.
 *
 * Without it libarchive turns every name that is not ASCII into question marks when the
 * user's locale is `C`, which is what services and containers run in.
 *
 * Threads: any; it is the thread's own locale that changes, between enter and leave.
 */
#ifndef VV_OS_LOCALE_H
#define VV_OS_LOCALE_H

struct vv_locale {
	void *utf8;   /* owned; NULL: the system has none, and nothing changes */
	void *before; /* between enter and leave */
};

void vv_locale_init(struct vv_locale *locale);
void vv_locale_fini(struct vv_locale *locale); /* a zeroed one is fine */
void vv_locale_enter(struct vv_locale *locale);
void vv_locale_leave(struct vv_locale *locale);

#endif
