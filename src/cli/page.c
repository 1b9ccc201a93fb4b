#include "cli/page.h"

#include "cli/cli.h"
#include "cli/matrix.h"
#include "core/err.h"
#include "core/utf.h"
#include "store/sharing.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char head[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>Varve store</title>\n"
	"<style>\n"
	":root { color-scheme: light dark; --page: #faf9f6; --card: #ffffff; --text: #24272c; --dim: #676d77;\n"
	"  --line: #e2ded6; --hot: #a8431b; --own: #a8431b; --shared: #e4bfa6; --on-hot: #ffffff; }\n"
	"@media (prefers-color-scheme: dark) { :root { --page: #17191c; --card: #1f2226; --text: #e3e4e6; --dim: #979da7;\n"
	"  --line: #34383e; --hot: #f0915f; --own: #f0915f; --shared: #6d4836; --on-hot: #17191c; } }\n"
	"body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.5rem 4rem; background: var(--page); color: var(--text);\n"
	"  font: 15px/1.5 system-ui, sans-serif; }\n"
	"h1 { font-size: 1.5rem; margin: 0 0 1rem; } h2 { font-size: 1.1rem; margin: 0; }\n"
	"section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1.2rem;\n"
	"  margin: 1.2rem 0; overflow-x: auto; }\n"
	"p { color: var(--dim); margin: .2rem 0 1rem; max-width: 60rem; } .bad { color: var(--hot); }\n"
	"dl { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; margin: 0; } dt { color: var(--dim); font-size: 13px; }\n"
	"dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }\n"
	"table { border-collapse: collapse; font-variant-numeric: tabular-nums; }\n"
	"th, td { text-align: right; padding: .2rem .8rem; border-bottom: 1px solid var(--line); white-space: nowrap; }\n"
	"th:first-child, td:first-child, th:last-child, td:last-child { text-align: left; }\n"
	"th { color: var(--dim); font-weight: 500; }\n"
	"svg { display: block; } svg text { font: 12px system-ui, sans-serif; fill: var(--text); }\n"
	"svg .dim { fill: var(--dim); } svg .in { font-size: 11px; text-anchor: middle; } svg .on { fill: var(--on-hot); }\n"
	"svg .end { text-anchor: end; } svg .hot { fill: var(--hot); } svg .self { fill: var(--line); }\n"
	"svg .own { fill: var(--own); } svg .shared { fill: var(--shared); } svg .rule { stroke: var(--line); }\n"
	"</style></head><body>\n"
	"<h1>Varve store</h1>\n";

/* ---- text ---- */

/* XML forbids most control characters, and pages U+FFFE and U+FFFF as well. */
static bool may_stand(uint32_t code)
{
	return code >= 0x20 && (code < 0x7f || code > 0x9f) &&
	       !vv_utf_is_surrogate(code) && (code & 0xfffe) != 0xfffe;
}

