#include "cli/page.h"

#include "cli/cli.h"
#include "core/arith.h"
#include "core/err.h"
#include "core/utf.h"
#include "store/sharing.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	LETTER = 7,	    /* width of one, about */
	LABEL_MAX = 28,	    /* letters of a name; the rest is in its title */
	PAIRS_WIDTH = 1000, /* of the map, at most, while cells are above CELL_MIN */
	CELL_MIN = 3,
	CELL_MAX = 38,
	CELL_FOR_TEXT = 24,  /* smaller ones have no numbers in them */
	SHADES = 24,	     /* of a map without titles */
	CELL_FOR_LABEL = 12, /* and lines below that no names */
	BAR = 18,
	BARS_WIDTH = 640,
	GROWTH_WIDTH = 1000,
	GROWTH_HEIGHT = 260,
	GROWTH_NAMES = 32, /* more bars have their names in titles only */
};

static const char *name_of(const struct vv_sharing *s, size_t ref)
{
	return s->usage.refs.items[ref].name;
}

/* ---- labels ---- */

/* A name for a label: its end if it is long, since versions stand there. */
static void label(FILE *out, const char *name)
{
	size_t len = strlen(name);
	const char *from = name;

	if (len > LABEL_MAX) {
		from = name + len - (LABEL_MAX - 1);
		while ((*from & 0xc0) == 0x80)
			from++; /* not in the middle of a letter */
		fputs("\xe2\x80\xa6", out);
	}
	vv_page_text(out, from);
}

static unsigned label_width(const struct vv_sharing *s)
{
	size_t longest = 4;

	for (size_t i = 0; i < s->usage.refs.count; i++)
		longest = vv_max_size(longest, strlen(name_of(s, i)));
	return (unsigned)vv_min_size(longest, LABEL_MAX) * LETTER + 16;
}

static void begin_svg(FILE *out, unsigned width, unsigned height)
{
	fprintf(out, "<svg width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\">\n", width,
		height, width, height);
}

/* ---- pairs ---- */

struct map {
	const struct vv_sharing *s;
	unsigned cell, left, top;
	bool has_text, has_labels;
};

static void pair_title(FILE *out, const struct vv_sharing *s, size_t a, size_t b)
{
	char shared[32], one[32], two[32];

	fputs("<title>", out);
	vv_page_text(out, name_of(s, a));
	fprintf(out, " (%s) and ", vv_human_bytes(one, vv_sharing_bytes(s, a, a)));
	vv_page_text(out, name_of(s, b));
	fprintf(out, " (%s): %s shared</title>",
		vv_human_bytes(two, vv_sharing_bytes(s, b, b)),
		vv_human_bytes(shared, vv_sharing_bytes(s, a, b)));
}

static void draw_pair(FILE *out, const struct map *m, size_t row, size_t column)
{
	size_t a = m->s->order[row], b = m->s->order[column];
	double like = vv_sharing_likeness(m->s, a, b);
	unsigned x = m->left + (unsigned)column * m->cell;
	unsigned y = m->top + (unsigned)row * m->cell;
	unsigned size = m->cell > 8 ? m->cell - 1 : m->cell;

	if (row != column && like < 0.005)
		return;
	fprintf(out, "<g><rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" ", x, y,
		size, size);
	if (row == column)
		fputs("class=\"self\"/>", out);
	else
		fprintf(out, "class=\"hot\" fill-opacity=\"%.2f\"/>",
			0.06 + 0.94 * like);
	if (m->has_text && row != column)
		fprintf(out, "<text class=\"in%s\" x=\"%u\" y=\"%u\">%.0f</text>",
			like > 0.65 ? " on" : "", x + m->cell / 2, y + m->cell / 2 + 4,
			100 * like);
	pair_title(out, m->s, a, b);
	fputs("</g>\n", out);
}

static unsigned shade_of(double like)
{
	return (unsigned)(like * SHADES + 0.5);
}

/* All small cells of one shade are one shape: a page of hundreds of refs stays small. */
static void draw_shade(FILE *out, const struct map *m, unsigned shade)
{
	size_t count = m->s->usage.refs.count;

	fprintf(out, "<path class=\"hot\" fill-opacity=\"%.2f\" d=\"",
		0.06 + 0.94 * shade / SHADES);
	for (size_t row = 0; row < count; row++)
		for (size_t column = 0; column < count; column++)
			if (row != column &&
			    shade_of(vv_sharing_likeness(m->s, m->s->order[row],
							 m->s->order[column])) == shade)
				fprintf(out, "M%u %uh%uv%uh-%uz",
					m->left + (unsigned)column * m->cell,
					m->top + (unsigned)row * m->cell, m->cell,
					m->cell, m->cell);
	fputs("\"/>\n", out);
}

