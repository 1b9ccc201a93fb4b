#include "cli/cli.h"

#include "core/utf.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum {
	HUMAN = 32
};

const char *vv_human_bytes(char *buf, uint64_t bytes)
{
	static const char *const units[] = { "B",   "KiB", "MiB", "GiB",
					     "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	unsigned unit = 0;

	while (value >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
		value /= 1024;
		unit++;
	}
	snprintf(buf, HUMAN, unit && value < 100 ? "%.1f %s" : "%.0f %s", value,
		 units[unit]);
	return buf;
}

const char *vv_human_seconds(char *buf, double seconds)
{
	unsigned whole = seconds < 0	 ? 0
			 : seconds > 1e9 ? 1000000000
					 : (unsigned)seconds;

	if (seconds < 10)
		snprintf(buf, HUMAN, "%.1f s", seconds);
	else if (whole < 60)
		snprintf(buf, HUMAN, "%u s", whole);
	else if (whole < 3600)
		snprintf(buf, HUMAN, "%um%02us", whole / 60, whole % 60);
	else
		snprintf(buf, HUMAN, "%uh%02um", whole / 3600, whole / 60 % 60);
	return buf;
}

const char *vv_human_date(char *buf, int64_t ns)
{
	time_t t = (time_t)(ns / 1000000000);
	const struct tm *tm = localtime(&t); /* shared, but only one thread prints */

	if (!tm || !strftime(buf, HUMAN, "%Y-%m-%d %H:%M", tm))
		snprintf(buf, HUMAN, "?");
	return buf;
}

void vv_print_json_text(const char *text, size_t len)
{
	putchar('"');
	while (len) {
		uint32_t code;
		size_t used = vv_utf_decode(text, len, &code);

		if (used == 0 || vv_utf_is_surrogate(code)) {
			used = used ? used : 1;
			printf("\\ufffd");
		} else if (code < 0x20 || code == '"' || code == '\\') {
			printf("\\u%04x", (unsigned)code);
		} else {
			fwrite(text, 1, used, stdout);
		}
		text += used;
		len -= used;
	}
	putchar('"');
}
