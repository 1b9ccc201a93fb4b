/*
 * place.h - where an entry of an input goes in the tree: cleaning, excluding,
 * stripping, prefix.
 *
 * Both inputs give each raw name to vv_place_path() and never look at an option
 * themselves, so a directory and an archive of it make the same tree.
 *
 * Rules: leading `/`, `.` parts and doubled `/` go; a `..` part is refused, because no
 * cleaning makes it harmless. Then --exclude looks at the whole clean path, then parts
 * are stripped, then the prefix is put in front. A pattern may begin with `/`, as paths
 * are written; then it is held against whole paths.
 *
 * Ownership: init/fini; the options' strings are borrowed until fini.
 * Threads: one.
 */
#ifndef VV_INPUT_PLACE_H
#define VV_INPUT_PLACE_H

#include "input/input.h"

enum {
	/*
	 * No path of a tree is longer: its depth is limited, and so are names; hosts
	 * stop far earlier.
	 */
	VV_PLACE_PATH_MAX = 1 << 18,
};

struct vv_place {
	struct vv_input_options opts; /* strings borrowed */
	char *prefix; /* owned, clean, without `/` at its ends; never NULL */
	char *clean;  /* owned; scratch of cap bytes */
	char *path;   /* owned; the last answer, of cap bytes */
	size_t cap;
	bool has_kept, has_left_out; /* anything but the top so far */
};

/* @opts may be NULL.  VV_EINVAL: a bad prefix (logged).  VV_ENOMEM. */
int vv_place_init(struct vv_place *place, const struct vv_input_options *opts);
void vv_place_fini(struct vv_place *place); /* a zeroed one is fine */

enum vv_placed {
	VV_PLACE_EXCLUDED, /* left out, and all below it */
	VV_PLACE_KEPT,	   /* it goes to *@path, which lives until the next call */
	VV_PLACE_STRIPPED, /* left out itself; what is below it may be kept */
};

/*
 * An enum vv_placed, or an error: VV_EINVAL: a name with `..`, or a part longer than
 * VV_NAME_MAX; VV_ENAMETOOLONG: too long or too deep as a whole.
 */
int vv_place_path(struct vv_place *place, const char *raw, const char **path);

/*
 * At the end of the input @name: VV_EINVAL (logged) if there were entries and the options
 * left none.  Most likely one option too many, and no reason to empty a ref.
 */
int vv_place_end(const struct vv_place *place, const char *name);

/*
 * `*` any bytes, `?` one, `[a-z]` `[!a-z]` one of a set, `\` quotes; `/` is a byte like
 * others (fnmatch without flags).
 */
bool vv_glob_match(const char *pattern, const char *text);

#endif
