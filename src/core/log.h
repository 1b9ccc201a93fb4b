/*
 * log.h - where a detail is told once, by the code that knows it.
 *
 * An error code crosses module borders; the story (operation, name, id, source,
 * OS error) is logged at the place where it is known.  The program decides who
 * hears it by setting one sink; until it does, nothing is formatted and nothing
 * is written.
 *
 * A line is one line: it has no newline, control bytes of names are shown as
 * `?` so that a hostile name cannot forge a second line, and what does not fit
 * into VV_LOG_LINE_BYTES is cut out of its middle: the reason stands at its end.
 *
 * Ownership: the sink's context is borrowed for as long as the sink is set.
 * Threads: vv_log() on any thread, the sink is called on the same thread and
 *	must lock for itself.  Setting the sink: before other threads log, and
 *	again only after they have stopped.  The level may change at any time.
 */
#ifndef VV_CORE_LOG_H
#define VV_CORE_LOG_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum vv_log_level {
	VV_LOG_ERROR, /* data or a request was lost; someone must look */
	VV_LOG_WARN,  /* served, but not as intended: a retry, a fallback */
	VV_LOG_INFO,  /* what a user of the command line wants to see */
	VV_LOG_DEBUG, /* what only we want to see */
};

enum {
	VV_LOG_LINE_BYTES = 1024
}; /* with the final NUL */

/* @line is borrowed for the call. */
typedef void (*vv_log_sink)(void *ctx, enum vv_log_level level, const char *line);

void vv_log_set_sink(vv_log_sink sink, void *ctx); /* NULL: none, the default */
void vv_log_set_level(enum vv_log_level most);	   /* default VV_LOG_INFO */

/* For callers whose arguments are costly to prepare. */
bool vv_log_wants(enum vv_log_level level);

#if defined(__MINGW32__)
__attribute__((format(gnu_printf, 2, 3)))
#elif defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void vv_log(enum vv_log_level level, const char *format, ...);

/*
 * The same for a place that can be reached without end, such as a damaged object that is
 * read again and again: VV_LOG_BURST lines in VV_LOG_WINDOW_S seconds; how many were left
 * out is told with the next one.  One limit for each place: a zeroed static.
 */
enum {
	VV_LOG_BURST = 20,
	VV_LOG_WINDOW_S = 10
};
struct vv_log_limit {
	atomic_llong window;
	atomic_uint told, dropped;
};
#if defined(__MINGW32__)
__attribute__((format(gnu_printf, 3, 4)))
#elif defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void vv_log_limited(struct vv_log_limit *limit, enum vv_log_level level, const char *format, ...);

/* @format and @args to one line of at most @size bytes with the NUL, by the rules above. */
#if defined(__MINGW32__)
__attribute__((format(gnu_printf, 3, 0)))
#elif defined(__GNUC__)
__attribute__((format(printf, 3, 0)))
#endif
void vv_log_format(char *line, size_t size, const char *format, va_list args);

const char *vv_log_level_name(enum vv_log_level level); /* "error", "warning", ... */

/* A ready sink: "varve: error: line\n" to @ctx, which is a FILE *. */
void vv_log_to_file(void *ctx, enum vv_log_level level, const char *line);

#endif