static void draw_names(FILE *out, const struct map *m)
{
	for (size_t i = 0; i < m->s->usage.refs.count; i++) {
		const char *name = name_of(m->s, m->s->order[i]);
		unsigned middle = (unsigned)i * m->cell + m->cell / 2;

		fprintf(out, "<text class=\"end\" x=\"%u\" y=\"%u\">", m->left - 8,
			m->top + middle + 4);
		label(out, name);
		fprintf(out, "</text><text transform=\"translate(%u %u) rotate(-55)\">",
			m->left + middle + 4, m->top - 6);
		label(out, name);
		fputs("</text>\n", out);
	}
}

void vv_chart_pairs(FILE *out, const struct vv_sharing *s)
{
	size_t count = s->usage.refs.count;
	struct map m = { .s = s, .left = 4, .top = 4 };
	unsigned right = 4;

	m.cell = (unsigned)(PAIRS_WIDTH / (count ? count : 1));
	m.cell = m.cell > CELL_MAX ? CELL_MAX : m.cell < CELL_MIN ? CELL_MIN : m.cell;
	m.has_text = m.cell >= CELL_FOR_TEXT;
	m.has_labels = m.cell >= CELL_FOR_LABEL;
	if (m.has_labels) {
		m.left = label_width(s);
		m.top = m.left * 5 / 6; /* slanted */
		right = m.left * 3 / 5;
	}
	begin_svg(out, m.left + (unsigned)count * m.cell + right,
		  m.top + (unsigned)count * m.cell + 4);
	if (m.has_labels)
		draw_names(out, &m);
	for (unsigned shade = 1; !m.has_labels && shade <= SHADES; shade++)
		draw_shade(out, &m, shade);
	for (size_t row = 0; m.has_labels && row < count; row++)
		for (size_t column = 0; column < count; column++)
			draw_pair(out, &m, row, column);
	fputs("</svg>\n", out);
}

/* ---- costs ---- */

static void draw_cost(FILE *out, const struct vv_sharing *s, size_t ref, unsigned left,
		      unsigned y, double scale)
{
	const struct vv_ref_usage *u = &s->usage.items[ref];
	double own = (double)u->own_bytes * scale;
	double shared = (double)u->shared_bytes * scale;
	char needed[32], alone[32], raw[32];

	fprintf(out, "<g><text class=\"end\" x=\"%u\" y=\"%u\">", left - 8, y + 13);
	label(out, name_of(s, ref));
	fprintf(out,
		"</text><rect class=\"own\" x=\"%u\" y=\"%u\" width=\"%.1f\" height=\"%u\"/>"
		"<rect class=\"shared\" x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%u\"/>",
		left, y + 2, own, BAR - 4, left + own, y + 2, shared, BAR - 4);
	fprintf(out, "<text class=\"dim\" x=\"%.1f\" y=\"%u\">%s, %s own</text><title>",
		left + own + shared + 8, y + 13,
		vv_human_bytes(needed, u->needed_bytes),
		vv_human_bytes(alone, u->own_bytes));
	vv_page_text(out, name_of(s, ref));
	fprintf(out, ": %s as plain files</title></g>\n",
		vv_human_bytes(raw, u->raw_bytes));
}

void vv_chart_costs(FILE *out, const struct vv_sharing *s)
{
	size_t count = s->usage.refs.count;
	unsigned left = label_width(s), y = 0;
	uint64_t most = 1;

	for (size_t i = 0; i < count; i++)
		most = vv_max_u64(most, s->usage.items[i].needed_bytes);
	begin_svg(out, left + BARS_WIDTH + 180, (unsigned)count * BAR + 4);
	for (size_t i = 0; i < count; i++, y += BAR)
		draw_cost(out, s, s->order[i], left, y, BARS_WIDTH / (double)most);
	fputs("</svg>\n", out);
}

/* ---- growth ---- */

/* Which of the refs came first of those that need a set: it brought the set's bytes. */
static void add_sets(const struct vv_usage *usage, const size_t *rank, uint64_t *added)
{
	for (size_t i = 1; i < usage->set_count; i++) {
		const struct vv_usage_set *set = &usage->sets[i];
		uint64_t bytes = set->bytes;
		size_t first = rank[set->ref];

		for (; set->parent; set = &usage->sets[set->parent])
			first = vv_min_size(first, rank[usage->sets[set->parent].ref]);
		added[first] += bytes;
	}
}

