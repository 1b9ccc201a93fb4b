#include "cli/matrix.h"

#include "cli/cli.h"
#include "core/err.h"
#include "store/sharing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *name_of(const struct vv_sharing *s, size_t ref)
{
	return s->usage.refs.items[ref].name;
}

/* How much of what @row needs @column needs too; 100 only if it is all. */
static unsigned percent(const struct vv_sharing *s, size_t row, size_t column)
{
	uint64_t all = vv_sharing_bytes(s, row, row);

	return all ? (unsigned)((double)vv_sharing_bytes(s, row, column) * 100 /
				(double)all)
		   : 0;
}

size_t vv_nearest_refs(const struct vv_sharing *s, size_t ref, const bool *is_asked,
		       size_t *out, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < s->usage.refs.count; i++) {
		size_t at = count;

		if (i == ref || !is_asked[i] || !vv_sharing_bytes(s, ref, i))
			continue;
		while (at > 0 && vv_sharing_bytes(s, ref, out[at - 1]) <
					 vv_sharing_bytes(s, ref, i))
			at--;
		if (at == max)
			continue;
		if (count < max)
			count++;
		memmove(&out[at + 1], &out[at], (count - 1 - at) * sizeof *out);
		out[at] = i;
	}
	return count;
}

/* ---- text ---- */

static void print_costs(const struct vv_sharing *s, size_t ref)
{
	char needed[32], own[32];

	printf("%9s %9s ", vv_human_bytes(needed, s->usage.items[ref].needed_bytes),
	       vv_human_bytes(own, s->usage.items[ref].own_bytes));
}

static void print_table(const struct vv_sharing *s, const size_t *refs, size_t count)
{
	printf("%9s %9s ", "stored", "own");
	for (size_t c = 0; c < count; c++)
		printf(" %3zu", c + 1);
	puts("  ref");
	for (size_t r = 0; r < count; r++) {
		print_costs(s, refs[r]);
		for (size_t c = 0; c < count; c++) {
			if (c == r)
				printf("   =");
			else if (!vv_sharing_bytes(s, refs[r], refs[c]))
				printf("   .");
			else
				printf(" %3u", percent(s, refs[r], refs[c]));
		}
		printf("  %zu %s\n", r + 1, name_of(s, refs[r]));
	}
	puts("Each number: how many percent of what the ref of this line has stored the ref of that column needs too.");
}

static void print_neighbours(const struct vv_sharing *s, const size_t *refs,
			     size_t count, const bool *is_asked)
{
	size_t near[VV_MATRIX_NEIGHBOURS];

	printf("%9s %9s  ref: what it shares most with\n", "stored", "own");
	for (size_t r = 0; r < count; r++) {
		size_t found = vv_nearest_refs(s, refs[r], is_asked, near,
					       VV_MATRIX_NEIGHBOURS);

		print_costs(s, refs[r]);
		printf(" %s%s", name_of(s, refs[r]), found ? ":" : "");
		for (size_t i = 0; i < found; i++)
			printf("%s %s %u %%", i ? "," : "", name_of(s, near[i]),
			       percent(s, refs[r], near[i]));
		puts("");
	}
	printf("Percent of what the ref has stored.  Name up to %d refs for a table of all pairs.\n",
	       VV_MATRIX_COLUMNS);
}

/* ---- JSON ---- */

static void print_pair(const struct vv_sharing *s, size_t a, size_t b)
{
	printf("{\"a\": ");
	vv_print_json_text(name_of(s, a), strlen(name_of(s, a)));
	printf(", \"b\": ");
	vv_print_json_text(name_of(s, b), strlen(name_of(s, b)));
	printf(", \"shared_bytes\": %" PRIu64 ", \"a_bytes\": %" PRIu64
	       ", \"b_bytes\": %" PRIu64 "}\n",
	       vv_sharing_bytes(s, a, b), vv_sharing_bytes(s, a, a),
	       vv_sharing_bytes(s, b, b));
}

static void print_json(const struct vv_sharing *s, const size_t *refs, size_t count)
{
	for (size_t a = 0; a < count; a++)
		for (size_t b = a + 1; b < count; b++)
			if (vv_sharing_bytes(s, refs[a], refs[b]))
				print_pair(s, refs[a], refs[b]);
}

int vv_print_matrix(const struct vv_sharing *s, const bool *is_asked, bool json)
{
	size_t *refs = calloc(s->usage.refs.count + 1, sizeof *refs);
	size_t count = 0;

	if (!refs)
		return VV_ENOMEM;
	for (size_t i = 0; i < s->usage.refs.count; i++)
		if (is_asked[s->order[i]])
			refs[count++] = s->order[i];
	if (json)
		print_json(s, refs, count);
	else if (count <= VV_MATRIX_COLUMNS)
		print_table(s, refs, count);
	else
		print_neighbours(s, refs, count, is_asked);
	free(refs);
	return VV_OK;
}
