#include "core/fold.h"

#include "core/upcase_table.h"
#include "core/utf.h"

enum {
	RUN_COUNT = sizeof upcase_runs / sizeof upcase_runs[0],
	END = -1,
};

/* A name on its way to folded UTF-16 units. */
struct folder {
	const char *at;
	size_t left;
	uint16_t low; /* second unit of a pair, still to be given; 0 = none */
};

uint16_t vv_upcase(uint16_t unit)
{
	size_t low = 0, high = RUN_COUNT;

	if (unit < 0x80)
		return unit >= 'a' && unit <= 'z' ? (uint16_t)(unit - 0x20) : unit;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct upcase_run *run = &upcase_runs[middle];

		if (unit < run->first)
			high = middle;
		else if (unit > run->last)
			low = middle + 1;
		else if ((unit - run->first) % run->step == 0)
			return (uint16_t)(unit + run->delta);
		else
			break;
	}
	return unit;
}

/* The next folded unit, or END. */
static int next_unit(struct folder *f)
{
	uint32_t code;
	size_t n;

	if (f->low) {
		int low = f->low;

		f->low = 0;
		return low;
	}
	if (f->left == 0)
		return END;
	n = vv_utf_decode(f->at, f->left, &code);
	if (n == 0) {
		code = 0xdc00u + (unsigned char)*f->at;
		n = 1;
	}
	f->at += n;
	f->left -= n;
	if (code < 0x10000)
		return vv_upcase((uint16_t)code);
	f->low = (uint16_t)(0xdc00u + ((code - 0x10000) & 0x3ff));
	return (int)(0xd800u + ((code - 0x10000) >> 10));
}

int vv_fold_cmp(const char *a, size_t a_len, const char *b, size_t b_len)
{
	struct folder fa = { .at = a, .left = a_len };
	struct folder fb = { .at = b, .left = b_len };
	int ua, ub;

	do {
		ua = next_unit(&fa);
		ub = next_unit(&fb);
	} while (ua == ub && ua != END);
	return (ua > ub) - (ua < ub);
}

/* FNV-1a over the units, then a last mixing so that all bits may be used. */
uint64_t vv_fold_hash(const char *name, size_t len)
{
	struct folder f = { .at = name, .left = len };
	uint64_t hash = 0xcbf29ce484222325u;
	int unit;

	while ((unit = next_unit(&f)) != END)
		hash = (hash ^ (uint64_t)unit) * 0x100000001b3u;
	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93u;
	return hash ^ hash >> 32;
}
