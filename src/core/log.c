#include "core/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static vv_log_sink current_sink;
static void *current_ctx; /* borrowed */
static atomic_int most_level = VV_LOG_INFO;

void vv_log_set_sink(vv_log_sink sink, void *ctx)
{
	current_sink = sink;
	current_ctx = ctx;
}

void vv_log_set_level(enum vv_log_level most)
{
	atomic_store_explicit(&most_level, (int)most, memory_order_relaxed);
}

bool vv_log_wants(enum vv_log_level level)
{
	return current_sink &&
	       (int)level <= atomic_load_explicit(&most_level, memory_order_relaxed);
}

/* UTF-8 passes; a terminal or a log collector acts on the control bytes only. */
static void make_one_line(char *line)
{
	for (; *line; line++) {
		unsigned char c = (unsigned char)*line;

		if (c < 0x20 || c == 0x7f)
			*line = '?';
	}
}

/* The end of @whole, @len bytes, in place of the end of @line, after an ellipsis. */
static void keep_end(char *line, size_t size, const char *whole, size_t len)
{
	static const char gap[] = " ... ";
	size_t tail = size / 2, begin = size - tail - sizeof gap;

	memcpy(line + begin, gap, sizeof gap - 1);
	memcpy(line + begin + sizeof gap - 1, whole + len - tail, tail + 1);
}

void vv_log_format(char *line, size_t size, const char *format, va_list args)
{
	va_list again;
	char *whole;
	int len;

	va_copy(again, args);
	len = vsnprintf(line, size, format, args);
	if (len < 0)
		*line = '\0';
	whole = len > 0 && (size_t)len >= size ? malloc((size_t)len + 1) : NULL;
	if (whole && vsnprintf(whole, (size_t)len + 1, format, again) == len)
		keep_end(line, size, whole, (size_t)len);
	free(whole);
	va_end(again);
	make_one_line(line);
}

static void log_list(enum vv_log_level level, const char *format, va_list args)
{
	char line[VV_LOG_LINE_BYTES];

	vv_log_format(line, sizeof line, format, args);
	current_sink(current_ctx, level, line);
}

void vv_log(enum vv_log_level level, const char *format, ...)
{
	va_list args;

	if (!vv_log_wants(level))
		return;
	va_start(args, format);
	log_list(level, format, args);
	va_end(args);
}

/* Two threads at the edge of a window may tell a line too many; none is lost uncounted. */
static bool may_tell(struct vv_log_limit *limit)
{
	long long window = (long long)time(NULL) / VV_LOG_WINDOW_S;

	if (atomic_exchange(&limit->window, window) != window)
		atomic_store(&limit->told, 0);
	if (atomic_fetch_add(&limit->told, 1) < VV_LOG_BURST)
		return true;
	atomic_fetch_add(&limit->dropped, 1);
	return false;
}

void vv_log_limited(struct vv_log_limit *limit, enum vv_log_level level,
		    const char *format, ...)
{
	unsigned dropped;
	va_list args;

	if (!vv_log_wants(level) || !may_tell(limit))
		return;
	dropped = atomic_exchange(&limit->dropped, 0);
	if (dropped)
		vv_log(level, "%u lines like the next were left out", dropped);
	va_start(args, format);
	log_list(level, format, args);
	va_end(args);
}

const char *vv_log_level_name(enum vv_log_level level)
{
	switch (level) {
	case VV_LOG_ERROR: return "error";
	case VV_LOG_WARN: return "warning";
	case VV_LOG_INFO: return "info";
	case VV_LOG_DEBUG: return "debug";
	}
	return "?";
}

void vv_log_to_file(void *ctx, enum vv_log_level level, const char *line)
{
	/* One call, so that lines of several threads do not mix. */
	fprintf(ctx, "varve: %s: %s\n", vv_log_level_name(level), line);
}
