/*
 * cli.h - the command line: verbs, their options, messages, and how a run ends.
 *
 * Every verb is one file cmd_<verb>.c with one `const struct vv_verb`; main.c lists them.  Help, completion and parsing come from the
 * same table, so they cannot disagree.
 *
 * Exit status: 0 done; 1 it failed, one line on stderr says what, with what, and what to do; 2 the command was wrong.
 *
 * Threads: the main thread, except vv_say_* which any thread may call.
 */
#ifndef VV_CLI_CLI_H
#define VV_CLI_CLI_H

#include "core/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vv_store;

enum {
	VV_EXIT_OK = 0,
	VV_EXIT_FAILED = 1,
	VV_EXIT_USAGE = 2
};

enum vv_option_kind {
	VV_OPTION_FLAG,	  /* bool */
	VV_OPTION_TEXT,	  /* const char * */
	VV_OPTION_TEXTS,  /* struct vv_texts, may be given again */
	VV_OPTION_NUMBER, /* unsigned */
	VV_OPTION_SIZE,	  /* uint64_t bytes: 64M, 1GiB, 4096 */
	VV_OPTION_TIME,	  /* int64_t nanoseconds: 90, 90s, 15m, 1h, 2d */
};

struct vv_texts {
	const char *items[64];
	size_t count;
};

struct vv_option {
	const char *name; /* NULL ends a table */
	char letter;	  /* 0 = none */
	enum vv_option_kind kind;
	void *value;
	const char *arg; /* what the help calls the value */
	const char *help;
};

struct vv_verb {
	const char *name;
	const char *args;    /* as in "varve pack [OPTION...] " args */
	const char *summary; /* one line */
	const char *text;    /* the rest of `varve help VERB`, may be NULL */
	const struct vv_option *options;
	int args_min, args_max; /* words after the options; args_max -1 = any number */
	bool keeps_dashes;	/* `--` stays among the words */
	/* @words has @count items, options taken out.  Returns an exit status. */
	int (*run)(int count, char **words);
};

extern const struct vv_verb *const vv_verbs[]; /* NULL-ended, in the order of help */
const struct vv_verb *vv_verb_find(const char *name);

/* Parse options out of @argv in place; *@count words remain.  0, or an exit status after a message. */
int vv_options_parse(const struct vv_verb *verb, int argc, char **argv, int *count);
bool vv_parse_size(const char *text, uint64_t *out); /* 4096, 64K, 256MiB */
void vv_help_verb(const struct vv_verb *verb);	     /* to stdout */
void vv_help_all(void);

/* ---- messages: "varve: ..." on stderr, one line ---- */

void vv_say_sink(void *ctx, enum vv_log_level level,
		 const char *line); /* of core/log.h */
void vv_say_start(void);	    /* library messages go to stderr from here on */
__attribute__((format(printf, 1, 2))) void vv_say(const char *format, ...);
/* Usage error: message, a hint at help, returns VV_EXIT_USAGE. */
__attribute__((format(printf, 1, 2))) int vv_say_usage(const char *format, ...);
/*
 * Failure: returns VV_EXIT_FAILED.  Prints "<what>: <text of err>" unless the library has told an error line already: one failure, one line.
 */
__attribute__((format(printf, 2, 3))) int vv_say_failed(int err, const char *format,
							...);

/* ---- common pieces ---- */

#define VV_OPTION_STORE(variable) \
	{ \
		"store", 's', VV_OPTION_TEXT, variable, "STORE", \
			"the store (default: $VARVE_STORE)" \
	}

/* Open the store @path or, if NULL, $VARVE_STORE.  0 or an exit status after a message. */
int vv_open_store(struct vv_store **out, const char *path);

/* REF or REF:PATH; @path is "" without one.  Borrows from @word, which is cut.  0 or VV_EXIT_USAGE after a message. */
int vv_split_ref_path(char *word, const char **ref, const char **path);
int vv_check_ref(const char *ref); /* 0 or VV_EXIT_USAGE after a message */

/* Human forms; @buf holds 32 bytes and is returned. */
const char *vv_human_bytes(char *buf, uint64_t bytes);	 /* 1.4 GiB */
const char *vv_human_seconds(char *buf, double seconds); /* 1h02m, 4m05s, 3.2 s */
const char *vv_human_date(char *buf, int64_t ns);	 /* 2026-01-31 12:00 */
/* Quoted and escaped, to stdout.  JSON is Unicode: what is not becomes U+FFFD. */
void vv_print_json_text(const char *text, size_t len);

/* ---- progress: a line on a terminal, nothing in a pipe ---- */

struct vv_progress {
	const char *verb;
	uint64_t started_ns, drawn_ns;
	bool is_on;	/* stderr is a terminal */
	unsigned width; /* of what was drawn last */
};
void vv_progress_start(struct vv_progress *p, const char *verb);
/* @total 0 = not known.  Draws at most ten times a second. */
void vv_progress_show(struct vv_progress *p, uint64_t done, uint64_t total,
		      const char *detail);
void vv_progress_end(struct vv_progress *p); /* wipes the line */

#endif
