#include "core/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

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

void vv_log(enum vv_log_level level, const char *format, ...)
{
	char line[VV_LOG_LINE_BYTES];
	va_list args;
	int len;

	if (!vv_log_wants(level))
		return;
	va_start(args, format);
	len = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (len < 0)
		return;
	make_one_line(line);
	current_sink(current_ctx, level, line);
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
