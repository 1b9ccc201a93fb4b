#include "cli/verbs.h"

#include <archive.h>
#include <sodium.h>
#include <stdio.h>
#include <xxhash.h>
#include <zstd.h>

void vv_print_version(void)
{
	printf("varve %s (store format 1)\n"
	       "Copyright (c) 2026 the Varve authors.  MIT licence.\n"
	       "zstd %s, libsodium %s, xxHash %u.%u.%u, %s\n"
	       "\n"
	       "WinFsp - Windows File System Proxy, Copyright (C) Bill Zissimopoulos\n"
	       "https://github.com/winfsp/winfsp\n",
	       VARVE_VERSION, ZSTD_versionString(), sodium_version_string(),
	       XXH_versionNumber() / 10000, XXH_versionNumber() / 100 % 100,
	       XXH_versionNumber() % 100, archive_version_string());
}

static int run(int count, char **words)
{
	const struct vv_verb *verb;

	if (!count) {
		vv_help_all();
		return VV_EXIT_OK;
	}
	verb = vv_verb_find(words[0]);
	if (!verb)
		return vv_say_usage("there is no verb '%s'", words[0]);
	vv_help_verb(verb);
	return VV_EXIT_OK;
}

const struct vv_verb vv_verb_help = {
	.name = "help",
	.args = "[VERB]",
	.summary = "tell the verbs, or one verb's arguments and options",
	.args_max = 1,
	.run = run,
};
