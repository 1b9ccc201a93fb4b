/*
 * utf.h - one character out of a name, as Linux and Windows both spell it.
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

#endif
