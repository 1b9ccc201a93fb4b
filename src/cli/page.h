/*
 * page.h - the page of `varve report`: HTML and SVG in one file, without scripts and
 * without anything that has to be loaded.
 *
 * Names of refs are text of strangers: they are escaped, and what is not Unicode or may
 * not stand in a page becomes U+FFFD.  Colours follow the reader's choice of a light or
 * a dark page.
 *
 * Threads: the main thread.
 */
#ifndef VV_CLI_PAGE_H
#define VV_CLI_PAGE_H

#include <stdio.h>

struct vv_sharing;

/* VV_ENOMEM; errors of the file are left to the caller (ferror). */
int vv_page_write(FILE *out, const struct vv_sharing *s);

/* @text as it may stand in an element or an attribute. */
void vv_page_text(FILE *out, const char *text);

/* The drawings, each an <svg>.  @by_time: the refs in the order of publishing. */
void vv_chart_pairs(FILE *out, const struct vv_sharing *s);
void vv_chart_costs(FILE *out, const struct vv_sharing *s);
int vv_chart_growth(FILE *out, const struct vv_sharing *s, const size_t *by_time);

#endif
