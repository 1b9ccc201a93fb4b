#include "cli/verbs.h"

#include "core/err.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

/* The mount answers this name on its root directory; nothing else is needed to ask it. */
#define STATS_XATTR "varve.stats"
enum {
	STATS_MAX = 65536,
	REFS_SHOWN = 20
};

static bool json;

static bool ends_with(const char *text, const char *tail)
{
	size_t len = strlen(text), tail_len = strlen(tail);

	return len >= tail_len && strcmp(text + len - tail_len, tail) == 0;
}

static void print_value(const char *section, const char *key, const json_t *value)
{
	bool is_bytes = strstr(key, "bytes") || strcmp(section, "budget") == 0;
	char human[32];

	if (json_is_string(value))
		printf("%s", json_string_value(value));
	else if (json_is_integer(value) && is_bytes && !ends_with(key, "waits"))
		printf("%s",
		       vv_human_bytes(human, (uint64_t)json_integer_value(value)));
	else if (json_is_integer(value))
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_boolean(value))
		printf("%s", json_is_true(value) ? "yes" : "no");
}

/* A line for each section: its plain members, then those of the objects in it. */
static void print_section(const char *name, const char *label, json_t *section)
{
	const char *key, *separator = "";
	json_t *value;

	printf("%-10s", label);
	json_object_foreach(section, key, value)
	{
		if (json_is_object(value) || json_is_array(value))
			continue;
		printf("%s%s ", separator, key);
		print_value(name, key, value);
		separator = ", ";
	}
	putchar('\n');
	json_object_foreach(section, key,
			    value) if (json_is_object(value) && json_object_size(value))
		print_section(name, "", value);
}

static json_int_t number_of(const json_t *ref, const char *key)
{
	return json_integer_value(json_object_get(ref, key));
}

static int by_bytes(const void *a, const void *b)
{
	json_int_t left = number_of(*(json_t *const *)a, "bytes");
	json_int_t right = number_of(*(json_t *const *)b, "bytes");

	return left < right ? 1 : left > right ? -1 : 0;
}

static void print_ref(const json_t *ref)
{
	const char *name = json_string_value(json_object_get(ref, "ref"));
	static const char *const columns[] = { "bytes", "decoded", "resident" };
	char human[32];

	printf("%-10s%9" JSON_INTEGER_FORMAT " %9" JSON_INTEGER_FORMAT, "",
	       number_of(ref, "reads"), number_of(ref, "hits"));
	for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
		printf(" %10s",
		       vv_human_bytes(human, (uint64_t)number_of(ref, columns[i])));
	printf("  %s\n", name ? name : json_string_value(json_object_get(ref, "dir")));
}

/* Those that were read, the busiest first; of the others only how many they are. */
static void print_refs(json_t *refs, size_t omitted)
{
	size_t count = json_array_size(refs), read_count = 0, i;
	json_t **sorted = calloc(count + 1, sizeof *sorted), *ref;

	if (!sorted)
		return;
	json_array_foreach(refs, i, ref) if (number_of(ref, "reads"))
		sorted[read_count++] = ref;
	if (read_count)
		qsort(sorted, read_count, sizeof(json_t *), by_bytes);
	printf("%-10s%zu, of which %s%zu were read\n", "refs", count + omitted,
	       omitted && read_count == count ? "at least " : "", read_count);
	if (read_count)
		printf("%-10s%9s %9s %10s %10s %10s\n", "", "reads", "hits", "bytes",
		       "decoded", "resident");
	for (i = 0; i < read_count && i < REFS_SHOWN; i++)
		print_ref(sorted[i]);
	if (read_count > REFS_SHOWN)
		printf("%-10sand %zu that were read less: `--json` lists more\n", "",
		       read_count - REFS_SHOWN);
	free(sorted);
}

static int print_text(const char *text, size_t len)
{
	json_t *root = json_loadb(text, len, 0, NULL), *value;
	const char *key;

	if (!root)
		return VV_ECORRUPT;
	json_object_foreach(root, key, value)
	{
		if (json_is_object(value))
			print_section(key, key, value);
	}
	print_refs(json_object_get(root, "refs"),
		   (size_t)number_of(root, "refs_omitted"));
	json_decref(root);
	return 0;
}

static int run(int count, char **words)
{
	char *text = malloc(STATS_MAX);
	ssize_t len;
	int err = 0;

	(void)count;
	if (!text)
		return vv_say_failed(VV_ENOMEM, "stats");
	len = getxattr(words[0], STATS_XATTR, text, STATS_MAX);
	if (len < 0 && (errno == ENODATA || errno == EOPNOTSUPP)) {
		vv_say("'%s' is not the root of a varve mount", words[0]);
		free(text);
		return VV_EXIT_FAILED;
	}
	if (len < 0) {
		vv_say("cannot ask '%s': %s", words[0], strerror(errno));
		free(text);
		return VV_EXIT_FAILED;
	}
	if (json)
		printf("%.*s\n", (int)len, text);
	else
		err = print_text(text, (size_t)len);
	free(text);
	return err ? vv_say_failed(err, "cannot read the answer of '%s'", words[0])
		   : VV_EXIT_OK;
}

static const struct vv_option options[] = {
	{ "json", 0, VV_OPTION_FLAG, &json, "", "print JSON" },
	{ 0 },
};

const struct vv_verb vv_verb_stats = {
	.name = "stats",
	.args = "MOUNTPOINT",
	.summary = "what a mount was asked, what it holds in memory",
	.options = options,
	.args_min = 1,
	.args_max = 1,
	.run = run,
};
