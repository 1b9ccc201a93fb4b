/*
 * refname.h - what a ref may be called, and how its name becomes a storage key.
 *
 * A ref is a name such as `gcc/12.2.0`: one or more parts of 1 to 255 bytes, joined
 * by `/`.  No part is `.` or `..`; no byte is `@`, `:`, NUL or below 0x20.  (`@` and
 * `:` are kept for what the command line says about refs.)
 *
 * A key must be good on every store: S3, a case-folding directory, a directory
 * with names of at most 255 bytes.  So (docs/format.md, section 2) the bytes a-z,
 * 0-9, `-`, `+`, `_` and `.` stand for themselves and every other byte becomes `%`
 * and two upper-case hexadecimal digits.  A part becomes one or more pieces of at
 * most 200 encoded bytes, filled from left to right, never cut inside an escape;
 * each piece but the last of its part gets a `%` appended; pieces are joined by
 * `/`.  A `.` that would begin a piece is escaped, because names that begin with
 * it are not objects.  Example: `GCC/12.2` is stored as `%47%43%43/12.2`.
 *
 * One name has one key and one key has one name; every other key is refused.
 *
 * Ownership: results go to buffers of the caller.
 * Threads: pure functions.
 */
#ifndef VV_CORE_REFNAME_H
#define VV_CORE_REFNAME_H

enum {
	VV_REFNAME_PART_BYTES_MAX = 255,
	VV_REFNAME_KEY_BYTES_MAX = 1000, /* thus also the longest name */
	VV_REFNAME_BUF_BYTES = VV_REFNAME_KEY_BYTES_MAX + 1, /* with the final NUL */
};

/*
 * VV_OK, or VV_EINVAL and *@why says what is wrong with it, in the words of a
 * message to the user: "a part is empty".  @why may be NULL.
 */
int vv_refname_check(const char *name, const char **why);

/* The key of @name, without a leading `refs/`.  VV_EINVAL: it is not a ref name. */
int vv_refname_encode(char key[VV_REFNAME_BUF_BYTES], const char *name);

/* The name of @key.  VV_EINVAL: no name has this key.  On error *@name is "". */
int vv_refname_decode(char name[VV_REFNAME_BUF_BYTES], const char *key);

#endif
