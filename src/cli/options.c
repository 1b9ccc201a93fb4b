#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct vv_option *find_long(const struct vv_option *options,
					 const char *name, size_t len)
{
	for (; options && options->name; options++)
		if (strlen(options->name) == len &&
		    memcmp(options->name, name, len) == 0)
			return options;
	return NULL;
}

static const struct vv_option *find_letter(const struct vv_option *options, char letter)
{
	for (; options && options->name; options++)
		if (options->letter == letter)
			return options;
	return NULL;
}

/* @text is a number and then one of @units ("K1024 M1048576 ..."), or nothing more. */
struct unit {
	const char *name;
	uint64_t factor;
};

static bool parse_scaled(const char *text, const struct unit *units, uint64_t *out)
{
	char *end;
	unsigned long long n;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno)
		return false;
	for (; units->name; units++)
		if (strcmp(units->name, end) == 0)
			break;
	if (!units->name || n > UINT64_MAX / units->factor)
		return false;
	*out = n * units->factor;
	return true;
}

bool vv_parse_size(const char *text, uint64_t *out)
{
	static const struct unit units[] = {
		{ "", 1 },
		{ "K", 1 << 10 },
		{ "KiB", 1 << 10 },
		{ "M", 1 << 20 },
		{ "MiB", 1 << 20 },
		{ "G", 1 << 30 },
		{ "GiB", 1 << 30 },
		{ "T", UINT64_C(1) << 40 },
		{ "TiB", UINT64_C(1) << 40 },
		{ NULL, 0 },
	};

	return parse_scaled(text, units, out);
}

static bool parse_time(const char *text, int64_t *out)
{
	static const uint64_t second = 1000000000;
	const struct unit units[] = {
		{ "", second },
		{ "s", second },
		{ "m", 60 * second },
		{ "min", 60 * second },
		{ "h", 3600 * second },
		{ "d", 86400 * second },
		{ NULL, 0 },
	};
	uint64_t ns;

	if (!parse_scaled(text, units, &ns) || ns > INT64_MAX)
		return false;
	*out = (int64_t)ns;
	return true;
}

static bool store_value(const struct vv_option *option, const char *text)
{
	const struct unit plain[] = { { "", 1 }, { NULL, 0 } };
	struct vv_texts *texts = option->value;
	uint64_t n;

	switch (option->kind) {
	case VV_OPTION_FLAG: *(bool *)option->value = true; return true;
	case VV_OPTION_TEXT: *(const char **)option->value = text; return true;
	case VV_OPTION_TEXTS:
		if (texts->count == sizeof texts->items / sizeof texts->items[0])
			return false;
		texts->items[texts->count++] = text;
		return true;
	case VV_OPTION_NUMBER:
		if (!parse_scaled(text, plain, &n) || n > UINT32_MAX)
			return false;
		*(unsigned *)option->value = (unsigned)n;
		return true;
	case VV_OPTION_SIZE: return vv_parse_size(text, option->value);
	case VV_OPTION_TIME: return parse_time(text, option->value);
	}
	return false;
}

static int take_value(const struct vv_verb *verb, const struct vv_option *option,
		      const char *text)
{
	static const char *const wanted[] = {
		[VV_OPTION_TEXTS] = "at most 64 of them",
		[VV_OPTION_NUMBER] = "a whole number",
		[VV_OPTION_SIZE] = "a size such as 64M or 1GiB",
		[VV_OPTION_TIME] = "a time such as 30s, 15m, 1h or 2d",
	};

	if (!text)
		return vv_say_usage("%s: --%s needs a value (%s)", verb->name,
				    option->name, option->arg);
	if (!store_value(option, text))
		return vv_say_usage("%s: --%s takes %s, not '%s'", verb->name,
				    option->name, wanted[option->kind], text);
	return 0;
}

static int parse_long(const struct vv_verb *verb, const char *word, int argc,
		      char **argv, int *i)
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const struct vv_option *option = find_long(verb->options, word, len);

	if (!option)
		return vv_say_usage("%s has no option --%.*s", verb->name, (int)len,
				    word);
	if (option->kind == VV_OPTION_FLAG) {
		if (equals)
			return vv_say_usage("%s: --%s takes no value", verb->name,
					    option->name);
		store_value(option, NULL);
		return 0;
	}
	if (equals)
		return take_value(verb, option, equals + 1);
	return take_value(verb, option, *i + 1 < argc ? argv[++*i] : NULL);
}

static int parse_letters(const struct vv_verb *verb, const char *letters, int argc,
			 char **argv, int *i)
{
	for (; *letters; letters++) {
		const struct vv_option *option = find_letter(verb->options, *letters);

		if (!option)
			return vv_say_usage("%s has no option -%c", verb->name,
					    *letters);
		if (option->kind == VV_OPTION_FLAG) {
			store_value(option, NULL);
			continue;
		}
		if (letters[1])
			return take_value(verb, option, letters + 1);
		return take_value(verb, option, *i + 1 < argc ? argv[++*i] : NULL);
	}
	return 0;
}

int vv_options_parse(const struct vv_verb *verb, int argc, char **argv, int *count)
{
	bool is_open = true; /* until `--` */
	int words = 0, status;

	for (int i = 0; i < argc; i++) {
		char *word = argv[i];

		status = 0;
		if (!is_open || word[0] != '-' || !word[1])
			argv[words++] = word;
		else if (strcmp(word, "--") == 0) {
			is_open = false;
			if (verb->keeps_dashes)
				argv[words++] = word;
		} else if (word[1] == '-')
			status = parse_long(verb, word + 2, argc, argv, &i);
		else
			status = parse_letters(verb, word + 1, argc, argv, &i);
		if (status)
			return status;
	}
	if (words < verb->args_min)
		return vv_say_usage("%s needs more: varve %s %s", verb->name,
				    verb->name, verb->args);
	if (verb->args_max >= 0 && words > verb->args_max)
		return vv_say_usage("%s: unexpected '%s'; it is varve %s %s",
				    verb->name, argv[verb->args_max], verb->name,
				    verb->args);
	*count = words;
	return 0;
}

static void help_option(const struct vv_option *o)
{
	char left[64];

	snprintf(left, sizeof left, "%c%c%c --%s%s%s", o->letter ? '-' : ' ',
		 o->letter ? o->letter : ' ', o->letter ? ',' : ' ', o->name,
		 o->kind == VV_OPTION_FLAG ? "" : " ",
		 o->kind == VV_OPTION_FLAG ? "" : o->arg);
	printf("  %-30s %s\n", left, o->help);
}

void vv_help_verb(const struct vv_verb *verb)
{
	printf("Usage: varve %s %s%s\n\n%s.\n", verb->name,
	       verb->options ? "[OPTION...] " : "", verb->args, verb->summary);
	if (verb->text)
		printf("\n%s\n", verb->text);
	if (verb->options) {
		puts("\nOptions:");
		for (const struct vv_option *o = verb->options; o->name; o++)
			help_option(o);
	}
}

void vv_help_all(void)
{
	puts("varve - many toolchains in one small store, shown as ordinary files\n\n"
	     "Usage: varve VERB [OPTION...] [ARGUMENT...]\n");
	for (const struct vv_verb *const *v = vv_verbs; *v; v++)
		printf("  %-10s %s\n", (*v)->name, (*v)->summary);
	puts("\n`varve help VERB` tells a verb's arguments and options.\n"
	     "STORE is a directory; $VARVE_STORE stands for -s STORE.  A REF is a name such as gcc/12.2.0.");
}