static void add_trees(const struct vv_usage *usage, const size_t *by_time,
		      uint64_t *added)
{
	const struct vv_ref *refs = usage->refs.items;

	for (size_t i = 0; i < usage->refs.count; i++) {
		bool is_new = true;

		for (size_t j = 0; j < i && is_new; j++)
			is_new = !vv_id_equal(&refs[by_time[i]].tree,
					      &refs[by_time[j]].tree);
		if (is_new)
			added[i] += usage->items[by_time[i]].tree_bytes;
	}
}

/* Lines at a whole number of a power of two of bytes, four to eight of them. */
static void draw_scale(FILE *out, uint64_t top, unsigned left)
{
	uint64_t step = 1;
	char text[32];

	while (top / step > 8)
		step *= 2;
	for (uint64_t n = 0; n <= top; n += step) {
		unsigned y = (unsigned)(8 + GROWTH_HEIGHT -
					GROWTH_HEIGHT * (double)n / (double)top);

		fprintf(out,
			"<line class=\"rule\" x1=\"%u\" y1=\"%u\" x2=\"%u\" y2=\"%u\"/>"
			"<text class=\"dim end\" x=\"%u\" y=\"%u\">%s</text>\n",
			left, y, left + GROWTH_WIDTH, y, left - 8, y + 4,
			vv_human_bytes(text, n));
	}
}

static void draw_growth_names(FILE *out, const struct vv_sharing *s,
			      const size_t *by_time, double left, double step,
			      unsigned y)
{
	for (size_t i = 0; i < s->usage.refs.count; i++) {
		fprintf(out,
			"<text class=\"end\" transform=\"translate(%.1f %u) rotate(-45)\">",
			left + ((double)i + 0.5) * step + 4, y);
		label(out, name_of(s, by_time[i]));
		fputs("</text>\n", out);
	}
}

static void draw_growth(FILE *out, const struct vv_sharing *s, const size_t *by_time,
			const uint64_t *added, uint64_t all)
{
	size_t count = s->usage.refs.count;
	double step = GROWTH_WIDTH / (double)count, scale = GROWTH_HEIGHT / (double)all;
	const unsigned bottom = 8 + GROWTH_HEIGHT;
	bool has_names = count <= GROWTH_NAMES;
	unsigned names = has_names ? label_width(s) : 0;
	unsigned left = names > 80 ? names : 80;
	uint64_t sum = 0;
	char bytes[32], total[32], date[32];

	begin_svg(out, left + GROWTH_WIDTH + 20, bottom + 30 + names * 3 / 4);
	if (has_names)
		draw_growth_names(out, s, by_time, left, step, bottom + 34);
	draw_scale(out, all, left);
	for (size_t i = 0; i < count; i++) {
		double x = left + (double)i * step, high = (double)added[i] * scale;

		sum += added[i];
		fprintf(out,
			"<g><rect class=\"shared\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>"
			"<rect class=\"own\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"2\"/><title>",
			x + step * 0.1, bottom - high, step * 0.8, high, x,
			bottom - (double)sum * scale - 1, step + 0.5);
		vv_page_text(out, name_of(s, by_time[i]));
		fprintf(out, ", %s: %s more, %s in all</title></g>\n",
			vv_human_date(date,
				      s->usage.refs.items[by_time[i]].published_ns),
			vv_human_bytes(bytes, added[i]), vv_human_bytes(total, sum));
	}
	fprintf(out, "<text class=\"dim\" x=\"%u\" y=\"%u\">%s</text>", left,
		bottom + 20,
		vv_human_date(date, s->usage.refs.items[by_time[0]].published_ns));
	fprintf(out, "<text class=\"dim end\" x=\"%u\" y=\"%u\">%s</text></svg>\n",
		left + GROWTH_WIDTH, bottom + 20,
		vv_human_date(date,
			      s->usage.refs.items[by_time[count - 1]].published_ns));
}

int vv_chart_growth(FILE *out, const struct vv_sharing *s, const size_t *by_time)
{
	size_t count = s->usage.refs.count;
	uint64_t *added = calloc(count + 1, sizeof *added), all = 0;
	size_t *rank = calloc(count + 1, sizeof *rank);
	int err = added && rank ? VV_OK : VV_ENOMEM;

	for (size_t i = 0; !err && i < count; i++)
		rank[by_time[i]] = i;
	if (!err) {
		add_sets(&s->usage, rank, added);
		add_trees(&s->usage, by_time, added);
	}
	for (size_t i = 0; !err && i < count; i++)
		all += added[i];
	if (all)
		draw_growth(out, s, by_time, added, all);
	free(added);
	free(rank);
	return err;
}