/* Marks that turn the direction of the text around them. */
static bool turns_text(uint32_t code)
{
	return (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

void vv_page_text(FILE *out, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		uint32_t code;
		size_t used = vv_utf_decode(text, len, &code);

		if (used == 0 || !may_stand(code) || turns_text(code))
			fputs("\xef\xbf\xbd", out);
		else if (strchr("&<>\"'", (int)code & 0x7f) && code < 0x80)
			fprintf(out, "&#%u;", (unsigned)code);
		else
			fwrite(text, 1, used, out);
		used = used ? used : 1;
		text += used;
		len -= used;
	}
}

/* ---- the figures on top ---- */

static void figure(FILE *out, const char *what, const char *value)
{
	fprintf(out, "<div><dt>%s</dt><dd>%s</dd></div>\n", what, value);
}

static void bytes_figure(FILE *out, const char *what, uint64_t bytes)
{
	char text[32];

	figure(out, what, vv_human_bytes(text, bytes));
}

static void summary(FILE *out, const struct vv_usage *usage)
{
	char text[32];

	fputs("<section><dl>\n", out);
	snprintf(text, sizeof text, "%zu", usage->refs.count);
	figure(out, "refs", text);
	bytes_figure(out, "as plain files", usage->raw_bytes);
	bytes_figure(out, "in the store", usage->store_bytes);
	if (usage->raw_bytes) {
		snprintf(text, sizeof text, "%.1f %%",
			 100.0 * (double)usage->store_bytes / (double)usage->raw_bytes);
		figure(out, "of plain files", text);
	}
	bytes_figure(out, "needed by refs", usage->needed_bytes);
	bytes_figure(out, "garbage", usage->garbage_bytes);
	fputs("</dl></section>\n", out);
	if (usage->bad_refs)
		fprintf(out,
			"<p class=\"bad\">%zu refs cannot be read and are not shown: run varve verify.</p>\n",
			usage->bad_refs);
}

/* ---- the table below ---- */

static void cell(FILE *out, uint64_t bytes)
{
	char text[32];

	fprintf(out, "<td>%s</td>", vv_human_bytes(text, bytes));
}

static void row(FILE *out, const struct vv_sharing *s, size_t ref, const bool *all)
{
	const struct vv_ref *r = &s->usage.refs.items[ref];
	const struct vv_ref_usage *u = &s->usage.items[ref];
	char date[32];
	size_t near;

	fputs("<tr><td>", out);
	vv_page_text(out, r->name);
	fprintf(out, "</td><td>%s</td><td>%" PRIu64 "</td>",
		vv_human_date(date, r->published_ns), r->files);
	cell(out, u->raw_bytes);
	cell(out, u->needed_bytes);
	cell(out, u->own_bytes);
	fputs("<td>", out);
	if (u->err || u->lost_blobs) {
		fputs("<span class=\"bad\">damaged: run varve verify</span>", out);
	} else if (vv_nearest_refs(s, ref, all, &near, 1)) {
		vv_page_text(out, s->usage.refs.items[near].name);
		fprintf(out, ", %.0f %%", 100 * vv_sharing_likeness(s, ref, near));
	}
	fputs("</td></tr>\n", out);
}

static void table(FILE *out, const struct vv_sharing *s, const size_t *by_time,
		  const bool *all)
{
	fputs("<section><h2>Refs in the order of publishing</h2>\n"
	      "<p>Own bytes go with the ref; the others are shared.</p><table>\n"
	      "<tr><th>ref</th><th>published</th><th>files</th><th>plain</th><th>stored</th><th>own</th>"
	      "<th>shares most with</th></tr>\n",
	      out);
	for (size_t i = 0; i < s->usage.refs.count; i++)
		row(out, s, by_time[i], all);
	fputs("</table></section>\n", out);
}

/* ---- the page ---- */

struct moment {
	int64_t ns;
	size_t ref;
};

static int compare_moments(const void *a, const void *b)
{
	const struct moment *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns < y->ns ? -1 : 1;
	return (x->ref > y->ref) - (x->ref < y->ref);
}

static int sort_by_time(const struct vv_ref_list *refs, size_t *by_time)
{
	struct moment *moments = calloc(refs->count + 1, sizeof *moments);

	if (!moments)
		return VV_ENOMEM;
	for (size_t i = 0; i < refs->count; i++)
		moments[i] = (struct moment){ refs->items[i].published_ns, i };
	qsort(moments, refs->count, sizeof *moments, compare_moments);
	for (size_t i = 0; i < refs->count; i++)
		by_time[i] = moments[i].ref;
	free(moments);
	return VV_OK;
}

static int write_all(FILE *out, const struct vv_sharing *s, const size_t *by_time,
		     const bool *all)
{
	int err;

	fputs(head, out);
	summary(out, &s->usage);
	fputs("<section><h2>What each two refs share</h2>\n"
	      "<p>Stored bytes that both need, in percent of what the smaller one needs. Refs that share most are neighbours.</p>\n",
	      out);
	vv_chart_pairs(out, s);
	fputs("</section><section><h2>What each ref costs</h2>\n"
	      "<p>Strong colour: its own, freed when it goes. Pale: shared with others.</p>\n",
	      out);
	vv_chart_costs(out, s);
	fputs("</section><section><h2>How the store grew</h2>\n"
	      "<p>The refs that are there now, in the order of publishing: bars are what each brought that those before it had not; "
	      "the steps are the sum.</p>\n",
	      out);
	err = vv_chart_growth(out, s, by_time);
	fputs("</section>\n", out);
	table(out, s, by_time, all);
	fputs("</body></html>\n", out);
	return err;
}

int vv_page_write(FILE *out, const struct vv_sharing *s)
{
	size_t count = s->usage.refs.count;
	size_t *by_time = calloc(count + 1, sizeof *by_time);
	bool *all = calloc(count + 1, sizeof *all);
	int err = by_time && all ? sort_by_time(&s->usage.refs, by_time) : VV_ENOMEM;

	if (!err) {
		memset(all, true, count);
		err = write_all(out, s, by_time, all);
	}
	free(by_time);
	free(all);
	return err;
}
