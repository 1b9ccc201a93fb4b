#include "cli/cli.h"

#include "core/err.h"
#include "core/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

/* Error lines of the library so far: a failure that was told is not told twice. */
static atomic_uint errors_told;

void vv_say_sink(void *ctx, enum vv_log_level level, const char *line)
{
	(void)ctx;
	if (level == VV_LOG_ERROR)
		atomic_fetch_add(&errors_told, 1);
	if (level <= VV_LOG_INFO)
		fprintf(stderr, "varve: %s%s\n",
			level == VV_LOG_WARN ? "warning: " : "", line);
}

void vv_say_start(void)
{
	vv_log_set_sink(vv_say_sink, NULL);
}

/* One write a message: lines of several threads and processes do not mix. */
__attribute__((format(printf, 2, 0))) static void
say_list(const char *tail, const char *format, va_list args)
{
	char line[VV_LOG_LINE_BYTES];

	vv_log_format(line, sizeof line, format, args);
	fprintf(stderr, "varve: %s%s\n", line, tail);
}

void vv_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_list("", format, args);
	va_end(args);
}

int vv_say_usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_list(" (see `varve help`)", format, args);
	va_end(args);
	return VV_EXIT_USAGE;
}

int vv_say_failed(int err, const char *format, ...)
{
	char line[VV_LOG_LINE_BYTES];
	va_list args;

	if (atomic_load(&errors_told))
		return VV_EXIT_FAILED;
	va_start(args, format);
	vv_log_format(line, sizeof line, format, args);
	va_end(args);
	vv_say("%s: %s", line, vv_err_text(err));
	return VV_EXIT_FAILED;
}
