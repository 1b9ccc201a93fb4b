/*
 * utf.h - names as Linux and Windows spell them: one character, or a whole name.
 *
 * Names are bytes.  On Linux they are UTF-8 by custom; on Windows they are UTF-16
 * units by right, lone surrogates included, which we keep as WTF-8: UTF-8 in
 * which a surrogate may stand as three bytes like any other unit.
 *
 * Threads: pure functions.
 */
#ifndef VV_CORE_UTF_H
#define VV_CORE_UTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decodes the sequence that begins at @s, of which @len bytes are at hand, and
 * returns its length, 1 to 4; *@code is then at most 0x10ffff and may be a
 * surrogate.  0: no well-formed sequence begins here (cut short, longer than
 * needed, a stray byte, nothing left); *@code is 0.
 */
size_t vv_utf_decode(const char *s, size_t len, uint32_t *code);

static inline bool vv_utf_is_surrogate(uint32_t code)
{
	return code >= 0xd800 && code <= 0xdfff;
}

/* UTF-8 as RFC 3629 has it: no surrogates. */
bool vv_utf_is_valid(const char *s, size_t len);

/*
 * Whole names, one to one: every sequence of UTF-16 units has one spelling in WTF-8,
 * and comes back from it.  Two surrogates that make a pair must stand as one sequence
 * of four bytes; as two of three they would be a second spelling.
 *
 * Returns the units or bytes that the whole takes.  Only if that is at most @cap is
 * @out whole; nothing is written beyond.  SIZE_MAX: not WTF-8 (from_utf8 only).
 */
size_t vv_utf16_from_utf8(uint16_t *out, size_t cap, const char *s, size_t len);
size_t vv_utf16_to_utf8(char *out, size_t cap, const uint16_t *units, size_t count);

#endif
