#include "cli/cli.h"

#include "os/console.h"
#include "os/system.h"

#include <stdio.h>
#include <string.h>

void vv_progress_start(struct vv_progress *p, const char *verb)
{
	*p = (struct vv_progress){ .verb = verb,
				   .started_ns = vv_clock_ns(),
				   .is_on = vv_console_is_watched() };
}

static void draw(struct vv_progress *p, const char *line)
{
	unsigned width = (unsigned)strlen(line);
	unsigned blanks = p->width > width ? p->width - width : 0;

	fprintf(stderr, "\r%s%*s", line, (int)blanks, "");
	fflush(stderr);
	p->width = width;
}

void vv_progress_show(struct vv_progress *p, uint64_t done, uint64_t total,
		      const char *detail)
{
	char bytes[32], all[32], rate[32], left[32], line[256], share[80] = "";
	uint64_t now;
	double seconds;

	if (!p->is_on)
		return;
	now = vv_clock_ns();
	if (p->drawn_ns && now - p->drawn_ns < 100000000)
		return;
	p->drawn_ns = now;
	seconds = (double)(now - p->started_ns) / 1e9 + 1e-9;
	if (total && done)
		snprintf(share, sizeof share, " of %s, %s left",
			 vv_human_bytes(all, total),
			 vv_human_seconds(
				 left, done < total ? seconds * (double)(total - done) /
							      (double)done
						    : 0));
	snprintf(line, sizeof line, "%s: %s%s, %s/s%s%s", p->verb,
		 vv_human_bytes(bytes, done), share,
		 vv_human_bytes(rate, (uint64_t)((double)done / seconds)),
		 detail ? ", " : "", detail ? detail : "");
	draw(p, line);
}

void vv_progress_end(struct vv_progress *p)
{
	if (p->is_on && p->width)
		fprintf(stderr, "\r%*s\r", (int)p->width, "");
	p->width = 0;
}
